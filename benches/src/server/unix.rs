//! Unix connections: the echo of `protocols` on each.

use std::io;
use std::process;

use crate::server::{announce, protocols};
use crate::stack::Stack;

/// Ends with an error only.
pub(super) async fn serve<S: Stack>(buffer_bytes: usize) -> io::Result<()> {
    let name = format!("benches-{}", process::id());
    let listener = S::listen_unix(&name)?;
    announce(name, &S::driver())?;
    loop {
        let stream = S::accept_unix(&listener).await?;
        tokio::spawn(protocols::echo(stream, buffer_bytes));
    }
}
