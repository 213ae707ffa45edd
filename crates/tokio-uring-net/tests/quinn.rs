//! quinn on this crate's UDP sockets, on both drivers and both flavours.
#![cfg(target_os = "linux")]

#[path = "cases/quinn_streams.rs"]
mod quinn_streams;
#[path = "stack/ours.rs"]
mod stack;
mod support;
