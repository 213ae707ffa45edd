//! A dropped stream delivers what was written to it, and its peer hears of the end at once.
#![cfg(target_os = "linux")]

#[path = "cases/drop_delivery.rs"]
mod delivery;
#[path = "cases/drop_exit.rs"]
mod exit;
#[path = "cases/drop_foreign.rs"]
mod foreign;
#[path = "cases/drop_reset.rs"]
mod reset;
#[path = "cases/drop_shared.rs"]
mod shared;
#[path = "stack/ours.rs"]
mod stack;
mod support;
