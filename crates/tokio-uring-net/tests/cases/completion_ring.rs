//! Receives by the ring itself: which sockets have them, and that nobody else's call can tell.

use crate::flow::{on_every_runtime, steal, wait_for};
use crate::stack::net::{Driver, IntoStdError, Metrics, Mode, TcpStream, driver, metrics};
use crate::support::closing::join;
use crate::support::pattern::Pattern;
use crate::support::poll::{poll_once, turns};
use crate::support::setup::{Flavour, Setup};
use crate::support::tcp::{Origin, both_ends, free_ports_on_close, pair};
use rustix::event::PollFlags;
use std::io::{self, ErrorKind, Read, Write};
use std::net::Shutdown;
use std::os::fd::AsFd;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// Whether the ring receives for the streams of this runtime.
fn receives(setup: Setup) -> bool {
    setup.flavour == Flavour::CurrentThread && driver().driver() == Driver::IoUring
}

/// A stream whose read waits, by the ring where that receives; the read is dropped.
async fn waiting(origin: Origin) -> io::Result<(TcpStream, std::net::TcpStream)> {
    let (mut stream, peer) = pair(origin).await?;
    assert!(
        poll_once(&mut Box::pin(stream.read(&mut [0; 8])))
            .await
            .is_pending()
    );
    turns(3).await;
    Ok((stream, peer))
}

/// What the ring has received since `before`.
fn by_ring(before: &Metrics) -> u64 {
    metrics().received - before.received
}

#[test]
fn requests_and_responses_are_received_by_the_ring_with_one_operation() {
    on_every_runtime(|setup| async move {
        for origin in Origin::ALL {
            let before = metrics();
            let (mut stream, mut peer) = waiting(origin).await?;
            let mut received = Pattern::new(1);
            for size in [1, 100, 1_400, 2_047] {
                peer.write_all(&received.bytes(size))?;
                let mut bytes = vec![0; size];
                stream.read_exact(&mut bytes).await?;
                received.take(&bytes);
                assert_eq!(stream.bytes_ahead(), 0);
                // The next read waits.
                assert!(
                    poll_once(&mut Box::pin(stream.read(&mut bytes)))
                        .await
                        .is_pending()
                );
            }
            let messages = if receives(setup) { 4 } else { 0 };
            assert_eq!(by_ring(&before), messages, "{origin:?}");
            assert_eq!(metrics().recvs - before.recvs, messages.min(1));
        }
        Ok(())
    });
}

#[test]
fn bulk_goes_straight_to_its_reader_from_then_on() {
    on_every_runtime(|_| async {
        for origin in Origin::ALL {
            let (mut stream, mut peer) = waiting(origin).await?;
            let mut received = Pattern::new(1);
            let mut bytes = vec![0; 100_000];
            peer.write_all(&received.bytes(3_000))?;
            stream.read_exact(&mut bytes[..3_000]).await?;
            received.take(&bytes[..3_000]);
            // The next wait finds the receive of the ring ended.
            let before = metrics();
            for size in [1, 5_000, 100_000, 10] {
                let mut read = Box::pin(stream.read_exact(&mut bytes[..size]));
                assert!(poll_once(&mut read).await.is_pending());
                turns(3).await;
                let sent = received.bytes(size);
                let mut peer = peer.try_clone()?;
                let writer = std::thread::spawn(move || peer.write_all(&sent).expect("it is read"));
                read.await?;
                join(writer).await?;
                received.take(&bytes[..size]);
            }
            assert_eq!(by_ring(&before), 0, "{origin:?}");
        }
        Ok(())
    });
}

#[test]
fn a_socket_whose_write_waits_is_received_from_by_its_reader() {
    on_every_runtime(|_| async {
        for origin in Origin::ALL {
            let (mut stream, mut peer) = waiting(origin).await?;
            let mut sent = Pattern::new(1);
            loop {
                let bytes = sent.bytes(64 << 10);
                match poll_once(&mut Box::pin(stream.write(&bytes))).await {
                    std::task::Poll::Ready(count) => sent.skip(count?),
                    std::task::Poll::Pending => break,
                }
            }
            turns(3).await;
            let before = metrics();
            peer.write_all(b"hello")?;
            let mut bytes = [0; 5];
            stream.read_exact(&mut bytes).await?;
            assert_eq!((&bytes, by_ring(&before)), (b"hello", 0));
            free_ports_on_close(&peer)?;
        }
        Ok(())
    });
}

#[test]
fn a_stream_leaves_its_runtime_with_every_byte_on_any_thread() {
    on_every_runtime(|_| async {
        for origin in Origin::ALL {
            for elsewhere in [false, true] {
                for turns_taken in [0, 3] {
                    let (stream, mut peer) = waiting(origin).await?;
                    let received = Pattern::new(1);
                    peer.write_all(&received.bytes(100))?;
                    turns(turns_taken).await;
                    let leave = move || match stream.into_std() {
                        Ok(stream) => (stream, Vec::new()),
                        Err(error) => {
                            let refused: IntoStdError = error.downcast().expect("bytes are ahead");
                            let (stream, ahead) = refused.into_parts();
                            (stream.into_std().expect("none is ahead any more"), ahead)
                        }
                    };
                    let (mut stream, mut bytes) = if elsewhere {
                        tokio::task::spawn_blocking(leave).await?
                    } else {
                        leave()
                    };
                    stream.set_nonblocking(false)?;
                    peer.write_all(&Pattern::new(2).bytes(10))?;
                    let ahead = bytes.len();
                    bytes.resize(110, 0);
                    stream.read_exact(&mut bytes[ahead..])?;
                    received.check(&bytes[..100]);
                    Pattern::new(2).check(&bytes[100..]);
                }
            }
        }
        Ok(())
    });
}

#[test]
fn a_descriptor_that_is_shown_sees_what_the_stream_does_not_have_ahead() {
    on_every_runtime(|_| async {
        for origin in Origin::ALL {
            for elsewhere in [false, true] {
                let (mut stream, mut peer) = waiting(origin).await?;
                let mut received = Pattern::new(1);
                // So that a byte has moved.
                peer.write_all(&received.bytes(1))?;
                let mut byte = [0; 1];
                stream.read_exact(&mut byte).await?;
                received.take(&byte);
                assert!(
                    poll_once(&mut Box::pin(stream.read(&mut [0; 8])))
                        .await
                        .is_pending()
                );
                turns(3).await;
                let show = move || {
                    let shown = stream.as_fd().try_clone_to_owned();
                    (stream, shown)
                };
                let (stream, shown) = if elsewhere {
                    tokio::task::spawn_blocking(show).await?
                } else {
                    show()
                };
                assert_eq!(stream.mode(), Mode::Exact);
                peer.write_all(&received.bytes(100))?;
                turns(3).await;
                assert_eq!(stream.bytes_ahead(), 0);
                let mut shown = std::net::TcpStream::from(shown?);
                shown.set_nonblocking(false)?;
                let mut bytes = [0; 100];
                shown.read_exact(&mut bytes)?;
                received.check(&bytes);
            }
        }
        Ok(())
    });
}

#[test]
fn a_stream_that_becomes_exact_reads_on_where_the_ring_has_ended() {
    on_every_runtime(|_| async {
        for origin in Origin::ALL {
            let (mut stream, mut peer) = waiting(origin).await?;
            let mut received = Pattern::new(1);
            peer.write_all(&received.bytes(100))?;
            turns(3).await;
            stream.set_mode(Mode::Exact)?;
            let before = metrics();
            let ahead = stream.bytes_ahead();
            let mut later = received;
            later.skip(100);
            peer.write_all(&later.bytes(50))?;
            let mut bytes = [0; 150];
            stream.read_exact(&mut bytes).await?;
            received.take(&bytes);
            assert_eq!((by_ring(&before), stream.bytes_ahead()), (0, 0), "{ahead}");
        }
        Ok(())
    });
}

#[test]
fn a_reset_of_a_waiting_stream_is_reported_once_and_behind_the_bytes() {
    on_every_runtime(|_| async {
        for origin in Origin::ALL {
            for bytes in [0, 5] {
                let (mut stream, mut peer) = waiting(origin).await?;
                peer.write_all(&vec![7; bytes])?;
                turns(3).await;
                free_ports_on_close(&peer)?;
                drop(peer);
                let mut received = vec![0; bytes];
                stream.read_exact(&mut received).await?;
                assert_eq!(received, vec![7; bytes]);
                let error = stream.read(&mut [0; 8]).await.expect_err("it was reset");
                assert_eq!(error.kind(), ErrorKind::ConnectionReset);
                assert_eq!(stream.read(&mut [0; 8]).await?, 0);
                assert!(stream.take_error()?.is_none());
            }
        }
        Ok(())
    });
}

#[test]
fn an_end_of_stream_is_seen_by_every_way_to_wait() {
    on_every_runtime(|_| async {
        for origin in Origin::ALL {
            let (mut stream, peer) = waiting(origin).await?;
            peer.shutdown(Shutdown::Write)?;
            stream.readable().await?;
            assert_eq!(stream.peek(&mut [0; 8]).await?, 0);
            assert_eq!(stream.read(&mut [0; 8]).await?, 0);
            let ready = stream.ready(tokio::io::Interest::READABLE).await?;
            assert!(ready.is_read_closed());
        }
        Ok(())
    });
}

/// The closed states of a socket are never forgotten: whoever trusts them while the ring has still to tell
/// the end would not let it.
#[test]
fn an_end_that_is_seen_before_the_ring_tells_it_is_waited_for() {
    on_every_runtime(|_| async {
        for origin in Origin::ALL {
            let (mut stream, peer) = waiting(origin).await?;
            let mut buf = [0; 8];
            peer.shutdown(Shutdown::Write)?;
            let seen = loop {
                match stream.try_read(&mut buf) {
                    Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                    seen => break seen,
                }
                stream.readable().await?;
            };
            assert_eq!(seen?, 0);
            assert_eq!(stream.peek(&mut buf).await?, 0);
            assert_eq!(stream.read(&mut buf).await?, 0);
        }
        Ok(())
    });
}

#[test]
fn a_descriptor_lent_while_a_read_waits_misses_nothing() {
    on_every_runtime(|_| async {
        for origin in Origin::ALL {
            let (stream, mut peer) = waiting(origin).await?;
            let lent = stream.as_fd().try_clone_to_owned()?;
            peer.write_all(&Pattern::new(1).bytes(100))?;
            turns(3).await;
            assert_eq!(stream.bytes_ahead(), 0);
            let mut lent = std::net::TcpStream::from(lent);
            lent.set_nonblocking(false)?;
            let mut bytes = [0; 100];
            lent.read_exact(&mut bytes)?;
            Pattern::new(1).check(&bytes);
        }
        Ok(())
    });
}

/// A stream that was reset while its read waited; the ring, where it receives, has met that.
async fn reset(origin: Origin) -> io::Result<TcpStream> {
    let (stream, peer) = waiting(origin).await?;
    let seen = steal(&stream)?;
    free_ports_on_close(&peer)?;
    drop(peer);
    wait_for(&seen, PollFlags::HUP);
    turns(3).await;
    Ok(stream)
}

#[test]
fn a_reset_that_the_ring_has_met_is_reported_by_any_call() {
    on_every_runtime(|_| async {
        for origin in Origin::ALL {
            let was_reset = Err(ErrorKind::ConnectionReset);
            let mut stream = reset(origin).await?;
            let written = stream.write(b"x").await.map_err(|error| error.kind());
            assert_eq!(written, was_reset);
            assert_eq!(stream.read(&mut [0; 8]).await?, 0);

            let stream = reset(origin).await?;
            let written = stream.try_write(b"x").map_err(|error| error.kind());
            assert_eq!(written, was_reset);

            let stream = reset(origin).await?;
            let error = stream.take_error()?.map(|error| error.kind());
            assert_eq!(error, Some(ErrorKind::ConnectionReset));

            let mut buf = [0; 8];
            let read = match reset(origin).await?.into_std() {
                Ok(mut stream) => stream.read(&mut buf),
                Err(error) => Err(error),
            };
            assert_eq!(read.map_err(|error| error.kind()), was_reset);
        }
        Ok(())
    });
}

/// More at once than there are buffers: whoever finds none receives by himself.
#[test]
fn want_of_buffers_delays_nobody() {
    const STREAMS: usize = 50;
    const LEN: usize = 10_000;
    on_every_runtime(|setup| async move {
        let mut streams = Vec::new();
        for _ in 0..STREAMS {
            streams.push(waiting(Origin::Accepted).await?);
        }
        let before = metrics();
        // The runtime has no turn in between.
        for (_, peer) in &mut streams {
            peer.write_all(&Pattern::new(1).bytes(LEN))?;
        }
        for (stream, peer) in &mut streams {
            let mut bytes = [0; LEN];
            stream.read_exact(&mut bytes).await?;
            Pattern::new(1).check(&bytes);
            let mut next = Box::pin(stream.read(&mut bytes));
            assert!(poll_once(&mut next).await.is_pending(), "no error is left");
            drop(next);
            free_ports_on_close(peer)?;
        }
        let after = metrics();
        assert_eq!(
            after.recv_no_buffers > before.recv_no_buffers,
            receives(setup)
        );
        assert_eq!(after.recv_buffers, 0);
        Ok(())
    });
}

/// Both ends of one connection in one runtime, one of them dropped while the other waits.
#[test]
fn a_dropped_peer_ends_a_wait() {
    on_every_runtime(|_| async {
        for _ in 0..20 {
            let (mut left, right) = both_ends().await?;
            let reader = tokio::spawn(async move { left.read(&mut [0; 8]).await });
            turns(3).await;
            drop(right);
            assert_eq!(reader.await??, 0);
        }
        Ok(())
    });
}
