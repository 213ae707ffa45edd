//! hyper's I/O traits for [`TcpStream`].

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use ::hyper::rt::{Read, ReadBufCursor, Write};
use ring_reactor::net::Data;

use crate::read_buf::Cursor;
use crate::tcp::stream::TcpStream;

impl Read for TcpStream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        self.engine().poll_read(cx, &mut Cursor(buf)).map_ok(drop)
    }
}

/// Writes go to the kernel at once in both modes: hyper gathers what it writes and flushes it, so
/// that a queue would copy it in vain.
impl Write for TcpStream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.engine().poll_write_gathered(cx, Data::One(buf))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.engine().poll_write_gathered(cx, Data::Many(bufs))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.engine().poll_flush(cx)
    }

    /// Ends the stream in this direction; a connection that is gone already is no error.
    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.engine().poll_shutdown(cx)
    }
}
