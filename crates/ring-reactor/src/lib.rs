//! One io_uring reactor per tokio runtime.
#![forbid(unsafe_code)]

pub mod net;
mod ready;
mod status;

pub use crate::status::{Driver, Status, status};
