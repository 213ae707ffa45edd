//! Cancelled reads and writes of pipes.

use crate::stack::net::unix::pipe::{Receiver, Sender};
use crate::support::cancel::Canceller;
use crate::support::pattern::Pattern;
use crate::support::pipes;
use crate::support::poll::{BoxFuture, poll_once};
use crate::support::rng::Rng;
use crate::support::setup::on_every_runtime;
use std::collections::VecDeque;
use std::fs::File;
use std::future::poll_fn;
use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;
use std::thread::JoinHandle;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const CANCELLATIONS: usize = 2_000;
const CHUNK: usize = 3_000;
const RECORD_BYTES_MAX: usize = 12_000;

/// One of the ways to wait for bytes, chosen at random.
fn any_read<'a>(
    receiver: &'a mut Receiver,
    buf: &'a mut [u8],
    rng: &mut Rng,
) -> BoxFuture<'a, io::Result<usize>> {
    match rng.below(6) {
        0 => Box::pin(receiver.read(buf)),
        1 => Box::pin(async { receiver.read_buf(&mut &mut buf[..]).await }),
        2 => Box::pin(async {
            receiver.readable().await?;
            nothing_if_stale(receiver.try_read(buf))
        }),
        3 => Box::pin(async {
            receiver.readable().await?;
            let (head, tail) = buf.split_at_mut(buf.len() / 2);
            let bufs = &mut [IoSliceMut::new(head), IoSliceMut::new(tail)];
            nothing_if_stale(receiver.try_read_vectored(bufs))
        }),
        4 => Box::pin(async {
            poll_fn(|cx| receiver.poll_read_ready(cx)).await?;
            nothing_if_stale(receiver.try_read_buf(&mut &mut buf[..]))
        }),
        _ => Box::pin(async {
            receiver.readable().await?;
            let read = || Ok(rustix::io::read(&*receiver, buf)?);
            nothing_if_stale(receiver.try_io(read))
        }),
    }
}

/// One of the ways to write, chosen at random.
fn any_write<'a>(
    sender: &'a mut Sender,
    buf: &'a [u8],
    rng: &mut Rng,
) -> BoxFuture<'a, io::Result<usize>> {
    match rng.below(6) {
        0 => Box::pin(sender.write(buf)),
        1 => Box::pin(async {
            let (head, tail) = buf.split_at(buf.len() / 3);
            let bufs = [IoSlice::new(head), IoSlice::new(&[]), IoSlice::new(tail)];
            sender.write_vectored(&bufs).await
        }),
        2 => Box::pin(async {
            sender.writable().await?;
            nothing_if_stale(sender.try_write(buf))
        }),
        3 => Box::pin(async {
            sender.writable().await?;
            let bufs = [IoSlice::new(buf), IoSlice::new(&[])];
            nothing_if_stale(sender.try_write_vectored(&bufs))
        }),
        4 => Box::pin(async {
            poll_fn(|cx| sender.poll_write_ready(cx)).await?;
            let write = || Ok(rustix::io::write(&*sender, buf)?);
            nothing_if_stale(sender.try_io(write))
        }),
        _ => Box::pin(async { sender.flush().await.map(|()| 0) }),
    }
}

/// Readiness may prove stale: then nothing was moved.
fn nothing_if_stale(result: io::Result<usize>) -> io::Result<usize> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(0),
        result => result,
    }
}

/// Writes the next bytes of `sent`, as many as the pipe takes.
fn feed(mut writer: &File, sent: &mut Pattern, rng: &mut Rng) {
    let bytes = sent.bytes(1 + rng.below(CHUNK));
    match writer.write(&bytes) {
        Ok(count) => sent.skip(count),
        Err(error) => assert_eq!(error.kind(), io::ErrorKind::WouldBlock),
    }
}

/// Reads by a call that may be cancelled.
async fn step(
    receiver: &mut Receiver,
    received: &mut Pattern,
    canceller: &mut Canceller,
    disturb: impl FnMut(&mut Rng),
) -> io::Result<()> {
    let mut buf = vec![0; 1 + canceller.rng.below(2 * CHUNK)];
    let read = any_read(receiver, &mut buf, &mut canceller.rng);
    if let Some(count) = canceller.run(read, disturb).await.transpose()? {
        received.take(&buf[..count]);
    }
    Ok(())
}

/// Reads what is left to the end of the pipe.
async fn read_rest(mut receiver: Receiver, mut received: Pattern, sent: u64) -> io::Result<()> {
    let mut rest = Vec::new();
    receiver.read_to_end(&mut rest).await?;
    received.take(&rest);
    assert_eq!(received.offset(), sent);
    Ok(())
}

#[test]
fn reads_cancelled_before_and_after_their_bytes_lose_none() {
    let rng = Rng::from_env();
    on_every_runtime(move |_| {
        let mut canceller = Canceller::new(rng.clone());
        async move {
            let (mut receiver, writer) = pipes::receiver()?;
            let (mut sent, mut received) = (Pattern::new(1), Pattern::new(1));
            while canceller.cancelled() < CANCELLATIONS {
                if canceller.rng.one_in(3) {
                    feed(&writer, &mut sent, &mut canceller.rng);
                }
                let disturb = |rng: &mut Rng| feed(&writer, &mut sent, rng);
                step(&mut receiver, &mut received, &mut canceller, disturb).await?;
            }
            drop(writer);
            read_rest(receiver, received, sent.offset()).await
        }
    });
}

/// Writes without pause, as long as there is room.
fn write_in_thread(writer: File, mut rng: Rng, stop: Arc<AtomicBool>) -> JoinHandle<u64> {
    std::thread::spawn(move || {
        let mut sent = Pattern::new(1);
        while !stop.load(Ordering::SeqCst) {
            feed(&writer, &mut sent, &mut rng);
            std::thread::yield_now();
        }
        sent.offset()
    })
}

#[test]
fn reads_cancelled_while_a_thread_writes_lose_nothing() {
    let rng = Rng::from_env();
    on_every_runtime(move |_| {
        let mut rng = rng.clone();
        async move {
            let (mut receiver, writer) = pipes::receiver()?;
            let stop = Arc::new(AtomicBool::new(false));
            let thread = write_in_thread(writer, rng.fork(), stop.clone());
            let mut canceller = Canceller::new(rng);
            let mut received = Pattern::new(1);
            while canceller.cancelled() < CANCELLATIONS || received.offset() < 1 << 18 {
                step(&mut receiver, &mut received, &mut canceller, |_| {}).await?;
            }
            stop.store(true, Ordering::SeqCst);
            let joined = tokio::task::spawn_blocking(|| thread.join()).await?;
            read_rest(receiver, received, joined.expect("no write fails")).await
        }
    });
}

/// The records that the reader must see next: where each starts, and how much of it was sent.
#[derive(Default)]
struct Expected(VecDeque<(Pattern, usize)>);

impl Expected {
    fn sent(&mut self, record: Pattern, count: usize) {
        if count > 0 {
            self.0.push_back((record, count));
        }
    }

    fn take(&mut self, mut bytes: &[u8]) {
        while let Some((record, left)) = self.0.front_mut()
            && !bytes.is_empty()
        {
            let count = bytes.len().min(*left);
            record.take(&bytes[..count]);
            *left -= count;
            bytes = &bytes[count..];
            if *left == 0 {
                self.0.pop_front();
            }
        }
        assert!(bytes.is_empty(), "a cancelled write has sent something");
    }
}

/// Reads up to `len` bytes, if any are there.
fn drain(mut reader: &File, expected: &mut Expected, len: usize) {
    let mut buf = vec![0; len];
    match reader.read(&mut buf) {
        Ok(count) => expected.take(&buf[..count]),
        Err(error) => assert_eq!(error.kind(), io::ErrorKind::WouldBlock),
    }
}

#[test]
fn writes_cancelled_before_and_after_there_is_room_have_sent_nothing() {
    let rng = Rng::from_env();
    on_every_runtime(move |_| {
        let mut canceller = Canceller::new(rng.clone());
        async move {
            let (mut sender, mut reader) = pipes::sender()?;
            let mut expected = Expected::default();
            let mut lane = 0;
            while canceller.cancelled() < CANCELLATIONS {
                let record = Pattern::new(lane);
                lane += 1;
                let buf = record.bytes(1 + canceller.rng.below(RECORD_BYTES_MAX));
                let write = any_write(&mut sender, &buf, &mut canceller.rng);
                let disturb = |rng: &mut Rng| drain(&reader, &mut expected, 1 + rng.below(8_000));
                if let Some(count) = canceller.run(write, disturb).await.transpose()? {
                    expected.sent(record, count);
                }
            }
            drop(sender);
            pipes::set_blocking(&reader, true)?;
            let mut rest = Vec::new();
            reader.read_to_end(&mut rest)?;
            expected.take(&rest);
            assert!(expected.0.is_empty(), "the end of the pipe is missing");
            Ok(())
        }
    });
}

/// The buffer of a cancelled write is the caller's again: what is written into it afterwards is
/// never sent.
#[test]
fn a_cancelled_write_never_sends_from_its_buffer_later() {
    on_every_runtime(|_| async {
        let (mut sender, mut reader) = pipes::sender()?;
        let mut expected = Vec::new();
        let mut buf = vec![b'1'; 1 << 16];
        // Until it has waited, the sender may not know that there is room.
        sender.writable().await?;
        loop {
            let mut cancelled = Box::pin(sender.write(&buf));
            match poll_once(&mut cancelled).await {
                Poll::Ready(count) => expected.resize(expected.len() + count?, b'1'),
                Poll::Pending => break,
            }
        }
        buf.fill(b'2');
        pipes::set_blocking(&reader, true)?;
        let thread = std::thread::spawn(move || {
            let mut received = Vec::new();
            reader.read_to_end(&mut received).map(|_| received)
        });
        sender.write_all(b"3").await?;
        drop(sender);
        let received = tokio::task::spawn_blocking(|| thread.join()).await?;
        expected.push(b'3');
        assert!(received.expect("the reader does not panic")? == expected);
        Ok(())
    });
}
