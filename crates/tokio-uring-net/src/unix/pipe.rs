//! Pipes: [`pipe`] makes one, [`OpenOptions`] opens the ends of a FIFO file.

mod checks;
mod open_options;
mod receiver;
mod sender;

pub use self::open_options::OpenOptions;
pub use self::receiver::Receiver;
pub use self::sender::Sender;

use std::io;

use ring_reactor::net::Origin;
use rustix::pipe::{PipeFlags, pipe_with};

/// Makes a pipe; answers its writing and its reading end.
///
/// A pipe to or from a child process comes from tokio's `process` module, with `Stdio::piped`.
///
/// # Errors
/// As pipe2(2).
///
/// # Panics
/// If called outside a tokio runtime, or in one whose I/O is not enabled.
///
/// # Examples
/// ```
/// use tokio::io::{AsyncReadExt, AsyncWriteExt};
/// use tokio_uring_net::unix::pipe;
///
/// # #[tokio::main]
/// # async fn main() -> std::io::Result<()> {
/// let (mut sender, mut receiver) = pipe::pipe()?;
/// sender.write_all(b"hello").await?;
/// drop(sender);
///
/// let mut received = String::new();
/// receiver.read_to_string(&mut received).await?;
/// assert_eq!(received, "hello");
/// # Ok(())
/// # }
/// ```
#[track_caller]
pub fn pipe() -> io::Result<(Sender, Receiver)> {
    let (reading, writing) = pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK)?;
    Ok((
        Sender::new(writing, Origin::Fresh)?,
        Receiver::new(reading, Origin::NotReady)?,
    ))
}
