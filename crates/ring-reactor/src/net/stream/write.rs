//! The write side of a [`Stream`].

use std::io::{self, ErrorKind};
use std::net::Shutdown;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use socket2::SockRef;
use tokio::io::Interest;
use tokio::task::coop;

use super::{Flow, Stream};
use crate::flow::counters::Reason;
use crate::flow::inbox::Inbox;
use crate::flow::outbox::{Flush, Offer, OwnedOffer, Sent};
use crate::flow::send::Data;
use crate::mode::Mode;
use crate::ready::Direction;

impl Stream {
    /// Sends `data`, or takes it into the queue.
    ///
    /// # Errors
    /// Of send(2), also of an earlier send of queued bytes; that the runtime is shutting down.
    pub fn poll_write(&self, cx: &mut Context<'_>, data: Data<'_>) -> Poll<io::Result<usize>> {
        self.poll_write_or_queue(cx, data, true)
    }

    /// As [`Stream::poll_write`], for a writer who gathers what he writes and flushes it: the queue
    /// takes nothing of it.
    ///
    /// # Errors
    /// As [`Stream::poll_write`].
    pub fn poll_write_gathered(
        &self,
        cx: &mut Context<'_>,
        data: Data<'_>,
    ) -> Poll<io::Result<usize>> {
        self.poll_write_or_queue(cx, data, false)
    }

    fn poll_write_or_queue(
        &self,
        cx: &mut Context<'_>,
        data: Data<'_>,
        may_wait: bool,
    ) -> Poll<io::Result<usize>> {
        let Some(flow) = self.flow.get() else {
            return self
                .socket
                .poll_transfer(cx, Direction::Write, data.bytes(), |fd| data.send(fd));
        };
        self.poll_write_in(cx, flow, data, may_wait)
            .map_err(|error| flow.first_error(error))
    }

    fn poll_write_in(
        &self,
        cx: &mut Context<'_>,
        flow: &Flow,
        data: Data<'_>,
        may_wait: bool,
    ) -> Poll<io::Result<usize>> {
        let may_wait = flow.may_wait() && may_wait;
        if flow.outbox.lets_pass(data.bytes(), may_wait) {
            return self.poll_send(cx, flow, data);
        }
        let coop = ready!(coop::poll_proceed(cx));
        let offer = flow.outbox.offer(data, may_wait);
        match offer {
            Err(_) | Ok(Offer::Queued(_)) => coop.made_progress(),
            // The way to the kernel takes a unit of its own.
            Ok(Offer::Send | Offer::SendBehind) => drop(coop),
        }
        match offer? {
            Offer::Queued(count) => Poll::Ready(Ok(count)),
            Offer::Send => self.poll_send(cx, flow, data),
            Offer::SendBehind => self.poll_send_behind(cx, flow, data),
        }
    }

    fn poll_send(
        &self,
        cx: &mut Context<'_>,
        flow: &Flow,
        data: Data<'_>,
    ) -> Poll<io::Result<usize>> {
        let sent = ready!(
            self.socket
                .poll_transfer(cx, Direction::Write, data.bytes(), |fd| data.send(fd))
        )?;
        flow.outbox.on_sent(sent);
        Poll::Ready(Ok(sent))
    }

    fn poll_send_behind(
        &self,
        cx: &mut Context<'_>,
        flow: &Flow,
        data: Data<'_>,
    ) -> Poll<io::Result<usize>> {
        loop {
            let event = ready!(self.socket.poll_ready(cx, Direction::Write))?;
            match flow.outbox.send_behind(data) {
                Ok(Some(Sent { count, is_short })) => {
                    if is_short {
                        event.clear_drained();
                    }
                    return Poll::Ready(Ok(count));
                }
                Ok(None) => event.clear(),
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }

    /// Takes `bytes` into the queue, all of it or nothing, and sends the queue if it is time. Waits
    /// while the queue is at its bound.
    ///
    /// # Errors
    /// Of an earlier send of queued bytes; that the runtime is shutting down; if the stream's driver
    /// cannot be made. Nothing was taken then.
    /// # Panics
    /// As [`Stream::new`], at the first call of a stream that is Exact and on tokio's epoll.
    pub fn poll_write_owned(
        &self,
        cx: &mut Context<'_>,
        bytes: &mut Bytes,
    ) -> Poll<io::Result<()>> {
        let flow = self.flow()?;
        flow.note_moved();
        loop {
            if bytes.is_empty() {
                return Poll::Ready(Ok(()));
            }
            let coop = ready!(coop::poll_proceed(cx));
            let offer = flow.outbox.offer_owned(bytes);
            match offer {
                Err(_) | Ok(OwnedOffer::Queued | OwnedOffer::Due) => coop.made_progress(),
                // The wait takes a unit of its own.
                Ok(OwnedOffer::Full) => drop(coop),
            }
            match offer? {
                OwnedOffer::Queued => return Poll::Ready(Ok(())),
                OwnedOffer::Due => {
                    // What the kernel does not take is a pump's.
                    flow.outbox.flush(Reason::Full);
                    return Poll::Ready(flow.outbox.take_error().map_or(Ok(()), Err));
                }
                OwnedOffer::Full => {
                    let event = ready!(self.socket.poll_ready(cx, Direction::Write))?;
                    if flow.outbox.flush(Reason::Full) == Flush::Blocked {
                        event.clear();
                    }
                }
            }
        }
    }

    /// Sends what the socket takes of `data`, behind what is queued, without waiting.
    ///
    /// # Errors
    /// `WouldBlock` if it takes nothing; of send(2).
    pub fn try_write(&self, data: Data<'_>) -> io::Result<usize> {
        let Some(flow) = self.flow.get() else {
            return self
                .socket
                .try_io(Interest::WRITABLE, || data.send(self.fd()));
        };
        flow.note_moved();
        if data.bytes() > 0 && flow.outbox.is_busy() {
            // What an earlier send has left to report.
            flow.outbox.offer(data, false)?;
        }
        self.socket
            .try_io(Interest::WRITABLE, || flow.outbox.send_now(data, self.fd()))
            .map_err(|error| flow.first_error(error))
    }

    /// Waits until the kernel has taken what is queued. Costs nothing if nothing is.
    ///
    /// # Errors
    /// Of an earlier send of queued bytes; that the runtime is shutting down.
    #[inline]
    pub fn poll_flush(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.flow.get() {
            Some(flow) if flow.outbox.is_busy() => self.poll_flush_queue(cx, flow),
            _ => Poll::Ready(Ok(())),
        }
    }

    fn poll_flush_queue(&self, cx: &mut Context<'_>, flow: &Flow) -> Poll<io::Result<()>> {
        loop {
            let event = ready!(self.socket.poll_ready(cx, Direction::Write))?;
            match flow.outbox.flush_round(Reason::Flush) {
                Flush::Done => {
                    let error = flow.outbox.take_error();
                    return Poll::Ready(error.map_or(Ok(()), |error| Err(flow.first_error(error))));
                }
                Flush::Blocked => event.clear(),
            }
        }
    }

    /// Ends the stream for writing once the kernel has taken what is queued. A connection that is
    /// gone already is no error.
    ///
    /// # Errors
    /// Of an earlier send of queued bytes; of shutdown(2).
    pub fn poll_shutdown(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_flush(cx))?;
        Poll::Ready(self.shutdown_now())
    }

    /// Ends the stream for writing, behind what is queued, without waiting.
    ///
    /// # Errors
    /// Of shutdown(2).
    pub fn shutdown(&self) -> io::Result<()> {
        match self.flow.get() {
            Some(flow) if !flow.outbox.end() => Ok(()),
            _ => self.shutdown_now(),
        }
    }

    fn shutdown_now(&self) -> io::Result<()> {
        if let Some(flow) = self.flow.get() {
            flow.outbox.on_shutdown();
        }
        match SockRef::from(&self.fd()).shutdown(Shutdown::Write) {
            Err(error) if error.kind() == ErrorKind::NotConnected => Ok(()),
            result => result,
        }
    }

    /// The error of the socket, or of an earlier send of queued bytes: each is answered once.
    ///
    /// # Errors
    /// Of getsockopt(2).
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        match self.flow.get().and_then(|flow| flow.take_error()) {
            Some(error) => Ok(Some(error)),
            None => SockRef::from(&self.fd()).take_error(),
        }
    }
}

impl Flow {
    /// The error that somebody else has taken from the socket.
    fn take_error(&self) -> Option<io::Error> {
        let received = || self.inbox().and_then(Inbox::take_error);
        self.outbox.take_error().or_else(received)
    }

    /// What the kernel would have said instead of `error`, a broken pipe, if the ring's receive had not
    /// taken it.
    fn first_error(&self, error: io::Error) -> io::Error {
        if error.kind() != ErrorKind::BrokenPipe {
            return error;
        }
        self.inbox().and_then(Inbox::take_error).unwrap_or(error)
    }

    /// Whether a write may wait in the queue.
    fn may_wait(&self) -> bool {
        self.note_moved();
        self.mode.load() == Mode::Completion
    }
}
