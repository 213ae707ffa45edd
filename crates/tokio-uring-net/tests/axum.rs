//! axum on `TcpListener` and on `UnixListener`, on every driver and runtime.
#![cfg(target_os = "linux")]

#[path = "stack/ours.rs"]
mod stack;
mod support;

use crate::stack::net::unix::{SocketAddr as UnixAddress, UCred};
use crate::stack::net::{Mode, TcpListener, UnixListener};
use crate::support::setup::{Setup, on_every_runtime};
use crate::support::tcp::any_port;
use crate::support::unix;
use axum::Router;
use axum::extract::ConnectInfo;
use axum::extract::connect_info::Connected;
use axum::routing::{get, post};
use axum::serve::{IncomingStream, Listener, ListenerExt};
use std::io;
use std::net::SocketAddr;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

async fn who(ConnectInfo(peer): ConnectInfo<SocketAddr>) -> String {
    format!("you are {peer}")
}

/// Whose process is at the other end.
#[derive(Clone)]
struct Caller(UCred);

impl Connected<IncomingStream<'_, UnixListener>> for Caller {
    fn connect_info(incoming: IncomingStream<'_, UnixListener>) -> Caller {
        assert!(incoming.remote_addr().is_unnamed());
        Caller(incoming.io().peer_cred().expect("the stream is open"))
    }
}

async fn whose(ConnectInfo(Caller(cred)): ConnectInfo<Caller>) -> String {
    format!("you are {cred:?}")
}

async fn late() -> &'static str {
    tokio::task::yield_now().await;
    "late"
}

/// A server, its address, and what stops it.
async fn start(
    setup: Setup,
) -> io::Result<(SocketAddr, oneshot::Sender<()>, JoinHandle<io::Result<()>>)> {
    let listener = TcpListener::bind(any_port()).await?;
    let address = Listener::local_addr(&listener)?;
    let listener = listener.tap_io(move |stream| {
        assert_eq!(stream.mode(), setup.stack.mode());
        stream.set_nodelay(true).expect("the stream is open");
    });
    let router = Router::new()
        .route("/who", get(who))
        .route("/late", get(late))
        .route("/echo", post(async |body: String| body));
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    let (stop, stopping) = oneshot::channel();
    let server = axum::serve(listener, service)
        .with_graceful_shutdown(async { stopping.await.unwrap_or(()) });
    Ok((address, stop, tokio::spawn(server.into_future())))
}

/// Sends a request whose connection ends with the response; answers the body.
async fn exchange(
    client: &mut (impl AsyncRead + AsyncWrite + Unpin),
    head: &str,
    body: &str,
) -> io::Result<String> {
    let length = body.len();
    let request = format!(
        "{head} HTTP/1.1\r\nhost: example\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}"
    );
    client.write_all(request.as_bytes()).await?;
    let mut response = String::new();
    client.read_to_string(&mut response).await?;
    assert!(response.starts_with("HTTP/1.1 200 OK\r\n"), "{response}");
    let (_, body) = response.split_once("\r\n\r\n").expect("a head ends");
    Ok(body.to_owned())
}

#[test]
fn axum_serves_and_knows_its_peers() {
    on_every_runtime(|setup| async move {
        let (address, stop, server) = start(setup).await?;
        for _ in 0..3 {
            let mut client = TcpStream::connect(address).await?;
            let me = client.local_addr()?;
            let answer = exchange(&mut client, "GET /who", "").await?;
            assert_eq!(answer, format!("you are {me}"));
        }
        let text = "0123456789".repeat(10_000);
        let mut client = TcpStream::connect(address).await?;
        assert_eq!(exchange(&mut client, "POST /echo", &text).await?, text);
        stop.send(()).expect("the server runs");
        server.await?
    });
}

#[test]
fn a_stopped_server_answers_whom_it_has_accepted_and_nobody_else() {
    on_every_runtime(|setup| async move {
        let (address, stop, server) = start(setup).await?;
        let mut client = TcpStream::connect(address).await?;
        // Half a request: the connection is in the server's hands when the other half is answered.
        client
            .write_all(b"GET /who HTTP/1.1\r\nhost: example\r\n\r\n")
            .await?;
        let mut first = [0; 12];
        client.read_exact(&mut first).await?;
        assert_eq!(&first, b"HTTP/1.1 200");
        stop.send(()).expect("the server runs");
        let mut rest = Vec::new();
        client.read_to_end(&mut rest).await?;
        server.await??;
        let refused = TcpStream::connect(address).await.map(drop);
        let refused = refused.map_err(|error| error.kind());
        assert_eq!(refused, Err(io::ErrorKind::ConnectionRefused));
        Ok(())
    });
}

#[test]
fn the_connections_have_the_mode_of_the_listener() {
    on_every_runtime(|_| async move {
        for mode in [Mode::Exact, Mode::Completion] {
            let mut listener = TcpListener::bind(any_port()).await?;
            listener.set_mode(mode);
            let client = TcpStream::connect(Listener::local_addr(&listener)?).await?;
            let (stream, peer) = Listener::accept(&mut listener).await;
            assert_eq!((stream.mode(), peer), (mode, client.local_addr()?));
        }
        Ok(())
    });
}

#[test]
fn axum_serves_unix_sockets_and_knows_whose_they_are() {
    on_every_runtime(|_| async move {
        let (listener, address) = unix::listener()?;
        let name = |address: &UnixAddress| address.as_abstract_name().map(<[u8]>::to_vec);
        assert_eq!(name(&Listener::local_addr(&listener)?), name(&address));
        let router = Router::new()
            .route("/whose", get(whose))
            .route("/echo", post(async |body: String| body));
        let service = router.into_make_service_with_connect_info::<Caller>();
        let (stop, stopping) = oneshot::channel::<()>();
        let server = axum::serve(listener, service)
            .with_graceful_shutdown(async { stopping.await.unwrap_or(()) });
        let server = tokio::spawn(server.into_future());
        for _ in 0..3 {
            let mut client = UnixStream::connect_addr(&address).await?;
            let me = client.peer_cred()?;
            let answer = exchange(&mut client, "GET /whose", "").await?;
            assert_eq!(answer, format!("you are {me:?}"));
        }
        let text = "0123456789".repeat(10_000);
        let mut client = UnixStream::connect_addr(&address).await?;
        assert_eq!(exchange(&mut client, "POST /echo", &text).await?, text);
        stop.send(()).expect("the server runs");
        server.await??;
        let refused = UnixStream::connect_addr(&address).await.map(drop);
        let refused = refused.map_err(|error| error.kind());
        assert_eq!(refused, Err(io::ErrorKind::ConnectionRefused));
        Ok(())
    });
}
