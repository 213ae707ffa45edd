//! axum's server on `TcpListener`: routes, a websocket, a graceful shutdown.
#![cfg(target_os = "linux")]

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::ws::{Message, WebSocketUpgrade};
use axum::extract::{DefaultBodyLimit, Path};
use axum::routing::{get, post};
use bytes::Bytes;
use compat::{Outcome, on_every_runtime, random_bytes};
use futures_util::{SinkExt, StreamExt};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1;
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::sync::{Notify, oneshot};
use tokio::task::JoinHandle;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::{client_async, tungstenite};
use tokio_uring_net::{TcpListener, TcpStream};

const MESSAGES: usize = 1000;

#[test]
fn routes_are_served() {
    on_every_runtime(|| async {
        let router = Router::new()
            .route(
                "/hello/{name}",
                get(async |Path(name): Path<String>| format!("hello {name}")),
            )
            .route("/echo", post(async |body: Bytes| body))
            .layer(DefaultBodyLimit::disable());
        let server = Server::start(router).await?;
        let address = server.address;
        assert_eq!(
            ask(address, "GET", "/hello/world", Bytes::new()).await?,
            (StatusCode::OK, Bytes::from("hello world"))
        );
        let body = Bytes::from(random_bytes(1, 5 << 20));
        let (status, answer) = ask(address, "POST", "/echo", body.clone()).await?;
        assert_eq!(status, StatusCode::OK);
        assert!(answer == body, "other bytes than were sent");
        let (status, _) = ask(address, "GET", "/nothing", Bytes::new()).await?;
        assert_eq!(status, StatusCode::NOT_FOUND);
        let (status, _) = ask(address, "GET", "/echo", Bytes::new()).await?;
        assert_eq!(status, StatusCode::METHOD_NOT_ALLOWED);
        server.stop().await
    });
}

#[test]
fn a_websocket_echoes_and_closes() {
    on_every_runtime(|| async {
        let (ended, end) = oneshot::channel();
        let ended = Arc::new(Mutex::new(Some(ended)));
        let upgrade = async move |upgrade: WebSocketUpgrade| {
            let ended = ended.lock().expect("no test has failed").take();
            upgrade.on_upgrade(async move |mut socket| {
                let mut last = None;
                while let Some(Ok(message)) = socket.recv().await {
                    match message {
                        // tungstenite answers it.
                        Message::Close(frame) => last = frame,
                        message => socket.send(message).await.expect("the client listens"),
                    }
                }
                ended
                    .expect("one client comes")
                    .send(last)
                    .expect("the test waits");
            })
        };
        let server = Server::start(Router::new().route("/ws", get(upgrade))).await?;
        let stream = TcpStream::connect(server.address).await?;
        let (mut socket, response) = client_async("ws://localhost/ws", stream).await?;
        assert_eq!(response.status(), StatusCode::SWITCHING_PROTOCOLS);
        for number in 0..MESSAGES {
            // The large ones take several reads.
            let len = if number % 100 == 0 { 200_000 } else { number };
            let message = if number % 2 == 0 {
                tungstenite::Message::binary(random_bytes(number as u64, len))
            } else {
                tungstenite::Message::text("x".repeat(len))
            };
            socket.send(message.clone()).await?;
            let answer = socket.next().await.ok_or("the server has ended")??;
            assert!(answer == message, "message {number} came back as another");
        }
        let bye = CloseFrame {
            code: CloseCode::Normal,
            reason: "bye".into(),
        };
        socket.close(Some(bye.clone())).await?;
        let answer = socket.next().await.ok_or("the server has ended")??;
        assert_eq!(answer, tungstenite::Message::Close(Some(bye)));
        assert!(socket.next().await.is_none(), "the connection ends");
        let last = end.await?.ok_or("the close had no reason")?;
        assert_eq!((last.code, last.reason.as_str()), (1000, "bye"));
        server.stop().await
    });
}

#[test]
fn a_request_in_flight_is_answered_before_the_server_stops() {
    on_every_runtime(|| async {
        let (asked, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let slow = {
            let (asked, go_on) = (asked.clone(), go_on.clone());
            async move || {
                asked.notify_one();
                go_on.notified().await;
                "the last"
            }
        };
        let server = Server::start(Router::new().route("/slow", get(slow))).await?;
        let address = server.address;
        let request = tokio::spawn(ask(address, "GET", "/slow", Bytes::new()));
        asked.notified().await;
        let stopped = tokio::spawn(server.stop());
        // Connections come to nothing only when the listener is closed.
        while let Ok(stream) = TcpStream::connect(address).await {
            drop(stream);
        }
        let refused = TcpStream::connect(address).await.map(drop);
        let refused = refused.map_err(|error| error.kind());
        assert_eq!(refused, Err(ErrorKind::ConnectionRefused));
        assert!(!stopped.is_finished(), "a request is in flight");
        go_on.notify_one();
        let answer = request.await??;
        assert_eq!(answer, (StatusCode::OK, Bytes::from("the last")));
        stopped.await?
    });
}

struct Server {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    task: JoinHandle<io::Result<()>>,
}

impl Server {
    async fn start(router: Router) -> Outcome<Server> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let (stop, stopping) = oneshot::channel();
        let serve = axum::serve(listener, router)
            .with_graceful_shutdown(async { stopping.await.unwrap_or(()) });
        Ok(Server {
            address,
            stop,
            task: tokio::spawn(serve.into_future()),
        })
    }

    async fn stop(self) -> Outcome {
        self.stop.send(()).map_err(|()| "the server has ended")?;
        Ok(self.task.await??)
    }
}

/// One request on a connection of its own.
async fn ask(
    address: SocketAddr,
    method: &str,
    path: &str,
    body: Bytes,
) -> Outcome<(StatusCode, Bytes)> {
    let stream = TcpStream::connect(address).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let connection = tokio::spawn(connection);
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("host", "localhost")
        .body(Full::new(body))?;
    let response = sender.send_request(request).await?;
    let status = response.status();
    let body = response.into_body().collect().await?.to_bytes();
    drop(sender);
    connection.await??;
    Ok((status, body))
}
