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
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::protocol::{
    CHUNKS, FRAME_BYTES, FRAME_HEADER_BYTES, MESSAGE, REQUEST_BYTES, SHORT_BYTES, WRITE_BYTES,
};
use crate::stack::Stack;

/// Sends back what it reads.
pub(super) async fn echo(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    buffer_bytes: usize,
) -> io::Result<()> {
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
        .serve_connection(S::http(stream), service_fn(hello));
    connection.await.map_err(io::Error::other)
}

async fn hello(_request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    Ok(Response::new(Full::new(Bytes::from_static(
        b"Hello, world!",
    ))))
}

/// Answers a request with `count` small writes and flushes none of them, as most code does.
pub(super) async fn writes<S: Stack>(
    mut stream: S::Stream,
    count: usize,
    buffer_bytes: usize,
) -> io::Result<()> {
    let mut buffer = vec![0; buffer_bytes];
    loop {
        read_request(&mut stream, &mut buffer, REQUEST_BYTES).await?;
        for part in MESSAGE.chunks_exact(WRITE_BYTES).take(count) {
            stream.write_all(part).await?;
        }
    }
}

/// Reads a frame's length, then the frame, and sends it back: what code without a buffer does.
pub(super) async fn framed<S: Stack>(mut stream: S::Stream) -> io::Result<()> {
    let mut frame = [0; FRAME_BYTES];
    loop {
        let mut header = [0; FRAME_HEADER_BYTES];
        stream.read_exact(&mut header).await?;
        let length = usize::try_from(u32::from_be_bytes(header)).map_err(io::Error::other)?;
        let frame = frame
            .get_mut(..FRAME_HEADER_BYTES + length)
            .ok_or(io::ErrorKind::InvalidData)?;
        frame[..FRAME_HEADER_BYTES].copy_from_slice(&header);
        stream.read_exact(&mut frame[FRAME_HEADER_BYTES..]).await?;
        stream.write_all(frame).await?;
    }
}

/// Answers a request with 64 KiB several times over, from a buffer that lives as long as the
/// connection.
pub(super) async fn stream_out<S: Stack>(
    mut stream: S::Stream,
    buffer_bytes: usize,
) -> io::Result<()> {
    let mut buffer = vec![0; buffer_bytes];
    // On the heap, as a service's own data would be.
    let chunk = Bytes::from(MESSAGE.to_vec());
    loop {
        read_request(&mut stream, &mut buffer, REQUEST_BYTES).await?;
        for _ in 0..CHUNKS {
            S::send_owned(&mut stream, chunk.clone()).await?;
        }
    }
}

/// Answers one request and hangs up.
pub(super) async fn short<S: Stack>(mut stream: S::Stream) -> io::Result<()> {
    let mut buffer = [0; 2 * SHORT_BYTES];
    read_request(&mut stream, &mut buffer, SHORT_BYTES).await?;
    stream.write_all(&buffer[..SHORT_BYTES]).await
}

/// Reads until the whole request is there. One is in flight at a time: more bytes are an error.
async fn read_request<R: AsyncRead + Unpin>(
    stream: &mut R,
    buffer: &mut [u8],
    request_bytes: usize,
) -> io::Result<()> {
    let mut received = 0;
    while received < request_bytes {
        match stream.read(&mut buffer[received..]).await? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            count => received += count,
        }
    }
    if received > request_bytes {
        return Err(io::ErrorKind::InvalidData.into());
    }
    Ok(())
}
