//! [`TcpListenerStream`]: a listener as a stream of its connections.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::Stream;

use super::listener::TcpListener;
use super::stream::TcpStream;

/// A [`TcpListener`] as a [`Stream`] of the connections that it accepts, for servers that ask for one,
/// such as `serve_with_incoming` of tonic: what tokio-stream's wrapper of this name is to
/// `tokio::net::TcpListener`.
///
/// A connection is accepted in the poll that answers it: none is taken ahead, so the listener may be
/// shared with other tasks and other programs. [`accept_stream`](TcpListener::accept_stream) takes them
/// ahead, and borrows the listener. The connections have the listener's
/// [`mode`](TcpListener::set_mode), and those options of its socket that Linux hands on, `TCP_NODELAY`
/// among them.
///
/// The stream never ends. An error concerns one connection, or passes, as with
/// [`accept`](TcpListener::accept): the stream can be polled again. Whoever does so at once after an
/// error that lasts a while, such as too many open files, does nothing else for as long.
///
/// Only the task that polled last is woken, of all streams and `poll_accept`s of one listener.
///
/// # Examples
/// ```
/// use tokio_stream::StreamExt;
/// use tokio_uring_net::{TcpListener, TcpListenerStream, TcpStream};
///
/// # #[tokio::main]
/// # async fn main() -> std::io::Result<()> {
/// let listener = TcpListener::bind("127.0.0.1:0").await?;
/// let client = TcpStream::connect(listener.local_addr()?).await?;
///
/// let mut connections = TcpListenerStream::new(listener);
/// let server = connections.next().await.expect("it never ends")?;
/// assert_eq!(server.peer_addr()?, client.local_addr()?);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct TcpListenerStream {
    listener: TcpListener,
}

impl TcpListenerStream {
    /// Makes a stream of the connections of `listener`.
    ///
    /// # Examples
    /// See [`TcpListenerStream`].
    pub fn new(listener: TcpListener) -> TcpListenerStream {
        TcpListenerStream { listener }
    }

    /// Gives the listener back. No connection is lost by that.
    ///
    /// # Examples
    /// ```
    /// use tokio_uring_net::{TcpListener, TcpListenerStream};
    ///
    /// # #[tokio::main]
    /// # async fn main() -> std::io::Result<()> {
    /// let listener = TcpListener::bind("127.0.0.1:0").await?;
    /// let address = listener.local_addr()?;
    /// let connections = TcpListenerStream::new(listener);
    /// assert_eq!(connections.into_inner().local_addr()?, address);
    /// # Ok(())
    /// # }
    /// ```
    pub fn into_inner(self) -> TcpListener {
        self.listener
    }
}

impl Stream for TcpListenerStream {
    type Item = io::Result<TcpStream>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let accepted = self.listener.poll_accept(cx);
        accepted.map(|accepted| Some(accepted.map(|(stream, _)| stream)))
    }
}

impl AsRef<TcpListener> for TcpListenerStream {
    fn as_ref(&self) -> &TcpListener {
        &self.listener
    }
}

impl AsMut<TcpListener> for TcpListenerStream {
    fn as_mut(&mut self) -> &mut TcpListener {
        &mut self.listener
    }
}
