//! The outboxes that have something queued, for the driver's next turn.

use std::mem;
use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;

use parking_lot::{Mutex, MutexGuard};

use super::counters::Reason;
use super::outbox::Outbox;
use super::stragglers;
use crate::limits::EXIT_LOCK_WAIT_MS;

/// The list of one reactor.
#[derive(Debug, Default)]
pub(crate) struct Dirty(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    outboxes: Vec<Arc<Outbox>>,
    driver: Option<Waker>,
    /// Whether the driver was woken since its last turn.
    is_told: bool,
    /// Whether the driver is gone.
    is_closed: bool,
    /// Whether the look-out for stragglers knows of this list.
    is_watched: bool,
    /// Whether it has found something here since the driver's last turn.
    is_late: bool,
}

impl Dirty {
    /// Adds an outbox and has the driver take a turn; `false`: there is no driver any more.
    pub(crate) fn mark(self: &Arc<Self>, outbox: Arc<Outbox>) -> bool {
        let mut state = self.0.lock();
        if state.is_closed {
            drop(state);
            outbox.clear_dirty();
            return false;
        }
        state.outboxes.push(outbox);
        let driver = if mem::replace(&mut state.is_told, true) {
            None
        } else {
            state.driver.clone()
        };
        self.watch(state);
        if let Some(driver) = driver {
            driver.wake();
        }
        true
    }

    /// Adds an outbox whose flush has to be tried again, at no certain time.
    pub(crate) fn keep(self: &Arc<Self>, outbox: Arc<Outbox>) {
        let mut state = self.0.lock();
        if state.is_closed {
            // Nobody would ever take it off.
            drop(state);
            return outbox.clear_dirty();
        }
        state.outboxes.push(outbox);
        self.watch(state);
    }

    fn watch(self: &Arc<Self>, mut state: MutexGuard<'_, State>) {
        let is_watched = mem::replace(&mut state.is_watched, true);
        drop(state);
        if !is_watched {
            stragglers::watch(self);
        }
    }

    /// One turn of the driver: everything queued leaves.
    pub(crate) fn turn(&self, driver: &Waker, scratch: &mut Vec<Arc<Outbox>>) {
        {
            let mut state = self.0.lock();
            if !state
                .driver
                .as_ref()
                .is_some_and(|known| known.will_wake(driver))
            {
                state.driver = Some(driver.clone());
            }
            state.is_told = false;
            state.is_late = false;
            mem::swap(&mut state.outboxes, scratch);
        }
        flush(scratch, Reason::Turn);
    }

    /// The driver goes: a last turn, and none after it.
    pub(crate) fn close(&self) {
        let mut outboxes = {
            let mut state = self.0.lock();
            state.is_closed = true;
            state.driver = None;
            mem::take(&mut state.outboxes)
        };
        flush(&mut outboxes, Reason::End);
    }

    /// Sends what has waited since the last look although the driver knew of it. Returns whether
    /// anything is left to look for.
    pub(crate) fn look(&self) -> bool {
        let outboxes = {
            let mut state = self.0.lock();
            if state.outboxes.is_empty() {
                state.is_late = false;
                return false;
            }
            if !mem::replace(&mut state.is_late, true) {
                return true;
            }
            // They stay on the list: the driver's turn ends their rounds.
            state.outboxes.clone()
        };
        for outbox in &outboxes {
            outbox.flush(Reason::Straggler);
        }
        true
    }

    /// Nobody looks any more, unless there is something after all.
    pub(crate) fn unwatch(&self) -> bool {
        let mut state = self.0.lock();
        state.is_watched = !state.outboxes.is_empty();
        !state.is_watched
    }

    /// The process ends.
    pub(crate) fn flush_at_exit(&self) {
        let wait = Duration::from_millis(EXIT_LOCK_WAIT_MS);
        let Some(mut state) = self.0.try_lock_for(wait) else {
            return;
        };
        let outboxes = mem::take(&mut state.outboxes);
        drop(state);
        for outbox in outboxes {
            outbox.flush_at_exit();
            // The last reference may be ours, and closes nothing: a descriptor is its stream's.
        }
    }
}

fn flush(outboxes: &mut Vec<Arc<Outbox>>, reason: Reason) {
    for outbox in outboxes.drain(..) {
        // Before the flush: what is queued behind it marks anew.
        outbox.clear_dirty();
        outbox.flush_round(reason);
    }
}
