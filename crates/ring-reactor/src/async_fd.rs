//! Registering descriptors with tokio's I/O driver.
#![expect(
    unsafe_code,
    reason = "tokio's AsyncFd::register_with_interest is an unsafe fn"
)]

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::Arc;

use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// What owns one descriptor for all its life.
pub(crate) trait OwnsFd: AsRawFd + sealed::Sealed {}

mod sealed {
    pub(crate) trait Sealed {}
}

impl sealed::Sealed for OwnedFd {}
impl OwnsFd for OwnedFd {}
impl sealed::Sealed for Arc<OwnedFd> {}
impl OwnsFd for Arc<OwnedFd> {}

/// Registers `fd` with the current runtime.
///
/// # Errors
/// Of epoll_ctl(2); that the runtime is shutting down.
/// # Panics
/// Outside a tokio runtime, or in one without `enable_io`.
#[track_caller]
pub(crate) fn register<T: OwnsFd>(fd: T, interest: Interest) -> io::Result<AsyncFd<T>> {
    // SAFETY: `register_with_interest` demands that `as_raw_fd` names one open descriptor for as
    // long as the `AsyncFd` lives. The two types of the sealed trait own their descriptor, give it
    // out by reference only, and close it in their drop.
    unsafe { AsyncFd::register_with_interest(fd, interest) }.map_err(io::Error::from)
}
