//! The polls of one socket: what is armed in the ring for each direction.
//!
//! | state | what the kernel has | left by |
//! |---|---|---|
//! | `Idle` | nothing | a wait (`Queued`), the end of the socket (`Closed`) |
//! | `Queued` | nothing; a wish waits for the driver's turn | the turn (`InFlight`), the end (`Closed`, `Idle`) |
//! | `InFlight` | a multishot poll | its terminal CQE (`Idle`), the end (`Closed`), a new ring (`Queued`) |
//! | `Closed` | nothing, for ever | |
//!
//! A direction has a poll of its own, armed when somebody first waits for it. Most sockets never wait to
//! write. One poll for both would report, for each datagram and for each message of a Unix socket, that
//! there is room again: a wake-up of the driver for nobody.

use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

use ring_core::token::Token;

use crate::ready::{Bits, Direction};

/// What is armed in the ring for one direction of a socket. Written under the shard's lock alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Arm {
    /// Nothing.
    Idle,
    /// A poll waits for the driver's next turn; the kernel knows nothing yet.
    Queued,
    /// A poll has been pushed.
    InFlight(Token),
    /// The socket is gone: nothing is armed any more.
    Closed,
}

/// The arms of both directions.
#[derive(Debug, Default)]
pub(crate) struct Arms([Cell; 2]);

#[derive(Debug, Default)]
struct Cell {
    state: AtomicU8,
    token: AtomicU64,
}

const IDLE: u8 = 0;
const QUEUED: u8 = 1;
const IN_FLIGHT: u8 = 2;
const CLOSED: u8 = 3;

impl Arms {
    pub(crate) fn get(&self, direction: Direction) -> Arm {
        let cell = &self.0[direction.index()];
        // Acquire: pairs with the Release in `set`; a waiter that finds a poll in flight relies on the
        // waiter lock for the order, see `Source::poll_with`.
        match cell.state.load(Ordering::Acquire) {
            IDLE => Arm::Idle,
            QUEUED => Arm::Queued,
            IN_FLIGHT => Arm::InFlight(Token::from_user_data(cell.token.load(Ordering::Relaxed))),
            _ => Arm::Closed,
        }
    }

    /// For holders of the shard's lock.
    pub(crate) fn set(&self, direction: Direction, arm: Arm) {
        let cell = &self.0[direction.index()];
        let state = match arm {
            Arm::Idle => IDLE,
            Arm::Queued => QUEUED,
            Arm::InFlight(token) => {
                cell.token.store(token.user_data(), Ordering::Relaxed);
                IN_FLIGHT
            }
            Arm::Closed => CLOSED,
        };
        cell.state.store(state, Ordering::Release);
    }

    /// Whether every direction that can satisfy `wanted` is armed, or never will be again.
    pub(crate) fn cover(&self, wanted: Bits) -> bool {
        wanted
            .directions()
            .all(|direction| self.get(direction) != Arm::Idle)
    }
}

#[cfg(test)]
mod tests {
    use super::{Arm, Arms};
    use crate::ready::{Bits, Direction};
    use tokio::io::Interest;

    #[test]
    fn a_wait_is_covered_by_the_polls_of_its_directions() {
        let (read, write) = (Direction::Read.bits(), Direction::Write.bits());
        let error = Bits::of(Interest::ERROR);
        let arms = Arms::default();
        assert!(!arms.cover(read) && !arms.cover(write) && !arms.cover(error));
        arms.set(Direction::Read, Arm::Queued);
        assert!(arms.cover(read) && arms.cover(error));
        assert!(!arms.cover(write) && !arms.cover(Bits::ALL));
        arms.set(Direction::Write, Arm::Closed);
        assert!(arms.cover(write) && arms.cover(Bits::ALL));
    }
}
