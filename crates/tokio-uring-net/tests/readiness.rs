//! Readiness: when it is there, what clears it, what never does, and who hears of it.
#![cfg(target_os = "linux")]

#[path = "cases/readiness_beside.rs"]
mod beside;
#[path = "cases/readiness_halves.rs"]
mod halves;
#[path = "stack/ours.rs"]
mod stack;
#[path = "cases/readiness_states.rs"]
mod states;
mod support;
#[path = "cases/readiness_urgent.rs"]
mod urgent;
#[path = "cases/readiness_waiters.rs"]
mod waiters;
#[path = "cases/readiness_zero.rs"]
mod zero;
