//! Cancelled reads, peeks and waits for readiness.

use crate::stack::{self, net::TcpStream};
use crate::support::HANG;
use crate::support::cancel::Canceller;
use crate::support::pattern::Pattern;
use crate::support::poll::BoxFuture;
use crate::support::rng::Rng;
use crate::support::setup::on_every_runtime;
use crate::support::tcp::{Origin, pair};
use std::io::{self, IoSliceMut, Read, Write};
use std::net::Shutdown;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use tokio::io::{AsyncReadExt, Interest};
use tokio::sync::{Mutex, mpsc};

const CANCELLATIONS: usize = 2_000;
const CHUNK: usize = 3_000;

/// What a read did to the stream.
#[derive(Clone, Copy, Debug)]
enum Got {
    Taken(usize),
    Peeked(usize),
}

/// One of the ways to wait for bytes, chosen at random.
fn any_read<'a>(
    stream: &'a mut TcpStream,
    buf: &'a mut [u8],
    rng: &mut Rng,
) -> BoxFuture<'a, io::Result<Got>> {
    match rng.below(8) {
        0 => Box::pin(async { stream.read(buf).await.map(Got::Taken) }),
        1 => Box::pin(async { stream.peek(buf).await.map(Got::Peeked) }),
        2 => Box::pin(async {
            let mut target = &mut buf[..];
            stream.read_buf(&mut target).await.map(Got::Taken)
        }),
        3 => Box::pin(async {
            stream.readable().await?;
            taken(stream.try_read(buf))
        }),
        4 => Box::pin(async {
            stream.readable().await?;
            let (head, tail) = buf.split_at_mut(buf.len() / 2);
            let bufs = &mut [IoSliceMut::new(head), IoSliceMut::new(tail)];
            taken(stream.try_read_vectored(bufs))
        }),
        5 if stack::is_exact(stream) => Box::pin(async {
            let stream = &*stream;
            let read = || recv(stream, buf);
            stream
                .async_io(Interest::READABLE, read)
                .await
                .map(Got::Taken)
        }),
        5 | 6 => Box::pin(async { stream.split().0.read(buf).await.map(Got::Taken) }),
        _ => Box::pin(async { stream.split().0.peek(buf).await.map(Got::Peeked) }),
    }
}

/// Readiness may prove stale: then nothing was taken.
fn taken(result: io::Result<usize>) -> io::Result<Got> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(Got::Peeked(0)),
        result => result.map(Got::Taken),
    }
}

fn recv(stream: &TcpStream, buf: &mut [u8]) -> io::Result<usize> {
    (&*socket2::SockRef::from(stream)).read(buf)
}

/// Sends the next bytes of `sent`, as many as the kernel takes at once.
fn feed(peer: &std::net::TcpStream, sent: &mut Pattern, rng: &mut Rng) {
    let bytes = sent.bytes(1 + rng.below(CHUNK));
    match (&*peer).write(&bytes) {
        Ok(count) => sent.skip(count),
        Err(error) => assert_eq!(error.kind(), io::ErrorKind::WouldBlock),
    }
}

/// Reads what is left to the end of the stream.
async fn read_rest(stream: &mut TcpStream, received: &mut Pattern) -> io::Result<()> {
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).await?;
    received.take(&rest);
    Ok(())
}

async fn cancel_in_step(origin: Origin, rng: Rng) -> io::Result<()> {
    let (mut stream, peer) = pair(origin).await?;
    peer.set_nonblocking(true)?;
    let (mut sent, mut received) = (Pattern::new(1), Pattern::new(1));
    let mut canceller = Canceller::new(rng);
    let mut buf = vec![0; 2 * CHUNK];
    while canceller.cancelled() < CANCELLATIONS {
        if canceller.rng.one_in(3) {
            feed(&peer, &mut sent, &mut canceller.rng);
        }
        let len = 1 + canceller.rng.below(buf.len());
        let read = any_read(&mut stream, &mut buf[..len], &mut canceller.rng);
        let disturb = |rng: &mut Rng| feed(&peer, &mut sent, rng);
        match canceller.run(read, disturb).await.transpose()? {
            Some(Got::Taken(count)) => received.take(&buf[..count]),
            Some(Got::Peeked(count)) => received.check(&buf[..count]),
            None => {}
        }
    }
    peer.shutdown(Shutdown::Write)?;
    read_rest(&mut stream, &mut received).await?;
    assert_eq!(received.offset(), sent.offset());
    Ok(())
}

#[test]
fn reads_cancelled_before_and_after_their_completion_lose_nothing() {
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

/// A thread that writes without pause, but never gets far ahead of what was read.
struct Writer {
    read: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
    thread: JoinHandle<io::Result<u64>>,
}

impl Writer {
    fn start(mut peer: std::net::TcpStream, mut rng: Rng) -> Writer {
        let (read, stop) = (
            Arc::new(AtomicU64::new(0)),
            Arc::new(AtomicBool::new(false)),
        );
        let (seen, stopped) = (read.clone(), stop.clone());
        let thread = std::thread::spawn(move || {
            let mut sent = Pattern::new(1);
            while !stopped.load(Ordering::SeqCst) {
                if sent.offset() < seen.load(Ordering::SeqCst) + 2 * CHUNK as u64 {
                    let len = 1 + rng.below(CHUNK);
                    peer.write_all(&sent.bytes(len))?;
                    sent.skip(len);
                }
                std::thread::yield_now();
            }
            Ok(sent.offset())
        });
        Writer { read, stop, thread }
    }

    /// Ends the stream and answers how long it was.
    async fn finish(self) -> u64 {
        self.stop.store(true, Ordering::SeqCst);
        let joined = tokio::task::spawn_blocking(|| self.thread.join());
        let sent = joined.await.expect("nothing cancels the wait");
        sent.expect("the writer does not panic")
            .expect("the stream is read to its end")
    }
}

async fn cancel_in_race(origin: Origin, mut rng: Rng) -> io::Result<()> {
    let (mut stream, peer) = pair(origin).await?;
    let writer = Writer::start(peer, rng.fork());
    let mut received = Pattern::new(1);
    let mut canceller = Canceller::new(rng);
    let mut buf = vec![0; CHUNK];
    while canceller.cancelled() < CANCELLATIONS || received.offset() < 1 << 18 {
        let len = 1 + canceller.rng.below(buf.len());
        let read = any_read(&mut stream, &mut buf[..len], &mut canceller.rng);
        match canceller.run(read, |_| {}).await.transpose()? {
            Some(Got::Taken(count)) => received.take(&buf[..count]),
            Some(Got::Peeked(count)) => received.check(&buf[..count]),
            None => {}
        }
        writer.read.store(received.offset(), Ordering::SeqCst);
    }
    let sent = writer.finish().await;
    read_rest(&mut stream, &mut received).await?;
    assert_eq!(received.offset(), sent);
    Ok(())
}

#[test]
fn reads_cancelled_while_a_thread_sends_lose_nothing() {
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

/// Polls a read of the stream in a task of its own, and cancels it by aborting the task.
#[test]
fn reads_in_aborted_tasks_lose_nothing() {
    let rng = Rng::from_env();
    on_every_runtime(move |_| {
        let mut rng = rng.clone();
        async move {
            let (stream, peer) = pair(Origin::Accepted).await?;
            let writer = Writer::start(peer, rng.fork());
            let shared = Arc::new(Mutex::new((stream, Pattern::new(1))));
            for _ in 0..CANCELLATIONS {
                let ours = shared.clone();
                let seen = writer.read.clone();
                let task = tokio::spawn(async move {
                    let mut ours = ours.lock().await;
                    let (stream, received) = &mut *ours;
                    let mut buf = [0; CHUNK];
                    loop {
                        let count = stream.read(&mut buf).await?;
                        received.take(&buf[..count]);
                        seen.store(received.offset(), Ordering::SeqCst);
                    }
                });
                for _ in 0..rng.below(4) {
                    tokio::task::yield_now().await;
                }
                task.abort();
                check_aborted(task.await);
            }
            let sent = writer.finish().await;
            let (stream, received) = &mut *shared.lock().await;
            read_rest(stream, received).await?;
            assert_eq!(received.offset(), sent);
            Ok(())
        }
    });
}

fn check_aborted(ended: Result<io::Result<()>, tokio::task::JoinError>) {
    match ended {
        Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
        Err(_) => {}
        Ok(result) => panic!("a read of an open stream ended: {result:?}"),
    }
}

/// The stream goes from task to task; each polls a read once and hands the stream on while that
/// read is in flight.
#[test]
fn a_stream_handed_from_task_to_task_loses_nothing() {
    let rng = Rng::from_env();
    on_every_runtime(move |_| {
        let mut rng = rng.clone();
        async move {
            let (stream, peer) = pair(Origin::Connected).await?;
            let writer = Writer::start(peer, rng.fork());
            let (give, mut take) = mpsc::channel(1);
            let mut holder = (stream, Pattern::new(1), Canceller::new(rng));
            while holder.2.cancelled() < CANCELLATIONS {
                let give = give.clone();
                let seen = writer.read.clone();
                let (mut stream, mut received, mut canceller) = holder;
                tokio::spawn(async move {
                    let mut buf = vec![0; CHUNK];
                    let read = any_read(&mut stream, &mut buf, &mut canceller.rng);
                    match canceller.run(read, |_| {}).await.transpose()? {
                        Some(Got::Taken(count)) => received.take(&buf[..count]),
                        Some(Got::Peeked(count)) => received.check(&buf[..count]),
                        None => {}
                    }
                    seen.store(received.offset(), Ordering::SeqCst);
                    give.send((stream, received, canceller)).await.ok();
                    io::Result::Ok(())
                });
                let next = tokio::time::timeout(HANG, take.recv()).await?;
                holder = next.expect("a sender is left");
            }
            let (mut stream, mut received, _) = holder;
            let sent = writer.finish().await;
            read_rest(&mut stream, &mut received).await?;
            assert_eq!(received.offset(), sent);
            Ok(())
        }
    });
}
