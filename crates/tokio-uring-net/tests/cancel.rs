//! A cancelled operation loses, repeats and reorders nothing, whenever its completion arrives.
#![cfg(target_os = "linux")]

#[path = "cases/cancel_accept.rs"]
mod accept;
#[path = "cases/cancel_connect.rs"]
mod connect;
#[path = "cases/cancel_duplex.rs"]
mod duplex;
#[path = "cases/cancel_read.rs"]
mod read;
#[path = "stack/ours.rs"]
mod stack;
mod support;
#[path = "cases/cancel_write.rs"]
mod write;
