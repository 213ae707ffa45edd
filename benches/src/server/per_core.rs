//! One current_thread runtime per CPU, all on one port: the kernel spreads the connections.

use std::io;
use std::sync::Barrier;

use tokio_uring_net::per_core::PerCore;

use crate::Failure;
use crate::cells::{Protocol, Service};
use crate::stack::Ours;

/// Serves until one of the cores fails.
pub(super) fn serve(protocol: Protocol, service: Service, cpus: &[usize]) -> Result<(), Failure> {
    // A port is announced when all listen on it: the kernel gives nothing to those that come later.
    let all_listen = Barrier::new(cpus.len());
    let served = PerCore::new()
        .cpus(cpus.iter().copied())
        .run(async |core| -> io::Result<()> {
            let listener = core.listen(super::ANY_PORT)?;
            if all_listen.wait().is_leader() {
                super::announce(
                    listener.local_addr()?,
                    &tokio_uring_net::driver().to_string(),
                )?;
            }
            super::accept_all::<Ours>(listener, protocol, service).await
        })?;
    Ok(served.into_iter().collect::<io::Result<()>>()?)
}
