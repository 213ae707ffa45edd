//! An ordinary hyper service, HTTP/1.1 and HTTP/2 on one port, that `tokio_uring_net::hyper` serves.
//!
//! `cargo run --release --example http -- --listen 127.0.0.1:8080`

use std::future::pending;
use std::io;
use std::net::SocketAddr;
use std::process::ExitCode;

use bytes::Bytes;
use examples::{
    DRAIN_LIMIT, Failure, StopSignals, address, drained, listen_failed, report, second_ctrl_c,
};
use http_body_util::{Either, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use tokio::runtime;
use tokio::sync::oneshot;
use tokio_uring_net::TcpListener;
use tokio_uring_net::hyper::serve;
use tokio_uring_net::per_core::{Core, PerCore};

const HELP: &str = "\
Serves HTTP/1.1 and HTTP/2 (with prior knowledge) on one port:
GET / answers a line of text, POST /echo streams the body back.

Usage: http [--listen ADDR] [--runtime FLAVOUR]

  --listen ADDR      IP address and port, 0 for any free port [127.0.0.1:8080]
  --runtime FLAVOUR  current-thread, multi-thread or per-core [current-thread]
  -h, --help         print this text

Ctrl-C or SIGTERM ends the service when the requests in flight are answered, but
within 10 seconds; a second one ends it at once.
TOKIO_URING_NET=auto|epoll|uring chooses the driver.
";

/// A short text, or the request's own body on its way back.
type Body = Either<Full<Bytes>, Incoming>;

fn main() -> ExitCode {
    report(run())
}

fn run() -> Result<(), Failure> {
    let (listen, runtime) = parse_args()?;
    tracing_subscriber::fmt().with_writer(io::stderr).init();
    match runtime {
        Some(mut runtime) => runtime
            .enable_all()
            .build()?
            .block_on(run_server(listen, None)),
        None => {
            let ended = PerCore::new().run(async |core| {
                let served = run_server(listen, Some(&core)).await;
                // The others would go on without this one.
                served.inspect_err(|_| core.stop())
            })?;
            ended.into_iter().collect()
        }
    }
}

/// The address, and the runtime; `None`: one on every core.
fn parse_args() -> Result<(SocketAddr, Option<runtime::Builder>), Failure> {
    use lexopt::prelude::*;

    let mut listen = SocketAddr::from(([127, 0, 0, 1], 8080));
    let mut runtime = Some(runtime::Builder::new_current_thread());
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

fn flavour(name: &str) -> Result<Option<runtime::Builder>, &'static str> {
    match name {
        "current-thread" => Ok(Some(runtime::Builder::new_current_thread())),
        "multi-thread" => Ok(Some(runtime::Builder::new_multi_thread())),
        "per-core" => Ok(None),
        _ => Err("--runtime is current-thread, multi-thread or per-core"),
    }
}

/// Serves until ctrl-c, then lets the requests in flight finish.
async fn run_server(listen: SocketAddr, core: Option<&Core>) -> Result<(), Failure> {
    let mut signals = StopSignals::new()?;
    let listener = match core {
        Some(core) => core.listen(listen),
        None => TcpListener::bind(listen).await,
    };
    let listener = listener.map_err(|error| listen_failed("--listen", listen, &error))?;
    if core.is_none_or(|core| core.index() == 0) {
        println!("listening on http://{}", listener.local_addr()?);
        println!("driver: {}", tokio_uring_net::driver());
    }

    let (stop, stopping) = oneshot::channel();
    let mut server = serve(listener, service_fn(answer))
        .with_graceful_shutdown(async { stopping.await.unwrap_or(()) })
        .on_drain(|open| println!("stopping: {open} connections open"))
        .drain_timeout(DRAIN_LIMIT)
        .into_future();
    tokio::select! {
        stopped = &mut server => return stopped.map(drop).map_err(Failure::from),
        () = signals.recv() => {}
        () = stopped(core) => {}
    }
    // Before anybody hears of the stop, and presses ctrl-c again.
    let interrupted_again = second_ctrl_c();
    core.inspect(|core| core.stop());
    stop.send(()).unwrap_or(());
    tokio::select! {
        stopped = server => drained(stopped?),
        failure = interrupted_again => Err(failure),
    }
}

/// Waits until another core has heard of ctrl-c.
async fn stopped(core: Option<&Core>) {
    match core {
        Some(core) => core.stopped().await,
        None => pending().await,
    }
}

async fn answer(request: Request<Incoming>) -> Result<Response<Body>, hyper::http::Error> {
    let text = |text: &'static str| Either::Left(Full::from(text));
    match (request.method(), request.uri().path()) {
        (&Method::GET | &Method::HEAD, "/") => {
            Ok(Response::new(text("hello from tokio-uring-net\n")))
        }
        (&Method::POST, "/echo") => Ok(Response::new(Either::Right(request.into_body()))),
        _ => Response::builder()
            .status(StatusCode::NOT_FOUND)
            .body(text("try GET / or POST /echo\n")),
    }
}
