//! Many tasks at one stream, and one stream that would keep a thread busy.

use crate::support::poll::turns;
use crate::support::ready::{clear_readable, clear_writable, drain};
use crate::support::setup::{Flavour, on_every_runtime};
use crate::support::tcp::{Origin, pair};
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::io::{AsyncReadExt, AsyncWriteExt, Interest};
use tokio::task::JoinSet;

const WAITERS: usize = 20;

async fn all_ok(waiters: JoinSet<io::Result<()>>) -> io::Result<()> {
    waiters.join_all().await.into_iter().collect()
}

#[test]
fn every_task_that_waits_for_one_stream_hears_of_it() {
    on_every_runtime(|_| async {
        for origin in Origin::ALL {
            let (stream, mut peer) = pair(origin).await?;
            let stream = Arc::new(stream);
            clear_readable(&stream).await;
            let written = clear_writable(&stream, || true).await;
            let mut readers = JoinSet::new();
            let mut writers = JoinSet::new();
            let mut either = JoinSet::new();
            for _ in 0..WAITERS {
                let [one, two, three] = std::array::from_fn(|_| stream.clone());
                readers.spawn(async move { one.readable().await });
                writers.spawn(async move { two.writable().await });
                either.spawn(async move {
                    let interest = Interest::READABLE | Interest::WRITABLE;
                    three.ready(interest).await.map(drop)
                });
            }
            turns(3).await;
            peer.write_all(b"b")?;
            all_ok(readers).await?;
            all_ok(either).await?;
            drain(&peer, written)?;
            all_ok(writers).await?;
        }
        Ok(())
    });
}

/// Each byte goes to one of the tasks, and all of them end with the stream.
#[test]
fn tasks_that_share_a_stream_take_every_byte_once() {
    const BYTES: usize = 2_000;
    on_every_runtime(|_| async {
        let (stream, mut peer) = pair(Origin::Connected).await?;
        let stream = Arc::new(stream);
        let taken: Arc<[AtomicUsize; 256]> = Arc::new(std::array::from_fn(|_| AtomicUsize::new(0)));
        let mut readers = JoinSet::new();
        for _ in 0..WAITERS {
            let (stream, taken) = (stream.clone(), taken.clone());
            readers.spawn(async move {
                loop {
                    stream.readable().await?;
                    let mut byte = [0];
                    match stream.try_read(&mut byte) {
                        Ok(0) => return Ok(()),
                        Ok(_) => taken[usize::from(byte[0])].fetch_add(1, Ordering::SeqCst),
                        Err(error) if error.kind() == io::ErrorKind::WouldBlock => continue,
                        Err(error) => return Err(error),
                    };
                }
            });
        }
        let sent: Vec<u8> = (0..=u8::MAX).cycle().take(BYTES).collect();
        for chunk in sent.chunks(7) {
            peer.write_all(chunk)?;
            turns(1).await;
        }
        drop(peer);
        all_ok(readers).await?;
        for (value, taken) in taken.iter().enumerate() {
            let sent = sent.iter().filter(|&&byte| usize::from(byte) == value);
            assert_eq!(taken.load(Ordering::SeqCst), sent.count());
        }
        Ok(())
    });
}

#[test]
fn a_stream_that_is_always_ready_lets_other_tasks_run() {
    on_every_runtime(|setup| async move {
        if setup.flavour == Flavour::MultiThread {
            return Ok(());
        }
        for writes in [false, true] {
            let (mut stream, mut peer) = pair(Origin::Accepted).await?;
            peer.write_all(&[0; 10_000])?;
            let others = Arc::new(AtomicUsize::new(0));
            let seen = others.clone();
            let busy = tokio::spawn(async move {
                for _ in 0..10_000 {
                    if writes {
                        stream.write_all(b"b").await?;
                    } else {
                        stream.read_exact(&mut [0]).await?;
                    }
                }
                io::Result::Ok(seen.load(Ordering::SeqCst))
            });
            let other = tokio::spawn(async move {
                loop {
                    others.fetch_add(1, Ordering::SeqCst);
                    turns(1).await;
                }
            });
            // Once every 128 operations, give or take.
            assert!(busy.await?? >= 50);
            other.abort();
        }
        Ok(())
    });
}
