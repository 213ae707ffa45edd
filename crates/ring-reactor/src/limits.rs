//! Every bound of the crate.

/// Turns that a runtime takes on one thread until it counts as settled there.
pub(crate) const SETTLED_TURNS_MIN: u64 = 64;

/// Changes of thread without settling in between, before the runtime is moved to epoll: each costs
/// a new ring.
pub(crate) const QUICK_CHANGES_MAX: u32 = 64;

/// Enters that one close may take until its cancelled operations have ended.
pub(crate) const CLOSE_ENTERS_MAX: u32 = 64;

/// Rounds of submit and reap in one turn before the tasks get their chance.
pub(crate) const TURN_ROUNDS_MAX: u32 = 8;

/// How long a close on a ring that any thread may enter waits for another thread's part, in
/// milliseconds and for each of its enters.
pub(crate) const CLOSE_WAIT_MS: u64 = 1;

/// Events after which a turn lets the driver sleep at once, although it has woken tasks: whoever
/// serves one connection at a time would pay for a second turn with every request.
pub(crate) const LONE_EVENTS_MAX: u64 = 1;

/// Bytes that one Completion socket may have accepted from small writes and not sent yet.
pub(crate) const SEND_QUEUE_BYTES_MAX: usize = 16 * 1024;

/// The largest write that may wait in the queue, in bytes: a larger one is worth a system call.
pub(crate) const QUEUED_WRITE_BYTES_MAX: usize = 4 * 1024;

/// Rounds in a row with several writes each, after which a socket queues from the first write on.
pub(crate) const COALESCING_ROUNDS_MIN: u8 = 4;

/// What a send costs in the kernel's accounts besides its bytes, at most.
pub(crate) const SEND_OVERHEAD_BYTES: usize = 1024;

/// Several pieces with no more bytes than this are sent as one piece: to copy them costs less than
/// what sendmsg(2) costs more than send(2) (measured: 160 ns).
pub(crate) const GATHERED_BYTES_MAX: usize = 1024;

/// Pieces of memory that one send takes.
pub(crate) const SEND_PIECES_MAX: usize = 64;

/// The size of a receive buffer, in bytes: what one Completion socket may have received ahead.
pub(crate) const RECV_BUFFER_BYTES: usize = 4 * 1024;

/// A read that offers fewer bytes than this receives ahead; a larger one receives straight into the
/// caller's memory.
pub(crate) const RECV_AHEAD_BELOW_BYTES: usize = 1024;

/// Receive buffers that one reactor lends at most. Without one, a read receives no byte ahead.
pub(crate) const POOL_BUFFERS_MAX: usize = 1024;

/// Receive buffers that a reactor keeps while nobody uses them.
pub(crate) const POOL_BUFFERS_KEPT_MAX: usize = 64;

/// How often bytes are looked for that wait in a queue although their driver gets no turn (a task
/// blocks its thread), in milliseconds. Such bytes leave within two looks.
pub(crate) const STRAGGLER_LOOK_MS: u64 = 5;

/// Looks without a byte queued after which nobody looks any more, until one is.
pub(crate) const STRAGGLER_IDLE_LOOKS_MAX: u32 = 40;

/// How long the end of the process waits for a lock that another thread holds, in milliseconds.
pub(crate) const EXIT_LOCK_WAIT_MS: u64 = 100;

const _: () = assert!(
    QUEUED_WRITE_BYTES_MAX <= SEND_QUEUE_BYTES_MAX,
    "an empty queue has room for every write that may wait"
);
const _: () = assert!(
    RECV_AHEAD_BELOW_BYTES <= RECV_BUFFER_BYTES,
    "receiving ahead brings at least what the caller asked for"
);
