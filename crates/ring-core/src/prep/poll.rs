//! `io_uring_prep_poll_add(3)` and its multishot form.

use std::os::fd::{AsRawFd, BorrowedFd, RawFd};

use io_uring::{opcode, types};

use super::Sqe;

/// Waits once until `fd` shows one of the poll(2) bits in `events`; the result is the bits seen.
///
/// `POLLERR` and `POLLHUP` are always waited for. Source: `io_uring_prep_poll_add(3)`, kernel 5.1.
#[must_use]
pub fn prep_poll_add(fd: BorrowedFd<'_>, events: u32) -> Sqe {
    Sqe(opcode::PollAdd::new(types::Fd(fd.as_raw_fd()), events).build())
}

/// Reports every change of `fd` in `events`, with one CQE each, until cancelled.
///
/// Level-triggered when it is armed and edge-triggered from then on. A CQE without
/// `IORING_CQE_F_MORE` is the last. Source: `io_uring_prep_poll_multishot(3)`, kernel 5.13.
#[must_use]
pub fn prep_poll_multishot(fd: BorrowedFd<'_>, events: u32) -> Sqe {
    poll_multishot(fd.as_raw_fd(), events)
}

/// [`prep_poll_multishot`] for a descriptor that is known by its number.
pub(crate) fn poll_multishot(fd: RawFd, events: u32) -> Sqe {
    Sqe(opcode::PollAdd::new(types::Fd(fd.as_raw_fd()), events)
        .multi(true)
        .build())
}
