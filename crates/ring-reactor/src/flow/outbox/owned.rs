//! Owned buffers in an [`Outbox`]: they wait for company whatever their size, and for the kernel.

use std::io;
use std::mem;
use std::sync::Arc;

use bytes::Bytes;

use super::{Outbox, State};
use crate::flow::policy::Decision;
use crate::limits::{OWNED_QUEUE_BYTES_MAX, QUEUE_PIECES_MAX};
use crate::reactor::{Serving, gone};

/// What becomes of an owned buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OwnedOffer {
    /// It is in the queue: it waits for company, or for the pump.
    Queued,
    /// It is in the queue, which is to be sent now.
    Due,
    /// The queue has reached its bound: nothing was taken.
    Full,
}

impl Outbox {
    /// Takes `bytes` into the queue, all of it or nothing.
    ///
    /// # Errors
    /// What an earlier send has left to report; that the runtime is gone. Nothing was taken then.
    pub(crate) fn offer_owned(self: &Arc<Self>, bytes: &mut Bytes) -> io::Result<OwnedOffer> {
        if self.reactor.is_foreign_process() || self.reactor.serving() == Serving::Stopped {
            return Err(gone());
        }
        let mut state = self.lock();
        if let Some(error) = self.take_error_of(&mut state) {
            return Err(error);
        }
        if is_at_bound(&state) {
            return Ok(OwnedOffer::Full);
        }
        let decision = self.pace.policy().decide_owned();
        state.queue.push_owned(mem::take(bytes));
        self.on_queued(&mut state);
        if state.has_pump {
            return Ok(OwnedOffer::Queued);
        }
        if decision == Decision::Send || is_at_bound(&state) {
            return Ok(OwnedOffer::Due);
        }
        drop(state);
        self.mark_dirty();
        Ok(OwnedOffer::Queued)
    }
}

fn is_at_bound(state: &State) -> bool {
    state.queue.bytes() >= OWNED_QUEUE_BYTES_MAX || state.queue.pieces() >= QUEUE_PIECES_MAX
}
