//! Large bodies both ways at once, over HTTP/1.1 and HTTP/2; hyper's clients on our streams too.

use crate::server::start;
use crate::stack::net::TcpStream;
use crate::support::pattern::Pattern;
use crate::support::setup::{Setup, on_every_runtime};
use http_body_util::{BodyExt, Empty};
use hyper::body::{Body, Bytes, Frame};
use hyper::client::conn::{http1, http2};
use hyper::header::{HOST, TRANSFER_ENCODING};
use hyper::{Request, Response, StatusCode, Version};
use hyper_util::rt::TokioExecutor;
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::task::JoinSet;

const LARGE_BYTES: usize = 8 << 20;
/// Of a window of HTTP/2: h2 updates it when half of it is used up.
const WINDOW_BYTES: u32 = 64 << 20;
/// Of the pieces that bodies are sent in: from less than a segment to more than hyper's buffers.
const PIECES_BYTES: [usize; 4] = [1_000, 70_001, 13, 500_009];

/// A body whose length is not told beforehand.
struct Upload {
    pattern: Pattern,
    left: usize,
    index: usize,
}

impl Upload {
    fn new(lane: u64, bytes: usize) -> Upload {
        Upload {
            pattern: Pattern::new(lane),
            left: bytes,
            index: 0,
        }
    }
}

impl Body for Upload {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let count = self.left.min(PIECES_BYTES[self.index % PIECES_BYTES.len()]);
        if count == 0 {
            return Poll::Ready(None);
        }
        let bytes = self.pattern.bytes(count);
        self.pattern.skip(count);
        self.left -= count;
        self.index += 1;
        Poll::Ready(Some(Ok(Frame::data(bytes.into()))))
    }
}

/// Reads a body to its end and checks every byte.
async fn check<B>(response: Response<B>, lane: u64, bytes: usize) -> io::Result<()>
where
    B: Body<Data = Bytes, Error = hyper::Error> + Unpin,
{
    let mut pattern = Pattern::new(lane);
    let mut body = response.into_body();
    while let Some(frame) = body.frame().await {
        if let Ok(data) = frame.map_err(io::Error::other)?.into_data() {
            pattern.take(&data);
        }
    }
    assert_eq!(pattern.offset(), bytes as u64, "the body is whole");
    Ok(())
}

async fn connect(address: SocketAddr, setup: Setup) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    assert_eq!(stream.mode(), setup.stack.mode());
    Ok(stream)
}

#[test]
fn chunked_bodies_pass_both_ways() {
    on_every_runtime(|setup| async move {
        let server = start(setup).await?;
        let stream = connect(server.address, setup).await?;
        let (mut sender, connection) = http1::handshake(stream).await.map_err(io::Error::other)?;
        let connection = tokio::spawn(connection);
        for (lane, bytes) in [(1, LARGE_BYTES), (2, 1), (3, 100_000)] {
            let request = Request::post("/echo")
                .header(HOST, "example")
                .body(Upload::new(lane, bytes))
                .expect("the request is well-formed");
            sender.ready().await.map_err(io::Error::other)?;
            let response = sender
                .send_request(request)
                .await
                .map_err(io::Error::other)?;
            assert_eq!(response.headers()[TRANSFER_ENCODING], "chunked");
            check(response, lane, bytes).await?;
        }
        drop(sender);
        connection.await?.map_err(io::Error::other)?;
        server.end().await
    });
}

#[test]
fn http2_with_prior_knowledge_is_understood_and_its_streams_keep_apart() {
    on_every_runtime(|setup| async move {
        let server = start(setup).await?;
        let stream = connect(server.address, setup).await?;
        let handshake = http2::handshake(TokioExecutor::new(), stream);
        let (sender, connection) = handshake.await.map_err(io::Error::other)?;
        let connection = tokio::spawn(connection);
        let mut streams = JoinSet::new();
        for lane in 0..16 {
            let mut sender = sender.clone();
            streams.spawn(async move {
                let bytes = if lane == 0 { LARGE_BYTES } else { 50_000 };
                let request = Request::post("http://example/echo")
                    .body(Upload::new(lane, bytes))
                    .expect("the request is well-formed");
                let response = sender.send_request(request).await;
                let response = response.map_err(io::Error::other)?;
                assert_eq!(response.version(), Version::HTTP_2);
                check(response, lane, bytes).await
            });
        }
        for ended in streams.join_all().await {
            ended?;
        }
        drop(sender);
        connection.await?.map_err(io::Error::other)?;
        server.end().await
    });
}

#[test]
fn http2_streams_in_flight_are_finished_when_the_server_stops() {
    on_every_runtime(|setup| async move {
        let server = start(setup).await?;
        let stream = connect(server.address, setup).await?;
        // A window that needs no updates: one that is under way when the server closes the stream
        // has the kernel reset it, on tokio::net too.
        let handshake = http2::Builder::new(TokioExecutor::new())
            .initial_stream_window_size(WINDOW_BYTES)
            .initial_connection_window_size(WINDOW_BYTES)
            .handshake(stream);
        let (mut sender, connection) = handshake.await.map_err(io::Error::other)?;
        let connection = tokio::spawn(connection);
        let request = Request::post("http://example/echo")
            .body(BodyExt::boxed(Upload::new(1, LARGE_BYTES)))
            .expect("the request is well-formed");
        let response = sender.send_request(request).await;
        let response = response.map_err(io::Error::other)?;
        assert_eq!(response.status(), StatusCode::OK);

        let (open, server) = server.stop().await?;
        assert_eq!(open, 1);
        check(response, 1, LARGE_BYTES).await?;
        let late = Request::get("http://example/").body(Empty::new().boxed());
        let late = sender.send_request(late.expect("the request is well-formed"));
        assert!(late.await.is_err(), "no request begins after the stop");
        drop(sender);
        connection.await?.map_err(io::Error::other)?;
        assert_eq!(server.await??.connections_cut, 0);
        Ok(())
    });
}
