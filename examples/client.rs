//! An HTTP client: hyper-util's, with its pool of connections, over sockets on io_uring.
//!
//! `cargo run --release --example client -- http://127.0.0.1:8080/ http://127.0.0.1:8080/`

use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Duration;

use bytes::Bytes;
use examples::{Failure, failed, report};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::{Method, Request, Response, Uri};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use tokio_uring_net::hyper::{HttpConnector, HttpInfo};

const HELP: &str = "\
Requests one URL after another, and writes the bodies of the answers to stdout.

Usage: client [--post TEXT] [--http2] URL...

  --post TEXT  send a POST with this body instead of a GET
  --http2      speak HTTP/2, with prior knowledge, instead of HTTP/1.1
  -h, --help   print this text

A connection is used again for the next URL of its server. What came from where
is told on stderr. https is not spoken.
TOKIO_URING_NET=auto|epoll|uring chooses the driver.
";

/// How long a server may take to accept a connection.
const CONNECT_LIMIT: Duration = Duration::from_secs(5);

struct Args {
    uris: Vec<Uri>,
    post: Option<String>,
    http2: bool,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    report(run().await)
}

async fn run() -> Result<(), Failure> {
    let Args { uris, post, http2 } = parse_args()?;
    eprintln!("driver: {}", tokio_uring_net::driver());
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    connector.set_connect_timeout(Some(CONNECT_LIMIT));
    let client = Client::builder(TokioExecutor::new())
        .http2_only(http2)
        .build(connector);
    for uri in uris {
        let request = match &post {
            Some(text) => request(Method::POST, &uri, text.clone().into()),
            None => request(Method::GET, &uri, Bytes::new()),
        };
        let response = client.request(request).await;
        let response = response.map_err(|error| failed(&uri, &error))?;
        tell(&uri, &response);
        print(response)
            .await
            .map_err(|error| failed(&uri, &*error))?;
    }
    Ok(())
}

fn parse_args() -> Result<Args, Failure> {
    use lexopt::prelude::*;

    let (mut uris, mut post, mut http2) = (Vec::new(), None, false);
    let mut parser = lexopt::Parser::from_env();
    while let Some(arg) = parser.next()? {
        match arg {
            Value(uri) => uris.push(uri.parse_with(parse_uri)?),
            Long("post") => post = Some(parser.value()?.string()?),
            Long("http2") => http2 = true,
            Long("help") | Short('h') => {
                print!("{HELP}");
                std::process::exit(0);
            }
            _ => return Err(arg.unexpected().into()),
        }
    }
    if uris.is_empty() {
        let advice = "say what to request, such as http://127.0.0.1:8080/";
        return Err(Failure::Usage(advice.into()));
    }
    Ok(Args { uris, post, http2 })
}

fn parse_uri(text: &str) -> Result<Uri, String> {
    match text.parse::<Uri>() {
        Ok(uri) if uri.scheme().is_some() => Ok(uri),
        Ok(_) => Err("an URL begins with http://".into()),
        Err(error) => Err(error.to_string()),
    }
}

fn request(method: Method, uri: &Uri, body: Bytes) -> Request<Full<Bytes>> {
    let mut request = Request::new(Full::new(body));
    *request.method_mut() = method;
    *request.uri_mut() = uri.clone();
    request
}

fn tell(uri: &Uri, response: &Response<Incoming>) {
    let (status, version) = (response.status(), response.version());
    eprint!("{uri}: {status}, {version:?}");
    if let Some(info) = response.extensions().get::<HttpInfo>() {
        eprint!(", {} to {}", info.remote_addr(), info.local_addr());
    }
    eprintln!();
}

/// Writes the body to stdout as it comes.
async fn print(response: Response<Incoming>) -> Result<(), Box<dyn std::error::Error>> {
    let mut body = response.into_body();
    while let Some(frame) = body.frame().await {
        if let Ok(data) = frame?.into_data() {
            io::stdout().write_all(&data)?;
        }
    }
    Ok(io::stdout().flush()?)
}
