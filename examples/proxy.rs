//! A TCP proxy: each connection is joined to one of its own upstream by `tokio::io::copy_bidirectional`.
//!
//! `cargo run --release --example proxy -- --listen 127.0.0.1:8081 --to 127.0.0.1:8080`

use std::io;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;

use examples::{Failure, accept_failed, address, listen_failed, report};
use tokio_uring_net::{TcpListener, TcpStream};

const HELP: &str = "\
Passes every connection on to another TCP service.

Usage: proxy [--listen ADDR] --to HOST:PORT

  --listen ADDR   IP address and port, 0 for any free port [127.0.0.1:8081]
  --to HOST:PORT  the service that answers: a host name or an IP address
  -h, --help      print this text

TOKIO_URING_NET=auto|epoll|uring chooses the driver.
";

struct Args {
    listen: SocketAddr,
    to: Arc<str>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    report(run().await)
}

async fn run() -> Result<(), Failure> {
    let Args { listen, to } = parse_args()?;
    let listener = TcpListener::bind(listen)
        .await
        .map_err(|error| listen_failed("--listen", listen, &error))?;
    println!("listening on {}", listener.local_addr()?);
    println!("driver: {}", tokio_uring_net::driver());
    loop {
        match listener.accept().await {
            Ok((client, peer)) => {
                let to = Arc::clone(&to);
                tokio::spawn(async move {
                    if let Err(error) = relay(client, &to).await {
                        eprintln!("{peer}: {error}");
                    }
                });
            }
            Err(error) => accept_failed(&error).await,
        }
    }
}

fn parse_args() -> Result<Args, Failure> {
    use lexopt::prelude::*;

    let mut listen = SocketAddr::from(([127, 0, 0, 1], 8081));
    let mut to = None;
    let mut parser = lexopt::Parser::from_env();
    while let Some(arg) = parser.next()? {
        match arg {
            Long("listen") => listen = address(&mut parser, "--listen")?,
            Long("to") => to = Some(host_and_port(parser.value()?.string()?)?),
            Long("help") | Short('h') => {
                print!("{HELP}");
                std::process::exit(0);
            }
            _ => return Err(arg.unexpected().into()),
        }
    }
    let to =
        to.ok_or_else(|| Failure::Usage("say where connections go with --to HOST:PORT".into()))?;
    Ok(Args { listen, to })
}

fn host_and_port(value: String) -> Result<Arc<str>, Failure> {
    match value.rsplit_once(':') {
        Some((host, port)) if !host.is_empty() && port.parse::<u16>().is_ok() => Ok(value.into()),
        _ => Err(Failure::Usage(format!(
            "--to wants a host and a port, such as 127.0.0.1:8080, not {value:?}"
        ))),
    }
}

/// Carries bytes both ways until both sides have sent their last one.
async fn relay(mut client: TcpStream, to: &str) -> io::Result<()> {
    let mut upstream = TcpStream::connect(to).await.map_err(|error| {
        let advice = "start that service, or name another one with --to";
        io::Error::new(
            error.kind(),
            format!("cannot reach {to}: {error}; {advice}"),
        )
    })?;
    client.set_nodelay(true)?;
    upstream.set_nodelay(true)?;
    tokio::io::copy_bidirectional(&mut client, &mut upstream).await?;
    Ok(())
}
