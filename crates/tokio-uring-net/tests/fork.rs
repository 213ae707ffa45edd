//! A forked child does not disturb its parent, and nothing is left open for an executed one.
#![cfg(target_os = "linux")]

#[path = "cases/fork_drop.rs"]
mod drop_inherited;
#[path = "cases/fork_exec.rs"]
mod exec;
#[path = "cases/fork_leave.rs"]
mod leave;
#[path = "stack/ours.rs"]
mod stack;
mod support;
