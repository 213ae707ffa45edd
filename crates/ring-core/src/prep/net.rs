//! `io_uring_prep_accept(3)` and its multishot form, `io_uring_prep_recv_multishot(3)`,
//! `io_uring_prep_connect(3)`, `io_uring_prep_close(3)`.

use std::os::fd::{AsRawFd, BorrowedFd, RawFd};

use io_uring::{opcode, types};
use libc::{sockaddr, socklen_t};

use super::Sqe;

/// Accepts one connection from the listening socket `fd`, as accept4(2) with `flags` does.
///
/// The kernel writes the peer's address to `address` and `address_bytes` when the operation
/// completes. Source: `io_uring_prep_accept(3)`, kernel 5.5.
#[must_use]
pub fn prep_accept(
    fd: BorrowedFd<'_>,
    address: *mut sockaddr,
    address_bytes: *mut socklen_t,
    flags: i32,
) -> Sqe {
    accept(fd.as_raw_fd(), address, address_bytes, flags)
}

/// [`prep_accept`] for a descriptor that is known by its number.
pub(crate) fn accept(
    fd: RawFd,
    address: *mut sockaddr,
    address_bytes: *mut socklen_t,
    flags: i32,
) -> Sqe {
    Sqe(opcode::Accept::new(types::Fd(fd), address, address_bytes)
        .flags(flags)
        .build())
}

/// Accepts every connection that comes to the listening socket `fd`, with one CQE each, until it is
/// cancelled; as accept4(2) with `flags` does, without the peer's address.
///
/// A CQE without `IORING_CQE_F_MORE` is the last. Source: `io_uring_prep_multishot_accept(3)`, kernel
/// 5.19.
#[must_use]
pub fn prep_multishot_accept(fd: BorrowedFd<'_>, flags: i32) -> Sqe {
    multishot_accept(fd.as_raw_fd(), flags)
}

/// [`prep_multishot_accept`] for a descriptor that is known by its number.
pub(crate) fn multishot_accept(fd: RawFd, flags: i32) -> Sqe {
    Sqe(opcode::AcceptMulti::new(types::Fd(fd)).flags(flags).build())
}

/// Receives from the socket `fd`, as recv(2) with `flags` does, again and again: each CQE is one receive, into
/// a buffer that the kernel takes from the group `group`. The CQE's flags name it.
///
/// A CQE without `IORING_CQE_F_MORE` is the last: the end of the stream, an error, or `ENOBUFS` when the group
/// has no buffer left. Source: `io_uring_prep_recv_multishot(3)`, kernel 6.0.
#[must_use]
pub fn prep_recv_multishot(fd: BorrowedFd<'_>, group: u16, flags: i32) -> Sqe {
    recv_multishot(fd.as_raw_fd(), group, flags)
}

/// [`prep_recv_multishot`] for a descriptor that is known by its number.
pub(crate) fn recv_multishot(fd: RawFd, group: u16, flags: i32) -> Sqe {
    Sqe(opcode::RecvMulti::new(types::Fd(fd), group)
        .flags(flags)
        .build())
}

/// Connects the socket `fd`, as connect(2) does; the result is 0.
///
/// The kernel reads `address` when the SQE is submitted. Source: `io_uring_prep_connect(3)`,
/// kernel 5.5.
#[must_use]
pub fn prep_connect(fd: BorrowedFd<'_>, address: *const sockaddr, address_bytes: socklen_t) -> Sqe {
    Sqe(opcode::Connect::new(types::Fd(fd.as_raw_fd()), address, address_bytes).build())
}

/// Closes the descriptor `fd`, as close(2) does; the result is 0.
///
/// Source: `io_uring_prep_close(3)`, kernel 5.6.
#[must_use]
pub fn prep_close(fd: RawFd) -> Sqe {
    Sqe(opcode::Close::new(types::Fd(fd)).build())
}
