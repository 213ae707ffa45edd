//! How a watch ends: in vain, with its runtime, or on another thread.

use crate::stack::net::metrics;
use crate::support::HANG;
use crate::support::echo::Client;
use crate::support::poll::turns;
use crate::support::setup::run_task;
use crate::support::tcp::{Origin, pair};
use crate::watch::{LONG, Line, for_each_watching_setup, install, watching_runtime};
use std::io::{self, Read, Write};
use std::thread;
use std::time::Duration;
use tokio::io::AsyncReadExt;
use tokio::task::yield_now;
use tokio::time::{Instant, sleep, timeout};

const LATER: Duration = Duration::from_secs(3_600);

/// Requests that always come too late for the watch.
#[test]
fn a_driver_that_watches_in_vain_gives_it_up() {
    const ROUNDS: u64 = 2_000;
    for_each_watching_setup(|setup| {
        run_task(&watching_runtime(setup, Duration::from_nanos(1)), async {
            let mut line = Line::open().await?;
            for _ in 0..ROUNDS {
                line.event().await?;
                turns(4).await;
            }
            let seen = metrics();
            assert!(seen.busy_misses > 8 && seen.busy_pauses > 4, "{seen:?}");
            assert!(seen.busy_polls < ROUNDS / 20, "{seen:?}");
            Ok(())
        });
    });
}

/// A paused clock moves when the runtime sleeps, and not before.
#[test]
fn a_runtime_that_has_watched_sleeps() {
    for_each_watching_setup(|setup| {
        let runtime = setup.builder().start_paused(true).build();
        let runtime = runtime.expect("a runtime can be built");
        let tested = runtime.block_on(async {
            install(setup, LONG);
            let (mut stream, mut peer) = pair(Origin::Accepted).await?;
            for _ in 0..20 {
                let start = Instant::now();
                assert!(timeout(LATER, stream.read_u8()).await.is_err());
                assert_eq!(start.elapsed(), LATER);
                peer.write_all(b"byte")?;
                timeout(LATER, stream.read_exact(&mut [0; 4])).await??;
                assert_eq!(start.elapsed(), LATER, "the bytes were there");
                sleep(LATER).await;
                assert_eq!(start.elapsed(), 2 * LATER);
            }
            let seen = metrics();
            assert!(seen.busy_misses > 0, "{seen:?}");
            io::Result::Ok(())
        });
        tested.expect("no call fails");
    });
}

#[test]
fn a_runtime_may_end_while_its_driver_watches() {
    for_each_watching_setup(|setup| {
        for _ in 0..20 {
            let runtime = watching_runtime(setup, LONG);
            let begun = runtime.block_on(async {
                let mut line = Line::open().await?;
                let (mut stream, peer) = pair(Origin::Accepted).await?;
                tokio::spawn(async move { stream.read_u8().await });
                line.watch_begins().await?;
                io::Result::Ok((line, peer))
            });
            let (line, mut peer) = begun.expect("no call fails");
            drop(runtime);
            let read = peer.read(&mut [0; 8]).expect("the stream has ended");
            assert_eq!(read, 0);
            drop(line);
        }
    });
}

/// Signals are off during a watch: what the ring was asked for before its thread changes must not be
/// lost. The watch ends at once, because the new thread needs a ring.
#[test]
fn another_thread_may_drive_the_runtime_while_its_driver_watches() {
    for_each_watching_setup(|setup| {
        let runtime = watching_runtime(setup, LONG);
        let opened = runtime
            .block_on(async { io::Result::Ok((Line::open().await?, Client::connect(1).await?)) });
        let (mut line, mut client) = opened.expect("sockets can be made");
        let mut at_once_count = 0;
        for _ in 0..20 {
            let begun = runtime.block_on(line.watch_begins());
            let since = begun.expect("no call fails");
            let round = async {
                while metrics().thread_changes == since.thread_changes {
                    yield_now().await;
                }
                at_once_count += u64::from(metrics().busy_misses == since.busy_misses);
                client.round(1_000).await?;
                line.event().await
            };
            thread::scope(|scope| {
                scope.spawn(|| {
                    let round = runtime.block_on(async { timeout(HANG, round).await });
                    round.expect("no round hangs").expect("no call fails");
                });
            });
            runtime.block_on(async { setup.stack.check_serves() });
        }
        assert!(at_once_count > 0);
    });
}
