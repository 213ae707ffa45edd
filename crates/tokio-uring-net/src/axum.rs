//! `axum::serve` on a [`TcpListener`].

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use ::axum::serve::Listener;
use tokio::time::sleep;
use tracing::error;

use crate::accepting;
use crate::tcp::listener::TcpListener;
use crate::tcp::stream::TcpStream;

/// How long accepting rests after an error that will come again: axum's servers do not end by one.
const FAILED_PAUSE: Duration = Duration::from_secs(1);

/// With the feature `axum`, `axum::serve(listener, router)` serves on it.
///
/// The connections have the listener's [`mode`](TcpListener::set_mode). What `tap_io` of axum's
/// `ListenerExt` is given may set their options; it is also what lets handlers ask for
/// `ConnectInfo<SocketAddr>`. Errors of accept(2) that concern one connection, or that pass, do not end
/// the server: it tells of them by `tracing` and goes on, as with tokio's listener.
///
/// # Panics
/// If accepting fails outside a tokio runtime whose time is enabled.
///
/// # Examples
/// ```
/// use std::net::SocketAddr;
///
/// use axum::extract::ConnectInfo;
/// use axum::routing::get;
/// use axum::serve::ListenerExt;
/// use axum::Router;
/// use tokio_uring_net::{Mode, TcpListener};
///
/// async fn hello(ConnectInfo(peer): ConnectInfo<SocketAddr>) -> String {
///     format!("hello {peer}\n")
/// }
///
/// # #[tokio::main]
/// # async fn main() -> std::io::Result<()> {
/// let listener = TcpListener::bind("127.0.0.1:0").await?;
/// listener.set_mode(Mode::Completion);
/// let listener = listener.tap_io(|stream| drop(stream.set_nodelay(true)));
/// let router = Router::new().route("/", get(hello));
/// let service = router.into_make_service_with_connect_info::<SocketAddr>();
/// let server = axum::serve(listener, service);
/// # let server = server.with_graceful_shutdown(async {});
/// server.await
/// # }
/// ```
impl Listener for TcpListener {
    type Io = TcpStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (TcpStream, SocketAddr) {
        loop {
            match accepting::accept(self).await {
                Ok(accepted) => return accepted,
                Err(error) => {
                    error!(%error, "no connection can be accepted");
                    sleep(FAILED_PAUSE).await;
                }
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        TcpListener::local_addr(self)
    }
}
