//! Plain counters.

/// What a reactor has done since it was made. All counts start at 0 and only grow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Metrics {
    /// Turns of the driver task.
    pub turns: u64,
    /// Calls of io_uring_enter(2).
    pub enters: u64,
    /// Events reaped that concerned a socket.
    pub events: u64,
    /// Polls armed.
    pub polls: u64,
    /// Accepts submitted.
    pub accepts: u64,
    /// Connections that the ring accepted.
    pub accepted: u64,
    /// Descriptors closed through the ring.
    pub closes: u64,
    /// Cancels sent.
    pub cancels: u64,
    /// CQEs that named no operation: cancels that came too late, mostly.
    pub strays: u64,
    /// Operations in flight now; the one figure that may fall.
    pub in_flight: u64,
    /// Rings made anew because the runtime changed threads.
    pub thread_changes: u64,
    /// Enters that the kernel could not serve and that were tried again.
    pub retries: u64,
    /// Idle periods in which the driver watched the ring: see `Builder::busy_poll`.
    pub busy_polls: u64,
    /// Watches that saw work come: a sleep was spared.
    pub busy_hits: u64,
    /// Watches for the whole time that was set, in vain.
    pub busy_misses: u64,
    /// Times that watching was given up for a while, because it had not paid.
    pub busy_pauses: u64,
    /// Operations whose resources were leaked, because their end could not be awaited.
    pub leaked: u64,
}
