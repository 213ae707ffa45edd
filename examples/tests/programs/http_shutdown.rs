//! `http` and ctrl-c: requests in flight are answered, nothing new begins, and a second ctrl-c does not wait.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};

use bytes::Bytes;
use http_body_util::BodyExt as _;
use http_body_util::channel::Channel;
use hyper::Method;

use crate::http::{Client, start_echo};
use crate::server::{Server, setups};

fn assert_refuses(address: SocketAddr) {
    let error = TcpStream::connect(address).expect_err("the listener must be closed");
    assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
}

fn read_to_end(stream: &mut TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).unwrap();
    bytes
}

#[test]
fn a_request_in_flight_is_answered_and_idle_connections_end() {
    for setup in setups() {
        let mut server = Server::start_http(setup);
        let address = server.address();
        let mut silent = TcpStream::connect(address).unwrap();
        let mut idle = TcpStream::connect(address).unwrap();
        start_echo(&mut idle, b"done", 4);
        let mut busy = TcpStream::connect(address).unwrap();
        start_echo(&mut busy, b"half", 8);

        server.interrupt();
        assert_eq!(server.line(), "stopping: 3 connections open", "{setup:?}");
        assert_refuses(address);
        assert_eq!(read_to_end(&mut idle), b"", "{setup:?}");
        assert_eq!(read_to_end(&mut silent), b"", "{setup:?}");
        busy.write_all(b"rest").unwrap();
        assert_eq!(read_to_end(&mut busy), b"rest", "{setup:?}");
        assert_eq!(server.ended().code, Some(0), "{setup:?}");
    }
}

#[tokio::test]
async fn an_http2_stream_in_flight_is_answered() {
    for setup in setups() {
        let mut server = Server::start_http(setup);
        let (mut sender, body) = Channel::<Bytes>::new(1);
        let mut client = Client::http2(server.address()).await;
        sender.send_data(Bytes::from_static(b"half")).await.unwrap();
        let response = client.send(Method::POST, "/echo", body).await;
        let mut echoed = response.into_body();
        let first = echoed.frame().await.unwrap().unwrap().into_data().unwrap();
        assert_eq!(first, "half");

        server.interrupt();
        assert_eq!(server.line(), "stopping: 1 connections open", "{setup:?}");
        sender.send_data(Bytes::from_static(b"rest")).await.unwrap();
        drop(sender);
        assert_eq!(
            echoed.collect().await.unwrap().to_bytes(),
            "rest",
            "{setup:?}"
        );
        let ended = tokio::task::spawn_blocking(|| server.ended())
            .await
            .unwrap();
        assert_eq!(ended.code, Some(0), "{setup:?}: {}", ended.stderr);
    }
}

#[test]
fn sigterm_stops_it_as_ctrl_c_does() {
    for setup in setups() {
        let mut server = Server::start_http(setup);
        server.terminate();
        assert_eq!(server.line(), "stopping: 0 connections open", "{setup:?}");
        assert_eq!(server.ended().code, Some(0), "{setup:?}");
    }
}

#[test]
fn a_second_interrupt_ends_the_service_at_once() {
    for setup in setups() {
        let mut server = Server::start_http(setup);
        let mut busy = TcpStream::connect(server.address()).unwrap();
        start_echo(&mut busy, b"half", 8);

        server.interrupt();
        assert_eq!(server.line(), "stopping: 1 connections open", "{setup:?}");
        server.interrupt();
        let ended = server.ended();
        assert_eq!(ended.code, Some(1), "{setup:?}");
        assert!(
            ended.stderr.contains("second ctrl-c"),
            "{setup:?}: {}",
            ended.stderr
        );
    }
}
