//! Cancelled accepts: every connection is served once.

use crate::stack::net::{TcpListener, TcpStream};
use crate::support::cancel::Canceller;
use crate::support::poll::{BoxFuture, Wakes, turns};
use crate::support::rng::Rng;
use crate::support::setup::on_every_runtime;
use crate::support::tcp::{any_port, client, free_ports_on_close};
use std::future::poll_fn;
use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::Poll;
use tokio::io::AsyncReadExt as _;
use tokio::sync::mpsc;
use tokio::task::coop;

const CANCELLATIONS: usize = 2_000;
/// Under the backlog of a listener, and under the usual limit of descriptors.
const WAITING_MAX: usize = 64;

fn any_accept<'a>(
    listener: &'a TcpListener,
    rng: &mut Rng,
) -> BoxFuture<'a, io::Result<(TcpStream, SocketAddr)>> {
    if rng.one_in(2) {
        Box::pin(listener.accept())
    } else {
        Box::pin(poll_fn(|cx| listener.poll_accept(cx)))
    }
}

/// A client that has connected and sent its number.
fn numbered_client(address: SocketAddr, number: usize) -> io::Result<std::net::TcpStream> {
    let mut client = client(address)?;
    free_ports_on_close(&client)?;
    client.write_all(&number.to_be_bytes())?;
    Ok(client)
}

/// The number that the client behind `stream` has sent.
async fn number_of(stream: &mut TcpStream) -> io::Result<usize> {
    let mut number = [0; size_of::<usize>()];
    stream.read_exact(&mut number).await?;
    Ok(usize::from_be_bytes(number))
}

/// Clients that wait for their turn, in the order of their numbers.
struct Clients {
    address: SocketAddr,
    waiting: std::collections::VecDeque<std::net::TcpStream>,
    served: usize,
}

impl Clients {
    fn connect(&mut self) {
        if self.waiting.len() < WAITING_MAX {
            let number = self.served + self.waiting.len();
            let client = numbered_client(self.address, number);
            self.waiting
                .push_back(client.expect("the listener is open"));
        }
    }

    /// Checks that `stream` is the client that has waited longest.
    async fn serve(&mut self, mut stream: TcpStream, address: SocketAddr) -> io::Result<()> {
        let first = self
            .waiting
            .pop_front()
            .expect("only who connected is accepted");
        assert_eq!(number_of(&mut stream).await?, self.served);
        assert_eq!(address, first.local_addr()?);
        self.served += 1;
        Ok(())
    }
}

#[test]
fn accepts_cancelled_before_and_after_a_connection_arrives_lose_none() {
    let rng = Rng::from_env();
    on_every_runtime(move |_| {
        let rng = rng.clone();
        async move {
            let listener = TcpListener::bind(any_port()).await?;
            let address = listener.local_addr()?;
            let mut clients = Clients {
                address,
                waiting: [].into(),
                served: 0,
            };
            let mut canceller = Canceller::new(rng);
            while canceller.cancelled() < CANCELLATIONS || clients.served < CANCELLATIONS / 4 {
                if canceller.rng.one_in(3) {
                    clients.connect();
                }
                let accept = any_accept(&listener, &mut canceller.rng);
                let disturb = |_: &mut Rng| clients.connect();
                if let Some((stream, address)) = canceller.run(accept, disturb).await.transpose()? {
                    clients.serve(stream, address).await?;
                }
            }
            while !clients.waiting.is_empty() {
                let (stream, address) = listener.accept().await?;
                clients.serve(stream, address).await?;
            }
            Ok(())
        }
    });
}

#[test]
fn every_client_of_a_thread_is_served_once_by_cancelled_accepts() {
    const CLIENTS: usize = 1_000;
    let rng = Rng::from_env();
    on_every_runtime(move |_| {
        let rng = rng.clone();
        async move {
            let listener = TcpListener::bind(any_port()).await?;
            let address = listener.local_addr()?;
            let (open, served) = std::sync::mpsc::sync_channel(WAITING_MAX);
            let thread = std::thread::spawn(move || {
                (0..CLIENTS).try_for_each(|number| {
                    let client = numbered_client(address, number)?;
                    open.send(client)
                        .expect("the test waits for all its clients");
                    io::Result::Ok(())
                })
            });
            let mut canceller = Canceller::new(rng);
            let mut next = 0;
            while next < CLIENTS {
                let accept = any_accept(&listener, &mut canceller.rng);
                if let Some((mut stream, _)) = canceller.run(accept, |_| {}).await.transpose()? {
                    assert_eq!(number_of(&mut stream).await?, next);
                    drop(served.recv().expect("the thread sends before it ends"));
                    next += 1;
                }
            }
            let mut empty = any_accept(&listener, &mut canceller.rng);
            assert!(Wakes::new().poll(&mut empty).is_pending());
            drop(empty);
            let joined = tokio::task::spawn_blocking(|| thread.join()).await?;
            joined.expect("the clients do not panic")
        }
    });
}

/// Accepts in a task, until it is aborted, and reports the number of each client.
async fn accept_all(listener: Arc<TcpListener>, report: mpsc::UnboundedSender<usize>) {
    loop {
        let (stream, _) = listener.accept().await.expect("the listener is open");
        // Nothing from here to the report may wait: an abort would take the client with it.
        let number = number_at_once(stream).expect("the client sends its number");
        report.send(number).expect("the test listens");
    }
}

fn number_at_once(stream: TcpStream) -> io::Result<usize> {
    let mut stream = stream.into_std()?;
    stream.set_nonblocking(false)?;
    let mut number = [0; size_of::<usize>()];
    stream.read_exact(&mut number)?;
    Ok(usize::from_be_bytes(number))
}

/// Several tasks wait on one listener; some of them are aborted whenever a client arrives.
#[test]
fn aborted_waiters_leave_no_connection_unserved() {
    const ROUNDS: usize = 300;
    let rng = Rng::from_env();
    on_every_runtime(move |_| {
        let mut rng = rng.clone();
        async move {
            let listener = Arc::new(TcpListener::bind(any_port()).await?);
            let address = listener.local_addr()?;
            let (report, mut reported) = mpsc::unbounded_channel();
            let mut waiters = tokio::task::JoinSet::new();
            for round in 0..ROUNDS {
                while waiters.len() < 8 {
                    waiters.spawn(accept_all(listener.clone(), report.clone()));
                }
                turns(rng.below(4)).await;
                let client = numbered_client(address, round)?;
                turns(rng.below(3)).await;
                // At most this many of the tasks end; those that stay must serve the client.
                let mut aborted = tokio::task::JoinSet::new();
                std::mem::swap(&mut waiters, &mut aborted);
                waiters.spawn(accept_all(listener.clone(), report.clone()));
                aborted.shutdown().await;
                assert_eq!(reported.recv().await, Some(round));
                drop(client);
            }
            waiters.shutdown().await;
            assert!(reported.try_recv().is_err(), "a client was served twice");
            Ok(())
        }
    });
}

/// A task that has used up its budget of operations is pending although its connection is there.
#[test]
fn an_accept_dropped_for_want_of_budget_keeps_its_connection() {
    on_every_runtime(|_| async {
        let listener = TcpListener::bind(any_port()).await?;
        let wakes = Wakes::new();
        let mut accept = Box::pin(listener.accept());
        assert!(wakes.poll(&mut accept).is_pending());
        turns(2).await;
        let _client = numbered_client(listener.local_addr()?, 7)?;
        wakes.reach(1).await;
        poll_fn(|cx| {
            while let Poll::Ready(unit) = coop::poll_proceed(cx) {
                unit.made_progress();
            }
            assert!(accept.as_mut().poll(cx).is_pending());
            Poll::Ready(())
        })
        .await;
        drop(accept);
        tokio::task::yield_now().await;
        let (mut stream, _) = listener.accept().await?;
        assert_eq!(number_of(&mut stream).await?, 7);
        Ok(())
    });
}
