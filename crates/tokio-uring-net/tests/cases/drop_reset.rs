//! What makes a close a reset: `SO_LINGER` of zero, and data that nobody read.

use crate::stack::{self, net::TcpStream};
use crate::support::closing::{Before, read_all, was_reset};
use crate::support::poll::turns;
use crate::support::setup::{for_each_setup, on_every_runtime, run_task};
use crate::support::tcp::{Origin, pair};
use std::future::pending;
use std::io::{self, Write};
use tokio::io::AsyncReadExt;

/// Makes the next close of `stream` a reset.
#[derive(Clone, Copy, Debug)]
enum Cause {
    ZeroLinger,
    Unread,
    PartlyRead,
    OnlyPeeked,
}

impl Cause {
    const ALL: [Cause; 4] = [
        Cause::ZeroLinger,
        Cause::Unread,
        Cause::PartlyRead,
        Cause::OnlyPeeked,
    ];

    async fn happen(
        self,
        stream: &mut TcpStream,
        mut peer: &std::net::TcpStream,
    ) -> io::Result<()> {
        if let Cause::ZeroLinger = self {
            return stream.set_zero_linger();
        }
        peer.write_all(b"ten bytes.")?;
        let mut buf = [0; 4];
        match self {
            Cause::ZeroLinger | Cause::Unread => {}
            Cause::PartlyRead => assert_eq!(stream.read(&mut buf).await?, 4),
            Cause::OnlyPeeked => assert_eq!(stream.peek(&mut buf).await?, 4),
        }
        Ok(())
    }
}

#[test]
fn a_dropped_stream_resets_at_once() {
    on_every_runtime(|_| async {
        for cause in Cause::ALL {
            for before in Before::ALL {
                for origin in Origin::ALL {
                    let (mut stream, peer) = pair(origin).await?;
                    before.happen(&mut stream).await;
                    cause.happen(&mut stream, &peer).await?;
                    // Bytes ahead count as unread only where nobody else may hold the socket.
                    let is_ahead = stack::bytes_ahead(&stream) > 0;
                    let resets = !is_ahead || origin == Origin::Accepted;
                    drop(stream);
                    if resets {
                        was_reset(&peer);
                    } else {
                        read_all(&peer, 0);
                    }
                }
            }
        }
        Ok(())
    });
}

#[test]
fn an_aborted_task_resets() {
    on_every_runtime(|_| async {
        for cause in Cause::ALL {
            for before in Before::ALL {
                let (mut stream, peer) = pair(Origin::Accepted).await?;
                before.happen(&mut stream).await;
                cause.happen(&mut stream, &peer).await?;
                let task = tokio::spawn(async move {
                    pending::<()>().await;
                    drop(stream);
                });
                turns(2).await;
                task.abort();
                assert!(task.await.is_err_and(|error| error.is_cancelled()));
                was_reset(&peer);
            }
        }
        Ok(())
    });
}

#[test]
fn a_dropped_runtime_resets() {
    for_each_setup(|setup| {
        for cause in Cause::ALL {
            let runtime = setup.runtime();
            let (tell, told) = std::sync::mpsc::channel();
            run_task(&runtime, async move {
                let (mut stream, peer) = pair(Origin::Accepted).await?;
                Before::ReadPolled.happen(&mut stream).await;
                cause.happen(&mut stream, &peer).await?;
                tell.send(peer).expect("the test waits");
                tokio::spawn(async move {
                    pending::<()>().await;
                    drop(stream);
                });
                turns(2).await;
                Ok(())
            });
            drop(runtime);
            was_reset(&told.recv().expect("the task has sent it"));
        }
    });
}

#[test]
fn a_stream_whose_data_was_read_ends_without_a_reset() {
    on_every_runtime(|_| async {
        for before in Before::ALL {
            for origin in Origin::ALL {
                let (mut stream, mut peer) = pair(origin).await?;
                before.happen(&mut stream).await;
                peer.write_all(b"ten bytes.")?;
                stream.read_exact(&mut [0; 10]).await?;
                drop(stream);
                read_all(&peer, 0);
            }
        }
        Ok(())
    });
}
