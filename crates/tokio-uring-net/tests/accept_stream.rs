//! A stream of connections answers each once, takes few ahead, and leaves the rest to others.
#![cfg(target_os = "linux")]

#[path = "stack/ours.rs"]
mod stack;
#[path = "cases/stream_of_connections.rs"]
mod stream;
mod support;
