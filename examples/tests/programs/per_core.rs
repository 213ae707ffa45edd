//! `per_core`, and `http --runtime per-core`: every core answers, and all of them stop.

use std::collections::HashSet;
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::Command;

use bytes::Bytes;
use http_body_util::Empty;
use hyper::{Method, StatusCode};
use rustix::thread::{CpuSet, sched_getaffinity};

use crate::http::{Client, start_echo, text};
use crate::pattern::{Expected, LARGE_BYTES, Pattern};
use crate::server::{DRIVERS, Server, executable, ring_is_available};

/// How many connections the kernel may give to other cores before one counts as idle.
const CONNECTIONS_MAX: usize = 1_000;

fn start_http(driver: &str) -> Server {
    let args = ["--listen", "127.0.0.1:0", "--runtime", "per-core"];
    Server::start("http", driver, &args)
}

/// The CPUs that a program started here may use.
fn cpus() -> Vec<usize> {
    let usable = sched_getaffinity(None).unwrap();
    (0..CpuSet::MAX_CPU)
        .filter(|cpu| usable.is_set(*cpu))
        .collect()
}

fn cores() -> usize {
    cpus().len()
}

/// Reads what each core says when it is told to stop: how many connections are open in all.
fn connections_open(server: &mut Server) -> usize {
    let count = |line: &str| -> Option<usize> {
        let rest = line.strip_prefix("stopping: ")?;
        rest.strip_suffix(" connections open")?.parse().ok()
    };
    let lines = (0..cores()).map(|_| server.line());
    let counts = lines.map(|line| count(&line).unwrap_or_else(|| panic!("unexpected: {line}")));
    counts.sum()
}

fn assert_refuses(address: SocketAddr) {
    let error = TcpStream::connect(address).expect_err("every listener must be closed");
    assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
}

#[tokio::test]
async fn every_core_answers() {
    for driver in DRIVERS {
        let mut server = Server::start("per_core", driver, &["--listen", "127.0.0.1:0"]);
        assert_eq!(server.line(), format!("cores: {}", cores()));
        let mut answers = HashSet::new();
        for _ in 0..CONNECTIONS_MAX {
            for mut client in Client::both(server.address()).await {
                let response = client.send(Method::GET, "/", Empty::<Bytes>::new()).await;
                assert_eq!(response.status(), StatusCode::OK);
                answers.insert(text(response).await);
            }
            if answers.len() == cores() {
                break;
            }
        }
        let expected = (0..cores()).map(|core| Bytes::from(format!("hello from core {core}\n")));
        assert_eq!(answers, expected.collect::<HashSet<_>>(), "{driver}");
    }
}

#[test]
fn the_driver_is_that_of_a_current_thread_runtime() {
    for driver in ["auto", "epoll"] {
        let expected = match driver {
            "auto" if ring_is_available() => "io_uring",
            _ => "epoll",
        };
        for server in [
            Server::start("per_core", driver, &["--listen", "127.0.0.1:0"]),
            start_http(driver),
        ] {
            assert!(server.driver.starts_with(expected), "{}", server.driver);
        }
    }
}

#[test]
fn it_runs_on_the_cpus_that_were_named() {
    let list = format!("{0}-{0},{0},{0}", cpus()[0]);
    let args = ["--listen", "127.0.0.1:0", "--cpus", &list];
    let mut server = Server::start("per_core", "auto", &args);
    assert_eq!(server.line(), "cores: 3");
}

#[test]
fn a_cpu_that_is_not_there_is_named_with_those_that_are() {
    // It could not serve there either, so that this ends in any case.
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let mut command = Command::new(executable("per_core"));
    command.args(["--listen", &address, "--cpus", "65535"]);
    let output = command.output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(stderr.contains("CPU 65535"), "{stderr}");
    assert!(stderr.contains("may use the CPUs ["), "{stderr}");
    assert!(output.stdout.is_empty(), "nothing may have been served");
}

#[test]
fn ctrl_c_lets_every_core_answer_its_requests_in_flight() {
    for driver in DRIVERS {
        let mut server = start_http(driver);
        let address = server.address();
        let connect = |_| {
            let mut stream = TcpStream::connect(address).unwrap();
            start_echo(&mut stream, b"half", 8);
            stream
        };
        let streams: Vec<_> = (0..20).map(connect).collect();
        server.interrupt();
        assert_eq!(connections_open(&mut server), streams.len(), "{driver}");
        assert_refuses(address);
        for mut stream in streams {
            stream.write_all(b"rest").unwrap();
            let mut rest = Vec::new();
            stream.read_to_end(&mut rest).unwrap();
            assert_eq!(rest, b"rest", "{driver}");
        }
        let ended = server.ended();
        assert_eq!(ended.code, Some(0), "{driver}: {}", ended.stderr);
    }
}

/// Here one core hears of it and tells the others.
#[test]
fn ctrl_c_ends_the_idle_connections_of_every_core() {
    for driver in DRIVERS {
        let mut server = Server::start("per_core", driver, &["--listen", "127.0.0.1:0"]);
        server.line();
        let connect = |_| {
            let mut stream = TcpStream::connect(server.address()).unwrap();
            stream
                .write_all(b"GET / HTTP/1.1\r\nhost: example\r\n\r\n")
                .unwrap();
            let mut answer = Vec::new();
            while !(answer.ends_with(b"\n") && answer.windows(4).any(|four| four == b"core")) {
                let mut byte = [0];
                stream.read_exact(&mut byte).unwrap();
                answer.push(byte[0]);
            }
            stream
        };
        let streams: Vec<_> = (0..20).map(connect).collect();
        server.interrupt();
        assert_eq!(connections_open(&mut server), streams.len(), "{driver}");
        assert_refuses(server.address());
        for mut stream in streams {
            assert_eq!(stream.read(&mut [0]).unwrap(), 0, "{driver}");
        }
        let ended = server.ended();
        assert_eq!(ended.code, Some(0), "{driver}: {}", ended.stderr);
    }
}

#[test]
fn a_second_interrupt_ends_every_core_at_once() {
    for driver in DRIVERS {
        let mut server = start_http(driver);
        let connect = |_| {
            let mut stream = TcpStream::connect(server.address()).unwrap();
            start_echo(&mut stream, b"half", 8);
            stream
        };
        let streams: Vec<_> = (0..20).map(connect).collect();
        server.interrupt();
        assert_eq!(connections_open(&mut server), streams.len(), "{driver}");
        server.interrupt();
        let ended = server.ended();
        assert_eq!(ended.code, Some(1), "{driver}");
        assert!(ended.stderr.contains("second ctrl-c"), "{}", ended.stderr);
    }
}

#[tokio::test]
async fn large_bodies_come_back_byte_for_byte_from_any_core() {
    for driver in DRIVERS {
        let server = start_http(driver);
        for mut client in Client::both(server.address()).await {
            let body = Pattern::new(LARGE_BYTES, true);
            let response = client.send(Method::POST, "/echo", body).await;
            assert_eq!(response.status(), StatusCode::OK, "{driver}");
            Expected::new(LARGE_BYTES)
                .check_body(response.into_body())
                .await;
        }
    }
}
