//! A reset that the kernel has told a send of ours, not a call of the program: it is reported by the
//! next call that can, and never looks like an end of the stream.

use crate::flow::{coalesce, duplicate, on_every_runtime, wait_for, write};
use crate::stack::net::TcpStream;
use crate::support::pattern::Pattern;
use crate::support::poll::{BoxFuture, turns};
use crate::support::tcp::{Origin, free_ports_on_close, pair};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::io::{self, ErrorKind, Write};
use std::os::fd::AsFd;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// A call that must report the reset.
type Call = for<'a> fn(&'a mut TcpStream) -> BoxFuture<'a, io::Result<()>>;

/// Who has sent the queue into the closed connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sender {
    /// The call itself.
    Call,
    /// The driver, in its turn.
    Turn,
}

/// A stream with a queue, whose peer has reset the connection.
async fn reset_stream(origin: Origin, coalesces: bool, sender: Sender) -> io::Result<TcpStream> {
    let (mut stream, peer) = pair(origin).await?;
    let seen = duplicate(&stream)?;
    let mut sent = Pattern::new(1);
    if coalesces {
        coalesce(&mut stream, &peer, &mut sent).await?;
    }
    write(&mut stream, &mut sent, 100).await?;
    write(&mut stream, &mut sent, 100).await?;
    free_ports_on_close(&peer)?;
    drop(peer);
    wait_for(&seen, PollFlags::HUP);
    if sender == Sender::Turn {
        turns(3).await;
        // The send takes the error off the socket; a turn before the reset has left nothing to send.
        for _ in 0..1_000 {
            if !has_error(&seen) {
                break;
            }
            turns(1).await;
        }
    }
    Ok(stream)
}

/// Whether the kernel still keeps an error for the socket, which looking does not take.
fn has_error(socket: impl AsFd) -> bool {
    let mut fds = [PollFd::new(&socket, PollFlags::empty())];
    let polled = poll(&mut fds, Some(&Timespec::default()));
    polled.expect("it is a socket") > 0 && fds[0].revents().contains(PollFlags::ERR)
}

async fn reports(name: &str, call: Call, origin: Origin, sender: Sender) -> io::Result<()> {
    for coalesces in [false, true] {
        let mut stream = reset_stream(origin, coalesces, sender).await?;
        let what = format!("{name} {origin:?} {sender:?} {coalesces}");
        let reported = call(&mut stream).await.map_err(|error| error.kind());
        assert_eq!(reported, Err(ErrorKind::ConnectionReset), "{what}");
        // Once, as the kernel does; then the stream looks as the kernel shows it.
        assert_eq!(stream.read(&mut [0; 8]).await?, 0, "{what}");
    }
    Ok(())
}

fn all_report(calls: &'static [(&'static str, Call)], senders: &'static [Sender]) {
    on_every_runtime(move |_| async move {
        for (name, call) in calls {
            for origin in Origin::ALL {
                for &sender in senders {
                    reports(name, *call, origin, sender).await?;
                }
            }
        }
        Ok(())
    });
}

const ANYBODY: &[Sender] = &[Sender::Call, Sender::Turn];

#[test]
fn a_read_reports_a_reset_behind_a_queued_write() {
    const CALLS: &[(&str, Call)] = &[
        ("read", |stream| {
            Box::pin(async { stream.read(&mut [0; 8]).await.map(drop) })
        }),
        ("read of much", |stream| {
            Box::pin(async { stream.read(&mut [0; 4096]).await.map(drop) })
        }),
        ("read of a half", |stream| {
            Box::pin(async { stream.split().0.read(&mut [0; 8]).await.map(drop) })
        }),
        ("try_read", |stream| {
            Box::pin(async { stream.try_read(&mut [0; 8]).map(drop) })
        }),
        ("readable and try_read", |stream| {
            Box::pin(async {
                stream.readable().await?;
                stream.try_read(&mut [0; 8]).map(drop)
            })
        }),
        ("read_to_end", |stream| {
            Box::pin(async { stream.read_to_end(&mut Vec::new()).await.map(drop) })
        }),
    ];
    all_report(CALLS, ANYBODY);
}

#[test]
fn a_write_or_a_flush_reports_a_reset_behind_a_queued_write() {
    const CALLS: &[(&str, Call)] = &[
        ("write of much", |stream| {
            Box::pin(async { stream.write(&[0; 5_000]).await.map(drop) })
        }),
        ("try_write", |stream| {
            Box::pin(async { stream.try_write(&[0; 8]).map(drop) })
        }),
        ("flush", |stream| Box::pin(async { stream.flush().await })),
        ("shutdown", |stream| {
            Box::pin(async { stream.shutdown().await })
        }),
        ("small write and flush", |stream| {
            Box::pin(async {
                stream.write_all(&[0; 8]).await?;
                stream.flush().await
            })
        }),
    ];
    all_report(CALLS, ANYBODY);
}

/// A small write only joins the queue until somebody has sent it.
#[test]
fn a_small_write_reports_a_reset_that_the_driver_met() {
    const CALLS: &[(&str, Call)] = &[("write", |stream| {
        Box::pin(async { stream.write(&[0; 8]).await.map(drop) })
    })];
    all_report(CALLS, &[Sender::Turn]);
}

/// By `getsockopt` where no send of ours has met it.
#[test]
fn take_error_reports_a_reset_behind_a_queued_write_once() {
    on_every_runtime(|_| async {
        for origin in Origin::ALL {
            for &sender in ANYBODY {
                let mut stream = reset_stream(origin, true, sender).await?;
                let error = stream.take_error()?.map(|error| error.kind());
                assert_eq!(error, Some(ErrorKind::ConnectionReset), "{sender:?}");
                assert!(stream.take_error()?.is_none());
                assert_eq!(stream.read(&mut [0; 8]).await?, 0);
            }
        }
        Ok(())
    });
}

/// Who only reads need not care that nobody listens any more: there is no error in what arrived.
#[test]
fn a_broken_pipe_is_no_news_to_a_reader() {
    on_every_runtime(|_| async {
        for origin in Origin::ALL {
            for size in [8, 4096] {
                let (mut stream, mut peer) = pair(origin).await?;
                let seen = duplicate(&stream)?;
                peer.write_all(b"last words")?;
                drop(peer);
                wait_for(&seen, PollFlags::RDHUP);
                // The first goes at once and is answered by a reset, which the second meets.
                let mut sent = Pattern::new(1);
                write(&mut stream, &mut sent, 100).await?;
                wait_for(&seen, PollFlags::HUP);
                write(&mut stream, &mut sent, 100).await?;
                turns(3).await;
                let mut received = Vec::new();
                let mut buf = vec![0; size];
                loop {
                    match stream.read(&mut buf).await? {
                        0 => break,
                        count => received.extend_from_slice(&buf[..count]),
                    }
                }
                assert_eq!(received, b"last words");
                // Who writes is told.
                let flushed = stream.flush().await.map_err(|error| error.kind());
                assert_eq!(flushed, Err(ErrorKind::BrokenPipe));
            }
        }
        Ok(())
    });
}
