//! What Completion sockets have done, counted by any thread. Pure.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::metrics::Metrics;

/// Why a queue was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    /// A read on the socket was about to wait.
    Read,
    /// The driver had a turn.
    Turn,
    /// A write found no room in the queue, or was too large to wait.
    Full,
    /// The program flushed.
    Flush,
    /// The socket was shut down, dropped or taken out of its runtime; or the runtime ended.
    End,
    /// The socket's descriptor was shown, or its mode changed.
    Escape,
    /// The driver had no turn in time: a task blocks its thread; or the process ended.
    Straggler,
    /// The kernel has room again.
    Room,
}

const REASONS: usize = 8;

/// The counters of one reactor.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    queued_writes: AtomicU64,
    queued_bytes: AtomicU64,
    flushes: [AtomicU64; REASONS],
    receives_ahead: AtomicU64,
    reads_ahead: AtomicU64,
    escapes: AtomicU64,
}

fn add(counter: &AtomicU64, count: usize) {
    // Relaxed: nothing is read off a counter but its value.
    counter.fetch_add(count as u64, Ordering::Relaxed);
}

impl Counters {
    /// `writes` small writes of `bytes` bytes in all left their queue for `reason`.
    pub(crate) fn flushed(&self, reason: Reason, writes: usize, bytes: usize) {
        add(&self.flushes[reason as usize], 1);
        add(&self.queued_writes, writes);
        add(&self.queued_bytes, bytes);
    }

    pub(crate) fn received_ahead(&self) {
        add(&self.receives_ahead, 1);
    }

    pub(crate) fn read_ahead(&self) {
        add(&self.reads_ahead, 1);
    }

    pub(crate) fn escaped(&self) {
        add(&self.escapes, 1);
    }

    /// Writes the counters into `metrics`.
    pub(crate) fn report(&self, metrics: &mut Metrics) {
        let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let flushes = |reason: Reason| load(&self.flushes[reason as usize]);
        metrics.queued_writes = load(&self.queued_writes);
        metrics.queued_bytes = load(&self.queued_bytes);
        metrics.flushes_by_read = flushes(Reason::Read);
        metrics.flushes_by_turn = flushes(Reason::Turn);
        metrics.flushes_by_write = flushes(Reason::Full);
        metrics.flushes_by_flush = flushes(Reason::Flush);
        metrics.flushes_by_end = flushes(Reason::End);
        metrics.flushes_by_escape = flushes(Reason::Escape);
        metrics.flushes_by_straggler = flushes(Reason::Straggler);
        metrics.flushes_by_room = flushes(Reason::Room);
        metrics.receives_ahead = load(&self.receives_ahead);
        metrics.reads_ahead = load(&self.reads_ahead);
        metrics.escapes = load(&self.escapes);
    }
}
