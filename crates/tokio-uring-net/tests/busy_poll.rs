//! Busy polling: the driver watches the ring before its runtime sleeps, and nobody else waits for
//! that.
#![cfg(target_os = "linux")]

#[path = "cases/busy_ends.rs"]
mod ends;
#[path = "cases/busy_others.rs"]
mod others;
#[path = "cases/busy_settings.rs"]
mod settings;
#[path = "stack/ours.rs"]
mod stack;
mod support;
#[path = "support/watch.rs"]
mod watch;
