//! Types of Unix sockets beside those at the root of the crate, and of pipes.

pub(crate) mod datagram;
pub(crate) mod listener;
pub(crate) mod listener_stream;
pub mod pipe;
pub(crate) mod socket;
mod split;
mod split_owned;
pub(crate) mod stream;
mod ucred;

pub use self::split::{ReadHalf, WriteHalf};
pub use self::split_owned::{OwnedReadHalf, OwnedWriteHalf, ReuniteError};
pub use self::ucred::UCred;
// Plain data: with tokio's own types, addresses and ids fit those of every other crate.
#[doc(no_inline)]
pub use tokio::net::unix::{SocketAddr, gid_t, pid_t, uid_t};
