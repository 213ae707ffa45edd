//! [`UnixDatagram`]: a Unix socket for datagrams. Polling is in `poll.rs`, readiness and `try_*` in
//! `readiness.rs`, receiving into a `BufMut` in `buf.rs`, the ways in and out of other types in
//! `convert.rs`.

mod buf;
mod convert;
mod poll;
mod readiness;

use std::fmt;
use std::io;
use std::net::Shutdown;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::os::unix::net;
use std::path::Path;

use ring_reactor::net::{Data, Origin, RecvInto, Socket};
use socket2::{SockAddr, SockRef, Type};
use tokio::io::{Interest, ReadBuf};
use tokio::net::unix::SocketAddr;

use crate::read_buf::Unfilled;
use crate::sys;

/// A Unix socket that sends and receives datagrams.
///
/// [`pair`](UnixDatagram::pair) makes two that are connected, [`bind`](UnixDatagram::bind) one that
/// has an address in the file system, [`unbound`](UnixDatagram::unbound) one that has none.
/// [`connect`](UnixDatagram::connect) sets whom [`send`](UnixDatagram::send) sends to;
/// [`send_to`](UnixDatagram::send_to) names the receiver in each call.
///
/// All calls take the socket by shared reference, so any number of tasks may wait in them at once;
/// each datagram goes to one of them. Datagrams are neither lost nor reordered: where the
/// receiver's queue is full, the sender waits. The socket is closed when the value is dropped; the
/// file that [`bind`](UnixDatagram::bind) made stays.
///
/// A `tokio::net::UnixDatagram` and this type turn into each other by `TryFrom`, for crates that take
/// tokio's concrete type. The conversions keep the socket, with its address and the datagrams that
/// wait in it, and register it with the runtime they are called in.
///
/// # Examples
/// ```
/// use tokio_uring_net::UnixDatagram;
///
/// # #[tokio::main]
/// # async fn main() -> std::io::Result<()> {
/// let (one, other) = UnixDatagram::pair()?;
/// one.send(b"ping").await?;
///
/// let mut buf = [0; 16];
/// let received = other.recv(&mut buf).await?;
/// assert_eq!(&buf[..received], b"ping");
/// # Ok(())
/// # }
/// ```
pub struct UnixDatagram {
    socket: Socket,
}

impl UnixDatagram {
    /// Makes a socket bound to `path`, where it makes a file. The file must not exist before, and is
    /// not removed with the socket.
    ///
    /// # Errors
    /// `InvalidInput` if `path` has a NUL byte in it or is too long for an address. Otherwise as
    /// socket(2) and bind(2): `AddrInUse` if there is such a file.
    ///
    /// # Panics
    /// If called outside a tokio runtime, or in one whose I/O is not enabled.
    ///
    /// # Examples
    /// ```
    /// use tokio_uring_net::UnixDatagram;
    ///
    /// # #[tokio::main]
    /// # async fn main() -> std::io::Result<()> {
    /// let path = std::env::temp_dir().join(format!("bind-{}.sock", std::process::id()));
    /// let socket = UnixDatagram::bind(&path)?;
    /// assert_eq!(socket.local_addr()?.as_pathname(), Some(path.as_path()));
    /// std::fs::remove_file(path)?;
    /// # Ok(())
    /// # }
    /// ```
    #[track_caller]
    pub fn bind<P>(path: P) -> io::Result<UnixDatagram>
    where
        P: AsRef<Path>,
    {
        let addr = addr_of(path.as_ref())?;
        let socket = sys::unix_socket(Type::DGRAM)?;
        socket.bind(&addr)?;
        UnixDatagram::new(socket.into(), Origin::Fresh)
    }

    /// Makes two sockets that are connected to each other and have no address.
    ///
    /// # Errors
    /// As socketpair(2).
    ///
    /// # Panics
    /// If called outside a tokio runtime, or in one whose I/O is not enabled.
    ///
    /// # Examples
    /// See [`UnixDatagram`].
    #[track_caller]
    pub fn pair() -> io::Result<(UnixDatagram, UnixDatagram)> {
        let (one, other) = sys::unix_pair(Type::DGRAM)?;
        Ok((
            UnixDatagram::new(one.into(), Origin::Paired)?,
            UnixDatagram::new(other.into(), Origin::Paired)?,
        ))
    }

    /// Makes a socket without an address: it can send, and nobody can answer it.
    ///
    /// # Errors
    /// As socket(2).
    ///
    /// # Panics
    /// If called outside a tokio runtime, or in one whose I/O is not enabled.
    ///
    /// # Examples
    /// See [`send_to`](UnixDatagram::send_to).
    #[track_caller]
    pub fn unbound() -> io::Result<UnixDatagram> {
        UnixDatagram::new(sys::unix_socket(Type::DGRAM)?.into(), Origin::Fresh)
    }

    /// Takes a non-blocking socket into the current runtime.
    #[track_caller]
    pub(crate) fn new(fd: OwnedFd, origin: Origin) -> io::Result<UnixDatagram> {
        Ok(UnixDatagram {
            socket: Socket::new(fd, origin)?,
        })
    }

    /// Connects the socket to the one bound to `path`: [`send`](UnixDatagram::send) sends to it, and
    /// nothing is received from others.
    ///
    /// # Errors
    /// `InvalidInput` if `path` cannot be an address, as in [`bind`](UnixDatagram::bind). Otherwise
    /// as connect(2).
    ///
    /// # Examples
    /// ```
    /// use tokio_uring_net::UnixDatagram;
    ///
    /// # #[tokio::main]
    /// # async fn main() -> std::io::Result<()> {
    /// let path = std::env::temp_dir().join(format!("connect-{}.sock", std::process::id()));
    /// let server = UnixDatagram::bind(&path)?;
    /// let client = UnixDatagram::unbound()?;
    /// client.connect(&path)?;
    /// client.send(b"hello").await?;
    /// assert_eq!(server.recv(&mut [0; 16]).await?, 5);
    /// std::fs::remove_file(path)?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn connect<P: AsRef<Path>>(&self, path: P) -> io::Result<()> {
        SockRef::from(&self.socket.fd()).connect(&addr_of(path.as_ref())?)
    }

    /// Sends `buf` as one datagram to the connected peer; answers its length.
    ///
    /// It waits while the peer's queue or the socket's own buffer is full.
    ///
    /// # Cancel safety
    /// Cancel safe: if the future is dropped before it answers, nothing was sent.
    ///
    /// # Errors
    /// As send(2): `NotConnected` without a peer, `ConnectionRefused` if it has gone.
    ///
    /// # Examples
    /// See [`UnixDatagram`].
    pub async fn send(&self, buf: &[u8]) -> io::Result<usize> {
        let send = || self.send_now(buf);
        self.socket.async_io(Interest::WRITABLE, send).await
    }

    /// Sends `buf` as one datagram to the socket bound to `target`; answers its length.
    ///
    /// It waits while the target's queue or the socket's own buffer is full. The kernel does not tell
    /// a socket that is not connected of the target's queue: the wait ends when a datagram of this
    /// socket's own is received or dropped somewhere.
    ///
    /// # Cancel safety
    /// Cancel safe: if the future is dropped before it answers, nothing was sent.
    ///
    /// # Errors
    /// `InvalidInput` if `target` cannot be an address, as in [`bind`](UnixDatagram::bind). Otherwise
    /// as sendto(2): `ConnectionRefused` if nobody has it open, `NotFound` if there is no such file.
    ///
    /// # Examples
    /// ```
    /// use tokio_uring_net::UnixDatagram;
    ///
    /// # #[tokio::main]
    /// # async fn main() -> std::io::Result<()> {
    /// let path = std::env::temp_dir().join(format!("send-to-{}.sock", std::process::id()));
    /// let server = UnixDatagram::bind(&path)?;
    /// let client = UnixDatagram::unbound()?;
    /// client.send_to(b"hello", &path).await?;
    ///
    /// let (received, from) = server.recv_from(&mut [0; 16]).await?;
    /// assert_eq!(received, 5);
    /// assert!(from.is_unnamed());
    /// std::fs::remove_file(path)?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn send_to<P>(&self, buf: &[u8], target: P) -> io::Result<usize>
    where
        P: AsRef<Path>,
    {
        let send = || self.send_to_now(buf, target.as_ref());
        self.socket.async_io(Interest::WRITABLE, send).await
    }

    /// Receives the next datagram into `buf`; answers its length.
    ///
    /// What `buf` has no room for is lost. `Ok(0)`: the datagram was empty, or `buf` is.
    ///
    /// # Cancel safety
    /// Cancel safe: if the future is dropped before it answers, the datagram stays in the socket.
    ///
    /// # Errors
    /// As recv(2).
    ///
    /// # Examples
    /// See [`UnixDatagram`].
    pub async fn recv(&self, buf: &mut [u8]) -> io::Result<usize> {
        let recv = || self.recv_now(buf);
        self.socket.async_io(Interest::READABLE, recv).await
    }

    /// Receives the next datagram into `buf`; answers its length and the address of its sender.
    ///
    /// What `buf` has no room for is lost.
    ///
    /// # Cancel safety
    /// Cancel safe: if the future is dropped before it answers, the datagram stays in the socket.
    ///
    /// # Errors
    /// As recvfrom(2).
    ///
    /// # Examples
    /// See [`send_to`](UnixDatagram::send_to).
    pub async fn recv_from(&self, buf: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        let recv = || self.recv_from_now(buf);
        self.socket.async_io(Interest::READABLE, recv).await
    }

    /// Answers the address the socket is bound to.
    ///
    /// # Errors
    /// As getsockname(2).
    ///
    /// # Examples
    /// See [`bind`](UnixDatagram::bind).
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        sys::unix_local_addr(self.socket.fd()).map(SocketAddr::from)
    }

    /// Answers the address the socket is connected to.
    ///
    /// # Errors
    /// As getpeername(2): `NotConnected` without a peer.
    ///
    /// # Examples
    /// ```
    /// use tokio_uring_net::UnixDatagram;
    ///
    /// # #[tokio::main]
    /// # async fn main() -> std::io::Result<()> {
    /// let (one, _other) = UnixDatagram::pair()?;
    /// assert!(one.peer_addr()?.is_unnamed());
    /// assert!(UnixDatagram::unbound()?.peer_addr().is_err());
    /// # Ok(())
    /// # }
    /// ```
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        sys::unix_peer_addr(self.socket.fd()).map(SocketAddr::from)
    }

    /// Takes the error that waits on the socket: reads `SO_ERROR` and clears it.
    ///
    /// # Errors
    /// As getsockopt(2).
    ///
    /// # Examples
    /// ```
    /// use tokio_uring_net::UnixDatagram;
    ///
    /// # #[tokio::main]
    /// # async fn main() -> std::io::Result<()> {
    /// assert!(UnixDatagram::unbound()?.take_error()?.is_none());
    /// # Ok(())
    /// # }
    /// ```
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        SockRef::from(&self.socket.fd()).take_error()
    }

    /// Ends sending, receiving or both, for whoever holds the socket.
    ///
    /// Do not wait for datagrams after receiving has ended: as with `tokio::net`, such a call never
    /// ends and keeps its thread busy, because Linux says that the socket is readable and recv(2)
    /// that it is not.
    ///
    /// # Errors
    /// As shutdown(2).
    ///
    /// # Examples
    /// ```
    /// use std::net::Shutdown;
    /// use tokio_uring_net::UnixDatagram;
    ///
    /// # #[tokio::main]
    /// # async fn main() -> std::io::Result<()> {
    /// let (one, _other) = UnixDatagram::pair()?;
    /// one.shutdown(Shutdown::Write)?;
    /// assert!(one.send(b"too late").await.is_err());
    /// # Ok(())
    /// # }
    /// ```
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        SockRef::from(&self.socket.fd()).shutdown(how)
    }

    // ---- One system call each ----

    fn send_now(&self, buf: &[u8]) -> io::Result<usize> {
        Data::One(buf).send(self.socket.fd())
    }

    fn send_to_now(&self, buf: &[u8], target: &Path) -> io::Result<usize> {
        sys::send_to(self.socket.fd(), buf, addr_of(target)?)
    }

    fn recv_now(&self, buf: &mut [u8]) -> io::Result<usize> {
        Unfilled(&mut ReadBuf::new(buf)).recv(self.socket.fd())
    }

    fn recv_from_now(&self, buf: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        with_tokio_addr(Unfilled(&mut ReadBuf::new(buf)).recv_from(self.socket.fd())?)
    }
}

impl fmt::Debug for UnixDatagram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("UnixDatagram");
        out.field("fd", &self.socket.fd().as_raw_fd());
        if let Ok(addr) = self.local_addr() {
            out.field("local", &addr);
        }
        if let Ok(peer) = self.peer_addr() {
            out.field("peer", &peer);
        }
        out.finish()
    }
}

impl AsFd for UnixDatagram {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.expose_fd()
    }
}

impl AsRawFd for UnixDatagram {
    fn as_raw_fd(&self) -> RawFd {
        self.socket.expose_fd().as_raw_fd()
    }
}

/// The address of the file at `path`. A path that begins with NUL is an error as any other with one
/// in it: datagram sockets reach the abstract names of Linux by descriptors from outside only.
fn addr_of(path: &Path) -> io::Result<SockAddr> {
    sys::unix_sock_addr(&net::SocketAddr::from_pathname(path)?)
}

/// The sender's address. One whose path has 108 bytes counts as none: the standard library makes no
/// address of it, and the datagram has been received already.
fn tokio_addr(addr: &SockAddr) -> io::Result<SocketAddr> {
    let addr = sys::unix_addr(addr).or_else(|_| net::SocketAddr::from_pathname(""))?;
    Ok(addr.into())
}

fn with_tokio_addr((received, from): (usize, SockAddr)) -> io::Result<(usize, SocketAddr)> {
    Ok((received, tokio_addr(&from)?))
}
