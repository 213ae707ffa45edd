//! Waiting for a [`Stream`], and I/O of the program's own on it.

use std::future::poll_fn;
use std::io::{self, ErrorKind};
use std::pin::pin;
use std::task::{Context, Poll, ready};

use tokio::io::{Interest, Ready};
use tokio::task::coop;

use super::Stream;
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
            if interest.is_readable() && flow.has_ahead() {
                return Ok(Ready::READABLE);
            }
            let mut wait = pin!(self.socket.ready(interest));
            let event = poll_fn(|cx| {
                let polled = wait.as_mut().poll(cx);
                self.flush_if_pending(polled)
            })
            .await?;
            let ready = event.ready();
            if !ready.is_writable() || flow.has_room() {
                return Ok(ready);
            }
            if !(ready - Ready::WRITABLE).is_empty() {
                return Ok(ready - Ready::WRITABLE);
            }
            event.clear();
        }
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
            let polled = self.socket.poll_ready(cx, direction);
            let event = ready!(self.flush_if_pending(polled))?;
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
        if interest.is_writable() && !self.has_room() {
            return Err(ErrorKind::WouldBlock.into());
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
        while interest.is_writable() && !self.has_room() {
            self.ready(Interest::WRITABLE).await?;
        }
        self.socket.async_io(interest, f).await
    }

    /// Whether the kernel has everything that was accepted, so that more would come behind it.
    fn has_room(&self) -> bool {
        self.flow.get().is_none_or(|flow| flow.has_room())
    }

    fn prepare_foreign_io(&self, interest: Interest) -> io::Result<()> {
        let Some(flow) = self.flow.get() else {
            return Ok(());
        };
        flow.escape();
        if interest.is_readable() && flow.has_ahead() {
            return Err(io::Error::other(format!(
                "{} bytes were received ahead of this call: read them first (bytes_ahead), or use Mode::Exact",
                self.bytes_ahead()
            )));
        }
        Ok(())
    }
}
