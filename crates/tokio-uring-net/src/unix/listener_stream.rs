//! [`UnixListenerStream`]: a listener as a stream of its connections.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::Stream;

use super::listener::UnixListener;
use super::stream::UnixStream;

/// A [`UnixListener`] as a [`Stream`] of the connections that it accepts, for servers that ask for
/// one, such as `serve_with_incoming` of tonic: what tokio-stream's wrapper of this name is to
/// `tokio::net::UnixListener`.
///
/// A connection is accepted in the poll that answers it: none is taken ahead, so the listener may be
/// shared with other tasks and other programs.
///
/// The stream never ends. An error concerns one connection, or passes, as with
/// [`accept`](UnixListener::accept): the stream can be polled again. Whoever does so at once after an
/// error that lasts a while, such as too many open files, does nothing else for as long.
///
/// Only the task that polled last is woken, of all streams and `poll_accept`s of one listener.
///
/// # Examples
/// ```
/// use tokio_stream::StreamExt;
/// use tokio_uring_net::{UnixListener, UnixListenerStream, UnixStream};
///
/// # #[tokio::main]
/// # async fn main() -> std::io::Result<()> {
/// let listener = UnixListener::bind("")?;
/// let client = UnixStream::connect_addr(&listener.local_addr()?).await?;
///
/// let mut connections = UnixListenerStream::new(listener);
/// let server = connections.next().await.expect("it never ends")?;
/// assert_eq!(server.peer_cred()?, client.peer_cred()?);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct UnixListenerStream {
    listener: UnixListener,
}

impl UnixListenerStream {
    /// Makes a stream of the connections of `listener`.
    ///
    /// # Examples
    /// See [`UnixListenerStream`].
    pub fn new(listener: UnixListener) -> UnixListenerStream {
        UnixListenerStream { listener }
    }

    /// Gives the listener back. No connection is lost by that.
    ///
    /// # Examples
    /// ```
    /// use tokio_uring_net::{UnixListener, UnixListenerStream};
    ///
    /// # #[tokio::main]
    /// # async fn main() -> std::io::Result<()> {
    /// let listener = UnixListener::bind("")?;
    /// let connections = UnixListenerStream::new(listener);
    /// assert!(connections.into_inner().local_addr()?.as_abstract_name().is_some());
    /// # Ok(())
    /// # }
    /// ```
    pub fn into_inner(self) -> UnixListener {
        self.listener
    }
}

impl Stream for UnixListenerStream {
    type Item = io::Result<UnixStream>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let accepted = self.listener.poll_accept(cx);
        accepted.map(|accepted| Some(accepted.map(|(stream, _)| stream)))
    }
}

impl AsRef<UnixListener> for UnixListenerStream {
    fn as_ref(&self) -> &UnixListener {
        &self.listener
    }
}

impl AsMut<UnixListener> for UnixListenerStream {
    fn as_mut(&mut self) -> &mut UnixListener {
        &mut self.listener
    }
}
