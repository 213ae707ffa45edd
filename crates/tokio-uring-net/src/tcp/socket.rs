//! [`TcpSocket`]: a socket before it connects or listens. Its options are in `options.rs`.

mod options;

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, IntoRawFd, RawFd};

use ring_reactor::net::Origin;
use socket2::{Domain, Socket};

use super::listener::TcpListener;
use super::stream::TcpStream;
use crate::sys;

/// A TCP socket that neither connects nor listens yet, so that its options can be set.
///
/// [`TcpStream::connect`] and [`TcpListener::bind`] do for the usual case. Options that have no
/// method here can be set through the descriptor, with a crate such as socket2. The socket is
/// closed when the value is dropped.
///
/// # Examples
/// ```
/// use tokio_uring_net::TcpSocket;
///
/// # #[tokio::main]
/// # async fn main() -> std::io::Result<()> {
/// let socket = TcpSocket::new_v4()?;
/// socket.set_reuseaddr(true)?;
/// socket.bind("127.0.0.1:0".parse().expect("an address"))?;
/// let listener = socket.listen(1024)?;
///
/// let socket = TcpSocket::new_v4()?;
/// socket.set_nodelay(true)?;
/// let stream = socket.connect(listener.local_addr()?).await?;
/// # let _ = stream;
/// # Ok(())
/// # }
/// ```
pub struct TcpSocket {
    inner: Socket,
}

impl TcpSocket {
    /// Makes a socket for IPv4.
    ///
    /// # Errors
    /// As socket(2).
    ///
    /// # Examples
    /// See [`TcpSocket`].
    pub fn new_v4() -> io::Result<TcpSocket> {
        Ok(TcpSocket {
            inner: sys::tcp_socket(Domain::IPV4)?,
        })
    }

    /// Makes a socket for IPv6.
    ///
    /// # Errors
    /// As socket(2).
    ///
    /// # Examples
    /// ```
    /// use tokio_uring_net::TcpSocket;
    ///
    /// match TcpSocket::new_v6() {
    ///     Ok(socket) => println!("{socket:?}"),
    ///     Err(error) => println!("no IPv6 on this machine: {error}"),
    /// }
    /// ```
    pub fn new_v6() -> io::Result<TcpSocket> {
        Ok(TcpSocket {
            inner: sys::tcp_socket(Domain::IPV6)?,
        })
    }

    /// Takes a stream of the standard library that is not connected, such as one that socket2 made.
    ///
    /// The stream must be in non-blocking mode: see
    /// [`set_nonblocking`](std::net::TcpStream::set_nonblocking).
    ///
    /// # Examples
    /// ```
    /// use socket2::{Domain, Socket, Type};
    /// use tokio_uring_net::TcpSocket;
    ///
    /// # fn main() -> std::io::Result<()> {
    /// let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    /// socket.set_nonblocking(true)?;
    /// let socket = TcpSocket::from_std_stream(socket.into());
    /// # let _ = socket;
    /// # Ok(())
    /// # }
    /// ```
    pub fn from_std_stream(std_stream: std::net::TcpStream) -> TcpSocket {
        TcpSocket {
            inner: std_stream.into(),
        }
    }

    /// Binds the socket to an address of this machine; port 0 lets the kernel choose.
    ///
    /// # Errors
    /// As bind(2).
    ///
    /// # Examples
    /// ```
    /// use tokio_uring_net::TcpSocket;
    ///
    /// # fn main() -> std::io::Result<()> {
    /// let socket = TcpSocket::new_v4()?;
    /// socket.bind("127.0.0.1:0".parse().expect("an address"))?;
    /// assert_ne!(socket.local_addr()?.port(), 0);
    /// # Ok(())
    /// # }
    /// ```
    pub fn bind(&self, addr: SocketAddr) -> io::Result<()> {
        self.inner.bind(&addr.into())
    }

    /// Connects to the peer at `addr`.
    ///
    /// The first poll of the future sends the first packet.
    ///
    /// # Cancel safety
    /// Dropping the future gives the attempt up and closes the socket.
    ///
    /// # Errors
    /// As connect(2).
    ///
    /// # Panics
    /// If polled outside a tokio runtime, or in one whose I/O is not enabled.
    ///
    /// # Examples
    /// ```
    /// use tokio_uring_net::{TcpListener, TcpSocket};
    ///
    /// # #[tokio::main]
    /// # async fn main() -> std::io::Result<()> {
    /// let listener = TcpListener::bind("127.0.0.1:0").await?;
    /// let stream = TcpSocket::new_v4()?.connect(listener.local_addr()?).await?;
    /// assert_eq!(stream.peer_addr()?, listener.local_addr()?);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn connect(self, addr: SocketAddr) -> io::Result<TcpStream> {
        sys::start_connect(&self.inner, addr)?;
        // Foreign: the descriptor may have come from outside, or been duplicated through `as_fd`
        // since.
        TcpStream::new_connecting(self.inner.into(), Origin::Foreign).await
    }

    /// Listens for connections, of which the kernel keeps up to `backlog` until they are accepted.
    ///
    /// Linux caps `backlog` at the sysctl `net.core.somaxconn`.
    ///
    /// # Errors
    /// As listen(2).
    ///
    /// # Panics
    /// If called outside a tokio runtime, or in one whose I/O is not enabled.
    ///
    /// # Examples
    /// ```
    /// use tokio_uring_net::TcpSocket;
    ///
    /// # #[tokio::main]
    /// # async fn main() -> std::io::Result<()> {
    /// let socket = TcpSocket::new_v4()?;
    /// socket.bind("127.0.0.1:0".parse().expect("an address"))?;
    /// let listener = socket.listen(1024)?;
    /// # let _ = listener;
    /// # Ok(())
    /// # }
    /// ```
    #[track_caller]
    pub fn listen(self, backlog: u32) -> io::Result<TcpListener> {
        self.inner
            .listen(i32::try_from(backlog).unwrap_or(i32::MAX))?;
        TcpListener::new(self.inner.into(), Origin::Listening)
    }

    /// Answers the address the socket is bound to; port 0 if it is not bound.
    ///
    /// # Errors
    /// As getsockname(2).
    ///
    /// # Examples
    /// See [`bind`](TcpSocket::bind).
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        sys::local_addr(self.inner.as_fd())
    }

    /// Takes the error that waits on the socket: reads `SO_ERROR` and clears it.
    ///
    /// # Errors
    /// As getsockopt(2).
    ///
    /// # Examples
    /// ```
    /// use tokio_uring_net::TcpSocket;
    ///
    /// # fn main() -> std::io::Result<()> {
    /// let socket = TcpSocket::new_v4()?;
    /// assert!(socket.take_error()?.is_none());
    /// # Ok(())
    /// # }
    /// ```
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.inner.take_error()
    }
}

impl fmt::Debug for TcpSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

impl AsFd for TcpSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.inner.as_fd()
    }
}

impl AsRawFd for TcpSocket {
    fn as_raw_fd(&self) -> RawFd {
        self.inner.as_raw_fd()
    }
}

#[expect(
    unsafe_code,
    reason = "FromRawFd is part of tokio's API, and its one function is unsafe"
)]
impl FromRawFd for TcpSocket {
    /// Takes a TCP socket that neither connects nor listens yet, in non-blocking mode, by its
    /// number.
    ///
    /// # Safety
    /// `fd` must be an open descriptor that the caller owns, and hands over with this call.
    unsafe fn from_raw_fd(fd: RawFd) -> TcpSocket {
        // SAFETY: `Socket::from_raw_fd` requires an open descriptor that nobody else closes. The
        // caller promises both: it is this function's own requirement.
        let inner = unsafe { Socket::from_raw_fd(fd) };
        TcpSocket { inner }
    }
}

impl IntoRawFd for TcpSocket {
    fn into_raw_fd(self) -> RawFd {
        self.inner.into_raw_fd()
    }
}
