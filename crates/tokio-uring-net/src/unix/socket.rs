//! [`UnixSocket`]: a socket before it connects or listens.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, IntoRawFd, RawFd};
use std::path::Path;

use ring_reactor::net::Origin;
use socket2::{SockAddr, Socket, Type};

use super::datagram::UnixDatagram;
use super::listener::UnixListener;
use super::stream::UnixStream;
use crate::sys;

/// A Unix socket that neither connects nor listens yet, so that its options can be set.
///
/// [`UnixStream::connect`], [`UnixListener::bind`] and
/// [`UnixDatagram::bind`](crate::UnixDatagram::bind) do for the usual case. Options can be set
/// through the descriptor, with a crate such as socket2. The socket is closed when the value is
/// dropped.
///
/// # Examples
/// ```
/// use tokio_uring_net::UnixSocket;
///
/// # #[tokio::main]
/// # async fn main() -> std::io::Result<()> {
/// # let path = std::env::temp_dir().join(format!("socket-{}.socket", std::process::id()));
/// let socket = UnixSocket::new_stream()?;
/// socket.bind(&path)?;
/// let listener = socket.listen(1024)?;
///
/// let stream = UnixSocket::new_stream()?.connect(&path).await?;
/// # let _ = (stream, listener);
/// std::fs::remove_file(&path)?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct UnixSocket {
    inner: Socket,
}

impl UnixSocket {
    /// Makes a socket for datagrams.
    ///
    /// # Errors
    /// As socket(2).
    ///
    /// # Examples
    /// See [`datagram`](UnixSocket::datagram).
    pub fn new_datagram() -> io::Result<UnixSocket> {
        Ok(UnixSocket {
            inner: sys::unix_socket(Type::DGRAM)?,
        })
    }

    /// Makes a socket for a stream or a listener.
    ///
    /// # Errors
    /// As socket(2).
    ///
    /// # Examples
    /// See [`UnixSocket`].
    pub fn new_stream() -> io::Result<UnixSocket> {
        Ok(UnixSocket {
            inner: sys::unix_socket(Type::STREAM)?,
        })
    }

    /// Binds the socket to the socket file `path`, which it creates.
    ///
    /// A path that begins with a NUL byte is a name of the abstract namespace, which has no file; of
    /// an empty path the kernel makes one that is not in use.
    ///
    /// # Errors
    /// `InvalidInput` if `path` has 108 bytes or more; `AddrInUse` if the file exists; otherwise as
    /// bind(2).
    ///
    /// # Examples
    /// See [`UnixSocket`].
    pub fn bind(&self, path: impl AsRef<Path>) -> io::Result<()> {
        self.inner.bind(&SockAddr::unix(path)?)
    }

    /// Listens for connections, of which the kernel keeps up to `backlog` until they are accepted.
    ///
    /// Linux caps `backlog` at the sysctl `net.core.somaxconn`.
    ///
    /// # Errors
    /// If the socket is for datagrams; otherwise as listen(2).
    ///
    /// # Panics
    /// If called outside a tokio runtime, or in one whose I/O is not enabled.
    ///
    /// # Examples
    /// See [`UnixSocket`].
    #[track_caller]
    pub fn listen(self, backlog: u32) -> io::Result<UnixListener> {
        self.refuse(Type::DGRAM, "listen cannot be called on a datagram socket")?;
        self.inner
            .listen(i32::try_from(backlog).unwrap_or(i32::MAX))?;
        UnixListener::new(self.inner.into())
    }

    /// Connects to the listener of the socket file `path`, or of the abstract name that follows a
    /// NUL byte.
    ///
    /// # Cancel safety
    /// Dropping the future gives the attempt up and closes the socket.
    ///
    /// # Errors
    /// If the socket is for datagrams; `WouldBlock` if the listener's queue is full; otherwise as
    /// connect(2).
    ///
    /// # Panics
    /// If polled outside a tokio runtime, or in one whose I/O is not enabled.
    ///
    /// # Examples
    /// See [`UnixSocket`].
    pub async fn connect(self, path: impl AsRef<Path>) -> io::Result<UnixStream> {
        self.refuse(Type::DGRAM, "connect cannot be called on a datagram socket")?;
        sys::start_connect(&self.inner, SockAddr::unix(path)?)?;
        let stream = UnixStream::new(self.inner.into(), Origin::NotReady)?;
        // It counts as shown: it may have come from outside, or been duplicated through `as_fd`
        // since.
        let _ = stream.as_fd();
        stream.connected().await
    }

    /// Makes a datagram socket of it.
    ///
    /// # Errors
    /// If the socket is for a stream; if the runtime cannot register it.
    ///
    /// # Panics
    /// If called outside a tokio runtime, or in one whose I/O is not enabled.
    ///
    /// # Examples
    /// ```
    /// use tokio_uring_net::UnixSocket;
    ///
    /// # #[tokio::main]
    /// # async fn main() -> std::io::Result<()> {
    /// let socket = UnixSocket::new_datagram()?;
    /// socket.bind("")?;
    /// let datagram = socket.datagram()?;
    /// assert!(datagram.local_addr()?.as_abstract_name().is_some());
    /// # Ok(())
    /// # }
    /// ```
    #[track_caller]
    pub fn datagram(self) -> io::Result<UnixDatagram> {
        self.refuse(Type::STREAM, "datagram cannot be called on a stream socket")?;
        let datagram = UnixDatagram::new(self.inner.into(), Origin::Foreign)?;
        match datagram.take_error()? {
            Some(error) => Err(error),
            None => Ok(datagram),
        }
    }

    /// The error `text`, if the socket is of `kind`.
    fn refuse(&self, kind: Type, text: &str) -> io::Result<()> {
        if self.inner.r#type()? == kind {
            return Err(io::Error::other(text));
        }
        Ok(())
    }
}

impl AsFd for UnixSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.inner.as_fd()
    }
}

impl AsRawFd for UnixSocket {
    fn as_raw_fd(&self) -> RawFd {
        self.inner.as_raw_fd()
    }
}

#[expect(
    unsafe_code,
    reason = "FromRawFd is part of tokio's API, and its one function is unsafe"
)]
impl FromRawFd for UnixSocket {
    /// Takes a Unix socket that neither connects nor listens yet, in non-blocking mode, by its
    /// number.
    ///
    /// # Safety
    /// `fd` must be an open descriptor that the caller owns, and hands over with this call.
    unsafe fn from_raw_fd(fd: RawFd) -> UnixSocket {
        // SAFETY: `Socket::from_raw_fd` requires an open descriptor that nobody else closes. The
        // caller promises both: it is this function's own requirement.
        let inner = unsafe { Socket::from_raw_fd(fd) };
        UnixSocket { inner }
    }
}

impl IntoRawFd for UnixSocket {
    fn into_raw_fd(self) -> RawFd {
        self.inner.into_raw_fd()
    }
}
