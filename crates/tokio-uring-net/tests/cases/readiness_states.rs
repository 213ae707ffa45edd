//! What makes a stream ready, and what makes it forget.

use crate::stack::net::{TcpListener, TcpStream};
use crate::support::poll::{Wakes, poll_once, turns};
use crate::support::ready::{WOULD_BLOCK, clear_readable, clear_writable, drain, kind};
use crate::support::setup::on_every_runtime;
use crate::support::tcp::{Origin, any_port, client, pair};
use socket2::SockRef;
use std::future::poll_fn;
use std::io::{self, ErrorKind, Write};
use std::net::Shutdown;
use std::task::Poll;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt, Interest};

fn would_block() -> io::Result<()> {
    Err(ErrorKind::WouldBlock.into())
}

/// Whether `try_io` calls its closure, which answers `result`.
fn calls(stream: &TcpStream, interest: Interest, result: fn() -> io::Result<()>) -> bool {
    let mut called = false;
    let answer = stream.try_io(interest, || {
        called = true;
        result()
    });
    assert!(called || kind(answer) == WOULD_BLOCK);
    called
}

#[test]
fn the_first_poll_completes_what_can_complete() {
    on_every_runtime(|_| async {
        let listener = TcpListener::bind(any_port()).await?;
        let _before = client(listener.local_addr()?)?;
        let mut peer = client(listener.local_addr()?)?;
        peer.write_all(b"bytes")?;
        listener.accept().await?;
        let Poll::Ready(accepted) = poll_once(&mut Box::pin(listener.accept())).await else {
            panic!("a connection is waiting");
        };
        let (mut stream, _) = accepted?;
        assert!(
            poll_once(&mut Box::pin(stream.peek(&mut [0; 8])))
                .await
                .is_ready()
        );
        assert!(
            poll_once(&mut Box::pin(stream.read(&mut [0; 8])))
                .await
                .is_ready()
        );
        assert!(
            poll_once(&mut Box::pin(stream.write(b"byte")))
                .await
                .is_ready()
        );
        Ok(())
    });
}

#[test]
fn try_io_does_not_call_its_closure_when_not_ready() {
    on_every_runtime(|_| async {
        for origin in Origin::ALL {
            let (stream, mut peer) = pair(origin).await?;
            clear_readable(&stream).await;
            assert!(!calls(&stream, Interest::READABLE, || Ok(())));
            assert!(!calls(&stream, Interest::READABLE, would_block));
            peer.write_all(b"bytes")?;
            stream.readable().await?;
            assert!(calls(&stream, Interest::READABLE, || Ok(())));

            let skipped = || !calls(&stream, Interest::WRITABLE, || Ok(()));
            let written = clear_writable(&stream, skipped).await;
            drain(&peer, written)?;
            stream.writable().await?;
            assert!(calls(&stream, Interest::WRITABLE, || Ok(())));
        }
        Ok(())
    });
}

#[test]
fn would_block_clears_readiness_and_nothing_else_does() {
    on_every_runtime(|_| async {
        for origin in Origin::ALL {
            let (stream, mut peer) = pair(origin).await?;
            clear_readable(&stream).await;
            peer.write_all(b"bytes")?;
            stream.readable().await?;
            assert!(calls(&stream, Interest::READABLE, || Ok(())));
            assert!(calls(&stream, Interest::READABLE, || Err(
                ErrorKind::Other.into()
            )));
            assert!(calls(&stream, Interest::READABLE, would_block));
            assert!(!calls(&stream, Interest::READABLE, || Ok(())));
            let mut readable = Box::pin(stream.readable());
            assert!(poll_once(&mut readable).await.is_pending());
            // Fresh bytes make it ready once more, for all that came before too.
            peer.write_all(b"more!")?;
            readable.await?;
            let mut buf = [0; 16];
            assert_eq!(stream.try_read(&mut buf)?, 10);
            assert_eq!(&buf[..10], b"bytesmore!");
        }
        Ok(())
    });
}

/// A read that leaves room in its buffer has emptied the socket; one that fills it may not have.
#[test]
fn a_short_read_clears_readiness_and_a_full_one_does_not() {
    on_every_runtime(|_| async {
        for origin in Origin::ALL {
            let (mut stream, mut peer) = pair(origin).await?;
            clear_readable(&stream).await;
            peer.write_all(b"bytes")?;
            assert_eq!(stream.read(&mut [0; 8]).await?, 5);
            assert!(!calls(&stream, Interest::READABLE, || Ok(())));
            peer.write_all(b"bytes")?;
            assert_eq!(stream.read(&mut [0; 5]).await?, 5);
            assert!(calls(&stream, Interest::READABLE, || Ok(())));
            assert_eq!(kind(stream.try_read(&mut [0; 5])), WOULD_BLOCK);
            // What is left after a full read is read without another event.
            peer.write_all(b"bytes and bytes")?;
            assert_eq!(stream.read(&mut [0; 5]).await?, 5);
            let mut rest = [0; 16];
            assert_eq!(stream.read(&mut rest).await?, 10);
            assert_eq!(&rest[..10], b" and bytes");
        }
        Ok(())
    });
}

#[test]
fn a_full_socket_is_writable_again_once_the_peer_reads() {
    on_every_runtime(|_| async {
        for origin in Origin::ALL {
            let (stream, peer) = pair(origin).await?;
            let wakes = Wakes::new();
            let pending = || wakes.poll(&mut Box::pin(stream.writable())).is_pending();
            let written = clear_writable(&stream, pending).await;
            drain(&peer, written)?;
            stream.writable().await?;
            assert!(stream.try_write(b"bytes")? > 0);
        }
        Ok(())
    });
}

#[test]
fn a_closed_read_side_stays_ready_for_ever() {
    on_every_runtime(|_| async {
        for origin in Origin::ALL {
            let (mut stream, peer) = pair(origin).await?;
            clear_readable(&stream).await;
            peer.shutdown(Shutdown::Write)?;
            for _ in 0..3 {
                let ready = stream.ready(Interest::READABLE).await?;
                assert!(ready.is_readable() && ready.is_read_closed());
                assert!(calls(&stream, Interest::READABLE, would_block));
                assert_eq!(stream.try_read(&mut [0; 8])?, 0);
                assert_eq!(stream.read(&mut [0; 8]).await?, 0);
                assert_eq!(stream.peek(&mut [0; 8]).await?, 0);
                turns(2).await;
            }
            assert_eq!(stream.write(b"the other side is open").await?, 22);
        }
        Ok(())
    });
}

#[test]
fn a_reset_leaves_both_sides_ready_for_ever() {
    on_every_runtime(|_| async {
        for origin in Origin::ALL {
            let (stream, peer) = pair(origin).await?;
            clear_readable(&stream).await;
            SockRef::from(&peer).set_linger(Some(Duration::ZERO))?;
            drop(peer);
            for _ in 0..3 {
                let ready = stream.ready(Interest::READABLE).await?;
                assert!(ready.is_readable() && ready.is_read_closed());
                assert!(calls(&stream, Interest::READABLE, would_block));
                assert!(calls(&stream, Interest::WRITABLE, would_block));
                let ready = stream.ready(Interest::WRITABLE).await?;
                assert!(ready.is_writable());
                turns(2).await;
            }
        }
        Ok(())
    });
}

#[test]
fn async_io_repeats_its_closure_until_it_does_not_block() {
    on_every_runtime(|_| async {
        for origin in Origin::ALL {
            let (stream, mut peer) = pair(origin).await?;
            peer.write_all(b"bytes")?;
            let mut calls = 0;
            let mut buf = [0; 16];
            let read = stream.async_io(Interest::READABLE, || {
                calls += 1;
                if calls < 3 {
                    peer.write_all(b"bytes")?;
                    return Err(ErrorKind::WouldBlock.into());
                }
                io::Read::read(&mut &*SockRef::from(&stream), &mut buf)
            });
            assert_eq!(read.await?, 15);
            assert_eq!(calls, 3);
            let failed = stream.async_io(Interest::WRITABLE, || {
                io::Result::<()>::Err(ErrorKind::InvalidData.into())
            });
            assert_eq!(kind(failed.await), Some(ErrorKind::InvalidData));
        }
        Ok(())
    });
}

#[test]
fn nothing_wakes_a_task_but_what_it_waits_for() {
    on_every_runtime(|_| async {
        for origin in Origin::ALL {
            let (mut stream, mut peer) = pair(origin).await?;
            clear_readable(&stream).await;
            let wakes = Wakes::new();
            let mut buf = [0; 8];
            let mut read = Box::pin(stream.read(&mut buf));
            assert!(wakes.poll(&mut read).is_pending());
            turns(10).await;
            assert_eq!(wakes.count(), 0, "{origin:?}");
            peer.write_all(b"bytes")?;
            wakes.reach(1).await;
            turns(10).await;
            assert_eq!(wakes.count(), 1, "{origin:?}");
            assert!(wakes.poll(&mut read).is_ready());
            drop(read);
            stream.write_all(b"the other direction").await?;
            let mut read = Box::pin(stream.read(&mut buf));
            assert!(wakes.poll(&mut read).is_pending());
            drain(&peer, 19)?;
            turns(10).await;
            assert_eq!(wakes.count(), 1, "{origin:?}");
        }
        Ok(())
    });
}

/// `poll_read_ready` keeps the task of the last call only.
#[test]
fn the_last_task_to_poll_is_the_one_that_is_woken() {
    on_every_runtime(|_| async {
        let (stream, mut peer) = pair(Origin::Accepted).await?;
        clear_readable(&stream).await;
        let (first, last, waiting) = (Wakes::new(), Wakes::new(), Wakes::new());
        let mut ready = poll_fn(|cx| stream.poll_read_ready(cx));
        let mut readable = Box::pin(stream.readable());
        assert!(first.poll(&mut ready).is_pending());
        assert!(waiting.poll(&mut readable).is_pending());
        assert!(last.poll(&mut ready).is_pending());
        peer.write_all(b"bytes")?;
        last.reach(1).await;
        waiting.reach(1).await;
        assert_eq!(first.count(), 0);
        assert!(last.poll(&mut ready).is_ready());
        assert!(waiting.poll(&mut readable).is_ready());

        let mut ready = poll_fn(|cx| stream.poll_write_ready(cx));
        let pending = || last.poll(&mut ready).is_pending();
        let written = clear_writable(&stream, pending).await;
        drain(&peer, written)?;
        last.reach(2).await;
        assert!(last.poll(&mut ready).is_ready());
        Ok(())
    });
}
