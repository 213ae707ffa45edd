//! SQEs under liburing's `prep_*` names, one family a file.
//!
//! Building an SQE touches nothing; pushing one is where the kernel gets hold of what it points to:
//! see [`Ring::push`](crate::ring::Ring::push).

mod cancel;
pub(crate) mod net;
pub(crate) mod poll;

pub use self::cancel::{prep_cancel_any, prep_cancel64};
pub use self::net::{
    prep_accept, prep_close, prep_connect, prep_multishot_accept, prep_recv_multishot,
};
pub use self::poll::{prep_poll_add, prep_poll_multishot};

use io_uring::squeue::{Entry, Flags};

use crate::token::Token;

/// A submission queue entry that is not queued yet.
#[derive(Clone, Debug)]
pub struct Sqe(pub(crate) Entry);

impl Sqe {
    /// Names the operation: liburing's `io_uring_sqe_set_data64(3)`.
    #[must_use]
    pub fn token(self, token: Token) -> Sqe {
        Sqe(self.0.user_data(token.user_data()))
    }

    /// Asks for no CQE when the operation succeeds: `IOSQE_CQE_SKIP_SUCCESS`, kernel 5.17.
    #[must_use]
    pub fn cqe_skip_success(self) -> Sqe {
        Sqe(self.0.flags(Flags::SKIP_SUCCESS))
    }
}
