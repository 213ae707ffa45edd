//! A gRPC service and its client with tonic: the listener and the connector are what differs from `tokio::net`.
//!
//! `cargo run --release --example grpc -- --listen 127.0.0.1:50051`, and in another terminal
//! `cargo run --release --example grpc -- --call 127.0.0.1:50051 Ada`
//!
//! What `tonic-prost-build` generates of a `.proto` file is written by hand here, so that no protoc is needed.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::process::ExitCode;

use examples::{Failure, StopSignals, address, failed, listen_failed, report};
use hyper::http;
use hyper::http::uri::PathAndQuery;
use tokio_stream::{Stream, StreamExt, iter};
use tokio_uring_net::hyper::HttpConnector;
use tokio_uring_net::{Mode, TcpListener, TcpListenerStream};
use tonic::body::Body;
use tonic::transport::{Endpoint, Server};
use tonic::{Request, Response, Status};
use tonic_prost::ProstCodec;
use tower::service_fn;

const HELP: &str = "\
Serves gRPC with tonic, or calls such a service: one method that greets, and one
that spells a name in a stream of letters.

Usage: grpc [--listen ADDR]
       grpc --call ADDR NAME

  --listen ADDR  IP address and port, 0 for any free port [127.0.0.1:50051]
  --call ADDR    call both methods of the service there
  -h, --help     print this text

Ctrl-C or SIGTERM ends the service when the calls in flight are answered.
TOKIO_URING_NET=auto|epoll|uring chooses the driver.
";

const HELLO: &str = "/examples.Greeter/Hello";
const SPELL: &str = "/examples.Greeter/Spell";

/// What both methods take, and what they answer.
#[derive(Clone, PartialEq, prost::Message)]
struct Text {
    #[prost(string, tag = "1")]
    text: String,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    report(run().await)
}

async fn run() -> Result<(), Failure> {
    use lexopt::prelude::{Long, Short, Value, ValueExt};
    let mut listen = SocketAddr::from(([127, 0, 0, 1], 50051));
    let (mut server, mut name) = (None, None);
    let mut arguments = lexopt::Parser::from_env();
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("listen") => listen = address(&mut arguments, "--listen")?,
            Long("call") => server = Some(address(&mut arguments, "--call")?),
            Value(text) if name.is_none() => name = Some(text.string()?),
            Long("help") | Short('h') => {
                print!("{HELP}");
                return Ok(());
            }
            _ => return Err(argument.unexpected().into()),
        }
    }
    match (server, name) {
        (None, None) => serve(listen).await,
        (Some(server), Some(text)) => call(server, Text { text })
            .await
            .map_err(|error| failed(&server, &*error)),
        _ => Err(Failure::Usage("--call ADDR and NAME go together".into())),
    }
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
    let incoming = TcpListenerStream::new(listener)
        // An error says that the client has gone: its connection will tell.
        .map(|accepted| accepted.inspect(|stream| drop(stream.set_nodelay(true))));
    Server::builder()
        .serve_with_incoming_shutdown(service_fn(route), incoming, signals.recv())
        .await
        .map_err(|error| failed(&listen, &error))
}

async fn route(request: http::Request<Body>) -> Result<http::Response<Body>, Infallible> {
    let mut method = tonic::server::Grpc::new(ProstCodec::<Text, Text>::default());
    Ok(match request.uri().path() {
        HELLO => method.unary(service_fn(hello), request).await,
        SPELL => method.server_streaming(service_fn(spell), request).await,
        other => Status::unimplemented(format!("there is no method {other}")).into_http(),
    })
}

async fn hello(request: Request<Text>) -> Result<Response<Text>, Status> {
    let peer = request.remote_addr().map(|peer| peer.ip().to_string());
    let (name, peer) = (request.into_inner().text, peer.unwrap_or_default());
    let text = format!("hello {name} at {peer}");
    Ok(Response::new(Text { text }))
}

type Letters = Result<Text, Status>;

async fn spell(request: Request<Text>) -> Result<Response<impl Stream<Item = Letters>>, Status> {
    let letters: Vec<char> = request.into_inner().text.chars().collect();
    let texts = letters.into_iter().map(|letter| Text {
        text: letter.to_string(),
    });
    Ok(Response::new(iter(texts.map(Ok))))
}

async fn call(server: SocketAddr, name: Text) -> Result<(), Box<dyn std::error::Error>> {
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    let endpoint = Endpoint::from_shared(format!("http://{server}"))?;
    let mut client = tonic::client::Grpc::new(endpoint.connect_with_connector(connector).await?);
    let codec = ProstCodec::<Text, Text>::default;

    client.ready().await?;
    let path = PathAndQuery::from_static(HELLO);
    let answer = client.unary(Request::new(name.clone()), path, codec());
    println!("{}", answer.await?.into_inner().text);

    client.ready().await?;
    let path = PathAndQuery::from_static(SPELL);
    let answer = client.server_streaming(Request::new(name), path, codec());
    let mut letters = answer.await?.into_inner();
    while let Some(letter) = letters.message().await? {
        println!("{}", letter.text);
    }
    Ok(())
}
