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

/// Connections that wait for the reader of a stream, from which on it takes no more ahead; those that
/// come at once are taken at once.
pub(crate) const ACCEPTED_AHEAD_MAX: usize = 64;

/// Enters in a row that bring in what the kernel has parked for want of room in the CQ.
pub(crate) const OVERFLOW_ENTERS_MAX: u32 = 1024;

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

/// Memory that an empty queue keeps for the next writes, in bytes.
pub(crate) const KEPT_BYTES_MAX: usize = 512;

/// Bytes that one socket may have queued from owned buffers before it takes another. The last one it
/// takes may be of any size.
pub(crate) const OWNED_QUEUE_BYTES_MAX: usize = 256 * 1024;

/// Pieces that a queue holds at most: one send takes them all, with one more behind them.
pub(crate) const QUEUE_PIECES_MAX: usize = SEND_PIECES_MAX - 1;

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

/// Buffers that a ring receives into. Each is copied and given back in the turn that finds it filled.
pub(crate) const RING_BUFFERS: u16 = 64;

/// The size of each, in bytes: a message that fills one is bulk, and that is better received straight into
/// its reader's memory. What one enter receives is bounded by all of them: 128 KiB.
pub(crate) const RING_BUFFER_BYTES: usize = 2 * 1024;

/// Bytes that the ring has received for one socket and no read has taken, from which on it stops.
pub(crate) const ARRIVALS_BYTES_MAX: usize = RECV_BUFFER_BYTES;

/// How long a thread that is not the runtime's waits until the ring has stopped receiving for a socket, in
/// milliseconds. The runtime may be waiting for that thread.
pub(crate) const RECV_END_WAIT_MS: u64 = 100;

/// Receive buffers that one reactor lends at most. Without one, a read receives no byte ahead.
pub(crate) const POOL_BUFFERS_MAX: usize = 1024;

/// Receive buffers that a reactor keeps while nobody uses them.
pub(crate) const POOL_BUFFERS_KEPT_MAX: usize = 64;

/// Receive buffers of one stream that a program may hold before the next receive waits: 256 KiB.
pub(crate) const STREAM_LEASES_MAX: usize = 64;

/// How often bytes are looked for that wait in a queue although their driver gets no turn (a task
/// blocks its thread), in milliseconds. Such bytes leave within two looks.
pub(crate) const STRAGGLER_LOOK_MS: u64 = 5;

/// Looks without a byte queued after which nobody looks any more, until one is.
pub(crate) const STRAGGLER_IDLE_LOOKS_MAX: u32 = 40;

/// Forks between the first process and one that has a look-out of its own.
pub(crate) const LOOKOUTS_MAX: usize = 16;

/// How long the last bytes of a stream that is gone may go without an acknowledgement of its peer, in
/// milliseconds, before the connection is given up.
pub(crate) const CARRIED_TIMEOUT_MS: u64 = 60_000;

/// How long the end of the process waits for a lock that another thread holds, in milliseconds.
pub(crate) const EXIT_LOCK_WAIT_MS: u64 = 100;

const _: () = assert!(
    SEND_QUEUE_BYTES_MAX <= OWNED_QUEUE_BYTES_MAX,
    "a queue of small writes alone does not hold back owned buffers"
);
const _: () = assert!(
    QUEUED_WRITE_BYTES_MAX <= SEND_QUEUE_BYTES_MAX,
    "an empty queue has room for every write that may wait"
);
const _: () = assert!(
    RECV_AHEAD_BELOW_BYTES <= RECV_BUFFER_BYTES,
    "receiving ahead brings at least what the caller asked for"
);

/// The longest watch of the ring that can be asked for, in microseconds and for each idle period.
/// Waking a thread costs tens of them: whoever waits longer saves little by it.
pub(crate) const BUSY_POLL_US_MAX: u64 = 1_000;

/// How long the driver spins before the runtime's other tasks, its epoll and its timers get their
/// chance, in microseconds.
pub(crate) const WATCH_SLICE_US: u64 = 2;

/// Spin hints between two looks at the ring: some 10 to 50 ns each, depending on the CPU.
pub(crate) const WATCH_HINTS: u32 = 8;

/// Watches in a row that may bring nothing before watching pauses.
pub(crate) const BUSY_MISSES_MAX: u32 = 8;

/// Idle periods that the first pause lasts. Each pause that follows without a hit in between is
/// twice as long.
pub(crate) const BUSY_PAUSE_PERIODS_MIN: u32 = 8;

/// Idle periods that a pause lasts at most: so many requests may pass until it is noticed that
/// watching pays again.
pub(crate) const BUSY_PAUSE_PERIODS_MAX: u32 = 256;

const _: () = assert!(
    0 < WATCH_SLICE_US && WATCH_SLICE_US < BUSY_POLL_US_MAX,
    "a watch is made of slices"
);
const _: () = assert!(BUSY_MISSES_MAX > 0, "one miss is left after a pause");
const _: () = assert!(
    0 < BUSY_PAUSE_PERIODS_MIN && BUSY_PAUSE_PERIODS_MIN <= BUSY_PAUSE_PERIODS_MAX,
    "a pause lasts, and grows"
);
const _: () = assert!(
    BUSY_PAUSE_PERIODS_MAX <= u32::MAX / 2,
    "twice a pause is a number"
);
