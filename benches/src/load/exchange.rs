//! One request and its response, as the closed loop needs to know them.

use crate::Failure;

/// No response is longer.
pub(super) const RESPONSE_BYTES_MAX: usize = 512 * 1024;

/// What is sent again and again, and how its response is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Exchange {
    pub(super) request: &'static [u8],
    pub(super) response_bytes: usize,
    /// Not zero: where that byte was cleared, it tells whether a response has come in since.
    pub(super) response_last: u8,
}

impl Exchange {
    pub(super) fn new(request: &'static [u8], response: &[u8]) -> Result<Exchange, Failure> {
        match response.last() {
            Some(&last) if last != 0 && response.len() <= RESPONSE_BYTES_MAX => Ok(Exchange {
                request,
                response_bytes: response.len(),
                response_last: last,
            }),
            Some(_) | None => {
                Err("the server's response is empty, too long, or ends with a zero byte".into())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_response_whose_end_cannot_be_told_is_an_error() {
        assert!(Exchange::new(b"?", b"").is_err());
        assert!(Exchange::new(b"?", b"!\0").is_err());
        assert!(Exchange::new(b"?", &vec![1; RESPONSE_BYTES_MAX + 1]).is_err());
        let exchange = Exchange::new(b"?", b"no!").unwrap();
        assert_eq!((exchange.response_bytes, exchange.response_last), (3, b'!'));
    }
}
