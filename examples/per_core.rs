//! A hyper service on every CPU: one runtime, ring and listener each, which share a port and nothing else.
//!
//! `cargo run --release --example per_core -- --listen 127.0.0.1:8080`

use std::convert::Infallible;
use std::net::SocketAddr;
use std::process::ExitCode;

use bytes::Bytes;
use examples::{
    DRAIN_LIMIT, Failure, StopSignals, address, drained, listen_failed, report, second_ctrl_c,
};
use http_body_util::Full;
use hyper::Response;
use hyper::service::service_fn;
use tokio::sync::oneshot;
use tokio_uring_net::hyper::serve;
use tokio_uring_net::per_core::{Core, PerCore};

const HELP: &str = "\
Serves HTTP/1.1 and HTTP/2 (with prior knowledge) on every CPU, each with
a runtime of its own; an answer names the core that gave it.

Usage: per_core [--listen ADDR] [--cpus LIST]

  --listen ADDR  IP address and port, 0 for any free port [127.0.0.1:8080]
  --cpus LIST    CPUs to run on, such as 0,2-3 [all that it may use]
  -h, --help     print this text

Ctrl-C or SIGTERM ends the service when the requests in flight are answered, but
within 10 seconds; a second one ends it at once.
TOKIO_URING_NET=auto|epoll|uring chooses the driver of all cores.
";

fn main() -> ExitCode {
    report(run())
}

/// No `#[tokio::main]`: the runtimes are made by `PerCore::run`.
fn run() -> Result<(), Failure> {
    let (listen, cores) = parse_args()?;
    let ended = cores.run(async |core| {
        let served = serve_on(&core, listen).await;
        // The others would go on without this one.
        served.inspect_err(|_| core.stop())
    })?;
    ended.into_iter().collect()
}

fn parse_args() -> Result<(SocketAddr, PerCore), Failure> {
    use lexopt::prelude::*;

    let mut listen = SocketAddr::from(([127, 0, 0, 1], 8080));
    let mut cores = PerCore::new();
    let mut parser = lexopt::Parser::from_env();
    while let Some(arg) = parser.next()? {
        match arg {
            Long("listen") => listen = address(&mut parser, "--listen")?,
            Long("cpus") => cores = cores.cpus(parser.value()?.parse_with(cpus)?),
            Long("help") | Short('h') => {
                print!("{HELP}");
                std::process::exit(0);
            }
            _ => return Err(arg.unexpected().into()),
        }
    }
    Ok((listen, cores))
}

/// Reads a list such as `0,2-3`.
fn cpus(list: &str) -> Result<Vec<usize>, &'static str> {
    const WANTED: &str = "--cpus wants numbers and ranges, such as 0,2-3";
    let number = |text: &str| text.parse::<u16>().map(usize::from).map_err(|_| WANTED);
    let mut cpus = Vec::new();
    for part in list.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        cpus.extend(number(first)?..=number(last)?);
    }
    Ok(cpus)
}

/// What every core does: it serves until the cores are told to stop, then lets its requests in flight finish.
async fn serve_on(core: &Core, listen: SocketAddr) -> Result<(), Failure> {
    let mut signals = StopSignals::new()?;
    let listener = core
        .listen(listen)
        .map_err(|error| listen_failed("--listen", listen, &error))?;
    let index = core.index();
    if index == 0 {
        println!("listening on http://{}", listener.local_addr()?);
        println!("driver: {}", tokio_uring_net::driver());
        println!("cores: {}", core.count());
    }
    let answer = service_fn(move |_| async move {
        let text = format!("hello from core {index}\n");
        Ok::<_, Infallible>(Response::new(Full::new(Bytes::from(text))))
    });
    let (stop, stopping) = oneshot::channel();
    let mut server = serve(listener, answer)
        .with_graceful_shutdown(async { stopping.await.unwrap_or(()) })
        .on_drain(|open| println!("stopping: {open} connections open"))
        .drain_timeout(DRAIN_LIMIT)
        .into_future();
    tokio::select! {
        stopped = &mut server => return drained(stopped?),
        () = signals.recv() => {}
        () = core.stopped() => {}
    }
    // Before anybody hears of the stop, and presses ctrl-c again.
    let interrupted_again = second_ctrl_c();
    core.stop();
    stop.send(()).unwrap_or(());
    tokio::select! {
        stopped = server => drained(stopped?),
        failure = interrupted_again => Err(failure),
    }
}
