//! [`TcpStream`]: a TCP connection. Readiness and `try_*` are in `readiness.rs`, socket options in
//! `options.rs`, the ways in and out of other types in `convert.rs`.

mod convert;
pub(crate) mod mode;
mod options;
mod readiness;

use std::fmt;
use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use ring_reactor::Mode;
#[cfg(feature = "hyper-io")]
use ring_reactor::net::RecvInto;
use ring_reactor::net::{Data, Direction, Lease, Origin, Stream};
use socket2::Domain;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{ToSocketAddrs, lookup_host};

use super::split::{self, ReadHalf, WriteHalf};
use super::split_owned::{self, OwnedReadHalf, OwnedWriteHalf};
use crate::read_buf::Unfilled;
use crate::sys;

/// A TCP connection to a peer.
///
/// [`connect`](TcpStream::connect) opens one, [`TcpListener::accept`](crate::TcpListener::accept)
/// answers one that a peer opened, and [`TcpSocket`](crate::TcpSocket) opens one with options set
/// beforehand. Bytes move through [`AsyncRead`] and [`AsyncWrite`], most often by the methods of
/// tokio's [`AsyncReadExt`] and [`AsyncWriteExt`].
///
/// In [`Mode::Exact`], the default, a byte leaves the kernel only into a read call and no written byte
/// is held back, so the calls on the descriptor that [`as_fd`](AsFd::as_fd) answers and the methods
/// here may be mixed: unless the stream is used by [`Buffered`](crate::Buffered) or
/// [`write_owned`](TcpStream::write_owned). [`set_mode`](TcpStream::set_mode) chooses
/// [`Mode::Completion`] instead.
///
/// [`shutdown`] ends the stream in one direction: the peer reads to its end and can still answer.
/// Dropping the stream closes the socket. Bytes that were written are still delivered, unless
/// received bytes were left unread, which makes the kernel reset the connection.
///
/// A `tokio::net::TcpStream` and this type turn into each other by `TryFrom`, for crates that take
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
/// use tokio_uring_net::{TcpListener, TcpStream};
///
/// # #[tokio::main]
/// # async fn main() -> std::io::Result<()> {
/// let listener = TcpListener::bind("127.0.0.1:0").await?;
/// let mut client = TcpStream::connect(listener.local_addr()?).await?;
/// let (mut server, _) = listener.accept().await?;
///
/// client.write_all(b"that is all").await?;
/// client.shutdown().await?;
///
/// let mut received = String::new();
/// server.read_to_string(&mut received).await?;
/// assert_eq!(received, "that is all");
/// # Ok(())
/// # }
/// ```
pub struct TcpStream {
    stream: Stream,
}

// tokio's types promise both whatever the engine is made of: no method leaves a socket half changed
// when it panics.
impl UnwindSafe for TcpStream {}
impl RefUnwindSafe for TcpStream {}

impl TcpStream {
    /// Opens a connection to the first of the addresses of `addr` that answers.
    ///
    /// The addresses are tried one after another. If the first is there without a name look-up, the
    /// first poll of the future sends the first packet. [`TcpSocket`](crate::TcpSocket) opens
    /// connections with other options.
    ///
    /// # Cancel safety
    /// Dropping the future gives the attempt up and closes its socket.
    ///
    /// # Errors
    /// The error of the last address tried, as of connect(2), which may hide a more telling one of
    /// an earlier address; the error of the name look-up; `InvalidInput` if `addr` resolves to no
    /// address.
    ///
    /// # Panics
    /// If polled outside a tokio runtime, or in one whose I/O is not enabled.
    ///
    /// # Examples
    /// ```
    /// use tokio_uring_net::{TcpListener, TcpStream};
    ///
    /// # #[tokio::main]
    /// # async fn main() -> std::io::Result<()> {
    /// let listener = TcpListener::bind("127.0.0.1:0").await?;
    /// let stream = TcpStream::connect(listener.local_addr()?).await?;
    /// assert_eq!(stream.peer_addr()?, listener.local_addr()?);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn connect<A: ToSocketAddrs>(addr: A) -> io::Result<TcpStream> {
        let mut last_error = None;
        for addr in lookup_host(addr).await? {
            match TcpStream::connect_addr(addr).await {
                Ok(stream) => return Ok(stream),
                Err(error) => last_error = Some(error),
            }
        }
        Err(last_error.unwrap_or_else(sys::no_addr))
    }

    async fn connect_addr(addr: SocketAddr) -> io::Result<TcpStream> {
        let socket = sys::tcp_socket(Domain::for_address(addr))?;
        sys::start_connect(&socket, addr)?;
        TcpStream::new_connecting(socket.into(), Origin::Connecting).await
    }

    /// Waits for the answer to a connect(2) that was called on `fd`.
    pub(crate) async fn new_connecting(fd: OwnedFd, origin: Origin) -> io::Result<TcpStream> {
        let stream = TcpStream::new(fd, origin)?;
        // connect(2): the socket gets writable when the attempt has ended, and SO_ERROR tells how.
        poll_fn(|cx| stream.stream.poll_ready(cx, Direction::Write)).await?;
        match stream.take_error()? {
            Some(error) => Err(error),
            None => Ok(stream),
        }
    }

    /// Takes a non-blocking socket into the current runtime.
    #[track_caller]
    pub(crate) fn new(fd: OwnedFd, origin: Origin) -> io::Result<TcpStream> {
        Ok(TcpStream {
            stream: Stream::new(fd, origin)?,
        })
    }

    /// The same, in `mode`.
    #[track_caller]
    pub(crate) fn with_mode(fd: OwnedFd, origin: Origin, mode: Mode) -> io::Result<TcpStream> {
        Ok(TcpStream {
            stream: Stream::with_mode(fd, origin, mode)?,
        })
    }

    /// Answers the address of this end of the connection.
    ///
    /// # Errors
    /// As getsockname(2).
    ///
    /// # Examples
    /// ```
    /// use tokio_uring_net::{TcpListener, TcpStream};
    ///
    /// # #[tokio::main]
    /// # async fn main() -> std::io::Result<()> {
    /// let listener = TcpListener::bind("127.0.0.1:0").await?;
    /// let stream = TcpStream::connect(listener.local_addr()?).await?;
    /// assert!(stream.local_addr()?.ip().is_loopback());
    /// # Ok(())
    /// # }
    /// ```
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        sys::local_addr(self.stream.fd())
    }

    /// Answers the address of the peer.
    ///
    /// # Errors
    /// As getpeername(2): `NotConnected` once the connection was reset.
    ///
    /// # Examples
    /// ```
    /// use tokio_uring_net::{TcpListener, TcpStream};
    ///
    /// # #[tokio::main]
    /// # async fn main() -> std::io::Result<()> {
    /// let listener = TcpListener::bind("127.0.0.1:0").await?;
    /// let stream = TcpStream::connect(listener.local_addr()?).await?;
    /// assert_eq!(stream.peer_addr()?, listener.local_addr()?);
    /// # Ok(())
    /// # }
    /// ```
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        sys::peer_addr(self.stream.fd())
    }

    /// Lends the stream to a read half and a write half, to be used at once in one task.
    ///
    /// It costs nothing, but the halves cannot outlive the stream.
    /// [`into_split`](TcpStream::into_split) makes halves that can go to tasks of their own.
    ///
    /// # Examples
    /// ```
    /// use tokio_uring_net::{TcpListener, TcpStream};
    ///
    /// # #[tokio::main]
    /// # async fn main() -> std::io::Result<()> {
    /// # let listener = TcpListener::bind("127.0.0.1:0").await?;
    /// # let client = TcpStream::connect(listener.local_addr()?).await?;
    /// let (mut server, _) = listener.accept().await?;
    /// # drop(client);
    /// let (mut read, mut write) = server.split();
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
    /// use tokio_uring_net::{TcpListener, TcpStream};
    ///
    /// # #[tokio::main]
    /// # async fn main() -> std::io::Result<()> {
    /// # let listener = TcpListener::bind("127.0.0.1:0").await?;
    /// # let client = TcpStream::connect(listener.local_addr()?).await?;
    /// # let (mut server, _) = listener.accept().await?;
    /// let (mut read, mut write) = client.into_split();
    /// let writer = tokio::spawn(async move { write.write_all(b"from a task of its own").await });
    /// # server.write_all(b"and back").await?;
    /// # server.shutdown().await?;
    /// let mut received = Vec::new();
    /// read.read_to_end(&mut received).await?;
    /// writer.await??;
    /// # Ok(())
    /// # }
    /// ```
    pub fn into_split(self) -> (OwnedReadHalf, OwnedWriteHalf) {
        split_owned::split_owned(self)
    }

    // ---- The halves read and write by shared reference ----

    pub(super) fn poll_read_shared(
        &self,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.stream.poll_read(cx, &mut Unfilled(buf)).map_ok(|_| ())
    }

    pub(super) fn poll_write_shared(
        &self,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.stream.poll_write(cx, Data::One(buf))
    }

    pub(super) fn poll_write_vectored_shared(
        &self,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.stream.poll_write(cx, Data::Many(bufs))
    }

    pub(super) fn poll_flush_shared(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream.poll_flush(cx)
    }

    pub(super) fn poll_shutdown_shared(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream.poll_shutdown(cx)
    }

    pub(super) fn poll_recv_owned(&self, cx: &mut Context<'_>) -> Poll<io::Result<Lease>> {
        self.stream.poll_recv_owned(cx)
    }

    pub(super) fn poll_write_owned(
        &self,
        cx: &mut Context<'_>,
        bytes: &mut Bytes,
    ) -> Poll<io::Result<()>> {
        self.stream.poll_write_owned(cx, bytes)
    }

    // ---- For `Buffered`, by exclusive reference: the answer borrows the stream's own buffer ----

    pub(super) fn poll_fill_buf(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
        self.stream.poll_fill_buf(cx)
    }

    pub(super) fn consume(&mut self, count: usize) {
        self.stream.consume(count);
    }

    // ----

    // ---- For hyper's traits ----

    #[cfg(feature = "hyper-io")]
    pub(crate) fn poll_read_into(
        &self,
        cx: &mut Context<'_>,
        buf: &mut impl RecvInto,
    ) -> Poll<io::Result<usize>> {
        self.stream.poll_read(cx, buf)
    }

    /// Sends at once also where a small write would wait for others.
    #[cfg(feature = "hyper-io")]
    pub(crate) fn poll_write_gathered(
        &self,
        cx: &mut Context<'_>,
        data: Data<'_>,
    ) -> Poll<io::Result<usize>> {
        self.stream.poll_write_gathered(cx, data)
    }

    // ----

    /// Ends the stream for writing, behind what is queued, for a half that is dropped.
    pub(super) fn shutdown_write(&self) -> io::Result<()> {
        self.stream.shutdown()
    }
}

impl AsyncRead for TcpStream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.poll_read_shared(cx, buf)
    }
}

impl AsyncWrite for TcpStream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_shared(cx, buf)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_vectored_shared(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    /// Answers at once in [`Mode::Exact`](crate::Mode), which holds no written byte back. In
    /// `Mode::Completion` it sends what is queued, and waits only while the kernel is full.
    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_flush_shared(cx)
    }

    /// Ends the stream in this direction; a connection that is gone already is no error.
    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_shutdown_shared(cx)
    }
}

impl fmt::Debug for TcpStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("TcpStream");
        if let Ok(addr) = self.local_addr() {
            out.field("addr", &addr);
        }
        if let Ok(peer) = self.peer_addr() {
            out.field("peer", &peer);
        }
        out.field("fd", &self.stream.fd().as_raw_fd()).finish()
    }
}

impl AsRef<TcpStream> for TcpStream {
    fn as_ref(&self) -> &TcpStream {
        self
    }
}

impl AsFd for TcpStream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.stream.expose_fd(true)
    }
}

impl AsRawFd for TcpStream {
    fn as_raw_fd(&self) -> RawFd {
        self.stream.expose_fd(false).as_raw_fd()
    }
}
