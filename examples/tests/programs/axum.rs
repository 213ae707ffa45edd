//! `axum`: it answers, sends bodies back, and stops when it is told to.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use crate::server::{DRIVERS, Server};

/// Sends a request whose connection ends with the response.
fn exchange(stream: &mut TcpStream, head: &str, body: &str) -> String {
    let length = body.len();
    let request = format!(
        "{head} HTTP/1.1\r\nhost: example\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}"
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut response = String::new();
    stream.read_to_string(&mut response).unwrap();
    assert!(response.starts_with("HTTP/1.1 200 OK\r\n"), "{response}");
    response.split_once("\r\n\r\n").unwrap().1.to_owned()
}

#[test]
fn it_greets_its_clients_sends_bodies_back_and_stops_on_sigterm() {
    for driver in DRIVERS {
        let server = Server::start("axum", driver, &["--listen", "127.0.0.1:0"]);
        let mut stream = TcpStream::connect(server.address()).unwrap();
        let me = stream.local_addr().unwrap();
        let answer = exchange(&mut stream, "GET /", "");
        assert_eq!(answer, format!("hello {me}\n"), "{driver}");
        let mut stream = TcpStream::connect(server.address()).unwrap();
        let body = "0123456789".repeat(100_000);
        assert_eq!(exchange(&mut stream, "POST /echo", &body), body, "{driver}");
        server.terminate();
        let ended = server.ended();
        assert_eq!(ended.code, Some(0), "{driver}: {}", ended.stderr);
    }
}
