//! Cores that cannot be set up, or not with a ring.

use super::serve::{on_both_drivers, two_cpus};
use crate::stack::net::per_core::{PerCore, PerCoreError};
use crate::stack::net::{Builder, Driver, DriverChoice, driver};
use crate::support::child;
use crate::support::fds::Fds;
use crate::support::refuse::{self, DRIVER_VARIABLE, Refusal};
use crate::support::setup::alone;
use rustix::thread::{CpuSet, sched_getaffinity};
use std::sync::atomic::{AtomicUsize, Ordering};

/// Runs on `cores`; answers the error, and checks that nothing was run on any of them.
fn fails(cores: PerCore) -> PerCoreError {
    let runs = AtomicUsize::new(0);
    let result = cores.run(async |_| runs.fetch_add(1, Ordering::Relaxed));
    assert_eq!(runs.into_inner(), 0);
    result.expect_err("the cores cannot be set up")
}

#[test]
fn a_cpu_that_is_not_there_is_an_error_and_nothing_runs() {
    let usable = sched_getaffinity(None).expect("a thread may ask");
    let last = CpuSet::MAX_CPU - 1;
    assert!(!usable.is_set(last), "this machine is larger than the test");
    on_both_drivers(|cores, _| {
        let first = two_cpus()[0];
        for absent in [last, 100_000] {
            for list in [[first, absent], [absent, first]] {
                match fails(cores.clone().cpus(list)) {
                    PerCoreError::Setup { cpu, error } => {
                        assert_eq!(cpu, absent);
                        assert!(error.to_string().contains(&format!("[{first}")), "{error}");
                    }
                    error => panic!("{error}"),
                }
            }
        }
    });
}

#[test]
fn no_cpu_at_all_is_an_error() {
    on_both_drivers(|cores, _| {
        let error = fails(cores.cpus([]));
        assert!(error.to_string().contains("PerCore::cpus"), "{error}");
    });
}

#[test]
fn without_a_list_every_cpu_of_the_thread_is_used() {
    let _alone = alone();
    let before = Fds::now();
    let usable = sched_getaffinity(None).expect("a thread may ask");
    let cpus = PerCore::new().run(async |core| core.cpu());
    let cpus = cpus.expect("the cores can be set up");
    let expected: Vec<_> = (0..CpuSet::MAX_CPU)
        .filter(|cpu| usable.is_set(*cpu))
        .collect();
    assert_eq!(cpus, expected);
    before.wait_returned();
}

fn served_by_epoll(refusal: Refusal) {
    let statuses = PerCore::new().cpus(two_cpus()).run(async |_| driver());
    for status in statuses.expect("epoll is there") {
        println!("{status}");
        assert_eq!(status.driver(), Driver::Epoll, "{status}");
        assert!(status.to_string().contains(refusal.hint()), "{status}");
    }
}

fn required_and_refused(refusal: Refusal) {
    let builder = Builder::new().driver(DriverChoice::IoUring);
    let cores = PerCore::new().cpus(two_cpus()).builder(builder);
    let error = fails(cores);
    assert!(matches!(error, PerCoreError::Setup { .. }), "{error}");
    println!("{error}");
    assert!(error.to_string().contains(refusal.hint()), "{error}");
}

/// Also where the ring can be made, and its first use is refused.
#[test]
fn refused_rings_mean_epoll_on_every_core_or_an_error_if_they_are_required() {
    let this = &refused_rings_mean_epoll_on_every_core_or_an_error_if_they_are_required;
    let in_child = child::runs_case(|case| {
        let refusal: Refusal = case.parse().expect("the case is a refusal");
        refusal.apply();
        // For its warm-up.
        let _alone = alone();
        let before = Fds::now();
        served_by_epoll(refusal);
        required_and_refused(refusal);
        before.wait_returned();
    });
    if !in_child {
        refuse::run_all(this);
    }
}

#[test]
fn an_environment_that_says_nothing_sensible_is_an_error_of_every_core() {
    let this = &an_environment_that_says_nothing_sensible_is_an_error_of_every_core;
    let in_child = child::runs_case(|_| {
        let error = fails(PerCore::new().cpus(two_cpus()));
        assert!(error.to_string().contains(DRIVER_VARIABLE), "{error}");
    });
    if !in_child {
        let _alone = alone();
        let mut command = child::command(this, "nonsense");
        command.env(DRIVER_VARIABLE, "nonsense");
        child::finish("nonsense", command);
    }
}
