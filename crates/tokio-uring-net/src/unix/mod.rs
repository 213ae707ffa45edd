//! Types of Unix sockets beside those at the root of the crate, and of pipes.

pub(crate) mod datagram;
pub mod pipe;

#[doc(no_inline)]
pub use tokio::net::unix::{
    OwnedReadHalf, OwnedWriteHalf, ReadHalf, ReuniteError, SocketAddr, UCred, WriteHalf, gid_t,
    pid_t, uid_t,
};
