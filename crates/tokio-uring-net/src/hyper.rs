//! [hyper] on the sockets of this crate. Linux only.
//!
//! | feature | adds |
//! |---|---|
//! | `hyper-io` | hyper's I/O traits for [`TcpStream`] and [`UnixStream`], which are part of the other two |
//! | `hyper` | `serve`, a server with graceful shutdown |
//! | `hyper-client` | `HttpConnector`, for hyper-util's client and its pool of connections |
//!
//! A service that has an accept loop of its own opts in by leaving `TokioIo` out: a [`TcpStream`] is
//! what hyper's connections take, of servers and of clients, and so is a [`UnixStream`]. One that has
//! none opts in by `serve`, which speaks HTTP/1.1 and HTTP/2 on one port.
//!
#![cfg_attr(feature = "hyper", doc = "```no_run")]
#![cfg_attr(not(feature = "hyper"), doc = "```ignore")]
//! use std::convert::Infallible;
//!
//! use hyper::body::Incoming;
//! use hyper::service::service_fn;
//! use hyper::{Request, Response};
//! use tokio_uring_net::TcpListener;
//!
//! async fn hello(_request: Request<Incoming>) -> Result<Response<String>, Infallible> {
//!     Ok(Response::new("hello\n".to_owned()))
//! }
//!
//! # #[tokio::main]
//! # async fn main() -> std::io::Result<()> {
//! let listener = TcpListener::bind("127.0.0.1:8080").await?;
//! tokio_uring_net::hyper::serve(listener, service_fn(hello))
//!     .with_graceful_shutdown(async { tokio::signal::ctrl_c().await.unwrap_or(()) })
//!     .await?;
//! # Ok(())
//! # }
//! ```
//!
//! hyper's own connections, here over a pair of Unix sockets:
//!
#![cfg_attr(feature = "hyper", doc = "```")]
#![cfg_attr(not(feature = "hyper"), doc = "```ignore")]
//! use std::convert::Infallible;
//!
//! use hyper::body::Incoming;
//! use hyper::service::service_fn;
//! use hyper::{Request, Response, client, server};
//! use tokio_uring_net::UnixStream;
//!
//! async fn hello(_request: Request<Incoming>) -> Result<Response<String>, Infallible> {
//!     Ok(Response::new("hello\n".to_owned()))
//! }
//!
//! # #[tokio::main]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let (client, server) = UnixStream::pair()?;
//! tokio::spawn(server::conn::http1::Builder::new().serve_connection(server, service_fn(hello)));
//!
//! let (mut requests, connection) = client::conn::http1::handshake(client).await?;
//! tokio::spawn(connection);
//! let response = requests.send_request(Request::new(String::new())).await?;
//! assert_eq!(response.status(), 200);
//! # Ok(())
//! # }
//! ```
//!
//! # What becomes of hyper's calls
//! | hyper | the socket |
//! |---|---|
//! | reads | recv(2), straight into hyper's buffer. In [`Mode::Completion`](crate::Mode) what was received ahead comes first, and the few bytes by which `auto` tells HTTP/2 from HTTP/1.1 are no system call of their own. With io_uring on a current_thread runtime, the ring receives small requests. |
//! | writes | One send(2), in both modes: hyper gathers what it writes and flushes it, so nothing is held back for company. A head and a small body, which hyper writes as two pieces, leave in one piece. |
//! | flushes | Nothing, unless writes by [`AsyncWrite`](tokio::io::AsyncWrite) are queued before them. |
//!
//! The same holds for a connection that was upgraded (`hyper::upgrade`). Whoever wants its small
//! writes gathered takes the stream out (`hyper_util::server::conn::auto::upgrade::downcast`) and
//! writes by tokio's traits.
//!
//! [`TcpStream`]: crate::TcpStream
//! [`UnixStream`]: crate::UnixStream

#[cfg(feature = "hyper-client")]
mod connect;
#[cfg(feature = "hyper")]
mod connections;
mod io;
#[cfg(feature = "hyper")]
mod serve;

#[cfg(feature = "hyper-client")]
pub use self::connect::{ConnectError, HttpConnector, HttpInfo};
#[cfg(feature = "hyper")]
pub use self::serve::{Serve, Stopped, serve, serve_with};
