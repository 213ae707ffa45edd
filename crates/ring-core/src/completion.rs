//! One completion queue entry, copied out of the ring.

use crate::token::Token;

/// `IORING_CQE_F_MORE`: the operation goes on.
const F_MORE: u32 = 1 << 1;
/// `IORING_CQE_F_BUFFER`: the upper half of the flags is the number of a buffer.
const F_BUFFER: u32 = 1;
/// `IORING_CQE_BUFFER_SHIFT`.
const BUFFER_SHIFT: u32 = 16;

/// A copied CQE: see `io_uring_cqe_get_data(3)` and io_uring(7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cqe {
    /// The token of the operation, its `user_data`.
    pub token: Token,
    /// The result: an operation's value, or a negated errno. [`crate::errno`] decodes it.
    pub result: i32,
    /// `IORING_CQE_F_*`.
    pub flags: u32,
}

impl Cqe {
    /// Whether this is the operation's last CQE: after it the kernel touches nothing of the operation.
    #[must_use]
    pub fn is_terminal(self) -> bool {
        self.flags & F_MORE == 0
    }

    /// The buffer that the kernel has taken from the operation's group, if it took one.
    #[must_use]
    pub fn buffer(self) -> Option<u16> {
        (self.flags & F_BUFFER != 0).then_some((self.flags >> BUFFER_SHIFT) as u16)
    }
}
