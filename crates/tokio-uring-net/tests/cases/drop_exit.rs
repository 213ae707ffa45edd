//! What a process has written arrives, however it leaves `main`.

use crate::stack::net::TcpStream;
use crate::support::child;
use crate::support::closing::{SIZES, read_all};
use crate::support::pattern::Pattern;
use crate::support::poll::{Wakes, turns};
use crate::support::setup::{Setup, for_each_setup};
use crate::support::tcp::any_port;
use std::net::{SocketAddr, TcpListener};
use std::process::Stdio;
use std::sync::OnceLock;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const ADDRESS: &str = "TOKIO_URING_NET_TEST_ADDRESS";

/// How a process leaves `main` after its last write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Leave {
    /// The stream is dropped, then the runtime, then `main` returns.
    Return,
    /// `main` returns while the stream is in a static and its runtime is never dropped.
    ReturnWithStatic,
    /// A task ends the process while it holds the stream.
    ExitInTask,
}

const LEAVES: [Leave; 3] = [Leave::Return, Leave::ReturnWithStatic, Leave::ExitInTask];

/// The process itself: sends `size` bytes and leaves.
fn leave(setup: Setup, how: Leave, size: usize) {
    static STREAM: OnceLock<TcpStream> = OnceLock::new();
    let address = std::env::var(ADDRESS).expect("the parent says where it listens");
    let address: SocketAddr = address.parse().expect("it is an address");
    let runtime = setup.runtime();
    runtime.block_on(async {
        let mut stream = TcpStream::connect(address)
            .await
            .expect("the parent listens");
        let mut buf = [0; 8];
        let mut read = Box::pin(stream.read(&mut buf));
        assert!(Wakes::new().poll(&mut read).is_pending());
        turns(2).await;
        drop(read);
        let bytes = Pattern::new(1).bytes(size);
        stream.write_all(&bytes).await.expect("the parent reads");
        match how {
            Leave::Return => drop(stream),
            Leave::ReturnWithStatic => STREAM.set(stream).expect("it is empty"),
            Leave::ExitInTask => std::process::exit(0),
        }
    });
    if how == Leave::ReturnWithStatic {
        child::keep(runtime);
    }
}

fn parse(case: &str) -> (Setup, Leave, usize) {
    let mut words = case.split(' ');
    let mut word = || words.next().expect("a case is three words");
    let setup = word().parse().expect("the first is a set-up");
    let how = word();
    let how = LEAVES
        .into_iter()
        .find(|leave| format!("{leave:?}") == how)
        .expect("the second is a way to leave");
    (setup, how, word().parse().expect("the third is a size"))
}

#[test]
fn a_process_that_leaves_main_delivers_what_it_wrote() {
    let in_child = child::runs_case(|case| {
        let (setup, how, size) = parse(case);
        leave(setup, how, size);
    });
    if in_child {
        return;
    }
    for_each_setup(|setup| {
        for how in LEAVES {
            for size in SIZES {
                let listener = TcpListener::bind(any_port()).expect("a port is free");
                let address = listener.local_addr().expect("it is bound").to_string();
                let case = format!("{setup} {how:?} {size}");
                let mut process =
                    child::command(&a_process_that_leaves_main_delivers_what_it_wrote, &case);
                process.env(ADDRESS, address).stdout(Stdio::piped());
                let process = process.spawn().expect("this binary can be run again");
                let (peer, _) = listener.accept().expect("the process connects");
                read_all(&peer, size);
                let output = process.wait_with_output().expect("the process ends");
                assert!(output.status.success(), "{case}: {output:?}");
            }
        }
    });
}
