//! hyper's I/O traits for [`TcpStream`] and [`UnixStream`].

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use ::hyper::rt::{Read, ReadBufCursor, Write};
use ring_reactor::net::Data;
use tokio::io::AsyncWrite;

use crate::read_buf::Cursor;
use crate::tcp::stream::TcpStream;
use crate::unix::stream::UnixStream;

/// Makes a stream of the crate one of hyper's, whose writes are `$poll_write`.
macro_rules! impl_for {
    ($stream:ty, $poll_write:ident) => {
        impl Read for $stream {
            fn poll_read(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                buf: ReadBufCursor<'_>,
            ) -> Poll<io::Result<()>> {
                self.poll_read_into(cx, &mut Cursor(buf)).map_ok(drop)
            }
        }

        /// Writes go to the kernel at once, in every mode: hyper gathers what it writes and flushes
        /// it, so that a queue would copy it in vain.
        impl Write for $stream {
            fn poll_write(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                buf: &[u8],
            ) -> Poll<io::Result<usize>> {
                self.$poll_write(cx, Data::One(buf))
            }

            fn poll_write_vectored(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                bufs: &[IoSlice<'_>],
            ) -> Poll<io::Result<usize>> {
                self.$poll_write(cx, Data::Many(bufs))
            }

            fn is_write_vectored(&self) -> bool {
                true
            }

            fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
                AsyncWrite::poll_flush(self, cx)
            }

            /// Ends the stream in this direction; a connection that is gone already is no error.
            fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
                AsyncWrite::poll_shutdown(self, cx)
            }
        }
    };
}

impl_for!(TcpStream, poll_write_gathered);
impl_for!(UnixStream, poll_write_shared);
