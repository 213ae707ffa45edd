//! [`TcpStream`] from and to the types of the standard library and of `tokio::net`.

use std::io;
use std::os::fd::AsFd;

use ring_reactor::net::{Origin, Refused};

use super::TcpStream;
use super::mode::IntoStdError;
use crate::sys;

impl TcpStream {
    /// Takes a stream of the standard library into the current runtime.
    ///
    /// The stream must be in non-blocking mode, or its calls block the runtime's thread: see
    /// [`set_nonblocking`](std::net::TcpStream::set_nonblocking).
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
    /// use tokio_uring_net::TcpStream;
    ///
    /// # #[tokio::main]
    /// # async fn main() -> std::io::Result<()> {
    /// # let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    /// # let addr = listener.local_addr()?;
    /// let stream = std::net::TcpStream::connect(addr)?;
    /// stream.set_nonblocking(true)?;
    /// let stream = TcpStream::from_std(stream)?;
    /// # let _ = stream;
    /// # Ok(())
    /// # }
    /// ```
    #[track_caller]
    pub fn from_std(stream: std::net::TcpStream) -> io::Result<TcpStream> {
        sys::check_nonblocking(stream.as_fd())?;
        TcpStream::new(stream.into(), Origin::Foreign)
    }

    /// Takes the stream out of its runtime, as a stream of the standard library in non-blocking
    /// mode.
    ///
    /// Bytes that were received and not read are the first that the answer reads.
    ///
    /// # Errors
    /// In [`Mode::Completion`](crate::Mode), if bytes were received ahead or the kernel is too full
    /// to take what is queued: the error holds an [`IntoStdError`], which gives the stream back. Not
    /// in [`Mode::Exact`](crate::Mode), unless the stream is used by calls that `tokio::net` does not
    /// have.
    ///
    /// # Examples
    /// ```
    /// use std::io::Read;
    /// use tokio::io::AsyncWriteExt;
    /// use tokio_uring_net::{TcpListener, TcpStream};
    ///
    /// # #[tokio::main]
    /// # async fn main() -> std::io::Result<()> {
    /// let listener = TcpListener::bind("127.0.0.1:0").await?;
    /// let mut client = TcpStream::connect(listener.local_addr()?).await?;
    /// let (server, _) = listener.accept().await?;
    /// client.write_all(b"not read yet").await?;
    ///
    /// let mut server = server.into_std()?;
    /// server.set_nonblocking(false)?;
    /// let mut received = [0; 12];
    /// server.read_exact(&mut received)?;
    /// assert_eq!(&received, b"not read yet");
    /// # Ok(())
    /// # }
    /// ```
    pub fn into_std(self) -> io::Result<std::net::TcpStream> {
        match self.stream.into_fd() {
            Ok(fd) => Ok(fd.into()),
            Err(Refused::Kept(stream)) => {
                Err(IntoStdError::of(TcpStream { stream: *stream }).into())
            }
            Err(Refused::Failed(error)) => Err(error),
        }
    }
}

impl TryFrom<std::net::TcpStream> for TcpStream {
    type Error = io::Error;

    /// Does what [`from_std`](TcpStream::from_std) does.
    #[track_caller]
    fn try_from(stream: std::net::TcpStream) -> io::Result<TcpStream> {
        TcpStream::from_std(stream)
    }
}

impl TryFrom<tokio::net::TcpStream> for TcpStream {
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
    /// use tokio_uring_net::TcpStream;
    ///
    /// # #[tokio::main]
    /// # async fn main() -> std::io::Result<()> {
    /// let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    /// let stream = tokio::net::TcpStream::connect(listener.local_addr()?).await?;
    /// let stream = TcpStream::try_from(stream)?;
    /// # let _ = stream;
    /// # Ok(())
    /// # }
    /// ```
    #[track_caller]
    fn try_from(stream: tokio::net::TcpStream) -> io::Result<TcpStream> {
        TcpStream::new(stream.into_std()?.into(), Origin::Foreign)
    }
}

impl TryFrom<TcpStream> for tokio::net::TcpStream {
    type Error = io::Error;

    /// Hands the stream to `tokio::net` in the current runtime, for use with a crate that takes
    /// tokio's concrete type.
    ///
    /// # Errors
    /// As [`into_std`](TcpStream::into_std); if tokio cannot register the socket.
    ///
    /// # Panics
    /// If called outside a tokio runtime, or in one whose I/O is not enabled.
    ///
    /// # Examples
    /// ```
    /// use tokio_uring_net::{TcpListener, TcpStream};
    ///
    /// # #[tokio::main]
    /// # async fn main() -> std::io::Result<()> {
    /// let listener = TcpListener::bind("127.0.0.1:0").await?;
    /// let stream = TcpStream::connect(listener.local_addr()?).await?;
    /// let stream = tokio::net::TcpStream::try_from(stream)?;
    /// # let _ = stream;
    /// # Ok(())
    /// # }
    /// ```
    #[track_caller]
    fn try_from(stream: TcpStream) -> io::Result<tokio::net::TcpStream> {
        tokio::net::TcpStream::from_std(stream.into_std()?)
    }
}
