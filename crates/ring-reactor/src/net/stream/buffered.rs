//! Reads of a [`Stream`] that lend the receive buffer itself, in either mode.

use std::io::{self, ErrorKind};
use std::task::{Context, Poll, ready};

use rustix::net::RecvFlags;
use tokio::task::coop;

use super::Stream;
use super::read::Received;
use crate::flow::lease::{Allowance, Lease};
use crate::limits::RECV_BUFFER_BYTES;

impl Stream {
    /// Lends what is ahead; receives a buffer of it if nothing is. No byte is read before
    /// [`Stream::consume`]. Empty at the end of the stream.
    ///
    /// # Errors
    /// Of recv(2); that the runtime is shutting down; if the stream's driver cannot be made.
    /// # Panics
    /// As [`Stream::new`], at the first call of a stream that is Exact and on tokio's epoll.
    pub fn poll_fill_buf(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
        ready!(self.poll_ahead(cx))?;
        let flow = self.flow.get_mut();
        // By `&mut self`, and so without a lock that the answer would have to keep.
        let ahead = flow.map_or(&[][..], |flow| flow.received.get_mut().ahead());
        Poll::Ready(Ok(ahead))
    }

    /// Drops the first `count` bytes of those that are ahead: they have been read.
    ///
    /// # Panics
    /// If there are fewer.
    pub fn consume(&mut self, count: usize) {
        match self.flow.get_mut() {
            Some(flow) => {
                let received = flow.received.get_mut();
                received.consume(count);
                *flow.is_ahead.get_mut() = !received.is_empty();
            }
            None => assert!(count == 0, "no more can be read than is there"),
        }
    }

    /// Hands out what is ahead, with its buffer; receives a buffer of it if nothing is. Empty at the end
    /// of the stream. Waits while the program holds as many leases of this stream as it may.
    ///
    /// # Errors
    /// As [`Stream::poll_fill_buf`].
    /// # Panics
    /// As [`Stream::poll_fill_buf`].
    pub fn poll_recv_owned(&self, cx: &mut Context<'_>) -> Poll<io::Result<Lease>> {
        let flow = self.flow()?;
        let leases = flow.leases.get_or_init(Allowance::default);
        let Poll::Ready(permit) = leases.poll_permit(cx) else {
            return flow.poll_wait();
        };
        loop {
            if flow.has_ahead() {
                let coop = ready!(coop::poll_proceed(cx));
                if let Some((buffer, range)) = flow.take_ahead() {
                    coop.made_progress();
                    return Poll::Ready(Ok(Lease::new(buffer, range, permit)));
                }
            }
            let Some(event) = ready!(self.poll_readable(cx, flow, false))? else {
                continue;
            };
            let mut buffer = flow.outbox.reactor().pool.lease_or_make();
            let received = flow.directly(|| {
                rustix::net::recv(self.fd(), &mut buffer[..], RecvFlags::empty())
                    .map_err(io::Error::from)
            });
            match received {
                Ok((0, _)) => {
                    let end = flow.after_receive(0, RECV_BUFFER_BYTES);
                    return Poll::Ready(end.map(|_| Lease::empty()));
                }
                Ok((count, _)) => {
                    if count < RECV_BUFFER_BYTES {
                        event.clear_drained();
                    }
                    let received = flow.after_receive(count, RECV_BUFFER_BYTES);
                    return Poll::Ready(received.map(|_| Lease::new(buffer, 0..count, permit)));
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => event.clear(),
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }

    /// Waits until something is ahead or the stream has ended.
    fn poll_ahead(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flow = self.flow()?;
        loop {
            if flow.has_ahead() {
                ready!(coop::poll_proceed(cx)).made_progress();
                flow.refill(&mut flow.received.lock());
                return Poll::Ready(Ok(()));
            }
            let Some(event) = ready!(self.poll_readable(cx, flow, false))? else {
                continue;
            };
            // A buffer of the stream's own where the pool has none: one, until it has been read.
            let lease = flow.outbox.reactor().pool.lease_or_make();
            match flow.receive_ahead(self.fd(), lease, RECV_BUFFER_BYTES, |_| 0) {
                Ok(Received {
                    count, is_short, ..
                }) => {
                    if is_short {
                        event.clear_drained();
                    }
                    return Poll::Ready(flow.after_receive(count, RECV_BUFFER_BYTES).map(drop));
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => event.clear(),
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }
}
