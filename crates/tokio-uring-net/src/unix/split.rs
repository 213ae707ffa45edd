//! [`ReadHalf`] and [`WriteHalf`]: the two directions of a stream, borrowed.

use std::io::{self, IoSlice, IoSliceMut};
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::BufMut;
use ring_reactor::net::Data;
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf, Ready};
use tokio::net::unix::SocketAddr;

use super::stream::UnixStream;

/// The read half of a [`UnixStream`], borrowed by [`split`](UnixStream::split).
///
/// # Examples
/// ```
/// use tokio::io::{AsyncReadExt, AsyncWriteExt};
/// use tokio_uring_net::UnixStream;
///
/// # #[tokio::main]
/// # async fn main() -> std::io::Result<()> {
/// let (mut client, mut server) = UnixStream::pair()?;
/// client.write_all(b"hello").await?;
///
/// let (mut read, _write) = server.split();
/// let mut received = [0; 5];
/// read.read_exact(&mut received).await?;
/// assert_eq!(&received, b"hello");
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct ReadHalf<'a>(&'a UnixStream);

/// The write half of a [`UnixStream`], borrowed by [`split`](UnixStream::split).
///
/// [`poll_shutdown`](AsyncWrite::poll_shutdown) ends the stream in this direction. Dropping the
/// half does nothing.
///
/// # Examples
/// ```
/// use tokio::io::{AsyncReadExt, AsyncWriteExt};
/// use tokio_uring_net::UnixStream;
///
/// # #[tokio::main]
/// # async fn main() -> std::io::Result<()> {
/// let (mut client, mut server) = UnixStream::pair()?;
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
pub struct WriteHalf<'a>(&'a UnixStream);

pub(super) fn split(stream: &mut UnixStream) -> (ReadHalf<'_>, WriteHalf<'_>) {
    (ReadHalf(stream), WriteHalf(stream))
}

impl ReadHalf<'_> {
    /// Waits until the stream is ready for any of `interest`; answers what it is ready for. See
    /// [`UnixStream::ready`].
    ///
    /// # Cancel safety
    /// Cancel safe: readiness stays until a call proves it stale.
    ///
    /// # Errors
    /// If the runtime is shutting down.
    pub async fn ready(&self, interest: Interest) -> io::Result<Ready> {
        self.0.ready(interest).await
    }

    /// Waits until a read may find bytes or the end of the stream. See [`UnixStream::readable`].
    ///
    /// # Cancel safety
    /// Cancel safe: readiness stays until a call proves it stale.
    ///
    /// # Errors
    /// If the runtime is shutting down.
    pub async fn readable(&self) -> io::Result<()> {
        self.0.readable().await
    }

    /// Receives what is there into `buf`, without waiting. See [`UnixStream::try_read`].
    ///
    /// # Errors
    /// `WouldBlock` if the stream is not ready. Otherwise as recv(2).
    pub fn try_read(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.0.try_read(buf)
    }

    /// Receives what is there into `bufs`, one after another, without waiting. See
    /// [`UnixStream::try_read_vectored`].
    ///
    /// # Errors
    /// `WouldBlock` if the stream is not ready. Otherwise as readv(2).
    pub fn try_read_vectored(&self, bufs: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        self.0.try_read_vectored(bufs)
    }

    /// Receives what is there into the free part of `buf`, without waiting. See
    /// [`UnixStream::try_read_buf`].
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
    /// [`UnixStream::ready`].
    ///
    /// # Cancel safety
    /// Cancel safe: readiness stays until a call proves it stale.
    ///
    /// # Errors
    /// If the runtime is shutting down.
    pub async fn ready(&self, interest: Interest) -> io::Result<Ready> {
        self.0.ready(interest).await
    }

    /// Waits until a write may find room. See [`UnixStream::writable`].
    ///
    /// # Cancel safety
    /// Cancel safe: readiness stays until a call proves it stale.
    ///
    /// # Errors
    /// If the runtime is shutting down.
    pub async fn writable(&self) -> io::Result<()> {
        self.0.writable().await
    }

    /// Sends what the socket takes of `buf`, without waiting. See [`UnixStream::try_write`].
    ///
    /// # Errors
    /// `WouldBlock` if the stream is not ready. Otherwise as send(2).
    pub fn try_write(&self, buf: &[u8]) -> io::Result<usize> {
        self.0.try_write(buf)
    }

    /// Sends what the socket takes of `bufs`, one after another, without waiting. See
    /// [`UnixStream::try_write_vectored`].
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
        self.0.poll_write_shared(cx, Data::One(buf))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.0.poll_write_shared(cx, Data::Many(bufs))
    }

    fn is_write_vectored(&self) -> bool {
        self.0.is_write_vectored()
    }

    /// Answers at once: no written byte is held back.
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    /// Ends the stream in this direction; a connection that is gone already is no error.
    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(self.0.shutdown_write())
    }
}

impl AsRef<UnixStream> for ReadHalf<'_> {
    fn as_ref(&self) -> &UnixStream {
        self.0
    }
}

impl AsRef<UnixStream> for WriteHalf<'_> {
    fn as_ref(&self) -> &UnixStream {
        self.0
    }
}
