//! A queue that the kernel has no room for: it is in the way of what follows, and leaves as soon as
//! the peer reads, whatever has become of the stream.

use crate::flow::{Blocked, flushes, on_every_runtime};
use crate::stack::net::{IntoStdError, metrics};
use crate::support::poll::{Wakes, poll_once, turns};
use crate::support::tcp::Origin;
use std::future::poll_fn;
use std::io::{self, ErrorKind, Write};
use std::task::Poll;
use tokio::io::{AsyncReadExt, AsyncWriteExt, Interest};

#[test]
fn a_blocked_queue_leaves_when_the_peer_reads() {
    on_every_runtime(|_| async {
        for origin in Origin::ALL {
            let blocked = Blocked::new(origin).await?;
            let before = metrics();
            let Blocked {
                stream,
                peer,
                sent,
                received,
            } = blocked;
            let _peer = Blocked::drain(peer, received, sent, false).await?;
            // It is counted a moment after the last byte has left.
            while flushes(&metrics()) == flushes(&before) {
                turns(1).await;
            }
            assert_eq!(flushes(&metrics()) - flushes(&before), 1);
            drop(stream);
        }
        Ok(())
    });
}

#[test]
fn a_dropped_stream_ends_behind_its_blocked_queue() {
    on_every_runtime(|_| async {
        for origin in Origin::ALL {
            let blocked = Blocked::new(origin).await?;
            drop(blocked.stream);
            Blocked::drain(blocked.peer, blocked.received, blocked.sent, true).await?;
        }
        Ok(())
    });
}

#[test]
fn a_stream_dropped_on_a_foreign_thread_ends_behind_its_blocked_queue() {
    on_every_runtime(|_| async {
        for origin in Origin::ALL {
            let mut blocked = Blocked::new(origin).await?;
            // A ring may hold the socket then, and a stream that is its own alone be shut down.
            let mut buf = [0; 8];
            let mut read = Box::pin(blocked.stream.read(&mut buf));
            assert!(poll_once(&mut read).await.is_pending());
            turns(3).await;
            drop(read);
            let stream = blocked.stream;
            let dropped = std::thread::spawn(move || drop(stream)).join();
            dropped.expect("a drop does not panic");
            Blocked::drain(blocked.peer, blocked.received, blocked.sent, true).await?;
        }
        Ok(())
    });
}

#[test]
fn a_dropped_write_half_ends_the_stream_behind_its_blocked_queue() {
    on_every_runtime(|_| async {
        for origin in Origin::ALL {
            let blocked = Blocked::new(origin).await?;
            let (mut read, write) = blocked.stream.into_split();
            drop(write);
            let peer = Blocked::drain(blocked.peer, blocked.received, blocked.sent, true).await?;
            // The other direction goes on.
            (&peer).write_all(b"answer")?;
            let mut answer = [0; 6];
            read.read_exact(&mut answer).await?;
            assert_eq!(&answer, b"answer");
        }
        Ok(())
    });
}

#[test]
fn a_shutdown_waits_for_a_blocked_queue() {
    on_every_runtime(|_| async {
        for origin in Origin::ALL {
            let mut blocked = Blocked::new(origin).await?;
            {
                let mut shutdown = Box::pin(blocked.stream.shutdown());
                assert!(poll_once(&mut shutdown).await.is_pending());
            }
            let reader = tokio::spawn(Blocked::drain(
                blocked.peer,
                blocked.received,
                blocked.sent,
                true,
            ));
            blocked.stream.shutdown().await?;
            reader.await??;
        }
        Ok(())
    });
}

#[test]
fn a_flush_waits_for_a_blocked_queue_and_then_costs_nothing() {
    on_every_runtime(|_| async {
        for origin in Origin::ALL {
            let mut blocked = Blocked::new(origin).await?;
            {
                let mut flush = Box::pin(blocked.stream.flush());
                assert!(poll_once(&mut flush).await.is_pending());
            }
            let sent = blocked.sent;
            let reader = tokio::spawn(Blocked::drain(blocked.peer, blocked.received, sent, false));
            blocked.stream.flush().await?;
            let before = flushes(&metrics());
            let mut flush = Box::pin(blocked.stream.flush());
            assert!(matches!(poll_once(&mut flush).await, Poll::Ready(Ok(()))));
            assert_eq!(flushes(&metrics()), before);
            reader.await??;
        }
        Ok(())
    });
}

#[test]
fn a_stream_is_not_ready_to_be_written_to_behind_a_blocked_queue() {
    on_every_runtime(|_| async {
        for origin in Origin::ALL {
            for by_poll in [false, true] {
                let blocked = Blocked::new(origin).await?;
                let stream = blocked.stream;
                let wakes = Wakes::new();
                let mut ready: std::pin::Pin<Box<dyn Future<Output = io::Result<()>> + Send + '_>> =
                    if by_poll {
                        Box::pin(poll_fn(|cx| stream.poll_write_ready(cx)))
                    } else {
                        Box::pin(stream.writable())
                    };
                assert!(wakes.poll(&mut ready).is_pending());
                let tried = stream.try_write(b"more").map_err(|error| error.kind());
                assert_eq!(tried, Err(ErrorKind::WouldBlock));
                let before = flushes(&metrics());
                Blocked::drain(blocked.peer, blocked.received, blocked.sent, false).await?;
                ready.await?;
                assert_eq!(flushes(&metrics()), before + 1);
            }
        }
        Ok(())
    });
}

/// What else it is ready for is answered.
#[test]
fn a_stream_with_a_blocked_queue_may_still_be_readable() {
    on_every_runtime(|_| async {
        for origin in Origin::ALL {
            let blocked = Blocked::new(origin).await?;
            (&blocked.peer).write_all(b"bytes")?;
            let both = Interest::READABLE | Interest::WRITABLE;
            let ready = blocked.stream.ready(both).await?;
            assert!(ready.is_readable() && !ready.is_writable(), "{ready:?}");
            let mut bytes = [0; 8];
            assert_eq!(blocked.stream.try_read(&mut bytes)?, 5);
            Blocked::drain(blocked.peer, blocked.received, blocked.sent, false).await?;
        }
        Ok(())
    });
}

/// A write behind a blocked queue waits; dropped, it has queued nothing.
#[test]
fn a_write_behind_a_blocked_queue_waits_and_may_be_cancelled() {
    on_every_runtime(|_| async {
        for origin in Origin::ALL {
            for len in [1, 100, 5_000] {
                let mut blocked = Blocked::new(origin).await?;
                for _ in 0..3 {
                    let stale = vec![b'!'; len];
                    let mut write = Box::pin(blocked.stream.write(&stale));
                    assert!(poll_once(&mut write).await.is_pending());
                }
                let start = blocked.sent;
                let bytes = start.bytes(len);
                blocked.sent.skip(len);
                let reader = tokio::spawn(Blocked::drain(
                    blocked.peer,
                    blocked.received,
                    blocked.sent,
                    true,
                ));
                blocked.stream.write_all(&bytes).await?;
                drop(blocked.stream);
                reader.await??;
            }
        }
        Ok(())
    });
}

#[test]
fn a_stream_with_a_blocked_queue_cannot_become_std_until_it_is_flushed() {
    on_every_runtime(|_| async {
        for origin in Origin::ALL {
            let blocked = Blocked::new(origin).await?;
            let refused = blocked.stream.into_std().expect_err("the kernel is full");
            assert!(refused.to_string().contains("flush"), "{refused}");
            let refused = refused.downcast::<IntoStdError>().expect("it is ours");
            let (mut stream, ahead) = refused.into_parts();
            assert!(ahead.is_empty());
            let reader = tokio::spawn(Blocked::drain(
                blocked.peer,
                blocked.received,
                blocked.sent,
                true,
            ));
            stream.flush().await?;
            drop(stream.into_std()?);
            reader.await??;
        }
        Ok(())
    });
}
