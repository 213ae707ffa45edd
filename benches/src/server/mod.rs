//! The measured server: what runs in the child process, on either stack, by the same code.

mod per_core;
mod protocols;
mod unix;

use std::fmt::Display;
use std::io::{self, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use rustix::net::sockopt;
use rustix::process::{Signal, set_parent_process_death_signal};
use tokio::runtime::{self, Runtime};

use crate::Failure;
use crate::cells::{Flavour, Kind, Protocol, Service};
use crate::cli::{ServeOptions, StackName};
use crate::machine;
use crate::stack::{Integrated, Ours, Stack, Tokio};

const ANY_PORT: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// Room for a datagram of every port at once, with what the kernel keeps for each. A system's default
/// loses some; it gives as much of this as `net.core.rmem_max` allows, twice.
const UDP_RECEIVE_BYTES: usize = 256 * 1024;

/// Worker threads of a multi_thread server: one per CPU, but two at least, so that they do what two
/// threads do to each other.
pub(crate) fn workers(cpu_count: usize) -> usize {
    cpu_count.max(2)
}

/// Serves until the process is killed.
pub(crate) fn run(options: &ServeOptions) -> Result<(), Failure> {
    set_parent_process_death_signal(Some(Signal::KILL))?;
    machine::pin(&options.cpus)?;
    machine::raise_open_files_limit()?;
    match options.stack {
        StackName::Tokio => run_stack::<Tokio>(options),
        StackName::Ours => run_stack::<Ours>(options),
        StackName::Integrated => run_stack::<Integrated>(options),
    }
}

fn run_stack<S: Stack>(options: &ServeOptions) -> Result<(), Failure> {
    if options.flavour == Flavour::PerCore {
        let Kind::Tcp(protocol) = options.service.kind else {
            return Err("one runtime per core serves TCP alone".into());
        };
        return per_core::serve(protocol, options.service, &options.cpus);
    }
    let runtime = runtime(options.flavour, options.cpus.len())?;
    // Spawned, so that the accept loop runs where the connections run, on multi_thread too.
    Ok(runtime.block_on(runtime.spawn(serve::<S>(options.service)))??)
}

fn runtime(flavour: Flavour, cpu_count: usize) -> io::Result<Runtime> {
    match flavour {
        Flavour::CurrentThread | Flavour::PerCore => {
            runtime::Builder::new_current_thread().enable_all().build()
        }
        Flavour::MultiThread => runtime::Builder::new_multi_thread()
            .worker_threads(workers(cpu_count))
            .enable_all()
            .build(),
    }
}

async fn serve<S: Stack>(service: Service) -> io::Result<()> {
    match service.kind {
        Kind::Tcp(protocol) => {
            let listener = S::listen(ANY_PORT)?;
            announce(S::local_addr(&listener)?, &S::driver())?;
            accept_all::<S>(listener, protocol, service).await
        }
        Kind::Udp => S::echo_udp(&bind_udp::<S>().await?, service.buffer_bytes).await,
        Kind::UdpMany => S::echo_udp_many(&bind_udp::<S>().await?, service.buffer_bytes).await,
        Kind::Unix => unix::serve::<S>(service.buffer_bytes).await,
    }
}

async fn bind_udp<S: Stack>() -> io::Result<S::Udp> {
    let socket = S::bind_udp(ANY_PORT).await?;
    sockopt::set_socket_recv_buffer_size(&socket, UDP_RECEIVE_BYTES)?;
    announce(S::udp_addr(&socket)?, &S::driver())?;
    Ok(socket)
}

/// Prints the address and the driver in one line: what the harness waits for.
fn announce(address: impl Display, driver: &str) -> io::Result<()> {
    let mut out = io::stdout();
    writeln!(out, "{address} {driver}")?;
    out.flush()
}

/// Ends with an error only.
async fn accept_all<S: Stack>(
    listener: S::Listener,
    protocol: Protocol,
    service: Service,
) -> io::Result<()> {
    loop {
        let (stream, _peer) = S::accept(&listener).await?;
        S::set_nodelay(&stream)?;
        start::<S>(stream, protocol, service);
    }
}

/// Spawns one connection's task. One call per protocol, so that each task is as large as it must be.
fn start<S: Stack>(stream: S::Stream, protocol: Protocol, service: Service) {
    let Service {
        parts,
        buffer_bytes,
        ..
    } = service;
    match protocol {
        Protocol::Echo => tokio::spawn(protocols::echo(stream, buffer_bytes)),
        Protocol::Hyper => tokio::spawn(protocols::hyper_hello::<S>(stream)),
        Protocol::Writes => tokio::spawn(protocols::writes::<S>(stream, parts, buffer_bytes)),
        Protocol::Framed => tokio::spawn(protocols::framed::<S>(stream)),
        Protocol::StreamOut => tokio::spawn(protocols::stream_out::<S>(stream, buffer_bytes)),
        Protocol::Short => tokio::spawn(protocols::short::<S>(stream)),
    };
}
