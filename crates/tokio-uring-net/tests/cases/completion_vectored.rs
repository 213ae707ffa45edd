//! Vectored writes of many slices behind a queue, which takes one of the pieces that a send has.

use crate::flow::{on_every_runtime, receive, write};
use crate::stack::net::TcpStream;
use crate::support::closing::join;
use crate::support::pattern::Pattern;
use crate::support::poll::poll_once;
use crate::support::tcp::{Origin, pair};
use std::io::{self, IoSlice};
use std::task::Poll;
use tokio::io::AsyncWriteExt;

/// A stream with a queue, its peer, and what was written.
async fn stream_with_queue(
    origin: Origin,
) -> io::Result<(TcpStream, std::net::TcpStream, Pattern)> {
    let (mut stream, peer) = pair(origin).await?;
    let mut sent = Pattern::new(1);
    for _ in 0..2 {
        write(&mut stream, &mut sent, 100).await?;
    }
    Ok((stream, peer, sent))
}

async fn check(peer: std::net::TcpStream, sent: Pattern) -> io::Result<()> {
    join(std::thread::spawn(move || {
        let len = usize::try_from(sent.offset()).expect("it is small");
        receive(&peer, &mut Pattern::new(1), len).expect("every byte arrives");
    }))
    .await
}

/// That fewer bytes went than were offered does not mean that the kernel is full.
#[test]
fn a_write_of_many_slices_behind_a_queue_leaves_the_stream_writable() {
    on_every_runtime(|_| async {
        for origin in Origin::ALL {
            let (mut stream, peer, mut sent) = stream_with_queue(origin).await?;
            let bytes = sent.bytes(10_000);
            let slices: Vec<_> = bytes.chunks(100).map(IoSlice::new).collect();
            let count = stream.write_vectored(&slices).await?;
            assert!(count > 0 && count % 100 == 0);
            sent.skip(count);
            // It has room for 10 kB and more.
            let bytes = sent.bytes(5_000);
            let next = poll_once(&mut Box::pin(stream.write(&bytes))).await;
            assert!(
                matches!(next, Poll::Ready(Ok(5_000))),
                "{origin:?} {next:?}"
            );
            sent.skip(5_000);
            stream.flush().await?;
            check(peer, sent).await?;
        }
        Ok(())
    });
}

/// More of them than a send has pieces.
#[test]
fn empty_slices_behind_a_queue_are_skipped() {
    on_every_runtime(|_| async {
        for origin in Origin::ALL {
            let (mut stream, peer, mut sent) = stream_with_queue(origin).await?;
            let bytes = sent.bytes(5_000);
            let mut slices = vec![IoSlice::new(&[]); 70];
            slices.push(IoSlice::new(&bytes));
            let written = poll_once(&mut Box::pin(stream.write_vectored(&slices))).await;
            assert!(
                matches!(written, Poll::Ready(Ok(5_000))),
                "{origin:?} {written:?}"
            );
            sent.skip(5_000);
            check(peer, sent).await?;
        }
        Ok(())
    });
}

#[test]
fn a_try_write_of_empty_slices_behind_a_queue_skips_them() {
    on_every_runtime(|_| async {
        for origin in Origin::ALL {
            let (stream, peer, mut sent) = stream_with_queue(origin).await?;
            let bytes = sent.bytes(5_000);
            let mut slices = vec![IoSlice::new(&[]); 70];
            slices.push(IoSlice::new(&bytes));
            assert_eq!(stream.try_write_vectored(&slices)?, 5_000, "{origin:?}");
            sent.skip(5_000);
            check(peer, sent).await?;
        }
        Ok(())
    });
}
