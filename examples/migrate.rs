//! A service in the middle of its migration: half of its sockets are still `tokio::net`'s, in the same runtime.
//!
//! Three things make this possible. Handlers that are generic over tokio's traits need no change at all (`shout`).
//! Both kinds of listener run in one runtime. And where a crate takes tokio's concrete type (`greet` stands for one),
//! `TryFrom` converts the stream for that call and back, in either direction, without touching the connection.
//!
//! `cargo run --release --example migrate -- --listen 127.0.0.1:7001 --listen-tokio 127.0.0.1:7002`

use std::io;
use std::net::SocketAddr;
use std::process::ExitCode;

use examples::{Failure, accept_failed, address, listen_failed, report};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio_uring_net::{TcpListener, TcpStream};

const HELP: &str = "\
Answers in capitals, on two ports: one already migrated, one not yet.

Usage: migrate [--listen ADDR] [--listen-tokio ADDR]

  --listen ADDR        for tokio_uring_net's listener [127.0.0.1:7001]
  --listen-tokio ADDR  for tokio::net's listener [127.0.0.1:7002]
  -h, --help           print this text

An ADDR is an IP address and a port, 0 for any free port.
TOKIO_URING_NET=auto|epoll|uring chooses the driver of the migrated half.
";

struct Args {
    listen: SocketAddr,
    listen_tokio: SocketAddr,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    report(run().await)
}

async fn run() -> Result<(), Failure> {
    let Args {
        listen,
        listen_tokio,
    } = parse_args()?;
    let migrated = TcpListener::bind(listen)
        .await
        .map_err(|error| listen_failed("--listen", listen, &error))?;
    let not_yet = tokio::net::TcpListener::bind(listen_tokio)
        .await
        .map_err(|error| listen_failed("--listen-tokio", listen_tokio, &error))?;
    println!(
        "listening on {} with tokio_uring_net",
        migrated.local_addr()?
    );
    println!(
        "listening on {} with tokio::net, on tokio's epoll",
        not_yet.local_addr()?
    );
    println!("driver: {}", tokio_uring_net::driver());
    loop {
        let accepted = tokio::select! {
            accepted = migrated.accept() => accepted.map(|(stream, peer)| spawn(peer, serve_migrated(stream))),
            accepted = not_yet.accept() => accepted.map(|(stream, peer)| spawn(peer, serve_not_yet(stream))),
        };
        if let Err(error) = accepted {
            accept_failed(&error).await;
        }
    }
}

fn parse_args() -> Result<Args, Failure> {
    use lexopt::prelude::*;

    let mut args = Args {
        listen: SocketAddr::from(([127, 0, 0, 1], 7001)),
        listen_tokio: SocketAddr::from(([127, 0, 0, 1], 7002)),
    };
    let mut parser = lexopt::Parser::from_env();
    while let Some(arg) = parser.next()? {
        match arg {
            Long("listen") => args.listen = address(&mut parser, "--listen")?,
            Long("listen-tokio") => args.listen_tokio = address(&mut parser, "--listen-tokio")?,
            Long("help") | Short('h') => {
                print!("{HELP}");
                std::process::exit(0);
            }
            _ => return Err(arg.unexpected().into()),
        }
    }
    Ok(args)
}

fn spawn(peer: SocketAddr, connection: impl Future<Output = io::Result<()>> + Send + 'static) {
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            eprintln!("{peer}: {error}");
        }
    });
}

/// The new half: the greeting's crate still wants tokio's type, so the stream becomes one for that call.
async fn serve_migrated(stream: TcpStream) -> io::Result<()> {
    let mut borrowed = tokio::net::TcpStream::try_from(stream)?;
    greet(&mut borrowed, "tokio_uring_net").await?;
    shout(TcpStream::try_from(borrowed)?).await
}

/// The old half, as it was before the migration began.
async fn serve_not_yet(mut stream: tokio::net::TcpStream) -> io::Result<()> {
    greet(&mut stream, "tokio::net").await?;
    shout(stream).await
}

/// Stands for a crate that nobody has migrated: its signature names tokio's concrete type.
async fn greet(stream: &mut tokio::net::TcpStream, accepted_by: &str) -> io::Result<()> {
    stream
        .write_all(format!("accepted by {accepted_by}\n").as_bytes())
        .await
}

/// The service itself: generic over tokio's traits, so that it serves both kinds of stream unchanged.
async fn shout(mut stream: impl AsyncRead + AsyncWrite + Unpin) -> io::Result<()> {
    let mut buffer = [0; 4096];
    loop {
        let count = stream.read(&mut buffer).await?;
        if count == 0 {
            return stream.shutdown().await;
        }
        let bytes = &mut buffer[..count];
        bytes.make_ascii_uppercase();
        stream.write_all(bytes).await?;
    }
}
