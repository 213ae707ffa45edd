//! Whoever touches what the kernel owns is reported by AddressSanitizer.
#![expect(clippy::unwrap_used, reason = "a step that fails is a test that fails")]

use std::env;
use std::hint::black_box;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsFd;
use std::process::{Command, Output};
use std::time::Duration;

use socket2::{Domain, SockAddr, Socket, Type};

use super::Held;
use crate::ops::{Event, Ops, Target};
use crate::setup::{Issuer, RingBuilder};

/// Names the operation that the child process is to touch.
const TOUCH: &str = "RING_CORE_ASAN_TOUCH";

/// An accept and a connect in flight; the connect to somebody who does not answer.
struct InFlight {
    ops: Ops<&'static str>,
    listener: TcpListener,
    _sockets: Vec<Socket>,
}

fn in_flight() -> Option<InFlight> {
    let ring = match RingBuilder::new(Issuer::AnyThread).sq_entries(8).build() {
        Ok(ring) => ring,
        Err(error) => {
            assert!(env::var_os("REQUIRE_URING").is_none(), "{error}");
            println!("SKIP {error}");
            return None;
        }
    };
    let mut ops = Ops::new(ring);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    ops.accept(Target::of(listener.as_fd()), "accept").unwrap();
    let tcp = || Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    let (full, queued, socket) = (tcp(), tcp(), tcp());
    let any: SocketAddr = "127.0.0.1:0".parse().unwrap();
    full.bind(&SockAddr::from(any)).unwrap();
    full.listen(0).unwrap();
    let address = full.local_addr().unwrap();
    queued.connect(&address).unwrap();
    ops.connect(socket.as_fd(), address, "connect").unwrap();
    ops.submit_and_get_events().unwrap();
    assert_eq!(ops.count(), 2);
    Some(InFlight {
        ops,
        listener,
        _sockets: vec![full, queued, socket],
    })
}

/// Reads what the kernel has.
fn touch(ops: &Ops<&'static str>, what: &str) {
    for operation in ops.slab.iter() {
        match &operation.held {
            Held::Accept(address) if what == "accept" => {
                black_box(address.bytes());
            }
            Held::Connect(address) if what == "connect" => drop(black_box((**address).clone())),
            held => println!("not touched: {held:?}"),
        }
    }
}

fn in_child(test: &str, what: &str) -> Output {
    Command::new(env::current_exe().unwrap())
        .args([test, "--exact", "--nocapture"])
        .env(TOUCH, what)
        .output()
        .unwrap()
}

#[test]
fn memory_of_an_operation_in_flight_cannot_be_touched() {
    let Some(in_flight) = in_flight() else { return };
    if let Ok(what) = env::var(TOUCH) {
        return touch(&in_flight.ops, &what);
    }
    let (_, module) = module_path!().split_once("::").unwrap();
    let test = format!("{module}::memory_of_an_operation_in_flight_cannot_be_touched");
    for what in ["accept", "connect"] {
        let output = in_child(&test, what);
        let report = String::from_utf8_lossy(&output.stderr);
        assert!(report.contains("use-after-poison"), "{what}: {report}");
        assert!(!output.status.success());
    }
    let untouched = in_child(&test, "nothing");
    assert!(untouched.status.success(), "{untouched:?}");
}

#[test]
fn memory_of_an_operation_that_has_ended_is_ours_again() {
    let Some(mut in_flight) = in_flight() else {
        return;
    };
    let client = TcpStream::connect(in_flight.listener.local_addr().unwrap()).unwrap();
    let ops = &mut in_flight.ops;
    let limit = Duration::from_secs(60);
    assert!(ops.ring().submit_and_wait_timeout(1, limit).unwrap());
    let Some(Event::Accept { result, .. }) = ops.next_event() else {
        panic!("the accept has ended");
    };
    let (_, peer) = result.unwrap();
    assert_eq!(peer.into_addr().as_socket(), client.local_addr().ok());
}
