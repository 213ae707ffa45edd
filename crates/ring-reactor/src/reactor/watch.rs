//! The driver's watch over the ring, in slices.

use std::hint;
use std::time::Instant;

use super::{Reactor, Step};
use crate::busy::Next;
use crate::limits::WATCH_HINTS;

/// One idle period that is watched; made for `Step::Watch`.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    /// When the first look was: what the tasks did before it is not part of the watch.
    since: Option<Instant>,
}

impl Reactor {
    /// One slice: looks at the ring, over and over, for some microseconds.
    ///
    /// The lock is taken for each look and let go of while this thread spins. A look reads a few
    /// words of memory, so another thread that leaves a wish or drops a socket waits for some tens
    /// of nanoseconds, less than for a turn, and gets the lock while `WATCH_HINTS` are spun. Were the
    /// lock held for a whole slice, that thread would go to sleep, and this one would have to wake it.
    pub(crate) fn watch(&self, watch: &mut Watch) -> Step {
        let since = *watch.since.get_or_insert_with(Instant::now);
        let mut slice_end = None;
        loop {
            if self.is_foreign_process() {
                return Step::Over;
            }
            let elapsed = since.elapsed();
            let next = match &mut self.state.lock().shard {
                Some(shard) => shard.look(elapsed),
                None => return Step::Over,
            };
            match next {
                Next::Spin(time) => {
                    if elapsed >= *slice_end.get_or_insert(elapsed + time) {
                        return Step::Watch;
                    }
                    spin();
                }
                Next::Turn => return Step::Turn,
                Next::Park => return Step::Idle,
            }
        }
    }
}

fn spin() {
    for _ in 0..WATCH_HINTS {
        hint::spin_loop();
    }
}
