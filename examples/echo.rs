//! A TCP server that sends back what it receives: the two halves of a stream, joined by `tokio::io::copy`.
//!
//! `cargo run --release --example echo -- --listen 127.0.0.1:7007`

use std::io;
use std::net::SocketAddr;
use std::process::ExitCode;

use examples::{Failure, accept_failed, address, listen_failed, report};
use tokio::io::AsyncWriteExt as _;
use tokio_uring_net::{TcpListener, TcpStream};

const HELP: &str = "\
Sends every byte back to where it came from.

Usage: echo [--listen ADDR]

  --listen ADDR  IP address and port, 0 for any free port [127.0.0.1:7007]
  -h, --help     print this text

TOKIO_URING_NET=auto|epoll|uring chooses the driver.
";

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    report(run().await)
}

async fn run() -> Result<(), Failure> {
    let listen = parse_args()?;
    let listener = TcpListener::bind(listen)
        .await
        .map_err(|error| listen_failed("--listen", listen, &error))?;
    println!("listening on {}", listener.local_addr()?);
    println!("driver: {}", tokio_uring_net::driver());
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                tokio::spawn(async move {
                    if let Err(error) = echo(stream).await {
                        eprintln!("{peer}: {error}");
                    }
                });
            }
            Err(error) => accept_failed(&error).await,
        }
    }
}

fn parse_args() -> Result<SocketAddr, Failure> {
    use lexopt::prelude::*;

    let mut listen = SocketAddr::from(([127, 0, 0, 1], 7007));
    let mut parser = lexopt::Parser::from_env();
    while let Some(arg) = parser.next()? {
        match arg {
            Long("listen") => listen = address(&mut parser, "--listen")?,
            Long("help") | Short('h') => {
                print!("{HELP}");
                std::process::exit(0);
            }
            _ => return Err(arg.unexpected().into()),
        }
    }
    Ok(listen)
}

/// Copies until the peer has sent its last byte, then says so in turn.
async fn echo(mut stream: TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let (mut reader, mut writer) = stream.split();
    tokio::io::copy(&mut reader, &mut writer).await?;
    writer.shutdown().await
}
