//! `axum::serve` (feature `axum`) on a [`TcpListener`] and on a [`UnixListener`].

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use ::axum::serve::Listener;
use tokio::net::unix;
use tokio::time::sleep;
use tracing::error;

use crate::accepting::accept_next;
use crate::tcp::listener::TcpListener;
use crate::tcp::stream::TcpStream;
use crate::unix::listener::UnixListener;
use crate::unix::stream::UnixStream;

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
        let listener = &*self;
        accept_always(|| listener.accept()).await
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        TcpListener::local_addr(self)
    }
}

/// With the feature `axum`, `axum::serve(listener, router)` serves on it.
///
/// Handlers ask for what tells callers apart as with tokio's listener: for `ConnectInfo` of a type
/// that is made of the stream, as here. Errors of accept(2) do not end the server, as those of a
/// [`TcpListener`] do not.
///
/// # Panics
/// If accepting fails outside a tokio runtime whose time is enabled.
///
/// # Examples
/// ```
/// use axum::Router;
/// use axum::extract::ConnectInfo;
/// use axum::extract::connect_info::Connected;
/// use axum::routing::get;
/// use axum::serve::IncomingStream;
/// use tokio_uring_net::UnixListener;
/// use tokio_uring_net::unix::UCred;
///
/// #[derive(Clone)]
/// struct Caller(Option<UCred>);
///
/// impl Connected<IncomingStream<'_, UnixListener>> for Caller {
///     fn connect_info(incoming: IncomingStream<'_, UnixListener>) -> Caller {
///         Caller(incoming.io().peer_cred().ok())
///     }
/// }
///
/// async fn hello(ConnectInfo(Caller(caller)): ConnectInfo<Caller>) -> String {
///     match caller {
///         Some(cred) => format!("hello user {}\n", cred.uid()),
///         None => "hello\n".to_owned(),
///     }
/// }
///
/// # #[tokio::main]
/// # async fn main() -> std::io::Result<()> {
/// # let path = std::env::temp_dir().join(format!("axum-{}.socket", std::process::id()));
/// let listener = UnixListener::bind(&path)?;
/// let router = Router::new().route("/", get(hello));
/// let service = router.into_make_service_with_connect_info::<Caller>();
/// let server = axum::serve(listener, service);
/// # let server = server.with_graceful_shutdown(async {});
/// server.await?;
/// std::fs::remove_file(&path)
/// # }
/// ```
impl Listener for UnixListener {
    type Io = UnixStream;
    type Addr = unix::SocketAddr;

    async fn accept(&mut self) -> (UnixStream, unix::SocketAddr) {
        let listener = &*self;
        accept_always(|| listener.accept()).await
    }

    fn local_addr(&self) -> io::Result<unix::SocketAddr> {
        UnixListener::local_addr(self)
    }
}

/// Answers the next connection, also where accepting seems to have failed for good.
async fn accept_always<T, F>(accept: impl Fn() -> F) -> T
where
    F: Future<Output = io::Result<T>>,
{
    loop {
        match accept_next(&accept).await {
            Ok(accepted) => return accepted,
            Err(error) => {
                error!(%error, "no connection can be accepted");
                sleep(FAILED_PAUSE).await;
            }
        }
    }
}
