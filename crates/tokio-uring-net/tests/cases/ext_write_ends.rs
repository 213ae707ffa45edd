//! How streams end that were given owned buffers: with their last byte, if a runtime is left.

use crate::owned::{Full, KERNEL_BYTES, Live};
use crate::stack::net::IntoStdError;
use crate::support::child;
use crate::support::closing::join;
use crate::support::pattern::Pattern;
use crate::support::poll::{poll_once, turns};
use crate::support::setup::{Setup, for_each_setup, on_every_runtime, run_task};
use crate::support::tcp::{Origin, free_ports_on_close, pair_with_buffers};
use bytes::Bytes;
use std::io::{self, ErrorKind, Read};
use std::sync::mpsc::channel;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const PIECE: usize = 10_000;

#[test]
fn a_stream_dropped_with_a_full_queue_delivers_it_and_then_its_end() {
    on_every_runtime(|_| async {
        for origin in Origin::ALL {
            let Full {
                stream,
                peer,
                sent,
                live,
            } = Full::new(origin, PIECE).await?;
            drop(stream);
            turns(3).await;
            join(Full::reader(peer, sent, true)).await?;
            live.freed().await;
        }
        Ok(())
    });
}

#[test]
fn a_stream_dropped_in_another_thread_delivers_its_queue() {
    on_every_runtime(|_| async {
        let Full {
            stream, peer, sent, ..
        } = Full::new(Origin::Connected, PIECE).await?;
        tokio::task::spawn_blocking(move || drop(stream)).await?;
        join(Full::reader(peer, sent, true)).await
    });
}

#[test]
fn a_dropped_write_half_delivers_its_queue_and_the_other_half_still_reads() {
    on_every_runtime(|_| async {
        for origin in Origin::ALL {
            let Full {
                stream, peer, sent, ..
            } = Full::new(origin, PIECE).await?;
            let (mut read, write) = stream.into_split();
            drop(write);
            turns(3).await;
            join(Full::reader(peer.try_clone()?, sent, true)).await?;
            io::Write::write_all(&mut &peer, b"answer")?;
            let mut answer = [0; 6];
            read.read_exact(&mut answer).await?;
            assert_eq!(&answer, b"answer");
        }
        Ok(())
    });
}

#[test]
fn a_shutdown_waits_for_the_queue_and_follows_it() {
    on_every_runtime(|_| async {
        let Full {
            mut stream,
            peer,
            sent,
            live,
        } = Full::new(Origin::Accepted, PIECE).await?;
        let mut shutdown = Box::pin(stream.shutdown());
        assert!(poll_once(&mut shutdown).await.is_pending());
        let reader = Full::reader(peer, sent, true);
        shutdown.await?;
        live.freed().await;
        join(reader).await
    });
}

#[test]
fn into_std_fails_with_a_full_queue_and_gives_the_stream_back() {
    on_every_runtime(|_| async {
        let Full {
            stream, peer, sent, ..
        } = Full::new(Origin::Accepted, PIECE).await?;
        let refused = stream.into_std().expect_err("the kernel has no room");
        let refused: IntoStdError = refused.downcast().expect("the error says so");
        let mut stream = refused.into_stream();
        let reader = Full::reader(peer, sent, true);
        stream.flush().await?;
        drop(stream.into_std()?);
        join(reader).await
    });
}

#[test]
fn a_reset_reaches_the_next_call_and_frees_the_queue() {
    on_every_runtime(|_| async {
        for origin in Origin::ALL {
            let Full {
                mut stream,
                peer,
                live,
                ..
            } = Full::new(origin, PIECE).await?;
            free_ports_on_close(&peer)?;
            drop(peer);
            let error = loop {
                match stream.write_owned(live.bytes(vec![0; PIECE])).await {
                    Ok(()) => turns(1).await,
                    Err(error) => break error,
                }
            };
            let kinds = [ErrorKind::ConnectionReset, ErrorKind::BrokenPipe];
            assert!(kinds.contains(&error.kind()), "{error}");
            live.freed().await;
        }
        Ok(())
    });
}

/// The drop of an owned buffer is code of the program's: here it drops the rest of the stream.
#[test]
fn a_buffer_that_owns_a_half_of_its_stream_is_dropped_without_a_lock() {
    on_every_runtime(|_| async {
        let (stream, peer) = pair_with_buffers(Origin::Accepted, Some(KERNEL_BYTES)).await?;
        let (read, mut write) = stream.into_split();
        let (mut sent, live) = (Pattern::new(1), Live::default());
        write.write_owned(live.bytes(sent.bytes(4 * PIECE))).await?;
        sent.skip(4 * PIECE);
        let last = live.bytes_with(sent.bytes(PIECE), read);
        write.write_owned(last).await?;
        sent.skip(PIECE);
        drop(write);
        join(Full::reader(peer, sent, true)).await?;
        live.freed().await;
        Ok(())
    });
}

/// The kernel gets what it has room for; what was sent is a beginning of what was written.
#[test]
fn a_runtime_that_ends_frees_the_queue_and_the_stream_ends() {
    for_each_setup(|setup| {
        for keeps_stream in [false, true] {
            let runtime = setup.runtime();
            let (tell, told) = channel();
            run_task(&runtime, async move {
                let full = Full::new(Origin::Connected, PIECE).await?;
                tell.send(full).expect("the test waits");
                Ok(())
            });
            let Full {
                stream,
                mut peer,
                sent,
                live,
            } = told.recv().expect("the task has sent it");
            if keeps_stream {
                drop(runtime);
                drop(stream);
            } else {
                drop(stream);
                drop(runtime);
            }
            let (mut received, mut bytes) = (Pattern::new(1), Vec::new());
            peer.read_to_end(&mut bytes).expect("the stream ends");
            received.take(&bytes);
            assert!(0 < received.offset() && received.offset() < sent.offset());
            live.wait_freed();
        }
    });
}

#[test]
fn a_stream_whose_runtime_is_gone_takes_nothing() {
    for_each_setup(|setup| {
        let runtime = setup.runtime();
        let (tell, told) = channel();
        run_task(&runtime, async move {
            let (mut stream, peer) = pair_with_buffers(Origin::Accepted, None).await?;
            stream.write_owned(Bytes::from_static(b"taken")).await?;
            stream.flush().await?;
            tell.send((stream, peer)).expect("the test waits");
            Ok(())
        });
        let (mut stream, mut peer) = told.recv().expect("the task has sent it");
        drop(runtime);
        let live = Live::default();
        let other = setup.bare_runtime();
        let written = other.block_on(stream.write_owned(live.bytes(vec![0; 10])));
        let error = written.expect_err("nobody would send it");
        assert!(tokio::runtime::is_rt_shutdown_err(&error), "{error}");
        assert_eq!(live.count(), 0);
        drop(stream);
        let mut received = Vec::new();
        peer.read_to_end(&mut received).expect("the stream ends");
        assert_eq!(received, b"taken");
    });
}

/// In a process that has no descriptor left: there is none for a pump.
fn without_descriptors(setup: Setup) {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let runtime = setup.runtime();
    run_task(&runtime, async {
        let (mut stream, peer) = pair_with_buffers(Origin::Accepted, Some(KERNEL_BYTES)).await?;
        let before = getrlimit(Resource::Nofile);
        let none = Rlimit {
            current: Some(0),
            maximum: before.maximum,
        };
        setrlimit(Resource::Nofile, none)?;
        let mut sent = Pattern::new(1);
        while sent.offset() < 20 * PIECE as u64 {
            stream.write_owned(Bytes::from(sent.bytes(PIECE))).await?;
            sent.skip(PIECE);
        }
        assert!(poll_once(&mut Box::pin(stream.flush())).await.is_pending());
        drop(stream);
        join(Full::reader(peer, sent, true)).await?;
        setrlimit(Resource::Nofile, before)?;
        Ok(())
    });
}

#[test]
fn a_dropped_stream_delivers_its_queue_where_no_descriptor_is_left() {
    let test = &a_dropped_stream_delivers_its_queue_where_no_descriptor_is_left;
    let in_child = child::runs_case(|case| {
        without_descriptors(case.parse().expect("the case is a set-up"));
    });
    if !in_child {
        for_each_setup(|setup| child::run(test, &setup.to_string()));
    }
}
