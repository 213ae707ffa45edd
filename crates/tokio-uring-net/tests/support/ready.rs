//! Streams brought into a known state of readiness.

use super::poll::{Wakes, turns};
use crate::stack::net::TcpStream;
use std::io::{self, ErrorKind, Read};

/// The kind of the error, if there is one.
pub(crate) fn kind<T>(result: io::Result<T>) -> Option<ErrorKind> {
    result.err().map(|error| error.kind())
}

pub(crate) const WOULD_BLOCK: Option<ErrorKind> = Some(ErrorKind::WouldBlock);

/// Reads nothing from `stream` until it knows that it is not readable. A fresh stream may be thought
/// ready, and what the driver reports at that moment, such as room to write, keeps it so.
pub(crate) async fn clear_readable(stream: &TcpStream) {
    let is_pending = || {
        Wakes::new()
            .poll(&mut Box::pin(stream.readable()))
            .is_pending()
    };
    turns(3).await;
    loop {
        assert_eq!(kind(stream.try_read(&mut [0; 8])), WOULD_BLOCK);
        if is_pending() {
            break;
        }
        turns(1).await;
    }
}

/// Fills `stream` until it is not ready to be written to and `check` holds; answers how many bytes
/// that took. The kernel goes on moving bytes to the peer for a while, which makes room once more.
pub(crate) async fn clear_writable(stream: &TcpStream, mut check: impl FnMut() -> bool) -> usize {
    let bytes = vec![0; 64 << 10];
    let mut written = 0;
    loop {
        match stream.try_write(&bytes) {
            Ok(count) => written += count,
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::WouldBlock);
                if check() {
                    return written;
                }
                turns(1).await;
            }
        }
    }
}

/// Reads `count` bytes at the other end.
pub(crate) fn drain(mut peer: &std::net::TcpStream, count: usize) -> io::Result<()> {
    peer.read_exact(&mut vec![0; count])
}
