//! The storms, and what they have to leave behind: nothing.

use crate::listeners::Shared;
use crate::stack::net::{Metrics, metrics};
use crate::support::HANG;
use crate::support::fds::Fds;
use crate::support::poll::turns;
use crate::support::rng::Rng;
use crate::support::setup::{Flavour, Setup, for_each_setup, run_task};
use crate::support::tcp::warm_up;
use crate::worker::{Worker, assert_balanced};
use std::io;
use std::sync::Arc;
use std::time::Instant;
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

/// Operations that a storm drops in flight, all set-ups together.
const DROPS: usize = 100_000;
const SETUPS: usize = 8;
/// Each with both ends of a connection.
const WORKERS: usize = 150;

/// A runtime with next to no room: every queue is full all the time.
fn narrow_runtime(setup: Setup) -> Runtime {
    let runtime = setup.bare_runtime();
    runtime.block_on(async {
        let builder = setup.stack.builder();
        let narrow = builder.sq_entries(2).cq_entries(4).recv_buffers(1);
        narrow.install().expect("this machine has the set-up");
    });
    runtime
}

/// As many workers as there are to be, on the current runtime.
async fn start(rng: &mut Rng, drops: usize) -> io::Result<JoinSet<io::Result<()>>> {
    let shared = Arc::new(Shared::bind().await?);
    let mut workers = JoinSet::new();
    for _ in 0..WORKERS {
        let worker = Worker::new(rng.fork(), shared.clone()).await?;
        workers.spawn(worker.run(drops / WORKERS));
    }
    Ok(workers)
}

async fn finish(mut workers: JoinSet<io::Result<()>>) -> io::Result<()> {
    while let Some(ended) = workers.join_next().await {
        ended.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))?;
    }
    Ok(())
}

/// Waits until everything has returned.
async fn calm(setup: Setup, before: &Fds) -> Metrics {
    before.returned().await;
    let start = Instant::now();
    loop {
        let metrics = metrics();
        assert_balanced(&metrics);
        if metrics.in_flight == 0 && metrics.recv_buffers == 0 {
            setup.stack.check_serves();
            return metrics;
        }
        assert!(start.elapsed() < HANG / 2, "not returned: {metrics:?}");
        turns(1).await;
    }
}

#[test]
fn operations_dropped_at_random_instants_leave_nothing_behind() {
    let rng = Rng::from_env();
    for_each_setup(|setup| {
        let mut rng = rng.clone();
        let runtime = narrow_runtime(setup);
        run_task(&runtime, async move {
            warm_up().await?;
            let before = Fds::now();
            finish(start(&mut rng, DROPS / SETUPS).await?).await?;
            let metrics = calm(setup, &before).await;
            assert_eq!((metrics.leaked, metrics.abandoned), (0, 0), "{metrics:?}");
            assert_eq!(metrics.sqes > 0, setup.stack.is_ring());
            Ok(())
        });
    });
}

/// The ring that the runtime leaves behind takes operations along. They are counted, and what they
/// were for goes on.
#[test]
fn a_storm_goes_on_when_the_runtime_changes_threads() {
    const CHANGES: usize = 40;
    const TURNS: usize = 3;
    let rng = Rng::from_env();
    for_each_setup(|setup| {
        if setup.flavour != Flavour::CurrentThread {
            return;
        }
        let mut rng = rng.clone();
        let runtime = narrow_runtime(setup);
        run_task(&runtime, warm_up());
        let before = Fds::now();
        let workers = runtime.block_on(start(&mut rng, DROPS / SETUPS));
        let workers = workers.expect("sockets can be made");
        for _ in 0..CHANGES {
            std::thread::scope(|scope| {
                scope.spawn(|| runtime.block_on(turns(TURNS)));
            });
        }
        run_task(&runtime, async move {
            finish(workers).await?;
            let metrics = calm(setup, &before).await;
            assert!(metrics.leaked <= metrics.abandoned, "{metrics:?}");
            let is_ring = setup.stack.is_ring();
            assert_eq!(metrics.thread_changes > 0, is_ring, "{metrics:?}");
            assert_eq!(metrics.abandoned > 0, is_ring, "{metrics:?}");
            Ok(())
        });
    });
}
