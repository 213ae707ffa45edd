//! Calls of a forked child on a stream of its parent's send nothing of its parent's queue.

use crate::flow::{coalesce, for_each_setup, receive, write};
use crate::stack::net::TcpStream;
use crate::support::child;
use crate::support::fork::fork;
use crate::support::pattern::Pattern;
use crate::support::poll::Wakes;
use crate::support::setup::{Setup, run_task};
use crate::support::tcp::{Origin, pair};
use std::io;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const LEN: usize = 100;

/// Queues, has `call` happen in a forked child, and checks that the peer gets every byte of the parent
/// once.
async fn queue_and_fork(call: fn(&mut TcpStream)) -> io::Result<()> {
    let (mut stream, peer) = pair(Origin::Accepted).await?;
    let mut sent = Pattern::new(1);
    coalesce(&mut stream, &peer, &mut sent).await?;
    let mut received = sent;
    write(&mut stream, &mut sent, LEN).await?;
    fork(|| call(&mut stream)).wait();
    write(&mut stream, &mut sent, LEN).await?;
    stream.flush().await?;
    receive(&peer, &mut received, 2 * LEN)
}

fn sends_nothing<T: Fn()>(this: &T, call: fn(&mut TcpStream)) {
    let in_child = child::runs_case(|case| {
        let setup: Setup = case.parse().expect("the case is a set-up");
        run_task(&setup.runtime(), queue_and_fork(call));
    });
    if !in_child {
        for_each_setup(|setup| child::run(this, &setup.to_string()));
    }
}

#[test]
fn a_childs_try_read_sends_nothing_of_its_parents_queue() {
    let this = &a_childs_try_read_sends_nothing_of_its_parents_queue;
    sends_nothing(this, |stream| {
        assert!(stream.try_read(&mut [0; 8]).is_err());
    });
}

#[test]
fn a_childs_read_sends_nothing_of_its_parents_queue() {
    let this = &a_childs_read_sends_nothing_of_its_parents_queue;
    sends_nothing(this, |stream| {
        let mut buf = [0; 8];
        // It may fail, or wait.
        let _ = Wakes::new().poll(&mut Box::pin(stream.read(&mut buf)));
    });
}

#[test]
fn a_childs_flush_sends_nothing_of_its_parents_queue() {
    let this = &a_childs_flush_sends_nothing_of_its_parents_queue;
    sends_nothing(this, |stream| {
        // It may fail, or wait.
        let _ = Wakes::new().poll(&mut Box::pin(stream.flush()));
    });
}

/// A write of nothing, which would take the inherited queue along.
#[test]
fn a_childs_write_sends_nothing_of_its_parents_queue() {
    let this = &a_childs_write_sends_nothing_of_its_parents_queue;
    sends_nothing(this, |stream| {
        let _ = stream.try_write(&[]);
    });
}
