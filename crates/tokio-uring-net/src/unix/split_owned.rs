//! [`OwnedReadHalf`] and [`OwnedWriteHalf`]: the two directions of a stream, to be moved apart.

use std::error::Error;
use std::fmt;
use std::io::{self, IoSlice, IoSliceMut};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::BufMut;
use ring_reactor::net::Data;
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf, Ready};
use tokio::net::unix::SocketAddr;

use super::stream::UnixStream;

/// The read half of a [`UnixStream`], made by [`into_split`](UnixStream::into_split).
///
/// Dropping it leaves the stream open for writing; the socket is closed when both halves are gone.
///
/// # Examples
/// ```
/// use tokio::io::{AsyncReadExt, AsyncWriteExt};
/// use tokio_uring_net::UnixStream;
///
/// # #[tokio::main]
/// # async fn main() -> std::io::Result<()> {
/// let (mut client, server) = UnixStream::pair()?;
/// let (mut read, _write) = server.into_split();
/// let reader = tokio::spawn(async move {
///     let mut received = [0; 5];
///     read.read_exact(&mut received).await.map(|_| received)
/// });
/// client.write_all(b"hello").await?;
/// assert_eq!(&reader.await??, b"hello");
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct OwnedReadHalf {
    inner: Arc<UnixStream>,
}

/// The write half of a [`UnixStream`], made by [`into_split`](UnixStream::into_split).
///
/// [`poll_shutdown`](AsyncWrite::poll_shutdown) ends the stream in this direction, and so does
/// dropping the half, unless it was [forgotten](OwnedWriteHalf::forget). The socket is closed when
/// both halves are gone.
///
/// # Examples
/// ```
/// use tokio::io::{AsyncReadExt, AsyncWriteExt};
/// use tokio_uring_net::UnixStream;
///
/// # #[tokio::main]
/// # async fn main() -> std::io::Result<()> {
/// let (client, mut server) = UnixStream::pair()?;
///
/// let (_read, mut write) = client.into_split();
/// write.write_all(b"hello").await?;
/// drop(write);
/// let mut received = Vec::new();
/// server.read_to_end(&mut received).await?;
/// assert_eq!(received, b"hello");
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct OwnedWriteHalf {
    inner: Arc<UnixStream>,
    shutdown_on_drop: bool,
}

/// The two halves given to `reunite`, which are not of one stream.
///
/// # Examples
/// ```
/// use tokio_uring_net::UnixStream;
///
/// # #[tokio::main]
/// # async fn main() -> std::io::Result<()> {
/// let (one, two) = UnixStream::pair()?;
/// let (read, _write) = one.into_split();
/// let (_read, write) = two.into_split();
/// let error = read.reunite(write).unwrap_err();
/// let (_read, _write) = (error.0, error.1);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct ReuniteError(
    /// The read half, as it was given.
    pub OwnedReadHalf,
    /// The write half, as it was given.
    pub OwnedWriteHalf,
);

impl fmt::Display for ReuniteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("tried to reunite halves that are not from the same socket")
    }
}

impl Error for ReuniteError {}

pub(super) fn split_owned(stream: UnixStream) -> (OwnedReadHalf, OwnedWriteHalf) {
    let inner = Arc::new(stream);
    let read = OwnedReadHalf {
        inner: Arc::clone(&inner),
    };
    let write = OwnedWriteHalf {
        inner,
        shutdown_on_drop: true,
    };
    (read, write)
}

fn reunite(read: OwnedReadHalf, write: OwnedWriteHalf) -> Result<UnixStream, ReuniteError> {
    if !Arc::ptr_eq(&read.inner, &write.inner) {
        return Err(ReuniteError(read, write));
    }
    write.forget();
    Ok(Arc::into_inner(read.inner)
        .expect("a stream has two halves, and the write half was just dropped"))
}

impl OwnedReadHalf {
    /// Puts the halves of one [`into_split`](UnixStream::into_split) together again.
    ///
    /// # Errors
    /// [`ReuniteError`], with both halves in it, if they are not of one stream.
    ///
    /// # Examples
    /// ```
    /// use tokio_uring_net::UnixStream;
    ///
    /// # #[tokio::main]
    /// # async fn main() -> std::io::Result<()> {
    /// # let (stream, _peer) = UnixStream::pair()?;
    /// let (read, write) = stream.into_split();
    /// let stream = read.reunite(write).expect("both halves are of one stream");
    /// # let _ = stream;
    /// # Ok(())
    /// # }
    /// ```
    pub fn reunite(self, other: OwnedWriteHalf) -> Result<UnixStream, ReuniteError> {
        reunite(self, other)
    }

    /// Waits until the stream is ready for any of `interest`; answers what it is ready for. See
    /// [`UnixStream::ready`].
    ///
    /// # Cancel safety
    /// Cancel safe: readiness stays until a call proves it stale.
    ///
    /// # Errors
    /// If the runtime is shutting down.
    pub async fn ready(&self, interest: Interest) -> io::Result<Ready> {
        self.inner.ready(interest).await
    }

    /// Waits until a read may find bytes or the end of the stream. See [`UnixStream::readable`].
    ///
    /// # Cancel safety
    /// Cancel safe: readiness stays until a call proves it stale.
    ///
    /// # Errors
    /// If the runtime is shutting down.
    pub async fn readable(&self) -> io::Result<()> {
        self.inner.readable().await
    }

    /// Receives what is there into `buf`, without waiting. See [`UnixStream::try_read`].
    ///
    /// # Errors
    /// `WouldBlock` if the stream is not ready. Otherwise as recv(2).
    pub fn try_read(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.inner.try_read(buf)
    }

    /// Receives what is there into `bufs`, one after another, without waiting. See
    /// [`UnixStream::try_read_vectored`].
    ///
    /// # Errors
    /// `WouldBlock` if the stream is not ready. Otherwise as readv(2).
    pub fn try_read_vectored(&self, bufs: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        self.inner.try_read_vectored(bufs)
    }

    /// Receives what is there into the free part of `buf`, without waiting. See
    /// [`UnixStream::try_read_buf`].
    ///
    /// # Errors
    /// `WouldBlock` if the stream is not ready. Otherwise as recv(2).
    pub fn try_read_buf<B: BufMut>(&self, buf: &mut B) -> io::Result<usize> {
        self.inner.try_read_buf(buf)
    }

    /// Answers the address of the peer.
    ///
    /// # Errors
    /// As getpeername(2).
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.inner.peer_addr()
    }

    /// Answers the address of this end of the connection.
    ///
    /// # Errors
    /// As getsockname(2).
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.inner.local_addr()
    }
}

impl OwnedWriteHalf {
    /// Puts the halves of one [`into_split`](UnixStream::into_split) together again.
    ///
    /// # Errors
    /// [`ReuniteError`], with both halves in it, if they are not of one stream.
    ///
    /// # Examples
    /// See [`OwnedReadHalf::reunite`].
    pub fn reunite(self, other: OwnedReadHalf) -> Result<UnixStream, ReuniteError> {
        reunite(other, self)
    }

    /// Drops the half without ending the stream in this direction.
    ///
    /// The peer reads the end of the stream when the read half is dropped too.
    ///
    /// # Examples
    /// ```
    /// use tokio_uring_net::UnixStream;
    ///
    /// # #[tokio::main]
    /// # async fn main() -> std::io::Result<()> {
    /// # let (stream, _peer) = UnixStream::pair()?;
    /// let (read, write) = stream.into_split();
    /// write.forget();
    /// # drop(read);
    /// # Ok(())
    /// # }
    /// ```
    pub fn forget(mut self) {
        self.shutdown_on_drop = false;
    }

    /// Waits until the stream is ready for any of `interest`; answers what it is ready for. See
    /// [`UnixStream::ready`].
    ///
    /// # Cancel safety
    /// Cancel safe: readiness stays until a call proves it stale.
    ///
    /// # Errors
    /// If the runtime is shutting down.
    pub async fn ready(&self, interest: Interest) -> io::Result<Ready> {
        self.inner.ready(interest).await
    }

    /// Waits until a write may find room. See [`UnixStream::writable`].
    ///
    /// # Cancel safety
    /// Cancel safe: readiness stays until a call proves it stale.
    ///
    /// # Errors
    /// If the runtime is shutting down.
    pub async fn writable(&self) -> io::Result<()> {
        self.inner.writable().await
    }

    /// Sends what the socket takes of `buf`, without waiting. See [`UnixStream::try_write`].
    ///
    /// # Errors
    /// `WouldBlock` if the stream is not ready. Otherwise as send(2).
    pub fn try_write(&self, buf: &[u8]) -> io::Result<usize> {
        self.inner.try_write(buf)
    }

    /// Sends what the socket takes of `bufs`, one after another, without waiting. See
    /// [`UnixStream::try_write_vectored`].
    ///
    /// # Errors
    /// `WouldBlock` if the stream is not ready. Otherwise as sendmsg(2).
    pub fn try_write_vectored(&self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        self.inner.try_write_vectored(bufs)
    }

    /// Answers the address of the peer.
    ///
    /// # Errors
    /// As getpeername(2).
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.inner.peer_addr()
    }

    /// Answers the address of this end of the connection.
    ///
    /// # Errors
    /// As getsockname(2).
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.inner.local_addr()
    }
}

impl AsyncRead for OwnedReadHalf {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.inner.poll_read_shared(cx, buf)
    }
}

impl Drop for OwnedWriteHalf {
    /// Ends the stream in this direction, unless that was done or
    /// [forgotten](OwnedWriteHalf::forget).
    fn drop(&mut self) {
        if self.shutdown_on_drop {
            // Nobody is left to be told of an error.
            let _ = self.inner.shutdown_write();
        }
    }
}

impl AsyncWrite for OwnedWriteHalf {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.inner.poll_write_shared(cx, Data::One(buf))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.inner.poll_write_shared(cx, Data::Many(bufs))
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    /// Answers at once: no written byte is held back.
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    /// Ends the stream in this direction; a connection that is gone already is no error.
    fn poll_shutdown(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        let result = self.inner.shutdown_write();
        if result.is_ok() {
            self.shutdown_on_drop = false;
        }
        Poll::Ready(result)
    }
}

impl AsRef<UnixStream> for OwnedReadHalf {
    fn as_ref(&self) -> &UnixStream {
        &self.inner
    }
}

impl AsRef<UnixStream> for OwnedWriteHalf {
    fn as_ref(&self) -> &UnixStream {
        &self.inner
    }
}
