//! [`UnixStream`]: a connection between Unix sockets. Readiness and `try_*` are in `readiness.rs`,
//! the ways in and out of other types in `convert.rs`.

mod convert;
mod readiness;

use std::fmt;
use std::future::poll_fn;
use std::io::{self, ErrorKind, IoSlice};
use std::net::Shutdown;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::os::unix::net as std_unix;
use std::path::Path;
use std::pin::Pin;
use std::task::{Context, Poll};

use ring_reactor::net::{Data, Direction, Origin, RecvInto, Socket};
use socket2::{SockRef, Type};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::unix::SocketAddr;

use super::split::{self, ReadHalf, WriteHalf};
use super::split_owned::{self, OwnedReadHalf, OwnedWriteHalf};
use super::ucred::UCred;
use crate::read_buf::Unfilled;
use crate::sys;

/// A connection between two Unix sockets of one machine.
///
/// [`connect`](UnixStream::connect) opens one,
/// [`UnixListener::accept`](crate::UnixListener::accept) answers one that a peer opened, and
/// [`pair`](UnixStream::pair) makes both ends. Bytes move through [`AsyncRead`] and [`AsyncWrite`],
/// most often by the methods of tokio's [`AsyncReadExt`] and [`AsyncWriteExt`].
///
/// Every read and every write is one system call, also where the runtime's
/// [`Mode`](crate::Mode) is another for TCP: descriptors that the peer passes come with the bytes,
/// and only to a call that asks for them. So calls on the descriptor that [`as_fd`](AsFd::as_fd)
/// answers and the methods here may be mixed; [`async_io`](UnixStream::async_io) waits for them.
///
/// [`shutdown`] ends the stream in one direction: the peer reads to its end and can still answer.
/// Dropping the stream closes the socket. Bytes that were written can still be read, and if received
/// bytes were left unread, the peer is told by `ConnectionReset`.
///
/// A `tokio::net::UnixStream` and this type turn into each other by `TryFrom`, for crates that take
/// tokio's concrete type. The conversions keep the connection, with its options and its unread
/// bytes, and register it with the runtime they are called in.
///
/// [`AsyncReadExt`]: https://docs.rs/tokio/1/tokio/io/trait.AsyncReadExt.html
/// [`AsyncWriteExt`]: https://docs.rs/tokio/1/tokio/io/trait.AsyncWriteExt.html
/// [`shutdown`]: https://docs.rs/tokio/1/tokio/io/trait.AsyncWriteExt.html#method.shutdown
///
/// # Cancel safety
/// A single `read` or `write` that is dropped before it answers has moved no byte. Calls that are
/// made of many, such as `read_exact` and `write_all`, have moved an unknown part when they are
/// dropped.
///
/// # Examples
/// ```
/// use tokio::io::{AsyncReadExt, AsyncWriteExt};
/// use tokio_uring_net::{UnixListener, UnixStream};
///
/// # #[tokio::main]
/// # async fn main() -> std::io::Result<()> {
/// # let path = std::env::temp_dir().join(format!("stream-{}.socket", std::process::id()));
/// let listener = UnixListener::bind(&path)?;
/// let mut client = UnixStream::connect(&path).await?;
/// let (mut server, _) = listener.accept().await?;
///
/// client.write_all(b"that is all").await?;
/// client.shutdown().await?;
///
/// let mut received = String::new();
/// server.read_to_string(&mut received).await?;
/// assert_eq!(received, "that is all");
/// std::fs::remove_file(&path)?;
/// # Ok(())
/// # }
/// ```
pub struct UnixStream {
    socket: Socket,
}

impl UnixStream {
    /// Opens a connection to the listener of the socket file `path`.
    ///
    /// A path that begins with a NUL byte is a name of the abstract namespace. The first poll of the
    /// future connects, and answers only if that fails. [`UnixSocket`](crate::UnixSocket) opens
    /// connections with other options.
    ///
    /// # Cancel safety
    /// Dropping the future closes the socket.
    ///
    /// # Errors
    /// `InvalidInput` if `path` has 108 bytes or more, or a NUL byte elsewhere; `WouldBlock` if the
    /// listener's queue is full; otherwise as socket(2) and connect(2).
    ///
    /// # Panics
    /// If polled outside a tokio runtime, or in one whose I/O is not enabled.
    ///
    /// # Examples
    /// ```
    /// use tokio_uring_net::{UnixListener, UnixStream};
    ///
    /// # #[tokio::main]
    /// # async fn main() -> std::io::Result<()> {
    /// # let path = std::env::temp_dir().join(format!("connect-{}.socket", std::process::id()));
    /// let listener = UnixListener::bind(&path)?;
    /// let stream = UnixStream::connect(&path).await?;
    /// assert_eq!(stream.peer_addr()?.as_pathname(), Some(path.as_path()));
    /// # drop(listener);
    /// std::fs::remove_file(&path)?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn connect<P: AsRef<Path>>(path: P) -> io::Result<UnixStream> {
        UnixStream::connect_std_addr(&sys::unix_path_addr(path.as_ref())?).await
    }

    /// Opens a connection to the listener of an address.
    ///
    /// # Cancel safety
    /// As [`connect`](UnixStream::connect).
    ///
    /// # Errors
    /// As [`connect`](UnixStream::connect).
    ///
    /// # Panics
    /// If polled outside a tokio runtime, or in one whose I/O is not enabled.
    ///
    /// # Examples
    /// ```
    /// use tokio_uring_net::{UnixListener, UnixStream};
    ///
    /// # #[tokio::main]
    /// # async fn main() -> std::io::Result<()> {
    /// let listener = UnixListener::bind("")?;
    /// let stream = UnixStream::connect_addr(&listener.local_addr()?).await?;
    /// # let _ = stream;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn connect_addr(socket_addr: &SocketAddr) -> io::Result<UnixStream> {
        UnixStream::connect_std_addr(&socket_addr.clone().into()).await
    }

    async fn connect_std_addr(addr: &std_unix::SocketAddr) -> io::Result<UnixStream> {
        let socket = sys::unix_socket(Type::STREAM)?;
        sys::start_connect(&socket, sys::unix_sock_addr(addr)?)?;
        let stream = UnixStream::new(socket.into(), Origin::NotReady)?;
        stream.connected().await
    }

    /// Waits for the answer to a connect(2) that was called on the socket.
    ///
    /// The kernel has it at once. But if the listener goes, tokio's callers hear of that here.
    pub(super) async fn connected(self) -> io::Result<UnixStream> {
        poll_fn(|cx| self.socket.poll_ready(cx, Direction::Write)).await?;
        match self.take_error()? {
            Some(error) => Err(error),
            None => Ok(self),
        }
    }

    /// Makes two streams that are connected to each other, without names.
    ///
    /// # Errors
    /// As socketpair(2).
    ///
    /// # Panics
    /// If called outside a tokio runtime, or in one whose I/O is not enabled.
    ///
    /// # Examples
    /// ```
    /// use tokio::io::{AsyncReadExt, AsyncWriteExt};
    /// use tokio_uring_net::UnixStream;
    ///
    /// # #[tokio::main]
    /// # async fn main() -> std::io::Result<()> {
    /// let (mut one, mut two) = UnixStream::pair()?;
    /// one.write_all(b"ping").await?;
    /// let mut received = [0; 4];
    /// two.read_exact(&mut received).await?;
    /// assert_eq!(&received, b"ping");
    /// # Ok(())
    /// # }
    /// ```
    #[track_caller]
    pub fn pair() -> io::Result<(UnixStream, UnixStream)> {
        let (one, two) = sys::unix_pair(Type::STREAM)?;
        let one = UnixStream::new(one.into(), Origin::Paired)?;
        let two = UnixStream::new(two.into(), Origin::Paired)?;
        Ok((one, two))
    }

    /// Takes a non-blocking socket into the current runtime.
    #[track_caller]
    pub(super) fn new(fd: OwnedFd, origin: Origin) -> io::Result<UnixStream> {
        Ok(UnixStream {
            socket: Socket::new(fd, origin)?,
        })
    }

    /// Answers the address of this end of the connection: most often none, for who has connected.
    ///
    /// # Errors
    /// As getsockname(2).
    ///
    /// # Examples
    /// ```
    /// use tokio_uring_net::UnixStream;
    ///
    /// # #[tokio::main]
    /// # async fn main() -> std::io::Result<()> {
    /// let (one, _two) = UnixStream::pair()?;
    /// assert!(one.local_addr()?.is_unnamed());
    /// # Ok(())
    /// # }
    /// ```
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        sys::unix_local_addr(self.socket.fd()).map(SocketAddr::from)
    }

    /// Answers the address of the peer: for who has connected, that of the listener.
    ///
    /// # Errors
    /// As getpeername(2).
    ///
    /// # Examples
    /// See [`connect`](UnixStream::connect).
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        sys::unix_peer_addr(self.socket.fd()).map(SocketAddr::from)
    }

    /// Answers whose process is at the other end: as it was when it called connect(2), listen(2) or
    /// socketpair(2).
    ///
    /// # Errors
    /// As getsockopt(2).
    ///
    /// # Examples
    /// ```
    /// use tokio_uring_net::UnixStream;
    ///
    /// # #[tokio::main]
    /// # async fn main() -> std::io::Result<()> {
    /// let (one, _two) = UnixStream::pair()?;
    /// assert_eq!(one.peer_cred()?.pid(), i32::try_from(std::process::id()).ok());
    /// # Ok(())
    /// # }
    /// ```
    pub fn peer_cred(&self) -> io::Result<UCred> {
        UCred::of_peer(self.socket.fd())
    }

    /// Takes the error that waits on the socket: reads `SO_ERROR` and clears it.
    ///
    /// # Errors
    /// As getsockopt(2).
    ///
    /// # Examples
    /// ```
    /// use tokio_uring_net::UnixStream;
    ///
    /// # #[tokio::main]
    /// # async fn main() -> std::io::Result<()> {
    /// let (one, _two) = UnixStream::pair()?;
    /// assert!(one.take_error()?.is_none());
    /// # Ok(())
    /// # }
    /// ```
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        SockRef::from(&self.socket.fd()).take_error()
    }

    /// Lends the stream to a read half and a write half, to be used at once in one task.
    ///
    /// It costs nothing, but the halves cannot outlive the stream.
    /// [`into_split`](UnixStream::into_split) makes halves that can go to tasks of their own.
    ///
    /// # Examples
    /// ```
    /// use tokio_uring_net::UnixStream;
    ///
    /// # #[tokio::main]
    /// # async fn main() -> std::io::Result<()> {
    /// let (mut one, two) = UnixStream::pair()?;
    /// # drop(two);
    /// let (mut read, mut write) = one.split();
    /// tokio::io::copy(&mut read, &mut write).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn split<'a>(&'a mut self) -> (ReadHalf<'a>, WriteHalf<'a>) {
        split::split(self)
    }

    /// Turns the stream into a read half and a write half that can go to tasks of their own.
    ///
    /// It costs an allocation. Dropping the write half shuts the stream down in that direction,
    /// unless it was [forgotten](OwnedWriteHalf::forget); the socket is closed when both halves are
    /// gone. [`reunite`](OwnedReadHalf::reunite) undoes the split.
    ///
    /// # Examples
    /// ```
    /// use tokio::io::{AsyncReadExt, AsyncWriteExt};
    /// use tokio_uring_net::UnixStream;
    ///
    /// # #[tokio::main]
    /// # async fn main() -> std::io::Result<()> {
    /// let (one, mut two) = UnixStream::pair()?;
    /// let (mut read, mut write) = one.into_split();
    /// let writer = tokio::spawn(async move { write.write_all(b"from a task of its own").await });
    /// # two.write_all(b"and back").await?;
    /// # two.shutdown().await?;
    /// let mut received = Vec::new();
    /// read.read_to_end(&mut received).await?;
    /// writer.await??;
    /// # Ok(())
    /// # }
    /// ```
    pub fn into_split(self) -> (OwnedReadHalf, OwnedWriteHalf) {
        split_owned::split_owned(self)
    }

    /// The descriptor, for a look at the socket: it does not count as shown.
    #[cfg(feature = "tonic")]
    pub(crate) fn fd(&self) -> BorrowedFd<'_> {
        self.socket.fd()
    }

    // ---- The halves, and hyper's traits, read and write by shared reference ----

    pub(super) fn poll_read_shared(
        &self,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.poll_read_into(cx, &mut Unfilled(buf)).map_ok(drop)
    }

    pub(crate) fn poll_read_into(
        &self,
        cx: &mut Context<'_>,
        buf: &mut impl RecvInto,
    ) -> Poll<io::Result<usize>> {
        let room = buf.room();
        self.socket
            .poll_transfer(cx, Direction::Read, room, |fd| buf.recv(fd))
    }

    pub(crate) fn poll_write_shared(
        &self,
        cx: &mut Context<'_>,
        data: Data<'_>,
    ) -> Poll<io::Result<usize>> {
        let send = |fd: BorrowedFd<'_>| data.send(fd);
        self.socket
            .poll_transfer(cx, Direction::Write, data.bytes(), send)
    }

    /// Ends the stream for writing.
    pub(super) fn shutdown_write(&self) -> io::Result<()> {
        match SockRef::from(&self.socket.fd()).shutdown(Shutdown::Write) {
            Err(error) if error.kind() == ErrorKind::NotConnected => Ok(()),
            result => result,
        }
    }
}

impl AsyncRead for UnixStream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.poll_read_shared(cx, buf)
    }
}

impl AsyncWrite for UnixStream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_shared(cx, Data::One(buf))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_shared(cx, Data::Many(bufs))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    /// Answers at once: no written byte is held back.
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    /// Ends the stream in this direction; a connection that is gone already is no error.
    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(self.shutdown_write())
    }
}

impl fmt::Debug for UnixStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("UnixStream");
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

impl AsRef<UnixStream> for UnixStream {
    fn as_ref(&self) -> &UnixStream {
        self
    }
}

impl AsFd for UnixStream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.expose_fd()
    }
}

impl AsRawFd for UnixStream {
    fn as_raw_fd(&self) -> RawFd {
        self.socket.expose_fd().as_raw_fd()
    }
}
