//! Leases of receive buffers: what was received, without a copy, for as long as the program likes.

use crate::pools::on_every_pool;
use crate::stack::net::{Buffered, Lease, Mode, TcpStream, metrics};
use crate::support::HANG;
use crate::support::cancel::Canceller;
use crate::support::closing::join;
use crate::support::pattern::Pattern;
use crate::support::poll::{BoxFuture, Wakes, poll_once, turns};
use crate::support::ready::kind;
use crate::support::rng::Rng;
use crate::support::setup::{for_each_setup, on_every_runtime, run_task};
use crate::support::tcp::{Origin, both_ends, free_ports_on_close, pair};
use bytes::Bytes;
use std::io::{self, ErrorKind, Read, Write};
use std::net::Shutdown;
use std::sync::mpsc::channel;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt};

const CANCELLATIONS: usize = 500;
const BUFFER_BYTES: usize = 4096;
/// How many leases of one stream there may be.
const LEASES: usize = 64;

fn feed(peer: &std::net::TcpStream, sent: &mut Pattern, rng: &mut Rng) {
    let bytes = sent.bytes(1 + rng.below(9_000));
    match (&*peer).write(&bytes) {
        Ok(count) => sent.skip(count),
        Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
    }
}

/// One of the ways to receive, chosen at random; most of them leases.
fn any_read<'a>(stream: &'a mut TcpStream, rng: &mut Rng) -> BoxFuture<'a, io::Result<Bytes>> {
    let len = 1 + rng.below(6_000);
    match rng.below(6) {
        0..3 => Box::pin(async { Ok(Bytes::from(stream.recv_owned().await?)) }),
        3 => Box::pin(async { Ok(Bytes::from(stream.split().0.recv_owned().await?)) }),
        4 => Box::pin(async move {
            let mut buffered = Buffered::new(stream);
            let lent = buffered.fill_buf().await?;
            let bytes = Bytes::copy_from_slice(&lent[..len.min(lent.len())]);
            buffered.consume(bytes.len());
            Ok(bytes)
        }),
        _ => Box::pin(async move {
            let mut bytes = vec![0; len];
            let count = stream.read(&mut bytes).await?;
            bytes.truncate(count);
            Ok(Bytes::from(bytes))
        }),
    }
}

#[test]
fn leases_among_other_reads_and_cancelled_lose_no_byte() {
    let rng = Rng::from_env();
    on_every_pool(move |_, _| {
        let mut rng = rng.clone();
        async move {
            for origin in Origin::ALL {
                let (mut stream, peer) = pair(origin).await?;
                peer.set_nonblocking(true)?;
                let (mut sent, mut received) = (Pattern::new(1), Pattern::new(1));
                let mut canceller = Canceller::new(rng.fork());
                // Each is looked at again later, when its buffer could have been used anew.
                let mut kept: Vec<(Pattern, Bytes)> = Vec::new();
                while canceller.cancelled() < CANCELLATIONS {
                    if canceller.rng.one_in(3) {
                        feed(&peer, &mut sent, &mut canceller.rng);
                    }
                    let read = any_read(&mut stream, &mut canceller.rng);
                    let disturb = |rng: &mut Rng| feed(&peer, &mut sent, rng);
                    if let Some(bytes) = canceller.run(read, disturb).await.transpose()? {
                        let at = received;
                        received.take(&bytes);
                        kept.push((at, bytes));
                    }
                    while kept.len() > canceller.rng.below(LEASES) {
                        let (at, bytes) = kept.swap_remove(canceller.rng.below(kept.len()));
                        at.check(&bytes);
                    }
                }
                kept.clear();
                peer.shutdown(Shutdown::Write)?;
                loop {
                    let lease = stream.recv_owned().await?;
                    if lease.is_empty() {
                        break;
                    }
                    received.take(&lease);
                }
                let end = stream.recv_owned().await?;
                assert!(end.is_empty(), "the end stays");
                assert_eq!(metrics().recv_buffers, 0, "and holds no buffer");
                drop(end);
                assert_eq!(received.offset(), sent.offset());
            }
            Ok(())
        }
    });
}

#[test]
fn leases_outlive_their_stream_and_their_runtime() {
    for_each_setup(|setup| {
        let runtime = setup.runtime();
        let (tell, told) = channel::<Vec<Lease>>();
        let sent = Pattern::new(1);
        run_task(&runtime, async move {
            let (mut stream, mut peer) = pair(Origin::Accepted).await?;
            let (mut leases, mut received) = (Vec::new(), 0);
            peer.write_all(&sent.bytes(10 * BUFFER_BYTES))?;
            while received < 10 * BUFFER_BYTES {
                leases.push(stream.recv_owned().await?);
                received += leases.last().map_or(0, |lease| lease.len());
            }
            assert_eq!(metrics().recv_buffers, leases.len() as u64);
            drop(stream);
            assert_eq!(metrics().recv_buffers, leases.len() as u64);
            tell.send(leases).expect("the test waits");
            Ok(())
        });
        drop(runtime);
        let leases = told.recv().expect("the task has sent them");
        let check = move || {
            let mut received = sent;
            leases.iter().for_each(|lease| received.take(lease));
        };
        std::thread::spawn(check)
            .join()
            .expect("the bytes are there");
    });
}

/// A stream that has as many leases as it may.
async fn held(origin: Origin) -> io::Result<(TcpStream, std::net::TcpStream, Vec<Lease>)> {
    let (mut stream, mut peer) = pair(origin).await?;
    let mut leases = Vec::new();
    while leases.len() < LEASES {
        peer.write_all(b"x")?;
        leases.push(stream.recv_owned().await?);
    }
    peer.write_all(b"y")?;
    Ok((stream, peer, leases))
}

#[test]
fn a_stream_whose_leases_are_held_waits_for_one_and_holds_back_no_other() {
    on_every_pool(|_, _| async {
        for origin in Origin::ALL {
            let (mut stream, _peer, mut leases) = held(origin).await?;
            let wakes = Wakes::new();
            let mut next = Box::pin(stream.recv_owned());
            for _ in 0..10 {
                assert!(wakes.poll(&mut next).is_pending());
                turns(1).await;
            }
            let (mut other, mut peer) = pair(origin).await?;
            peer.write_all(b"other")?;
            assert_eq!(&*other.recv_owned().await?, b"other");
            assert_eq!(wakes.count(), 0, "it sleeps");
            let lease = leases.pop().expect("there are many");
            std::thread::spawn(|| drop(lease)).join().expect("no panic");
            assert_eq!(wakes.count(), 1);
            assert_eq!(&*next.await?, b"y");
        }
        Ok(())
    });
}

#[test]
fn a_waiter_that_was_dropped_leaves_the_next_lease_to_the_next_call() {
    on_every_pool(|_, _| async {
        let (mut stream, _peer, mut leases) = held(Origin::Accepted).await?;
        assert!(
            poll_once(&mut Box::pin(stream.recv_owned()))
                .await
                .is_pending()
        );
        leases.truncate(LEASES - 1);
        assert_eq!(&*stream.recv_owned().await?, b"y");
        Ok(())
    });
}

/// Leases come back from another thread at any moment: a lost wake-up would hang.
#[test]
fn no_wake_up_is_lost_when_leases_return_from_another_thread() {
    on_every_pool(|_, _| async {
        let (mut stream, mut peer) = pair(Origin::Accepted).await?;
        const BYTES: usize = 4 << 20;
        let sent = Pattern::new(1);
        let writer = std::thread::spawn(move || {
            peer.write_all(&sent.bytes(BYTES))
                .expect("the stream reads");
        });
        let (give, take) = channel::<Lease>();
        let dropper = std::thread::spawn(move || {
            let mut received = sent;
            take.iter().for_each(|lease| received.take(&lease));
            assert_eq!(received.offset(), BYTES as u64);
        });
        loop {
            let lease = stream.recv_owned().await?;
            if lease.is_empty() {
                break;
            }
            give.send(lease).expect("the dropper waits");
        }
        drop(give);
        join(writer).await?;
        join(dropper).await
    });
}

#[test]
fn a_lease_is_sent_on_without_a_copy() {
    on_every_pool(|_, _| async {
        let (server, client) = both_ends().await?;
        let echo = tokio::spawn(async move {
            let (mut read, mut write) = server.into_split();
            loop {
                let lease = read.recv_owned().await?;
                if lease.is_empty() {
                    return io::Result::Ok(());
                }
                write.write_owned(lease.into()).await?;
            }
        });
        let (mut read, mut write) = client.into_split();
        let (sent, mut received) = (Pattern::new(1), Pattern::new(1));
        let writer = tokio::spawn(async move { write.write_all(&sent.bytes(3 << 20)).await });
        let mut bytes = Vec::new();
        tokio::time::timeout(HANG, read.read_to_end(&mut bytes)).await??;
        received.take(&bytes);
        assert_eq!(received.offset(), 3 << 20);
        writer.await??;
        echo.await?
    });
}

#[test]
fn a_reset_reaches_a_lease() {
    on_every_runtime(|_| async {
        let (mut stream, peer) = pair(Origin::Accepted).await?;
        let mut lease = Box::pin(stream.recv_owned());
        assert!(poll_once(&mut lease).await.is_pending());
        free_ports_on_close(&peer)?;
        drop(peer);
        assert_eq!(kind(lease.await), Some(ErrorKind::ConnectionReset));
        Ok(())
    });
}

/// Writes twice and waits for a lease: the peer has both, and not only by others.
async fn waits_after_writes(
    stream: &mut TcpStream,
    peer: &mut std::net::TcpStream,
) -> io::Result<()> {
    let before = metrics().flushes_by_read;
    for _ in 0..100 {
        stream.write_all(b"one").await?;
        stream.write_all(b"two").await?;
        let mut lease = Box::pin(stream.recv_owned());
        assert!(poll_once(&mut lease).await.is_pending());
        let mut received = [0; 6];
        peer.read_exact(&mut received)?;
        assert_eq!(&received, b"onetwo");
    }
    assert!(metrics().flushes_by_read > before);
    Ok(())
}

#[test]
fn a_lease_that_waits_sends_what_is_queued() {
    on_every_runtime(|setup| async move {
        if setup.stack.mode() != Mode::Completion {
            return Ok(());
        }
        let (mut stream, mut peer, leases) = held(Origin::Accepted).await?;
        waits_after_writes(&mut stream, &mut peer).await?;
        drop(leases);
        assert_eq!(&*stream.recv_owned().await?, b"y");
        waits_after_writes(&mut stream, &mut peer).await
    });
}

#[test]
fn a_lease_can_go_anywhere() {
    fn check<T: Send + Sync + 'static>() {}
    check::<Lease>();
}
