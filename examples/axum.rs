//! An axum service on io_uring: the listener is the one line that differs from axum's own example.
//!
//! `cargo run --release --example axum -- --listen 127.0.0.1:8080`

use std::net::SocketAddr;
use std::process::ExitCode;

use axum::Router;
use axum::extract::ConnectInfo;
use axum::routing::{get, post};
use axum::serve::ListenerExt;
use bytes::Bytes;
use examples::{Failure, StopSignals, address, listen_failed, report};
use tokio_uring_net::{Mode, TcpListener};

const HELP: &str = "\
Serves HTTP with axum: GET / greets the client by its address,
POST /echo sends the body back.

Usage: axum [--listen ADDR]

  --listen ADDR  IP address and port, 0 for any free port [127.0.0.1:8080]
  -h, --help     print this text

Ctrl-C or SIGTERM ends the service when the requests in flight are answered.
TOKIO_URING_NET=auto|epoll|uring chooses the driver.
";

fn main() -> ExitCode {
    report(run())
}

fn run() -> Result<(), Failure> {
    use lexopt::prelude::{Long, Short};
    let mut listen = SocketAddr::from(([127, 0, 0, 1], 8080));
    let mut arguments = lexopt::Parser::from_env();
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("listen") => listen = address(&mut arguments, "--listen")?,
            Long("help") | Short('h') => {
                print!("{HELP}");
                return Ok(());
            }
            _ => return Err(argument.unexpected().into()),
        }
    }
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .init();
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(serve(listen))
}

async fn serve(listen: SocketAddr) -> Result<(), Failure> {
    let mut signals = StopSignals::new()?;
    let listener = TcpListener::bind(listen)
        .await
        .map_err(|error| listen_failed("--listen", listen, &error))?;
    println!("listening on http://{}", listener.local_addr()?);
    println!("driver: {}", tokio_uring_net::driver());
    // Small requests are received by the ring itself.
    listener.set_mode(Mode::Completion);
    let router = Router::new()
        .route("/", get(hello))
        .route("/echo", post(async |body: Bytes| body));
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    // An error says that the client has gone: its connection will tell.
    let listener = listener.tap_io(|stream| drop(stream.set_nodelay(true)));
    axum::serve(listener, service)
        .with_graceful_shutdown(async move { signals.recv().await })
        .await?;
    Ok(())
}

async fn hello(ConnectInfo(peer): ConnectInfo<SocketAddr>) -> String {
    format!("hello {peer}\n")
}
