//! Accepting on Unix listeners: in many tasks, and without descriptors left.

use crate::stack::net::{UnixListener, UnixStream};
use crate::support::child;
use crate::support::fds::{check_emfile, limit_descriptors, use_up_descriptors};
use crate::support::poll::{Wakes, turns};
use crate::support::setup::{Setup, for_each_setup, on_every_runtime, run_task};
use crate::support::tcp::warm_up;
use crate::support::unix::{client, listener, raw};
use socket2::{Domain, Socket, Type};
use std::collections::BTreeSet;
use std::io::{self, Write};
use std::sync::Arc;
use std::task::Poll;
use tokio::io::AsyncReadExt as _;
use tokio::task::JoinSet;

const WAITERS: u8 = 50;

/// The one byte that the client behind `stream` has sent.
async fn number_of(mut stream: UnixStream) -> io::Result<u8> {
    stream.read_u8().await
}

fn spawn_waiters(listener: &Arc<UnixListener>, count: u8) -> JoinSet<io::Result<u8>> {
    let accept = |_| {
        let listener = listener.clone();
        async move { number_of(listener.accept().await?.0).await }
    };
    (0..count).map(accept).collect()
}

async fn numbers(waiters: JoinSet<io::Result<u8>>) -> io::Result<BTreeSet<u8>> {
    waiters.join_all().await.into_iter().collect()
}

#[test]
fn all_tasks_that_wait_on_one_listener_are_served() {
    on_every_runtime(|_| async {
        let (listener, address) = listener()?;
        let listener = Arc::new(listener);
        for turns_between in [0, 3] {
            let waiters = spawn_waiters(&listener, WAITERS);
            turns(3).await;
            let mut clients = Vec::new();
            for number in 0..WAITERS {
                let mut client = client(&address)?;
                client.write_all(&[number])?;
                clients.push(client);
                turns(turns_between).await;
            }
            assert_eq!(numbers(waiters).await?, (0..WAITERS).collect());
        }
        Ok(())
    });
}

/// The tasks that were aborted may be the very ones that the driver was about to wake.
#[test]
fn the_tasks_that_are_left_are_served() {
    on_every_runtime(|_| async {
        let (listener, address) = listener()?;
        let listener = Arc::new(listener);
        let mut aborted = spawn_waiters(&listener, WAITERS / 2);
        turns(1).await;
        let left = spawn_waiters(&listener, WAITERS / 2);
        turns(1).await;
        let mut aborted_too = spawn_waiters(&listener, WAITERS / 2);
        turns(3).await;
        aborted.shutdown().await;
        aborted_too.shutdown().await;
        let mut clients = Vec::new();
        for number in 0..WAITERS / 2 {
            let mut client = client(&address)?;
            client.write_all(&[number])?;
            clients.push(client);
        }
        assert_eq!(numbers(left).await?, (0..WAITERS / 2).collect());
        Ok(())
    });
}

async fn accept_without_descriptors() -> io::Result<()> {
    warm_up().await?;
    limit_descriptors()?;
    let (listener, address) = listener()?;
    let address = raw(&address)?;
    // They connect after the descriptors are used up: their own are open already.
    let client = || Socket::new(Domain::UNIX, Type::STREAM, None);
    let clients = [client()?, client()?, client()?];
    let mut waiting = Box::pin(listener.accept());
    let wakes = Wakes::new();
    assert!(wakes.poll(&mut waiting).is_pending());
    turns(2).await;
    let hogs = use_up_descriptors()?;

    // A caller that waits hears of it.
    clients[0].connect(&address)?;
    wakes.reach(1).await;
    match wakes.poll(&mut waiting) {
        Poll::Ready(accepted) => check_emfile(accepted),
        Poll::Pending => check_emfile(waiting.await),
    }
    // So does every later one, for as long as it lasts.
    check_emfile(listener.accept().await);
    clients[1].connect(&address)?;
    turns(2).await;
    check_emfile(listener.accept().await);

    drop(hogs);
    clients[2].connect(&address)?;
    for (number, mut client) in (0_u8..).zip(&clients) {
        client.write_all(&[number])?;
        assert_eq!(number_of(listener.accept().await?.0).await?, number);
    }
    Ok(())
}

#[test]
fn an_accept_without_descriptors_fails_and_the_next_one_works() {
    let in_child = child::runs_case(|case| {
        let setup: Setup = case.parse().expect("the case is a set-up");
        run_task(&setup.runtime(), accept_without_descriptors());
    });
    if !in_child {
        for_each_setup(|setup| {
            let test = &an_accept_without_descriptors_fails_and_the_next_one_works;
            child::run(test, &setup.to_string());
        });
    }
}
