//! What sends a queue: each flush point alone, by its counter.

use crate::flow::{arrived, flushes, on_every_runtime, receive, until, wait_arrived, write};
use crate::stack::net::{Metrics, Mode, TcpStream, metrics};
use crate::support::pattern::Pattern;
use crate::support::poll::{BoxFuture, poll_once, turns};
use crate::support::tcp::{Origin, pair};
use std::any::Any;
use std::future::poll_fn;
use std::io::{self, IoSlice, IoSliceMut};
use std::os::fd::{AsFd, AsRawFd};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;
use tokio::io::{AsyncReadExt, AsyncWriteExt, Interest, ReadBuf};

/// What is left of the stream, to be dropped later.
type Rest = Box<dyn Any + Send>;

/// Something that must send what is queued.
struct Point {
    name: &'static str,
    /// How many bytes it writes besides.
    writes: usize,
    act: fn(TcpStream, Vec<u8>) -> BoxFuture<'static, io::Result<Rest>>,
}

const fn point(
    name: &'static str,
    act: fn(TcpStream, Vec<u8>) -> BoxFuture<'static, io::Result<Rest>>,
) -> Point {
    Point {
        name,
        writes: 0,
        act,
    }
}

fn rest(stream: impl Any + Send) -> io::Result<Rest> {
    Ok(Box::new(stream))
}

/// Queues two writes behind one that goes at once, and lets `point` act. The peer must get
/// everything; answers whether it was one send, counted by `counter`.
async fn attempt(point: &Point, counter: fn(&Metrics) -> u64) -> io::Result<bool> {
    let (mut stream, peer) = pair(Origin::Connected).await?;
    stream.set_nodelay(true)?;
    let mut sent = Pattern::new(1);
    for _ in 0..3 {
        write(&mut stream, &mut sent, 100).await?;
    }
    let before = metrics();
    let rest = (point.act)(stream, sent.bytes(point.writes)).await?;
    receive(&peer, &mut Pattern::new(1), 300 + point.writes)?;
    let after = metrics();
    drop(rest);
    Ok(counter(&after) - counter(&before) == 1
        && flushes(&after) - flushes(&before) == 1
        && after.queued_writes - before.queued_writes == 2
        && after.queued_bytes - before.queued_bytes == 200)
}

fn each_sends(points: &'static [Point], counter: fn(&Metrics) -> u64) {
    on_every_runtime(move |_| async move {
        for point in points {
            until(point.name, || Box::pin(attempt(point, counter))).await?;
        }
        Ok(())
    });
}

#[test]
fn a_read_that_is_about_to_wait_sends_the_queue() {
    const POINTS: &[Point] = &[
        point("read", |mut stream, _| {
            Box::pin(async {
                let mut buf = [0; 8];
                assert!(
                    poll_once(&mut Box::pin(stream.read(&mut buf)))
                        .await
                        .is_pending()
                );
                rest(stream)
            })
        }),
        point("read of much", |mut stream, _| {
            Box::pin(async {
                let mut buf = [0; 8 << 10];
                assert!(
                    poll_once(&mut Box::pin(stream.read(&mut buf)))
                        .await
                        .is_pending()
                );
                rest(stream)
            })
        }),
        point("read of a half", |mut stream, _| {
            Box::pin(async {
                let mut buf = [0; 8];
                let mut half = stream.split().0;
                assert!(
                    poll_once(&mut Box::pin(half.read(&mut buf)))
                        .await
                        .is_pending()
                );
                rest(stream)
            })
        }),
        point("read of an owned half", |stream, _| {
            Box::pin(async {
                let mut buf = [0; 8];
                let (mut half, other) = stream.into_split();
                assert!(
                    poll_once(&mut Box::pin(half.read(&mut buf)))
                        .await
                        .is_pending()
                );
                rest((half, other))
            })
        }),
    ];
    each_sends(POINTS, |metrics| metrics.flushes_by_read);
}

#[test]
fn a_peek_or_a_wait_for_bytes_sends_the_queue() {
    const POINTS: &[Point] = &[
        point("peek", |stream, _| {
            Box::pin(async {
                let mut buf = [0; 8];
                assert!(
                    poll_once(&mut Box::pin(stream.peek(&mut buf)))
                        .await
                        .is_pending()
                );
                rest(stream)
            })
        }),
        point("poll_peek", |stream, _| {
            Box::pin(async {
                poll_fn(|cx| {
                    let mut buf = [0; 8];
                    assert!(
                        stream
                            .poll_peek(cx, &mut ReadBuf::new(&mut buf))
                            .is_pending()
                    );
                    Poll::Ready(())
                })
                .await;
                rest(stream)
            })
        }),
        point("readable", |stream, _| {
            Box::pin(async {
                assert!(
                    poll_once(&mut Box::pin(stream.readable()))
                        .await
                        .is_pending()
                );
                rest(stream)
            })
        }),
        point("poll_read_ready", |stream, _| {
            Box::pin(async {
                poll_fn(|cx| {
                    assert!(stream.poll_read_ready(cx).is_pending());
                    Poll::Ready(())
                })
                .await;
                rest(stream)
            })
        }),
    ];
    each_sends(POINTS, |metrics| metrics.flushes_by_read);
}

#[test]
fn a_try_read_that_finds_nothing_sends_the_queue() {
    const POINTS: &[Point] = &[
        point("try_read", |stream, _| {
            Box::pin(async {
                assert!(stream.try_read(&mut [0; 8]).is_err());
                rest(stream)
            })
        }),
        point("try_read_vectored", |stream, _| {
            Box::pin(async {
                let mut buf = [0; 8];
                let bufs = &mut [IoSliceMut::new(&mut buf)];
                assert!(stream.try_read_vectored(bufs).is_err());
                rest(stream)
            })
        }),
        point("try_read_buf", |stream, _| {
            Box::pin(async {
                let read = stream.try_read_buf(&mut Vec::with_capacity(8));
                assert!(read.is_err());
                rest(stream)
            })
        }),
    ];
    each_sends(POINTS, |metrics| metrics.flushes_by_read);
}

#[test]
fn a_flush_or_a_wait_for_room_sends_the_queue() {
    const POINTS: &[Point] = &[
        point("flush", |mut stream, _| {
            Box::pin(async {
                stream.flush().await?;
                rest(stream)
            })
        }),
        point("flush of a half", |mut stream, _| {
            Box::pin(async {
                stream.split().1.flush().await?;
                rest(stream)
            })
        }),
        point("flush of an owned half", |stream, _| {
            Box::pin(async {
                let (other, mut half) = stream.into_split();
                half.flush().await?;
                rest((other, half))
            })
        }),
        point("writable", |stream, _| {
            Box::pin(async {
                stream.writable().await?;
                rest(stream)
            })
        }),
        point("poll_write_ready", |stream, _| {
            Box::pin(async {
                poll_fn(|cx| stream.poll_write_ready(cx)).await?;
                rest(stream)
            })
        }),
    ];
    each_sends(POINTS, |metrics| metrics.flushes_by_flush);
}

#[test]
fn the_end_of_a_stream_sends_the_queue() {
    const POINTS: &[Point] = &[
        point("drop", |stream, _| {
            Box::pin(async {
                drop(stream);
                rest(())
            })
        }),
        point("into_std", |stream, _| {
            Box::pin(async { rest(stream.into_std()?) })
        }),
        point("tokio's stream", |stream, _| {
            Box::pin(async { rest(tokio::net::TcpStream::try_from(stream)?) })
        }),
        point("drop of an owned half", |stream, _| {
            Box::pin(async {
                let (other, half) = stream.into_split();
                drop(half);
                rest(other)
            })
        }),
    ];
    each_sends(POINTS, |metrics| metrics.flushes_by_end);
}

/// A shutdown waits for the queue like a flush.
#[test]
fn a_shutdown_sends_the_queue() {
    const POINTS: &[Point] = &[point("shutdown", |mut stream, _| {
        Box::pin(async {
            stream.shutdown().await?;
            rest(stream)
        })
    })];
    each_sends(POINTS, |metrics| {
        metrics.flushes_by_flush + metrics.flushes_by_end
    });
}

#[test]
fn a_descriptor_that_is_shown_or_used_sends_the_queue() {
    const POINTS: &[Point] = &[
        point("as_raw_fd", |stream, _| {
            Box::pin(async {
                stream.as_raw_fd();
                rest(stream)
            })
        }),
        point("as_fd", |stream, _| {
            Box::pin(async {
                let _ = stream.as_fd();
                rest(stream)
            })
        }),
        point("try_io", |stream, _| {
            Box::pin(async {
                stream.try_io(Interest::WRITABLE, || Ok(()))?;
                rest(stream)
            })
        }),
        point("try_io that is not ready", |stream, _| {
            Box::pin(async {
                let tried = stream.try_io(Interest::READABLE, || Ok(()));
                assert!(tried.is_err());
                rest(stream)
            })
        }),
        point("async_io", |stream, _| {
            Box::pin(async {
                stream.async_io(Interest::WRITABLE, || Ok(())).await?;
                rest(stream)
            })
        }),
        point("a wait for out-of-band data", |stream, _| {
            Box::pin(async {
                let mut ready = Box::pin(stream.ready(Interest::PRIORITY));
                assert!(poll_once(&mut ready).await.is_pending());
                drop(ready);
                rest(stream)
            })
        }),
        point("set_mode", |stream, _| {
            Box::pin(async {
                stream.set_mode(Mode::Exact)?;
                rest(stream)
            })
        }),
    ];
    each_sends(POINTS, |metrics| metrics.flushes_by_escape);
}

/// What does not fit the queue, or is too large to wait, leaves with it.
#[test]
fn a_write_that_cannot_wait_takes_the_queue_along() {
    const WRITES: usize = 5_000;
    const POINTS: &[Point] = &[
        Point {
            name: "write",
            writes: WRITES,
            act: |mut stream, bytes| {
                Box::pin(async move {
                    assert_eq!(stream.write(&bytes).await?, WRITES);
                    rest(stream)
                })
            },
        },
        Point {
            name: "write_vectored",
            writes: WRITES,
            act: |mut stream, bytes| {
                Box::pin(async move {
                    let (head, tail) = bytes.split_at(WRITES / 3);
                    let bufs = [IoSlice::new(head), IoSlice::new(&[]), IoSlice::new(tail)];
                    assert_eq!(stream.write_vectored(&bufs).await?, WRITES);
                    rest(stream)
                })
            },
        },
        Point {
            name: "try_write",
            writes: 100,
            act: |stream, bytes| {
                Box::pin(async move {
                    assert_eq!(stream.try_write(&bytes)?, 100);
                    rest(stream)
                })
            },
        },
        Point {
            name: "try_write_vectored",
            writes: 100,
            act: |stream, bytes| {
                Box::pin(async move {
                    let (head, tail) = bytes.split_at(30);
                    let bufs = [IoSlice::new(head), IoSlice::new(tail)];
                    assert_eq!(stream.try_write_vectored(&bufs)?, 100);
                    rest(stream)
                })
            },
        },
    ];
    each_sends(POINTS, |metrics| metrics.flushes_by_write);
}

/// A thread that never sleeps sees what arrives: the queue is never there without what follows it.
#[test]
fn a_try_write_leaves_with_the_queue_in_one_send() {
    on_every_runtime(|_| async {
        for _ in 0..100 {
            let (mut stream, peer) = pair(Origin::Connected).await?;
            stream.set_nodelay(true)?;
            let mut sent = Pattern::new(1);
            write(&mut stream, &mut sent, 100).await?;
            wait_arrived(&peer, 100);
            let (watched, watches) = (peer.try_clone()?, Arc::new(AtomicBool::new(false)));
            let begun = watches.clone();
            let watcher = std::thread::spawn(move || {
                begun.store(true, Ordering::SeqCst);
                loop {
                    match arrived(&watched) {
                        100 => std::hint::spin_loop(),
                        count => return count,
                    }
                }
            });
            while !watches.load(Ordering::SeqCst) {
                std::thread::yield_now();
            }
            let before = metrics();
            write(&mut stream, &mut sent, 100).await?;
            assert_eq!(stream.try_write(&sent.bytes(100))?, 100);
            let after = metrics();
            let count = watcher.join().expect("it only looks");
            // Else another thread was first, and sent the queue alone.
            if after.flushes_by_write > before.flushes_by_write {
                assert_eq!(count, 300);
            }
            receive(&peer, &mut Pattern::new(1), 300)?;
        }
        Ok(())
    });
}

/// The task waits for something that has nothing to do with the stream.
#[test]
fn the_drivers_turn_sends_the_queue() {
    const POINTS: &[Point] = &[
        point("a oneshot", |stream, _| {
            Box::pin(async {
                let (tell, told) = tokio::sync::oneshot::channel();
                tokio::spawn(async {
                    turns(3).await;
                    tell.send(()).expect("the test waits");
                });
                told.await.expect("the task answers");
                rest(stream)
            })
        }),
        point("yield", |stream, _| {
            Box::pin(async {
                turns(3).await;
                rest(stream)
            })
        }),
    ];
    each_sends(POINTS, |metrics| metrics.flushes_by_turn);
}

/// 4 KiB at a time: one goes at once, four fill the queue, the next takes them along.
#[test]
fn the_queue_holds_no_more_than_16_kib() {
    on_every_runtime(|_| async { until("a full queue", || Box::pin(fill_the_queue())).await });
}

async fn fill_the_queue() -> io::Result<bool> {
    const PIECE: usize = 4 << 10;
    let (mut stream, peer) = pair(Origin::Accepted).await?;
    let mut sent = Pattern::new(1);
    let before = metrics();
    for _ in 0..5 {
        write(&mut stream, &mut sent, PIECE).await?;
    }
    let full = metrics();
    write(&mut stream, &mut sent, PIECE).await?;
    let after = metrics();
    receive(&peer, &mut Pattern::new(1), 6 * PIECE)?;
    assert!(after.queued_bytes - before.queued_bytes <= 4 * PIECE as u64);
    Ok(flushes(&full) == flushes(&before)
        && after.flushes_by_write - before.flushes_by_write == 1
        && after.queued_bytes - before.queued_bytes == 4 * PIECE as u64)
}

#[test]
fn eight_small_writes_and_a_read_are_two_sends() {
    on_every_runtime(|_| async { until("one send for seven", || Box::pin(eight_writes())).await });
}

async fn eight_writes() -> io::Result<bool> {
    let (mut stream, peer) = pair(Origin::Accepted).await?;
    let mut sent = Pattern::new(1);
    let before = metrics();
    for len in 1..=8 {
        write(&mut stream, &mut sent, len * 7).await?;
    }
    let mut buf = [0; 8];
    let mut read = Pin::from(Box::new(stream.read(&mut buf)));
    assert!(poll_once(&mut read).await.is_pending());
    receive(&peer, &mut Pattern::new(1), 36 * 7)?;
    let after = metrics();
    Ok(after.queued_writes - before.queued_writes == 7
        && after.queued_bytes - before.queued_bytes == 35 * 7
        && after.flushes_by_read - before.flushes_by_read == 1
        && flushes(&after) - flushes(&before) == 1)
}
