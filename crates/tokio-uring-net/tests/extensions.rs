//! What streams have beyond `tokio::net`, in both modes.
#![cfg(target_os = "linux")]

#[path = "cases/ext_buffered.rs"]
mod buffered;
#[path = "support/pools.rs"]
mod pools;
#[path = "stack/ours.rs"]
mod stack;
mod support;
