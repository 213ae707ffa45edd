//! What server and generator have agreed on: the contents of the messages of each kind.

use crate::Failure;
use crate::cells::{Cell, Kind};

/// The longest message.
const MESSAGE_BYTES_MAX: usize = 16 * 1024;
/// Messages are a beginning of this. Its bytes repeat at no power of two, so that a stream out of
/// step is noticed.
pub(crate) static MESSAGE: [u8; MESSAGE_BYTES_MAX] = pattern();
static HTTP_REQUEST: &[u8] = b"GET / HTTP/1.1\r\nhost: bench\r\n\r\n";

/// What the generator sends at a time.
pub(crate) fn request(cell: &Cell) -> Result<&'static [u8], Failure> {
    match cell.kind {
        Kind::Echo => MESSAGE
            .get(..cell.message_bytes)
            .ok_or_else(|| "the message is longer than the generator's".into()),
        Kind::Hyper => Ok(HTTP_REQUEST),
    }
}

/// What the server sends back; `None` for hyper, whose responses are parsed instead.
pub(crate) fn response(cell: &Cell) -> Result<Option<Vec<u8>>, Failure> {
    Ok(match cell.kind {
        Kind::Echo => Some(request(cell)?.to_vec()),
        Kind::Hyper => None,
    })
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

    #[test]
    fn a_shifted_message_ends_in_another_byte() {
        for length in [128, 1024, MESSAGE.len()] {
            let last = MESSAGE[length - 1];
            assert!(last != 0);
            assert!(
                (1..128).all(|shift| MESSAGE[length - 1 - shift] != last),
                "{length}"
            );
        }
    }
}
