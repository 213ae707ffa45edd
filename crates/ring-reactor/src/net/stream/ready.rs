//! Waiting for a [`Stream`], and I/O of the program's own on it.

use std::future::poll_fn;
use std::io;
use std::pin::pin;
use std::task::{Context, Poll, ready};

use tokio::io::{Interest, Ready};
use tokio::task::{coop, yield_now};

use super::{Flow, Stream};
use crate::flow::counters::Reason;
use crate::net::socket::ReadyEvent;
use crate::ready::Direction;

impl Stream {
    /// Waits until the stream is ready for any of `interest`; answers what it is ready for.
    ///
    /// # Cancel safety
    /// Cancel safe: readiness that was reported stays.
    /// # Errors
    /// That the runtime is shutting down.
    pub async fn ready(&self, interest: Interest) -> io::Result<Ready> {
        let Some(flow) = self.flow.get() else {
            return Ok(self.socket.ready(interest).await?.ready());
        };
        if interest.is_priority() {
            // Whoever asks for it receives out-of-band data with calls of his own.
            flow.escape();
        }
        loop {
            let event = self.ready_or_ahead(flow, interest).await?;
            let mut ready = event.as_ref().map_or(Ready::EMPTY, ReadyEvent::ready);
            if interest.is_readable() && flow.has_ahead() {
                ready |= Ready::READABLE;
            } else if flow.is_receiving() {
                // Whatever that tells of reads, the ring has not brought yet.
                ready = ready - Ready::READABLE - Ready::READ_CLOSED;
                if ready.is_empty() {
                    // The closed states stay: the driver is to have its turn.
                    yield_now().await;
                }
            }
            if ready.is_writable() && !flow.has_room() {
                ready = ready - Ready::WRITABLE;
            }
            match event {
                Some(event) if ready.is_empty() => event.clear(),
                Some(_) => return Ok(ready),
                // They may have been read meanwhile.
                None if ready.is_empty() => {}
                None => return Ok(ready),
            }
        }
    }

    /// Waits for the socket; `None`: it is not ready, but bytes are ahead.
    ///
    /// Whoever receives ahead notes it before he takes the readiness back, so that a task which finds
    /// none has to look once more.
    pub(super) async fn ready_or_ahead(
        &self,
        flow: &Flow,
        interest: Interest,
    ) -> io::Result<Option<ReadyEvent<'_>>> {
        let mut wait = pin!(self.socket.ready(interest));
        poll_fn(|cx| match wait.as_mut().poll(cx) {
            Poll::Ready(event) => Poll::Ready(event.map(Some)),
            Poll::Pending if interest.is_readable() && flow.has_ahead() => Poll::Ready(Ok(None)),
            Poll::Pending => {
                flow.outbox.flush_round(Reason::Read);
                Poll::Pending
            }
        })
        .await
    }

    /// Waits until the stream is ready in `direction`, by the task of `cx`.
    ///
    /// # Errors
    /// That the runtime is shutting down.
    pub fn poll_ready(&self, cx: &mut Context<'_>, direction: Direction) -> Poll<io::Result<()>> {
        let Some(flow) = self.flow.get() else {
            return self.socket.poll_ready(cx, direction).map_ok(drop);
        };
        loop {
            if direction == Direction::Read && flow.has_ahead() {
                ready!(coop::poll_proceed(cx)).made_progress();
                return Poll::Ready(Ok(()));
            }
            if direction == Direction::Read && flow.is_receiving() {
                if flow.poll_arrival(cx).is_pending() {
                    flow.outbox.flush_round(Reason::Read);
                    return Poll::Pending;
                }
                continue;
            }
            let Poll::Ready(event) = self.socket.poll_ready(cx, direction)? else {
                if direction == Direction::Read && flow.has_ahead() {
                    continue;
                }
                flow.outbox.flush_round(Reason::Read);
                return Poll::Pending;
            };
            if direction == Direction::Read || flow.has_room() {
                return Poll::Ready(Ok(()));
            }
            event.clear();
        }
    }

    /// Runs `f`, which does its own I/O on the socket, if the stream is ready for `interest`. Makes
    /// the stream Exact.
    ///
    /// # Errors
    /// `WouldBlock` if it is not ready; that there are bytes ahead, which `f` would miss; those of
    /// `f`.
    pub fn try_io<R>(
        &self,
        interest: Interest,
        f: impl FnOnce() -> io::Result<R>,
    ) -> io::Result<R> {
        self.prepare_foreign_io(interest)?;
        let is_full = interest.is_writable() && self.bytes_queued() > 0;
        if is_full || interest.is_readable() && self.is_receiving() {
            // What is queued comes first, and what the ring receives until it has ended.
            return Err(io::ErrorKind::WouldBlock.into());
        }
        self.socket.try_io(interest, f)
    }

    /// Waits, and runs `f`, which does its own I/O on the socket, until it answers something else
    /// than `WouldBlock`. Makes the stream Exact.
    ///
    /// # Cancel safety
    /// Cancel safe: `f` runs to its end or not at all.
    /// # Errors
    /// That there are bytes ahead, which `f` would miss; those of `f`; that the runtime is shutting
    /// down.
    pub async fn async_io<R>(
        &self,
        interest: Interest,
        f: impl FnMut() -> io::Result<R>,
    ) -> io::Result<R> {
        self.prepare_foreign_io(interest)?;
        if interest.is_writable() {
            poll_fn(|cx| self.poll_flush(cx)).await?;
        }
        if interest.is_readable() && self.is_receiving() {
            // On another thread than the ring's: it was told, and ends in its next turn.
            while self.is_receiving() {
                yield_now().await;
            }
            self.prepare_foreign_io(interest)?;
        }
        self.socket.async_io(interest, f).await
    }

    fn is_receiving(&self) -> bool {
        self.flow.get().is_some_and(|flow| flow.is_receiving())
    }

    fn prepare_foreign_io(&self, interest: Interest) -> io::Result<()> {
        let Some(flow) = self.flow.get() else {
            return Ok(());
        };
        flow.escape();
        // The socket would not tell it any more.
        let error = if interest.is_writable() {
            flow.outbox.take_error()
        } else {
            flow.take_read_error()
        };
        if let Some(error) = error {
            return Err(error);
        }
        if interest.is_readable() && flow.has_ahead() {
            return Err(io::Error::other(format!(
                "{} bytes were received ahead of this call: read them first (bytes_ahead), or use Mode::Exact",
                self.bytes_ahead()
            )));
        }
        Ok(())
    }
}
