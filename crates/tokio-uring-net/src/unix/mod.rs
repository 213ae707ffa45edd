//! Types of Unix sockets beside those at the root of the crate, and of pipes.

#[doc(no_inline)]
pub use tokio::net::unix::*;
