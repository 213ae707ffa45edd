//! A filter that comes when connections are open already.

use crate::stack::Stack;
use crate::stack::net::{Driver, driver};
use crate::support::child;
use crate::support::parent::Parent;
use crate::support::refuse::{self, Refusal};
use crate::support::setup::{Flavour, Setup, for_each_setup};
use std::thread;

/// Connections are open, reads and an accept wait; then comes the filter.
fn filter_late(setup: Setup, refusal: Refusal) {
    let mut process = Parent::start(setup);
    refusal.apply_to_all();
    process.goes_on();
    let status = process.runtime.block_on(async { driver() });
    println!("{setup}: {status}");
    if refusal.is_of("io_uring_enter") {
        assert_eq!(status.driver(), Driver::Epoll, "{status}");
        let text = status.to_string();
        assert!(text.contains(refusal.hint()), "{text}");
    }
}

/// A current_thread runtime that another thread drives needs a new ring, which it does not get.
fn move_late(setup: Setup, refusal: Refusal) {
    let mut process = Parent::start(setup);
    refusal.apply_to_all();
    let status = thread::scope(|scope| {
        let mover = scope.spawn(|| {
            process.goes_on();
            process.runtime.block_on(async { driver() })
        });
        mover.join().expect("everything goes on")
    });
    println!("{setup}: {status}");
    assert_eq!(status.driver(), Driver::Epoll, "{status}");
    let text = status.to_string();
    assert!(text.contains(refusal.hint()), "{text}");
}

/// Runs `test` with every refusal under every set-up with a ring, in processes of their own.
fn in_processes<T: Fn()>(this: &T, wanted: fn(Setup) -> bool, test: fn(Setup, Refusal)) {
    let in_child = child::runs_case(|case| {
        let (setup, refusal) = case.split_once(' ').expect("a case is two words");
        let setup = setup.parse().expect("the first is a set-up");
        test(setup, refusal.parse().expect("the second is a refusal"));
    });
    if !in_child {
        for_each_setup(|setup| {
            if setup.stack == Stack::IoUring && wanted(setup) {
                for refusal in refuse::all() {
                    child::run(this, &format!("{setup} {refusal}"));
                }
            }
        });
    }
}

#[test]
fn a_filter_that_comes_late_ends_no_connection() {
    let this = &a_filter_that_comes_late_ends_no_connection;
    in_processes(this, |_| true, filter_late);
}

#[test]
fn a_runtime_that_moves_after_a_filter_has_come_keeps_its_connections() {
    let this = &a_runtime_that_moves_after_a_filter_has_come_keeps_its_connections;
    let current_thread = |setup: Setup| setup.flavour == Flavour::CurrentThread;
    in_processes(this, current_thread, move_late);
}
