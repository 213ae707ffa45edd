//! Bytes that show where they belong: a loss, a repetition or an exchange anywhere in the stream is seen.

use std::convert::Infallible;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::thread;

use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::body::{Body, Frame, Incoming, SizeHint};

/// Odd, so that chunks fall into step with no buffer, segment or frame on the way.
const CHUNK_BYTES: usize = 64 * 1024 - 1;

/// The length of the large bodies: 50 MiB, and a rest.
pub(crate) const LARGE_BYTES: usize = 50 * 1024 * 1024 + 1;

/// The pattern's chunks: noise, each stamped with its own index.
#[derive(Clone)]
struct Chunks {
    noise: Vec<u8>,
    index: u64,
    bytes_left: usize,
}

impl Chunks {
    fn new(length_bytes: usize) -> Chunks {
        let mut state: u64 = 0x9e37_79b9_7f4a_7c15;
        let mut noise = Vec::with_capacity(CHUNK_BYTES + 8);
        while noise.len() < CHUNK_BYTES {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            noise.extend_from_slice(&state.to_le_bytes());
        }
        noise.truncate(CHUNK_BYTES);
        Chunks {
            noise,
            index: 0,
            bytes_left: length_bytes,
        }
    }
}

impl Iterator for Chunks {
    type Item = Bytes;

    fn next(&mut self) -> Option<Bytes> {
        let count = self.bytes_left.min(CHUNK_BYTES);
        if count == 0 {
            return None;
        }
        self.noise[..8].copy_from_slice(&self.index.to_le_bytes());
        self.index += 1;
        self.bytes_left -= count;
        Some(Bytes::copy_from_slice(&self.noise[..count]))
    }
}

/// The pattern as a request body, with or without a `content-length`.
pub(crate) struct Pattern {
    chunks: Chunks,
    length_is_known: bool,
}

impl Pattern {
    pub(crate) fn new(length_bytes: usize, length_is_known: bool) -> Pattern {
        Pattern {
            chunks: Chunks::new(length_bytes),
            length_is_known,
        }
    }
}

impl Body for Pattern {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.chunks.next().map(|chunk| Ok(Frame::data(chunk))))
    }

    fn is_end_stream(&self) -> bool {
        self.chunks.bytes_left == 0
    }

    fn size_hint(&self) -> SizeHint {
        if self.length_is_known {
            SizeHint::with_exact(self.chunks.bytes_left as u64)
        } else {
            SizeHint::new()
        }
    }
}

/// Compares what arrives with the pattern, whatever the pieces.
pub(crate) struct Expected {
    chunks: Chunks,
    rest: Bytes,
    position: usize,
}

impl Expected {
    pub(crate) fn new(length_bytes: usize) -> Expected {
        Expected {
            chunks: Chunks::new(length_bytes),
            rest: Bytes::new(),
            position: 0,
        }
    }

    pub(crate) fn check(&mut self, mut piece: &[u8]) {
        while !piece.is_empty() {
            if self.rest.is_empty() {
                self.rest = self.chunks.next().unwrap_or_else(|| {
                    panic!(
                        "{} bytes too many after byte {}",
                        piece.len(),
                        self.position
                    )
                });
            }
            let count = piece.len().min(self.rest.len());
            let expected = self.rest.split_to(count);
            assert!(
                piece[..count] == expected[..],
                "wrong bytes after byte {}",
                self.position
            );
            piece = &piece[count..];
            self.position += count;
        }
    }

    pub(crate) fn check_end(&self) {
        let missing = self.chunks.bytes_left + self.rest.len();
        assert_eq!(missing, 0, "the stream ended at byte {}", self.position);
    }

    /// Reads a response body to its end.
    pub(crate) async fn check_body(&mut self, mut body: Incoming) {
        while let Some(frame) = body.frame().await {
            if let Some(bytes) = frame.unwrap().data_ref() {
                self.check(bytes);
            }
        }
        self.check_end();
    }
}

/// Sends the pattern, ends the sending half, and expects the pattern and the end of the stream in return.
pub(crate) fn through(stream: TcpStream, length_bytes: usize) {
    let mut sending = stream.try_clone().unwrap();
    let sender = thread::spawn(move || {
        for chunk in Chunks::new(length_bytes) {
            sending.write_all(&chunk).unwrap();
        }
        sending.shutdown(Shutdown::Write).unwrap();
    });
    let mut receiving = stream;
    let mut expected = Expected::new(length_bytes);
    let mut buffer = vec![0; 128 * 1024];
    loop {
        let count = receiving.read(&mut buffer).unwrap();
        if count == 0 {
            break;
        }
        expected.check(&buffer[..count]);
    }
    expected.check_end();
    sender.join().unwrap();
}
