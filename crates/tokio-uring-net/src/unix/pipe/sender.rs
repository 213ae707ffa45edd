//! [`Sender`]: the writing end of a pipe.

use std::fmt;
use std::fs::File;
use std::io::{self, IoSlice};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::pin::Pin;
use std::task::{Context, Poll};

use ring_reactor::net::{Data, Direction, Origin, Socket};
use tokio::io::{AsyncWrite, Interest, Ready};

use super::checks::{End, check_pollable, set_blocking};

/// The writing end of a pipe.
///
/// [`pipe`](super::pipe) makes one with its other end, [`OpenOptions`](super::OpenOptions) opens that
/// of a FIFO file, and [`from_owned_fd`](Sender::from_owned_fd) takes one from elsewhere. Writing to
/// it when every reading end is closed is the error `BrokenPipe`; in a program that has given
/// `SIGPIPE` back its default action, as Rust programs have not, it is that signal. The end is closed
/// when the value is dropped.
///
/// # Examples
/// See [`pipe`](super::pipe).
pub struct Sender {
    socket: Socket,
}

impl Sender {
    /// Takes a non-blocking end of a pipe into the current runtime.
    #[track_caller]
    pub(super) fn new(fd: OwnedFd, origin: Origin) -> io::Result<Sender> {
        Ok(Sender {
            socket: Socket::new(fd, origin)?,
        })
    }

    /// Takes a file that is the writing end of a pipe, and makes it non-blocking.
    ///
    /// # Errors
    /// `InvalidInput` if it is no pipe, or not open for writing. Otherwise as fstat(2) and fcntl(2);
    /// if the runtime cannot register the pipe.
    ///
    /// # Panics
    /// If called outside a tokio runtime, or in one whose I/O is not enabled.
    ///
    /// # Examples
    /// See [`from_owned_fd`](Sender::from_owned_fd).
    #[track_caller]
    pub fn from_file(file: File) -> io::Result<Sender> {
        Sender::from_owned_fd(file.into())
    }

    /// Takes a descriptor that is the writing end of a pipe, and makes it non-blocking.
    ///
    /// # Errors
    /// `InvalidInput` if it is no pipe, or not open for writing. Otherwise as fstat(2) and fcntl(2);
    /// if the runtime cannot register the pipe.
    ///
    /// # Panics
    /// If called outside a tokio runtime, or in one whose I/O is not enabled.
    ///
    /// # Examples
    /// ```
    /// use std::io::Read;
    /// use tokio::io::AsyncWriteExt;
    /// use tokio_uring_net::unix::pipe;
    ///
    /// # #[tokio::main]
    /// # async fn main() -> std::io::Result<()> {
    /// let (mut reading, writing) = std::io::pipe()?;
    /// let mut sender = pipe::Sender::from_owned_fd(writing.into())?;
    /// sender.write_all(b"hello").await?;
    ///
    /// let mut received = [0; 5];
    /// reading.read_exact(&mut received)?;
    /// assert_eq!(&received, b"hello");
    /// # Ok(())
    /// # }
    /// ```
    #[track_caller]
    pub fn from_owned_fd(owned_fd: OwnedFd) -> io::Result<Sender> {
        End::Writing.prepare(owned_fd.as_fd())?;
        Sender::new(owned_fd, Origin::Foreign)
    }

    /// Takes a file that is the writing end of a pipe, in non-blocking mode, and does not check that
    /// it is.
    ///
    /// # Errors
    /// `PermissionDenied` if it is nothing that can be waited for; if the runtime cannot register it.
    ///
    /// # Panics
    /// If called outside a tokio runtime, or in one whose I/O is not enabled.
    ///
    /// # Examples
    /// See [`from_owned_fd_unchecked`](Sender::from_owned_fd_unchecked).
    #[track_caller]
    pub fn from_file_unchecked(file: File) -> io::Result<Sender> {
        Sender::from_owned_fd_unchecked(file.into())
    }

    /// Takes a descriptor that is the writing end of a pipe, in non-blocking mode, and does not check
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
    /// let (sender, _receiver) = pipe::pipe()?;
    /// let descriptor = sender.into_nonblocking_fd()?;
    /// let sender = pipe::Sender::from_owned_fd_unchecked(descriptor)?;
    /// # let _ = sender;
    /// # Ok(())
    /// # }
    /// ```
    #[track_caller]
    pub fn from_owned_fd_unchecked(owned_fd: OwnedFd) -> io::Result<Sender> {
        check_pollable(owned_fd.as_fd())?;
        Sender::new(owned_fd, Origin::Foreign)
    }

    /// Waits until the pipe is ready for any of `interest`; answers what it is ready for.
    ///
    /// The answer may be wrong or empty: the call that follows may still fail with `WouldBlock`, and
    /// then it is time to wait again.
    ///
    /// # Cancel safety
    /// Cancel safe: readiness stays until a call proves it stale by `WouldBlock` or by writing less
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
    /// drop(receiver);
    /// let ready = sender.ready(Interest::WRITABLE).await?;
    /// assert!(ready.is_write_closed());
    /// # Ok(())
    /// # }
    /// ```
    pub async fn ready(&self, interest: Interest) -> io::Result<Ready> {
        Ok(self.socket.ready(interest).await?.ready())
    }

    /// Waits until a write may be possible, or the reader has gone: `ready(Interest::WRITABLE)`.
    ///
    /// # Cancel safety
    /// Cancel safe, as [`ready`](Sender::ready).
    ///
    /// # Errors
    /// If the runtime is shutting down.
    ///
    /// # Examples
    /// See [`try_write`](Sender::try_write).
    pub async fn writable(&self) -> io::Result<()> {
        self.ready(Interest::WRITABLE).await.map(drop)
    }

    /// Has the task of `cx` woken when a write may be possible, or the reader has gone.
    ///
    /// Of all calls of this and `poll_write` only the task of the most recent one is woken.
    /// [`writable`](Sender::writable) serves any number of tasks.
    ///
    /// # Errors
    /// If the runtime is shutting down.
    ///
    /// # Examples
    /// ```
    /// use std::future::poll_fn;
    /// use tokio_uring_net::unix::pipe;
    ///
    /// # #[tokio::main]
    /// # async fn main() -> std::io::Result<()> {
    /// let (sender, _receiver) = pipe::pipe()?;
    /// poll_fn(|cx| sender.poll_write_ready(cx)).await?;
    /// assert_eq!(sender.try_write(b"hello")?, 5);
    /// # Ok(())
    /// # }
    /// ```
    pub fn poll_write_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.socket.poll_ready(cx, Direction::Write).map_ok(drop)
    }

    /// Writes what the pipe has room for, without waiting; answers how many bytes.
    ///
    /// Up to `PIPE_BUF` bytes (4096) are written together or not at all: see pipe(7).
    ///
    /// # Errors
    /// `WouldBlock` if the pipe is not ready: wait for [`writable`](Sender::writable). Otherwise as
    /// write(2).
    ///
    /// # Examples
    /// ```
    /// use std::io::ErrorKind;
    /// use tokio_uring_net::unix::pipe;
    ///
    /// # #[tokio::main]
    /// # async fn main() -> std::io::Result<()> {
    /// let (sender, _receiver) = pipe::pipe()?;
    /// let written = loop {
    ///     sender.writable().await?;
    ///     match sender.try_write(b"hello") {
    ///         Err(error) if error.kind() == ErrorKind::WouldBlock => continue,
    ///         result => break result?,
    ///     }
    /// };
    /// assert_eq!(written, 5);
    /// # Ok(())
    /// # }
    /// ```
    pub fn try_write(&self, buf: &[u8]) -> io::Result<usize> {
        self.socket.try_io(Interest::WRITABLE, || {
            Ok(rustix::io::write(self.socket.fd(), buf)?)
        })
    }

    /// Writes what the pipe has room for, from several buffers one after another, without waiting;
    /// answers how many bytes.
    ///
    /// # Errors
    /// `WouldBlock` if the pipe is not ready: wait for [`writable`](Sender::writable). Otherwise as
    /// writev(2).
    ///
    /// # Examples
    /// ```
    /// use std::io::IoSlice;
    /// use tokio_uring_net::unix::pipe;
    ///
    /// # #[tokio::main]
    /// # async fn main() -> std::io::Result<()> {
    /// let (sender, _receiver) = pipe::pipe()?;
    /// sender.writable().await?;
    /// let written = sender.try_write_vectored(&[IoSlice::new(b"head"), IoSlice::new(b"body")])?;
    /// assert_eq!(written, 8);
    /// # Ok(())
    /// # }
    /// ```
    pub fn try_write_vectored(&self, buf: &[IoSlice<'_>]) -> io::Result<usize> {
        self.socket.try_io(Interest::WRITABLE, || {
            Ok(rustix::io::writev(self.socket.fd(), buf)?)
        })
    }

    /// Runs `f`, which writes to the pipe in its own way, if the pipe is ready to be written to.
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
    /// use rustix::io::write;
    /// use tokio_uring_net::unix::pipe;
    ///
    /// # #[tokio::main]
    /// # async fn main() -> std::io::Result<()> {
    /// let (sender, _receiver) = pipe::pipe()?;
    /// sender.writable().await?;
    /// let written = sender.try_io(|| Ok(write(&sender, b"hello")?))?;
    /// assert_eq!(written, 5);
    /// # Ok(())
    /// # }
    /// ```
    pub fn try_io<R>(&self, f: impl FnOnce() -> io::Result<R>) -> io::Result<R> {
        self.socket.try_io(Interest::WRITABLE, f)
    }

    /// Takes the end out of its runtime, as a descriptor in blocking mode.
    ///
    /// # Errors
    /// As fcntl(2); if the runtime cannot let go of the pipe. The end is closed then.
    ///
    /// # Examples
    /// ```
    /// use std::process::Command;
    /// use tokio::io::AsyncReadExt;
    /// use tokio_uring_net::unix::pipe;
    ///
    /// # #[tokio::main]
    /// # async fn main() -> std::io::Result<()> {
    /// let (sender, mut receiver) = pipe::pipe()?;
    /// Command::new("echo").arg("hello").stdout(sender.into_blocking_fd()?).status()?;
    /// let mut received = String::new();
    /// receiver.read_to_string(&mut received).await?;
    /// assert_eq!(received, "hello\n");
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
    /// # Errors
    /// If the runtime cannot let go of the pipe, which is closed then.
    ///
    /// # Examples
    /// See [`from_owned_fd_unchecked`](Sender::from_owned_fd_unchecked).
    pub fn into_nonblocking_fd(self) -> io::Result<OwnedFd> {
        self.socket.into_fd()
    }
}

impl AsyncWrite for Sender {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let write = |fd: BorrowedFd<'_>| Ok(rustix::io::write(fd, buf)?);
        self.socket
            .poll_transfer(cx, Direction::Write, buf.len(), write)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let write = |fd: BorrowedFd<'_>| Ok(rustix::io::writev(fd, bufs)?);
        let bytes = Data::Many(bufs).bytes();
        self.socket
            .poll_transfer(cx, Direction::Write, bytes, write)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    /// Does nothing: what was written is in the pipe.
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    /// Does nothing: the reader sees the end when the sender is dropped.
    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

impl fmt::Debug for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender")
            .field("fd", &self.socket.fd().as_raw_fd())
            .finish()
    }
}

impl AsFd for Sender {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.expose_fd()
    }
}

impl AsRawFd for Sender {
    fn as_raw_fd(&self) -> RawFd {
        self.socket.expose_fd().as_raw_fd()
    }
}
