//! Owned buffers: what was given away, and whether it has come back.

use crate::stack::net::TcpStream;
use crate::support::pattern::Pattern;
use crate::support::poll::poll_once;
use crate::support::tcp::{Origin, pair_with_buffers};
use bytes::Bytes;
use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;

/// What the kernel holds for a stream that is to be blocked.
pub(crate) const KERNEL_BYTES: u32 = 8 << 10;
/// What a stream takes before it waits, besides the last buffer.
pub(crate) const QUEUE_BYTES: usize = 256 << 10;
/// The same, in buffers.
pub(crate) const QUEUE_PIECES: usize = 63;

/// How many owned buffers have not been dropped.
#[derive(Clone, Debug, Default)]
pub(crate) struct Live(Arc<AtomicUsize>);

/// A buffer that counts while it lives, and what goes with it.
struct Owner<T> {
    bytes: Vec<u8>,
    live: Live,
    _goes_too: T,
}

impl<T> AsRef<[u8]> for Owner<T> {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl<T> Drop for Owner<T> {
    fn drop(&mut self) {
        self.live.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Live {
    pub(crate) fn count(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }

    /// Lets the runtime run until all have been dropped.
    pub(crate) async fn freed(&self) {
        while self.count() > 0 {
            tokio::task::yield_now().await;
        }
    }

    /// The same outside any runtime. (The look-out for stragglers may be at work.)
    pub(crate) fn wait_freed(&self) {
        while self.count() > 0 {
            std::thread::yield_now();
        }
    }

    pub(crate) fn bytes(&self, bytes: Vec<u8>) -> Bytes {
        self.bytes_with(bytes, ())
    }

    /// The same, with a value that is dropped with the buffer.
    pub(crate) fn bytes_with<T: Send + 'static>(&self, bytes: Vec<u8>, goes_too: T) -> Bytes {
        self.0.fetch_add(1, Ordering::SeqCst);
        Bytes::from_owner(Owner {
            bytes,
            live: self.clone(),
            _goes_too: goes_too,
        })
    }
}

/// A stream whose peer does not read, and which takes no more.
pub(crate) struct Full {
    pub(crate) stream: TcpStream,
    pub(crate) peer: std::net::TcpStream,
    /// Everything that was taken, and that the peer is to receive.
    pub(crate) sent: Pattern,
    pub(crate) live: Live,
}

impl Full {
    /// Gives the stream buffers of `len` bytes until it has waited for many turns of the driver.
    pub(crate) async fn new(origin: Origin, len: usize) -> io::Result<Full> {
        let (mut stream, peer) = pair_with_buffers(origin, Some(KERNEL_BYTES)).await?;
        let (mut sent, live) = (Pattern::new(1), Live::default());
        let mut idle = 0;
        while idle < 50 {
            let bytes = live.bytes(sent.bytes(len));
            let mut write = Box::pin(stream.write_owned(bytes));
            match poll_once(&mut write).await {
                Poll::Ready(result) => {
                    result?;
                    sent.skip(len);
                    idle = 0;
                }
                Poll::Pending => {
                    drop(write);
                    tokio::task::yield_now().await;
                    idle += 1;
                }
            }
        }
        Ok(Full {
            stream,
            peer,
            sent,
            live,
        })
    }

    /// Receives all that was sent, in a thread, and the end of the stream if `ends`.
    pub(crate) fn reader(
        peer: std::net::TcpStream,
        sent: Pattern,
        ends: bool,
    ) -> std::thread::JoinHandle<()> {
        std::thread::spawn(move || receive(&peer, sent, ends))
    }
}

/// Receives and checks all of `sent`, blocking this thread, and the end of the stream if `ends`.
pub(crate) fn receive(mut peer: &std::net::TcpStream, sent: Pattern, ends: bool) {
    let mut received = Pattern::new(1);
    let mut bytes = vec![0; 10_000];
    while received.offset() < sent.offset() {
        let count = peer.read(&mut bytes).expect("the bytes arrive");
        assert!(count > 0, "the stream ends at {}", received.offset());
        received.take(&bytes[..count]);
    }
    assert_eq!(received.offset(), sent.offset());
    if ends {
        let end = peer
            .read(&mut bytes)
            .expect("the stream ends without error");
        assert_eq!(end, 0);
    }
}
