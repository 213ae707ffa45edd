//! hyper's own servers and clients, HTTP/1.1 and HTTP/2, over `TcpStream`.
#![cfg(target_os = "linux")]

use std::convert::Infallible;
use std::error::Error;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use compat::{Outcome, on_every_runtime, random_bytes};
use futures_util::future::{Either, try_join_all};
use futures_util::stream;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Body, Frame, Incoming};
use hyper::rt::{Read, Write};
use hyper::service::{Service, service_fn};
use hyper::{Request, Response, StatusCode, Version, client, server};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::graceful::GracefulConnection;
use tokio::sync::{Barrier, Notify, oneshot};
use tokio::task::{JoinHandle, JoinSet};
use tokio_uring_net::{TcpListener, TcpStream};

const VERSIONS: [Version; 2] = [Version::HTTP_11, Version::HTTP_2];
const REQUESTS: usize = 100;
const BODY_BYTES: usize = 20 << 20;

#[test]
fn a_connection_is_kept_for_the_next_request() {
    on_every_runtime(|| async {
        for version in VERSIONS {
            let (mut client, accepted) = connect(version).await?;
            let asked = AtomicUsize::new(0);
            let service = service_fn(move |request: Request<Incoming>| {
                let number = asked.fetch_add(1, Ordering::Relaxed);
                let answer = format!("{number}: {}", request.uri().path());
                async { Ok::<_, Infallible>(Response::new(answer)) }
            });
            let server = tokio::spawn(serve(version, accepted, service));
            for number in 0..REQUESTS {
                let answer = client.get(&format!("/{number}")).await?;
                assert_eq!(answer, format!("{number}: /{number}"));
            }
            client.end().await?;
            server.await??;
        }
        Ok(())
    });
}

/// Nobody is answered before all have asked.
#[test]
fn a_hundred_requests_are_answered_together() {
    on_every_runtime(|| async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        // As many connections as HTTP/1.1 needs, and one for HTTP/2.
        for (version, connections) in [(Version::HTTP_11, REQUESTS), (Version::HTTP_2, 1)] {
            let all_asked = Arc::new(Barrier::new(REQUESTS));
            let mut tasks = JoinSet::new();
            for number in 0..connections {
                tasks.spawn(ask(version, address, number, REQUESTS / connections));
            }
            for _ in 0..connections {
                let (accepted, _) = listener.accept().await?;
                let all_asked = all_asked.clone();
                let service = service_fn(move |request: Request<Incoming>| {
                    let all_asked = all_asked.clone();
                    async move {
                        all_asked.wait().await;
                        Ok::<_, Infallible>(Response::new(request.uri().path().to_owned()))
                    }
                });
                tasks.spawn(serve(version, accepted, service));
            }
            while let Some(ended) = tasks.join_next().await {
                ended??;
            }
        }
        Ok(())
    });
}

#[test]
fn bodies_of_20_mib_come_back_byte_for_byte() {
    on_every_runtime(|| async {
        for version in VERSIONS {
            let (client, accepted) = connect(version).await?;
            let server = tokio::spawn(serve(version, accepted, service_fn(echo)));
            exchange_bodies(client).await?;
            server.await??;
        }
        Ok(())
    });
}

#[test]
fn a_connection_that_is_shut_down_ends_its_response_first() {
    on_every_runtime(|| async {
        for version in VERSIONS {
            let (mut client, accepted) = connect(version).await?;
            let (stop, stopped) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
            let body = {
                let stopped = stopped.clone();
                move || async move {
                    stopped.notified().await;
                    Ok::<_, Infallible>(Frame::data(Bytes::from("the last")))
                }
            };
            let service = service_fn(move |_: Request<Incoming>| {
                let body = StreamBody::new(stream::once(body.clone()()));
                async { Ok::<_, Infallible>(Response::new(body)) }
            });
            let io = TokioIo::new(accepted);
            let server = if version == Version::HTTP_2 {
                let builder = server::conn::http2::Builder::new(TokioExecutor::new());
                let connection = builder.serve_connection(io, service);
                tokio::spawn(stop_in_between(connection, stop.clone(), stopped))
            } else {
                let connection = server::conn::http1::Builder::new().serve_connection(io, service);
                tokio::spawn(stop_in_between(connection, stop.clone(), stopped))
            };
            client.ready().await?;
            // hyper's client fails a request if a GOAWAY overtakes the end of sending it.
            let response = client.send("GET", "/", Bytes::new()).await?;
            stop.notify_one();
            let body = response.into_body().collect().await?.to_bytes();
            assert_eq!(body, "the last");
            server.await??;
            // The client has not let go: it is the server that has ended the connection.
            (&mut client.connection).await??;
            assert!(client.ready().await.is_err());
        }
        Ok(())
    });
}

/// The server of the feature `hyper`, and its streams as they are.
#[test]
fn hyper_takes_streams_as_they_are() {
    on_every_runtime(|| async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let (stop, stopping) = oneshot::channel();
        let server = tokio_uring_net::hyper::serve(listener, service_fn(echo))
            .with_graceful_shutdown(async { stopping.await.unwrap_or(()) });
        let server = tokio::spawn(server.into_future());
        for version in VERSIONS {
            let stream = TcpStream::connect(address).await?;
            exchange_bodies(Client::new(version, stream).await?).await?;
        }
        stop.send(()).expect("the server runs");
        assert_eq!(server.await??.connections_cut, 0);
        Ok(())
    });
}

async fn echo(request: Request<Incoming>) -> Result<Response<Incoming>, Infallible> {
    Ok(Response::new(request.into_body()))
}

/// A client, and the stream that a server has accepted from it.
async fn connect(version: Version) -> Outcome<(Client, TcpStream)> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let stream = TcpStream::connect(listener.local_addr()?).await?;
    let (accepted, _) = listener.accept().await?;
    let client = Client::new(version, TokioIo::new(stream)).await?;
    Ok((client, accepted))
}

/// Serves one connection until its client lets it end.
async fn serve<S, B>(version: Version, stream: TcpStream, service: S) -> Outcome
where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible>,
    S::Future: Send + 'static,
    B: Body<Data: Send, Error: Into<Box<dyn Error + Send + Sync>>> + Send + 'static,
{
    let io = TokioIo::new(stream);
    if version == Version::HTTP_2 {
        let builder = server::conn::http2::Builder::new(TokioExecutor::new());
        builder.serve_connection(io, service).await?;
    } else {
        let builder = server::conn::http1::Builder::new();
        builder.serve_connection(io, service).await?;
    }
    Ok(())
}

/// Shuts a connection down when told to, says so, and lets it end.
async fn stop_in_between<C>(connection: C, stop: Arc<Notify>, stopped: Arc<Notify>) -> Outcome
where
    C: GracefulConnection<Error: Error + Send + Sync + 'static>,
{
    let mut connection = pin!(connection);
    tokio::select! {
        ended = &mut connection => panic!("nobody has said stop: {ended:?}"),
        () = stop.notified() => connection.as_mut().graceful_shutdown(),
    }
    stopped.notify_one();
    Ok(connection.await?)
}

/// Asks for several paths at once, on a connection of its own.
async fn ask(version: Version, address: SocketAddr, number: usize, requests: usize) -> Outcome {
    let stream = TcpStream::connect(address).await?;
    let mut client = Client::new(version, TokioIo::new(stream)).await?;
    client.ready().await?;
    let paths: Vec<String> = (0..requests).map(|n| format!("/{number}/{n}")).collect();
    let responses = paths
        .iter()
        .map(|path| client.send("GET", path, Bytes::new()));
    let responses: Vec<_> = responses.collect();
    for (response, path) in try_join_all(responses).await?.into_iter().zip(paths) {
        assert_eq!(response.into_body().collect().await?.to_bytes(), path);
    }
    client.end().await
}

/// Sends a body to [`echo`].
async fn exchange_bodies(mut client: Client) -> Outcome {
    let body = Bytes::from(random_bytes(1, BODY_BYTES));
    client.ready().await?;
    let response = client.send("POST", "/", body.clone()).await?;
    assert_eq!(response.status(), StatusCode::OK);
    let answer = response.into_body().collect().await?.to_bytes();
    assert_eq!(answer.len(), body.len());
    assert!(answer == body, "other bytes than were sent");
    client.end().await
}

/// A connection of hyper's client, which a task drives.
struct Client {
    sender: Sender,
    connection: JoinHandle<hyper::Result<()>>,
}

enum Sender {
    Http1(client::conn::http1::SendRequest<Full<Bytes>>),
    Http2(client::conn::http2::SendRequest<Full<Bytes>>),
}

impl Client {
    async fn new<T>(version: Version, io: T) -> hyper::Result<Client>
    where
        T: Read + Write + Unpin + Send + 'static,
    {
        let client = if version == Version::HTTP_2 {
            let (sender, connection) =
                client::conn::http2::handshake(TokioExecutor::new(), io).await?;
            Client {
                sender: Sender::Http2(sender),
                connection: tokio::spawn(connection),
            }
        } else {
            let (sender, connection) = client::conn::http1::handshake(io).await?;
            Client {
                sender: Sender::Http1(sender),
                connection: tokio::spawn(connection),
            }
        };
        Ok(client)
    }

    async fn ready(&mut self) -> hyper::Result<()> {
        match &mut self.sender {
            Sender::Http1(sender) => sender.ready().await,
            Sender::Http2(sender) => sender.ready().await,
        }
    }

    /// With HTTP/2, the next request need not wait for the response of this one.
    fn send(
        &mut self,
        method: &str,
        path: &str,
        body: Bytes,
    ) -> impl Future<Output = hyper::Result<Response<Incoming>>> + use<> {
        let request = Request::builder()
            .method(method)
            .uri(format!("http://localhost{path}"))
            .body(Full::new(body))
            .expect("method and path are valid");
        match &mut self.sender {
            Sender::Http1(sender) => Either::Left(sender.send_request(request)),
            Sender::Http2(sender) => Either::Right(sender.send_request(request)),
        }
    }

    /// The text at `path`.
    async fn get(&mut self, path: &str) -> Outcome<String> {
        self.ready().await?;
        let response = self.send("GET", path, Bytes::new()).await?;
        assert_eq!(response.status(), StatusCode::OK);
        let body = response.into_body().collect().await?.to_bytes();
        Ok(String::from_utf8(body.into())?)
    }

    /// Lets the connection end.
    async fn end(self) -> Outcome {
        drop(self.sender);
        Ok(self.connection.await??)
    }
}
