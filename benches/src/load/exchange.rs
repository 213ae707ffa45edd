//! One request and its response, as the closed loop needs to know them.

use std::ops::Range;

use crate::Failure;

/// The size of the memory that all responses are received into.
pub(super) const RESPONSES_BYTES: usize = 512 * 1024;

/// What the server does after a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum After {
    /// It waits for the next request.
    Waits,
    /// It closes the connection.
    Closes,
}

/// What is sent again and again, and how its response is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Exchange {
    pub(super) request: &'static [u8],
    pub(super) response_bytes: usize,
    pub(super) after: After,
    /// Not zero: where that byte was cleared, it tells whether a response has come in since.
    pub(super) response_last: u8,
}

impl Exchange {
    pub(super) fn new(
        request: &'static [u8],
        response: &[u8],
        after: After,
    ) -> Result<Exchange, Failure> {
        match response.last() {
            Some(&last) if last != 0 && response.len() <= RESPONSES_BYTES => Ok(Exchange {
                request,
                response_bytes: response.len(),
                after,
                response_last: last,
            }),
            Some(_) | None => {
                Err("the server's response is empty, too long, or ends with a zero byte".into())
            }
        }
    }

    /// Which part of the memory for responses one RECV is to fill.
    ///
    /// Where the server waits, all connections share one part, and the RECV completes with the
    /// response. Where it closes, each has a part of its own that is a byte longer, so that the RECV
    /// completes at the end of the connection.
    pub(super) fn received_at(&self, index: usize) -> Range<usize> {
        match self.after {
            After::Waits => 0..self.response_bytes,
            After::Closes => {
                let bytes = self.response_bytes + 1;
                index * bytes..(index + 1) * bytes
            }
        }
    }

    /// Where the last byte of a response is found.
    pub(super) fn last_byte_at(&self, index: usize) -> usize {
        self.received_at(index).start + self.response_bytes - 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_response_whose_end_cannot_be_told_is_an_error() {
        let new = |response: &[u8]| Exchange::new(b"?", response, After::Waits);
        assert!(new(b"").is_err());
        assert!(new(b"!\0").is_err());
        assert!(new(&vec![1; RESPONSES_BYTES + 1]).is_err());
        let exchange = new(b"no!").unwrap();
        assert_eq!((exchange.response_bytes, exchange.response_last), (3, b'!'));
    }

    #[test]
    fn the_end_of_a_short_connection_is_received_with_its_response() {
        let place = |after, index| {
            let exchange = Exchange::new(b"?", b"no!", after).unwrap();
            (exchange.received_at(index), exchange.last_byte_at(index))
        };
        assert_eq!(place(After::Waits, 0), (0..3, 2));
        assert_eq!(place(After::Waits, 7), (0..3, 2));
        assert_eq!(place(After::Closes, 0), (0..4, 2));
        assert_eq!(place(After::Closes, 7), (28..32, 30));
    }
}
