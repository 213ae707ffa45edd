//! [`ReadHalf`] and [`WriteHalf`]: the two directions of a stream, borrowed.

use std::io::{self, IoSlice, IoSliceMut};
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::BufMut;
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf, Ready};

use super::stream::TcpStream;

/// The read half of a [`TcpStream`], borrowed by [`split`](TcpStream::split).
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
/// client.write_all(b"hello").await?;
///
/// let (mut read, _write) = server.split();
/// let mut received = [0; 5];
/// assert!(read.peek(&mut received).await? > 0);
/// read.read_exact(&mut received).await?;
/// assert_eq!(&received, b"hello");
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct ReadHalf<'a>(&'a TcpStream);

/// The write half of a [`TcpStream`], borrowed by [`split`](TcpStream::split).
///
/// [`poll_shutdown`](AsyncWrite::poll_shutdown) ends the stream in this direction. Dropping the
/// half does nothing.
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
/// let (_read, mut write) = client.split();
/// write.write_all(b"hello").await?;
/// write.shutdown().await?;
/// let mut received = Vec::new();
/// server.read_to_end(&mut received).await?;
/// assert_eq!(received, b"hello");
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct WriteHalf<'a>(&'a TcpStream);

pub(super) fn split(stream: &mut TcpStream) -> (ReadHalf<'_>, WriteHalf<'_>) {
    (ReadHalf(stream), WriteHalf(stream))
}

impl ReadHalf<'_> {
    /// Copies bytes to the unfilled part of `buf` and leaves them in the socket. See
    /// [`TcpStream::poll_peek`].
    ///
    /// Of all calls of this and `poll_read` only the task of the most recent one is woken.
    ///
    /// # Errors
    /// As recv(2), except `WouldBlock`.
    pub fn poll_peek(
        &mut self,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<usize>> {
        self.0.poll_peek(cx, buf)
    }

    /// Waits for bytes and copies them to `buf`; they stay in the socket. See [`TcpStream::peek`].
    ///
    /// # Cancel safety
    /// Cancel safe: it takes no byte from the socket.
    ///
    /// # Errors
    /// As recv(2).
    pub async fn peek(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.0.peek(buf).await
    }

    /// Waits until the stream is ready for any of `interest`; answers what it is ready for. See
    /// [`TcpStream::ready`].
    ///
    /// # Cancel safety
    /// Cancel safe: readiness stays until a call proves it stale.
    ///
    /// # Errors
    /// If the runtime is shutting down.
    pub async fn ready(&self, interest: Interest) -> io::Result<Ready> {
        self.0.ready(interest).await
    }

    /// Waits until a read may find bytes or the end of the stream. See [`TcpStream::readable`].
    ///
    /// # Cancel safety
    /// Cancel safe: readiness stays until a call proves it stale.
    ///
    /// # Errors
    /// If the runtime is shutting down.
    pub async fn readable(&self) -> io::Result<()> {
        self.0.readable().await
    }

    /// Receives what is there into `buf`, without waiting. See [`TcpStream::try_read`].
    ///
    /// # Errors
    /// `WouldBlock` if the stream is not ready. Otherwise as recv(2).
    pub fn try_read(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.0.try_read(buf)
    }

    /// Receives what is there into `bufs`, one after another, without waiting. See
    /// [`TcpStream::try_read_vectored`].
    ///
    /// # Errors
    /// `WouldBlock` if the stream is not ready. Otherwise as readv(2).
    pub fn try_read_vectored(&self, bufs: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        self.0.try_read_vectored(bufs)
    }

    /// Receives what is there into the free part of `buf`, without waiting. See
    /// [`TcpStream::try_read_buf`].
    ///
    /// # Errors
    /// `WouldBlock` if the stream is not ready. Otherwise as recv(2).
    pub fn try_read_buf<B: BufMut>(&self, buf: &mut B) -> io::Result<usize> {
        self.0.try_read_buf(buf)
    }

    /// Answers the address of the peer.
    ///
    /// # Errors
    /// As getpeername(2).
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.0.peer_addr()
    }

    /// Answers the address of this end of the connection.
    ///
    /// # Errors
    /// As getsockname(2).
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }
}

impl WriteHalf<'_> {
    /// Waits until the stream is ready for any of `interest`; answers what it is ready for. See
    /// [`TcpStream::ready`].
    ///
    /// # Cancel safety
    /// Cancel safe: readiness stays until a call proves it stale.
    ///
    /// # Errors
    /// If the runtime is shutting down.
    pub async fn ready(&self, interest: Interest) -> io::Result<Ready> {
        self.0.ready(interest).await
    }

    /// Waits until a write may find room. See [`TcpStream::writable`].
    ///
    /// # Cancel safety
    /// Cancel safe: readiness stays until a call proves it stale.
    ///
    /// # Errors
    /// If the runtime is shutting down.
    pub async fn writable(&self) -> io::Result<()> {
        self.0.writable().await
    }

    /// Sends what the socket takes of `buf`, without waiting. See [`TcpStream::try_write`].
    ///
    /// # Errors
    /// `WouldBlock` if the stream is not ready. Otherwise as send(2).
    pub fn try_write(&self, buf: &[u8]) -> io::Result<usize> {
        self.0.try_write(buf)
    }

    /// Sends what the socket takes of `bufs`, one after another, without waiting. See
    /// [`TcpStream::try_write_vectored`].
    ///
    /// # Errors
    /// `WouldBlock` if the stream is not ready. Otherwise as sendmsg(2).
    pub fn try_write_vectored(&self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        self.0.try_write_vectored(bufs)
    }

    /// Answers the address of the peer.
    ///
    /// # Errors
    /// As getpeername(2).
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.0.peer_addr()
    }

    /// Answers the address of this end of the connection.
    ///
    /// # Errors
    /// As getsockname(2).
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }
}

impl AsyncRead for ReadHalf<'_> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.0.poll_read_shared(cx, buf)
    }
}

impl AsyncWrite for WriteHalf<'_> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.0.poll_write_shared(cx, buf)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.0.poll_write_vectored_shared(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.0.is_write_vectored()
    }

    /// Sends what is queued, in [`Mode::Completion`](crate::Mode); otherwise nothing is.
    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.poll_flush_shared(cx)
    }

    /// Ends the stream in this direction; a connection that is gone already is no error.
    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.poll_shutdown_shared(cx)
    }
}

impl AsRef<TcpStream> for ReadHalf<'_> {
    fn as_ref(&self) -> &TcpStream {
        self.0
    }
}

impl AsRef<TcpStream> for WriteHalf<'_> {
    fn as_ref(&self) -> &TcpStream {
        self.0
    }
}
