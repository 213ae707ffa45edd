//! Reads and writes of nothing: they take nothing, send nothing and end nothing.

use crate::support::poll::poll_once;
use crate::support::ready::{WOULD_BLOCK, clear_readable, clear_writable, kind};
use crate::support::setup::on_every_runtime;
use crate::support::tcp::{Origin, pair};
use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::task::Poll;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

fn ready(poll: Poll<io::Result<usize>>) -> Option<usize> {
    match poll {
        Poll::Ready(result) => Some(result.expect("nothing can go wrong with nothing")),
        Poll::Pending => None,
    }
}

#[test]
fn a_read_of_nothing_takes_nothing() {
    on_every_runtime(|_| async {
        for origin in Origin::ALL {
            let (mut stream, mut peer) = pair(origin).await?;
            peer.write_all(b"bytes")?;
            stream.readable().await?;
            assert_eq!(stream.read(&mut []).await?, 0);
            assert_eq!(stream.try_read(&mut [])?, 0);
            assert_eq!(stream.peek(&mut []).await?, 0);
            assert_eq!(stream.try_read_vectored(&mut [])?, 0);
            let empty = &mut [IoSliceMut::new(&mut [])];
            assert_eq!(stream.try_read_vectored(empty)?, 0);
            let mut bytes = [0; 5];
            stream.read_exact(&mut bytes).await?;
            assert_eq!(&bytes, b"bytes");
        }
        Ok(())
    });
}

/// As in tokio, a read of nothing waits until the stream is readable.
#[test]
fn a_read_of_nothing_waits_like_any_other() {
    on_every_runtime(|_| async {
        for origin in Origin::ALL {
            let (mut stream, mut peer) = pair(origin).await?;
            clear_readable(&stream).await;
            assert_eq!(kind(stream.try_read(&mut [])), WOULD_BLOCK);
            let mut read = Box::pin(stream.read(&mut []));
            assert_eq!(ready(poll_once(&mut read).await), None);
            peer.write_all(b"bytes")?;
            assert_eq!(read.await?, 0);
            drop(peer);
            stream.read_exact(&mut [0; 5]).await?;
            assert_eq!(stream.read(&mut []).await?, 0);
        }
        Ok(())
    });
}

#[test]
fn a_write_of_nothing_sends_nothing_and_does_not_end_the_stream() {
    on_every_runtime(|_| async {
        for origin in Origin::ALL {
            let (mut stream, mut peer) = pair(origin).await?;
            assert_eq!(stream.write(&[]).await?, 0);
            assert_eq!(stream.try_write(&[])?, 0);
            assert_eq!(stream.write_vectored(&[]).await?, 0);
            let empty = [IoSlice::new(&[]), IoSlice::new(&[])];
            assert_eq!(stream.write_vectored(&empty).await?, 0);
            stream.flush().await?;
            let bytes = [IoSlice::new(b"by"), IoSlice::new(&[]), IoSlice::new(b"tes")];
            assert_eq!(stream.write_vectored(&bytes).await?, 5);
            let mut received = [0; 5];
            peer.read_exact(&mut received)?;
            assert_eq!(&received, b"bytes");
            assert_eq!(stream.try_write_vectored(&empty)?, 0);
            clear_writable(&stream, || kind(stream.try_write(&[])) == WOULD_BLOCK).await;
        }
        Ok(())
    });
}
