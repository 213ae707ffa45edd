//! HTTP/1.1, byte for byte: one request after another, many at once, in pieces, and after a 100.

use crate::server::{answer, exchange, expect, expect_end, get, hello, start, start_with};
use crate::stack::net;
use crate::support::setup::on_every_runtime;
use crate::support::tcp::any_port;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use std::convert::Infallible;
use std::io;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

#[test]
fn a_connection_is_kept_for_the_next_request() {
    on_every_runtime(|setup| async move {
        let mut server = start(setup).await?;
        let mut client = server.connect().await?;
        for round in 0..100 {
            let path = format!("/{round}");
            exchange(&mut client, &get(&path), &hello(&path)).await?;
        }
        drop(client);
        server.end().await
    });
}

#[test]
fn requests_that_come_together_are_answered_in_order() {
    on_every_runtime(|setup| async move {
        let mut server = start(setup).await?;
        let mut client = server.connect().await?;
        for count in [2, 16, 400] {
            let paths: Vec<String> = (0..count).map(|n| format!("/{count}/{n}")).collect();
            let requests: Vec<u8> = paths.iter().flat_map(|path| get(path)).collect();
            let responses: Vec<u8> = paths.iter().flat_map(|path| hello(path)).collect();
            exchange(&mut client, &requests, &responses).await?;
        }
        drop(client);
        server.end().await
    });
}

#[test]
fn a_request_may_come_byte_by_byte() {
    on_every_runtime(|setup| async move {
        let mut server = start(setup).await?;
        let mut client = server.connect().await?;
        for byte in get("/slow") {
            client.write_all(&[byte]).await?;
            tokio::task::yield_now().await;
        }
        expect(&mut client, &hello("/slow")).await?;
        drop(client);
        server.end().await
    });
}

#[test]
fn a_client_that_expects_a_100_gets_it_before_it_sends_its_body() {
    on_every_runtime(|setup| async move {
        let mut server = start(setup).await?;
        let mut client = server.connect().await?;
        let head = b"POST /collect HTTP/1.1\r\nhost: example\r\nexpect: 100-continue\r\ncontent-length: 4\r\n\r\n";
        exchange(&mut client, head, b"HTTP/1.1 100 Continue\r\n\r\n").await?;
        exchange(
            &mut client,
            b"body",
            b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nbody",
        )
        .await?;
        exchange(&mut client, &get("/next"), &hello("/next")).await?;
        drop(client);
        server.end().await
    });
}

/// Neither the panic of a service nor nonsense from a client is the business of others.
#[test]
fn what_ends_one_connection_leaves_the_others() {
    async fn panic_or_answer(request: Request<Incoming>) -> Result<Response<String>, Infallible> {
        assert_ne!(request.uri().path(), "/panic", "a test wants it so");
        Ok(Response::new(format!("hello {}", request.uri().path())))
    }
    on_every_runtime(|setup| async move {
        let mut server = start_with(setup, service_fn(panic_or_answer), |serve| serve).await?;
        let mut other = server.connect().await?;
        exchange(&mut other, &get("/one"), &hello("/one")).await?;

        let mut client = server.connect().await?;
        client.write_all(&get("/panic")).await?;
        expect_end(&mut client).await;
        let mut client = server.connect().await?;
        client.write_all(b"\0\r\n\r\n").await?;
        let mut refusal = Vec::new();
        client.read_to_end(&mut refusal).await?;
        assert!(refusal.starts_with(b"HTTP/1.1 400 Bad Request\r\n"));

        exchange(&mut other, &get("/two"), &hello("/two")).await?;
        drop(other);
        server.end().await
    });
}

/// With `serve` and its defaults, as a user writes it.
#[test]
fn the_defaults_are_completion_and_no_delay() {
    on_every_runtime(|_| async move {
        let listener = net::TcpListener::bind(any_port()).await?;
        let mut client = tokio::net::TcpStream::connect(listener.local_addr()?).await?;
        let look = |stream: &net::TcpStream, _| {
            assert_eq!(stream.mode(), net::Mode::Completion);
            assert!(stream.nodelay().expect("the option can be read"));
            service_fn(answer)
        };
        let server = tokio::spawn(net::hyper::serve_with(listener, look).into_future());
        client.write_all(&get("/")).await?;
        let mut start = [0; 15];
        client.read_exact(&mut start).await?;
        assert_eq!(&start, b"HTTP/1.1 200 OK");
        server.abort();
        assert!(server.await.is_err_and(|error| error.is_cancelled()));
        io::Result::Ok(())
    });
}
