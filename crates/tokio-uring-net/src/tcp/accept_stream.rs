//! [`AcceptStream`]: the connections of a listener, taken ahead.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::Stream;
use ring_reactor::net::{Connections, Origin};

use super::listener::TcpListener;
use super::stream::TcpStream;

/// The connections of a [`TcpListener`], made by [`accept_stream`](TcpListener::accept_stream).
///
/// It never ends. An error concerns one connection, or passes; the stream can be polled again, as an
/// accept can be called again. [`TcpStream::peer_addr`] tells the peer's address, unless the
/// connection was reset.
///
/// Only the task that polled last is woken, of all streams and `poll_accept`s of one listener.
#[derive(Debug)]
pub struct AcceptStream<'a> {
    listener: &'a TcpListener,
    connections: Connections<'a>,
}

impl<'a> AcceptStream<'a> {
    pub(super) fn new(listener: &'a TcpListener) -> AcceptStream<'a> {
        AcceptStream {
            connections: listener.socket().connections(),
            listener,
        }
    }

    fn poll_connection(&self, cx: &mut Context<'_>) -> Poll<io::Result<TcpStream>> {
        let fd = ready!(self.connections.poll_next(cx))?;
        Poll::Ready(TcpStream::with_mode(
            fd,
            Origin::Accepted,
            self.listener.mode(),
        ))
    }

    /// Waits for the next connection.
    ///
    /// # Cancel safety
    /// Cancel safe: if the future is dropped before it answers, the connection stays for the next
    /// call, or for the next accept.
    ///
    /// # Errors
    /// As [`accept`](TcpListener::accept).
    pub async fn next(&mut self) -> io::Result<TcpStream> {
        poll_fn(|cx| self.poll_connection(cx)).await
    }
}

impl Stream for AcceptStream<'_> {
    type Item = io::Result<TcpStream>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll_connection(cx).map(Some)
    }
}
