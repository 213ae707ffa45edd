//! Completion mode's own rules, each on both drivers and both flavours of runtime.
#![cfg(target_os = "linux")]

#[path = "cases/completion_ahead.rs"]
mod ahead;
#[path = "cases/completion_alone.rs"]
mod alone;
#[path = "cases/completion_blocked.rs"]
mod blocked;
#[path = "cases/completion_escape.rs"]
mod escape;
#[path = "cases/completion_exit.rs"]
mod exit;
#[path = "support/flow.rs"]
mod flow;
#[path = "cases/completion_flush.rs"]
mod flush;
#[path = "cases/completion_fork.rs"]
mod forked;
#[path = "cases/completion_hidden.rs"]
mod hidden;
#[path = "cases/completion_limits.rs"]
mod limits;
#[path = "cases/completion_mode.rs"]
mod mode;
#[path = "cases/completion_peek.rs"]
mod peek;
#[path = "cases/completion_reset.rs"]
mod reset;
#[path = "cases/completion_ring.rs"]
mod ring;
#[path = "stack/ours.rs"]
mod stack;
mod support;
#[path = "cases/completion_unread.rs"]
mod unread;
#[path = "cases/completion_vectored.rs"]
mod vectored;
