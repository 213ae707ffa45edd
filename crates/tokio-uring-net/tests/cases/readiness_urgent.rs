//! Out-of-band data: it stays out of the stream, and is there for whoever asks for it.

use crate::support::poll::poll_once;
use crate::support::setup::on_every_runtime;
use crate::support::tcp::{Origin, pair};
use rustix::net::{RecvFlags, SendFlags};
use std::io::Write;
use tokio::io::{AsyncReadExt, Interest};

/// A receive ends before an urgent byte. (What has come behind it by then shows itself only when more
/// comes, on tokio too: a read that was short takes the socket to be drained.)
#[test]
fn reads_pass_over_an_urgent_byte() {
    on_every_runtime(|_| async {
        for origin in Origin::ALL {
            let (mut stream, mut peer) = pair(origin).await?;
            peer.write_all(b"before")?;
            rustix::net::send(&peer, b"!", SendFlags::OOB)?;
            let mut bytes = [0; 6];
            stream.read_exact(&mut bytes).await?;
            assert_eq!(&bytes, b"before");
            peer.write_all(b"behind")?;
            stream.read_exact(&mut bytes).await?;
            assert_eq!(&bytes, b"behind");
        }
        Ok(())
    });
}

/// As in tokio, whose streams do not ask the kernel for priority events.
#[test]
fn an_urgent_byte_is_no_priority_event_and_can_be_received() {
    on_every_runtime(|_| async {
        for origin in Origin::ALL {
            let (mut stream, mut peer) = pair(origin).await?;
            rustix::net::send(&peer, b"!", SendFlags::OOB)?;
            let mut priority = Box::pin(stream.ready(Interest::PRIORITY));
            assert!(poll_once(&mut priority).await.is_pending());
            peer.write_all(b"behind")?;
            stream.readable().await?;
            assert!(poll_once(&mut priority).await.is_pending());
            drop(priority);

            let mut urgent = [0];
            let received = rustix::net::recv(&stream, &mut urgent, RecvFlags::OOB)?;
            assert_eq!((received.0, urgent), (1, *b"!"));
            let mut bytes = [0; 6];
            stream.read_exact(&mut bytes).await?;
            assert_eq!(&bytes, b"behind");
        }
        Ok(())
    });
}
