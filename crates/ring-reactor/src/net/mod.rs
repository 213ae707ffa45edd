//! The socket engine.
mod socket;
pub use self::socket::{Origin, ReadyEvent, Socket};
pub use crate::ready::Direction;
