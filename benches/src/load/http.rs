//! How long an HTTP/1.1 response is.

use std::io::{self, Read};

use crate::Failure;

/// Reads one HTTP/1.1 response that announces its length.
pub(super) fn read_response(connection: &mut impl Read) -> Result<Vec<u8>, Failure> {
    let mut response = Vec::new();
    let mut chunk = [0; 4096];
    loop {
        let count = match connection.read(&mut chunk) {
            Ok(count) => count,
            // The end of the previous sample's ring may interrupt the thread that used it.
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error.into()),
        };
        response.extend_from_slice(&chunk[..count]);
        match response_length(&response)? {
            Some(length) if length == response.len() => return Ok(response),
            Some(length) if length < response.len() => {
                return Err("the server sent more than one response".into());
            }
            Some(_) | None if count == 0 => {
                return Err("the server hung up within a response".into());
            }
            Some(_) | None => {}
        }
    }
}

/// The length of the whole response whose beginning is `bytes`; `None` while its head is
/// incomplete.
fn response_length(bytes: &[u8]) -> Result<Option<usize>, Failure> {
    let text = String::from_utf8_lossy(bytes);
    let Some((head, _)) = text.split_once("\r\n\r\n") else {
        return Ok(None);
    };
    let mut lines = head.lines();
    let status = lines.next().unwrap_or_default();
    if !status.starts_with("HTTP/1.1 200 ") {
        return Err(format!("the server answered {status:?}").into());
    }
    let length = lines
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .ok_or("the server's response has no content-length")?
        .1
        .trim();
    Ok(Some(head.len() + 4 + length.parse::<usize>()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_length_of_a_response_is_head_plus_body() {
        let response = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\ndate: x\r\n\r\nhello";
        assert_eq!(response_length(response).unwrap(), Some(response.len()));
        assert_eq!(response_length(&response[..30]).unwrap(), None);
    }

    #[test]
    fn a_response_that_cannot_be_counted_is_an_error() {
        for response in [
            "HTTP/1.1 500 Internal Server Error\r\ncontent-length: 0\r\n\r\n",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n",
            "HTTP/1.1 200 OK\r\ncontent-length: many\r\n\r\n",
        ] {
            assert!(response_length(response.as_bytes()).is_err(), "{response}");
        }
    }
}
