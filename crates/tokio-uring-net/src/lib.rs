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
//! [`driver`] says which of the two serves the current runtime, and why; [`Builder`] and the
//! environment variable `TOKIO_URING_NET` (`auto`, `epoll`, `uring`) choose. [`Builder::busy_poll`] and
//! `TOKIO_URING_NET_BUSY_POLL_US` have a current_thread runtime watch its ring before it sleeps, at
//! the price of CPU time.
//! [`per_core`] runs one runtime on every CPU, each with a ring of its own.
//!
//! [The guide](migration) tells how to move a service here: all at once, a listener at a time, or in part.
//!
//! # Modes
//! A [`TcpStream`] moves its bytes in one of two ways, on either driver (a [`UnixStream`] in the first
//! one always, because descriptors may come with the bytes):
//! - [`Mode::Exact`], the default: every read and every write is one system call of its own, as with
//!   `tokio::net`. What this page lists as different is all that is.
//! - [`Mode::Completion`]: a read that offers less than 1 KiB is served from bytes that were received
//!   ahead, up to 4 KiB; small writes (up to 4 KiB each, 16 KiB together) wait for each other and leave
//!   in one send. With io_uring on a current_thread runtime, a read that would wait has the ring receive, and
//!   messages of less than 2 KiB then come without a system call of their own; a stream that moves more at a
//!   time, or is read slowly, is received from by its reads from then on. It is for code that writes a
//!   response in several small pieces, or reads frames without a `BufReader`, and for servers of small
//!   requests: see the README for what was measured.
//!
//! The mode is chosen for a stream ([`TcpStream::set_mode`]), for those of a listener
//! ([`TcpListener::set_mode`]), for a runtime ([`Builder::mode`]), or by the environment variable
//! `TOKIO_URING_NET_MODE` (`exact`, `completion`).
//!
//! Queued bytes leave at the first of: a read, `peek` or wait for readiness on their stream that is
//! about to wait; `flush`; `shutdown`; the drop of the stream; [`into_std`](TcpStream::into_std); a
//! write that is too large to wait; the next turn of the runtime's driver, which comes when the tasks
//! that are ready have run. The first write after a read goes at once, unless the stream was seen to
//! write several times in each of its last four rounds. A write waits only if the kernel has room for
//! it, so that what was accepted can also be sent when the runtime or the process ends.
//!
//! | In Completion mode | |
//! |---|---|
//! | Errors | An error that a queued write meets is answered by the next read, write, flush, shutdown or `take_error`, before the end of the stream. |
//! | Bytes ahead | The ring may receive also when the read that waited has been dropped: the next read gets the bytes. At most 4 KiB are ahead, and once what the ring takes in one turn, 128 KiB for all streams together. |
//! | The descriptor | `as_raw_fd`, `try_io`, `async_io`, [`Interest::PRIORITY`](tokio::io::Interest::PRIORITY), and `as_fd` once a byte has moved, send what is queued, end the ring's receive and make the stream Exact. On another thread than the runtime's they wait for the runtime to do that, 100 ms at most; from one that is busy for longer, bytes may still come ahead. A receive of the program's own misses [`bytes_ahead`](TcpStream::bytes_ahead); `try_io` and `async_io` refuse one while there are any. A receive on a raw descriptor does not see an error that a queued write has met. |
//! | `into_std`, `TryFrom` | They fail with [`IntoStdError`], which holds the stream, while bytes are ahead or the kernel is full; on another thread also if the runtime is busy for 100 ms. |
//! | Drop | A stream that nobody else can have, dropped with bytes ahead, resets its connection, as unread bytes do. (Not bytes that the ring takes after a drop on another thread than the runtime's.) One from [`from_std`](TcpStream::from_std), `TryFrom` or [`TcpSocket::connect`], or whose descriptor was shown, ends with a FIN. |
//! | `shutdown` | It waits for the kernel to take what is queued, if the kernel has filled up meanwhile. |
//! | Blocked threads | A task that blocks its thread between a write and a wait has its bytes sent within some 10 milliseconds, by a thread that the crate starts with the first queued write. |
//! | `exec`, `_exit`, `abort`, signals | They lose what is queued, at most 16 KiB for each stream; `exit` and the end of `main` do not. |
//! | Tasks | A runtime on tokio's epoll has the driver's task too. |
//!
//! # Beyond `tokio::net`
//! Calls that `tokio::net` does not have. They work on both drivers and in both modes; a
//! program that does not use them notices nothing of them.
//! - [`Buffered`]: [`AsyncBufRead`](tokio::io::AsyncBufRead) on a [`TcpStream`]. Lines, or whatever else
//!   is read in small pieces, come from the receive buffer itself, without a `BufReader` and its copy.
//! - [`TcpStream::recv_owned`], also on the read halves: receives and hands out the receive buffer, a
//!   [`Lease`].
//! - [`TcpStream::write_owned`], also on the write halves: sends buffers that it is given. Several leave
//!   in one system call, and what the kernel has no room for leaves without the task.
//! - [`UdpSocket::recv_many`] and [`send_many`](UdpSocket::send_many): a batch of [`Datagrams`] in one
//!   system call each, with the kernel's segmentation and coalescing.
//!
//! [`TcpListenerStream`] and [`UnixListenerStream`], listeners as streams of their connections, are the
//! counterparts of tokio-stream's.
//!
//! # Features
//! None is on by default, and none changes what the sockets do.
//!
//! | feature | adds |
//! |---|---|
//! | `axum` | axum's `Listener` for [`TcpListener`] and [`UnixListener`], so that `axum::serve` takes them. Linux only. |
//! | `hyper-io` | hyper's I/O traits for [`TcpStream`] and [`UnixStream`], so that hyper takes them without `TokioIo`. Linux only. |
//! | `hyper` | These traits, and `hyper::serve`, a server for HTTP/1.1 and HTTP/2 with graceful shutdown. Linux only. |
//! | `hyper-client` | These traits, and `hyper::HttpConnector`, with which hyper-util's client and tonic's channel connect. Linux only. |
//! | `quinn` | The module `quinn`: a `Runtime` of quinn's with the sockets of this crate. Linux only. |
//! | `tonic` | tonic's `Connected` for [`TcpStream`] and [`UnixStream`], so that its server takes a [`TcpListenerStream`] or a [`UnixListenerStream`]. Linux only. |
//!
//! # What differs from `tokio::net`
//! | On both drivers | |
//! |---|---|
//! | Types | The types are this crate's own, except [`ToSocketAddrs`], [`lookup_host`] and [`unix::SocketAddr`], which are tokio's, re-exported. `TryFrom` turns sockets into tokio's and back. |
//! | Unix addresses | [`UnixListener::accept`] answers the abstract name that a peer is bound to, where tokio says that it has none, and a path of 108 bytes, where tokio panics. ([`UnixDatagram`] takes such a sender for one without a name.) An abstract name that is empty, or begins with a NUL byte, is that name, where tokio takes it for none, or without its last byte. |
//! | Systems | Elsewhere than on Linux the crate is `tokio::net`, re-exported, without anything that `tokio::net` does not have. |
//!
//! | On io_uring | |
//! |---|---|
//! | Tasks, descriptors | The runtime has one more task, the driver's, which `num_alive_tasks` counts, and two more descriptors, the ring and its eventfd. (The task is there also where a ring was refused and where [`Builder`] chose epoll.) |
//! | Tracing, filters | strace and seccomp filters do not see accepts and closes that go through the ring. |
//! | First readiness | What is not known of a socket yet is asked of the kernel by poll(2) or accept4(2), not awaited from epoll. So a connect that is through, an accept with a connection waiting and a read on a converted socket with bytes are ready in their first poll, and `try_*` may succeed where tokio still says `WouldBlock`. |
//! | Closed states | While a socket is known to be writable, `ready(Interest::WRITABLE)` answers from that, and may not tell yet that the other end has gone; tokio's may tell both. Waiting for the other direction, `Interest::ERROR` and the write itself tell. |
//! | Drop on another thread | Where the socket may be someone else's too (a listener; a stream from [`from_std`](TcpStream::from_std), `TryFrom`, [`TcpSocket::connect`] or [`UnixSocket::connect`], or after `as_fd` or `as_raw_fd`), it ends in the driver's next turn: a stream's FIN is sent then, a listener's port is free then. So do datagram sockets and the ends of pipes: until then sends to the socket succeed, and the other end of the pipe waits. `into_std` and its like let go of the socket in that turn too. So is any reset that the drop causes. A ring on a multi_thread runtime can be used from every thread: there the drop itself ends the socket, and waits for that, a millisecond at a time (and accepts are polled for, not made, by the ring). |
//! | [`accept_stream`](TcpListener::accept_stream) | An addition: it takes connections ahead, until 64 or more wait. Those that are left with the listener are treated as the next row says. |
//! | Accept, cancelled late | A connection that the ring had already taken when the last `accept` was dropped goes to the next `accept`. Without one it is closed: by the listener's drop, [`into_std`](TcpListener::into_std) or `TryFrom`. With tokio it would stay in the kernel's queue, for whoever else holds the listener. |
//! | A killed process | One that ends by a signal or by `abort`, without dropping its runtime, leaves its ring to a kernel thread: its ports stay in use, and its peers see the end, some 10 milliseconds later than with tokio. |
//! | After `fork` | In the child, waiting on a socket of the parent's runtime fails with tokio's error for a runtime that is shut down, and dropping one does not disturb the parent (on both drivers; tokio's takes the parent's socket out of the shared epoll instance). A new runtime works. |

// layers: a module uses only its own line and lines below; `cargo xtask tidy` checks it
//   axum, hyper, quinn, tonic                   - serve on a listener, connect for a client
//   accepting
//   per_core
//   per_core::worker
//   per_core::this_core
//   per_core::cpu, per_core::error, per_core::listeners
//   backend
//   tcp                                         - re-exports
//   tcp::listener, tcp::accept_stream, tcp::listener_stream, tcp::socket, tcp::buffered, tcp::owned
//   tcp::split, tcp::split_owned, tcp::stream   - a stream is split, halves are joined
//   unix                                        - re-exports
//   unix::listener, unix::listener_stream, unix::socket
//   unix::split, unix::split_owned, unix::stream   - a stream is split, halves are joined
//   unix::datagram, unix::pipe, unix::ucred
//   udp
//   read_buf, sys

#[cfg(all(target_os = "linux", any(feature = "axum", feature = "hyper")))]
mod accepting;
#[cfg(all(target_os = "linux", feature = "axum"))]
mod axum;
#[cfg(target_os = "linux")]
mod backend;
#[cfg(all(target_os = "linux", feature = "hyper-io"))]
pub mod hyper;
// What users read before they change the first `use`.
#[cfg(all(doc, target_os = "linux"))]
#[doc = include_str!("migration.md")]
pub mod migration {}
#[cfg(target_os = "linux")]
pub mod per_core;
#[cfg(all(target_os = "linux", feature = "quinn"))]
pub mod quinn;
#[cfg(target_os = "linux")]
mod read_buf;
#[cfg(target_os = "linux")]
mod sys;
#[cfg(target_os = "linux")]
pub mod tcp;
#[cfg(all(target_os = "linux", feature = "tonic"))]
mod tonic;
#[cfg(target_os = "linux")]
mod udp;
#[cfg(target_os = "linux")]
pub mod unix;

#[cfg(target_os = "linux")]
pub use crate::backend::{
    Builder, Driver, DriverChoice, Metrics, Mode, Reason, Status, driver, metrics,
};
#[cfg(target_os = "linux")]
pub use crate::tcp::accept_stream::AcceptStream;
#[cfg(target_os = "linux")]
pub use crate::tcp::buffered::Buffered;
#[cfg(target_os = "linux")]
pub use crate::tcp::listener::TcpListener;
#[cfg(target_os = "linux")]
pub use crate::tcp::listener_stream::TcpListenerStream;
#[cfg(target_os = "linux")]
pub use crate::tcp::socket::TcpSocket;
#[cfg(target_os = "linux")]
pub use crate::tcp::stream::TcpStream;
#[cfg(target_os = "linux")]
pub use crate::tcp::stream::mode::IntoStdError;
#[cfg(target_os = "linux")]
pub use crate::udp::UdpSocket;
#[cfg(target_os = "linux")]
pub use crate::unix::datagram::UnixDatagram;
#[cfg(target_os = "linux")]
pub use crate::unix::listener::UnixListener;
#[cfg(target_os = "linux")]
pub use crate::unix::listener_stream::UnixListenerStream;
#[cfg(target_os = "linux")]
pub use crate::unix::socket::UnixSocket;
#[cfg(target_os = "linux")]
pub use crate::unix::stream::UnixStream;
#[cfg(target_os = "linux")]
pub use ring_reactor::net::{Datagram, Datagrams, Lease};
#[cfg(target_os = "linux")]
#[doc(no_inline)]
pub use tokio::net::{ToSocketAddrs, lookup_host};

// A team with other systems can go on to build and test there.
#[cfg(not(target_os = "linux"))]
pub use tokio::net::*;

// Has the examples of README.md compiled and run with those of the crate.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;
