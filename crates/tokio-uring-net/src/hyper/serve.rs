//! [`serve`]: HTTP/1.1 and HTTP/2 on one listener, until it is told to stop.

use std::error::Error;
use std::fmt;
use std::future::{Pending, pending};
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::time::Duration;

use ::hyper::body::{Body, Incoming};
use ::hyper::service::Service;
use ::hyper::{Request, Response};
use hyper_util::rt::TokioExecutor;
use hyper_util::server::conn::auto;
use ring_reactor::Mode;
use tracing::debug;

use super::connections::{Connections, Event};
use crate::tcp::listener::TcpListener;
use crate::tcp::stream::TcpStream;

/// Serves HTTP/1.1 and HTTP/2 (with prior knowledge) on `listener`: a clone of `service` answers
/// each connection.
///
/// The answer is set up by its methods and runs when it is awaited; each connection has a task of
/// the current runtime. A service of tower or axum is wrapped in
/// `hyper_util::service::TowerToHyperService`.
///
/// # Examples
/// ```
/// use std::convert::Infallible;
///
/// use hyper::body::Incoming;
/// use hyper::service::service_fn;
/// use hyper::{Request, Response};
/// use tokio::io::{AsyncReadExt, AsyncWriteExt};
/// use tokio_uring_net::hyper::serve;
/// use tokio_uring_net::{TcpListener, TcpStream};
///
/// async fn shout(request: Request<Incoming>) -> Result<Response<String>, Infallible> {
///     Ok(Response::new(request.uri().path().to_uppercase()))
/// }
///
/// # #[tokio::main]
/// # async fn main() -> std::io::Result<()> {
/// let listener = TcpListener::bind("127.0.0.1:0").await?;
/// let address = listener.local_addr()?;
/// let (stop, stopping) = tokio::sync::oneshot::channel();
/// let server = tokio::spawn(
///     serve(listener, service_fn(shout))
///         .with_graceful_shutdown(async { stopping.await.unwrap_or(()) })
///         .into_future(),
/// );
///
/// let mut client = TcpStream::connect(address).await?;
/// client.write_all(b"GET /hello HTTP/1.1\r\nhost: example\r\nconnection: close\r\n\r\n").await?;
/// let mut response = String::new();
/// client.read_to_string(&mut response).await?;
/// assert!(response.ends_with("/HELLO"));
///
/// stop.send(()).unwrap_or(());
/// assert_eq!(server.await??.connections_cut, 0);
/// # Ok(())
/// # }
/// ```
pub fn serve<S>(
    listener: TcpListener,
    service: S,
) -> Serve<impl FnMut(&TcpStream, SocketAddr) -> S + Send + 'static>
where
    S: Service<Request<Incoming>> + Clone + Send + 'static,
{
    serve_with(listener, move |_, _| service.clone())
}

/// Does what [`serve`] does, with a service that `make_service` makes for each connection, from its
/// stream and the address of its peer.
///
/// `make_service` may set options of the stream. It runs in the server's own task, between two
/// accepts: it must not block.
///
/// # Examples
/// ```
/// use std::convert::Infallible;
///
/// use hyper::body::Incoming;
/// use hyper::service::service_fn;
/// use hyper::{Request, Response};
/// use tokio_uring_net::TcpListener;
/// use tokio_uring_net::hyper::serve_with;
///
/// # #[tokio::main]
/// # async fn main() -> std::io::Result<()> {
/// let listener = TcpListener::bind("127.0.0.1:0").await?;
/// let server = serve_with(listener, |_stream, peer| {
///     service_fn(move |_request: Request<Incoming>| async move {
///         Ok::<_, Infallible>(Response::new(format!("you are {peer}\n")))
///     })
/// });
/// # let _ = server.with_graceful_shutdown(async {}).await?;
/// # Ok(())
/// # }
/// ```
pub fn serve_with<M, S>(listener: TcpListener, make_service: M) -> Serve<M>
where
    M: FnMut(&TcpStream, SocketAddr) -> S + Send + 'static,
    S: Service<Request<Incoming>> + Send + 'static,
{
    Serve {
        listener,
        make_service,
        stop: pending(),
        settings: Settings {
            builder: auto::Builder::new(TokioExecutor::new()),
            mode: Mode::Completion,
            nodelay: true,
            drain_timeout: None,
            on_drain: None,
        },
    }
}

/// A server, from [`serve`] or [`serve_with`]: await it to run it.
///
/// Without [`with_graceful_shutdown`](Serve::with_graceful_shutdown) it runs until accepting fails
/// for good. Errors that concern one connection, or that pass, such as too many open files, do not
/// end it: it goes on accepting, in the latter case after a pause of 50 ms. It tells of them by
/// `tracing` at level `WARN`, and of connections that end with an error at level `DEBUG`.
///
/// A connection that was upgraded counts as ended: whoever has its stream answers for it.
///
/// # Errors
/// Awaiting answers an error when accepting has failed for good: the listener is no longer one, or
/// its runtime is gone. The connections that are open then are drained first.
///
/// # Panics
/// If polled outside a tokio runtime, or in one whose I/O or whose time is not enabled. The panic of
/// a service ends its connection only.
///
/// # Cancel safety
/// Dropping the future of a server closes the listener and cuts all its connections.
#[must_use = "a server does nothing unless it is awaited"]
pub struct Serve<M, F = Pending<()>> {
    listener: TcpListener,
    make_service: M,
    stop: F,
    settings: Settings,
}

struct Settings {
    builder: auto::Builder<TokioExecutor>,
    mode: Mode,
    nodelay: bool,
    drain_timeout: Option<Duration>,
    on_drain: Option<OnDrain>,
}

type OnDrain = Box<dyn FnOnce(usize) + Send>;

/// How a [`Serve`] has stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stopped {
    /// Connections that were still open when the [drain timeout](Serve::drain_timeout) was over.
    pub connections_cut: usize,
}

impl<M, F> Serve<M, F> {
    /// Has the server stop when `signal` is ready: it closes the listener, ends the connections that
    /// are idle, lets the others answer the requests that they have received, and then returns.
    ///
    /// # Examples
    /// See [`serve`].
    pub fn with_graceful_shutdown<G>(self, signal: G) -> Serve<M, G>
    where
        G: Future<Output = ()> + Send + 'static,
    {
        Serve {
            listener: self.listener,
            make_service: self.make_service,
            stop: signal,
            settings: self.settings,
        }
    }

    /// Limits how long connections may take to end once the server stops; those that are left are
    /// cut. By default there is no limit.
    pub fn drain_timeout(mut self, limit: Duration) -> Serve<M, F> {
        self.settings.drain_timeout = Some(limit);
        self
    }

    /// Has `call` called when the server stops and has closed the listener, with the number of
    /// connections that are open.
    pub fn on_drain(mut self, call: impl FnOnce(usize) + Send + 'static) -> Serve<M, F> {
        self.settings.on_drain = Some(Box::new(call));
        self
    }

    /// Chooses the [`Mode`] of the connections: by default [`Mode::Completion`], whatever the mode
    /// of the runtime and of the listener.
    pub fn mode(mut self, mode: Mode) -> Serve<M, F> {
        self.settings.mode = mode;
        self
    }

    /// Chooses whether the connections have `TCP_NODELAY` set: by default they have, because hyper
    /// gathers what it writes.
    pub fn nodelay(mut self, nodelay: bool) -> Serve<M, F> {
        self.settings.nodelay = nodelay;
        self
    }

    /// Serves with hyper's settings of `builder`. By default they are hyper's own defaults, which
    /// have no time-outs, because those need a timer.
    ///
    /// # Examples
    /// ```
    /// # use std::convert::Infallible;
    /// use std::time::Duration;
    ///
    /// # use hyper::body::Incoming;
    /// # use hyper::service::service_fn;
    /// # use hyper::{Request, Response};
    /// use hyper_util::rt::{TokioExecutor, TokioTimer};
    /// use hyper_util::server::conn::auto;
    /// # use tokio_uring_net::TcpListener;
    /// use tokio_uring_net::hyper::serve;
    ///
    /// # async fn hello(_request: Request<Incoming>) -> Result<Response<String>, Infallible> {
    /// #     Ok(Response::new("hello\n".to_owned()))
    /// # }
    /// # #[tokio::main]
    /// # async fn main() -> std::io::Result<()> {
    /// # let listener = TcpListener::bind("127.0.0.1:0").await?;
    /// let mut builder = auto::Builder::new(TokioExecutor::new());
    /// builder
    ///     .http1()
    ///     .timer(TokioTimer::new())
    ///     .header_read_timeout(Duration::from_secs(10));
    /// let server = serve(listener, service_fn(hello)).builder(builder);
    /// # let _ = server.with_graceful_shutdown(async {}).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn builder(mut self, builder: auto::Builder<TokioExecutor>) -> Serve<M, F> {
        self.settings.builder = builder;
        self
    }
}

impl<M, F, S, B> IntoFuture for Serve<M, F>
where
    M: FnMut(&TcpStream, SocketAddr) -> S + Send + 'static,
    F: Future<Output = ()> + Send + 'static,
    S: Service<Request<Incoming>, Response = Response<B>> + Send + 'static,
    S::Future: Send + 'static,
    S::Error: Into<Box<dyn Error + Send + Sync>>,
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    type Output = io::Result<Stopped>;
    type IntoFuture = Pin<Box<dyn Future<Output = io::Result<Stopped>> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(run(self))
    }
}

async fn run<M, F, S, B>(serve: Serve<M, F>) -> io::Result<Stopped>
where
    M: FnMut(&TcpStream, SocketAddr) -> S,
    F: Future<Output = ()>,
    S: Service<Request<Incoming>, Response = Response<B>> + Send + 'static,
    S::Future: Send + 'static,
    S::Error: Into<Box<dyn Error + Send + Sync>>,
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    let Serve {
        listener,
        mut make_service,
        stop,
        settings,
    } = serve;
    listener.set_mode(settings.mode);
    let mut connections = Connections::default();
    let mut stop = pin!(stop);
    let outcome = loop {
        let event = connections.event(&listener, stop.as_mut()).await;
        let (stream, peer) = match event {
            Event::Accepted(accepted) => accepted,
            Event::Stop => break Ok(()),
            Event::Failed(error) => break Err(error),
        };
        if settings.nodelay
            && let Err(error) = stream.set_nodelay(true)
        {
            // The peer has gone already: so will the connection say.
            debug!(%peer, %error, "TCP_NODELAY could not be set");
        }
        let service = make_service(&stream, peer);
        let connection = settings
            .builder
            .serve_connection_with_upgrades(stream, service)
            .into_owned();
        connections.spawn(connection, peer);
    };
    drop(listener);
    if let Some(call) = settings.on_drain {
        call(connections.count());
    }
    let connections_cut = connections.drain(settings.drain_timeout).await;
    outcome.map(|()| Stopped { connections_cut })
}

impl<M, F> fmt::Debug for Serve<M, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Serve")
            .field("listener", &self.listener)
            .field("mode", &self.settings.mode)
            .field("nodelay", &self.settings.nodelay)
            .field("drain_timeout", &self.settings.drain_timeout)
            .finish_non_exhaustive()
    }
}
