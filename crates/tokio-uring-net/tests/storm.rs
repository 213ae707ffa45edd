//! A hundred thousand operations dropped at random instants: nothing hangs, and everything returns.
#![cfg(target_os = "linux")]

#[path = "cases/storm_listeners.rs"]
mod listeners;
#[path = "stack/ours.rs"]
mod stack;
#[path = "cases/storm_streams.rs"]
mod streams;
mod support;
#[path = "cases/storm_weather.rs"]
mod weather;
#[path = "cases/storm_worker.rs"]
mod worker;
