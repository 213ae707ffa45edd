//! Cancelled writes: a write that was dropped has sent nothing of its buffer.

use crate::stack::{self, net::TcpStream};
use crate::support::cancel::Canceller;
use crate::support::pattern::Pattern;
use crate::support::poll::{BoxFuture, poll_once};
use crate::support::rng::Rng;
use crate::support::setup::on_every_runtime;
use crate::support::tcp::{Origin, pair_with_buffers};
use std::collections::VecDeque;
use std::io::{self, IoSlice, Read, Write};
use std::sync::mpsc::{Receiver, channel};
use std::task::Poll;
use tokio::io::{AsyncReadExt, AsyncWriteExt, Interest};

const CANCELLATIONS: usize = 2_000;
const KERNEL_BYTES: u32 = 8 << 10;
const RECORD_BYTES_MAX: usize = 40_000;
/// Records that may wait in a queue, several at a time.
const SMALL_RECORD_BYTES_MAX: usize = 400;

/// One of the ways to write, chosen at random.
fn any_write<'a>(
    stream: &'a mut TcpStream,
    buf: &'a [u8],
    rng: &mut Rng,
) -> BoxFuture<'a, io::Result<usize>> {
    match rng.below(7) {
        0 => Box::pin(stream.write(buf)),
        1 => Box::pin(async {
            let (head, tail) = buf.split_at(buf.len() / 3);
            let bufs = [IoSlice::new(head), IoSlice::new(&[]), IoSlice::new(tail)];
            stream.write_vectored(&bufs).await
        }),
        2 => Box::pin(async {
            stream.writable().await?;
            nothing_if_full(stream.try_write(buf))
        }),
        3 => Box::pin(async {
            stream.writable().await?;
            let bufs = [IoSlice::new(buf), IoSlice::new(&[])];
            nothing_if_full(stream.try_write_vectored(&bufs))
        }),
        // It would end Completion mode.
        4 if stack::is_exact(stream) => Box::pin(async {
            let stream = &*stream;
            let write = || (&*socket2::SockRef::from(stream)).write(buf);
            stream.async_io(Interest::WRITABLE, write).await
        }),
        4 | 5 => Box::pin(async { stream.split().1.write(buf).await }),
        _ => Box::pin(async { stream.flush().await.map(|()| 0) }),
    }
}

/// Readiness may prove stale: then nothing was sent.
fn nothing_if_full(result: io::Result<usize>) -> io::Result<usize> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(0),
        result => result,
    }
}

/// The records that the peer must see next: where each starts, and how much of it was sent.
#[derive(Default)]
struct Expected(VecDeque<(Pattern, usize)>);

impl Expected {
    fn sent(&mut self, record: Pattern, count: usize) {
        if count > 0 {
            self.0.push_back((record, count));
        }
    }

    fn take(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let (record, left) = self
                .0
                .front_mut()
                .expect("only what was written is received");
            let count = bytes.len().min(*left);
            record.take(&bytes[..count]);
            *left -= count;
            bytes = &bytes[count..];
            if *left == 0 {
                self.0.pop_front();
            }
        }
    }
}

/// The bytes of the next record: few or many.
fn any_len(rng: &mut Rng) -> usize {
    match rng.below(2) {
        0 => 1 + rng.below(SMALL_RECORD_BYTES_MAX),
        _ => 1 + rng.below(RECORD_BYTES_MAX),
    }
}

/// Now and then a read waits, in vain: a writer that queues must not rely on being the only call.
async fn any_read(stream: &mut TcpStream, rng: &mut Rng) {
    if rng.one_in(4) {
        let mut buf = [0; 8];
        assert!(
            poll_once(&mut Box::pin(stream.read(&mut buf)))
                .await
                .is_pending()
        );
    }
}

/// Receives up to `len` bytes, if any have arrived.
fn drain(peer: &std::net::TcpStream, expected: &mut Expected, len: usize) {
    let mut buf = vec![0; len];
    match (&*peer).read(&mut buf) {
        Ok(count) => expected.take(&buf[..count]),
        Err(error) => assert_eq!(error.kind(), io::ErrorKind::WouldBlock),
    }
}

async fn cancel_in_step(origin: Origin, rng: Rng) -> io::Result<()> {
    let (mut stream, peer) = pair_with_buffers(origin, Some(KERNEL_BYTES)).await?;
    peer.set_nonblocking(true)?;
    let mut expected = Expected::default();
    let mut canceller = Canceller::new(rng);
    for lane in 0.. {
        if canceller.cancelled() >= CANCELLATIONS {
            break;
        }
        let record = Pattern::new(lane);
        let buf = record.bytes(any_len(&mut canceller.rng));
        any_read(&mut stream, &mut canceller.rng).await;
        let write = any_write(&mut stream, &buf, &mut canceller.rng);
        let disturb = |rng: &mut Rng| drain(&peer, &mut expected, 1 + rng.below(8_000));
        if let Some(count) = canceller.run(write, disturb).await.transpose()? {
            expected.sent(record, count);
        }
    }
    drop(stream);
    peer.set_nonblocking(false)?;
    let mut rest = Vec::new();
    (&peer).read_to_end(&mut rest)?;
    expected.take(&rest);
    assert!(expected.0.is_empty(), "the end of the stream is missing");
    Ok(())
}

#[test]
fn writes_cancelled_before_and_after_room_arrives_have_sent_nothing() {
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

/// Reads to the end of the stream and checks it against what `sent` says was written.
fn read_and_check(
    mut peer: std::net::TcpStream,
    sent: &Receiver<(Pattern, usize)>,
) -> io::Result<()> {
    let mut received = Vec::new();
    let mut buf = vec![0; 8_000];
    let mut expected = Expected::default();
    loop {
        let count = peer.read(&mut buf)?;
        received.extend_from_slice(&buf[..count]);
        if count == 0 {
            break;
        }
        std::thread::yield_now();
    }
    sent.iter()
        .for_each(|(record, count)| expected.sent(record, count));
    expected.take(&received);
    assert!(expected.0.is_empty(), "the end of the stream is missing");
    Ok(())
}

#[test]
fn writes_cancelled_while_a_thread_receives_have_sent_nothing() {
    let rng = Rng::from_env();
    on_every_runtime(move |_| {
        let rng = rng.clone();
        async move {
            let (mut stream, peer) =
                pair_with_buffers(Origin::Accepted, Some(KERNEL_BYTES)).await?;
            let (tell, sent) = channel();
            let reader = std::thread::spawn(move || read_and_check(peer, &sent));
            let mut canceller = Canceller::new(rng);
            for lane in 0.. {
                if canceller.cancelled() >= CANCELLATIONS {
                    break;
                }
                let record = Pattern::new(lane);
                let buf = record.bytes(any_len(&mut canceller.rng));
                any_read(&mut stream, &mut canceller.rng).await;
                let write = any_write(&mut stream, &buf, &mut canceller.rng);
                if let Some(count) = canceller.run(write, |_| {}).await.transpose()? {
                    tell.send((record, count)).expect("the reader waits");
                }
            }
            drop((stream, tell));
            let joined = tokio::task::spawn_blocking(|| reader.join()).await?;
            joined.expect("the reader finds every byte")
        }
    });
}

/// The buffer of a cancelled write is the caller's again: what is written into it afterwards is
/// never sent.
#[test]
fn a_cancelled_write_never_sends_from_its_buffer_later() {
    on_every_runtime(|_| async {
        for origin in Origin::ALL {
            let (mut stream, peer) = pair_with_buffers(origin, Some(KERNEL_BYTES)).await?;
            let mut expected = Vec::new();
            let mut buf = vec![b'1'; 1 << 16];
            loop {
                let mut cancelled = Box::pin(stream.write(&buf));
                match poll_once(&mut cancelled).await {
                    Poll::Ready(count) => expected.resize(expected.len() + count?, b'1'),
                    Poll::Pending => break,
                }
            }
            buf.fill(b'2');
            let reader = std::thread::spawn(move || {
                let mut received = Vec::new();
                (&peer).read_to_end(&mut received).map(|_| received)
            });
            stream.write_all(b"3").await?;
            stream.shutdown().await?;
            let received = tokio::task::spawn_blocking(|| reader.join()).await?;
            let received = received.expect("the reader does not panic")?;
            expected.push(b'3');
            assert!(
                received == expected,
                "the cancelled write has sent something"
            );
        }
        Ok(())
    });
}
