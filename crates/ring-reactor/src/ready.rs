//! Interest to readiness.
use tokio::io::{Interest, Ready};

/// Which half of a socket an operation waits on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Bytes, connections or the end of the stream.
    Read,
    /// Room in the send buffer.
    Write,
}

impl Direction {
    pub(crate) fn interest(self) -> Interest {
        match self {
            Direction::Read => Interest::READABLE,
            Direction::Write => Interest::WRITABLE,
        }
    }
}

/// The readiness that satisfies `interest`.
pub(crate) fn mask(interest: Interest) -> Ready {
    let mut ready = Ready::EMPTY;
    if interest.is_readable() {
        ready |= Ready::READABLE | Ready::READ_CLOSED;
    }
    if interest.is_writable() {
        ready |= Ready::WRITABLE | Ready::WRITE_CLOSED;
    }
    ready
}
