//! [`Buffered`]: a stream that lends its receive buffer, beyond `tokio::net`.

use std::borrow::BorrowMut;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncBufRead, AsyncRead, AsyncWrite, ReadBuf};

use super::stream::TcpStream;

/// A [`TcpStream`] with buffered reads and without a buffer of the program's own: what
/// [`AsyncBufRead`] lends is the receive buffer itself.
///
/// `S` is a `TcpStream` or a `&mut TcpStream`. There is no state in this type: what was received and
/// not consumed stays in the stream, so it may be made for one call and dropped after it.
/// (`TcpStream` itself does not implement `AsyncBufRead`, because `AsyncBufReadExt::split` would then
/// take the place of [`TcpStream::split`].)
///
/// One call receives at most one buffer of 4 KiB, and only if no byte is ahead. It goes back when
/// its last byte is consumed, so an idle stream has none. Where the runtime lends no more
/// ([`Builder::recv_buffers`](crate::Builder::recv_buffers)), the stream makes one for itself.
///
/// It works in both modes and on both drivers. In [`Mode::Exact`](crate::Mode) these calls are how a
/// program asks for bytes ahead: what they have received and nobody has consumed counts in
/// [`bytes_ahead`](TcpStream::bytes_ahead), is the first that reads take, and is missed by calls on
/// the descriptor; [`into_std`](TcpStream::into_std) fails while there is any. Reads of other kinds
/// go on to take no byte ahead.
///
/// The halves of a split stream have no such reads: they share the stream with each other and with
/// whoever has it by [`AsRef`], so that the buffer could be read by another while it is lent.
/// `tokio::io::BufReader` around a half does what it does around one of `tokio::net`.
///
/// # Cancel safety
/// Cancel safe: a byte is read when it is consumed, not before.
///
/// # Errors
/// Those of a read; if the runtime cannot give the stream what
/// [`set_mode`](TcpStream::set_mode) may ask for.
///
/// # Panics
/// `poll_fill_buf` outside a tokio runtime, in the first call on a stream that is on tokio's epoll and
/// in `Mode::Exact`. `consume` if fewer bytes were lent.
///
/// # Examples
/// ```
/// use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt};
/// use tokio_uring_net::{Buffered, TcpListener, TcpStream};
///
/// # #[tokio::main]
/// # async fn main() -> std::io::Result<()> {
/// let listener = TcpListener::bind("127.0.0.1:0").await?;
/// let mut client = TcpStream::connect(listener.local_addr()?).await?;
/// let (mut server, _) = listener.accept().await?;
/// client.write_all(b"length: 4\nbody").await?;
/// client.shutdown().await?;
///
/// let mut head = String::new();
/// Buffered::new(&mut server).read_line(&mut head).await?;
/// assert_eq!(head, "length: 4\n");
/// let mut body = Vec::new();
/// server.read_to_end(&mut body).await?;
/// assert_eq!(body, b"body");
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Buffered<S> {
    stream: S,
}

impl<S: BorrowMut<TcpStream>> Buffered<S> {
    /// Gives `stream` buffered reads. Costs nothing.
    #[must_use]
    pub fn new(stream: S) -> Buffered<S> {
        Buffered { stream }
    }

    /// The stream.
    #[must_use]
    pub fn get_ref(&self) -> &TcpStream {
        self.stream.borrow()
    }

    /// The stream. Its reads take first what was received and not consumed.
    #[must_use]
    pub fn get_mut(&mut self) -> &mut TcpStream {
        self.stream.borrow_mut()
    }

    /// Gives the stream back, with what was received and not consumed.
    #[must_use]
    pub fn into_inner(self) -> S {
        self.stream
    }
}

impl<S: BorrowMut<TcpStream> + Unpin> Buffered<S> {
    fn pinned(self: Pin<&mut Self>) -> Pin<&mut TcpStream> {
        Pin::new(Pin::into_inner(self).get_mut())
    }
}

impl<S: BorrowMut<TcpStream> + Unpin> AsyncBufRead for Buffered<S> {
    fn poll_fill_buf(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
        Pin::into_inner(self).get_mut().poll_fill_buf(cx)
    }

    fn consume(self: Pin<&mut Self>, count: usize) {
        Pin::into_inner(self).get_mut().consume(count);
    }
}

impl<S: BorrowMut<TcpStream> + Unpin> AsyncRead for Buffered<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.pinned().poll_read(cx, buf)
    }
}

impl<S: BorrowMut<TcpStream> + Unpin> AsyncWrite for Buffered<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.pinned().poll_write(cx, buf)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.pinned().poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.pinned().poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.pinned().poll_shutdown(cx)
    }
}
