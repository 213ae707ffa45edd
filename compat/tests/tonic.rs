//! A gRPC service and its client, by tonic, over `TcpStream`: the four kinds of call.
#![cfg(target_os = "linux")]

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use compat::{Outcome, on_every_runtime};
use futures_util::{Stream, TryStreamExt, stream};
use hyper::http::uri::PathAndQuery;
use hyper::{Request as HttpRequest, Response as HttpResponse, Uri};
use hyper_util::rt::TokioIo;
use tokio::sync::{Barrier, mpsc, oneshot};
use tokio::task::{JoinHandle, JoinSet};
use tokio_uring_net::{TcpListenerStream, TcpSocket, TcpStream};
use tonic::body::Body;
use tonic::client::Grpc as Client;
use tonic::server::Grpc as Server;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Response, Status, Streaming, transport};
use tonic_prost::ProstCodec;
use tower::service_fn;

const MESSAGES: u64 = 1000;

#[test]
fn one_message_is_answered_by_one() {
    on_every_runtime(|| async {
        let service = Service::start().await?;
        let mut client = service.client().await?;
        for number in 0..100 {
            client.ready().await?;
            let request = Request::new(format!("request {number}"));
            let response = client.unary(request, path("/Greet"), text()).await?;
            let (metadata, answer, _) = response.into_parts();
            assert_eq!(answer, format!("hello request {number}"));
            let peer: SocketAddr = metadata.get("peer").ok_or("no peer")?.to_str()?.parse()?;
            assert!(peer.ip().is_loopback() && peer.port() != service.address.port());
        }
        for (method, code) in [
            ("/Greet", Code::InvalidArgument),
            ("/Nothing", Code::Unimplemented),
        ] {
            client.ready().await?;
            let call = client.unary(Request::new(String::new()), path(method), text());
            let status = call.await.map(drop).expect_err("the call is a bad one");
            assert_eq!(
                (status.code(), status.message()),
                (code, "as a test wants it")
            );
        }
        service.stop(client).await
    });
}

#[test]
fn the_server_streams() {
    on_every_runtime(|| async {
        let service = Service::start().await?;
        let mut client = service.client().await?;
        client.ready().await?;
        let request = Request::new(MESSAGES);
        let response =
            client.server_streaming(request, path("/Count"), ProstCodec::<u64, String>::new());
        let lines: Vec<String> = response.await?.into_inner().try_collect().await?;
        check(&lines);
        service.stop(client).await
    });
}

#[test]
fn the_client_streams() {
    on_every_runtime(|| async {
        let service = Service::start().await?;
        let mut client = service.client().await?;
        client.ready().await?;
        let request = Request::new(stream::iter((0..MESSAGES).map(line)));
        let response =
            client.client_streaming(request, path("/Check"), ProstCodec::<String, u64>::new());
        assert_eq!(response.await?.into_inner(), MESSAGES);
        service.stop(client).await
    });
}

/// Each message is sent when the one before has come back.
#[test]
fn both_stream_in_turns() {
    on_every_runtime(|| async {
        let service = Service::start().await?;
        let mut client = service.client().await?;
        client.ready().await?;
        let (send, mut sent) = mpsc::unbounded_channel();
        let request = Request::new(stream::poll_fn(move |cx| sent.poll_recv(cx)));
        let response = client.streaming(request, path("/Echo"), text()).await?;
        let mut answers = response.into_inner();
        for number in 0..MESSAGES {
            send.send(line(number))?;
            assert_eq!(answers.message().await?, Some(line(number)));
        }
        drop(send);
        assert_eq!(answers.message().await?, None);
        service.stop(client).await
    });
}

/// All calls share one connection, and none ends before all have begun.
#[test]
fn many_stream_both_ways_at_the_same_time() {
    on_every_runtime(|| async {
        let service = Service::start().await?;
        let client = service.client().await?;
        let all = Arc::new(Barrier::new(20));
        let mut calls = JoinSet::new();
        for _ in 0..20 {
            let (mut client, all) = (client.clone(), all.clone());
            calls.spawn(async move {
                client.ready().await?;
                let request = Request::new(stream::iter((0..MESSAGES).map(line)));
                let response = client.streaming(request, path("/Echo"), text()).await?;
                all.wait().await;
                let lines: Vec<String> = response.into_inner().try_collect().await?;
                check(&lines);
                Outcome::Ok(())
            });
        }
        while let Some(ended) = calls.join_next().await {
            ended??;
        }
        service.stop(client).await
    });
}

/// Lines of many lengths, that differ.
fn line(number: u64) -> String {
    format!("{number} ").repeat(usize::try_from(number % 97).expect("it is small") + 1)
}

fn check(lines: &[String]) {
    for (number, received) in (0..).zip(lines) {
        assert_eq!(*received, line(number));
    }
    assert_eq!(lines.len() as u64, MESSAGES);
}

fn path(text: &'static str) -> PathAndQuery {
    PathAndQuery::from_static(text)
}

fn text() -> ProstCodec<String, String> {
    ProstCodec::new()
}

/// A server, until it is told to stop.
struct Service {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    task: JoinHandle<Result<(), transport::Error>>,
}

impl Service {
    async fn start() -> Outcome<Service> {
        let socket = TcpSocket::new_v4()?;
        // What it accepts inherits this; tonic's own listener sets it too.
        socket.set_nodelay(true)?;
        socket.bind(SocketAddr::from(([127, 0, 0, 1], 0)))?;
        let listener = socket.listen(8)?;
        let address = listener.local_addr()?;
        let incoming = TcpListenerStream::new(listener);
        let (stop, stopping) = oneshot::channel();
        let server = transport::Server::builder().serve_with_incoming_shutdown(
            service_fn(serve),
            incoming,
            async { stopping.await.unwrap_or(()) },
        );
        Ok(Service {
            address,
            stop,
            task: tokio::spawn(server),
        })
    }

    async fn client(&self) -> Outcome<Client<Channel>> {
        let endpoint = Endpoint::from_shared(format!("http://{}", self.address))?;
        let connect = service_fn(|uri: Uri| async move {
            let address = uri.authority().ok_or(io::ErrorKind::InvalidInput)?;
            let stream = TcpStream::connect(address.as_str()).await?;
            stream.set_nodelay(true)?;
            io::Result::Ok(TokioIo::new(stream))
        });
        Ok(Client::new(endpoint.connect_with_connector(connect).await?))
    }

    async fn stop(self, client: Client<Channel>) -> Outcome {
        drop(client);
        self.stop.send(()).map_err(|()| "the server has ended")?;
        Ok(self.task.await??)
    }
}

/// What a code generator would write.
async fn serve(request: HttpRequest<Body>) -> Result<HttpResponse<Body>, Infallible> {
    Ok(match request.uri().path() {
        "/Greet" => Server::new(text()).unary(service_fn(greet), request).await,
        "/Count" => {
            let mut server = Server::new(ProstCodec::<String, u64>::new());
            server
                .server_streaming(service_fn(send_lines), request)
                .await
        }
        "/Check" => {
            let mut server = Server::new(ProstCodec::<u64, String>::new());
            server
                .client_streaming(service_fn(count_lines), request)
                .await
        }
        "/Echo" => {
            Server::new(text())
                .streaming(service_fn(echo), request)
                .await
        }
        _ => Status::unimplemented("as a test wants it").into_http(),
    })
}

async fn greet(request: Request<String>) -> Result<Response<String>, Status> {
    let peer = request.remote_addr();
    let peer = peer.ok_or_else(|| Status::internal("the peer is not known"))?;
    if request.get_ref().is_empty() {
        return Err(Status::invalid_argument("as a test wants it"));
    }
    let mut response = Response::new(format!("hello {}", request.get_ref()));
    let peer = peer.to_string().parse().expect("an address is ASCII");
    response.metadata_mut().insert("peer", peer);
    Ok(response)
}

async fn send_lines(
    request: Request<u64>,
) -> Result<Response<impl Stream<Item = Result<String, Status>>>, Status> {
    let lines = (0..request.into_inner()).map(line);
    Ok(Response::new(stream::iter(lines.map(Ok))))
}

async fn count_lines(request: Request<Streaming<String>>) -> Result<Response<u64>, Status> {
    let mut lines = request.into_inner();
    let mut count = 0;
    while let Some(sent) = lines.message().await? {
        if sent != line(count) {
            return Err(Status::data_loss(format!("line {count} is another")));
        }
        count += 1;
    }
    Ok(Response::new(count))
}

async fn echo(
    request: Request<Streaming<String>>,
) -> Result<Response<impl Stream<Item = Result<String, Status>>>, Status> {
    Ok(Response::new(request.into_inner().into_stream()))
}
