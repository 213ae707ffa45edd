//! The measured server: what runs in the child process, on either stack, by the same code.

mod protocols;

use std::io::{self, Write};
use std::net::{Ipv4Addr, SocketAddr};

use rustix::process::{Signal, set_parent_process_death_signal};
use tokio::runtime::{self, Runtime};

use crate::Failure;
use crate::cells::{Flavour, Kind, Service};
use crate::cli::{ServeOptions, StackName};
use crate::machine;
use crate::stack::{Ours, Stack, Tokio};

/// Worker threads of a multi_thread server.
pub(crate) const WORKERS: usize = 2;

/// Serves until the process is killed.
pub(crate) fn run(options: &ServeOptions) -> Result<(), Failure> {
    set_parent_process_death_signal(Some(Signal::KILL))?;
    machine::pin(&options.cpus)?;
    machine::raise_open_files_limit()?;
    let runtime = runtime(options.flavour)?;
    let service = options.service;
    // Spawned, so that the accept loop runs where the connections run, on multi_thread too.
    let served = match options.stack {
        StackName::Tokio => runtime.block_on(runtime.spawn(serve::<Tokio>(service))),
        StackName::Ours => runtime.block_on(runtime.spawn(serve::<Ours>(service))),
    };
    Ok(served??)
}

fn runtime(flavour: Flavour) -> io::Result<Runtime> {
    match flavour {
        Flavour::CurrentThread => runtime::Builder::new_current_thread().enable_all().build(),
        Flavour::MultiThread => runtime::Builder::new_multi_thread()
            .worker_threads(WORKERS)
            .enable_all()
            .build(),
    }
}

/// Prints the address and the driver in one line, then accepts for ever.
async fn serve<S: Stack>(service: Service) -> io::Result<()> {
    S::prepare()?;
    let any_port = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let listener = S::listen(any_port)?;
    let mut out = io::stdout();
    writeln!(out, "{} {}", S::local_addr(&listener)?, S::driver())?;
    out.flush()?;
    loop {
        let (stream, _peer) = S::accept(&listener).await?;
        S::set_nodelay(&stream)?;
        start::<S>(stream, service);
    }
}

/// Spawns one connection's task. One call per protocol, so that each task is as large as it must be.
fn start<S: Stack>(stream: S::Stream, service: Service) {
    let Service {
        kind,
        parts,
        buffer_bytes,
    } = service;
    match kind {
        Kind::Echo => tokio::spawn(protocols::echo::<S>(stream, buffer_bytes)),
        Kind::Hyper => tokio::spawn(protocols::hyper_hello::<S>(stream)),
        Kind::Writes => tokio::spawn(protocols::writes::<S>(stream, parts, buffer_bytes)),
        Kind::Framed => tokio::spawn(protocols::framed::<S>(stream)),
        Kind::StreamOut => tokio::spawn(protocols::stream_out::<S>(stream, buffer_bytes)),
        Kind::Short => tokio::spawn(protocols::short::<S>(stream)),
    };
}
