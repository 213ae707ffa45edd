//! Every way to run a runtime: from several threads, from outside, several at once, for a moment
//! only.
#![cfg(target_os = "linux")]

#[path = "cases/runtime_clock.rs"]
mod clock;
#[path = "cases/runtime_end.rs"]
mod end;
#[path = "cases/runtime_outside.rs"]
mod outside;
#[path = "cases/runtime_several.rs"]
mod several;
#[path = "stack/ours.rs"]
mod stack;
#[path = "cases/runtime_storm.rs"]
mod storm;
mod support;
#[path = "cases/runtime_threads.rs"]
mod threads;
