//! The socket engine: one socket type over both drivers.

mod accept;
mod epoll;
mod socket;

pub use self::socket::{Origin, ReadyEvent, Socket};
pub use crate::ready::Direction;
