//! `io_uring_prep_cancel(3)`: the result is 0 or a count, `ENOENT` if nothing was found, `EALREADY`
//! if it was too late and the operation's own CQE is on its way.

use io_uring::{opcode, types::CancelBuilder};

use super::Sqe;
use crate::token::Token;

/// Cancels the operation with this token.
///
/// Source: `io_uring_prep_cancel64(3)`, kernel 5.5.
#[must_use]
pub fn prep_cancel64(token: Token) -> Sqe {
    Sqe(opcode::AsyncCancel::new(token.user_data()).build())
}

/// Cancels every operation of the ring; the result is how many were found.
///
/// Source: `io_uring_prep_cancel(3)` with `IORING_ASYNC_CANCEL_ANY`, kernel 5.19.
#[must_use]
pub fn prep_cancel_any() -> Sqe {
    Sqe(opcode::AsyncCancel2::new(CancelBuilder::any()).build())
}
