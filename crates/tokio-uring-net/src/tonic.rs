//! tonic's server (feature `tonic`) on a [`TcpListenerStream`](crate::TcpListenerStream) and on a
//! [`UnixListenerStream`](crate::UnixListenerStream).

use std::io;
use std::sync::Arc;

use ::tonic::transport::server::{Connected, TcpConnectInfo, UdsConnectInfo};
use tokio::net::unix::UCred;

use crate::tcp::stream::TcpStream;
use crate::unix::stream::UnixStream;

/// With the feature `tonic`, `serve_with_incoming` and `serve_with_incoming_shutdown` of tonic's server
/// take a [`TcpListenerStream`](crate::TcpListenerStream).
///
/// Handlers ask for the addresses of the connection as with tokio's listener: by `remote_addr` and
/// `local_addr` of their `tonic::Request`, or for the [`TcpConnectInfo`] in its extensions.
///
/// tonic sets no options of connections that it is given, not even `TCP_NODELAY`, without which a call
/// may take some 40 ms longer. The listener does: those that it accepts inherit its `TCP_NODELAY` and
/// its [`mode`](crate::TcpListener::set_mode). tonic goes on after an error of accept(2), at once,
/// whatever its reason.
///
/// tonic's clients connect by `connect_with_connector` of its `Endpoint` and the `hyper::HttpConnector`
/// of the feature `hyper-client`, on which `set_nodelay(true)` was called for the same reason.
///
/// # Examples
/// ```
/// use std::convert::Infallible;
///
/// use hyper::{Request, Response};
/// use tokio_uring_net::{Mode, TcpListenerStream, TcpSocket};
/// use tonic::Status;
/// use tonic::body::Body;
/// use tonic::transport::Server;
/// use tower::service_fn;
///
/// // What `tonic-prost-build` generates is a service as this one is.
/// async fn answer(_request: Request<Body>) -> Result<Response<Body>, Infallible> {
///     Ok(Status::unimplemented("there are no methods yet").into_http())
/// }
///
/// # #[tokio::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let socket = TcpSocket::new_v4()?;
/// socket.set_reuseaddr(true)?; // As `TcpListener::bind` does.
/// socket.set_nodelay(true)?;
/// socket.bind("127.0.0.1:0".parse()?)?;
/// let listener = socket.listen(1024)?;
/// listener.set_mode(Mode::Completion);
///
/// let incoming = TcpListenerStream::new(listener);
/// # let stop = async {};
/// Server::builder()
///     .serve_with_incoming_shutdown(service_fn(answer), incoming, stop)
///     .await?;
/// # Ok(())
/// # }
/// ```
impl Connected for TcpStream {
    type ConnectInfo = TcpConnectInfo;

    fn connect_info(&self) -> TcpConnectInfo {
        TcpConnectInfo {
            local_addr: self.local_addr().ok(),
            remote_addr: self.peer_addr().ok(),
        }
    }
}

/// With the feature `tonic`, `serve_with_incoming` and `serve_with_incoming_shutdown` of tonic's server
/// take a [`UnixListenerStream`](crate::UnixListenerStream).
///
/// Handlers ask for who is calling as with tokio's listener: by the [`UdsConnectInfo`] in the
/// extensions of their `tonic::Request`. Its credentials have tokio's type, not
/// [this crate's](crate::unix::UCred). tokio alone makes it, of a stream of its own: one is made of
/// each connection's duplicate for a moment, which costs some system calls for each connection.
///
/// tonic's clients connect by `connect_with_connector` of its `Endpoint` and a service that answers a
/// [`UnixStream`] in `hyper_util::rt::TokioIo`, or, with the feature `hyper-io`, the stream itself.
///
/// # Panics
/// [`connect_info`](Connected::connect_info) panics outside a tokio runtime, or in one whose I/O is
/// not enabled.
///
/// # Examples
/// ```
/// use std::convert::Infallible;
///
/// use hyper::{Request, Response};
/// use tokio_uring_net::{UnixListener, UnixListenerStream};
/// use tonic::Status;
/// use tonic::body::Body;
/// use tonic::transport::Server;
/// use tonic::transport::server::UdsConnectInfo;
/// use tower::service_fn;
///
/// // What `tonic-prost-build` generates is a service as this one is.
/// async fn answer(request: Request<Body>) -> Result<Response<Body>, Infallible> {
///     let caller = request.extensions().get::<UdsConnectInfo>();
///     let uid = caller.and_then(|caller| caller.peer_cred).map(|cred| cred.uid());
///     Ok(Status::unimplemented(format!("there are no methods yet for {uid:?}")).into_http())
/// }
///
/// # #[tokio::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let path = std::env::temp_dir().join(format!("tonic-{}.socket", std::process::id()));
/// let incoming = UnixListenerStream::new(UnixListener::bind(&path)?);
/// # let stop = async {};
/// Server::builder()
///     .serve_with_incoming_shutdown(service_fn(answer), incoming, stop)
///     .await?;
/// std::fs::remove_file(&path)?;
/// # Ok(())
/// # }
/// ```
impl Connected for UnixStream {
    type ConnectInfo = UdsConnectInfo;

    fn connect_info(&self) -> UdsConnectInfo {
        UdsConnectInfo {
            peer_addr: self.peer_addr().ok().map(Arc::new),
            peer_cred: tokios_peer_cred(self).ok(),
        }
    }
}

fn tokios_peer_cred(stream: &UnixStream) -> io::Result<UCred> {
    let duplicate = stream.fd().try_clone_to_owned()?;
    tokio::net::UnixStream::from_std(duplicate.into())?.peer_cred()
}
