//! What Unix streams answer in their first poll, to reads and writes of nothing, and when one
//! direction has ended.

use crate::stack::net::UnixStream;
use crate::support::poll::{Wakes, poll_once};
use crate::support::setup::on_every_runtime;
use crate::support::unix::{Origin, clear_readable, listener, pair};
use std::io::{self, ErrorKind, IoSlice, IoSliceMut, Read, Write};
use std::net::Shutdown;
use std::task::Poll;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

fn kind<T>(result: io::Result<T>) -> Option<ErrorKind> {
    result.err().map(|error| error.kind())
}

const WOULD_BLOCK: Option<ErrorKind> = Some(ErrorKind::WouldBlock);

#[test]
fn a_fresh_pair_can_be_written_to_and_not_read_from() {
    on_every_runtime(|_| async {
        let (mut one, two) = UnixStream::pair()?;
        assert!(poll_once(&mut Box::pin(two.readable())).await.is_pending());
        assert_eq!(kind(two.try_read(&mut [0; 8])), WOULD_BLOCK);
        assert_eq!(one.try_write(b"by")?, 2);
        assert!(poll_once(&mut Box::pin(two.writable())).await.is_ready());
        let written = poll_once(&mut Box::pin(one.write(b"tes"))).await;
        assert!(matches!(written, Poll::Ready(Ok(3))), "{written:?}");
        two.readable().await?;
        assert_eq!(two.try_read(&mut [0; 8])?, 5);
        Ok(())
    });
}

#[test]
fn an_accepted_stream_reads_what_is_there_in_its_first_poll() {
    on_every_runtime(|_| async {
        let (mut stream, mut peer) = pair(Origin::Accepted).await?;
        peer.write_all(b"bytes")?;
        let mut buf = [0; 8];
        let read = poll_once(&mut Box::pin(stream.read(&mut buf))).await;
        assert!(matches!(read, Poll::Ready(Ok(5))), "{read:?}");
        Ok(())
    });
}

#[test]
fn a_connect_hears_of_a_listener_that_goes_before_its_second_poll() {
    on_every_runtime(|_| async {
        let (listener, address) = listener()?;
        let mut connect = Box::pin(UnixStream::connect_addr(&address));
        assert!(poll_once(&mut connect).await.is_pending());
        drop(listener);
        assert_eq!(kind(connect.await), Some(ErrorKind::ConnectionReset));
        Ok(())
    });
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
            assert_eq!(stream.try_read_buf::<&mut [u8]>(&mut &mut [][..])?, 0);
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

#[test]
fn a_read_of_nothing_waits_like_any_other() {
    on_every_runtime(|_| async {
        let (mut accepted, _peer) = pair(Origin::Accepted).await?;
        let read = poll_once(&mut Box::pin(accepted.read(&mut []))).await;
        assert!(read.is_pending(), "{read:?}");
        for origin in Origin::ALL {
            let (mut stream, mut peer) = pair(origin).await?;
            clear_readable(&stream).await;
            assert_eq!(kind(stream.try_read(&mut [])), WOULD_BLOCK);
            let mut read = Box::pin(stream.read(&mut []));
            assert!(poll_once(&mut read).await.is_pending());
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
            assert_eq!(stream.try_write_vectored(&empty)?, 0);
            stream.flush().await?;
            let bytes = [IoSlice::new(b"by"), IoSlice::new(&[]), IoSlice::new(b"tes")];
            assert_eq!(stream.write_vectored(&bytes).await?, 5);
            let mut received = [0; 5];
            peer.read_exact(&mut received)?;
            assert_eq!(&received, b"bytes");
        }
        Ok(())
    });
}

#[test]
fn a_stream_that_has_ended_its_writes_still_reads() {
    on_every_runtime(|_| async {
        for origin in Origin::ALL {
            let (mut stream, mut peer) = pair(origin).await?;
            stream.write_all(b"question").await?;
            stream.shutdown().await?;
            stream.shutdown().await?;
            let mut received = String::new();
            peer.read_to_string(&mut received)?;
            assert_eq!(received, "question");
            assert_eq!(kind(stream.write(b"?").await), Some(ErrorKind::BrokenPipe));
            peer.write_all(b"answer")?;
            drop(peer);
            received.clear();
            stream.read_to_string(&mut received).await?;
            assert_eq!(received, "answer");
        }
        Ok(())
    });
}

#[test]
fn a_stream_whose_peer_has_ended_its_writes_still_writes() {
    on_every_runtime(|_| async {
        for origin in Origin::ALL {
            let (mut stream, mut peer) = pair(origin).await?;
            clear_readable(&stream).await;
            let wakes = Wakes::new();
            let mut buf = [0; 8];
            let mut read = Box::pin(stream.read(&mut buf));
            assert!(wakes.poll(&mut read).is_pending());
            peer.shutdown(Shutdown::Write)?;
            wakes.reach(1).await;
            assert_eq!(read.await?, 0);
            stream.write_all(b"answer").await?;
            drop(stream);
            let mut received = String::new();
            peer.read_to_string(&mut received)?;
            assert_eq!(received, "answer");
        }
        Ok(())
    });
}

#[test]
fn a_write_to_a_peer_that_is_gone_is_a_broken_pipe() {
    on_every_runtime(|_| async {
        for origin in Origin::ALL {
            let (mut stream, peer) = pair(origin).await?;
            drop(peer);
            assert_eq!(kind(stream.write(b"?").await), Some(ErrorKind::BrokenPipe));
            let bytes = [IoSlice::new(b"?"), IoSlice::new(b"!")];
            assert_eq!(
                kind(stream.write_vectored(&bytes).await),
                Some(ErrorKind::BrokenPipe)
            );
            assert_eq!(stream.read(&mut [0; 8]).await?, 0);
        }
        Ok(())
    });
}
