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
