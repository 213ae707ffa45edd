//! A socket's descriptor, lent to the reactor, which sends what the socket's queue holds.
#![expect(
    unsafe_code,
    reason = "the owner's promise to take the descriptor back replaces a lifetime"
)]

use std::os::fd::{AsRawFd, BorrowedFd, RawFd};

/// A descriptor that its owner has not taken back yet.
#[derive(Debug)]
pub(crate) struct LentFd(Option<RawFd>);

impl LentFd {
    /// Lends `fd`.
    ///
    /// # Safety
    /// The descriptor must stay open until [`LentFd::take_back`] has been called.
    pub(crate) unsafe fn new(fd: BorrowedFd<'_>) -> LentFd {
        LentFd(Some(fd.as_raw_fd()))
    }

    /// The descriptor, while it is lent.
    pub(crate) fn get(&self) -> Option<BorrowedFd<'_>> {
        // SAFETY: `borrow_raw` demands a descriptor that stays open as long as the answer lives. It
        // is open until `take_back` (contract of `new`), which needs this value for itself alone
        // and so cannot be called while the answer borrows it.
        self.0.map(|fd| unsafe { BorrowedFd::borrow_raw(fd) })
    }

    /// Ends the loan: the owner may close the descriptor.
    pub(crate) fn take_back(&mut self) {
        self.0 = None;
    }
}
