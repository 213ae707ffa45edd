//! QUIC by quinn on `tokio_uring_net`'s UDP sockets: a server and a client in one program.
//!
//! What differs from quinn on tokio is the runtime that the endpoints are given.
//!
//! `cargo run --release --example quic -- --mib 64`

use std::error::Error;
use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use examples::{Failure, address, report};
use quinn::rustls::RootCertStore;
use quinn::rustls::pki_types::PrivatePkcs8KeyDer;
use quinn::{ClientConfig, Endpoint, EndpointConfig, ServerConfig};
use tokio_uring_net::quinn::TokioRuntime;

const HELP: &str = "\
Sends data over QUIC from a server to a client, and says how fast.

Usage: quic [--listen ADDR] [--mib N]

  --listen ADDR  where the server listens [127.0.0.1:0]
  --mib N        how many MiB the client asks for [16]
  -h, --help     print this text

An ADDR is an IP address and a port, 0 for any free port.
TOKIO_URING_NET=auto|epoll|uring chooses the driver.
";

const MIB: &[u8] = &[7; 1 << 20];

struct Args {
    listen: SocketAddr,
    mib: usize,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    report(run().await)
}

async fn run() -> Result<(), Failure> {
    let Args { listen, mib } = parse_args()?;
    let (server, client) = configs().map_err(|error| Failure::Run(error.to_string()))?;
    let server = endpoint(listen, Some(server))
        .map_err(|error| Failure::Run(format!("--listen {listen}: {error}")))?;
    let addr = server.local_addr()?;
    println!("listening on {addr}");
    println!("driver: {}", tokio_uring_net::driver());
    let serving =
        tokio::spawn(async move { serve(&server).await.map_err(|error| error.to_string()) });

    let any = SocketAddr::new(addr.ip(), 0);
    let mut endpoint = endpoint(any, None)?;
    endpoint.set_default_client_config(client);
    let start = Instant::now();
    let bytes = fetch(&endpoint, addr, mib)
        .await
        .map_err(|error| Failure::Run(error.to_string()))?;
    println!("received {bytes} bytes in {:?}", start.elapsed());
    endpoint.wait_idle().await;
    let served = serving.await.map_err(|error| error.to_string());
    served.and_then(|served| served).map_err(Failure::Run)
}

/// An endpoint whose socket is `tokio_uring_net`'s.
fn endpoint(listen: SocketAddr, server: Option<ServerConfig>) -> io::Result<Endpoint> {
    let socket = UdpSocket::bind(listen)?;
    Endpoint::new(
        EndpointConfig::default(),
        server,
        socket,
        Arc::new(TokioRuntime),
    )
}

/// Serves one client: a request is the number of MiB it wants.
async fn serve(endpoint: &Endpoint) -> Result<(), Box<dyn Error>> {
    let Some(incoming) = endpoint.accept().await else {
        return Ok(());
    };
    let connection = incoming.await?;
    let (mut send, mut recv) = connection.accept_bi().await?;
    let mut request = [0; 8];
    recv.read_exact(&mut request).await?;
    let mib = usize::try_from(u64::from_le_bytes(request))?;
    for _ in 0..mib {
        send.write_all(MIB).await?;
    }
    send.finish()?;
    connection.closed().await;
    endpoint.wait_idle().await;
    Ok(())
}

/// Asks for `mib` MiB and counts the bytes that come.
async fn fetch(endpoint: &Endpoint, addr: SocketAddr, mib: usize) -> Result<usize, Box<dyn Error>> {
    let connection = endpoint.connect(addr, "localhost")?.await?;
    let (mut send, mut recv) = connection.open_bi().await?;
    send.write_all(&u64::try_from(mib)?.to_le_bytes()).await?;
    send.finish()?;
    let mut bytes = 0;
    while let Some(chunk) = recv.read_chunk(usize::MAX, true).await? {
        bytes += chunk.bytes.len();
    }
    connection.close(0_u32.into(), b"done");
    Ok(bytes)
}

/// A certificate made for this run, and a client that trusts it.
fn configs() -> Result<(ServerConfig, ClientConfig), Box<dyn Error>> {
    let identity = rcgen::generate_simple_self_signed(["localhost".to_owned()])?;
    let certificate = identity.cert.der().clone();
    let key = PrivatePkcs8KeyDer::from(identity.signing_key.serialize_der());
    let server = ServerConfig::with_single_cert(vec![certificate.clone()], key.into())?;
    let mut roots = RootCertStore::empty();
    roots.add(certificate)?;
    let client = ClientConfig::with_root_certificates(Arc::new(roots))?;
    Ok((server, client))
}

fn parse_args() -> Result<Args, Failure> {
    use lexopt::prelude::*;

    let mut args = Args {
        listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        mib: 16,
    };
    let mut parser = lexopt::Parser::from_env();
    while let Some(arg) = parser.next()? {
        match arg {
            Long("listen") => args.listen = address(&mut parser, "--listen")?,
            Long("mib") => args.mib = parser.value()?.parse()?,
            Long("help") | Short('h') => {
                print!("{HELP}");
                std::process::exit(0);
            }
            _ => return Err(arg.unexpected().into()),
        }
    }
    Ok(args)
}
