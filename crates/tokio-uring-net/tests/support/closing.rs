//! What a stream did before it was closed, and what its peer sees of the close.

use super::pattern::Pattern;
use super::poll::{Wakes, turns};
use super::ready::clear_readable;
use crate::stack::net::TcpStream;
use std::io::{self, ErrorKind, Read, Write};
use std::thread::JoinHandle;
use tokio::io::AsyncReadExt as _;

/// From one byte to more than the kernel holds for a connection.
pub(crate) const SIZES: [usize; 6] = [1, 100, 4 << 10, 64 << 10, 1 << 20, 8 << 20];

/// Sizes that the kernel holds until the peer reads, so that one thread can be both ends.
pub(crate) const SMALL_SIZES: [usize; 4] = [1, 100, 4 << 10, 64 << 10];

/// What a stream did before it was dropped: the driver may still hold something for it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Before {
    Nothing,
    ReadPolled,
    ReadableDropped,
    PeekDropped,
    ReadyPolledByTwo,
}

impl Before {
    pub(crate) const ALL: [Before; 5] = [
        Before::Nothing,
        Before::ReadPolled,
        Before::ReadableDropped,
        Before::PeekDropped,
        Before::ReadyPolledByTwo,
    ];

    /// Does it, and lets the driver take notice.
    pub(crate) async fn happen(self, stream: &mut TcpStream) {
        let (one, two) = (Wakes::new(), Wakes::new());
        match self {
            Before::Nothing => {}
            Before::ReadPolled => {
                let mut buf = [0; 8];
                let mut read = Box::pin(stream.read(&mut buf));
                assert!(one.poll(&mut read).is_pending());
            }
            Before::ReadableDropped => {
                clear_readable(stream).await;
                let mut readable = Box::pin(stream.readable());
                assert!(one.poll(&mut readable).is_pending());
                turns(2).await;
                assert!(one.poll(&mut readable).is_pending());
            }
            Before::PeekDropped => {
                let mut buf = [0; 8];
                let mut peek = Box::pin(stream.peek(&mut buf));
                assert!(one.poll(&mut peek).is_pending());
            }
            Before::ReadyPolledByTwo => {
                clear_readable(stream).await;
                let mut readable = Box::pin(stream.readable());
                let mut again = Box::pin(stream.readable());
                assert!(one.poll(&mut readable).is_pending());
                assert!(two.poll(&mut again).is_pending());
                turns(2).await;
            }
        }
        turns(2).await;
    }
}

/// Reads to the end of the stream, which must be `size` bytes away and not one turn of any driver.
#[track_caller]
pub(crate) fn read_all(mut peer: &std::net::TcpStream, size: usize) {
    let mut received = Vec::new();
    let end = peer.read_to_end(&mut received);
    assert_eq!(end.expect("the stream ends without error"), size);
    Pattern::new(1).check(&received);
}

/// Does the same in a thread, for what the kernel cannot hold.
pub(crate) fn read_all_in_thread(peer: std::net::TcpStream, size: usize) -> JoinHandle<()> {
    std::thread::spawn(move || read_all(&peer, size))
}

/// Waits for a thread without holding up the runtime.
pub(crate) async fn join(thread: JoinHandle<()>) -> io::Result<()> {
    let joined = tokio::task::spawn_blocking(|| thread.join()).await?;
    joined.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
    Ok(())
}

/// Whether the socket at the other end of `peer`, which has seen the end of the stream, is closed
/// in both directions. The first byte to a closed socket is answered by a reset, which the second
/// one meets.
pub(crate) fn probe_closed(mut peer: &std::net::TcpStream) -> bool {
    let written = peer.write(b"?").and_then(|_| peer.write(b"?"));
    match written.map_err(|error| error.kind()) {
        Err(ErrorKind::BrokenPipe | ErrorKind::ConnectionReset) => true,
        Ok(_) => false,
        other => panic!("a closed stream answers {other:?}"),
    }
}

/// Waits until the socket at the other end is closed in both directions.
pub(crate) async fn closed(peer: &std::net::TcpStream) {
    while !probe_closed(peer) {
        turns(1).await;
    }
}

/// Checks that the connection of `peer` was reset rather than ended.
#[track_caller]
pub(crate) fn was_reset(mut peer: &std::net::TcpStream) {
    // The kernel's end of a ring that this thread once entered interrupts it.
    let read = loop {
        match peer.read(&mut [0; 16]).map_err(|error| error.kind()) {
            Err(ErrorKind::Interrupted) => {}
            read => break read,
        }
    };
    assert_eq!(read, Err(ErrorKind::ConnectionReset));
}
