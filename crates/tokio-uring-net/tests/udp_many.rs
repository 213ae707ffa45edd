//! Batches of datagrams, on both drivers and both flavours.
#![cfg(target_os = "linux")]

#[path = "stack/ours.rs"]
mod stack;
mod support;
#[path = "cases/udp_many.rs"]
mod udp_many;
