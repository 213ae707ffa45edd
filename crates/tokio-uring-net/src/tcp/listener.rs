//! [`TcpListener`]: a listening socket.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::task::{Context, Poll, ready};

use ring_reactor::net::{Origin, Socket};
use ring_reactor::{AtomicMode, Mode};
use socket2::{Domain, SockAddr, SockRef};
use tokio::net::{ToSocketAddrs, lookup_host};

use super::accept_stream::AcceptStream;
use super::stream::TcpStream;
use crate::sys;

/// How many connections the kernel keeps for a listener of [`TcpListener::bind`] until they are
/// accepted: what `tokio::net` asks for (seen with strace: `listen(fd, 128)`).
const BACKLOG_COUNT: i32 = 128;

/// A socket that listens for TCP connections.
///
/// [`accept`](TcpListener::accept) answers the next connection. Any number of tasks may wait in it
/// at once, by shared reference. The socket is closed when the value is dropped.
///
/// A `tokio::net::TcpListener` and this type turn into each other by `TryFrom`, for crates that
/// take tokio's concrete type. The conversions keep the socket, with its options and the
/// connections that wait in it, and register it with the runtime they are called in.
///
/// # Errors
/// An accept may fail for reasons that concern one connection only, such as a peer that gave up, or
/// that pass, such as too many open files. A server that should live on goes on accepting after
/// them.
///
/// # Examples
/// ```
/// use tokio::io::AsyncWriteExt;
/// use tokio_uring_net::{TcpListener, TcpStream};
///
/// # #[tokio::main]
/// # async fn main() -> std::io::Result<()> {
/// let listener = TcpListener::bind("127.0.0.1:0").await?;
/// let addr = listener.local_addr()?;
/// let server = tokio::spawn(async move {
///     let (mut stream, _peer) = listener.accept().await?;
///     stream.write_all(b"welcome").await
/// });
///
/// let _client = TcpStream::connect(addr).await?;
/// server.await??;
/// # Ok(())
/// # }
/// ```
pub struct TcpListener {
    socket: Socket,
    /// Of the streams that it accepts.
    mode: AtomicMode,
}

// tokio's types promise both whatever the engine is made of: no method leaves a socket half changed
// when it panics.
impl UnwindSafe for TcpListener {}
impl RefUnwindSafe for TcpListener {}

impl TcpListener {
    /// Makes a listener on the first of the addresses of `addr` that can be bound.
    ///
    /// Port 0 lets the kernel choose one; [`local_addr`](TcpListener::local_addr) tells which. The
    /// socket has `SO_REUSEADDR` set. [`TcpSocket`](crate::TcpSocket) makes listeners with other
    /// options.
    ///
    /// # Cancel safety
    /// Cancel safe: a call that is dropped leaves no socket behind.
    ///
    /// # Errors
    /// The error of the last address tried, as of socket(2), bind(2) and listen(2); the error of
    /// the name look-up; `InvalidInput` if `addr` resolves to no address.
    ///
    /// # Panics
    /// If called outside a tokio runtime, or in one whose I/O is not enabled.
    ///
    /// # Examples
    /// ```
    /// use tokio_uring_net::TcpListener;
    ///
    /// # #[tokio::main]
    /// # async fn main() -> std::io::Result<()> {
    /// let listener = TcpListener::bind("127.0.0.1:0").await?;
    /// assert_ne!(listener.local_addr()?.port(), 0);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn bind<A: ToSocketAddrs>(addr: A) -> io::Result<TcpListener> {
        let mut last_error = None;
        for addr in lookup_host(addr).await? {
            match TcpListener::bind_addr(addr) {
                Ok(listener) => return Ok(listener),
                Err(error) => last_error = Some(error),
            }
        }
        Err(last_error.unwrap_or_else(sys::no_addr))
    }

    fn bind_addr(addr: SocketAddr) -> io::Result<TcpListener> {
        let socket = sys::tcp_socket(Domain::for_address(addr))?;
        socket.set_reuse_address(true)?;
        socket.bind(&addr.into())?;
        socket.listen(BACKLOG_COUNT)?;
        TcpListener::new(socket.into(), Origin::Listening)
    }

    /// Takes a listening, non-blocking socket into the current runtime.
    #[track_caller]
    pub(crate) fn new(fd: OwnedFd, origin: Origin) -> io::Result<TcpListener> {
        Ok(TcpListener {
            socket: Socket::new(fd, origin)?,
            mode: AtomicMode::new(ring_reactor::default_mode()?),
        })
    }

    /// Waits for the next connection; answers its stream and the address of the peer.
    ///
    /// # Cancel safety
    /// Cancel safe: if the future is dropped before it answers, the connection stays for the next
    /// accept.
    ///
    /// # Errors
    /// As accept(2). See [`TcpListener`] for those that a server survives.
    ///
    /// # Examples
    /// ```
    /// use tokio_uring_net::{TcpListener, TcpStream};
    ///
    /// # #[tokio::main]
    /// # async fn main() -> std::io::Result<()> {
    /// let listener = TcpListener::bind("127.0.0.1:0").await?;
    /// let client = TcpStream::connect(listener.local_addr()?).await?;
    /// let (server, peer) = listener.accept().await?;
    /// assert_eq!(peer, client.local_addr()?);
    /// assert_eq!(server.local_addr()?, client.peer_addr()?);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        self.accepted(self.socket.accept().await?)
    }

    /// Accepts the next connection, or has the task of `cx` woken when there may be one.
    ///
    /// Only the task of the most recent call is woken. [`accept`](TcpListener::accept) serves any
    /// number of tasks.
    ///
    /// # Errors
    /// As [`accept`](TcpListener::accept).
    ///
    /// # Examples
    /// ```
    /// use std::future::poll_fn;
    /// use tokio_uring_net::{TcpListener, TcpStream};
    ///
    /// # #[tokio::main]
    /// # async fn main() -> std::io::Result<()> {
    /// let listener = TcpListener::bind("127.0.0.1:0").await?;
    /// let client = TcpStream::connect(listener.local_addr()?).await?;
    /// let (_server, peer) = poll_fn(|cx| listener.poll_accept(cx)).await?;
    /// assert_eq!(peer, client.local_addr()?);
    /// # Ok(())
    /// # }
    /// ```
    pub fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<(TcpStream, SocketAddr)>> {
        Poll::Ready(self.accepted(ready!(self.socket.poll_accept(cx))?))
    }

    /// Makes a stream of an accepted connection.
    fn accepted(&self, (fd, peer): (OwnedFd, SockAddr)) -> io::Result<(TcpStream, SocketAddr)> {
        let peer = sys::internet_addr(peer)?;
        let stream = TcpStream::with_mode(fd, Origin::Accepted, self.mode.load())?;
        Ok((stream, peer))
    }

    /// Answers the connections as a stream that takes them ahead: with io_uring one multishot accept
    /// serves them all.
    ///
    /// Connections are taken before the stream is polled for them, until 64 or more wait. So it is for a listener
    /// that this program has for itself: another program that shares it, or takes it over, does not
    /// see those. They wait for the next [`accept`](TcpListener::accept) or stream, and are closed
    /// with the listener.
    ///
    /// # Examples
    /// ```
    /// use tokio_uring_net::{TcpListener, TcpStream};
    ///
    /// # #[tokio::main]
    /// # async fn main() -> std::io::Result<()> {
    /// let listener = TcpListener::bind("127.0.0.1:0").await?;
    /// let client = TcpStream::connect(listener.local_addr()?).await?;
    /// let mut connections = listener.accept_stream();
    /// let server = connections.next().await?;
    /// assert_eq!(server.peer_addr()?, client.local_addr()?);
    /// # Ok(())
    /// # }
    /// ```
    pub fn accept_stream(&self) -> AcceptStream<'_> {
        AcceptStream::new(self)
    }

    pub(super) fn socket(&self) -> &Socket {
        &self.socket
    }

    /// Answers the [`Mode`] of the streams that the listener accepts.
    #[must_use]
    pub fn mode(&self) -> Mode {
        self.mode.load()
    }

    /// Chooses the [`Mode`] of the streams that the listener accepts from now on: by default that of
    /// its runtime.
    ///
    /// # Examples
    /// ```
    /// use tokio_uring_net::{Mode, TcpListener, TcpStream};
    ///
    /// # #[tokio::main]
    /// # async fn main() -> std::io::Result<()> {
    /// let listener = TcpListener::bind("127.0.0.1:0").await?;
    /// listener.set_mode(Mode::Completion);
    /// let _client = TcpStream::connect(listener.local_addr()?).await?;
    /// let (server, _) = listener.accept().await?;
    /// assert_eq!(server.mode(), Mode::Completion);
    /// # Ok(())
    /// # }
    /// ```
    pub fn set_mode(&self, mode: Mode) {
        self.mode.swap(mode);
    }

    /// Takes a listener of the standard library into the current runtime.
    ///
    /// The listener must be in non-blocking mode, or its calls block the runtime's thread: see
    /// [`set_nonblocking`](std::net::TcpListener::set_nonblocking).
    ///
    /// # Errors
    /// If the runtime cannot register the socket.
    ///
    /// # Panics
    /// If called outside a tokio runtime, or in one whose I/O is not enabled. In builds with debug
    /// assertions also if the listener is in blocking mode.
    ///
    /// # Examples
    /// ```
    /// use tokio_uring_net::TcpListener;
    ///
    /// # #[tokio::main]
    /// # async fn main() -> std::io::Result<()> {
    /// let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    /// listener.set_nonblocking(true)?;
    /// let listener = TcpListener::from_std(listener)?;
    /// # let _ = listener;
    /// # Ok(())
    /// # }
    /// ```
    #[track_caller]
    pub fn from_std(listener: std::net::TcpListener) -> io::Result<TcpListener> {
        sys::check_nonblocking(listener.as_fd())?;
        TcpListener::new(listener.into(), Origin::Listening)
    }

    /// Takes the listener out of its runtime, as a listener of the standard library in non-blocking
    /// mode.
    ///
    /// # Errors
    /// If the runtime cannot let go of the socket, which is closed then.
    ///
    /// # Examples
    /// ```
    /// use tokio_uring_net::TcpListener;
    ///
    /// # #[tokio::main]
    /// # async fn main() -> std::io::Result<()> {
    /// let listener = TcpListener::bind("127.0.0.1:0").await?.into_std()?;
    /// listener.set_nonblocking(false)?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn into_std(self) -> io::Result<std::net::TcpListener> {
        self.socket.into_fd().map(std::net::TcpListener::from)
    }

    /// Answers the address the listener is bound to, with the port the kernel chose if 0 was asked
    /// for.
    ///
    /// # Errors
    /// As getsockname(2).
    ///
    /// # Examples
    /// ```
    /// use tokio_uring_net::TcpListener;
    ///
    /// # #[tokio::main]
    /// # async fn main() -> std::io::Result<()> {
    /// let listener = TcpListener::bind("127.0.0.1:0").await?;
    /// println!("listening on {}", listener.local_addr()?);
    /// # Ok(())
    /// # }
    /// ```
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        sys::local_addr(self.socket.fd())
    }

    /// Answers `IP_TTL`: how many routers a packet of this socket may pass. See
    /// [`set_ttl`](TcpListener::set_ttl).
    ///
    /// # Errors
    /// As getsockopt(2).
    pub fn ttl(&self) -> io::Result<u32> {
        SockRef::from(&self.socket.fd()).ttl_v4()
    }

    /// Sets `IP_TTL`: how many routers a packet of this socket may pass.
    ///
    /// # Errors
    /// As setsockopt(2).
    ///
    /// # Examples
    /// ```
    /// use tokio_uring_net::TcpListener;
    ///
    /// # #[tokio::main]
    /// # async fn main() -> std::io::Result<()> {
    /// let listener = TcpListener::bind("127.0.0.1:0").await?;
    /// listener.set_ttl(100)?;
    /// assert_eq!(listener.ttl()?, 100);
    /// # Ok(())
    /// # }
    /// ```
    pub fn set_ttl(&self, ttl: u32) -> io::Result<()> {
        SockRef::from(&self.socket.fd()).set_ttl_v4(ttl)
    }
}

impl TryFrom<std::net::TcpListener> for TcpListener {
    type Error = io::Error;

    /// Does what [`from_std`](TcpListener::from_std) does.
    #[track_caller]
    fn try_from(listener: std::net::TcpListener) -> io::Result<TcpListener> {
        TcpListener::from_std(listener)
    }
}

impl TryFrom<tokio::net::TcpListener> for TcpListener {
    type Error = io::Error;

    /// Takes a listener of `tokio::net` into the current runtime, for use with a crate that makes
    /// tokio's concrete type.
    ///
    /// # Errors
    /// If tokio cannot let go of the socket or the runtime cannot register it.
    ///
    /// # Panics
    /// If called outside a tokio runtime, or in one whose I/O is not enabled.
    #[track_caller]
    fn try_from(listener: tokio::net::TcpListener) -> io::Result<TcpListener> {
        TcpListener::new(listener.into_std()?.into(), Origin::Listening)
    }
}

impl TryFrom<TcpListener> for tokio::net::TcpListener {
    type Error = io::Error;

    /// Hands the listener to `tokio::net` in the current runtime, for use with a crate that takes
    /// tokio's concrete type.
    ///
    /// # Errors
    /// If the runtime cannot let go of the socket or tokio cannot register it.
    ///
    /// # Panics
    /// If called outside a tokio runtime, or in one whose I/O is not enabled.
    #[track_caller]
    fn try_from(listener: TcpListener) -> io::Result<tokio::net::TcpListener> {
        tokio::net::TcpListener::from_std(listener.into_std()?)
    }
}

impl fmt::Debug for TcpListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("TcpListener");
        if let Ok(addr) = self.local_addr() {
            out.field("addr", &addr);
        }
        out.field("fd", &self.socket.fd().as_raw_fd()).finish()
    }
}

impl AsFd for TcpListener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.expose_fd()
    }
}

impl AsRawFd for TcpListener {
    fn as_raw_fd(&self) -> RawFd {
        self.socket.expose_fd().as_raw_fd()
    }
}
