//! Streams dropped on threads that are not the runtime's, while it sleeps.

use crate::stack::net::TcpStream;
use crate::support::closing::{
    Before, SIZES, closed, join, read_all, read_all_in_thread, was_reset,
};
use crate::support::pattern::Pattern;
use crate::support::poll::turns;
use crate::support::setup::on_every_runtime;
use crate::support::tcp::{Origin, pair};
use std::io::{self, Write};
use std::os::fd::{AsFd, AsRawFd};
use tokio::io::AsyncWriteExt;

/// Runs `work` on a thread of its own, while the runtime has nothing to do but to wait for it.
async fn on_foreign_thread(work: impl FnOnce() + Send + 'static) -> io::Result<()> {
    join(std::thread::spawn(work)).await
}

/// Reads in the thread that drops, after the drop, or from before where the kernel cannot hold so
/// much.
async fn write_and_drop(
    mut stream: TcpStream,
    peer: std::net::TcpStream,
    size: usize,
) -> io::Result<()> {
    let reader = peer.try_clone()?;
    if size > 64 << 10 {
        let reader = std::thread::spawn(move || read_all(&reader, size));
        stream.write_all(&Pattern::new(1).bytes(size)).await?;
        on_foreign_thread(move || drop(stream)).await?;
        join(reader).await?;
    } else {
        stream.write_all(&Pattern::new(1).bytes(size)).await?;
        on_foreign_thread(move || {
            drop(stream);
            read_all(&reader, size);
        })
        .await?;
    }
    closed(&peer).await;
    Ok(())
}

#[test]
fn a_drop_on_a_foreign_thread_ends_the_stream() {
    on_every_runtime(|_| async {
        for size in SIZES {
            for before in Before::ALL {
                for origin in Origin::ALL {
                    let (mut stream, peer) = pair(origin).await?;
                    before.happen(&mut stream).await;
                    write_and_drop(stream, peer, size).await?;
                }
            }
        }
        Ok(())
    });
}

/// The descriptor may be duplicated, so that only a close can end the stream.
#[test]
fn a_stream_whose_descriptor_was_seen_still_ends_on_a_foreign_thread() {
    on_every_runtime(|_| async {
        for before in Before::ALL {
            for origin in Origin::ALL {
                let (mut stream, peer) = pair(origin).await?;
                assert!(stream.as_raw_fd() >= 0);
                before.happen(&mut stream).await;
                write_and_drop(stream, peer, 100).await?;
            }
        }
        Ok(())
    });
}

#[test]
fn a_duplicate_survives_a_drop_on_a_foreign_thread() {
    on_every_runtime(|_| async {
        for before in Before::ALL {
            let (mut stream, peer) = pair(Origin::Accepted).await?;
            before.happen(&mut stream).await;
            stream.write_all(&Pattern::new(1).bytes(100)).await?;
            let duplicate = std::net::TcpStream::from(stream.as_fd().try_clone_to_owned()?);
            on_foreign_thread(move || drop(stream)).await?;
            // A listed difference: where the stream cannot be shut down because someone else may
            // have it, a ring lets go of it in its driver's next turn.
            turns(2).await;
            let mut rest = Pattern::new(1);
            rest.skip(100);
            (&duplicate).write_all(&rest.bytes(100))?;
            drop(duplicate);
            // The driver, which has this thread, may be about to let go of the socket.
            join(read_all_in_thread(peer, 200)).await?;
        }
        Ok(())
    });
}

#[test]
fn unread_data_and_zero_linger_reset_on_a_foreign_thread() {
    on_every_runtime(|_| async {
        for before in Before::ALL {
            let (mut stream, peer) = pair(Origin::Accepted).await?;
            before.happen(&mut stream).await;
            stream.set_zero_linger()?;
            on_foreign_thread(move || {
                drop(stream);
                was_reset(&peer);
            })
            .await?;

            let (mut stream, mut peer) = pair(Origin::Accepted).await?;
            before.happen(&mut stream).await;
            peer.write_all(b"never read")?;
            on_foreign_thread(move || {
                drop(stream);
                was_reset(&peer);
            })
            .await?;
        }
        Ok(())
    });
}
