//! Both directions of a connection under cancellation at once, both ends being streams under test.

use crate::stack::net::TcpStream;
use crate::stack::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use crate::support::cancel::Canceller;
use crate::support::pattern::Pattern;
use crate::support::rng::Rng;
use crate::support::setup::on_every_runtime;
use crate::support::tcp::both_ends;
use std::io::{self, ErrorKind};
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt, Interest};

/// More than the kernel holds between two ends of a connection, several times.
const STREAM_BYTES: u64 = 16 << 20;
const CHUNK: usize = 64 << 10;
/// How often each direction is cancelled at the least.
const CANCELLATIONS: usize = 100;

async fn send_half(mut half: OwnedWriteHalf, lane: u64, rng: Rng) -> io::Result<()> {
    let mut canceller = Canceller::new(rng);
    let mut sent = Pattern::new(lane);
    while sent.offset() < STREAM_BYTES || canceller.cancelled() < CANCELLATIONS {
        let bytes = sent.bytes(1 + canceller.rng.below(CHUNK));
        let write = Box::pin(half.write(&bytes));
        let written = canceller.run(write, |_| {}).await.transpose()?;
        sent.skip(written.unwrap_or(0));
    }
    half.shutdown().await
}

async fn receive_half(mut half: OwnedReadHalf, lane: u64, rng: Rng) -> io::Result<u64> {
    let mut canceller = Canceller::new(rng);
    let mut received = Pattern::new(lane);
    let mut buf = vec![0; CHUNK];
    loop {
        if canceller.rng.one_in(4) {
            let peek = Box::pin(half.peek(&mut buf));
            if let Some(count) = canceller.run(peek, |_| {}).await.transpose()? {
                received.check(&buf[..count]);
            }
        }
        let read = Box::pin(half.read(&mut buf));
        match canceller.run(read, |_| {}).await.transpose()? {
            Some(0) => return Ok(received.offset()),
            Some(count) => received.take(&buf[..count]),
            None => {}
        }
    }
}

#[test]
fn owned_halves_carry_exact_streams_in_both_directions() {
    let rng = Rng::from_env();
    on_every_runtime(move |_| {
        let mut rng = rng.clone();
        async move {
            let (one, two) = both_ends().await?;
            let ((read_one, write_one), (read_two, write_two)) =
                (one.into_split(), two.into_split());
            let tasks = (
                tokio::spawn(send_half(write_one, 1, rng.fork())),
                tokio::spawn(send_half(write_two, 2, rng.fork())),
                tokio::spawn(receive_half(read_one, 2, rng.fork())),
                tokio::spawn(receive_half(read_two, 1, rng.fork())),
            );
            tasks.0.await??;
            tasks.1.await??;
            assert!(tasks.2.await?? >= STREAM_BYTES);
            assert!(tasks.3.await?? >= STREAM_BYTES);
            Ok(())
        }
    });
}

/// Sends on `sent` and receives on `received` by readiness alone, until both streams are long
/// enough.
async fn pump(stream: Arc<TcpStream>, lanes: [u64; 2], rng: Rng) -> io::Result<()> {
    let mut canceller = Canceller::new(rng);
    let [mut sent, mut received] = lanes.map(Pattern::new);
    let mut buf = vec![0; CHUNK];
    let mut ended = false;
    let mut shut = false;
    while !(shut && ended) {
        // A side that has ended is ready for ever: to wait for it as well is not to wait at all.
        let interest = match (ended, shut) {
            (false, false) => Interest::READABLE | Interest::WRITABLE,
            (false, true) => Interest::READABLE,
            (true, _) => Interest::WRITABLE,
        };
        let ready = Box::pin(stream.ready(interest));
        let Some(ready) = canceller.run(ready, |_| {}).await.transpose()? else {
            continue;
        };
        if ready.is_readable() && !ended {
            match stream.try_read(&mut buf) {
                Ok(0) => ended = true,
                Ok(count) => received.take(&buf[..count]),
                Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
            }
        }
        if ready.is_writable() && !shut {
            match stream.try_write(&sent.bytes(1 + canceller.rng.below(CHUNK))) {
                Ok(count) => sent.skip(count),
                Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
            }
            if sent.offset() >= STREAM_BYTES {
                socket2::SockRef::from(&*stream).shutdown(std::net::Shutdown::Write)?;
                shut = true;
            }
        }
    }
    assert!(received.offset() >= STREAM_BYTES);
    Ok(())
}

#[test]
fn cancelled_waits_for_both_readinesses_carry_exact_streams() {
    let rng = Rng::from_env();
    on_every_runtime(move |_| {
        let mut rng = rng.clone();
        async move {
            let (one, two) = both_ends().await?;
            let one = tokio::spawn(pump(Arc::new(one), [1, 2], rng.fork()));
            let two = tokio::spawn(pump(Arc::new(two), [2, 1], rng.fork()));
            one.await??;
            two.await?
        }
    });
}
