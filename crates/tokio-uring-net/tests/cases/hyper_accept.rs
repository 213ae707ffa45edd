//! A server without descriptors waits for some, and says so.

use crate::server::{exchange, expect_end, get, hello, start};
use crate::support::child;
use crate::support::fds::Fds;
use crate::support::setup::{Setup, for_each_setup, run_task};
use crate::support::tcp::warm_up;
use crate::support::told::{Listen, events};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::fs::File;
use std::io;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpSocket;
use tracing::Level;

/// Lets the runtime run until an event of `level` has been told whose text has `part` in it.
async fn told(level: Level, part: &str) {
    let has_it = || {
        let events = events();
        events
            .iter()
            .any(|(of, text)| *of == level && text.contains(part))
    };
    while !has_it() {
        tokio::task::yield_now().await;
    }
}

async fn serve_without_descriptors(setup: Setup) -> io::Result<()> {
    warm_up().await?;
    let limit = getrlimit(Resource::Nofile);
    let near = Fds::now().count() as u64 + 32;
    let limit = Rlimit {
        current: Some(near),
        ..limit
    };
    setrlimit(Resource::Nofile, limit)?;
    let mut server = start(setup).await?;
    let mut before = server.connect().await?;
    exchange(&mut before, &get("/1"), &hello("/1")).await?;
    let late = TcpSocket::new_v4()?;
    let mut hogs: Vec<_> = std::iter::from_fn(|| File::open("/dev/null").ok()).collect();

    let mut late = late.connect(server.address).await?;
    told(Level::WARN, "Too many open files").await;
    exchange(&mut before, &get("/2"), &hello("/2")).await?;

    hogs.clear();
    exchange(&mut late, &get("/3"), &hello("/3")).await?;
    // An error of one connection is no warning.
    late.write_all(b"\0\r\n\r\n").await?;
    told(Level::DEBUG, "connection ended").await;
    drop(late);
    let (_, server) = server.stop().await?;
    expect_end(&mut before).await;
    assert_eq!(server.await??.connections_cut, 0);
    Ok(())
}

#[test]
fn without_descriptors_a_server_serves_whom_it_has_and_accepts_later() {
    let in_child = child::runs_case(|case| {
        let setup: Setup = case.parse().expect("the case is a set-up");
        tracing::subscriber::set_global_default(Listen("tokio_uring_net"))
            .expect("nobody listens yet");
        run_task(&setup.runtime(), serve_without_descriptors(setup));
    });
    if !in_child {
        for_each_setup(|setup| {
            let test = &without_descriptors_a_server_serves_whom_it_has_and_accepts_later;
            child::run(test, &setup.to_string());
        });
    }
}
