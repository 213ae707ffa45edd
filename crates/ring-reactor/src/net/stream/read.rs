//! The read side of a [`Stream`].

use std::future::poll_fn;
use std::io::{self, ErrorKind};
use std::os::fd::BorrowedFd;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, ready};

use rustix::net::RecvFlags;
use tokio::io::Interest;
use tokio::task::{coop, yield_now};

use super::{Flow, Stream};
use crate::flow::counters::Reason;
use crate::flow::inbox::Inbox;
use crate::flow::pool::Lease;
use crate::flow::recv_queue::RecvQueue;
use crate::limits::RECV_AHEAD_BELOW_BYTES;
use crate::mode::Mode;
use crate::net::recv::RecvInto;
use crate::net::socket::ReadyEvent;
use crate::ready::Direction;

impl Stream {
    /// Receives into `buf`.
    ///
    /// # Errors
    /// Of recv(2); that the runtime is shutting down.
    pub fn poll_read(
        &self,
        cx: &mut Context<'_>,
        buf: &mut impl RecvInto,
    ) -> Poll<io::Result<usize>> {
        let Some(flow) = self.flow.get() else {
            let room = buf.room();
            return self
                .socket
                .poll_transfer(cx, Direction::Read, room, |fd| buf.recv(fd));
        };
        loop {
            if flow.has_ahead() {
                let coop = ready!(coop::poll_proceed(cx));
                if let Some(count) = flow.read_ahead(|ahead| buf.put(ahead)) {
                    coop.made_progress();
                    return Poll::Ready(Ok(count));
                }
            }
            let may_start = flow.mode.load() == Mode::Completion;
            let Some(event) = ready!(self.poll_readable(cx, flow, may_start))? else {
                continue;
            };
            let room = buf.room();
            match flow.receive(self.fd(), buf) {
                Ok(Received {
                    taken, is_short, ..
                }) => {
                    if is_short {
                        event.clear_drained();
                    }
                    return Poll::Ready(flow.after_receive(taken, room));
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => event.clear(),
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }

    /// Waits for the socket, for a read that found nothing ahead; `None`: look there again. If `may_start`,
    /// the ring may be asked to receive.
    pub(super) fn poll_readable(
        &self,
        cx: &mut Context<'_>,
        flow: &Flow,
        may_start: bool,
    ) -> Poll<io::Result<Option<ReadyEvent<'_>>>> {
        if flow.is_receiving() {
            return match flow.poll_arrival(cx) {
                Poll::Ready(()) => Poll::Ready(Ok(None)),
                Poll::Pending => flow.poll_wait(),
            };
        }
        let polled = if may_start {
            self.socket.poll_recv_ready(cx)
        } else {
            self.socket.poll_ready(cx, Direction::Read)
        };
        match polled? {
            Poll::Ready(event) => Poll::Ready(Ok(Some(event))),
            // Another task has received ahead, and taken the readiness with it, or had the ring receive.
            Poll::Pending if flow.has_ahead() => Poll::Ready(Ok(None)),
            Poll::Pending => flow.poll_wait(),
        }
    }

    /// Receives what is there into `buf`, without waiting.
    ///
    /// # Errors
    /// `WouldBlock` if there is nothing; of recv(2).
    pub fn try_read(&self, buf: &mut impl RecvInto) -> io::Result<usize> {
        let Some(flow) = self.flow.get() else {
            return self
                .socket
                .try_io(Interest::READABLE, || buf.recv(self.fd()));
        };
        if let Some(count) = flow.read_ahead(|ahead| buf.put(ahead)) {
            return Ok(count);
        }
        let room = buf.room();
        let result = self.socket.try_io(Interest::READABLE, || {
            // With the lock: another task may be receiving ahead.
            let mut received = flow.received.lock();
            flow.refill(&mut received);
            if received.is_empty() {
                return flow.directly(|| buf.recv(self.fd()));
            }
            let count = buf.put(received.ahead());
            flow.consume(&mut received, count);
            Ok(count)
        });
        match result {
            Ok(count) => flow.after_receive(count, room),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                flow.outbox.flush_round(Reason::Read);
                Err(flow.take_read_error().unwrap_or(error))
            }
            Err(error) => Err(error),
        }
    }

    /// Copies bytes to `buf` and leaves them for the next read.
    ///
    /// # Errors
    /// Of recv(2); that the runtime is shutting down.
    pub fn poll_peek(
        &self,
        cx: &mut Context<'_>,
        buf: &mut impl RecvInto,
    ) -> Poll<io::Result<usize>> {
        let Some(flow) = self.flow.get() else {
            return self
                .socket
                .poll_io(cx, Direction::Read, || buf.recv(self.fd()));
        };
        loop {
            if flow.has_ahead() {
                let coop = ready!(coop::poll_proceed(cx));
                if let Some(count) = flow.peek_ahead(buf) {
                    coop.made_progress();
                    return Poll::Ready(Ok(count));
                }
            }
            let Some(event) = ready!(self.poll_readable(cx, flow, false))? else {
                continue;
            };
            let room = buf.room();
            match flow.directly(|| buf.recv(self.fd())) {
                Ok(count) => return Poll::Ready(flow.seen(count, room)),
                Err(error) if error.kind() == ErrorKind::WouldBlock => event.clear(),
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }

    /// Waits for bytes and copies them to `buf`; they stay where they are.
    ///
    /// # Cancel safety
    /// Cancel safe: no byte is taken.
    /// # Errors
    /// Of recv(2); that the runtime is shutting down.
    pub async fn peek(&self, mut buf: impl RecvInto) -> io::Result<usize> {
        let Some(flow) = self.flow.get() else {
            let recv = || buf.recv(self.fd());
            return self.socket.async_io(Interest::READABLE, recv).await;
        };
        loop {
            let coop = poll_fn(coop::poll_proceed).await;
            if let Some(count) = flow.peek_ahead(&mut buf) {
                coop.made_progress();
                return Ok(count);
            }
            drop(coop);
            let Some(event) = self.ready_or_ahead(flow, Interest::READABLE).await? else {
                continue;
            };
            let coop = poll_fn(coop::poll_proceed).await;
            let room = buf.room();
            match flow.directly(|| buf.recv(self.fd())) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    event.clear();
                    drop(coop);
                    if flow.is_receiving() {
                        // The closed states stay: the driver is to have its turn.
                        yield_now().await;
                    }
                }
                result => {
                    coop.made_progress();
                    return result.and_then(|count| flow.seen(count, room));
                }
            }
        }
    }
}

/// What one receive brought.
pub(super) struct Received {
    pub(super) count: usize,
    /// How much of it the caller has; the rest is ahead.
    taken: usize,
    /// Whether the socket had fewer bytes than there was room for, but some.
    pub(super) is_short: bool,
}

impl Flow {
    /// Copies bytes ahead to `buf`, and leaves them.
    fn peek_ahead(&self, buf: &mut impl RecvInto) -> Option<usize> {
        if !self.has_ahead() {
            return None;
        }
        let mut received = self.received.lock();
        self.refill(&mut received);
        (!received.is_empty()).then(|| buf.put(received.ahead()))
    }

    /// Hands bytes ahead to `put`, which answers how many it took.
    fn read_ahead(&self, put: impl FnOnce(&[u8]) -> usize) -> Option<usize> {
        if !self.has_ahead() {
            return None;
        }
        let mut received = self.received.lock();
        self.note_moved();
        if received.is_empty() {
            return self.inbox()?.read(put);
        }
        let count = put(received.ahead());
        self.consume(&mut received, count);
        drop(received);
        self.outbox.reactor().counters.read_ahead();
        Some(count)
    }

    fn consume(&self, received: &mut RecvQueue, count: usize) {
        received.consume(count);
        self.is_ahead.store(!received.is_empty(), Ordering::Relaxed);
    }

    /// One receive: into the caller's memory if it offers enough, ahead into a buffer of the pool
    /// otherwise.
    fn receive(&self, fd: BorrowedFd<'_>, buf: &mut impl RecvInto) -> io::Result<Received> {
        let room = buf.room();
        let is_small = (1..RECV_AHEAD_BELOW_BYTES).contains(&room);
        let reactor = self.outbox.reactor();
        let lease = if is_small && self.mode.load() == Mode::Completion {
            reactor.pool.lease()
        } else {
            None
        };
        let Some(lease) = lease else {
            let count = self.directly(|| buf.recv(fd))?;
            return Ok(Received {
                count,
                taken: count,
                is_short: 0 < count && count < room,
            });
        };
        self.receive_ahead(fd, lease, room, |bytes| buf.put(bytes))
    }

    /// One receive into `lease`. `put` takes what its caller has room for; the rest stays ahead.
    pub(super) fn receive_ahead(
        &self,
        fd: BorrowedFd<'_>,
        mut lease: Lease,
        room: usize,
        put: impl FnOnce(&[u8]) -> usize,
    ) -> io::Result<Received> {
        // Until the bytes are in their place nobody else receives those that follow.
        let mut received = self.received.lock();
        if !received.is_empty() {
            // Another task has, in the meantime.
            let taken = put(received.ahead());
            self.consume(&mut received, taken);
            return Ok(Received {
                count: taken,
                taken,
                is_short: false,
            });
        }
        let (count, _) = self.directly(|| {
            rustix::net::recv(fd, &mut lease[..], RecvFlags::empty()).map_err(io::Error::from)
        })?;
        // As with tokio, a read that filled the caller's memory to the last byte has not seen the end.
        let is_short = 0 < count && count < lease.len() && count != room;
        let taken = put(&lease[..count]);
        if taken < count {
            self.outbox.reactor().counters.received_ahead();
        }
        received.keep(lease, taken, count);
        self.is_ahead.store(taken < count, Ordering::Relaxed);
        Ok(Received {
            count,
            taken,
            is_short,
        })
    }

    /// What a receive of `count` bytes into `room` means for the caller and for the writer.
    pub(super) fn after_receive(&self, count: usize, room: usize) -> io::Result<usize> {
        self.note_moved();
        self.outbox.end_round();
        self.seen(count, room)
    }

    /// What the kernel answered, unless it is the end of a stream that only looks ended, because a
    /// send has taken the socket's error.
    fn seen(&self, count: usize, room: usize) -> io::Result<usize> {
        match (count, room) {
            (0, 1..) => self.take_read_error().map_or(Ok(0), Err),
            _ => Ok(count),
        }
    }

    /// A read is about to wait: whoever it waits for gets what was written.
    pub(super) fn poll_wait<T>(&self) -> Poll<io::Result<T>> {
        self.outbox.flush_round(Reason::Read);
        match self.take_read_error() {
            Some(error) => Poll::Ready(Err(error)),
            None => Poll::Pending,
        }
    }

    /// The error that somebody else has taken from the socket, for a read to tell.
    pub(super) fn take_read_error(&self) -> Option<io::Error> {
        let received = self.inbox().and_then(Inbox::take_read_error);
        received.or_else(|| self.outbox.take_read_error())
    }

    /// Whether the ring receives: then reads do not.
    #[inline]
    pub(super) fn is_receiving(&self) -> bool {
        self.source
            .as_ref()
            .is_some_and(|source| source.is_receiving())
    }

    /// Waits until the ring has received something, or receives no more.
    pub(super) fn poll_arrival(&self, cx: &mut Context<'_>) -> Poll<()> {
        match &self.source {
            Some(source) => source.poll_arrival(cx),
            None => Poll::Ready(()),
        }
    }

    /// Runs `receive`, a system call, unless the ring receives or has received: then it would block.
    pub(super) fn directly<R>(&self, receive: impl FnOnce() -> io::Result<R>) -> io::Result<R> {
        match self.inbox() {
            Some(inbox) => inbox
                .directly(receive)
                .unwrap_or_else(|| Err(ErrorKind::WouldBlock.into())),
            None => receive(),
        }
    }
}
