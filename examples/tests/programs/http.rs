//! `http`: what it answers, over HTTP/1.1 and HTTP/2, on every driver and runtime flavour.

use std::io::{Read as _, Write as _};
use std::net::SocketAddr;
use std::process::Command;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty};
use hyper::body::{Body, Incoming};
use hyper::client::conn::{http1, http2};
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;

use crate::pattern::{Expected, LARGE_BYTES, Pattern};
use crate::server::{Server, executable, setups};

/// One connection, of either version of HTTP.
pub(crate) enum Client<B> {
    Http1(http1::SendRequest<B>),
    Http2(http2::SendRequest<B>),
}

impl<B> Client<B>
where
    B: Body<Data = Bytes, Error: std::error::Error + Send + Sync> + Unpin + Send + 'static,
{
    pub(crate) async fn http1(address: SocketAddr) -> Client<B> {
        let io = TokioIo::new(TcpStream::connect(address).await.unwrap());
        let (sender, connection) = http1::handshake(io).await.unwrap();
        tokio::spawn(async { connection.await.unwrap() });
        Client::Http1(sender)
    }

    /// With prior knowledge: the connection speaks HTTP/2 from its first byte.
    pub(crate) async fn http2(address: SocketAddr) -> Client<B> {
        let io = TokioIo::new(TcpStream::connect(address).await.unwrap());
        let (sender, connection) = http2::handshake(TokioExecutor::new(), io).await.unwrap();
        tokio::spawn(async { connection.await.unwrap() });
        Client::Http2(sender)
    }

    pub(crate) async fn both(address: SocketAddr) -> [Client<B>; 2] {
        [Client::http1(address).await, Client::http2(address).await]
    }

    pub(crate) async fn send(&mut self, method: Method, path: &str, body: B) -> Response<Incoming> {
        let request = Request::builder().method(method);
        let response = match self {
            Client::Http1(sender) => {
                sender.ready().await.unwrap();
                let request = request
                    .uri(path)
                    .header("host", "example")
                    .body(body)
                    .unwrap();
                sender.send_request(request).await
            }
            Client::Http2(sender) => {
                sender.ready().await.unwrap();
                let request = request
                    .uri(format!("http://example{path}"))
                    .body(body)
                    .unwrap();
                sender.send_request(request).await
            }
        };
        response.unwrap()
    }
}

pub(crate) async fn text(response: Response<Incoming>) -> Bytes {
    response.into_body().collect().await.unwrap().to_bytes()
}

#[tokio::test]
async fn get_answers_and_anything_else_is_not_found() {
    for setup in setups() {
        let server = Server::start_http(setup);
        for mut client in Client::both(server.address()).await {
            let response = client.send(Method::GET, "/", Empty::<Bytes>::new()).await;
            assert_eq!(response.status(), StatusCode::OK, "{setup:?}");
            assert_eq!(
                text(response).await,
                "hello from tokio-uring-net\n",
                "{setup:?}"
            );
            for (method, path) in [
                (Method::GET, "/other"),
                (Method::GET, "/echo"),
                (Method::POST, "/"),
            ] {
                let response = client.send(method, path, Empty::new()).await;
                assert_eq!(response.status(), StatusCode::NOT_FOUND, "{setup:?} {path}");
            }
        }
    }
}

#[tokio::test]
async fn a_large_body_comes_back_byte_for_byte() {
    for setup in setups() {
        let server = Server::start_http(setup);
        for length_is_known in [true, false] {
            for mut client in Client::both(server.address()).await {
                let body = Pattern::new(LARGE_BYTES, length_is_known);
                let response = client.send(Method::POST, "/echo", body).await;
                assert_eq!(response.status(), StatusCode::OK, "{setup:?}");
                Expected::new(LARGE_BYTES)
                    .check_body(response.into_body())
                    .await;
            }
        }
    }
}

#[test]
fn a_body_comes_back_before_it_is_complete() {
    for setup in setups() {
        let server = Server::start_http(setup);
        let mut stream = std::net::TcpStream::connect(server.address()).unwrap();
        start_echo(&mut stream, b"first, ", 13);
        stream.write_all(b"second").unwrap();
        let mut rest = [0; 6];
        stream.read_exact(&mut rest).unwrap();
        assert_eq!(&rest, b"second", "{setup:?}");
    }
}

/// Posts the beginning of a body of `length_bytes` to `/echo`, and returns once that beginning has come back.
pub(crate) fn start_echo(stream: &mut std::net::TcpStream, beginning: &[u8], length_bytes: usize) {
    let head =
        format!("POST /echo HTTP/1.1\r\nhost: example\r\ncontent-length: {length_bytes}\r\n\r\n");
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(beginning).unwrap();
    let mut received = Vec::new();
    while !received.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        received.push(byte[0]);
    }
    assert!(received.starts_with(b"HTTP/1.1 200 OK\r\n"));
    let mut echoed = vec![0; beginning.len()];
    stream.read_exact(&mut echoed).unwrap();
    assert_eq!(echoed, beginning);
}

#[tokio::test]
async fn four_hundred_connections_are_all_answered() {
    const CONNECTIONS: usize = 400;
    const REQUESTS_EACH: usize = 10;
    for setup in setups() {
        let server = Server::start_http(setup);
        let address = server.address();
        let mut clients = tokio::task::JoinSet::new();
        for _ in 0..CONNECTIONS {
            clients.spawn(async move {
                let mut client = Client::http1(address).await;
                for _ in 0..REQUESTS_EACH {
                    let response = client.send(Method::GET, "/", Empty::<Bytes>::new()).await;
                    assert_eq!(text(response).await, "hello from tokio-uring-net\n");
                }
            });
        }
        assert_eq!(clients.join_all().await.len(), CONNECTIONS, "{setup:?}");
    }
}

#[test]
fn running_out_of_file_descriptors_is_survived() {
    for setup in setups() {
        let mut command = Command::new("sh");
        command
            .args(["-c", "ulimit -n 32 && exec \"$0\" \"$@\""])
            .arg(executable("http"));
        command.args(["--listen", "127.0.0.1:0", "--runtime", setup.runtime]);
        command.env("TOKIO_URING_NET", setup.driver);
        let server = Server::spawn(command);

        // The kernel completes all of these connections, but the server can accept only the first ones.
        let connect = |_| std::net::TcpStream::connect(server.address()).unwrap();
        let mut streams: Vec<_> = (0..40).map(connect).collect();
        server.wait_for_stderr("Too many open files");
        let mut last = streams.pop().unwrap();
        drop(streams);
        start_echo(&mut last, b"still here", 10);
    }
}
