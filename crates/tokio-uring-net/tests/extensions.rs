//! What streams have beyond `tokio::net`, in both modes.
#![cfg(target_os = "linux")]

#[path = "cases/ext_buffered.rs"]
mod buffered;
#[path = "support/owned.rs"]
mod owned;
#[path = "support/pools.rs"]
mod pools;
#[path = "cases/ext_recv.rs"]
mod recv;
#[path = "stack/ours.rs"]
mod stack;
mod support;
#[path = "cases/ext_write.rs"]
mod write;
#[path = "cases/ext_write_ends.rs"]
mod write_ends;
