//! Accepting without descriptors left, and accepting in many tasks.

use crate::stack::net::{TcpListener, TcpStream};
use crate::support::child;
use crate::support::fds::{check_emfile, limit_descriptors, use_up_descriptors};
use crate::support::poll::{Wakes, turns};
use crate::support::setup::{Setup, for_each_setup, on_every_runtime, run_task};
use crate::support::tcp::{any_port, client, warm_up};
use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;
use std::task::Poll;
use tokio::task::JoinSet;

/// A client that connects after the descriptors are used up: its own is open already.
struct Client(socket2::Socket);

impl Client {
    fn new() -> io::Result<Client> {
        let domain = socket2::Domain::IPV4;
        socket2::Socket::new(domain, socket2::Type::STREAM, None).map(Client)
    }
}

async fn accept_without_descriptors() -> io::Result<()> {
    warm_up().await?;
    limit_descriptors()?;
    let listener = TcpListener::bind(any_port()).await?;
    let address = listener.local_addr()?.into();
    let clients = [Client::new()?, Client::new()?, Client::new()?];
    let mut waiting = Box::pin(listener.accept());
    let wakes = Wakes::new();
    assert!(wakes.poll(&mut waiting).is_pending());
    turns(2).await;
    let hogs = use_up_descriptors()?;

    // A caller that waits hears of it.
    clients[0].0.connect(&address)?;
    wakes.reach(1).await;
    match wakes.poll(&mut waiting) {
        Poll::Ready(accepted) => check_emfile(accepted),
        Poll::Pending => check_emfile(waiting.await),
    }
    // So does every later one, for as long as it lasts.
    check_emfile(listener.accept().await);
    clients[1].0.connect(&address)?;
    turns(2).await;
    check_emfile(listener.accept().await);

    drop(hogs);
    clients[2].0.connect(&address)?;
    for client in &clients {
        let (_, from) = listener.accept().await?;
        assert_eq!(Some(from), client.0.local_addr()?.as_socket());
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

const WAITERS: usize = 50;

fn spawn_waiters(listener: &Arc<TcpListener>, count: usize) -> JoinSet<io::Result<u16>> {
    let accept = |_| {
        let listener = listener.clone();
        async move {
            let (_stream, address): (TcpStream, _) = listener.accept().await?;
            Ok(address.port())
        }
    };
    (0..count).map(accept).collect()
}

async fn ports(waiters: JoinSet<io::Result<u16>>) -> io::Result<BTreeSet<u16>> {
    let ports = waiters.join_all().await;
    ports.into_iter().collect()
}

#[test]
fn all_tasks_that_wait_on_one_listener_are_served() {
    on_every_runtime(|_| async {
        let listener = Arc::new(TcpListener::bind(any_port()).await?);
        for turns_between in [0, 3] {
            let waiters = spawn_waiters(&listener, WAITERS);
            turns(3).await;
            let mut clients = Vec::new();
            for _ in 0..WAITERS {
                clients.push(client(listener.local_addr()?)?);
                turns(turns_between).await;
            }
            let expected: io::Result<_> = clients
                .iter()
                .map(|client| Ok(client.local_addr()?.port()))
                .collect();
            assert_eq!(ports(waiters).await?, expected?);
        }
        Ok(())
    });
}

/// The tasks that were aborted may be the very ones that the driver was about to wake.
#[test]
fn the_tasks_that_are_left_are_served() {
    on_every_runtime(|_| async {
        let listener = Arc::new(TcpListener::bind(any_port()).await?);
        let mut aborted = spawn_waiters(&listener, WAITERS / 2);
        turns(1).await;
        let left = spawn_waiters(&listener, WAITERS / 2);
        turns(1).await;
        let mut aborted_too = spawn_waiters(&listener, WAITERS / 2);
        turns(3).await;
        aborted.shutdown().await;
        aborted_too.shutdown().await;
        let clients: io::Result<Vec<_>> = (0..WAITERS / 2)
            .map(|_| client(listener.local_addr()?))
            .collect();
        assert_eq!(ports(left).await?.len(), clients?.len());
        Ok(())
    });
}
