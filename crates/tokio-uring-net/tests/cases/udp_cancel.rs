//! Cancelled receives, peeks and waits for a datagram.

use crate::stack::net::UdpSocket;
use crate::support::HANG;
use crate::support::cancel::Canceller;
use crate::support::poll::{BoxFuture, turns};
use crate::support::rng::Rng;
use crate::support::setup::on_every_runtime;
use crate::support::udp::{AHEAD_MAX, Origin, Series, pair};
use std::future::poll_fn;
use std::io::{self, ErrorKind, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use tokio::io::{Interest, ReadBuf};
use tokio::sync::Mutex;

const CANCELLATIONS: usize = 1_000;

/// What a call did to the socket.
#[derive(Clone, Copy, Debug)]
enum Got {
    Taken(usize),
    Peeked(usize),
    Nothing,
}

/// One of the ways to wait for a datagram, chosen at random.
fn any_call<'a>(
    socket: &'a UdpSocket,
    buf: &'a mut [u8],
    rng: &mut Rng,
) -> BoxFuture<'a, io::Result<Got>> {
    match rng.below(11) {
        0 => Box::pin(async { socket.recv(buf).await.map(Got::Taken) }),
        1 => Box::pin(async { Ok(Got::Taken(socket.recv_from(buf).await?.0)) }),
        2 => Box::pin(async {
            let mut target = &mut buf[..];
            socket.recv_buf(&mut target).await.map(Got::Taken)
        }),
        3 => Box::pin(async {
            let mut target = &mut buf[..];
            Ok(Got::Taken(socket.recv_buf_from(&mut target).await?.0))
        }),
        4 => Box::pin(async { socket.peek(buf).await.map(Got::Peeked) }),
        5 => Box::pin(async { Ok(Got::Peeked(socket.peek_from(buf).await?.0)) }),
        6 => Box::pin(async { socket.peek_sender().await.map(|_| Got::Nothing) }),
        7 => Box::pin(async {
            socket.readable().await?;
            // Readiness may prove stale: then nothing was taken.
            match socket.try_recv(buf) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(Got::Nothing),
                result => result.map(Got::Taken),
            }
        }),
        8 => Box::pin(async move {
            let recv = || (&*socket2::SockRef::from(socket)).read(buf);
            let received = socket.async_io(Interest::READABLE, recv).await;
            received.map(Got::Taken)
        }),
        9 => Box::pin(async {
            let mut target = ReadBuf::new(buf);
            poll_fn(|cx| socket.poll_recv(cx, &mut target)).await?;
            Ok(Got::Taken(target.filled().len()))
        }),
        _ => Box::pin(async {
            let mut target = ReadBuf::new(buf);
            poll_fn(|cx| socket.poll_peek_from(cx, &mut target)).await?;
            Ok(Got::Peeked(target.filled().len()))
        }),
    }
}

/// Makes one call and drops it at some point.
async fn cancel_one(
    socket: &UdpSocket,
    received: &mut Series,
    canceller: &mut Canceller,
    disturb: impl FnMut(&mut Rng),
) -> io::Result<()> {
    let mut buf = vec![0; Series::ROOM];
    let call = any_call(socket, &mut buf, &mut canceller.rng);
    match canceller.run(call, disturb).await.transpose()? {
        Some(Got::Taken(count)) => received.take(&buf[..count]),
        Some(Got::Peeked(count)) => received.check(&buf[..count]),
        Some(Got::Nothing) | None => {}
    }
    Ok(())
}

/// Receives what is left of `sent` datagrams, and finds no other.
async fn receive_rest(socket: &UdpSocket, received: &mut Series, sent: u64) -> io::Result<()> {
    let mut buf = [0; Series::ROOM];
    while received.count() < sent {
        let count = tokio::time::timeout(HANG, socket.recv(&mut buf)).await??;
        received.take(&buf[..count]);
    }
    turns(3).await;
    let more = socket.try_recv(&mut buf).map_err(|error| error.kind());
    assert_eq!(more, Err(ErrorKind::WouldBlock));
    Ok(())
}

async fn cancel_in_step(origin: Origin, rng: Rng) -> io::Result<()> {
    let (socket, peer) = pair(origin).await?;
    let (mut sent, mut received) = (Series::default(), Series::default());
    let mut canceller = Canceller::new(rng);
    while canceller.cancelled() < CANCELLATIONS {
        let so_far = received.count();
        let mut feed = |_: &mut Rng| {
            if sent.count() < so_far + AHEAD_MAX {
                peer.send(&sent.next())
                    .expect("the loopback takes a datagram");
            }
        };
        if canceller.rng.one_in(3) {
            feed(&mut canceller.rng);
        }
        cancel_one(&socket, &mut received, &mut canceller, feed).await?;
    }
    receive_rest(&socket, &mut received, sent.count()).await
}

#[test]
fn calls_cancelled_before_and_after_a_datagram_comes_lose_none() {
    let rng = Rng::from_env();
    on_every_runtime(move |_| {
        let mut rng = rng.clone();
        async move {
            for origin in Origin::ALL {
                cancel_in_step(origin, rng.fork()).await?;
            }
            Ok(())
        }
    });
}

/// A thread that sends without pause, but stays so close to what was received that calls often wait.
struct Sender {
    received: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
    thread: JoinHandle<io::Result<u64>>,
}

impl Sender {
    fn start(peer: std::net::UdpSocket) -> Sender {
        let received = Arc::new(AtomicU64::new(0));
        let stop = Arc::new(AtomicBool::new(false));
        let (seen, stopped) = (received.clone(), stop.clone());
        let thread = std::thread::spawn(move || {
            let mut sent = Series::default();
            while !stopped.load(Ordering::SeqCst) {
                if sent.count() < seen.load(Ordering::SeqCst) + 8 {
                    peer.send(&sent.next())?;
                }
                std::thread::yield_now();
            }
            Ok(sent.count())
        });
        Sender {
            received,
            stop,
            thread,
        }
    }

    /// Stops, and answers how many it has sent.
    async fn finish(self) -> io::Result<u64> {
        self.stop.store(true, Ordering::SeqCst);
        let joined = tokio::task::spawn_blocking(|| self.thread.join()).await;
        joined
            .expect("nothing cancels the wait")
            .expect("the sender does not panic")
    }
}

async fn cancel_in_race(origin: Origin, rng: Rng) -> io::Result<()> {
    let (socket, peer) = pair(origin).await?;
    let sender = Sender::start(peer);
    let mut received = Series::default();
    let mut canceller = Canceller::new(rng);
    let mut calls = 0;
    // How often a call waits is up to the scheduler of the machine.
    while calls < 3 * CANCELLATIONS || received.count() < 100 || canceller.cancelled() < 100 {
        calls += 1;
        cancel_one(&socket, &mut received, &mut canceller, |_| {}).await?;
        sender.received.store(received.count(), Ordering::SeqCst);
    }
    let sent = sender.finish().await?;
    receive_rest(&socket, &mut received, sent).await
}

#[test]
fn calls_cancelled_while_a_thread_sends_lose_no_datagram() {
    let rng = Rng::from_env();
    on_every_runtime(move |_| {
        let mut rng = rng.clone();
        async move {
            for origin in Origin::ALL {
                cancel_in_race(origin, rng.fork()).await?;
            }
            Ok(())
        }
    });
}

/// Each task polls receives of its own, and is aborted at some point.
#[test]
fn receives_in_aborted_tasks_lose_no_datagram() {
    let rng = Rng::from_env();
    on_every_runtime(move |_| {
        let mut rng = rng.clone();
        async move {
            let (socket, peer) = pair(Origin::Bound).await?;
            let sender = Sender::start(peer);
            let shared = Arc::new(Mutex::new((socket, Series::default())));
            for _ in 0..CANCELLATIONS {
                let (ours, seen) = (shared.clone(), sender.received.clone());
                let task = tokio::spawn(async move {
                    let mut ours = ours.lock().await;
                    let (socket, received) = &mut *ours;
                    let mut buf = [0; Series::ROOM];
                    loop {
                        let (count, _) = socket.recv_from(&mut buf).await?;
                        received.take(&buf[..count]);
                        seen.store(received.count(), Ordering::SeqCst);
                    }
                });
                turns(rng.below(4)).await;
                task.abort();
                check_aborted(task.await);
            }
            let sent = sender.finish().await?;
            let (socket, received) = &mut *shared.lock().await;
            receive_rest(socket, received, sent).await
        }
    });
}

fn check_aborted(ended: Result<io::Result<()>, tokio::task::JoinError>) {
    match ended {
        Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
        Err(_) => {}
        Ok(result) => panic!("a loop of receives ended: {result:?}"),
    }
}
