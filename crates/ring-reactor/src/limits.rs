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
