//! Small reads are served from bytes received ahead, whichever call reads; large ones are not.

use crate::flow::{AHEAD_MAX, duplicate, on_every_runtime, wait_arrived, wait_for};
use crate::stack::net::{Mode, TcpStream, metrics};
use crate::support::closing::join;
use crate::support::pattern::Pattern;
use crate::support::poll::BoxFuture;
use crate::support::rng::Rng;
use crate::support::tcp::{Origin, free_ports_on_close, pair};
use rustix::event::PollFlags;
use std::future::poll_fn;
use std::io::{self, ErrorKind, IoSliceMut, Write};
use std::net::Shutdown;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader, ReadBuf};

/// Reads all of a buffer, of bytes that are there.
type Read = for<'a> fn(&'a mut TcpStream, &'a mut [u8]) -> BoxFuture<'a, io::Result<usize>>;

/// Every way to read.
const READS: &[(&str, Read)] = &[
    ("read", |stream, buf| Box::pin(stream.read(buf))),
    ("read_exact", |stream, buf| Box::pin(stream.read_exact(buf))),
    ("read_buf", |stream, mut buf| {
        Box::pin(async move { stream.read_buf(&mut buf).await })
    }),
    ("try_read", |stream, buf| {
        Box::pin(async { stream.try_read(buf) })
    }),
    ("try_read_vectored", |stream, buf| {
        Box::pin(async {
            let (head, tail) = buf.split_at_mut(buf.len() / 3);
            let bufs = &mut [IoSliceMut::new(head), IoSliceMut::new(tail)];
            stream.try_read_vectored(bufs)
        })
    }),
    ("try_read_buf", |stream, mut buf| {
        Box::pin(async move { stream.try_read_buf(&mut buf) })
    }),
    ("half", |stream, buf| {
        Box::pin(async { stream.split().0.read(buf).await })
    }),
    ("try_read of a half", |stream, buf| {
        Box::pin(async { stream.split().0.try_read(buf) })
    }),
    ("readable and try_read", |stream, buf| {
        Box::pin(async {
            stream.readable().await?;
            stream.try_read(buf)
        })
    }),
    ("poll_read_ready and read", |stream, buf| {
        Box::pin(async {
            poll_fn(|cx| stream.poll_read_ready(cx)).await?;
            stream.read(buf).await
        })
    }),
    ("copy", |stream, buf| {
        Box::pin(async {
            let mut copied = Vec::new();
            let mut part = stream.take(buf.len() as u64);
            tokio::io::copy(&mut part, &mut copied).await?;
            buf.copy_from_slice(&copied);
            Ok(buf.len())
        })
    }),
    ("two peeks and read", |stream, buf| {
        Box::pin(async {
            let mut peeked = vec![0; buf.len()];
            let count = stream.peek(&mut peeked).await?;
            let mut polled = vec![0; buf.len()];
            let mut polled = ReadBuf::new(&mut polled);
            poll_fn(|cx| stream.poll_peek(cx, &mut polled)).await?;
            assert_eq!(polled.filled(), &peeked[..count]);
            let read = stream.read(buf).await?;
            assert_eq!(buf[..read], peeked[..read]);
            Ok(read)
        })
    }),
];

#[test]
fn every_read_is_served_from_the_bytes_ahead() {
    const BYTES: usize = 3_000;
    let rng = Rng::from_env();
    on_every_runtime(move |_| {
        let mut rng = rng.clone();
        async move {
            for (name, read) in READS {
                for origin in Origin::ALL {
                    let (mut stream, mut peer) = pair(origin).await?;
                    let seen = duplicate(&stream)?;
                    let before = metrics();
                    let mut received = Pattern::new(1);
                    peer.write_all(&received.bytes(BYTES))?;
                    wait_arrived(&seen, BYTES);
                    let mut buf = [0; 300];
                    assert_eq!(stream.read(&mut buf[..1]).await?, 1);
                    received.take(&buf[..1]);
                    let mut reads = 0;
                    while received.offset() < BYTES as u64 {
                        let left = stream.bytes_ahead();
                        assert_eq!(left as u64, BYTES as u64 - received.offset(), "{name}");
                        assert_eq!(metrics().recv_buffers, before.recv_buffers + 1);
                        let len = left.min(1 + rng.below(buf.len()));
                        assert_eq!(read(&mut stream, &mut buf[..len]).await?, len, "{name}");
                        received.take(&buf[..len]);
                        reads += 1;
                    }
                    assert_eq!(stream.bytes_ahead(), 0);
                    let after = metrics();
                    assert_eq!(after.recv_buffers, before.recv_buffers, "{name}");
                    // By the read, or by the ring.
                    let by_read = after.receives_ahead - before.receives_ahead;
                    let by_ring = after.received > before.received;
                    assert_eq!(by_read, u64::from(!by_ring), "{name}");
                    let served = after.reads_ahead - before.reads_ahead;
                    assert!(by_ring || served == reads, "{name}");
                }
            }
            Ok(())
        }
    });
}

#[test]
fn owned_halves_and_a_buf_reader_read_the_bytes_ahead() {
    on_every_runtime(|_| async {
        for origin in Origin::ALL {
            let (mut stream, mut peer) = pair(origin).await?;
            let seen = duplicate(&stream)?;
            peer.write_all(b"one\ntwo\nthree\nfour\n")?;
            wait_arrived(&seen, 19);
            let mut bytes = [0; 4];
            stream.read_exact(&mut bytes).await?;
            assert_eq!((&bytes, stream.bytes_ahead()), (b"one\n", 15));
            let (mut read, write) = stream.into_split();
            assert_eq!(read.try_read(&mut bytes)?, 4);
            assert_eq!(&bytes, b"two\n");
            let mut peeked = [0; 32];
            assert_eq!(read.peek(&mut peeked).await?, 11);
            let mut lines =
                BufReader::with_capacity(7, read.reunite(write).expect("they belong together"));
            let mut line = String::new();
            lines.read_line(&mut line).await?;
            lines.read_line(&mut line).await?;
            assert_eq!(line, "three\nfour\n");
            assert_eq!(lines.into_inner().bytes_ahead(), 0);
        }
        Ok(())
    });
}

#[test]
fn a_read_that_offers_1_kib_receives_nothing_ahead_by_itself() {
    const BYTES: usize = 4_000;
    on_every_runtime(|_| async {
        for origin in Origin::ALL {
            for size in [1, 1_023, 1_024, 1_025, 3_000] {
                let (mut stream, mut peer) = pair(origin).await?;
                let seen = duplicate(&stream)?;
                let sent = Pattern::new(1).bytes(BYTES);
                peer.write_all(&sent)?;
                wait_arrived(&seen, BYTES);
                let before = metrics();
                let mut buf = vec![0; size];
                stream.read_exact(&mut buf).await?;
                assert_eq!(buf, sent[..size]);
                let after = metrics();
                let by_ring = after.received > before.received;
                let by_read = size < 1_024 && !by_ring;
                let ahead = if by_read || by_ring { BYTES - size } else { 0 };
                assert_eq!(stream.bytes_ahead(), ahead, "{size}");
                let receives = after.receives_ahead - before.receives_ahead;
                assert_eq!(receives, u64::from(by_read));
            }
        }
        Ok(())
    });
}

/// By a read: one buffer of 4 KiB. By the ring, before it stops to receive: what it has buffers for.
#[test]
fn a_bounded_number_of_bytes_is_ahead() {
    const BYTES: usize = 100_000;
    on_every_runtime(|_| async {
        for origin in Origin::ALL {
            let (mut stream, mut peer) = pair(origin).await?;
            let writer = std::thread::spawn(move || peer.write_all(&Pattern::new(1).bytes(BYTES)));
            let mut received = Pattern::new(1);
            let mut buf = [0; 100];
            while received.offset() < BYTES as u64 {
                let count = stream.read(&mut buf).await?;
                received.take(&buf[..count]);
                assert!(stream.bytes_ahead() <= AHEAD_MAX);
            }
            join(std::thread::spawn(|| {
                let written = writer.join().expect("the peer does not panic");
                written.expect("the stream is read");
            }))
            .await?;
        }
        Ok(())
    });
}

#[test]
fn the_end_of_a_stream_comes_behind_the_bytes_ahead() {
    on_every_runtime(|_| async {
        for origin in Origin::ALL {
            for ends_later in [false, true] {
                let (mut stream, mut peer) = pair(origin).await?;
                let seen = duplicate(&stream)?;
                peer.write_all(&Pattern::new(1).bytes(100))?;
                if !ends_later {
                    peer.shutdown(Shutdown::Write)?;
                    wait_for(&seen, PollFlags::RDHUP);
                }
                let mut received = Pattern::new(1);
                let mut buf = [0; 30];
                for len in [30, 30, 30, 10] {
                    assert_eq!(stream.read(&mut buf).await?, len);
                    received.take(&buf[..len]);
                }
                if ends_later {
                    peer.shutdown(Shutdown::Write)?;
                }
                for _ in 0..3 {
                    assert_eq!(stream.read(&mut buf).await?, 0);
                    assert_eq!(stream.peek(&mut buf).await?, 0);
                    stream.readable().await?;
                    assert_eq!(stream.try_read(&mut buf)?, 0);
                }
            }
        }
        Ok(())
    });
}

#[test]
fn a_reset_comes_behind_the_bytes_ahead() {
    on_every_runtime(|_| async {
        for origin in Origin::ALL {
            let (mut stream, mut peer) = pair(origin).await?;
            let seen = duplicate(&stream)?;
            peer.write_all(&Pattern::new(1).bytes(100))?;
            let mut received = Pattern::new(1);
            let mut buf = [0; 30];
            stream.read_exact(&mut buf).await?;
            received.take(&buf);
            free_ports_on_close(&peer)?;
            drop(peer);
            wait_for(&seen, PollFlags::HUP);
            for len in [30, 30, 10] {
                assert_eq!(stream.read(&mut buf).await?, len);
                received.take(&buf[..len]);
            }
            let read = stream.read(&mut buf).await.map_err(|error| error.kind());
            assert_eq!(read, Err(ErrorKind::ConnectionReset));
        }
        Ok(())
    });
}

/// All of it at random, with changes of mode in between.
#[test]
fn reads_of_any_kind_and_size_lose_nothing() {
    const BYTES: u64 = 300_000;
    let rng = Rng::from_env();
    on_every_runtime(move |_| {
        let mut rng = rng.clone();
        async move {
            for origin in Origin::ALL {
                let (mut stream, mut peer) = pair(origin).await?;
                let mut sizes = rng.fork();
                let writer = std::thread::spawn(move || {
                    let mut sent = Pattern::new(1);
                    while sent.offset() < BYTES {
                        let bytes = sent.bytes(1 + sizes.below(3_000));
                        peer.write_all(&bytes).expect("the stream is read");
                        sent.skip(bytes.len());
                    }
                });
                let mut received = Pattern::new(1);
                let mut buf = vec![0; 2_000];
                loop {
                    let len = match rng.below(4) {
                        0 => 1 + rng.below(buf.len()),
                        _ => 1 + rng.below(100),
                    };
                    if rng.one_in(20) {
                        stream.set_mode(Mode::Exact)?;
                    } else if rng.one_in(10) {
                        stream.set_mode(Mode::Completion)?;
                    }
                    let count = match rng.below(4) {
                        0 => stream.split().0.read(&mut buf[..len]).await?,
                        1 => stream.try_read(&mut buf[..len]).or_else(nothing)?,
                        2 => {
                            let count = stream.peek(&mut buf[..len]).await?;
                            received.check(&buf[..count]);
                            stream.read(&mut buf[..count]).await?
                        }
                        _ => match stream.read(&mut buf[..len]).await? {
                            0 => break,
                            count => count,
                        },
                    };
                    received.take(&buf[..count]);
                }
                assert!(received.offset() >= BYTES);
                join(writer).await?;
            }
            Ok(())
        }
    });
}

fn nothing(error: io::Error) -> io::Result<usize> {
    match error.kind() {
        ErrorKind::WouldBlock => Ok(0),
        _ => Err(error),
    }
}
