//! The halves of a split [`TcpStream`](crate::TcpStream).

pub(crate) mod accept_stream;
pub(crate) mod buffered;
pub(crate) mod listener;
pub(crate) mod listener_stream;
mod owned;
pub(crate) mod socket;
mod split;
mod split_owned;
pub(crate) mod stream;

pub use self::split::{ReadHalf, WriteHalf};
pub use self::split_owned::{OwnedReadHalf, OwnedWriteHalf, ReuniteError};
