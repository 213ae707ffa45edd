//! An ordinary hyper service, HTTP/1.1 and HTTP/2 on one port, that `tokio_uring_net::hyper` serves.
//!
//! `cargo run --release --example http -- --listen 127.0.0.1:8080`

use std::io;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use bytes::Bytes;
use examples::{Failure, address, listen_failed, report};
use http_body_util::{Either, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use tokio::runtime;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;
use tokio_uring_net::TcpListener;
use tokio_uring_net::hyper::serve;

const HELP: &str = "\
Serves HTTP/1.1 and HTTP/2 (with prior knowledge) on one port:
GET / answers a line of text, POST /echo streams the body back.

Usage: http [--listen ADDR] [--runtime FLAVOUR]

  --listen ADDR      IP address and port, 0 for any free port [127.0.0.1:8080]
  --runtime FLAVOUR  current-thread or multi-thread [current-thread]
  -h, --help         print this text

Ctrl-C ends the service when the requests in flight are answered, but
within 10 seconds; a second Ctrl-C ends it at once.
TOKIO_URING_NET=auto|epoll|uring chooses the driver.
";

/// How long requests in flight may take once the service has been told to stop.
const DRAIN_LIMIT: Duration = Duration::from_secs(10);

/// A short text, or the request's own body on its way back.
type Body = Either<Full<Bytes>, Incoming>;

fn main() -> ExitCode {
    report(run())
}

fn run() -> Result<(), Failure> {
    let (listen, mut runtime) = parse_args()?;
    tracing_subscriber::fmt().with_writer(io::stderr).init();
    runtime.enable_all().build()?.block_on(run_server(listen))
}

fn parse_args() -> Result<(SocketAddr, runtime::Builder), Failure> {
    use lexopt::prelude::*;

    let mut listen = SocketAddr::from(([127, 0, 0, 1], 8080));
    let mut runtime = runtime::Builder::new_current_thread();
    let mut parser = lexopt::Parser::from_env();
    while let Some(arg) = parser.next()? {
        match arg {
            Long("listen") => listen = address(&mut parser, "--listen")?,
            Long("runtime") => runtime = parser.value()?.parse_with(flavour)?,
            Long("help") | Short('h') => {
                print!("{HELP}");
                std::process::exit(0);
            }
            _ => return Err(arg.unexpected().into()),
        }
    }
    Ok((listen, runtime))
}

fn flavour(name: &str) -> Result<runtime::Builder, &'static str> {
    match name {
        "current-thread" => Ok(runtime::Builder::new_current_thread()),
        "multi-thread" => Ok(runtime::Builder::new_multi_thread()),
        _ => Err("--runtime is current-thread or multi-thread"),
    }
}

/// Serves until ctrl-c, then lets the requests in flight finish.
async fn run_server(listen: SocketAddr) -> Result<(), Failure> {
    let mut interrupts = signal(SignalKind::interrupt())?;
    let listener = TcpListener::bind(listen)
        .await
        .map_err(|error| listen_failed("--listen", listen, &error))?;
    println!("listening on http://{}", listener.local_addr()?);
    println!("driver: {}", tokio_uring_net::driver());

    let (stop, stopping) = oneshot::channel();
    let mut server = serve(listener, service_fn(answer))
        .with_graceful_shutdown(async { stopping.await.unwrap_or(()) })
        .on_drain(|open| println!("stopping: {open} connections open"))
        .drain_timeout(DRAIN_LIMIT)
        .into_future();
    tokio::select! {
        stopped = &mut server => return stopped.map(drop).map_err(Failure::from),
        _ = interrupts.recv() => stop.send(()).unwrap_or(()),
    }
    tokio::select! {
        stopped = server => match stopped?.connections_cut {
            0 => Ok(()),
            count => Err(Failure::Run(format!(
                "{count} open connections were cut after {} seconds", DRAIN_LIMIT.as_secs()
            ))),
        },
        _ = interrupts.recv() => Err(Failure::Run("second ctrl-c: open connections were cut".into())),
    }
}

async fn answer(request: Request<Incoming>) -> Result<Response<Body>, hyper::http::Error> {
    let text = |text: &'static str| Either::Left(Full::from(text));
    match (request.method(), request.uri().path()) {
        (&Method::GET, "/") => Ok(Response::new(text("hello from tokio-uring-net\n"))),
        (&Method::POST, "/echo") => Ok(Response::new(Either::Right(request.into_body()))),
        _ => Response::builder()
            .status(StatusCode::NOT_FOUND)
            .body(text("try GET / or POST /echo\n")),
    }
}
