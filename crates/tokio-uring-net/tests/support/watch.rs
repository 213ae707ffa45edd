//! A runtime whose driver watches its ring, and a connection that makes it begin.

use crate::stack::net::{Metrics, TcpStream, metrics};
use crate::support::poll::{poll_once, turns};
use crate::support::setup::{Flavour, Setup, for_each_setup};
use crate::support::tcp::{Origin, pair};
use std::io::{self, Write};
use std::time::Duration;
use tokio::io::AsyncReadExt;
use tokio::runtime::Runtime;

/// The longest watch there is.
pub(crate) const LONG: Duration = Duration::from_millis(1);
/// Over before tokio looks for other work while there is a task in its run queue: at the earliest
/// after 31 slices of 2 us.
pub(crate) const SHORT: Duration = Duration::from_micros(50);
/// How often to try what has to be done before a watch ends, on a machine that does other things too.
pub(crate) const ATTEMPTS: usize = 2_000;

/// Runs `test` where the driver can watch.
pub(crate) fn for_each_watching_setup(test: impl Fn(Setup)) {
    for_each_setup(|setup| {
        if setup.flavour == Flavour::CurrentThread && setup.stack.is_ring() {
            test(setup);
        }
    });
}

/// A runtime of this set-up, whose driver watches for so long.
pub(crate) fn watching_runtime(setup: Setup, time: Duration) -> Runtime {
    let runtime = setup.bare_runtime();
    runtime.block_on(async { install(setup, time) });
    runtime
}

/// Has the current runtime's driver watch for so long.
#[track_caller]
pub(crate) fn install(setup: Setup, time: Duration) {
    let builder = setup.stack.builder().busy_poll(time);
    builder.install().expect("this machine has the set-up");
    setup.stack.check_serves();
}

/// Whether the watch that `since` tells of still lasts. It ends with a turn or with a miss.
pub(crate) fn still_watches(since: &Metrics, now: &Metrics) -> bool {
    now.turns == since.turns && now.busy_misses == since.busy_misses
}

/// A connection to a peer that writes when the test says so.
#[derive(Debug)]
pub(crate) struct Line {
    stream: TcpStream,
    peer: std::net::TcpStream,
}

impl Line {
    pub(crate) async fn open() -> io::Result<Line> {
        let (stream, peer) = pair(Origin::Accepted).await?;
        Ok(Line { stream, peer })
    }

    /// One byte comes while a read waits: the driver has an event.
    pub(crate) async fn event(&mut self) -> io::Result<()> {
        let mut read = Box::pin(self.stream.read_u8());
        assert!(poll_once(&mut read).await.is_pending());
        self.peer.write_all(b"x")?;
        read.await.map(drop)
    }

    /// Returns when the driver has begun to watch, and goes on.
    pub(crate) async fn watch_begins(&mut self) -> io::Result<Metrics> {
        // The second event comes under the watch that the first began. So what the attempts of a test
        // have missed does not count.
        self.one_watch_begins().await?;
        self.one_watch_begins().await
    }

    async fn one_watch_begins(&mut self) -> io::Result<Metrics> {
        for _ in 0..ATTEMPTS {
            let before = metrics();
            self.event().await?;
            // The driver has had more than one poll since its turn.
            turns(2).await;
            let now = metrics();
            if now.turns == before.turns + 1
                && now.busy_polls == before.busy_polls + 1
                && now.busy_misses == before.busy_misses
            {
                return Ok(now);
            }
        }
        panic!("the driver does not watch: {:?}", metrics());
    }
}
