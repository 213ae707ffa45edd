//! Every bound of the crate.

/// Rings that a runtime may use up by changing threads before it is moved to epoll.
pub(crate) const THREAD_CHANGES_MAX: u64 = 64;

/// Enters that one close may take until its cancelled operations have ended.
pub(crate) const CLOSE_ENTERS_MAX: u32 = 64;

/// Rounds of submit and reap in one turn before the tasks get their chance.
pub(crate) const TURN_ROUNDS_MAX: u32 = 8;
