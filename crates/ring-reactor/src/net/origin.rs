//! What may be assumed of a socket when it is taken in.

use crate::ready::{Bits, ReadyState};

/// Where a socket's descriptor came from: what may be assumed of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Fresh from accept(2): taken to be ready both ways, as tokio does; nobody else holds it.
    Accepted,
    /// Made here and connecting: whether it is through is asked in the first poll; nobody else holds it.
    Connecting,
    /// Made here, and nothing has been sent by it yet: there is room to write. What comes is told by the
    /// driver, as in tokio, where the first read waits for it. Nobody else holds it.
    Fresh,
    /// The same, for one of a pair, which tokio too takes to be ready to be written to.
    Paired,
    /// Made here: ready when the driver says so, and not before; nobody else holds it.
    NotReady,
    /// Listening: the first accept tries accept4(2) at once.
    Listening,
    /// From outside: it may be duplicated, and nothing is known of its readiness.
    Foreign,
}

impl Origin {
    /// What a ring's socket starts with. What is unknown is asked of the kernel when it matters.
    pub(super) fn ready_in_ring(self) -> ReadyState {
        match self {
            Origin::Accepted => ReadyState::assumed(Bits::BOTH),
            Origin::Listening => ReadyState::assumed(Bits::READABLE),
            Origin::Fresh | Origin::Paired => ReadyState::assumed(Bits::WRITABLE),
            Origin::NotReady => ReadyState::assumed(Bits::NONE),
            Origin::Connecting | Origin::Foreign => ReadyState::unverified(),
        }
    }

    /// What is taken for granted until tokio's epoll has reported.
    pub(super) fn ready_in_epoll(self) -> Bits {
        match self {
            Origin::Accepted => Bits::BOTH,
            Origin::Paired => Bits::WRITABLE,
            Origin::Connecting
            | Origin::Fresh
            | Origin::NotReady
            | Origin::Listening
            | Origin::Foreign => Bits::NONE,
        }
    }

    /// Whether someone else may hold the socket too.
    pub(super) fn is_shared(self) -> bool {
        match self {
            Origin::Foreign | Origin::Listening => true,
            Origin::Accepted
            | Origin::Connecting
            | Origin::Fresh
            | Origin::Paired
            | Origin::NotReady => false,
        }
    }
}
