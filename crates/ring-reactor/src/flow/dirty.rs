//! The outboxes that have something queued, for the driver's next turn.

use std::mem;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Waker;
use std::time::Duration;

use parking_lot::{Mutex, MutexGuard};

use super::counters::Reason;
use super::outbox::Outbox;
use super::stragglers;
use crate::limits::EXIT_LOCK_WAIT_MS;

/// The list of one reactor.
#[derive(Debug, Default)]
pub(crate) struct Dirty {
    /// Whether the list has anything, for a driver that knows itself to be known here. Written under
    /// the lock.
    has_any: AtomicBool,
    state: Mutex<State>,
}

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
        let mut state = self.state.lock();
        if state.is_closed {
            drop(state);
            outbox.clear_dirty();
            return false;
        }
        state.outboxes.push(outbox);
        // Relaxed: the wake orders it, or that of the mark that has told the driver before.
        self.has_any.store(true, Ordering::Relaxed);
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
        let mut state = self.state.lock();
        if state.is_closed {
            // Nobody would ever take it off.
            drop(state);
            return outbox.clear_dirty();
        }
        state.outboxes.push(outbox);
        self.has_any.store(true, Ordering::Relaxed);
        self.watch(state);
    }

    fn watch(self: &Arc<Self>, mut state: MutexGuard<'_, State>) {
        let is_watched = mem::replace(&mut state.is_watched, true);
        drop(state);
        if !is_watched && !stragglers::watch(self) {
            // The next one tries again.
            self.state.lock().is_watched = false;
        }
    }

    /// One turn of the driver: everything queued leaves. `is_known`: it has been here before, with
    /// this waker.
    pub(crate) fn turn(&self, driver: &Waker, is_known: bool, scratch: &mut Vec<Arc<Outbox>>) {
        if is_known && !self.has_any.load(Ordering::Relaxed) {
            return;
        }
        {
            let mut state = self.state.lock();
            if !state
                .driver
                .as_ref()
                .is_some_and(|known| known.will_wake(driver))
            {
                state.driver = Some(driver.clone());
            }
            state.is_told = false;
            state.is_late = false;
            self.has_any.store(false, Ordering::Relaxed);
            mem::swap(&mut state.outboxes, scratch);
        }
        flush(scratch, Reason::Turn);
    }

    /// The driver goes: a last turn, and none after it.
    pub(crate) fn close(&self) {
        let mut outboxes = {
            let mut state = self.state.lock();
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
            let mut state = self.state.lock();
            if state.outboxes.is_empty() {
                state.is_late = false;
                return false;
            }
            if !mem::replace(&mut state.is_late, true) {
                return true;
            }
            state.outboxes.clone()
        };
        for outbox in &outboxes {
            outbox.flush_round(Reason::Straggler);
        }
        let retired: Vec<_> = {
            let mut state = self.state.lock();
            let retired = state.outboxes.extract_if(.., |outbox| outbox.retire());
            retired.collect()
        };
        // Dropped without the lock: the last reference to a reactor may be among them.
        drop(retired);
        true
    }

    /// Nobody looks any more, unless there is something after all.
    pub(crate) fn unwatch(&self) -> bool {
        let mut state = self.state.lock();
        state.is_watched = !state.outboxes.is_empty();
        !state.is_watched
    }

    /// The process ends.
    pub(crate) fn flush_at_exit(&self) {
        let wait = Duration::from_millis(EXIT_LOCK_WAIT_MS);
        let Some(mut state) = self.state.try_lock_for(wait) else {
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
