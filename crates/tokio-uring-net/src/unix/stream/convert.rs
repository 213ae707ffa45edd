//! [`UnixStream`] from and to the types of the standard library and of `tokio::net`.

use std::io;
use std::os::fd::AsFd;
use std::os::unix::net as std_unix;

use ring_reactor::net::Origin;

use super::UnixStream;
use crate::sys;

impl UnixStream {
    /// Takes a stream of the standard library into the current runtime.
    ///
    /// The stream must be in non-blocking mode, or its calls block the runtime's thread: see
    /// [`set_nonblocking`](std::os::unix::net::UnixStream::set_nonblocking).
    ///
    /// # Errors
    /// If the runtime cannot register the socket.
    ///
    /// # Panics
    /// If called outside a tokio runtime, or in one whose I/O is not enabled. In builds with debug
    /// assertions also if the stream is in blocking mode.
    ///
    /// # Examples
    /// ```
    /// use tokio_uring_net::UnixStream;
    ///
    /// # #[tokio::main]
    /// # async fn main() -> std::io::Result<()> {
    /// let (stream, _peer) = std::os::unix::net::UnixStream::pair()?;
    /// stream.set_nonblocking(true)?;
    /// let stream = UnixStream::from_std(stream)?;
    /// # let _ = stream;
    /// # Ok(())
    /// # }
    /// ```
    #[track_caller]
    pub fn from_std(stream: std_unix::UnixStream) -> io::Result<UnixStream> {
        sys::check_nonblocking(stream.as_fd())?;
        UnixStream::new(stream.into(), Origin::Foreign)
    }

    /// Takes the stream out of its runtime, as a stream of the standard library in non-blocking
    /// mode.
    ///
    /// Bytes that were received and not read are the first that the answer reads.
    ///
    /// # Errors
    /// If the runtime cannot let go of the socket, which is closed then.
    ///
    /// # Examples
    /// ```
    /// use std::io::Read;
    /// use tokio::io::AsyncWriteExt;
    /// use tokio_uring_net::UnixStream;
    ///
    /// # #[tokio::main]
    /// # async fn main() -> std::io::Result<()> {
    /// let (mut one, two) = UnixStream::pair()?;
    /// one.write_all(b"not read yet").await?;
    ///
    /// let mut two = two.into_std()?;
    /// two.set_nonblocking(false)?;
    /// let mut received = [0; 12];
    /// two.read_exact(&mut received)?;
    /// assert_eq!(&received, b"not read yet");
    /// # Ok(())
    /// # }
    /// ```
    pub fn into_std(self) -> io::Result<std_unix::UnixStream> {
        self.socket.into_fd().map(std_unix::UnixStream::from)
    }
}

impl TryFrom<std_unix::UnixStream> for UnixStream {
    type Error = io::Error;

    /// Does what [`from_std`](UnixStream::from_std) does.
    #[track_caller]
    fn try_from(stream: std_unix::UnixStream) -> io::Result<UnixStream> {
        UnixStream::from_std(stream)
    }
}

impl TryFrom<tokio::net::UnixStream> for UnixStream {
    type Error = io::Error;

    /// Takes a stream of `tokio::net` into the current runtime, for use with a crate that makes
    /// tokio's concrete type.
    ///
    /// # Errors
    /// If tokio cannot let go of the socket or the runtime cannot register it.
    ///
    /// # Panics
    /// If called outside a tokio runtime, or in one whose I/O is not enabled.
    ///
    /// # Examples
    /// ```
    /// use tokio_uring_net::UnixStream;
    ///
    /// # #[tokio::main]
    /// # async fn main() -> std::io::Result<()> {
    /// let (stream, _peer) = tokio::net::UnixStream::pair()?;
    /// let stream = UnixStream::try_from(stream)?;
    /// # let _ = stream;
    /// # Ok(())
    /// # }
    /// ```
    #[track_caller]
    fn try_from(stream: tokio::net::UnixStream) -> io::Result<UnixStream> {
        UnixStream::new(stream.into_std()?.into(), Origin::Foreign)
    }
}

impl TryFrom<UnixStream> for tokio::net::UnixStream {
    type Error = io::Error;

    /// Hands the stream to `tokio::net` in the current runtime, for use with a crate that takes
    /// tokio's concrete type.
    ///
    /// # Errors
    /// If the runtime cannot let go of the socket or tokio cannot register it.
    ///
    /// # Panics
    /// If called outside a tokio runtime, or in one whose I/O is not enabled.
    ///
    /// # Examples
    /// ```
    /// use tokio_uring_net::UnixStream;
    ///
    /// # #[tokio::main]
    /// # async fn main() -> std::io::Result<()> {
    /// let (stream, _peer) = UnixStream::pair()?;
    /// let stream = tokio::net::UnixStream::try_from(stream)?;
    /// # let _ = stream;
    /// # Ok(())
    /// # }
    /// ```
    #[track_caller]
    fn try_from(stream: UnixStream) -> io::Result<tokio::net::UnixStream> {
        tokio::net::UnixStream::from_std(stream.into_std()?)
    }
}
