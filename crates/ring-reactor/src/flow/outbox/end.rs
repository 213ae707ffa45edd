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
        let mut state = self.state.lock();
        let flushed = self.send_queue(&mut state, Some(fd), Reason::Room);
        if flushed == Flush::Done {
            state.has_pump = false;
        }
        flushed
    }

    /// The runtime has dropped the pump: whoever finds the queue blocked starts another. Returns
    /// whether bytes are lost, because their stream is gone and the kernel is full.
    pub(crate) fn pump_dropped(&self, fd: BorrowedFd<'_>) -> bool {
        if self.flush_by_pump(fd) == Flush::Done {
            return false;
        }
        let mut state = self.state.lock();
        state.has_pump = false;
        let is_lost = state.fd.get().is_none();
        if is_lost {
            self.lose(&mut state);
        }
        is_lost
    }

    /// There is no pump after all.
    pub(crate) fn pump_failed(self: &Arc<Self>) {
        self.state.lock().has_pump = false;
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
        let mut state = self.state.lock();
        state.ends = !state.queue.is_empty();
        !state.ends
    }

    /// Sends what is queued and gives the descriptor back, which the caller may close then.
    pub(crate) fn close(self: &Arc<Self>) -> Closed {
        if self.reactor.is_foreign_process() {
            // Nobody in this process will use it.
            return Closed::Clean;
        }
        let mut state = self.state.lock();
        let flushed = self.send_queue(&mut state, None, Reason::End);
        let pump_fd = match flushed {
            Flush::Done => None,
            Flush::Blocked => self.pump_fd(&mut state),
        };
        let closed = match flushed {
            Flush::Done => Closed::Clean,
            Flush::Blocked if state.has_pump => Closed::Carried,
            Flush::Blocked => {
                self.lose(&mut state);
                Closed::Lost
            }
        };
        // Before anything that might unwind: from here on nobody knows the descriptor.
        state.fd.take_back();
        drop(state);
        if let Some(fd) = pump_fd {
            pump::start(self.clone(), fd);
        }
        closed
    }
}
