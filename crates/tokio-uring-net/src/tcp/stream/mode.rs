//! [`Mode`] of a [`TcpStream`], and what it keeps between the program and the kernel.

use std::error::Error;
use std::fmt;
use std::io;

use ring_reactor::Mode;

use super::TcpStream;

impl TcpStream {
    /// Answers how the stream moves its bytes: [`Mode::Exact`] unless the stream, its listener, its
    /// runtime or the environment chose otherwise.
    #[must_use]
    pub fn mode(&self) -> Mode {
        self.stream.mode()
    }

    /// Chooses how the stream moves its bytes.
    ///
    /// From Completion to Exact: what is queued is sent, and bytes received ahead are the first that
    /// reads take.
    ///
    /// # Errors
    /// If a stream on tokio's epoll is to enter Completion mode for the first time elsewhere than in
    /// its own runtime, and that has no driver task yet; if it cannot be made.
    ///
    /// # Examples
    /// ```
    /// use tokio_uring_net::{Mode, TcpListener, TcpStream};
    ///
    /// # #[tokio::main]
    /// # async fn main() -> std::io::Result<()> {
    /// let listener = TcpListener::bind("127.0.0.1:0").await?;
    /// let stream = TcpStream::connect(listener.local_addr()?).await?;
    /// stream.set_mode(Mode::Completion)?;
    /// assert_eq!(stream.mode(), Mode::Completion);
    /// # Ok(())
    /// # }
    /// ```
    pub fn set_mode(&self, mode: Mode) -> io::Result<()> {
        self.stream.set_mode(mode)
    }

    /// Answers how many bytes were received ahead of the reads: what a call on the descriptor would
    /// miss. Always 0 in [`Mode::Exact`], unless the stream was in Completion mode before or is read
    /// through [`Buffered`](crate::Buffered).
    #[must_use]
    pub fn bytes_ahead(&self) -> usize {
        self.stream.bytes_ahead()
    }
}

/// Why [`TcpStream::into_std`] could not let go of a stream: the program has bytes that the socket
/// has not.
///
/// It comes inside an [`io::Error`], and [`io::Error::downcast`] takes it out.
///
/// # Examples
/// ```
/// use tokio_uring_net::{IntoStdError, Mode, TcpStream};
///
/// fn hand_over(stream: TcpStream) -> std::io::Result<(std::net::TcpStream, Vec<u8>)> {
///     // From here on nothing is received ahead, nor queued.
///     stream.set_mode(Mode::Exact)?;
///     match stream.into_std().map_err(|error| error.downcast::<IntoStdError>()) {
///         Ok(stream) => Ok((stream, Vec::new())),
///         Err(Ok(refused)) => {
///             // What was received ahead is handed over too: the socket has all the rest.
///             let (stream, ahead) = refused.into_parts();
///             Ok((stream.into_std()?, ahead))
///         }
///         Err(Err(error)) => Err(error),
///     }
/// }
/// # let _ = hand_over;
/// ```
#[derive(Debug)]
pub struct IntoStdError {
    stream: TcpStream,
}

impl IntoStdError {
    pub(super) fn of(stream: TcpStream) -> IntoStdError {
        IntoStdError { stream }
    }

    /// Gives back the stream and the bytes that it had received ahead. Reads on the stream go on
    /// behind them.
    ///
    /// If there are none, the kernel was too full to take what is queued: wait for
    /// [`flush`](https://docs.rs/tokio/1/tokio/io/trait.AsyncWriteExt.html#method.flush), and try
    /// again. Or another thread asked than that of the stream's runtime, which was too busy for 100 ms to
    /// end the receive of its ring.
    #[must_use]
    pub fn into_parts(self) -> (TcpStream, Vec<u8>) {
        let ahead = self.stream.stream.take_ahead();
        (self.stream, ahead)
    }

    /// Gives back the stream; its reads take first what was received ahead.
    #[must_use]
    pub fn into_stream(self) -> TcpStream {
        self.stream
    }
}

impl fmt::Display for IntoStdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.stream.bytes_ahead() {
            0 => f.write_str(
                "bytes were written that the kernel has no room for (flush first), or the runtime was too busy to end a receive: try again",
            ),
            ahead => write!(
                f,
                "{ahead} bytes were received ahead: read them first, or take them out of the error (IntoStdError)"
            ),
        }
    }
}

impl Error for IntoStdError {}

impl From<IntoStdError> for io::Error {
    fn from(error: IntoStdError) -> io::Error {
        io::Error::other(error)
    }
}
