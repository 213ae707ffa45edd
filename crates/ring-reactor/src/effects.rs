//! What is to happen after a lock is let go of: wakers run and drop code of the user's.

use std::sync::Arc;
use std::task::Waker;

use crate::source::Source;

/// Collected under the shard's lock, carried out after it.
#[derive(Debug, Default)]
pub(crate) struct Effects {
    pub(crate) wakers: Vec<Waker>,
    /// Sources whose last reference may be ours: their wakers must not drop under the lock.
    pub(crate) sources: Vec<Arc<Source>>,
}

impl Effects {
    pub(crate) fn is_empty(&self) -> bool {
        self.wakers.is_empty()
    }

    /// Wakes and drops. No lock of the reactor may be held.
    pub(crate) fn run(&mut self) {
        self.sources.clear();
        for waker in self.wakers.drain(..) {
            waker.wake();
        }
    }
}
