//! After an upgrade the connection is the service's own, with every byte.

use crate::server::{Body, answer, exchange, expect, expect_end, get, hello, start_with};
use crate::stack::net::TcpStream;
use crate::support::setup::on_every_runtime;
use http_body_util::{Either, Full};
use hyper::body::Incoming;
use hyper::header::{CONNECTION, UPGRADE};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use hyper_util::server::conn::auto::upgrade;
use std::io;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const REQUEST: &str =
    "GET / HTTP/1.1\r\nhost: example\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\n";
const RESPONSE: &str =
    "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\n";

/// What takes the connection over.
#[derive(Clone, Copy, Debug)]
enum Taken {
    /// As hyper hands it over.
    AsItIs,
    /// The stream itself, and the bytes that hyper had read.
    Apart,
}

async fn echo(taken: Taken, request: Request<Incoming>) -> io::Result<()> {
    let upgraded = hyper::upgrade::on(request).await;
    let upgraded = upgraded.map_err(io::Error::other)?;
    match taken {
        Taken::AsItIs => {
            let (mut read, mut write) = tokio::io::split(TokioIo::new(upgraded));
            tokio::io::copy(&mut read, &mut write).await?;
            write.shutdown().await
        }
        Taken::Apart => {
            let parts = upgrade::downcast::<TcpStream>(upgraded);
            let parts = parts.expect("the connection is one of ours");
            let mut stream = parts.io;
            stream.write_all(&parts.read_buf).await?;
            let (mut read, mut write) = stream.split();
            tokio::io::copy(&mut read, &mut write).await?;
            write.shutdown().await
        }
    }
}

async fn upgrade_or_not(
    taken: Taken,
    request: Request<Incoming>,
) -> Result<Response<Body>, hyper::Error> {
    if !request.headers().contains_key(UPGRADE) {
        return answer(request).await;
    }
    let response = Response::builder()
        .status(StatusCode::SWITCHING_PROTOCOLS)
        .header(CONNECTION, "upgrade")
        .header(UPGRADE, "echo")
        .body(Either::Left(Full::default()));
    tokio::spawn(echo(taken, request));
    Ok(response.expect("the response is well-formed"))
}

#[test]
fn bytes_pass_both_ways_and_those_behind_the_request_come_first() {
    for taken in [Taken::AsItIs, Taken::Apart] {
        on_every_runtime(move |setup| async move {
            let service = service_fn(move |request| upgrade_or_not(taken, request));
            let mut server = start_with(setup, service, |serve| serve).await?;
            for behind in ["", "behind", &"many bytes ".repeat(1_000)] {
                let mut client = server.connect().await?;
                exchange(&mut client, &get("/before"), &hello("/before")).await?;
                let request = format!("{REQUEST}{behind}");
                exchange(&mut client, request.as_bytes(), RESPONSE.as_bytes()).await?;
                expect(&mut client, behind.as_bytes()).await?;
                for round in 0..20 {
                    let bytes = format!("raw bytes of round {round}");
                    exchange(&mut client, bytes.as_bytes(), bytes.as_bytes()).await?;
                }
                client.shutdown().await?;
                expect_end(&mut client).await;
            }
            server.end().await
        });
    }
}

#[test]
fn an_upgraded_connection_does_not_keep_the_server() {
    on_every_runtime(|setup| async move {
        let service = service_fn(|request| upgrade_or_not(Taken::AsItIs, request));
        let mut server = start_with(setup, service, |serve| serve).await?;
        let mut client = server.connect().await?;
        exchange(&mut client, REQUEST.as_bytes(), RESPONSE.as_bytes()).await?;
        exchange(&mut client, b"one", b"one").await?;
        server.end().await?;
        exchange(&mut client, b"two", b"two").await?;
        client.shutdown().await?;
        let mut rest = Vec::new();
        client.read_to_end(&mut rest).await?;
        assert_eq!(rest, b"");
        Ok(())
    });
}
