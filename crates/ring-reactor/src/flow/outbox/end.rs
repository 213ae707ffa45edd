//! How an [`Outbox`] ends: with its last byte, if a runtime is left to send it.

use std::os::fd::OwnedFd;
use std::sync::Arc;

use super::{Flush, Outbox};
use crate::flow::counters::Reason;
use crate::flow::pump;

/// What is left when a stream has given its queue up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Close {
    /// Nothing.
    Done,
    /// The pump goes on, with a descriptor of its own.
    Pumped,
    /// Bytes that nobody sends: there was no descriptor for a pump.
    Blocked,
}

impl Outbox {
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

    /// Sends what is queued and gives the descriptor back.
    pub(crate) fn close(self: &Arc<Self>) -> Close {
        if self.reactor.is_foreign_process() {
            return Close::Done;
        }
        self.flush(Reason::End);
        let mut state = self.lock();
        state.fd.take_back();
        match (state.queue.is_empty(), state.has_pump) {
            (true, _) => Close::Done,
            (false, true) => Close::Pumped,
            (false, false) => Close::Blocked,
        }
    }

    /// Has a pump send the rest by `fd`, which nobody else has any more.
    pub(crate) fn adopt(self: &Arc<Self>, fd: OwnedFd) {
        self.lock().has_pump = true;
        pump::start(self.clone(), fd);
    }
}
