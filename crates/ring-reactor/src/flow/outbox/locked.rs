//! The state of an [`Outbox`](super::Outbox), locked.

use std::ops::{Deref, DerefMut};

use bytes::Bytes;
use parking_lot::MutexGuard;

use super::State;

/// The state, locked. Owned buffers that have left are dropped after the lock is gone: their drop is
/// code of the program's.
pub(super) struct Locked<'a> {
    state: MutexGuard<'a, State>,
    // Below `state`, and so dropped after it.
    spent: Vec<Bytes>,
}

impl<'a> Locked<'a> {
    pub(super) fn new(state: MutexGuard<'a, State>) -> Locked<'a> {
        let spent = Vec::new();
        Locked { state, spent }
    }
}

impl Deref for Locked<'_> {
    type Target = State;

    fn deref(&self) -> &State {
        &self.state
    }
}

impl DerefMut for Locked<'_> {
    fn deref_mut(&mut self) -> &mut State {
        &mut self.state
    }
}

impl Drop for Locked<'_> {
    fn drop(&mut self) {
        self.spent = self.state.queue.take_spent();
    }
}
