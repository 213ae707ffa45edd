//! `tokio::net` on io_uring: the same types under the same names, for the runtime a program already
//! has.
//!
//! A program changes `use tokio::net` to `use tokio_uring_net` and keeps the rest: its tokio
//! runtime, its `Send` tasks, and every crate that asks for [`AsyncRead`](tokio::io::AsyncRead) and
//! [`AsyncWrite`](tokio::io::AsyncWrite). Where the kernel offers io_uring, it tells when a socket
//! is ready; where a container, a sysctl or an old kernel forbids it, tokio's epoll does, and the
//! sockets behave the same.
//!
//! ```
//! use tokio::io::{AsyncReadExt, AsyncWriteExt};
//! use tokio_uring_net::{TcpListener, TcpStream};
//!
//! # #[tokio::main]
//! # async fn main() -> std::io::Result<()> {
//! let listener = TcpListener::bind("127.0.0.1:0").await?;
//! let mut client = TcpStream::connect(listener.local_addr()?).await?;
//! let (mut server, _) = listener.accept().await?;
//!
//! client.write_all(b"ping").await?;
//! let mut request = [0; 4];
//! server.read_exact(&mut request).await?;
//! assert_eq!(&request, b"ping");
//! # Ok(())
//! # }
//! ```
//!
//! # What differs from `tokio::net`
//! - The TCP types are this crate's own. A crate that takes the concrete types of `tokio::net` gets
//!   them by `TryFrom`, in both directions: see [`TcpStream`] and [`TcpListener`].
//! - The UDP and Unix types are still tokio's own, re-exported.

// layers: a module uses only its own line and lines below; `cargo xtask tidy` checks it
//   backend
//   tcp                                         - re-exports
//   tcp::listener, tcp::socket
//   tcp::split, tcp::split_owned, tcp::stream   - a stream is split, halves are joined
//   read_buf, sys

mod backend;
mod read_buf;
mod sys;
pub mod tcp;

pub use crate::backend::{Builder, Driver, DriverChoice, Metrics, Reason, Status, driver, metrics};
pub use crate::tcp::listener::TcpListener;
pub use crate::tcp::socket::TcpSocket;
pub use crate::tcp::stream::TcpStream;
#[doc(no_inline)]
pub use tokio::net::{ToSocketAddrs, lookup_host};

// ---- Still tokio's own; served by tokio's epoll ----
#[doc(no_inline)]
pub use tokio::net::{UdpSocket, UnixDatagram, UnixListener, UnixSocket, UnixStream, unix};
// ----
