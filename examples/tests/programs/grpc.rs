//! `grpc`: its methods, called by tonic over `tokio::net` and by its own client.

use std::net::SocketAddr;
use std::process::Command;

use hyper::http::uri::PathAndQuery;
use tonic::client::Grpc;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Response, Status};
use tonic_prost::ProstCodec;

use crate::server::{DRIVERS, Server, executable};

fn start(driver: &str) -> Server {
    Server::start("grpc", driver, &["--listen", "127.0.0.1:0"])
}

async fn connect(address: SocketAddr) -> Grpc<Channel> {
    let endpoint = Endpoint::from_shared(format!("http://{address}")).unwrap();
    let mut client = Grpc::new(endpoint.connect().await.unwrap());
    client.ready().await.unwrap();
    client
}

/// Calls a method that answers once. A string is a message of one string.
async fn unary(
    client: &mut Grpc<Channel>,
    path: &'static str,
    text: &str,
) -> Result<Response<String>, Status> {
    client.ready().await.unwrap();
    let (request, path) = (text.to_owned(), PathAndQuery::from_static(path));
    let codec = ProstCodec::default();
    client.unary(Request::new(request), path, codec).await
}

// Waiting for the server blocks this thread; another one has to answer its farewell.
#[tokio::test(flavor = "multi_thread")]
async fn it_greets_spells_and_stops_on_sigterm() {
    for driver in DRIVERS {
        let server = start(driver);
        let mut client = connect(server.address()).await;
        let answer = unary(&mut client, "/examples.Greeter/Hello", "Ada").await;
        assert_eq!(answer.unwrap().into_inner(), "hello Ada at 127.0.0.1");
        let answer = unary(&mut client, "/examples.Greeter/Sing", "Ada").await;
        assert_eq!(answer.unwrap_err().code(), Code::Unimplemented);

        let name = "0123456789".repeat(100);
        client.ready().await.unwrap();
        let path = PathAndQuery::from_static("/examples.Greeter/Spell");
        let request = Request::new(name.clone());
        let answer = client.server_streaming(request, path, ProstCodec::default());
        let mut letters = answer.await.unwrap().into_inner();
        let mut spelled = String::new();
        while let Some(letter) = letters.message().await.unwrap() {
            let letter: String = letter;
            assert_eq!(letter.len(), 1);
            spelled += &letter;
        }
        assert_eq!(spelled, name, "{driver}");
        server.terminate();
        let ended = server.ended();
        assert_eq!(ended.code, Some(0), "{driver}: {}", ended.stderr);
    }
}

#[test]
fn its_client_calls_both_methods() {
    for driver in DRIVERS {
        let server = start(driver);
        let address = server.address().to_string();
        let mut command = Command::new(executable("grpc"));
        command.env("TOKIO_URING_NET", driver);
        let called = command.args(["--call", &address, "Ada"]).output().unwrap();
        let stderr = String::from_utf8(called.stderr).unwrap();
        assert_eq!(called.status.code(), Some(0), "{stderr}");
        let stdout = String::from_utf8(called.stdout).unwrap();
        assert_eq!(stdout, "hello Ada at 127.0.0.1\nA\nd\na\n");
    }
}
