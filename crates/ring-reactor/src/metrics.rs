//! Plain counters.

use ring_core::ops::Counts;

/// What a reactor has done since it was made. All counts start at 0 and only grow, unless they say otherwise.
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
    /// Receives submitted, each for all the messages that come until it ends.
    pub recvs: u64,
    /// Messages that the ring received.
    pub received: u64,
    /// Receives that found no buffer, and ended: what they were for was received by recv(2).
    pub recv_no_buffers: u64,
    /// Receives cancelled, because their sockets move bulk, are read slowly, wait to write, or became Exact.
    pub recv_cancels: u64,
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
    /// SQEs pushed to a ring: operations, and cancels of them. Each ends in one way, so this is the sum of
    /// `ended`, `strays`, `skipped`, `abandoned` and `in_flight`.
    pub sqes: u64,
    /// CQEs dispatched, those after which a multishot operation goes on included.
    pub cqes: u64,
    /// Operations that have had their last CQE.
    pub ended: u64,
    /// Cancels that have no CQE, because they succeeded or are still to be submitted.
    pub skipped: u64,
    /// Operations that were in flight when their ring was closed.
    pub abandoned: u64,
    /// Operations in flight now. May fall.
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
    /// Writes that waited in a queue and have left it: of Completion sockets, or of owned buffers.
    pub queued_writes: u64,
    /// Their bytes. Divided by the sum of the `flushes_by_*`: the bytes of a batch.
    pub queued_bytes: u64,
    /// Queues sent because a read on the socket was about to wait.
    pub flushes_by_read: u64,
    /// Queues sent by a turn of the driver.
    pub flushes_by_turn: u64,
    /// Queues sent together with a write that did not fit, was too large to wait, or filled them up.
    pub flushes_by_write: u64,
    /// Queues sent because the program flushed.
    pub flushes_by_flush: u64,
    /// Queues sent by a shutdown, a drop, `into_std`, or the end of the runtime.
    pub flushes_by_end: u64,
    /// Queues sent because the descriptor was shown or the mode changed.
    pub flushes_by_escape: u64,
    /// Queues sent because the driver had no turn in time (a task blocks its thread), or because the
    /// process ended.
    pub flushes_by_straggler: u64,
    /// Queues that found the kernel full and were sent when it had room.
    pub flushes_by_room: u64,
    /// Receives that brought more than their read had asked for, those of buffered reads included.
    pub receives_ahead: u64,
    /// Reads served from bytes that a read had received ahead.
    pub reads_ahead: u64,
    /// Receive buffers in use now, each with bytes that no read has taken yet or that the program holds.
    /// May fall.
    pub recv_buffers: u64,
    /// Completion sockets that became Exact because their descriptor was shown.
    pub escapes: u64,
}

impl Metrics {
    /// These counts and those of a ring.
    #[must_use]
    pub(crate) fn with_ring(self, enters: u64, counts: Counts) -> Metrics {
        Metrics {
            enters: self.enters + enters,
            sqes: self.sqes + counts.sqes,
            cqes: self.cqes + counts.cqes,
            ended: self.ended + counts.ended,
            skipped: self.skipped + counts.skipped(),
            strays: self.strays + counts.strays,
            ..self
        }
    }
}
