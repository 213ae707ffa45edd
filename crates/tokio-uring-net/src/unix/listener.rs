//! [`UnixListener`]: a listening socket.

use std::fmt;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::os::unix::net as std_unix;
use std::path::Path;
use std::task::{Context, Poll, ready};

use ring_reactor::net::{Origin, Socket};
use socket2::{SockAddr, SockRef, Type};
use tokio::net::unix::SocketAddr;

use super::stream::UnixStream;
use crate::sys;

/// How many connections the kernel keeps for a listener of [`UnixListener::bind`] until they are
/// accepted: as many as the sysctl `net.core.somaxconn` allows, which is what listen(2) makes of a
/// negative count, and `tokio::net` asks for that.
const BACKLOG_COUNT: i32 = -1;

/// A Unix socket that listens for connections.
///
/// [`accept`](UnixListener::accept) answers the next connection. Any number of tasks may wait in it
/// at once, by shared reference. The socket is closed when the value is dropped; its file, if it is
/// bound to a path, stays, and has to be removed before another listener can be bound there.
///
/// A `tokio::net::UnixListener` and this type turn into each other by `TryFrom`, for crates that
/// take tokio's concrete type. The conversions keep the socket, with its options and the
/// connections that wait in it, and register it with the runtime they are called in.
///
/// # Errors
/// An accept may fail for reasons that pass, such as too many open files. A server that should live
/// on goes on accepting after them.
///
/// # Examples
/// ```
/// use tokio::io::AsyncWriteExt;
/// use tokio_uring_net::{UnixListener, UnixStream};
///
/// # #[tokio::main]
/// # async fn main() -> std::io::Result<()> {
/// # let path = std::env::temp_dir().join(format!("listener-{}.socket", std::process::id()));
/// let listener = UnixListener::bind(&path)?;
/// let server = tokio::spawn(async move {
///     let (mut stream, _peer) = listener.accept().await?;
///     stream.write_all(b"welcome").await
/// });
///
/// let _client = UnixStream::connect(&path).await?;
/// server.await??;
/// std::fs::remove_file(&path)?;
/// # Ok(())
/// # }
/// ```
pub struct UnixListener {
    socket: Socket,
}

impl UnixListener {
    /// Makes a listener on the socket file `path`, which it creates.
    ///
    /// A path that begins with a NUL byte is a name of the abstract namespace, which has no file; of
    /// an empty path the kernel makes one that is not in use.
    ///
    /// # Errors
    /// `InvalidInput` if `path` has 108 bytes or more, or a NUL byte elsewhere; `AddrInUse` if the
    /// file exists; otherwise as socket(2), bind(2) and listen(2).
    ///
    /// # Panics
    /// If called outside a tokio runtime, or in one whose I/O is not enabled.
    ///
    /// # Examples
    /// ```
    /// use tokio_uring_net::UnixListener;
    ///
    /// # #[tokio::main]
    /// # async fn main() -> std::io::Result<()> {
    /// # let path = std::env::temp_dir().join(format!("bind-{}.socket", std::process::id()));
    /// let listener = UnixListener::bind(&path)?;
    /// assert_eq!(listener.local_addr()?.as_pathname(), Some(path.as_path()));
    /// std::fs::remove_file(&path)?;
    /// # Ok(())
    /// # }
    /// ```
    #[track_caller]
    pub fn bind<P: AsRef<Path>>(path: P) -> io::Result<UnixListener> {
        UnixListener::bind_std_addr(&sys::unix_path_addr(path.as_ref())?)
    }

    /// Makes a listener on an address.
    ///
    /// # Errors
    /// `AddrInUse` if the address is taken; otherwise as socket(2), bind(2) and listen(2).
    ///
    /// # Panics
    /// If called outside a tokio runtime, or in one whose I/O is not enabled.
    ///
    /// # Examples
    /// ```
    /// use std::os::unix::net::SocketAddr;
    /// use tokio_uring_net::UnixListener;
    ///
    /// # #[tokio::main]
    /// # async fn main() -> std::io::Result<()> {
    /// // Without a name: the kernel chooses one.
    /// let unnamed = SocketAddr::from_pathname("")?;
    /// let listener = UnixListener::bind_addr(&unnamed.into())?;
    /// assert!(listener.local_addr()?.as_abstract_name().is_some());
    /// # Ok(())
    /// # }
    /// ```
    #[track_caller]
    pub fn bind_addr(socket_addr: &SocketAddr) -> io::Result<UnixListener> {
        UnixListener::bind_std_addr(&socket_addr.clone().into())
    }

    #[track_caller]
    fn bind_std_addr(addr: &std_unix::SocketAddr) -> io::Result<UnixListener> {
        let socket = sys::unix_socket(Type::STREAM)?;
        socket.bind(&sys::unix_sock_addr(addr)?)?;
        socket.listen(BACKLOG_COUNT)?;
        UnixListener::new(socket.into())
    }

    /// Takes a listening, non-blocking socket into the current runtime.
    #[track_caller]
    pub(super) fn new(fd: OwnedFd) -> io::Result<UnixListener> {
        Ok(UnixListener {
            socket: Socket::new(fd, Origin::Listening)?,
        })
    }

    /// Waits for the next connection; answers its stream and the address of the peer, which most
    /// often has no name.
    ///
    /// # Cancel safety
    /// Cancel safe: if the future is dropped before it answers, the connection stays for the next
    /// accept.
    ///
    /// # Errors
    /// As accept(2). See [`UnixListener`] for those that a server survives.
    ///
    /// # Examples
    /// ```
    /// use tokio_uring_net::{UnixListener, UnixStream};
    ///
    /// # #[tokio::main]
    /// # async fn main() -> std::io::Result<()> {
    /// let listener = UnixListener::bind("")?;
    /// let (connected, accepted) = tokio::join!(
    ///     async { UnixStream::connect_addr(&listener.local_addr()?).await },
    ///     listener.accept(),
    /// );
    /// let (_client, (_server, peer)) = (connected?, accepted?);
    /// assert!(peer.is_unnamed());
    /// # Ok(())
    /// # }
    /// ```
    pub async fn accept(&self) -> io::Result<(UnixStream, SocketAddr)> {
        accepted(self.socket.accept().await?)
    }

    /// Accepts the next connection, or has the task of `cx` woken when there may be one.
    ///
    /// Only the task of the most recent call is woken. [`accept`](UnixListener::accept) serves any
    /// number of tasks.
    ///
    /// # Errors
    /// As [`accept`](UnixListener::accept).
    ///
    /// # Examples
    /// ```
    /// use std::future::poll_fn;
    /// use tokio_uring_net::{UnixListener, UnixStream};
    ///
    /// # #[tokio::main]
    /// # async fn main() -> std::io::Result<()> {
    /// let listener = UnixListener::bind("")?;
    /// let _client = UnixStream::connect_addr(&listener.local_addr()?).await?;
    /// let (_server, peer) = poll_fn(|cx| listener.poll_accept(cx)).await?;
    /// assert!(peer.is_unnamed());
    /// # Ok(())
    /// # }
    /// ```
    pub fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<(UnixStream, SocketAddr)>> {
        Poll::Ready(accepted(ready!(self.socket.poll_accept(cx))?))
    }

    /// Takes a listener of the standard library into the current runtime.
    ///
    /// The listener must be in non-blocking mode, or its calls block the runtime's thread: see
    /// [`set_nonblocking`](std::os::unix::net::UnixListener::set_nonblocking).
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
    /// use tokio_uring_net::UnixListener;
    ///
    /// # #[tokio::main]
    /// # async fn main() -> std::io::Result<()> {
    /// let listener = std::os::unix::net::UnixListener::bind("")?;
    /// listener.set_nonblocking(true)?;
    /// let listener = UnixListener::from_std(listener)?;
    /// # let _ = listener;
    /// # Ok(())
    /// # }
    /// ```
    #[track_caller]
    pub fn from_std(listener: std_unix::UnixListener) -> io::Result<UnixListener> {
        sys::check_nonblocking(listener.as_fd())?;
        UnixListener::new(listener.into())
    }

    /// Takes the listener out of its runtime, as a listener of the standard library in non-blocking
    /// mode.
    ///
    /// # Errors
    /// If the runtime cannot let go of the socket, which is closed then.
    ///
    /// # Examples
    /// ```
    /// use tokio_uring_net::UnixListener;
    ///
    /// # #[tokio::main]
    /// # async fn main() -> std::io::Result<()> {
    /// let listener = UnixListener::bind("")?.into_std()?;
    /// listener.set_nonblocking(false)?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn into_std(self) -> io::Result<std_unix::UnixListener> {
        self.socket.into_fd().map(std_unix::UnixListener::from)
    }

    /// Answers the address the listener is bound to.
    ///
    /// # Errors
    /// As getsockname(2).
    ///
    /// # Examples
    /// See [`bind`](UnixListener::bind).
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        sys::unix_local_addr(self.socket.fd()).map(SocketAddr::from)
    }

    /// Takes the error that waits on the socket: reads `SO_ERROR` and clears it.
    ///
    /// # Errors
    /// As getsockopt(2).
    ///
    /// # Examples
    /// ```
    /// use tokio_uring_net::UnixListener;
    ///
    /// # #[tokio::main]
    /// # async fn main() -> std::io::Result<()> {
    /// let listener = UnixListener::bind("")?;
    /// assert!(listener.take_error()?.is_none());
    /// # Ok(())
    /// # }
    /// ```
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        SockRef::from(&self.socket.fd()).take_error()
    }
}

/// Makes a stream of an accepted connection.
fn accepted((fd, peer): (OwnedFd, SockAddr)) -> io::Result<(UnixStream, SocketAddr)> {
    let peer = sys::unix_addr(&peer).or_else(|_| sys::unix_peer_addr(fd.as_fd()))?;
    let stream = UnixStream::new(fd, Origin::Accepted)?;
    Ok((stream, peer.into()))
}

impl TryFrom<std_unix::UnixListener> for UnixListener {
    type Error = io::Error;

    /// Does what [`from_std`](UnixListener::from_std) does.
    #[track_caller]
    fn try_from(listener: std_unix::UnixListener) -> io::Result<UnixListener> {
        UnixListener::from_std(listener)
    }
}

impl TryFrom<tokio::net::UnixListener> for UnixListener {
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
    fn try_from(listener: tokio::net::UnixListener) -> io::Result<UnixListener> {
        UnixListener::new(listener.into_std()?.into())
    }
}

impl TryFrom<UnixListener> for tokio::net::UnixListener {
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
    fn try_from(listener: UnixListener) -> io::Result<tokio::net::UnixListener> {
        tokio::net::UnixListener::from_std(listener.into_std()?)
    }
}

impl fmt::Debug for UnixListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("UnixListener");
        out.field("fd", &self.socket.fd().as_raw_fd());
        if let Ok(addr) = self.local_addr() {
            out.field("local", &addr);
        }
        out.finish()
    }
}

impl AsFd for UnixListener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.expose_fd()
    }
}

impl AsRawFd for UnixListener {
    fn as_raw_fd(&self) -> RawFd {
        self.socket.expose_fd().as_raw_fd()
    }
}
