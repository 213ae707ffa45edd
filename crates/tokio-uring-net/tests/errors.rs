//! An error is tokio's, at the call where tokio gives it.
#![cfg(target_os = "linux")]

#[path = "cases/error_accept.rs"]
mod accept;
#[path = "cases/error_beside_tokio.rs"]
mod beside_tokio;
#[path = "cases/error_kinds.rs"]
mod kinds;
#[path = "stack/ours.rs"]
mod stack;
mod support;
