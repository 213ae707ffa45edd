//! tonic's server on a [`TcpListenerStream`](crate::TcpListenerStream).

use ::tonic::transport::server::{Connected, TcpConnectInfo};

use crate::tcp::stream::TcpStream;

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
