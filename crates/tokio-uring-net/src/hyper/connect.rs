//! [`HttpConnector`]: how hyper-util's client comes by its connections.

#[cfg(test)]
mod tests;

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use ::hyper::Uri;
use hyper_util::client::legacy::connect::{Connected, Connection};
use ring_reactor::Mode;
use thiserror::Error;
use tokio::net::lookup_host;
use tokio::time::timeout;
use tower_service::Service;

use crate::sys;
use crate::tcp::stream::TcpStream;

/// Connects the clients of `hyper_util::client::legacy` to servers, over [`TcpStream`]s: what
/// hyper-util's connector of this name does over those of `tokio::net`.
///
/// The name of the URI is resolved as by [`lookup_host`](crate::lookup_host), and its addresses are
/// tried in turn, in the order in which the system gives them. The settings have hyper-util's names and
/// defaults. Its other ones (keep-alive, local addresses, buffers, a resolver, and trying IPv4 and IPv6
/// at once) are not there: whoever needs one writes a `Service<Uri>` that connects by
/// [`TcpSocket`](crate::TcpSocket), and answers the [`TcpStream`].
///
/// Everything else that takes a `Service<Uri>` connects by it too, such as `connect_with_connector` of
/// tonic's `Endpoint`.
///
/// # HTTPS
/// An URI of another scheme than `http` is refused: this connector would speak to its server without
/// encryption. A connector that adds TLS, such as hyper-rustls's, goes around this one, and does so
/// after [`enforce_http(false)`](HttpConnector::enforce_http):
///
/// ```text
/// let mut http = tokio_uring_net::hyper::HttpConnector::new();
/// http.enforce_http(false);
/// let https = hyper_rustls::HttpsConnectorBuilder::new()
///     .with_native_roots()?
///     .https_or_http()
///     .enable_all_versions()
///     .wrap_connector(http);
/// let client = Client::builder(TokioExecutor::new()).build(https);
/// ```
///
/// # Cancel safety
/// Dropping the future of a call gives its connection up.
///
/// # Errors
/// A call answers a [`ConnectError`], which hyper-util's client has as the source of its own.
///
/// # Panics
/// If the future of a call is polled outside a tokio runtime, or in one whose I/O, or with a time-out
/// whose time, is not enabled.
///
/// # Examples
/// ```
/// use http_body_util::{BodyExt, Empty};
/// use hyper::body::Bytes;
/// use hyper_util::client::legacy::Client;
/// use hyper_util::rt::TokioExecutor;
/// use tokio::io::{AsyncReadExt, AsyncWriteExt};
/// use tokio_uring_net::TcpListener;
/// use tokio_uring_net::hyper::HttpConnector;
///
/// # #[tokio::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let listener = TcpListener::bind("127.0.0.1:0").await?;
/// let uri = format!("http://{}/", listener.local_addr()?).parse()?;
/// let server = tokio::spawn(async move {
///     let (mut stream, _) = listener.accept().await?;
///     stream.read(&mut [0; 1024]).await?;
///     let response = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello";
///     stream.write_all(response).await?;
///     std::io::Result::Ok(stream)
/// });
///
/// let mut connector = HttpConnector::new();
/// connector.set_nodelay(true);
/// let client = Client::builder(TokioExecutor::new()).build::<_, Empty<Bytes>>(connector);
/// let response = client.get(uri).await?;
/// assert_eq!(response.into_body().collect().await?.to_bytes(), "hello");
/// # server.await??;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct HttpConnector {
    enforce_http: bool,
    nodelay: bool,
    connect_timeout: Option<Duration>,
    mode: Option<Mode>,
}

impl HttpConnector {
    /// Makes a connector with the default settings.
    #[must_use]
    pub fn new() -> HttpConnector {
        HttpConnector {
            enforce_http: true,
            nodelay: false,
            connect_timeout: None,
            mode: None,
        }
    }

    /// Chooses whether URIs of other schemes than `http` are refused: by default they are.
    ///
    /// Without this, the connector still speaks to every server in the clear, and goes to port 443 for
    /// `https`: it is for use inside a connector that adds TLS.
    pub fn enforce_http(&mut self, is_enforced: bool) {
        self.enforce_http = is_enforced;
    }

    /// Chooses whether the connections have `TCP_NODELAY` set: by default they have not, as with
    /// hyper-util's. With it, what leaves in two pieces does not wait for the server's acknowledgement.
    pub fn set_nodelay(&mut self, nodelay: bool) {
        self.nodelay = nodelay;
    }

    /// Limits how long connecting may take, once the name is resolved: the limit is shared out evenly
    /// among the addresses. By default there is none but the kernel's, some two minutes for each.
    pub fn set_connect_timeout(&mut self, limit: Option<Duration>) {
        self.connect_timeout = limit;
    }

    /// Chooses the [`Mode`] of the connections: by default that of the runtime.
    pub fn set_mode(&mut self, mode: Mode) {
        self.mode = Some(mode);
    }

    /// The host and the port of `uri`.
    fn target<'u>(&self, uri: &'u Uri) -> Result<(&'u str, u16), ConnectError> {
        let default_port = match uri.scheme_str() {
            Some("http") => 80,
            Some("https") if !self.enforce_http => 443,
            Some(_) if !self.enforce_http => 80,
            Some(_) | None => return Err(ConnectError::NotHttp(uri.clone())),
        };
        let Some(host) = uri.host().filter(|host| !host.is_empty()) else {
            return Err(ConnectError::NoHost(uri.clone()));
        };
        // An IPv6 address, which has brackets in an URI only.
        let bare = host
            .strip_prefix('[')
            .and_then(|host| host.strip_suffix(']'));
        Ok((bare.unwrap_or(host), uri.port_u16().unwrap_or(default_port)))
    }

    async fn connect(&self, uri: &Uri) -> Result<TcpStream, ConnectError> {
        let (host, port) = self.target(uri)?;
        let unresolved = |error| ConnectError::Resolve {
            host: host.to_owned(),
            error,
        };
        let addresses = lookup_host((host, port)).await.map_err(unresolved)?;
        let addresses: Vec<_> = addresses.collect();
        match self.connect_any(&addresses).await {
            Some(connected) => connected,
            None => Err(unresolved(sys::no_addr())),
        }
    }

    /// Connects to the first address that answers; the error is that of the first one. `None`: there
    /// are no addresses.
    async fn connect_any(
        &self,
        addresses: &[SocketAddr],
    ) -> Option<Result<TcpStream, ConnectError>> {
        let count = u32::try_from(addresses.len()).unwrap_or(u32::MAX);
        let limit = self
            .connect_timeout
            .and_then(|limit| limit.checked_div(count));
        let mut first_error = None;
        for &address in addresses {
            match self.connect_to(address, limit).await {
                Ok(stream) => return Some(Ok(stream)),
                Err(error) => {
                    first_error.get_or_insert(ConnectError::Connect { address, error });
                }
            }
        }
        first_error.map(Err)
    }

    async fn connect_to(
        &self,
        address: SocketAddr,
        limit: Option<Duration>,
    ) -> io::Result<TcpStream> {
        let connecting = TcpStream::connect(address);
        let stream = match limit {
            Some(limit) => timeout(limit, connecting).await??,
            None => connecting.await?,
        };
        stream.set_nodelay(self.nodelay)?;
        if let Some(mode) = self.mode {
            stream.set_mode(mode)?;
        }
        Ok(stream)
    }
}

impl Default for HttpConnector {
    /// Does what [`new`](HttpConnector::new) does.
    fn default() -> HttpConnector {
        HttpConnector::new()
    }
}

impl Service<Uri> for HttpConnector {
    type Response = TcpStream;
    type Error = ConnectError;
    type Future = Pin<Box<dyn Future<Output = Result<TcpStream, ConnectError>> + Send>>;

    /// It is always ready.
    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), ConnectError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let connector = self.clone();
        Box::pin(async move { connector.connect(&uri).await })
    }
}

/// Why an [`HttpConnector`] has no connection.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The scheme of the URI is another than `http`, or there is none.
    #[error(
        "cannot connect to {0}: its scheme is not http; a connector for https goes around this one"
    )]
    NotHttp(Uri),
    /// The URI names no server.
    #[error("cannot connect to {0}: it has no host")]
    NoHost(Uri),
    /// The name of the server cannot be resolved.
    #[error("the address of {host} cannot be found")]
    Resolve {
        /// The name.
        host: String,
        /// As of [`lookup_host`](crate::lookup_host).
        #[source]
        error: io::Error,
    },
    /// No address of the server has answered.
    #[error("cannot connect to {address}")]
    Connect {
        /// The first address that was tried.
        address: SocketAddr,
        /// Its error, as of [`TcpStream::connect`]; `TimedOut` also if the time of the connector was
        /// over.
        #[source]
        error: io::Error,
    },
}

/// The addresses of the connection over which a response came: an extension of every response that a
/// client has received by a [`TcpStream`].
///
/// # Examples
/// ```
/// use hyper::Response;
/// use tokio_uring_net::hyper::HttpInfo;
///
/// fn log<B>(response: &Response<B>) {
///     if let Some(info) = response.extensions().get::<HttpInfo>() {
///         println!("answered by {}", info.remote_addr());
///     }
/// }
/// ```
#[derive(Clone, Debug)]
pub struct HttpInfo {
    local_addr: SocketAddr,
    remote_addr: SocketAddr,
}

impl HttpInfo {
    /// Answers the client's own address.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// Answers the address of the server.
    #[must_use]
    pub fn remote_addr(&self) -> SocketAddr {
        self.remote_addr
    }
}

/// With the feature `hyper-client`, a connector may answer a [`TcpStream`]; responses have an
/// [`HttpInfo`] then.
impl Connection for TcpStream {
    fn connected(&self) -> Connected {
        match (self.local_addr(), self.peer_addr()) {
            (Ok(local_addr), Ok(remote_addr)) => Connected::new().extra(HttpInfo {
                local_addr,
                remote_addr,
            }),
            // It is gone already, as its first request will tell.
            (Err(_), _) | (_, Err(_)) => Connected::new(),
        }
    }
}
