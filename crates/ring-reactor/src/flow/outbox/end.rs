//! The end of a stream and of its pump.

use std::os::fd::{BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::{Closed, Flush, Outbox, State};
use crate::flow::counters::Reason;
use crate::flow::pump;

impl Outbox {
    /// A descriptor for a pump, if there is none and one can be had. The pump has to be started.
    pub(super) fn pump_fd(&self, state: &mut State) -> Option<OwnedFd> {
        if state.has_pump {
            return None;
        }
        let fd = state.fd.get()?.try_clone_to_owned().ok()?;
        state.has_pump = true;
        Some(fd)
    }

    /// Sends what is queued, by the pump's own descriptor. After `Done` the pump is not needed.
    pub(crate) fn flush_by_pump(&self, fd: BorrowedFd<'_>) -> Flush {
        if self.reactor.is_foreign_process() {
            return Flush::Done;
        }
        let mut state = self.lock();
        let flushed = self.send_queue(&mut state, Some(fd), Reason::Room);
        if flushed == Flush::Done {
            state.has_pump = false;
        }
        flushed
    }

    /// The runtime has dropped the pump: whoever finds the queue blocked starts another. What nobody
    /// can send any more, because the stream is gone too, is lost.
    pub(crate) fn pump_dropped(&self, fd: BorrowedFd<'_>) {
        if self.flush_by_pump(fd) == Flush::Done {
            return;
        }
        let mut state = self.lock();
        state.has_pump = false;
        if state.fd.get().is_none() {
            self.lose(&mut state);
        }
    }

    /// There is no pump after all.
    pub(crate) fn pump_failed(self: &Arc<Self>) {
        self.lock().has_pump = false;
        self.keep_dirty();
    }

    /// The stream was shut down for writing.
    pub(crate) fn on_shutdown(&self) {
        self.is_ended.store(true, Ordering::Relaxed);
    }

    /// Sends what is queued; if the kernel is full, the shutdown for writing follows the last byte.
    /// Returns whether the caller has to shut down now.
    pub(crate) fn end(self: &Arc<Self>) -> bool {
        if self.flush(Reason::End) == Flush::Done {
            return true;
        }
        let mut state = self.lock();
        state.ends = !state.queue.is_empty();
        !state.ends
    }

    /// Sends what is queued and gives the descriptor back, which the caller may close then.
    pub(crate) fn close(self: &Arc<Self>) -> Closed {
        if self.reactor.is_foreign_process() {
            // Nobody in this process will use it.
            return Closed::Clean;
        }
        let mut state = self.lock();
        let flushed = self.send_queue(&mut state, None, Reason::End);
        let pump_fd = match flushed {
            Flush::Done => None,
            Flush::Blocked => self.pump_fd(&mut state),
        };
        let closed = match flushed {
            Flush::Done => Closed::Clean,
            Flush::Blocked if state.has_pump => Closed::Carried,
            Flush::Blocked => Closed::Stranded,
        };
        // Before anything that might unwind: from here on nobody knows the descriptor.
        state.fd.take_back();
        drop(state);
        if let Some(fd) = pump_fd {
            pump::start(self.clone(), fd);
        }
        closed
    }

    /// Has a pump send the rest by `fd`, which nobody else has any more.
    pub(crate) fn adopt(self: &Arc<Self>, fd: OwnedFd) {
        self.lock().has_pump = true;
        pump::start(self.clone(), fd);
    }
}
