//! Owned buffers that are given to a stream: all bytes arrive, in the order of the writes.

use crate::owned::{Full, KERNEL_BYTES, Live, QUEUE_BYTES, QUEUE_PIECES};
use crate::stack::net::{TcpStream, metrics};
use crate::support::cancel::Canceller;
use crate::support::closing::join;
use crate::support::pattern::Pattern;
use crate::support::poll::{BoxFuture, poll_once, turns};
use crate::support::rng::Rng;
use crate::support::setup::on_every_runtime;
use crate::support::tcp::{Origin, pair, pair_with_buffers};
use bytes::Bytes;
use std::collections::VecDeque;
use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::task::Poll;
use tokio::io::{AsyncReadExt, AsyncWriteExt, Interest};

const CANCELLATIONS: usize = 1_000;
const RECORD_BYTES_MAX: usize = 40_000;

/// One of the ways to write, chosen at random; half of them owned. Answers how much was taken.
fn any_write<'a>(
    stream: &'a mut TcpStream,
    buf: &'a [u8],
    live: &Live,
    rng: &mut Rng,
) -> BoxFuture<'a, io::Result<usize>> {
    let owned = live.bytes(buf.to_vec());
    match rng.below(12) {
        0..4 => Box::pin(async {
            stream.write_owned(owned).await?;
            Ok(buf.len())
        }),
        4 => Box::pin(async {
            stream.split().1.write_owned(owned).await?;
            Ok(buf.len())
        }),
        // Short enough to be queued with others, many pieces at a time.
        5 | 6 => Box::pin(async move {
            let short = owned.slice(..buf.len().min(50));
            stream.write_owned(short.clone()).await?;
            Ok(short.len())
        }),
        7 => Box::pin(stream.write(buf)),
        8 => Box::pin(async {
            let (head, tail) = buf.split_at(buf.len() / 3);
            let bufs = [IoSlice::new(head), IoSlice::new(&[]), IoSlice::new(tail)];
            stream.write_vectored(&bufs).await
        }),
        9 => Box::pin(async {
            stream.writable().await?;
            match stream.try_write(buf) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(0),
                result => result,
            }
        }),
        10 => Box::pin(async {
            let stream = &*stream;
            let write = || (&*socket2::SockRef::from(stream)).write(buf);
            stream.async_io(Interest::WRITABLE, write).await
        }),
        _ => Box::pin(async {
            stream.flush().await?;
            Ok(0)
        }),
    }
}

/// The records that the peer must see next: where each starts, and how much of it was taken.
#[derive(Default)]
struct Expected(VecDeque<(Pattern, usize)>);

impl Expected {
    fn take(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let front = self.0.front_mut();
            let (record, left) = front.expect("only what was taken is received");
            let count = bytes.len().min(*left);
            record.take(&bytes[..count]);
            *left -= count;
            bytes = &bytes[count..];
            if *left == 0 {
                self.0.pop_front();
            }
        }
    }

    /// Receives up to `len` bytes, if any have arrived.
    fn drain(&mut self, peer: &std::net::TcpStream, len: usize) {
        let mut buf = vec![0; len];
        match (&*peer).read(&mut buf) {
            Ok(count) => self.take(&buf[..count]),
            Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
        }
    }
}

#[test]
fn owned_writes_among_others_and_cancelled_arrive_in_order_whole_or_not_at_all() {
    let rng = Rng::from_env();
    on_every_runtime(move |_| {
        let mut rng = rng.clone();
        async move {
            for (origin, kernel) in [
                (Origin::Accepted, Some(KERNEL_BYTES)),
                (Origin::Connected, Some(KERNEL_BYTES)),
                (Origin::FromStd, None),
            ] {
                let (mut stream, peer) = pair_with_buffers(origin, kernel).await?;
                peer.set_nonblocking(true)?;
                let (mut expected, live) = (Expected::default(), Live::default());
                let mut canceller = Canceller::new(rng.fork());
                // Without a bound on the kernel few calls wait.
                for lane in 0..3_000 {
                    if canceller.cancelled() >= CANCELLATIONS {
                        break;
                    }
                    let record = Pattern::new(lane);
                    let buf = record.bytes(1 + canceller.rng.below(RECORD_BYTES_MAX));
                    let write = any_write(&mut stream, &buf, &live, &mut canceller.rng);
                    let disturb = |rng: &mut Rng| expected.drain(&peer, 1 + rng.below(30_000));
                    match canceller.run(write, disturb).await.transpose()? {
                        Some(count) if count > 0 => expected.0.push_back((record, count)),
                        Some(_) | None => {}
                    }
                }
                drop(stream);
                let mut rest = Vec::new();
                peer.set_nonblocking(false)?;
                let (tell, told) = std::sync::mpsc::channel();
                let reader = std::thread::spawn(move || {
                    (&peer).read_to_end(&mut rest).expect("the stream ends");
                    tell.send(rest).expect("the test waits");
                });
                join(reader).await?;
                expected.take(&told.recv().expect("the reader has sent it"));
                assert!(expected.0.is_empty(), "the end of the stream is missing");
                live.freed().await;
            }
            Ok(())
        }
    });
}

#[test]
fn a_stream_much_longer_than_the_queue_arrives_whole() {
    on_every_runtime(|_| async {
        for (kernel, len) in [
            (None, 64 << 10),
            (Some(KERNEL_BYTES), 10_000),
            (None, 1 << 20),
        ] {
            let (mut stream, peer) = pair_with_buffers(Origin::Accepted, kernel).await?;
            let (mut sent, live) = (Pattern::new(1), Live::default());
            let mut all = sent;
            all.skip(len * (8_usize << 20).div_ceil(len));
            let reader = Full::reader(peer, all, true);
            while sent.offset() < all.offset() {
                stream.write_owned(live.bytes(sent.bytes(len))).await?;
                sent.skip(len);
            }
            stream.flush().await?;
            live.freed().await;
            drop(stream);
            join(reader).await?;
        }
        Ok(())
    });
}

#[test]
fn a_peer_that_does_not_read_bounds_what_is_taken() {
    on_every_runtime(|_| async {
        for len in [1, 1_000, 64 << 10] {
            let full = Full::new(Origin::Accepted, len).await?;
            let bound = QUEUE_PIECES.min(QUEUE_BYTES.div_ceil(len) + 1);
            assert!(full.live.count() <= bound, "{} of {len}", full.live.count());
            let Full { stream, peer, .. } = full;
            // Unread bytes at both ends: the end is a reset, and nobody waits for it.
            drop((stream, peer));
            full.live.freed().await;
        }
        Ok(())
    });
}

#[test]
fn a_full_queue_leaves_without_the_task_that_wrote_it() {
    on_every_runtime(|_| async {
        for origin in Origin::ALL {
            let Full {
                mut stream,
                peer,
                sent,
                live,
            } = Full::new(origin, 10_000).await?;
            join(Full::reader(peer.try_clone()?, sent, false)).await?;
            live.freed().await;
            // And it is open for more.
            stream.write_owned(Bytes::from_static(b"more")).await?;
            stream.flush().await?;
            let mut more = [0; 4];
            (&peer).read_exact(&mut more)?;
            assert_eq!(&more, b"more");
        }
        Ok(())
    });
}

#[test]
fn a_flush_waits_until_the_kernel_has_everything() {
    on_every_runtime(|_| async {
        let Full {
            mut stream,
            peer,
            sent,
            live,
        } = Full::new(Origin::Accepted, 10_000).await?;
        let mut flush = Box::pin(stream.flush());
        for _ in 0..10 {
            assert!(poll_once(&mut flush).await.is_pending());
            turns(1).await;
        }
        let reader = Full::reader(peer, sent, true);
        flush.await?;
        drop(stream.into_std()?);
        live.freed().await;
        join(reader).await
    });
}

#[test]
fn owned_writes_leave_when_the_task_reads() {
    on_every_runtime(|_| async {
        let (mut stream, mut peer) = pair(Origin::Accepted).await?;
        let mut by_read = 0;
        for _ in 0..100 {
            stream.write_owned(Bytes::from_static(b"one")).await?;
            stream.write_owned(Bytes::from_static(b"two")).await?;
            let before = metrics().flushes_by_read;
            let mut buf = [0; 1];
            let mut read = Box::pin(stream.read(&mut buf));
            assert!(poll_once(&mut read).await.is_pending());
            by_read += metrics().flushes_by_read - before;
            let mut received = [0; 6];
            peer.read_exact(&mut received)?;
            assert_eq!(&received, b"onetwo");
        }
        // Others may come first, but not always.
        assert!(by_read > 0);
        Ok(())
    });
}

/// The peer is on the same thread: no driver has a turn between the write and the peer's read, and the
/// look-out does not know of the stream.
#[test]
fn the_first_owned_write_goes_at_once() {
    on_every_runtime(|_| async {
        for origin in Origin::ALL {
            let (mut stream, mut peer) = pair(origin).await?;
            for _ in 0..10 {
                stream.write_owned(Bytes::from_static(b"request")).await?;
                let mut received = [0; 7];
                peer.read_exact(&mut received)?;
                assert_eq!(&received, b"request");
                peer.write_all(b"response")?;
                stream.read_exact(&mut [0; 8]).await?;
            }
        }
        Ok(())
    });
}

#[test]
fn owned_writes_leave_with_the_drivers_turn() {
    on_every_runtime(|_| async {
        let (mut stream, mut peer) = pair(Origin::Accepted).await?;
        peer.set_nonblocking(true)?;
        for _ in 0..10 {
            stream.write_owned(Bytes::from_static(b"one")).await?;
            stream.write_owned(Bytes::from_static(b"two")).await?;
            let mut received = Vec::new();
            while received.len() < 6 {
                let mut buf = [0; 6];
                match peer.read(&mut buf) {
                    Ok(count) => received.extend_from_slice(&buf[..count]),
                    Err(error) => {
                        assert_eq!(error.kind(), ErrorKind::WouldBlock);
                        turns(1).await;
                    }
                }
            }
            assert_eq!(received, b"onetwo");
        }
        Ok(())
    });
}

#[test]
fn an_empty_buffer_is_taken_at_once_also_by_a_full_stream() {
    on_every_runtime(|_| async {
        let Full {
            mut stream, peer, ..
        } = Full::new(Origin::Accepted, 10_000).await?;
        let mut write = Box::pin(stream.write_owned(Bytes::new()));
        assert!(matches!(poll_once(&mut write).await, Poll::Ready(Ok(()))));
        drop(write);
        drop((stream, peer));
        Ok(())
    });
}
