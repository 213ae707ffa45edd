//! What server and generator have agreed on: the contents of the messages of each kind.

use crate::Failure;
use crate::cells::{Cell, Kind, Protocol};

/// The longest message, and a chunk of `stream-out`.
const MESSAGE_BYTES_MAX: usize = 64 * 1024;
/// Messages are a beginning of this. Its bytes repeat at no power of two, so that a stream out of
/// step is noticed.
pub(crate) static MESSAGE: [u8; MESSAGE_BYTES_MAX] = pattern();
/// The request of `writes` and `stream-out`.
pub(crate) const REQUEST_BYTES: usize = 64;
/// One of the writes that an answer of `writes` consists of.
pub(crate) const WRITE_BYTES: usize = 16;
/// A frame's header is the length of its payload, the most significant byte first.
pub(crate) const FRAME_HEADER_BYTES: usize = 4;
const FRAME_PAYLOAD_BYTES: u32 = 124;
pub(crate) const FRAME_BYTES: usize = FRAME_HEADER_BYTES + FRAME_PAYLOAD_BYTES as usize;
/// No request of `framed` has more frames.
const FRAMES_MAX: usize = 16;
static FRAMES: [u8; FRAMES_MAX * FRAME_BYTES] = frames();
/// How many times a response of `stream-out` is `MESSAGE`.
pub(crate) const CHUNKS: usize = 8;
/// The request of `short`, and its response.
pub(crate) const SHORT_BYTES: usize = 128;

static HTTP_REQUEST: &[u8] = b"GET / HTTP/1.1\r\nhost: bench\r\n\r\n";

/// What the generator sends at a time.
pub(crate) fn request(cell: &Cell) -> Result<&'static [u8], Failure> {
    match cell.kind {
        Kind::Tcp(Protocol::Echo) | Kind::Udp | Kind::UdpMany | Kind::Unix => {
            beginning(&MESSAGE, cell.message_bytes)
        }
        Kind::Tcp(Protocol::Hyper) => Ok(HTTP_REQUEST),
        Kind::Tcp(Protocol::Writes | Protocol::StreamOut) => beginning(&MESSAGE, REQUEST_BYTES),
        Kind::Tcp(Protocol::Short) => beginning(&MESSAGE, SHORT_BYTES),
        Kind::Tcp(Protocol::Framed) => beginning(&FRAMES, cell.parts * FRAME_BYTES),
    }
}

/// What the server sends back; `None` for hyper, whose responses are parsed instead.
pub(crate) fn response(cell: &Cell) -> Result<Option<Vec<u8>>, Failure> {
    Ok(match cell.kind {
        Kind::Tcp(Protocol::Echo | Protocol::Framed | Protocol::Short)
        | Kind::Udp
        | Kind::UdpMany
        | Kind::Unix => Some(request(cell)?.to_vec()),
        Kind::Tcp(Protocol::Hyper) => None,
        Kind::Tcp(Protocol::Writes) => {
            Some(beginning(&MESSAGE, cell.parts * WRITE_BYTES)?.to_vec())
        }
        Kind::Tcp(Protocol::StreamOut) => Some(MESSAGE.repeat(CHUNKS)),
    })
}

fn beginning(message: &'static [u8], bytes: usize) -> Result<&'static [u8], Failure> {
    message
        .get(..bytes)
        .ok_or_else(|| "the message is longer than the generator's".into())
}

const fn frames() -> [u8; FRAMES_MAX * FRAME_BYTES] {
    let mut frames = pattern();
    let header = FRAME_PAYLOAD_BYTES.to_be_bytes();
    let mut index = 0;
    while index < frames.len() {
        if index % FRAME_BYTES < FRAME_HEADER_BYTES {
            frames[index] = header[index % FRAME_BYTES];
        }
        index += 1;
    }
    frames
}

const fn pattern<const BYTES: usize>() -> [u8; BYTES] {
    let mut message = [0; BYTES];
    let mut next = 0_u8;
    let mut index = 0;
    while index < message.len() {
        next = next % 251 + 1;
        message[index] = next;
        index += 1;
    }
    message
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cells;

    #[test]
    fn a_shifted_message_ends_in_another_byte() {
        for length in [64, 128, 1200, 1024, 16 * 1024, MESSAGE.len()] {
            let last = MESSAGE[length - 1];
            assert!(last != 0);
            assert!(
                (1..length.min(128)).all(|shift| MESSAGE[length - 1 - shift] != last),
                "{length}"
            );
        }
    }

    #[test]
    fn every_cell_has_a_request_and_a_response_whose_end_can_be_told() {
        for cell in cells::all() {
            assert!(!request(&cell).unwrap().is_empty());
            match response(&cell).unwrap() {
                Some(response) => assert!(*response.last().unwrap() != 0, "{}", cell.name()),
                None => assert_eq!(cell.kind, Kind::Tcp(Protocol::Hyper)),
            }
        }
    }

    #[test]
    fn a_frame_begins_with_the_length_of_the_rest() {
        for frame in FRAMES.chunks(FRAME_BYTES) {
            let (header, payload) = frame.split_first_chunk::<FRAME_HEADER_BYTES>().unwrap();
            assert_eq!(u32::from_be_bytes(*header), FRAME_PAYLOAD_BYTES);
            assert_eq!(payload.len(), 124);
        }
        assert_ne!(FRAMES[..FRAME_BYTES], FRAMES[FRAME_BYTES..2 * FRAME_BYTES]);
    }

    #[test]
    fn a_message_that_is_too_long_is_an_error() {
        let mut cell = cells::all()[0];
        cell.message_bytes = MESSAGE.len() + 1;
        assert!(request(&cell).is_err());
    }
}
