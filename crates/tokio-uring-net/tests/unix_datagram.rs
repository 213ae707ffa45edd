//! Datagrams over Unix sockets: none is lost or sent by a cancelled call, and what tokio's own tests
//! leave out.
#![cfg(target_os = "linux")]

#[path = "cases/udgram_cancel.rs"]
mod cancel;
#[path = "cases/udgram_data.rs"]
mod data;
#[path = "cases/udgram_leave.rs"]
mod leave;
#[path = "stack/ours.rs"]
mod stack;
mod support;
#[path = "cases/udgram_wait.rs"]
mod wait;
