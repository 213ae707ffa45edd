//! Readiness of [`TcpStream`]: waiting for it, the calls that try without waiting, and peeking.

use std::io::{self, IoSlice, IoSliceMut};
use std::task::{Context, Poll};

use bytes::BufMut;
use ring_reactor::net::{Data, Direction};
use tokio::io::{Interest, ReadBuf, Ready};

use super::TcpStream;
use crate::read_buf::{Free, Peeked, Scattered, Unfilled};

impl TcpStream {
    /// Waits until the stream is ready for any of `interest`; answers what it is ready for.
    ///
    /// It serves one task that both reads and writes, together with
    /// [`try_read`](TcpStream::try_read) and [`try_write`](TcpStream::try_write). The answer may be
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
    /// use tokio_uring_net::{TcpListener, TcpStream};
    ///
    /// # #[tokio::main]
    /// # async fn main() -> std::io::Result<()> {
    /// let listener = TcpListener::bind("127.0.0.1:0").await?;
    /// let stream = TcpStream::connect(listener.local_addr()?).await?;
    /// let ready = stream.ready(Interest::READABLE | Interest::WRITABLE).await?;
    /// assert!(ready.is_writable());
    /// # Ok(())
    /// # }
    /// ```
    pub async fn ready(&self, interest: Interest) -> io::Result<Ready> {
        self.stream.ready(interest).await
    }

    /// Waits until a read may find bytes or the end of the stream: `ready(Interest::READABLE)`.
    ///
    /// # Cancel safety
    /// Cancel safe, as [`ready`](TcpStream::ready).
    ///
    /// # Errors
    /// If the runtime is shutting down.
    ///
    /// # Examples
    /// ```
    /// use std::io::ErrorKind;
    /// use tokio::io::AsyncWriteExt;
    /// use tokio_uring_net::{TcpListener, TcpStream};
    ///
    /// # #[tokio::main]
    /// # async fn main() -> std::io::Result<()> {
    /// # let listener = TcpListener::bind("127.0.0.1:0").await?;
    /// # let mut client = TcpStream::connect(listener.local_addr()?).await?;
    /// let (server, _) = listener.accept().await?;
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
    /// Of all calls of this, `poll_read` and [`poll_peek`](TcpStream::poll_peek) only the task of
    /// the most recent one is woken; writing has a waker of its own.
    /// [`readable`](TcpStream::readable) serves any number of tasks.
    ///
    /// # Errors
    /// If the runtime is shutting down.
    ///
    /// # Examples
    /// ```
    /// use std::future::poll_fn;
    /// # use tokio::io::AsyncWriteExt;
    /// # use tokio_uring_net::{TcpListener, TcpStream};
    ///
    /// # #[tokio::main]
    /// # async fn main() -> std::io::Result<()> {
    /// # let listener = TcpListener::bind("127.0.0.1:0").await?;
    /// # let mut client = TcpStream::connect(listener.local_addr()?).await?;
    /// # let (server, _) = listener.accept().await?;
    /// # client.write_all(b"hello").await?;
    /// poll_fn(|cx| server.poll_read_ready(cx)).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn poll_read_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream.poll_ready(cx, Direction::Read)
    }

    /// Receives what is there into `buf`, without waiting; answers how many bytes.
    ///
    /// `Ok(0)`: the peer has ended the stream, or `buf` is empty.
    ///
    /// # Errors
    /// `WouldBlock` if the stream is not ready: wait for [`readable`](TcpStream::readable).
    /// Otherwise as recv(2).
    ///
    /// # Examples
    /// See [`readable`](TcpStream::readable).
    pub fn try_read(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.stream.try_read(&mut Unfilled(&mut ReadBuf::new(buf)))
    }

    /// Receives what is there into `bufs`, one after another, without waiting; answers how many
    /// bytes in all.
    ///
    /// `Ok(0)`: the peer has ended the stream, or there is room for no byte.
    ///
    /// # Errors
    /// `WouldBlock` if the stream is not ready: wait for [`readable`](TcpStream::readable).
    /// Otherwise as readv(2).
    ///
    /// # Examples
    /// ```
    /// use std::io::{ErrorKind, IoSliceMut};
    /// # use tokio::io::AsyncWriteExt;
    /// use tokio_uring_net::{TcpListener, TcpStream};
    ///
    /// # #[tokio::main]
    /// # async fn main() -> std::io::Result<()> {
    /// # let listener = TcpListener::bind("127.0.0.1:0").await?;
    /// # let mut client = TcpStream::connect(listener.local_addr()?).await?;
    /// # let (server, _) = listener.accept().await?;
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
        self.stream.try_read(&mut Scattered(bufs))
    }

    /// Receives what is there into the free part of `buf` and advances it, without waiting; answers
    /// how many bytes.
    ///
    /// `Ok(0)`: the peer has ended the stream, or `buf` has no free part.
    ///
    /// # Errors
    /// `WouldBlock` if the stream is not ready: wait for [`readable`](TcpStream::readable).
    /// Otherwise as recv(2).
    ///
    /// # Examples
    /// ```
    /// use std::io::ErrorKind;
    /// use tokio::io::AsyncWriteExt;
    /// use tokio_uring_net::{TcpListener, TcpStream};
    ///
    /// # #[tokio::main]
    /// # async fn main() -> std::io::Result<()> {
    /// # let listener = TcpListener::bind("127.0.0.1:0").await?;
    /// # let mut client = TcpStream::connect(listener.local_addr()?).await?;
    /// # let (server, _) = listener.accept().await?;
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
        self.stream.try_read(&mut Free(buf))
    }

    /// Waits until a write may find room: `ready(Interest::WRITABLE)`.
    ///
    /// # Cancel safety
    /// Cancel safe, as [`ready`](TcpStream::ready).
    ///
    /// # Errors
    /// If the runtime is shutting down.
    ///
    /// # Examples
    /// ```
    /// use std::io::ErrorKind;
    /// use tokio_uring_net::{TcpListener, TcpStream};
    ///
    /// # #[tokio::main]
    /// # async fn main() -> std::io::Result<()> {
    /// # let listener = TcpListener::bind("127.0.0.1:0").await?;
    /// let stream = TcpStream::connect(listener.local_addr()?).await?;
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
    /// has a waker of its own. [`writable`](TcpStream::writable) serves any number of tasks.
    ///
    /// # Errors
    /// If the runtime is shutting down.
    ///
    /// # Examples
    /// ```
    /// use std::future::poll_fn;
    /// # use tokio_uring_net::{TcpListener, TcpStream};
    ///
    /// # #[tokio::main]
    /// # async fn main() -> std::io::Result<()> {
    /// # let listener = TcpListener::bind("127.0.0.1:0").await?;
    /// # let stream = TcpStream::connect(listener.local_addr()?).await?;
    /// poll_fn(|cx| stream.poll_write_ready(cx)).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn poll_write_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream.poll_ready(cx, Direction::Write)
    }

    /// Sends what the socket takes of `buf`, without waiting; answers how many bytes.
    ///
    /// # Errors
    /// `WouldBlock` if the stream is not ready: wait for [`writable`](TcpStream::writable).
    /// Otherwise as send(2).
    ///
    /// # Examples
    /// See [`writable`](TcpStream::writable).
    pub fn try_write(&self, buf: &[u8]) -> io::Result<usize> {
        self.stream.try_write(Data::One(buf))
    }

    /// Sends what the socket takes of `bufs`, one after another, without waiting; answers how many
    /// bytes in all.
    ///
    /// # Errors
    /// `WouldBlock` if the stream is not ready: wait for [`writable`](TcpStream::writable).
    /// Otherwise as sendmsg(2).
    ///
    /// # Examples
    /// ```
    /// use std::io::IoSlice;
    /// use tokio_uring_net::{TcpListener, TcpStream};
    ///
    /// # #[tokio::main]
    /// # async fn main() -> std::io::Result<()> {
    /// # let listener = TcpListener::bind("127.0.0.1:0").await?;
    /// let stream = TcpStream::connect(listener.local_addr()?).await?;
    /// stream.writable().await?;
    /// let sent = stream.try_write_vectored(&[IoSlice::new(b"head"), IoSlice::new(b"body")])?;
    /// assert_eq!(sent, 8);
    /// # Ok(())
    /// # }
    /// ```
    pub fn try_write_vectored(&self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        self.stream.try_write(Data::Many(bufs))
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
    /// use tokio_uring_net::{TcpListener, TcpStream};
    ///
    /// # #[tokio::main]
    /// # async fn main() -> std::io::Result<()> {
    /// # let listener = TcpListener::bind("127.0.0.1:0").await?;
    /// let stream = TcpStream::connect(listener.local_addr()?).await?;
    /// stream.writable().await?;
    /// stream.try_io(Interest::WRITABLE, || SockRef::from(&stream).send_out_of_band(b"!"))?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn try_io<R>(
        &self,
        interest: Interest,
        f: impl FnOnce() -> io::Result<R>,
    ) -> io::Result<R> {
        self.stream.try_io(interest, f)
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
    /// use tokio_uring_net::{TcpListener, TcpStream};
    ///
    /// # #[tokio::main]
    /// # async fn main() -> std::io::Result<()> {
    /// # let listener = TcpListener::bind("127.0.0.1:0").await?;
    /// let stream = TcpStream::connect(listener.local_addr()?).await?;
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
        self.stream.async_io(interest, f).await
    }

    /// Waits for bytes and copies them to `buf`; they stay in the socket for the next read. Answers
    /// how many.
    ///
    /// `Ok(0)`: the peer has ended the stream, or `buf` is empty.
    ///
    /// # Cancel safety
    /// Cancel safe: it takes no byte from the socket.
    ///
    /// # Errors
    /// As recv(2).
    ///
    /// # Examples
    /// ```
    /// use tokio::io::{AsyncReadExt, AsyncWriteExt};
    /// use tokio_uring_net::{TcpListener, TcpStream};
    ///
    /// # #[tokio::main]
    /// # async fn main() -> std::io::Result<()> {
    /// # let listener = TcpListener::bind("127.0.0.1:0").await?;
    /// # let mut client = TcpStream::connect(listener.local_addr()?).await?;
    /// # let (mut server, _) = listener.accept().await?;
    /// # client.write_all(b"hello").await?;
    /// let (mut peeked, mut read) = ([0; 16], [0; 16]);
    /// let count = server.peek(&mut peeked).await?;
    /// assert_eq!(server.read(&mut read[..count]).await?, count);
    /// assert_eq!(peeked[..count], read[..count]);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn peek(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.stream.peek(Peeked(&mut ReadBuf::new(buf))).await
    }

    /// Copies bytes to the unfilled part of `buf` and leaves them in the socket, or has the task of
    /// `cx` woken when there may be some. Answers how many.
    ///
    /// Of all calls of this, `poll_read` and [`poll_read_ready`](TcpStream::poll_read_ready) only
    /// the task of the most recent one is woken; writing has a waker of its own.
    ///
    /// # Errors
    /// As recv(2), except `WouldBlock`.
    ///
    /// # Examples
    /// ```
    /// use std::future::poll_fn;
    /// use tokio::io::{AsyncWriteExt, ReadBuf};
    /// # use tokio_uring_net::{TcpListener, TcpStream};
    ///
    /// # #[tokio::main]
    /// # async fn main() -> std::io::Result<()> {
    /// # let listener = TcpListener::bind("127.0.0.1:0").await?;
    /// # let mut client = TcpStream::connect(listener.local_addr()?).await?;
    /// # let (server, _) = listener.accept().await?;
    /// # client.write_all(b"hello").await?;
    /// let mut bytes = [0; 16];
    /// let mut buf = ReadBuf::new(&mut bytes);
    /// let count = poll_fn(|cx| server.poll_peek(cx, &mut buf)).await?;
    /// assert_eq!(buf.filled(), &b"hello"[..count]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn poll_peek(
        &self,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<usize>> {
        self.stream.poll_peek(cx, &mut Peeked(buf))
    }
}
