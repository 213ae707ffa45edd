//! Memory of idle connections: the server's resident set before and after, per connection.

use std::fmt;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

use rustix::net::{AddressFamily, SocketType};

use crate::Failure;
use crate::cells::{Kind, Protocol, Service};
use crate::child::{Server, ServerSpec};
use crate::cli::IdleOptions;
use crate::machine::{self, Machine};
use crate::stats::Spread;
use crate::variant::Variant;

/// Connections from one source address: fewer than the ports that Linux hands out by default.
const CONNECTIONS_PER_ADDRESS: usize = 20_000;
/// Descriptors that this process has open besides its connections, generously.
const OTHER_DESCRIPTORS: u64 = 64;

pub(crate) fn run(options: &IdleOptions) -> Result<(), Failure> {
    let machine = Machine::inspect();
    machine::pin(&[options.placement.load_cpu])?;
    let wanted = u64::try_from(options.connections)? + OTHER_DESCRIPTORS;
    let allowed = machine::raise_open_files_limit()?;
    if wanted > allowed {
        return Err(format!(
            "{wanted} open files are needed, {allowed} are allowed: raise `ulimit -Hn`"
        )
        .into());
    }
    println!(
        "{}, {}, commit {}; {} idle connections, buffer {} bytes, {}",
        machine.date,
        machine.kernel,
        machine.commit,
        options.connections,
        options.buffer_bytes,
        options.flavour.name()
    );
    let (mut differences, mut noise) = (Vec::new(), Vec::new());
    for round in 1..=options.rounds {
        let tokio = measure(options, Variant::Tokio)?;
        let ours = measure(options, Variant::Ours)?;
        let again = measure(options, Variant::TokioAgain)?;
        println!("round {round}: tokio {tokio}; ours {ours}; tokio again {again}");
        differences.push(ours.per_connection - tokio.per_connection);
        noise.push(again.per_connection - tokio.per_connection);
    }
    if let (Some(difference), Some(noise)) = (Spread::of(&differences), Spread::of(&noise)) {
        println!("ours minus tokio: {}", signed(&difference));
        println!("tokio again minus tokio: {}", signed(&noise));
    }
    Ok(())
}

fn signed(spread: &Spread) -> String {
    format!(
        "median {:+.0} ({:+.0}..{:+.0}) bytes per connection",
        spread.median, spread.least, spread.most
    )
}

/// Resident bytes of one server.
struct Resident {
    /// With one connection: what the process costs anyway.
    start: f64,
    /// What each further connection adds.
    per_connection: f64,
}

impl fmt::Display for Resident {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:.0} bytes each after {:.0} KiB",
            self.per_connection,
            self.start / 1024.0
        )
    }
}

fn measure(options: &IdleOptions, variant: Variant) -> Result<Resident, Failure> {
    let server = Server::start(&ServerSpec {
        service: Service {
            kind: Kind::Tcp(Protocol::Echo),
            parts: 1,
            // A read needs room for one byte.
            buffer_bytes: options.buffer_bytes.max(1),
        },
        flavour: options.flavour,
        variant,
        cpus: &options.placement.server_cpus,
    })?;
    // The first connection pays for what the process makes once: a reactor, thread-local state.
    let address = server.address().parse()?;
    let first = connect_and_exchange(0, address)?;
    let before = server.resident_bytes()?;
    let mut connections = vec![first];
    for index in 1..=options.connections {
        connections.push(connect_and_exchange(index, address)?);
    }
    let after = server.resident_bytes()?;
    Ok(Resident {
        start: as_f64(before),
        per_connection: (as_f64(after) - as_f64(before)) / as_f64(options.connections),
    })
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a process holds far fewer than 2^52 bytes"
)]
fn as_f64(bytes: usize) -> f64 {
    bytes as f64
}

/// One byte there and back: when it returns, the server has accepted and used the connection.
fn connect_and_exchange(index: usize, server: SocketAddr) -> Result<TcpStream, Failure> {
    let last_octet = u8::try_from(1 + index / CONNECTIONS_PER_ADDRESS)?;
    let source = SocketAddr::from((Ipv4Addr::new(127, 0, 0, last_octet), 0));
    let socket = rustix::net::socket(AddressFamily::INET, SocketType::STREAM, None)?;
    rustix::net::bind(&socket, &source)?;
    rustix::net::connect(&socket, &server)?;
    rustix::net::sockopt::set_socket_linger(&socket, Some(Duration::ZERO))?;
    let mut connection = TcpStream::from(socket);
    let mut byte = [7];
    connection.write_all(&byte)?;
    connection.read_exact(&mut byte)?;
    Ok(connection)
}
