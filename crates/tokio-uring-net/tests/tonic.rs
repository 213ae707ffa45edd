//! tonic's server on `TcpListenerStream` and `UnixListenerStream`, and its client by `HttpConnector` and on a
//! `UnixStream`, on every driver and runtime.
#![cfg(target_os = "linux")]

#[path = "stack/ours.rs"]
mod stack;
mod support;

use crate::stack::net::hyper::{ConnectError, HttpConnector};
use crate::stack::net::{
    TcpListener, TcpListenerStream, TcpSocket, TcpStream, UnixListenerStream, UnixStream,
};
use crate::support::pattern::Pattern;
use crate::support::poll::turns;
use crate::support::setup::{Setup, on_every_runtime};
use crate::support::tcp::{any_port, client as blocking_client};
use crate::support::unix;
use hyper::http::uri::PathAndQuery;
use hyper::{Request, Response, Uri};
use socket2::SockRef;
use std::convert::Infallible;
use std::io::{self, ErrorKind, Write as _};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::AsyncReadExt;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio_stream::{Stream, StreamExt};
use tonic::body::Body;
use tonic::client::Grpc as Client;
use tonic::server::Grpc as Method;
use tonic::transport::server::{Connected, UdsConnectInfo};
use tonic::transport::{Channel, Endpoint, Server};
use tonic::{Code, Status, Streaming};
use tonic_prost::ProstCodec;
use tower::service_fn;
use tower_service::Service;

/// Messages of this size need several windows of HTTP/2.
const LARGE_BYTES: usize = 1 << 20;
const MESSAGES: u64 = 1_000;

/// The service that every test has: unary, streaming one way, streaming both ways.
async fn answer(request: Request<Body>) -> Result<Response<Body>, Infallible> {
    Ok(match request.uri().path() {
        "/test.Test/Who" => {
            let who = service_fn(|request: tonic::Request<()>| async move {
                let addresses = (request.local_addr(), request.remote_addr());
                let (Some(local), Some(remote)) = addresses else {
                    return Err(Status::internal("the stream knows its addresses"));
                };
                Ok(tonic::Response::new(format!("{local} {remote}")))
            });
            Method::new(ProstCodec::default()).unary(who, request).await
        }
        "/test.Test/Large" => {
            let large = service_fn(|request: tonic::Request<u64>| async move {
                let lanes = tokio_stream::iter(0..request.into_inner());
                let message = |lane| Ok(Pattern::new(lane).bytes(LARGE_BYTES));
                Ok(tonic::Response::new(lanes.map(message)))
            });
            let mut method = Method::new(ProstCodec::default());
            method.server_streaming(large, request).await
        }
        "/test.Test/Double" => {
            let double = service_fn(|request: tonic::Request<Streaming<u64>>| async move {
                let doubled = request.into_inner().map(|number| Ok(number? * 2));
                Ok::<_, Status>(tonic::Response::new(doubled))
            });
            let mut method = Method::new(ProstCodec::default());
            method.streaming(double, request).await
        }
        "/test.Test/Whose" => {
            let whose = service_fn(|request: tonic::Request<()>| async move {
                let info = request.extensions().get::<UdsConnectInfo>();
                let cred = info.and_then(|info| info.peer_cred);
                Ok(tonic::Response::new(format!("{cred:?}")))
            });
            Method::new(ProstCodec::default())
                .unary(whose, request)
                .await
        }
        other => Status::unimplemented(other).into_http(),
    })
}

/// A server, its address, and what stops it.
struct Started {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    task: JoinHandle<Result<(), tonic::transport::Error>>,
}

/// tonic's own has `TCP_NODELAY` set too: without it, a call takes 40 ms longer.
fn connector() -> HttpConnector {
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    connector
}

async fn start(setup: Setup) -> io::Result<Started> {
    let socket = TcpSocket::new_v4()?;
    socket.set_nodelay(true)?;
    socket.bind(any_port())?;
    let listener = socket.listen(8)?;
    let address = listener.local_addr()?;
    let incoming = TcpListenerStream::new(listener).map(move |accepted| {
        accepted.inspect(|stream| assert_eq!(stream.mode(), setup.stack.mode()))
    });
    let (stop, stopping) = oneshot::channel();
    let server =
        Server::builder().serve_with_incoming_shutdown(service_fn(answer), incoming, async {
            stopping.await.unwrap_or(())
        });
    Ok(Started {
        address,
        stop,
        task: tokio::spawn(server),
    })
}

impl Started {
    /// A client over our streams, and one over those of `tokio::net`.
    async fn clients(&self) -> io::Result<[Client<Channel>; 2]> {
        let endpoint = Endpoint::from_shared(format!("http://{}", self.address));
        let endpoint = endpoint.expect("the URI is well-formed");
        let ours = endpoint.connect_with_connector(connector()).await;
        let tokios = endpoint.connect().await;
        Ok([
            Client::new(ours.map_err(io::Error::other)?),
            Client::new(tokios.map_err(io::Error::other)?),
        ])
    }

    async fn end(self) -> io::Result<()> {
        self.stop.send(()).expect("the server runs");
        self.task.await?.map_err(io::Error::other)
    }
}

async fn ready(client: &mut Client<Channel>) -> io::Result<()> {
    client.ready().await.map_err(io::Error::other)
}

async fn unary<A, B>(
    client: &mut Client<Channel>,
    method: &'static str,
    message: A,
) -> Result<B, Status>
where
    A: prost::Message + Send + Sync + 'static,
    B: prost::Message + Default + Send + Sync + 'static,
{
    let request = tonic::Request::new(message);
    let path = PathAndQuery::from_static(method);
    client.ready().await.expect("the server runs");
    let answer = client.unary(request, path, ProstCodec::default()).await?;
    Ok(answer.into_inner())
}

async fn double(
    client: &mut Client<Channel>,
    numbers: impl Stream<Item = u64> + Send + 'static,
) -> io::Result<Streaming<u64>> {
    ready(client).await?;
    let path = PathAndQuery::from_static("/test.Test/Double");
    let request = tonic::Request::new(numbers);
    let answer = client.streaming(request, path, ProstCodec::default()).await;
    Ok(answer.map_err(io::Error::other)?.into_inner())
}

#[test]
fn handlers_know_the_addresses_of_the_connection() {
    on_every_runtime(|setup| async move {
        let server = start(setup).await?;
        let local = Arc::new(Mutex::new(None));
        let noted = local.clone();
        let connector = service_fn(move |uri: Uri| {
            let noted = noted.clone();
            async move {
                let stream = connector().call(uri).await?;
                *noted.lock().expect("nobody panics") = stream.local_addr().ok();
                Ok::<_, ConnectError>(stream)
            }
        });
        let endpoint = Endpoint::from_shared(format!("http://{}", server.address));
        let endpoint = endpoint.expect("the URI is well-formed");
        let channel = endpoint.connect_with_connector(connector).await;
        let mut client = Client::new(channel.map_err(io::Error::other)?);
        let local = local
            .lock()
            .expect("nobody panics")
            .expect("it is connected");
        for _ in 0..3 {
            let answer: String = unary(&mut client, "/test.Test/Who", ())
                .await
                .map_err(io::Error::other)?;
            assert_eq!(answer, format!("{} {local}", server.address));
        }
        drop(client);
        server.end().await
    });
}

#[test]
fn an_error_of_a_method_reaches_the_client() {
    on_every_runtime(|setup| async move {
        let server = start(setup).await?;
        for mut client in server.clients().await? {
            let answer = unary::<(), ()>(&mut client, "/test.Test/Nothing", ()).await;
            let status = answer.expect_err("there is no such method");
            let found = (status.code(), status.message());
            assert_eq!(found, (Code::Unimplemented, "/test.Test/Nothing"));
        }
        server.end().await
    });
}

#[test]
fn large_messages_come_in_a_stream() {
    on_every_runtime(|setup| async move {
        let server = start(setup).await?;
        for mut client in server.clients().await? {
            ready(&mut client).await?;
            let path = PathAndQuery::from_static("/test.Test/Large");
            let request = tonic::Request::new(5u64);
            let answer = client.server_streaming(request, path, ProstCodec::default());
            let mut messages = answer.await.map_err(io::Error::other)?.into_inner();
            for lane in 0..5 {
                let message: Option<Vec<u8>> =
                    messages.message().await.map_err(io::Error::other)?;
                let message = message.expect("there are five messages");
                assert!(
                    message == Pattern::new(lane).bytes(LARGE_BYTES),
                    "message {lane}"
                );
            }
            assert_eq!(messages.message().await.map_err(io::Error::other)?, None);
        }
        server.end().await
    });
}

#[test]
fn messages_pass_both_ways_at_once() {
    on_every_runtime(|setup| async move {
        let server = start(setup).await?;
        for mut client in server.clients().await? {
            let mut answers = double(&mut client, tokio_stream::iter(0..MESSAGES)).await?;
            for number in 0..MESSAGES {
                let answer = answers.message().await.map_err(io::Error::other)?;
                assert_eq!(answer, Some(number * 2));
            }
            assert_eq!(answers.message().await.map_err(io::Error::other)?, None);
        }
        server.end().await
    });
}

#[test]
fn a_stopped_server_has_closed_its_listener_and_ends_the_calls_in_flight() {
    on_every_runtime(|setup| async move {
        let server = start(setup).await?;
        let [mut client, other] = server.clients().await?;
        drop(other);
        let (numbers, sent) = tokio::sync::mpsc::unbounded_channel();
        let sent = tokio_stream::wrappers::UnboundedReceiverStream::new(sent);
        numbers.send(1).expect("the call has not begun to end");
        let mut answers = double(&mut client, sent).await?;
        assert_eq!(answers.message().await.map_err(io::Error::other)?, Some(2));
        server.stop.send(()).expect("the server runs");
        // The listener goes first: what ends the connections comes after.
        let refused = loop {
            match blocking_client(server.address) {
                Ok(_) => tokio::task::yield_now().await,
                Err(error) => break error.kind(),
            }
        };
        assert!(matches!(
            refused,
            ErrorKind::ConnectionRefused | ErrorKind::ConnectionReset
        ));
        numbers.send(2).expect("the call is in flight");
        assert_eq!(answers.message().await.map_err(io::Error::other)?, Some(4));
        drop(numbers);
        assert_eq!(answers.message().await.map_err(io::Error::other)?, None);
        server.task.await?.map_err(io::Error::other)
    });
}

#[test]
fn a_stream_tells_its_addresses_as_long_as_it_has_them() {
    on_every_runtime(|_| async {
        let listener = TcpListener::bind(any_port()).await?;
        let client = TcpStream::connect(listener.local_addr()?).await?;
        let (mut server, _) = listener.accept().await?;
        let info = server.connect_info();
        assert_eq!(info.local_addr(), Some(listener.local_addr()?));
        assert_eq!(info.remote_addr(), Some(client.local_addr()?));
        SockRef::from(&client).set_linger(Some(Duration::ZERO))?;
        drop(client);
        let reset = server.read(&mut [0]).await.map_err(|error| error.kind());
        assert_eq!(reset, Err(ErrorKind::ConnectionReset));
        assert_eq!(server.connect_info().remote_addr(), None);
        Ok(())
    });
}

#[test]
fn a_service_on_a_unix_socket_knows_whose_its_callers_are() {
    on_every_runtime(|_| async move {
        let (listener, address) = unix::listener()?;
        let incoming = UnixListenerStream::new(listener);
        let (stop, stopping) = oneshot::channel();
        let server =
            Server::builder().serve_with_incoming_shutdown(service_fn(answer), incoming, async {
                stopping.await.unwrap_or(())
            });
        let server = tokio::spawn(server);
        let connector = service_fn(move |_: Uri| {
            let address = address.clone();
            async move { UnixStream::connect_addr(&address).await }
        });
        let endpoint = Endpoint::from_static("http://localhost");
        let channel = endpoint.connect_with_connector(connector).await;
        let mut client = Client::new(channel.map_err(io::Error::other)?);
        let me = tokio::net::UnixStream::pair()?.0.peer_cred().ok();
        for _ in 0..3 {
            let answer: Result<String, _> = unary(&mut client, "/test.Test/Whose", ()).await;
            assert_eq!(answer.map_err(io::Error::other)?, format!("{me:?}"));
        }
        let mut answers = double(&mut client, tokio_stream::iter(0..MESSAGES)).await?;
        for number in 0..MESSAGES {
            let answer = answers.message().await.map_err(io::Error::other)?;
            assert_eq!(answer, Some(number * 2));
        }
        drop((answers, client));
        stop.send(()).expect("the server runs");
        server.await?.map_err(io::Error::other)
    });
}

#[test]
fn a_unix_stream_tells_whose_its_peer_is_and_stays_as_it_was() {
    on_every_runtime(|_| async {
        let (mut stream, mut peer) = unix::pair(unix::Origin::Connected).await?;
        let info = stream.connect_info();
        let me = tokio::net::UnixStream::pair()?.0.peer_cred()?;
        assert_eq!(info.peer_cred, Some(me));
        let addr = info.peer_addr.expect("the listener has a name");
        let name = stream.peer_addr()?;
        assert_eq!(addr.as_abstract_name(), name.as_abstract_name());
        // Another stream of tokio's was there and is gone: the driver still wakes this one.
        let read = tokio::spawn(async move {
            let mut received = [0; 4];
            stream.read_exact(&mut received).await?;
            io::Result::Ok(received)
        });
        turns(3).await;
        peer.write_all(b"late")?;
        assert_eq!(&read.await??, b"late");
        assert_eq!(unix::end(&peer), Ok(0));
        Ok(())
    });
}
