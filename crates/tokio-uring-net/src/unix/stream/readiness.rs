//! Readiness of [`UnixStream`]: waiting for it, and the calls that try without waiting.

use std::io::{self, IoSlice, IoSliceMut};
use std::task::{Context, Poll};

use bytes::BufMut;
use ring_reactor::net::{Data, Direction, RecvInto};
use tokio::io::{Interest, ReadBuf, Ready};

use super::UnixStream;
use crate::read_buf::{Free, Scattered, Unfilled};

impl UnixStream {
    /// Waits until the stream is ready for any of `interest`; answers what it is ready for.
    ///
    /// It serves one task that both reads and writes, together with
    /// [`try_read`](UnixStream::try_read) and [`try_write`](UnixStream::try_write). The answer may be
    /// wrong or empty: the call that follows may still fail with `WouldBlock`, and then it is time
    /// to wait again.
    ///
    /// # Cancel safety
    /// Cancel safe: readiness stays until a call proves it stale by `WouldBlock` or by moving less
    /// than it could.
    ///
    /// # Errors
    /// If the runtime is shutting down.
    ///
    /// # Examples
    /// ```
    /// use tokio::io::Interest;
    /// use tokio_uring_net::UnixStream;
    ///
    /// # #[tokio::main]
    /// # async fn main() -> std::io::Result<()> {
    /// let (stream, _peer) = UnixStream::pair()?;
    /// let ready = stream.ready(Interest::READABLE | Interest::WRITABLE).await?;
    /// assert!(ready.is_writable());
    /// # Ok(())
    /// # }
    /// ```
    pub async fn ready(&self, interest: Interest) -> io::Result<Ready> {
        Ok(self.socket.ready(interest).await?.ready())
    }

    /// Waits until a read may find bytes or the end of the stream: `ready(Interest::READABLE)`.
    ///
    /// # Cancel safety
    /// Cancel safe, as [`ready`](UnixStream::ready).
    ///
    /// # Errors
    /// If the runtime is shutting down.
    ///
    /// # Examples
    /// ```
    /// use std::io::ErrorKind;
    /// use tokio::io::AsyncWriteExt;
    /// use tokio_uring_net::UnixStream;
    ///
    /// # #[tokio::main]
    /// # async fn main() -> std::io::Result<()> {
    /// # let (mut client, server) = UnixStream::pair()?;
    /// # client.write_all(b"hello").await?;
    /// let mut buf = [0; 64];
    /// let received = loop {
    ///     server.readable().await?;
    ///     match server.try_read(&mut buf) {
    ///         Err(error) if error.kind() == ErrorKind::WouldBlock => continue,
    ///         result => break result?,
    ///     }
    /// };
    /// assert_eq!(&buf[..received], b"hello");
    /// # Ok(())
    /// # }
    /// ```
    pub async fn readable(&self) -> io::Result<()> {
        self.ready(Interest::READABLE).await.map(drop)
    }

    /// Has the task of `cx` woken when a read may find bytes or the end of the stream.
    ///
    /// Of all calls of this and `poll_read` only the task of the most recent one is woken; writing has
    /// a waker of its own.
    /// [`readable`](UnixStream::readable) serves any number of tasks.
    ///
    /// # Errors
    /// If the runtime is shutting down.
    ///
    /// # Examples
    /// ```
    /// use std::future::poll_fn;
    /// # use tokio::io::AsyncWriteExt;
    /// # use tokio_uring_net::UnixStream;
    ///
    /// # #[tokio::main]
    /// # async fn main() -> std::io::Result<()> {
    /// # let (mut client, server) = UnixStream::pair()?;
    /// # client.write_all(b"hello").await?;
    /// poll_fn(|cx| server.poll_read_ready(cx)).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn poll_read_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.socket.poll_ready(cx, Direction::Read).map_ok(drop)
    }

    /// Receives what is there into `buf`, without waiting; answers how many bytes.
    ///
    /// `Ok(0)`: the peer has ended the stream, or `buf` is empty.
    ///
    /// # Errors
    /// `WouldBlock` if the stream is not ready: wait for [`readable`](UnixStream::readable).
    /// Otherwise as recv(2).
    ///
    /// # Examples
    /// See [`readable`](UnixStream::readable).
    pub fn try_read(&self, buf: &mut [u8]) -> io::Result<usize> {
        let mut buf = ReadBuf::new(buf);
        self.try_io(Interest::READABLE, || {
            Unfilled(&mut buf).recv(self.socket.fd())
        })
    }

    /// Receives what is there into `bufs`, one after another, without waiting; answers how many
    /// bytes in all.
    ///
    /// `Ok(0)`: the peer has ended the stream, or there is room for no byte.
    ///
    /// # Errors
    /// `WouldBlock` if the stream is not ready: wait for [`readable`](UnixStream::readable).
    /// Otherwise as readv(2).
    ///
    /// # Examples
    /// ```
    /// use std::io::{ErrorKind, IoSliceMut};
    /// # use tokio::io::AsyncWriteExt;
    /// use tokio_uring_net::UnixStream;
    ///
    /// # #[tokio::main]
    /// # async fn main() -> std::io::Result<()> {
    /// # let (mut client, server) = UnixStream::pair()?;
    /// # client.write_all(b"headbody").await?;
    /// let (mut head, mut body) = ([0; 4], [0; 4]);
    /// let received = loop {
    ///     server.readable().await?;
    ///     let mut bufs = [IoSliceMut::new(&mut head), IoSliceMut::new(&mut body)];
    ///     match server.try_read_vectored(&mut bufs) {
    ///         Err(error) if error.kind() == ErrorKind::WouldBlock => continue,
    ///         result => break result?,
    ///     }
    /// };
    /// assert_eq!((received, &head, &body), (8, b"head", b"body"));
    /// # Ok(())
    /// # }
    /// ```
    pub fn try_read_vectored(&self, bufs: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        self.try_io(Interest::READABLE, || {
            Scattered(bufs).recv(self.socket.fd())
        })
    }

    /// Receives what is there into the free part of `buf` and advances it, without waiting; answers
    /// how many bytes.
    ///
    /// `Ok(0)`: the peer has ended the stream, or `buf` has no free part.
    ///
    /// # Errors
    /// `WouldBlock` if the stream is not ready: wait for [`readable`](UnixStream::readable).
    /// Otherwise as recv(2).
    ///
    /// # Examples
    /// ```
    /// use std::io::ErrorKind;
    /// use tokio::io::AsyncWriteExt;
    /// use tokio_uring_net::UnixStream;
    ///
    /// # #[tokio::main]
    /// # async fn main() -> std::io::Result<()> {
    /// # let (mut client, server) = UnixStream::pair()?;
    /// # client.write_all(b"hello").await?;
    /// let mut buf = Vec::with_capacity(4096);
    /// let received = loop {
    ///     server.readable().await?;
    ///     match server.try_read_buf(&mut buf) {
    ///         Err(error) if error.kind() == ErrorKind::WouldBlock => continue,
    ///         result => break result?,
    ///     }
    /// };
    /// assert_eq!((received, buf.as_slice()), (5, b"hello".as_slice()));
    /// # Ok(())
    /// # }
    /// ```
    pub fn try_read_buf<B: BufMut>(&self, buf: &mut B) -> io::Result<usize> {
        self.try_io(Interest::READABLE, || Free(buf).recv(self.socket.fd()))
    }

    /// Waits until a write may find room: `ready(Interest::WRITABLE)`.
    ///
    /// # Cancel safety
    /// Cancel safe, as [`ready`](UnixStream::ready).
    ///
    /// # Errors
    /// If the runtime is shutting down.
    ///
    /// # Examples
    /// ```
    /// use std::io::ErrorKind;
    /// use tokio_uring_net::UnixStream;
    ///
    /// # #[tokio::main]
    /// # async fn main() -> std::io::Result<()> {
    /// let (stream, _peer) = UnixStream::pair()?;
    /// let sent = loop {
    ///     stream.writable().await?;
    ///     match stream.try_write(b"hello") {
    ///         Err(error) if error.kind() == ErrorKind::WouldBlock => continue,
    ///         result => break result?,
    ///     }
    /// };
    /// assert_eq!(sent, 5);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn writable(&self) -> io::Result<()> {
        self.ready(Interest::WRITABLE).await.map(drop)
    }

    /// Has the task of `cx` woken when a write may find room.
    ///
    /// Of all calls of this and `poll_write` only the task of the most recent one is woken; reading
    /// has a waker of its own. [`writable`](UnixStream::writable) serves any number of tasks.
    ///
    /// # Errors
    /// If the runtime is shutting down.
    ///
    /// # Examples
    /// ```
    /// use std::future::poll_fn;
    /// # use tokio_uring_net::UnixStream;
    ///
    /// # #[tokio::main]
    /// # async fn main() -> std::io::Result<()> {
    /// # let (stream, _peer) = UnixStream::pair()?;
    /// poll_fn(|cx| stream.poll_write_ready(cx)).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn poll_write_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.socket.poll_ready(cx, Direction::Write).map_ok(drop)
    }

    /// Sends what the socket takes of `buf`, without waiting; answers how many bytes.
    ///
    /// # Errors
    /// `WouldBlock` if the stream is not ready: wait for [`writable`](UnixStream::writable).
    /// Otherwise as send(2).
    ///
    /// # Examples
    /// See [`writable`](UnixStream::writable).
    pub fn try_write(&self, buf: &[u8]) -> io::Result<usize> {
        self.try_io(Interest::WRITABLE, || Data::One(buf).send(self.socket.fd()))
    }

    /// Sends what the socket takes of `bufs`, one after another, without waiting; answers how many
    /// bytes in all.
    ///
    /// # Errors
    /// `WouldBlock` if the stream is not ready: wait for [`writable`](UnixStream::writable).
    /// Otherwise as sendmsg(2).
    ///
    /// # Examples
    /// ```
    /// use std::io::IoSlice;
    /// use tokio_uring_net::UnixStream;
    ///
    /// # #[tokio::main]
    /// # async fn main() -> std::io::Result<()> {
    /// let (stream, _peer) = UnixStream::pair()?;
    /// stream.writable().await?;
    /// let sent = stream.try_write_vectored(&[IoSlice::new(b"head"), IoSlice::new(b"body")])?;
    /// assert_eq!(sent, 8);
    /// # Ok(())
    /// # }
    /// ```
    pub fn try_write_vectored(&self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        self.try_io(Interest::WRITABLE, || {
            Data::Many(bufs).send(self.socket.fd())
        })
    }

    /// Runs `f`, which does its own I/O on the socket, if the stream is ready for `interest`.
    ///
    /// If `f` answers `WouldBlock`, the readiness is forgotten; so `f` must answer that only if the
    /// socket did. If `f` uses the socket for another direction than `interest`, waiting for
    /// readiness may hang.
    ///
    /// # Errors
    /// `WouldBlock` if the stream is not ready, in which case `f` is not called. Otherwise what `f`
    /// answers.
    ///
    /// # Examples
    /// ```
    /// use socket2::SockRef;
    /// use tokio::io::Interest;
    /// use tokio_uring_net::UnixStream;
    ///
    /// # #[tokio::main]
    /// # async fn main() -> std::io::Result<()> {
    /// let (stream, _peer) = UnixStream::pair()?;
    /// stream.writable().await?;
    /// stream.try_io(Interest::WRITABLE, || SockRef::from(&stream).send(b"!"))?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn try_io<R>(
        &self,
        interest: Interest,
        f: impl FnOnce() -> io::Result<R>,
    ) -> io::Result<R> {
        self.socket.try_io(interest, f)
    }

    /// Runs `f`, which does its own I/O on the socket, whenever the stream is ready, until it does
    /// not answer `WouldBlock`.
    ///
    /// `f` must answer `WouldBlock` only if the socket did. If `f` uses the socket for another
    /// direction than `interest`, the call may hang.
    ///
    /// # Cancel safety
    /// Cancel safe as far as `f` is: no call of `f` is ever interrupted, and the call after the
    /// last one has not begun.
    ///
    /// # Errors
    /// What `f` answers, except `WouldBlock`; or that the runtime is shutting down.
    ///
    /// # Examples
    /// ```
    /// use socket2::SockRef;
    /// use tokio::io::Interest;
    /// use tokio_uring_net::UnixStream;
    ///
    /// # #[tokio::main]
    /// # async fn main() -> std::io::Result<()> {
    /// let (stream, _peer) = UnixStream::pair()?;
    /// let send = || SockRef::from(&stream).send(b"hello");
    /// let sent = stream.async_io(Interest::WRITABLE, send).await?;
    /// assert_eq!(sent, 5);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn async_io<R>(
        &self,
        interest: Interest,
        f: impl FnMut() -> io::Result<R>,
    ) -> io::Result<R> {
        self.socket.async_io(interest, f).await
    }
}
