//! hyper's traits themselves: what a read puts where, and what a write does not hold back.

use crate::stack::net;
use crate::support::pattern::Pattern;
use crate::support::setup::on_every_runtime;
use crate::support::tcp::{Origin, pair};
use crate::support::unix;
use hyper::rt::{Read, ReadBuf, Write};
use std::future::poll_fn;
use std::io::{self, IoSlice, Read as _, Write as _};
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::task::Poll;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// One read into `room` bytes behind some that are filled already.
async fn read(stream: &mut (impl Read + Unpin), room: usize) -> io::Result<Vec<u8>> {
    const FILLED: &[u8] = b"before";
    let mut memory = vec![MaybeUninit::uninit(); FILLED.len() + room];
    let mut buf = ReadBuf::uninit(&mut memory);
    buf.unfilled().put_slice(FILLED);
    poll_fn(|cx| Read::poll_read(Pin::new(&mut *stream), cx, buf.unfilled())).await?;
    let (before, received) = buf.filled().split_at(FILLED.len());
    assert_eq!(before, FILLED);
    Ok(received.to_vec())
}

async fn write(stream: &mut (impl Write + Unpin), bytes: &[u8]) -> io::Result<usize> {
    poll_fn(|cx| Write::poll_write(Pin::new(&mut *stream), cx, bytes)).await
}

async fn write_vectored(
    stream: &mut (impl Write + Unpin),
    bufs: &[IoSlice<'_>],
) -> io::Result<usize> {
    poll_fn(|cx| Write::poll_write_vectored(Pin::new(&mut *stream), cx, bufs)).await
}

async fn read_in_any_size(
    mut stream: impl Read + Unpin,
    mut peer: impl io::Write,
) -> io::Result<()> {
    let mut pattern = Pattern::new(1);
    for _ in 0..4 {
        peer.write_all(&pattern.bytes(6_000))?;
        let mut left = 6_000;
        for room in [1, 24, 3, 1_023, 1_024, 2, 4_096, 8_192]
            .into_iter()
            .cycle()
        {
            let received = read(&mut stream, room).await?;
            assert!((1..=room).contains(&received.len()));
            pattern.take(&received);
            left -= received.len();
            if left == 0 {
                break;
            }
        }
    }
    // The end is the end for good.
    drop(peer);
    assert_eq!(read(&mut stream, 8_192).await?, b"");
    assert_eq!(read(&mut stream, 8).await?, b"");
    Ok(())
}

#[test]
fn reads_of_any_size_take_each_byte_once() {
    on_every_runtime(|_| async {
        for origin in Origin::ALL {
            let (stream, peer) = pair(origin).await?;
            read_in_any_size(stream, peer).await?;
        }
        for origin in unix::Origin::ALL {
            let (stream, peer) = unix::pair(origin).await?;
            read_in_any_size(stream, peer).await?;
        }
        Ok(())
    });
}

#[test]
fn a_read_takes_what_a_read_of_tokios_has_left() {
    on_every_runtime(|_| async {
        let (mut stream, mut peer) = pair(Origin::Accepted).await?;
        peer.write_all(b"one two three")?;
        let mut one = [0; 4];
        stream.read_exact(&mut one).await?;
        assert_eq!(&one, b"one ");
        let mut rest = Vec::new();
        while rest.len() < b"two three".len() {
            rest.extend(read(&mut stream, 8_192).await?);
        }
        assert_eq!(rest, b"two three");
        Ok(())
    });
}

#[test]
fn a_read_that_is_given_up_takes_nothing() {
    on_every_runtime(|_| async {
        let (mut stream, mut peer) = pair(Origin::Accepted).await?;
        for room in [8, 8_192] {
            {
                let mut memory = vec![0; room];
                let mut buf = ReadBuf::new(&mut memory);
                let polled = poll_fn(|cx| {
                    let polled = Read::poll_read(Pin::new(&mut stream), cx, buf.unfilled());
                    Poll::Ready(polled)
                })
                .await;
                assert!(polled.is_pending());
                assert_eq!(buf.filled(), b"");
            }
            peer.write_all(b"late")?;
            assert_eq!(read(&mut stream, room).await?, b"late");
        }
        Ok(())
    });
}

async fn send_in_pieces(mut stream: impl Write + Unpin, mut peer: impl io::Read) -> io::Result<()> {
    assert!(Write::is_write_vectored(&stream));
    let mut pattern = Pattern::new(2);
    for sizes in [
        &[100, 13][..],
        &[0, 1, 0],
        &[1_000, 24],
        &[1_000, 25],
        &[9_000; 4],
    ] {
        let pieces: Vec<_> = sizes
            .iter()
            .map(|&bytes| {
                let piece = pattern.bytes(bytes);
                pattern.skip(bytes);
                piece
            })
            .collect();
        let slices: Vec<_> = pieces.iter().map(|piece| IoSlice::new(piece)).collect();
        let all: Vec<u8> = pieces.concat();
        assert_eq!(write_vectored(&mut stream, &slices).await?, all.len());
        let mut received = vec![0; all.len()];
        peer.read_exact(&mut received)?;
        assert_eq!(received, all);
    }
    assert_eq!(write_vectored(&mut stream, &[]).await?, 0);
    poll_fn(|cx| Write::poll_flush(Pin::new(&mut stream), cx)).await?;
    poll_fn(|cx| Write::poll_shutdown(Pin::new(&mut stream), cx)).await?;
    assert_eq!(peer.read(&mut [0])?, 0);
    Ok(())
}

#[test]
fn pieces_are_sent_in_order_whatever_their_size() {
    on_every_runtime(|_| async {
        let (stream, peer) = pair(Origin::Accepted).await?;
        send_in_pieces(stream, peer).await?;
        let (stream, peer) = unix::pair(unix::Origin::Accepted).await?;
        send_in_pieces(stream, peer).await
    });
}

#[test]
fn no_write_of_hypers_is_queued() {
    on_every_runtime(|_| async {
        let (mut stream, mut peer) = pair(Origin::Accepted).await?;
        let queued = || net::metrics().queued_writes;
        let before = queued();
        for _ in 0..20 {
            assert_eq!(write(&mut stream, b"one").await?, 3);
            assert_eq!(write(&mut stream, b"two").await?, 3);
            poll_fn(|cx| Write::poll_flush(Pin::new(&mut stream), cx)).await?;
            let mut received = [0; 6];
            peer.read_exact(&mut received)?;
            assert_eq!(&received, b"onetwo");
        }
        assert_eq!(queued(), before);
        Ok(())
    });
}

#[test]
fn writes_of_hypers_stay_behind_those_of_tokios() {
    on_every_runtime(|_| async {
        let (mut stream, mut peer) = pair(Origin::Accepted).await?;
        for _ in 0..20 {
            for word in [&b"one "[..], b"two ", b"three "] {
                stream.write_all(word).await?;
            }
            assert_eq!(write(&mut stream, b"four").await?, 4);
            let mut received = [0; 18];
            peer.read_exact(&mut received)?;
            assert_eq!(&received, b"one two three four");
        }
        stream.write_all(b"last ").await?;
        stream.write_all(b"words").await?;
        poll_fn(|cx| Write::poll_shutdown(Pin::new(&mut stream), cx)).await?;
        let mut rest = Vec::new();
        peer.read_to_end(&mut rest)?;
        assert_eq!(rest, b"last words");
        Ok(())
    });
}
