//! The measured server: what runs in the child process, on either stack, by the same code.

use std::convert::Infallible;
use std::io::{self, Write};
use std::net::{Ipv4Addr, SocketAddr};

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use rustix::process::{Signal, set_parent_process_death_signal};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::runtime::{self, Runtime};

use crate::Failure;
use crate::cells::{Flavour, Kind};
use crate::cli::{ServeOptions, StackName};
use crate::machine;
use crate::stack::{Ours, Stack, Tokio};

/// Worker threads of a multi_thread server.
pub(crate) const WORKERS: usize = 2;

/// Serves until the process is killed.
pub(crate) fn run(options: &ServeOptions) -> Result<(), Failure> {
    set_parent_process_death_signal(Some(Signal::KILL))?;
    machine::pin(&options.cpus)?;
    machine::raise_open_files_limit()?;
    let runtime = runtime(options.flavour)?;
    let (kind, buffer_bytes) = (options.kind, options.buffer_bytes);
    // Spawned, so that the accept loop runs where the connections run, on multi_thread too.
    let served = match options.stack {
        StackName::Tokio => runtime.block_on(runtime.spawn(serve::<Tokio>(kind, buffer_bytes))),
        StackName::Ours => runtime.block_on(runtime.spawn(serve::<Ours>(kind, buffer_bytes))),
    };
    Ok(served??)
}

fn runtime(flavour: Flavour) -> io::Result<Runtime> {
    match flavour {
        Flavour::CurrentThread => runtime::Builder::new_current_thread().enable_all().build(),
        Flavour::MultiThread => runtime::Builder::new_multi_thread()
            .worker_threads(WORKERS)
            .enable_all()
            .build(),
    }
}

/// Prints the address and the driver in one line, then accepts for ever.
async fn serve<S: Stack>(kind: Kind, buffer_bytes: usize) -> io::Result<()> {
    let any_port = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let listener = S::bind(any_port).await?;
    let mut out = io::stdout();
    writeln!(out, "{} {}", S::local_addr(&listener)?, S::driver())?;
    out.flush()?;
    loop {
        let (stream, _peer) = S::accept(&listener).await?;
        S::set_nodelay(&stream)?;
        match kind {
            Kind::Echo => tokio::spawn(echo::<S>(stream, buffer_bytes)),
            Kind::Hyper => tokio::spawn(hyper_hello::<S>(stream)),
        };
    }
}

/// Ends at the first error too: the generator resets its connections when it is done.
async fn echo<S: Stack>(mut stream: S::Stream, buffer_bytes: usize) {
    let mut buffer = vec![0; buffer_bytes];
    while let Ok(count @ 1..) = stream.read(&mut buffer).await {
        if stream.write_all(&buffer[..count]).await.is_err() {
            return;
        }
    }
}

async fn hyper_hello<S: Stack>(stream: S::Stream) {
    let connection = http1::Builder::new()
        .keep_alive(true)
        .serve_connection(TokioIo::new(stream), service_fn(hello));
    // The generator resets its connections when it is done: an error here, and meaningless.
    let _ended = connection.await;
}

async fn hello(_request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    Ok(Response::new(Full::new(Bytes::from_static(
        b"Hello, world!",
    ))))
}
