//! [`UdpSocket`].

mod convert;
mod many;
mod options;
mod peek;
mod readiness;
mod recv;
mod send;

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};

use ring_reactor::net::{Origin, Socket};
use socket2::{SockAddr, SockRef};
use tokio::io::Interest;
use tokio::net::{ToSocketAddrs, lookup_host};

use crate::sys;

/// A UDP socket.
///
/// It is used in one of two ways, or in both:
/// - from one to many: [`bind`](UdpSocket::bind), then [`send_to`](UdpSocket::send_to) and
///   [`recv_from`](UdpSocket::recv_from), which name the other end of each datagram;
/// - from one to one: [`connect`](UdpSocket::connect) fixes the other end, and
///   [`send`](UdpSocket::send) and [`recv`](UdpSocket::recv) exchange datagrams with it alone.
///
/// Every call takes the socket by shared reference, so an [`Arc`](std::sync::Arc) is all that it takes
/// to receive in one task and to send in another; there is no `split`. Each call is one datagram and one
/// system call. Any number of tasks may wait for the same socket, and each datagram goes to one of them.
///
/// A receive whose buffer is smaller than the datagram throws the rest of the datagram away. A datagram
/// may be empty: `Ok(0)` says nothing about the other end.
///
/// A `tokio::net::UdpSocket` and this type turn into each other by `TryFrom`, for crates that take
/// tokio's concrete type. The socket is closed when the value is dropped.
///
/// # Examples
/// A server that sends back what it is sent:
/// ```
/// use tokio_uring_net::UdpSocket;
///
/// # #[tokio::main]
/// # async fn main() -> std::io::Result<()> {
/// let server = UdpSocket::bind("127.0.0.1:0").await?;
/// let addr = server.local_addr()?;
/// tokio::spawn(async move {
///     let mut buf = [0; 1500];
///     loop {
///         let (count, client) = server.recv_from(&mut buf).await?;
///         server.send_to(&buf[..count], client).await?;
///     }
///     # #[allow(unreachable_code)]
///     # std::io::Result::Ok(())
/// });
///
/// let client = UdpSocket::bind("127.0.0.1:0").await?;
/// client.connect(addr).await?;
/// client.send(b"ping").await?;
/// let mut answer = [0; 16];
/// let count = client.recv(&mut answer).await?;
/// assert_eq!(&answer[..count], b"ping");
/// # Ok(())
/// # }
/// ```
pub struct UdpSocket {
    socket: Socket,
}

impl UdpSocket {
    /// Makes a socket that is bound to the first of the addresses of `addr` that can be bound.
    ///
    /// Port 0 lets the kernel choose one; [`local_addr`](UdpSocket::local_addr) tells which. A socket
    /// with other options is made by the standard library or by socket2, and taken in by
    /// [`from_std`](UdpSocket::from_std).
    ///
    /// # Cancel safety
    /// Cancel safe: a call that is dropped leaves no socket behind.
    ///
    /// # Errors
    /// The error of the last address tried, as of socket(2) and bind(2); the error of the name
    /// look-up; `InvalidInput` if `addr` resolves to no address.
    ///
    /// # Panics
    /// If called outside a tokio runtime, or in one whose I/O is not enabled.
    ///
    /// # Examples
    /// ```
    /// use tokio_uring_net::UdpSocket;
    ///
    /// # #[tokio::main]
    /// # async fn main() -> std::io::Result<()> {
    /// let socket = UdpSocket::bind("127.0.0.1:0").await?;
    /// assert_ne!(socket.local_addr()?.port(), 0);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn bind<A: ToSocketAddrs>(addr: A) -> io::Result<UdpSocket> {
        let mut last_error = None;
        for addr in lookup_host(addr).await? {
            match UdpSocket::bind_addr(addr) {
                Ok(socket) => return Ok(socket),
                Err(error) => last_error = Some(error),
            }
        }
        Err(last_error.unwrap_or_else(sys::no_addr))
    }

    fn bind_addr(addr: SocketAddr) -> io::Result<UdpSocket> {
        UdpSocket::new(sys::bound_udp_socket(addr)?.into(), Origin::Fresh)
    }

    /// What waits for it, for traits of other crates than tokio.
    #[cfg(feature = "quinn")]
    pub(crate) fn engine(&self) -> &Socket {
        &self.socket
    }

    /// Takes a non-blocking socket into the current runtime.
    #[track_caller]
    fn new(fd: OwnedFd, origin: Origin) -> io::Result<UdpSocket> {
        let socket = Socket::new(fd, origin)?;
        Ok(UdpSocket { socket })
    }

    /// Fixes the other end: the first of the addresses of `addr` that connect(2) takes.
    ///
    /// From then on [`send`](UdpSocket::send) sends there, and the socket receives from there only. No
    /// datagram is sent, so nothing is known of whether anybody listens: a later call may fail with
    /// `ConnectionRefused`. Connecting again fixes another end.
    ///
    /// # Cancel safety
    /// Cancel safe: a call that is dropped has not changed the other end.
    ///
    /// # Errors
    /// The error of the last address tried, as of connect(2); the error of the name look-up;
    /// `InvalidInput` if `addr` resolves to no address.
    ///
    /// # Examples
    /// ```
    /// use tokio_uring_net::UdpSocket;
    ///
    /// # #[tokio::main]
    /// # async fn main() -> std::io::Result<()> {
    /// let server = UdpSocket::bind("127.0.0.1:0").await?;
    /// let client = UdpSocket::bind("127.0.0.1:0").await?;
    /// client.connect(server.local_addr()?).await?;
    /// client.send(b"hello").await?;
    ///
    /// let mut buf = [0; 16];
    /// assert_eq!(server.recv(&mut buf).await?, 5);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn connect<A: ToSocketAddrs>(&self, addr: A) -> io::Result<()> {
        let mut last_error = None;
        for addr in lookup_host(addr).await? {
            match SockRef::from(&self.socket.fd()).connect(&addr.into()) {
                Ok(()) => return Ok(()),
                Err(error) => last_error = Some(error),
            }
        }
        Err(last_error.unwrap_or_else(sys::no_addr))
    }

    /// Answers the address the socket is bound to, with the port the kernel chose if 0 was asked for.
    ///
    /// # Errors
    /// As getsockname(2).
    ///
    /// # Examples
    /// See [`bind`](UdpSocket::bind).
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        sys::local_addr(self.socket.fd())
    }

    /// Answers the other end that [`connect`](UdpSocket::connect) has fixed.
    ///
    /// # Errors
    /// `NotConnected` if there is none; otherwise as getpeername(2).
    ///
    /// # Examples
    /// ```
    /// use std::io::ErrorKind;
    /// use tokio_uring_net::UdpSocket;
    ///
    /// # #[tokio::main]
    /// # async fn main() -> std::io::Result<()> {
    /// let server = UdpSocket::bind("127.0.0.1:0").await?;
    /// let client = UdpSocket::bind("127.0.0.1:0").await?;
    /// assert_eq!(client.peer_addr().unwrap_err().kind(), ErrorKind::NotConnected);
    /// client.connect(server.local_addr()?).await?;
    /// assert_eq!(client.peer_addr()?, server.local_addr()?);
    /// # Ok(())
    /// # }
    /// ```
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        sys::peer_addr(self.socket.fd())
    }
}

/// What an async receive waits for: a datagram, or an error that waits on the socket.
///
/// The poll functions and those that try wait for a datagram alone, as tokio's do.
const ARRIVAL: Interest = Interest::READABLE.add(Interest::ERROR);

/// How many bytes a datagram has brought, and the internet address of its sender.
fn with_sender((count, sender): (usize, SockAddr)) -> io::Result<(usize, SocketAddr)> {
    Ok((count, sys::internet_addr(sender)?))
}

impl fmt::Debug for UdpSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("UdpSocket");
        if let Ok(addr) = self.local_addr() {
            out.field("addr", &addr);
        }
        out.field("fd", &self.socket.fd().as_raw_fd()).finish()
    }
}

impl AsFd for UdpSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.expose_fd()
    }
}

impl AsRawFd for UdpSocket {
    fn as_raw_fd(&self) -> RawFd {
        self.socket.expose_fd().as_raw_fd()
    }
}
