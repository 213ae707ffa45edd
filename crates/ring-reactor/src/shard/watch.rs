//! Watching the ring's shared memory before the runtime sleeps, and going to sleep.

use std::time::Duration;

use super::Shard;
use crate::busy::{Next, Seen};
use crate::thread_id::this_thread;

impl Shard {
    /// One look of the watch that `Turn::Watch` asks for, `elapsed` after the first. No system call:
    /// the ring is only read, and its signals are off.
    pub(crate) fn look(&mut self, elapsed: Duration) -> Next {
        let seen = if self.ops.ring().has_work() {
            Seen::Work
        } else if !self.wishes.is_empty() || self.owner != Some(this_thread()) {
            // A turn submits the wishes, or makes a ring for the thread that drives the runtime now.
            Seen::Errand
        } else {
            Seen::Nothing
        };
        match self.busy.look(elapsed, seen) {
            Next::Park if !self.falls_asleep() => Next::Turn,
            next => next,
        }
    }

    /// Lets the driver sleep, unless there is something to do. Signals on first: work that comes
    /// before that is found by the look, work that comes after it signals.
    pub(super) fn falls_asleep(&mut self) -> bool {
        self.toggle_eventfd(true);
        if !self.ops.ring().has_work() && self.wishes.is_empty() {
            self.driver_awake = false;
            return true;
        }
        self.toggle_eventfd(false);
        false
    }
}
