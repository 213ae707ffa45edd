//! How cores end: told to, or by a panic.

use super::serve::on_both_drivers;
use crate::stack::net::per_core::{PerCore, PerCoreError};
use crate::support::poll::poll_once;
use crate::support::setup::{Flavour, Setup, alone};
use std::panic::catch_unwind;
use std::sync::mpsc;
use tokio::sync::Barrier;

#[test]
fn stop_reaches_every_task_of_every_core() {
    on_both_drivers(|cores, _| {
        let all_wait = Barrier::new(2);
        let stopped = cores.run(async |core| {
            let mut waits = Box::pin(core.stopped());
            assert!(poll_once(&mut waits).await.is_pending());
            let task = tokio::spawn({
                let core = core.clone();
                async move { core.stopped().await }
            });
            // One that is cancelled takes nothing from the others.
            let mut cancelled = Box::pin(core.stopped());
            assert!(poll_once(&mut cancelled).await.is_pending());
            drop(cancelled);
            all_wait.wait().await;
            if core.index() == 1 {
                core.stop();
            }
            waits.await;
            task.await.expect("the task ends");
            // Who asks late hears it as well.
            core.stopped().await;
            core.index()
        });
        assert_eq!(stopped.expect("the cores can be set up"), [0, 1]);
    });
}

#[test]
fn the_first_panic_stops_the_other_cores_and_is_reported() {
    on_both_drivers(|cores, _| {
        let result = cores.run(async |core| {
            if core.index() == 1 {
                panic!("core {} has had enough", core.index());
            }
            core.stopped().await;
            panic!("for that reason");
        });
        let Err(PerCoreError::Panicked { cpu, message }) = result.map(|_: Vec<()>| ()) else {
            panic!("a core has panicked");
        };
        assert_eq!(message, "core 1 has had enough");
        assert_eq!(cpu, super::serve::two_cpus()[1]);
    });
}

/// The end of a runtime waits for its blocking work, and that may be waiting for another core.
#[test]
fn a_panic_stops_the_other_cores_before_its_runtime_ends() {
    on_both_drivers(|cores, _| {
        let (tell, told) = mpsc::channel();
        let told = std::sync::Mutex::new(Some(told));
        let result = cores.run(async |core| {
            if core.index() == 0 {
                core.stopped().await;
                return tell.send(()).expect("the blocking work waits");
            }
            let told = told.lock().expect("nobody else has it").take();
            let told = told.expect("it is taken once");
            let (begin, begun) = tokio::sync::oneshot::channel();
            let blocking = tokio::task::spawn_blocking(move || {
                begin.send(()).expect("the core waits");
                told.recv().expect("the other core stops");
            });
            begun.await.expect("the work begins");
            drop(blocking);
            panic!("while it works");
        });
        assert!(matches!(
            result,
            Err(PerCoreError::Panicked { message, .. }) if message == "while it works"
        ));
    });
}

#[test]
fn in_a_runtime_it_panics_and_says_where_it_belongs() {
    let _alone = alone();
    let run = || {
        let ran = catch_unwind(|| PerCore::new().run(async |_| ()));
        let message = ran.map(drop).expect_err("the thread belongs to a runtime");
        let message = message.downcast::<&str>().expect("it is a text");
        assert!(message.contains("std::thread::spawn"), "{message}");
    };
    for setup in Setup::all().filter(|setup| setup.flavour == Flavour::CurrentThread) {
        let runtime = setup.bare_runtime();
        runtime.block_on(async { run() });
        let elsewhere = runtime.block_on(async { tokio::task::spawn_blocking(run).await });
        elsewhere.expect("it panics as it should");
    }
}
