//! What a server's accept loop does after an error.

use std::io::{self, ErrorKind};
use std::time::Duration;

use rustix::io::Errno;
use tokio::time::sleep;
use tracing::warn;

/// How long accepting rests when the process or the machine has run out of something.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Answers the next connection that `accept` accepts, whatever befalls others.
pub(crate) async fn accept_next<T, F>(accept: impl Fn() -> F) -> io::Result<T>
where
    F: Future<Output = io::Result<T>>,
{
    loop {
        match accept().await {
            Ok(accepted) => return Ok(accepted),
            Err(error) if is_final(&error) => return Err(error),
            Err(error) => {
                warn!(%error, "a connection could not be accepted");
                // A connection that its peer gave up concerns nobody else. What lasts a while, too
                // many open files first of all, leaves the connection in the kernel's queue, and
                // the next accept would fail at once.
                let concerns_one = matches!(
                    error.kind(),
                    ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset
                );
                if !concerns_one {
                    sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }
}

/// Whether every later accept would fail in the same way.
fn is_final(error: &io::Error) -> bool {
    // accept(2): the descriptor is none, is none of a socket, or of one that does not listen. An
    // error that is not the kernel's says that the runtime is gone.
    error.raw_os_error().is_none_or(|errno| {
        [Errno::BADF, Errno::INVAL, Errno::NOTSOCK]
            .map(Errno::raw_os_error)
            .contains(&errno)
    })
}
