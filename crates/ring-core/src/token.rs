//! `user_data` as a checked name: slot index and generation.

use crate::limits::TOKEN_INDEX_BITS;

/// The name of one operation in its slab, and the `user_data` of its SQE and CQEs.
///
/// The lower half is the slot's index, the upper half the slot's generation, which changes each
/// time the slot is reused: a CQE that comes late can never be taken for the next operation's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Token(u64);

impl Token {
    /// The token of SQEs whose completion nobody waits for, such as a cancel.
    pub const DETACHED: Token = Token(u64::MAX);

    /// A token for the slot at `index` in its `generation`.
    #[must_use]
    pub const fn new(index: u32, generation: u32) -> Token {
        Token((generation as u64) << TOKEN_INDEX_BITS | index as u64)
    }

    /// The token that a CQE brought back.
    #[must_use]
    pub const fn from_user_data(user_data: u64) -> Token {
        Token(user_data)
    }

    /// The value to put into an SQE.
    #[must_use]
    pub const fn user_data(self) -> u64 {
        self.0
    }

    /// The slot's position in the slab.
    #[must_use]
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the lower half is the index by construction"
    )]
    pub const fn index(self) -> u32 {
        self.0 as u32
    }

    /// The slot's generation when the operation was pushed.
    #[must_use]
    pub const fn generation(self) -> u32 {
        (self.0 >> TOKEN_INDEX_BITS) as u32
    }
}

#[cfg(test)]
mod tests {
    use super::Token;

    #[test]
    fn both_halves_survive_the_round_trip_through_user_data() {
        for (index, generation) in [
            (0, 0),
            (1, 2),
            (u32::MAX, 0),
            (0, u32::MAX),
            (7, u32::MAX - 1),
        ] {
            let token = Token::from_user_data(Token::new(index, generation).user_data());
            assert_eq!((token.index(), token.generation()), (index, generation));
        }
    }
}
