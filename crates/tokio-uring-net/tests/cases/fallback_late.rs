//! A filter that comes when connections are open already.

use crate::stack::net::{Builder, Driver, DriverChoice, TcpListener, driver};
use crate::support::child;
use crate::support::parent::Parent;
use crate::support::poll::turns;
use crate::support::refuse::{self, Refusal};
use crate::support::setup::{Flavour, Setup, for_each_setup};
use crate::support::tcp::{any_port, client};
use std::io::Write;
use std::thread;
use std::time::Duration;
use tokio::io::AsyncReadExt;

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

/// More sockets begin to wait than the queue has room for, so that an enter fails while some still
/// have to be queued.
fn filter_late_with_a_full_queue(setup: Setup, refusal: Refusal) {
    let readers = async {
        let builder = Builder::new().driver(DriverChoice::IoUring).sq_entries(1);
        builder.install().expect("this machine has the set-up");
        let listener = TcpListener::bind(any_port()).await?;
        let (mut clients, mut readers) = (Vec::new(), Vec::new());
        for _ in 0..8 {
            clients.push(client(listener.local_addr()?)?);
            let (mut stream, _) = listener.accept().await?;
            readers.push(tokio::spawn(async move { stream.read_u8().await }));
        }
        refusal.apply_to_all();
        turns(4).await;
        for client in &mut clients {
            client.write_all(b"x")?;
        }
        for reader in readers {
            assert_eq!(reader.await??, b'x');
        }
        std::io::Result::Ok(())
    };
    let limited = async { tokio::time::timeout(Duration::from_secs(30), readers).await };
    let read = setup.bare_runtime().block_on(limited);
    read.expect("no reader hangs").expect("no reader fails");
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
            if setup.stack.is_ring() && wanted(setup) {
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

#[test]
fn a_filter_that_comes_late_leaves_nobody_in_the_queue() {
    let this = &a_filter_that_comes_late_leaves_nobody_in_the_queue;
    in_processes(this, |_| true, filter_late_with_a_full_queue);
}
