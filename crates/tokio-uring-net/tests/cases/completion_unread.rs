//! Bytes that nobody has read make the drop of a stream a reset, wherever they are.

use crate::flow::{arrived, on_every_runtime, steal, wait_arrived};
use crate::stack::net::TcpStream;
use crate::support::closing::{join, read_all, was_reset};
use crate::support::pattern::Pattern;
use crate::support::tcp::{Origin, pair};
use std::io::{self, Write};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// A stream whose unread bytes are all ahead, none in the kernel.
async fn stream_with_bytes_ahead(origin: Origin) -> io::Result<(TcpStream, std::net::TcpStream)> {
    let (mut stream, mut peer) = pair(origin).await?;
    peer.write_all(b"ten bytes.")?;
    // Not by `as_fd`, after which others may have the socket.
    let seen = std::net::TcpStream::from(steal(&stream)?);
    wait_arrived(&seen, 10);
    stream.read_exact(&mut [0; 4]).await?;
    assert_eq!((stream.bytes_ahead(), arrived(&seen)), (6, 0));
    Ok((stream, peer))
}

/// Of a socket that others may hold too, no option is changed: it ends, and does not reset.
fn was_reset_if_ours_alone(peer: &std::net::TcpStream, origin: Origin) {
    match origin {
        Origin::Accepted => was_reset(peer),
        Origin::Connected | Origin::FromStd => read_all(peer, 0),
    }
}

#[test]
fn a_drop_with_bytes_ahead_resets() {
    on_every_runtime(|_| async {
        for origin in Origin::ALL {
            let (stream, peer) = stream_with_bytes_ahead(origin).await?;
            drop(stream);
            was_reset_if_ours_alone(&peer, origin);

            let (stream, peer) = stream_with_bytes_ahead(origin).await?;
            // The drop of a write half would end the stream first.
            let (read, write) = stream.into_split();
            write.forget();
            drop(read);
            was_reset_if_ours_alone(&peer, origin);

            let (stream, peer) = stream_with_bytes_ahead(origin).await?;
            // There a ring may need a turn of its driver.
            join(std::thread::spawn(move || {
                drop(stream);
                was_reset_if_ours_alone(&peer, origin);
            }))
            .await?;
        }
        Ok(())
    });
}

#[test]
fn a_drop_after_the_bytes_ahead_were_read_does_not_reset() {
    on_every_runtime(|_| async {
        for origin in Origin::ALL {
            let (mut stream, peer) = stream_with_bytes_ahead(origin).await?;
            stream.read_exact(&mut [0; 6]).await?;
            let sent = Pattern::new(1);
            stream.write_all(&sent.bytes(10)).await?;
            drop(stream);
            read_all(&peer, 10);
        }
        Ok(())
    });
}

#[test]
fn a_linger_of_zero_resets_also_behind_a_queue() {
    on_every_runtime(|_| async {
        for origin in Origin::ALL {
            let (mut stream, mut peer) = pair(origin).await?;
            stream.set_zero_linger()?;
            for _ in 0..3 {
                stream.write_all(b"bytes").await?;
            }
            drop(stream);
            // What arrived before the reset may be read or not.
            let end = std::io::Read::read_to_end(&mut peer, &mut Vec::new());
            let end = end.map_err(|error| error.kind());
            assert_eq!(end, Err(io::ErrorKind::ConnectionReset));
        }
        Ok(())
    });
}
