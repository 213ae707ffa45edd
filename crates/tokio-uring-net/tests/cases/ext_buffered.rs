//! Buffered reads from the receive buffer itself.

use crate::pools::on_every_pool;
use crate::stack::net::{Buffered, IntoStdError, Mode, TcpStream, metrics};
use crate::support::cancel::Canceller;
use crate::support::closing::was_reset;
use crate::support::pattern::Pattern;
use crate::support::poll::{BoxFuture, Wakes, poll_once, turns};
use crate::support::ready::kind;
use crate::support::rng::Rng;
use crate::support::setup::on_every_runtime;
use crate::support::tcp::{Origin, both_ends, free_ports_on_close, pair};
use std::io::{self, ErrorKind, Read, Write};
use std::net::Shutdown;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, Interest};

const CANCELLATIONS: usize = 500;
const BUFFER_BYTES: usize = 4096;

/// Sends the next bytes of `sent`, as many as the kernel takes at once.
fn feed(peer: &std::net::TcpStream, sent: &mut Pattern, rng: &mut Rng) {
    let bytes = sent.bytes(1 + rng.below(9_000));
    match (&*peer).write(&bytes) {
        Ok(count) => sent.skip(count),
        Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
    }
}

/// What a call did to the stream.
#[derive(Debug)]
enum Got {
    /// Bytes that it took.
    Taken(Vec<u8>),
    /// Bytes that it saw and left.
    Seen(Vec<u8>),
}

/// One of the ways to get bytes, chosen at random; half of them buffered.
fn any_read<'a>(stream: &'a mut TcpStream, rng: &mut Rng) -> BoxFuture<'a, io::Result<Got>> {
    let len = 1 + rng.below(6_000);
    let read = |count: usize, mut bytes: Vec<u8>| {
        bytes.truncate(count);
        bytes
    };
    match rng.below(8) {
        0..4 => Box::pin(async move {
            let mut buffered = Buffered::new(stream);
            let lent = buffered.fill_buf().await?;
            let bytes = lent[..len.min(lent.len())].to_vec();
            buffered.consume(bytes.len());
            Ok(Got::Taken(bytes))
        }),
        4 => Box::pin(async move {
            let lent = Buffered::new(stream).fill_buf().await?.to_vec();
            Ok(Got::Seen(lent))
        }),
        5 => Box::pin(async move {
            let mut bytes = vec![0; len];
            let count = stream.peek(&mut bytes).await?;
            Ok(Got::Seen(read(count, bytes)))
        }),
        6 => Box::pin(async move {
            stream.readable().await?;
            let mut bytes = vec![0; len];
            match stream.try_read(&mut bytes) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(Got::Seen(Vec::new())),
                count => Ok(Got::Taken(read(count?, bytes))),
            }
        }),
        _ => Box::pin(async move {
            let mut bytes = vec![0; len];
            let count = stream.read(&mut bytes).await?;
            Ok(Got::Taken(read(count, bytes)))
        }),
    }
}

#[test]
fn buffered_reads_among_others_and_cancelled_lose_no_byte() {
    let rng = Rng::from_env();
    on_every_pool(move |_, _| {
        let mut rng = rng.clone();
        async move {
            for origin in Origin::ALL {
                let (mut stream, peer) = pair(origin).await?;
                peer.set_nonblocking(true)?;
                let (mut sent, mut received) = (Pattern::new(1), Pattern::new(1));
                let mut canceller = Canceller::new(rng.fork());
                while canceller.cancelled() < CANCELLATIONS {
                    if canceller.rng.one_in(3) {
                        feed(&peer, &mut sent, &mut canceller.rng);
                    }
                    let read = any_read(&mut stream, &mut canceller.rng);
                    let disturb = |rng: &mut Rng| feed(&peer, &mut sent, rng);
                    match canceller.run(read, disturb).await.transpose()? {
                        Some(Got::Taken(bytes)) => received.take(&bytes),
                        Some(Got::Seen(bytes)) => received.check(&bytes),
                        None => {}
                    }
                }
                peer.shutdown(Shutdown::Write)?;
                let mut rest = Vec::new();
                stream.read_to_end(&mut rest).await?;
                received.take(&rest);
                assert_eq!(received.offset(), sent.offset());
            }
            Ok(())
        }
    });
}

#[test]
fn lines_come_whole_and_the_end_of_the_stream_after_the_last() {
    on_every_pool(|_, _| async {
        let (stream, mut peer) = pair(Origin::Accepted).await?;
        let expected: Vec<String> = (0..3_000)
            .map(|number: usize| format!("{number} {}", "x".repeat(number % 97)))
            .collect();
        let text = expected.join("\n");
        let writer = std::thread::spawn(move || peer.write_all(text.as_bytes()));
        let mut lines = Buffered::new(stream).lines();
        for expected in expected {
            assert_eq!(lines.next_line().await?, Some(expected));
        }
        assert_eq!(lines.next_line().await?, None);
        let mut stream = lines.into_inner();
        assert_eq!(stream.fill_buf().await?, b"");
        assert_eq!(stream.into_inner().bytes_ahead(), 0);
        let written = tokio::task::spawn_blocking(|| writer.join()).await?;
        written.expect("the writer does not panic")
    });
}

#[test]
fn one_call_receives_one_buffer_at_most_and_an_emptied_stream_holds_none() {
    on_every_pool(|_, pool| async move {
        let (mut stream, mut peer) = pair(Origin::Accepted).await?;
        let (mut sent, mut received) = (Pattern::new(1), Pattern::new(1));
        peer.write_all(&sent.bytes(3 * BUFFER_BYTES))?;
        sent.skip(3 * BUFFER_BYTES);
        while received.offset() < sent.offset() {
            let mut buffered = Buffered::new(&mut stream);
            let lent = buffered.fill_buf().await?;
            received.check(lent);
            assert!(lent.len() <= BUFFER_BYTES);
            let count = lent.len();
            assert_eq!(stream.bytes_ahead(), count);
            let lent = metrics().recv_buffers;
            assert_eq!(lent, if pool == 0 { 0 } else { 1 });
            Buffered::new(&mut stream).consume(count);
            received.skip(count);
            assert_eq!((stream.bytes_ahead(), metrics().recv_buffers), (0, 0));
        }
        Ok(())
    });
}

#[test]
fn every_stream_gets_a_buffer_where_the_pool_is_exhausted() {
    on_every_pool(|_, _| async {
        let mut streams = Vec::new();
        for lane in 0..20 {
            let (stream, mut peer) = pair(Origin::Accepted).await?;
            let sent = Pattern::new(lane);
            peer.write_all(&sent.bytes(100))?;
            streams.push((stream, peer, sent));
        }
        for (stream, _, sent) in &mut streams {
            let mut buffered = Buffered::new(&mut *stream);
            sent.check(buffered.fill_buf().await?);
        }
        for (mut stream, _, sent) in streams {
            let mut bytes = [0; 100];
            stream.read_exact(&mut bytes).await?;
            sent.check(&bytes);
        }
        Ok(())
    });
}

#[test]
fn into_std_fails_with_bytes_ahead_and_gives_them_back() {
    on_every_runtime(|_| async {
        let (mut stream, mut peer) = pair(Origin::Connected).await?;
        peer.write_all(b"ahead")?;
        assert_eq!(Buffered::new(&mut stream).fill_buf().await?, b"ahead");
        assert_eq!(stream.bytes_ahead(), 5);
        let nothing = || Ok(());
        let missed = stream.async_io(Interest::READABLE, nothing).await;
        assert!(
            missed.is_err(),
            "a call of the program's own would miss them"
        );
        let refused = stream.into_std().expect_err("there are bytes ahead");
        let refused: IntoStdError = refused.downcast().expect("the error says so");
        let (stream, ahead) = refused.into_parts();
        assert_eq!(ahead, b"ahead");
        drop(stream.into_std()?);
        Ok(())
    });
}

#[test]
fn a_drop_with_bytes_ahead_resets_as_one_with_bytes_unread() {
    on_every_runtime(|_| async {
        let (mut stream, mut peer) = pair(Origin::Accepted).await?;
        peer.write_all(b"ahead")?;
        Buffered::new(&mut stream).fill_buf().await?;
        drop(stream);
        turns(3).await;
        was_reset(&peer);
        Ok(())
    });
}

#[test]
fn a_reset_reaches_a_buffered_read() {
    on_every_runtime(|_| async {
        let (mut stream, peer) = pair(Origin::Accepted).await?;
        let mut buffered = Buffered::new(&mut stream);
        let mut fill = Box::pin(buffered.fill_buf());
        assert!(poll_once(&mut fill).await.is_pending());
        free_ports_on_close(&peer)?;
        drop(peer);
        assert_eq!(kind(fill.await), Some(ErrorKind::ConnectionReset));
        Ok(())
    });
}

#[test]
fn a_buffered_read_that_waits_sends_what_is_queued() {
    on_every_runtime(|setup| async move {
        if setup.stack.mode() != Mode::Completion {
            return Ok(());
        }
        let (mut stream, mut peer) = pair(Origin::Accepted).await?;
        let before = metrics().flushes_by_read;
        for _ in 0..100 {
            stream.write_all(b"one").await?;
            stream.write_all(b"two").await?;
            let mut buffered = Buffered::new(&mut stream);
            let mut fill = Box::pin(buffered.fill_buf());
            assert!(poll_once(&mut fill).await.is_pending());
            let mut received = [0; 6];
            peer.read_exact(&mut received)?;
            assert_eq!(&received, b"onetwo");
        }
        // Others may come first, but not always.
        assert!(metrics().flushes_by_read > before);
        Ok(())
    });
}

#[test]
fn reading_byte_by_byte_gives_other_tasks_their_turn() {
    on_every_runtime(|_| async {
        let (mut stream, mut peer) = pair(Origin::Accepted).await?;
        peer.write_all(&[b'x'; 2_000])?;
        let wakes = Wakes::new();
        let mut buffered = Buffered::new(&mut stream);
        let mut all = Box::pin(async {
            for _ in 0..2_000 {
                assert_eq!(buffered.fill_buf().await?[0], b'x');
                buffered.consume(1);
            }
            io::Result::Ok(())
        });
        // This test is a task, so it has a budget.
        assert!(wakes.poll(&mut all).is_pending());
        wakes.reach(1).await;
        assert!(wakes.poll(&mut all).is_pending());
        all.await
    });
}

/// As programs written for `tokio::net` do: the extension trait is in scope, and `split` is still
/// the stream's.
#[test]
fn a_program_that_imports_the_extension_trait_still_splits_streams() {
    on_every_runtime(|_| async {
        let (mut server, mut client) = both_ends().await?;
        client.write_all(b"hello\n").await?;
        let (read, _write) = server.split();
        let mut line = String::new();
        BufReader::new(read).read_line(&mut line).await?;
        assert_eq!(line, "hello\n");
        Ok(())
    });
}
