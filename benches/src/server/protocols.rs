//! One function per kind of cell: the life of one connection.
//!
//! All end with the connection. That is an error for most, and no news: the generator resets its
//! connections when it is done.

use std::convert::Infallible;
use std::io;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::stack::Stack;

/// Sends back what it reads.
pub(super) async fn echo<S: Stack>(mut stream: S::Stream, buffer_bytes: usize) -> io::Result<()> {
    let mut buffer = vec![0; buffer_bytes];
    loop {
        let count = stream.read(&mut buffer).await?;
        if count == 0 {
            return Ok(());
        }
        stream.write_all(&buffer[..count]).await?;
    }
}

/// Answers every HTTP/1.1 request with a short text.
pub(super) async fn hyper_hello<S: Stack>(stream: S::Stream) -> io::Result<()> {
    let connection = http1::Builder::new()
        .keep_alive(true)
        .serve_connection(TokioIo::new(stream), service_fn(hello));
    connection.await.map_err(io::Error::other)
}

async fn hello(_request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    Ok(Response::new(Full::new(Bytes::from_static(
        b"Hello, world!",
    ))))
}
