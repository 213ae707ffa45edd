//! Whether to watch the ring before the runtime sleeps, and for how long. Pure: the caller has the
//! clock and the ring.
//!
//! An *idle period* begins when a turn finds nothing to do. It is *watched* for at most the bound,
//! or passed over. A *hit* is a watched period in which the ring had work, a *miss* one in which
//! the bound ran out. What is no work of the ring's (a wish, a change of threads) ends a period
//! without a verdict.
//!
//! | state | event | next state | answer |
//! |---|---|---|---|
//! | `Off` | any | `Off` | park |
//! | `Willing` | `begin` | `Watching` | watch |
//! | `Watching` | `look`: nothing, time left | `Watching` | spin for so long |
//! | `Watching` | `look`: work | `Willing`, credit and pauses as at the start | turn |
//! | `Watching` | `look`: an errand | `Willing`, as before | turn |
//! | `Watching` | `look`: nothing, time over | `Willing`, one miss more | park |
//! | `Watching` | the same, the last miss allowed | `Pausing`, the pause after it twice as long | park |
//! | `Pausing` | `pass`, periods left | `Pausing`, one fewer | park |
//! | `Pausing` | `begin`, none left | `Watching`, one miss allowed | watch |
//!
//! So a runtime for which watching does not pay watches one period in `BUSY_PAUSE_PERIODS_MAX`, and
//! one hit makes it watch all of them again. A runtime with nothing to do at all has no periods: it
//! sleeps after the first.

use std::time::Duration;

use crate::limits::{
    BUSY_MISSES_MAX, BUSY_PAUSE_PERIODS_MAX, BUSY_PAUSE_PERIODS_MIN, WATCH_SLICE_US,
};

/// The decisions of one ring, and their count.
#[derive(Debug)]
pub(crate) struct BusyPoll {
    bound: Duration,
    state: State,
    counts: Counts,
}

/// What has come of it. Counts only grow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Idle periods that were watched.
    pub(crate) polls: u64,
    pub(crate) hits: u64,
    pub(crate) misses: u64,
    /// Pauses begun.
    pub(crate) pauses: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// The bound is 0.
    Off,
    /// The next idle period will be watched.
    Willing(Record),
    /// In an idle period that is watched.
    Watching(Record),
    /// So many idle periods are to be passed over.
    Pausing { periods_left: u32, record: Record },
}

/// What is remembered from period to period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Record {
    /// Misses since the last hit, or since a pause has used some of them up.
    misses: u32,
    /// Length of the next pause.
    pause_periods: u32,
}

/// What a look at the ring and at the wishes has found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    Nothing,
    /// A completion, or what an enter would turn into one.
    Work,
    /// Something else that a turn has to see to.
    Errand,
}

/// What the driver does after a look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// Look again, and spin no longer than this before others get their chance.
    Spin(Duration),
    /// Take a turn: the period is over.
    Turn,
    /// Let the runtime sleep: the period is over for the watch.
    Park,
}

impl Record {
    const START: Record = Record {
        misses: 0,
        pause_periods: BUSY_PAUSE_PERIODS_MIN,
    };
}

impl BusyPoll {
    /// Watches for at most `bound` in each idle period; never, if it is 0.
    pub(crate) fn new(bound: Duration) -> BusyPoll {
        let state = if bound.is_zero() {
            State::Off
        } else {
            State::Willing(Record::START)
        };
        BusyPoll {
            bound,
            state,
            counts: Counts::default(),
        }
    }

    pub(crate) fn counts(&self) -> Counts {
        self.counts
    }

    /// A turn has found nothing to do. Returns whether this idle period is watched: then `look` is
    /// called until it ends the period; otherwise `pass`, if the runtime does go to sleep.
    pub(crate) fn begin(&mut self) -> bool {
        match self.state {
            State::Willing(record)
            | State::Pausing {
                periods_left: 0,
                record,
            } => {
                self.state = State::Watching(record);
                self.counts.polls += 1;
                true
            }
            State::Watching(_) => true,
            State::Off | State::Pausing { .. } => false,
        }
    }

    /// The runtime goes to sleep, in a period that was not watched.
    pub(crate) fn pass(&mut self) {
        if let State::Pausing { periods_left, .. } = &mut self.state {
            *periods_left = periods_left.saturating_sub(1);
        }
    }

    /// One look, `elapsed` after the first of this period.
    pub(crate) fn look(&mut self, elapsed: Duration, seen: Seen) -> Next {
        let State::Watching(record) = self.state else {
            return Next::Park;
        };
        match seen {
            Seen::Work => {
                self.counts.hits += 1;
                self.state = State::Willing(Record::START);
                Next::Turn
            }
            Seen::Errand => {
                self.state = State::Willing(record);
                Next::Turn
            }
            Seen::Nothing => {
                let left = self.bound.saturating_sub(elapsed);
                if !left.is_zero() {
                    return Next::Spin(left.min(Duration::from_micros(WATCH_SLICE_US)));
                }
                self.miss(record);
                Next::Park
            }
        }
    }

    fn miss(&mut self, record: Record) {
        self.counts.misses += 1;
        let misses = record.misses + 1;
        if misses < BUSY_MISSES_MAX {
            self.state = State::Willing(Record { misses, ..record });
            return;
        }
        self.counts.pauses += 1;
        let pause_periods = BUSY_PAUSE_PERIODS_MAX.min(2 * record.pause_periods);
        self.state = State::Pausing {
            periods_left: record.pause_periods,
            // After the pause one miss is enough for the next.
            record: Record {
                misses: BUSY_MISSES_MAX - 1,
                pause_periods,
            },
        };
    }
}

#[cfg(test)]
#[path = "busy_tests.rs"]
mod tests;
