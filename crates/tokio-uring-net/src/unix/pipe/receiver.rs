//! [`Receiver`]: the reading end of a pipe.

use std::fmt;
use std::fs::File;
use std::io::{self, IoSliceMut};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::BufMut;
use ring_reactor::net::{Direction, Origin, RecvInto, Socket};
use tokio::io::{AsyncRead, Interest, ReadBuf, Ready};

use super::checks::{End, check_pollable, set_blocking};
use crate::read_buf::{Free, Scattered, Unfilled};

/// The reading end of a pipe.
///
/// [`pipe`](super::pipe) makes one with its other end, [`OpenOptions`](super::OpenOptions) opens that
/// of a FIFO file, and [`from_owned_fd`](Receiver::from_owned_fd) takes one from elsewhere. Reading
/// from it answers the end, zero bytes, when what was written is read and every writing end is
/// closed. On a FIFO it then goes on to answer the end, also when another program opens it for
/// writing; with [`read_write`](super::OpenOptions::read_write) there is no end. The reading end is
/// closed when the value is dropped.
///
/// # Examples
/// See [`pipe`](super::pipe).
pub struct Receiver {
    socket: Socket,
}

impl Receiver {
    /// Takes a non-blocking end of a pipe into the current runtime.
    #[track_caller]
    pub(super) fn new(fd: OwnedFd, origin: Origin) -> io::Result<Receiver> {
        Ok(Receiver {
            socket: Socket::new(fd, origin)?,
        })
    }

    /// Takes a file that is the reading end of a pipe, and makes it non-blocking.
    ///
    /// # Errors
    /// `InvalidInput` if it is no pipe, or not open for reading. Otherwise as fstat(2) and fcntl(2);
    /// if the runtime cannot register the pipe.
    ///
    /// # Panics
    /// If called outside a tokio runtime, or in one whose I/O is not enabled.
    ///
    /// # Examples
    /// See [`from_owned_fd`](Receiver::from_owned_fd).
    #[track_caller]
    pub fn from_file(file: File) -> io::Result<Receiver> {
        Receiver::from_owned_fd(file.into())
    }

    /// Takes a descriptor that is the reading end of a pipe, and makes it non-blocking.
    ///
    /// # Errors
    /// `InvalidInput` if it is no pipe, or not open for reading. Otherwise as fstat(2) and fcntl(2);
    /// if the runtime cannot register the pipe.
    ///
    /// # Panics
    /// If called outside a tokio runtime, or in one whose I/O is not enabled.
    ///
    /// # Examples
    /// ```
    /// use std::io::Write;
    /// use tokio::io::AsyncReadExt;
    /// use tokio_uring_net::unix::pipe;
    ///
    /// # #[tokio::main]
    /// # async fn main() -> std::io::Result<()> {
    /// let (reading, mut writing) = std::io::pipe()?;
    /// let mut receiver = pipe::Receiver::from_owned_fd(reading.into())?;
    /// writing.write_all(b"hello")?;
    ///
    /// let mut received = [0; 5];
    /// receiver.read_exact(&mut received).await?;
    /// assert_eq!(&received, b"hello");
    /// # Ok(())
    /// # }
    /// ```
    #[track_caller]
    pub fn from_owned_fd(owned_fd: OwnedFd) -> io::Result<Receiver> {
        End::Reading.prepare(owned_fd.as_fd())?;
        Receiver::new(owned_fd, Origin::Foreign)
    }

    /// Takes a file that is the reading end of a pipe, in non-blocking mode, and does not check that
    /// it is.
    ///
    /// # Errors
    /// `PermissionDenied` if it is nothing that can be waited for; if the runtime cannot register it.
    ///
    /// # Panics
    /// If called outside a tokio runtime, or in one whose I/O is not enabled.
    ///
    /// # Examples
    /// See [`from_owned_fd_unchecked`](Receiver::from_owned_fd_unchecked).
    #[track_caller]
    pub fn from_file_unchecked(file: File) -> io::Result<Receiver> {
        Receiver::from_owned_fd_unchecked(file.into())
    }

    /// Takes a descriptor that is the reading end of a pipe, in non-blocking mode, and does not check
    /// that it is.
    ///
    /// # Errors
    /// `PermissionDenied` if it is nothing that can be waited for; if the runtime cannot register it.
    ///
    /// # Panics
    /// If called outside a tokio runtime, or in one whose I/O is not enabled.
    ///
    /// # Examples
    /// ```
    /// use tokio_uring_net::unix::pipe;
    ///
    /// # #[tokio::main]
    /// # async fn main() -> std::io::Result<()> {
    /// let (_sender, receiver) = pipe::pipe()?;
    /// let descriptor = receiver.into_nonblocking_fd()?;
    /// let receiver = pipe::Receiver::from_owned_fd_unchecked(descriptor)?;
    /// # let _ = receiver;
    /// # Ok(())
    /// # }
    /// ```
    #[track_caller]
    pub fn from_owned_fd_unchecked(owned_fd: OwnedFd) -> io::Result<Receiver> {
        check_pollable(owned_fd.as_fd())?;
        Receiver::new(owned_fd, Origin::Foreign)
    }

    /// Waits until the pipe is ready for any of `interest`; answers what it is ready for.
    ///
    /// The answer may be wrong or empty: the call that follows may still fail with `WouldBlock`, and
    /// then it is time to wait again.
    ///
    /// # Cancel safety
    /// Cancel safe: readiness stays until a call proves it stale by `WouldBlock` or by reading less
    /// than it could.
    ///
    /// # Errors
    /// If the runtime is shutting down.
    ///
    /// # Examples
    /// ```
    /// use tokio::io::Interest;
    /// use tokio_uring_net::unix::pipe;
    ///
    /// # #[tokio::main]
    /// # async fn main() -> std::io::Result<()> {
    /// let (sender, receiver) = pipe::pipe()?;
    /// drop(sender);
    /// let ready = receiver.ready(Interest::READABLE).await?;
    /// assert!(ready.is_read_closed());
    /// # Ok(())
    /// # }
    /// ```
    pub async fn ready(&self, interest: Interest) -> io::Result<Ready> {
        Ok(self.socket.ready(interest).await?.ready())
    }

    /// Waits until a read may find bytes or the end: `ready(Interest::READABLE)`.
    ///
    /// # Cancel safety
    /// Cancel safe, as [`ready`](Receiver::ready).
    ///
    /// # Errors
    /// If the runtime is shutting down.
    ///
    /// # Examples
    /// See [`try_read`](Receiver::try_read).
    pub async fn readable(&self) -> io::Result<()> {
        self.ready(Interest::READABLE).await.map(drop)
    }

    /// Has the task of `cx` woken when a read may find bytes or the end.
    ///
    /// Of all calls of this and `poll_read` only the task of the most recent one is woken.
    /// [`readable`](Receiver::readable) serves any number of tasks.
    ///
    /// # Errors
    /// If the runtime is shutting down.
    ///
    /// # Examples
    /// ```
    /// use std::future::poll_fn;
    /// # use tokio::io::AsyncWriteExt;
    /// use tokio_uring_net::unix::pipe;
    ///
    /// # #[tokio::main]
    /// # async fn main() -> std::io::Result<()> {
    /// let (mut sender, receiver) = pipe::pipe()?;
    /// sender.write_all(b"hello").await?;
    /// poll_fn(|cx| receiver.poll_read_ready(cx)).await?;
    /// assert_eq!(receiver.try_read(&mut [0; 16])?, 5);
    /// # Ok(())
    /// # }
    /// ```
    pub fn poll_read_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.socket.poll_ready(cx, Direction::Read).map_ok(drop)
    }

    /// Reads what is there into `buf`, without waiting; answers how many bytes.
    ///
    /// `Ok(0)`: every writing end is closed, or `buf` is empty.
    ///
    /// # Errors
    /// `WouldBlock` if the pipe is not ready: wait for [`readable`](Receiver::readable). Otherwise as
    /// read(2).
    ///
    /// # Examples
    /// ```
    /// use std::io::ErrorKind;
    /// # use tokio::io::AsyncWriteExt;
    /// use tokio_uring_net::unix::pipe;
    ///
    /// # #[tokio::main]
    /// # async fn main() -> std::io::Result<()> {
    /// let (mut sender, receiver) = pipe::pipe()?;
    /// # sender.write_all(b"hello").await?;
    /// let mut buf = [0; 16];
    /// let received = loop {
    ///     receiver.readable().await?;
    ///     match receiver.try_read(&mut buf) {
    ///         Err(error) if error.kind() == ErrorKind::WouldBlock => continue,
    ///         result => break result?,
    ///     }
    /// };
    /// assert_eq!(&buf[..received], b"hello");
    /// # Ok(())
    /// # }
    /// ```
    pub fn try_read(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.socket.try_io(Interest::READABLE, || {
            Unfilled(&mut ReadBuf::new(buf)).read(self.socket.fd())
        })
    }

    /// Reads what is there into `bufs`, one after another, without waiting; answers how many bytes in
    /// all.
    ///
    /// `Ok(0)`: every writing end is closed, or there is room for no byte.
    ///
    /// # Errors
    /// `WouldBlock` if the pipe is not ready: wait for [`readable`](Receiver::readable). Otherwise as
    /// readv(2).
    ///
    /// # Examples
    /// ```
    /// use std::io::IoSliceMut;
    /// # use tokio::io::AsyncWriteExt;
    /// use tokio_uring_net::unix::pipe;
    ///
    /// # #[tokio::main]
    /// # async fn main() -> std::io::Result<()> {
    /// let (mut sender, receiver) = pipe::pipe()?;
    /// sender.write_all(b"headbody").await?;
    /// receiver.readable().await?;
    /// let (mut head, mut body) = ([0; 4], [0; 16]);
    /// let mut bufs = [IoSliceMut::new(&mut head), IoSliceMut::new(&mut body)];
    /// assert_eq!(receiver.try_read_vectored(&mut bufs)?, 8);
    /// assert_eq!(&head, b"head");
    /// # Ok(())
    /// # }
    /// ```
    pub fn try_read_vectored(&self, bufs: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        let read = || Scattered(bufs).recv(self.socket.fd());
        self.socket.try_io(Interest::READABLE, read)
    }

    /// Reads what is there into the free part of `buf`, without waiting; answers how many bytes.
    ///
    /// `Ok(0)`: every writing end is closed, or `buf` has no room.
    ///
    /// # Errors
    /// `WouldBlock` if the pipe is not ready: wait for [`readable`](Receiver::readable). Otherwise as
    /// read(2).
    ///
    /// # Examples
    /// ```
    /// # use tokio::io::AsyncWriteExt;
    /// use tokio_uring_net::unix::pipe;
    ///
    /// # #[tokio::main]
    /// # async fn main() -> std::io::Result<()> {
    /// let (mut sender, receiver) = pipe::pipe()?;
    /// sender.write_all(b"hello").await?;
    /// receiver.readable().await?;
    /// let mut buf = Vec::with_capacity(64);
    /// receiver.try_read_buf(&mut buf)?;
    /// assert_eq!(buf, b"hello");
    /// # Ok(())
    /// # }
    /// ```
    pub fn try_read_buf<B: BufMut>(&self, buf: &mut B) -> io::Result<usize> {
        let read = || Free(buf).read(self.socket.fd());
        self.socket.try_io(Interest::READABLE, read)
    }

    /// Runs `f`, which reads from the pipe in its own way, if the pipe is ready to be read.
    ///
    /// If `f` answers `WouldBlock`, the readiness is forgotten; so `f` must answer that only if the
    /// pipe did.
    ///
    /// # Errors
    /// `WouldBlock` if the pipe is not ready, in which case `f` is not called. Otherwise what `f`
    /// answers.
    ///
    /// # Examples
    /// ```
    /// use rustix::io::read;
    /// # use tokio::io::AsyncWriteExt;
    /// use tokio_uring_net::unix::pipe;
    ///
    /// # #[tokio::main]
    /// # async fn main() -> std::io::Result<()> {
    /// let (mut sender, receiver) = pipe::pipe()?;
    /// sender.write_all(b"hello").await?;
    /// receiver.readable().await?;
    /// let mut buf = [0; 16];
    /// assert_eq!(receiver.try_io(|| Ok(read(&receiver, &mut buf)?))?, 5);
    /// # Ok(())
    /// # }
    /// ```
    pub fn try_io<R>(&self, f: impl FnOnce() -> io::Result<R>) -> io::Result<R> {
        self.socket.try_io(Interest::READABLE, f)
    }

    /// Takes the end out of its runtime, as a descriptor in blocking mode.
    ///
    /// What was not read stays in the pipe.
    ///
    /// # Errors
    /// As fcntl(2); if the runtime cannot let go of the pipe. The end is closed then.
    ///
    /// # Examples
    /// ```
    /// use std::process::Command;
    /// use tokio::io::AsyncWriteExt;
    /// use tokio_uring_net::unix::pipe;
    ///
    /// # #[tokio::main]
    /// # async fn main() -> std::io::Result<()> {
    /// let (mut sender, receiver) = pipe::pipe()?;
    /// sender.write_all(b"hello").await?;
    /// drop(sender);
    /// let output = Command::new("cat").stdin(receiver.into_blocking_fd()?).output()?;
    /// assert_eq!(output.stdout, b"hello");
    /// # Ok(())
    /// # }
    /// ```
    pub fn into_blocking_fd(self) -> io::Result<OwnedFd> {
        let fd = self.into_nonblocking_fd()?;
        set_blocking(fd.as_fd())?;
        Ok(fd)
    }

    /// Takes the end out of its runtime, as a descriptor in non-blocking mode.
    ///
    /// What was not read stays in the pipe.
    ///
    /// # Errors
    /// If the runtime cannot let go of the pipe, which is closed then.
    ///
    /// # Examples
    /// See [`from_owned_fd_unchecked`](Receiver::from_owned_fd_unchecked).
    pub fn into_nonblocking_fd(self) -> io::Result<OwnedFd> {
        self.socket.into_fd()
    }
}

impl AsyncRead for Receiver {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let room = buf.remaining();
        let read = |fd: BorrowedFd<'_>| Unfilled(buf).read(fd);
        self.socket
            .poll_transfer(cx, Direction::Read, room, read)
            .map_ok(drop)
    }
}

impl fmt::Debug for Receiver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver")
            .field("fd", &self.socket.fd().as_raw_fd())
            .finish()
    }
}

impl AsFd for Receiver {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.expose_fd()
    }
}

impl AsRawFd for Receiver {
    fn as_raw_fd(&self) -> RawFd {
        self.socket.expose_fd().as_raw_fd()
    }
}
