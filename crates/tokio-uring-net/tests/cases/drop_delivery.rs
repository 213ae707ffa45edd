//! Write, then drop: everything arrives, and so does the end of the stream.

use crate::support::closing::{
    Before, SIZES, SMALL_SIZES, closed, join, probe_closed, read_all, read_all_in_thread,
};
use crate::support::pattern::Pattern;
use crate::support::poll::turns;
use crate::support::setup::{Flavour, for_each_setup, on_every_runtime, run_task};
use crate::support::tcp::{Origin, pair, warm_up};
use std::future::pending;
use tokio::io::AsyncWriteExt;
use tokio::runtime::Runtime;
use tokio::sync::oneshot;

#[test]
fn what_was_written_before_a_drop_arrives_whole() {
    on_every_runtime(|_| async {
        for size in SIZES {
            for origin in Origin::ALL {
                let (mut stream, peer) = pair(origin).await?;
                let reader = read_all_in_thread(peer, size);
                stream.write_all(&Pattern::new(1).bytes(size)).await?;
                drop(stream);
                join(reader).await?;
            }
        }
        Ok(())
    });
}

/// The peer is on the same thread: no driver has a turn between the drop and the end of the stream.
#[test]
fn the_end_of_the_stream_needs_no_turn_of_the_driver() {
    on_every_runtime(|setup| async move {
        for before in Before::ALL {
            for origin in Origin::ALL {
                for size in SMALL_SIZES {
                    let (mut stream, peer) = pair(origin).await?;
                    before.happen(&mut stream).await;
                    stream.write_all(&Pattern::new(1).bytes(size)).await?;
                    drop(stream);
                    read_all(&peer, size);
                    // Another thread's driver may still be on its way to close the other direction.
                    if setup.flavour == Flavour::CurrentThread {
                        assert!(probe_closed(&peer), "{before:?} {origin:?}");
                    } else {
                        closed(&peer).await;
                    }
                }
            }
        }
        Ok(())
    });
}

#[test]
fn an_aborted_task_delivers_what_it_wrote() {
    on_every_runtime(|_| async {
        for size in SIZES {
            for before in Before::ALL {
                let (mut stream, peer) = pair(Origin::Accepted).await?;
                let reader = read_all_in_thread(peer, size);
                let (tell, written) = oneshot::channel();
                let task = tokio::spawn(async move {
                    before.happen(&mut stream).await;
                    let bytes = Pattern::new(1).bytes(size);
                    stream.write_all(&bytes).await.expect("the peer reads");
                    tell.send(()).expect("the test waits");
                    pending::<()>().await;
                });
                written.await.expect("the task writes");
                task.abort();
                join(reader).await?;
            }
        }
        Ok(())
    });
}

/// A task that waits for bytes in one half while the other half is dropped.
#[test]
fn a_dropped_write_half_ends_the_stream_under_a_pending_read() {
    on_every_runtime(|_| async {
        for size in SMALL_SIZES {
            for origin in Origin::ALL {
                let (stream, peer) = pair(origin).await?;
                let (mut read, mut write) = stream.into_split();
                let pending_read = tokio::spawn(async move {
                    tokio::io::AsyncReadExt::read(&mut read, &mut [0; 8]).await
                });
                turns(3).await;
                write.write_all(&Pattern::new(1).bytes(size)).await?;
                drop(write);
                read_all(&peer, size);
                pending_read.abort();
                assert!(pending_read.await.is_err_and(|error| error.is_cancelled()));
                closed(&peer).await;
            }
        }
        Ok(())
    });
}

/// Ends a runtime in which a task holds a stream to which it has written.
fn end_with(runtime: Runtime, before: Before, size: usize, end: fn(Runtime)) {
    let (tell, told) = std::sync::mpsc::channel();
    run_task(&runtime, async move {
        let (mut stream, peer) = pair(Origin::Connected).await?;
        tell.send(read_all_in_thread(peer, size))
            .expect("the test waits");
        let (tell, written) = oneshot::channel();
        tokio::spawn(async move {
            before.happen(&mut stream).await;
            let bytes = Pattern::new(1).bytes(size);
            stream.write_all(&bytes).await.expect("the peer reads");
            tell.send(()).expect("the test waits");
            pending::<()>().await;
        });
        written.await.expect("the task writes");
        Ok(())
    });
    end(runtime);
    let reader = told.recv().expect("the reader was started");
    reader.join().expect("the stream ends");
}

#[test]
fn a_dropped_runtime_delivers_what_its_tasks_wrote() {
    for_each_setup(|setup| {
        for size in SIZES {
            for before in Before::ALL {
                end_with(setup.runtime(), before, size, drop);
            }
            end_with(setup.runtime(), Before::ReadPolled, size, |runtime| {
                runtime.shutdown_background();
            });
        }
    });
}

#[test]
fn a_stream_dropped_after_its_runtime_delivers_what_it_wrote() {
    for_each_setup(|setup| {
        for size in SMALL_SIZES {
            for before in Before::ALL {
                let runtime = setup.runtime();
                let (stream, peer) = runtime.block_on(async {
                    warm_up().await.expect("sockets can be made");
                    let (mut stream, peer) = pair(Origin::Accepted).await.expect("likewise");
                    before.happen(&mut stream).await;
                    let bytes = Pattern::new(1).bytes(size);
                    stream.write_all(&bytes).await.expect("the kernel has room");
                    (stream, peer)
                });
                drop(runtime);
                drop(stream);
                read_all(&peer, size);
                assert!(probe_closed(&peer));
            }
        }
    });
}
