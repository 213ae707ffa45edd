//! A CQE result becomes an [`OwnedFd`], exactly once.
#![expect(unsafe_code, reason = "a descriptor in a CQE is a bare number")]

use std::io;
use std::os::fd::{FromRawFd, OwnedFd};

use crate::completion::Cqe;
use crate::errno;

/// Adopts the descriptor that a CQE of an accept brought.
///
/// # Errors
/// The operation's own.
/// # Safety
/// `cqe` must be the CQE of an operation whose result is a new descriptor, and must be adopted
/// only this once.
pub(crate) unsafe fn adopt(cqe: Cqe) -> io::Result<OwnedFd> {
    errno::result(cqe.result)?;
    // SAFETY: `from_raw_fd` demands an open descriptor that nobody else owns. The result is not
    // negative, so it is the descriptor that the kernel installed for this operation; the caller
    // vouches that it is adopted once.
    Ok(unsafe { OwnedFd::from_raw_fd(cqe.result) })
}
