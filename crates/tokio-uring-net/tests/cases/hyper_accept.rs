//! A server without descriptors waits for some, and says so.

use crate::server::{exchange, expect_end, get, hello, start};
use crate::support::child;
use crate::support::fds::Fds;
use crate::support::setup::{Setup, for_each_setup, run_task};
use crate::support::tcp::warm_up;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::fmt;
use std::fs::File;
use std::io;
use std::sync::Mutex;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpSocket;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Metadata, Subscriber, span};

/// What the crate has told by `tracing`.
static TOLD: Mutex<Vec<(Level, String)>> = Mutex::new(Vec::new());

/// Keeps the events of this crate.
struct Listen;

impl Subscriber for Listen {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.is_event() && metadata.target().starts_with("tokio_uring_net")
    }

    fn event(&self, event: &Event<'_>) {
        let mut text = Text(String::new());
        event.record(&mut text);
        let mut told = TOLD.lock().expect("no test panics with it");
        told.push((*event.metadata().level(), text.0));
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
    fn enter(&self, _: &span::Id) {}
    fn exit(&self, _: &span::Id) {}
}

struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0 += &format!("{field}={value:?} ");
    }
}

/// Lets the runtime run until an event of `level` has been told whose text has `part` in it.
async fn told(level: Level, part: &str) {
    let has_it = || {
        let told = TOLD.lock().expect("no test panics with it");
        told.iter()
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
        tracing::subscriber::set_global_default(Listen).expect("nobody listens yet");
        run_task(&setup.runtime(), serve_without_descriptors(setup));
    });
    if !in_child {
        for_each_setup(|setup| {
            let test = &without_descriptors_a_server_serves_whom_it_has_and_accepts_later;
            child::run(test, &setup.to_string());
        });
    }
}
