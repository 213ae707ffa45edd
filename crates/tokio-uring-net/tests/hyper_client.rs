//! hyper-util's client on `TcpStream`, by `HttpConnector`.
#![cfg(target_os = "linux")]

#[allow(dead_code, reason = "the server's own tests use the rest")]
#[path = "cases/hyper_server.rs"]
mod server;
#[path = "stack/ours.rs"]
mod stack;
mod support;

use crate::server::{Server, hello, start, start_with};
use crate::stack::net::hyper::{ConnectError, HttpConnector, HttpInfo};
use crate::stack::net::{Mode, TcpListener, TcpStream};
use crate::support::pattern::Pattern;
use crate::support::setup::on_every_runtime;
use crate::support::skip;
use crate::support::tcp::{any_port, client as blocking_client};
use http_body_util::{BodyExt, Either, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode, Uri, Version};
use hyper_util::client::legacy::{Client, Error};
use hyper_util::rt::TokioExecutor;
use socket2::{Domain, Socket, Type};
use std::convert::Infallible;
use std::error::Error as _;
use std::io::{self, ErrorKind};
use std::net::{Ipv6Addr, SocketAddr};
use std::time::Duration;
use tower_service::Service;

const LARGE_BYTES: usize = 10 << 20;

type Body = Full<Bytes>;

fn client(connector: HttpConnector, version: Version) -> Client<HttpConnector, Body> {
    Client::builder(TokioExecutor::new())
        .http2_only(version == Version::HTTP_2)
        .build(connector)
}

fn uri(server: &Server, path: &str) -> Uri {
    let uri = format!("http://{}{path}", server.address);
    uri.parse().expect("the URI is well-formed")
}

fn request(method: Method, uri: Uri, body: Bytes) -> Request<Body> {
    let request = Request::builder().method(method).uri(uri);
    request
        .body(body.into())
        .expect("the request is well-formed")
}

async fn collect(response: Response<Incoming>) -> io::Result<Bytes> {
    assert_eq!(response.status(), StatusCode::OK);
    let body = response.into_body().collect().await;
    Ok(body.map_err(io::Error::other)?.to_bytes())
}

fn info(response: &Response<Incoming>) -> HttpInfo {
    let info = response.extensions().get::<HttpInfo>();
    info.expect("the stream knows its addresses").clone()
}

/// Connects by hand.
async fn connect(connector: &HttpConnector, uri: &str) -> Result<TcpStream, ConnectError> {
    let uri = uri.parse().expect("the URI is well-formed");
    connector.clone().call(uri).await
}

/// Why a request has found no connection.
fn reason(error: &Error) -> &ConnectError {
    assert!(error.is_connect(), "{error:?}");
    let reason = error.source().and_then(|source| source.downcast_ref());
    reason.unwrap_or_else(|| panic!("the source is another: {error:?}"))
}

#[test]
fn large_bodies_pass_both_ways_over_http1_and_http2() {
    on_every_runtime(|setup| async move {
        let service = service_fn(|request: Request<Incoming>| async {
            Ok::<_, Infallible>(Response::new(match *request.method() {
                Method::GET => Either::Left(Body::from(Pattern::new(1).bytes(LARGE_BYTES))),
                _ => Either::Right(request.into_body()),
            }))
        });
        let server = start_with(setup, service, |serve| serve).await?;
        for version in [Version::HTTP_11, Version::HTTP_2] {
            let client = client(HttpConnector::new(), version);
            for (lane, method) in [(1, Method::GET), (2, Method::POST)] {
                let body = Bytes::from(Pattern::new(lane).bytes(LARGE_BYTES));
                let sent = match method {
                    Method::GET => Bytes::new(),
                    _ => body.clone(),
                };
                let answer = client.request(request(method, uri(&server, "/"), sent));
                let answer = answer.await.map_err(io::Error::other)?;
                assert_eq!(answer.version(), version);
                assert!(collect(answer).await? == body, "{version:?}, lane {lane}");
            }
        }
        server.end().await
    });
}

#[test]
fn requests_share_a_connection_of_the_pool() {
    on_every_runtime(|setup| async move {
        let server = start(setup).await?;
        for version in [Version::HTTP_11, Version::HTTP_2] {
            let client = client(HttpConnector::new(), version);
            let mut local_addresses = Vec::new();
            for path in ["/1", "/2"] {
                let answer = client.get(uri(&server, path)).await;
                let answer = answer.map_err(io::Error::other)?;
                let info = info(&answer);
                assert_eq!(info.remote_addr(), server.address);
                local_addresses.push(info.local_addr());
                assert!(hello(path).ends_with(&collect(answer).await?));
            }
            assert_eq!(local_addresses[0], local_addresses[1]);
        }
        server.end().await
    });
}

#[test]
fn the_settings_are_those_of_the_connections() {
    on_every_runtime(|setup| async move {
        let listener = TcpListener::bind(any_port()).await?;
        let uri = format!("http://{}/", listener.local_addr()?);
        let mut connector = HttpConnector::new();
        let stream = connect(&connector, &uri).await.map_err(io::Error::other)?;
        let found = (stream.nodelay()?, stream.mode());
        assert_eq!(found, (false, setup.stack.mode()));
        for (nodelay, mode) in [(true, Mode::Completion), (false, Mode::Exact)] {
            connector.set_nodelay(nodelay);
            connector.set_mode(mode);
            connector.set_connect_timeout(Some(support::HANG));
            let stream = connect(&connector, &uri).await.map_err(io::Error::other)?;
            assert_eq!((stream.nodelay()?, stream.mode()), (nodelay, mode));
        }
        Ok(())
    });
}

#[test]
fn a_refused_connection_is_named_by_its_address() {
    on_every_runtime(|_| async {
        let listener = TcpListener::bind(any_port()).await?;
        let address = listener.local_addr()?;
        drop(listener);
        let uri = format!("http://{address}/").parse().expect("an URI");
        let client = client(HttpConnector::new(), Version::HTTP_11);
        let refused = client.get(uri).await.expect_err("nobody listens");
        match reason(&refused) {
            ConnectError::Connect { address: of, error } => {
                assert_eq!((*of, error.kind()), (address, ErrorKind::ConnectionRefused));
            }
            other => panic!("{other:?}"),
        }
        Ok(())
    });
}

#[test]
fn a_name_without_an_address_is_named() {
    on_every_runtime(|_| async {
        // No name server is asked: the longest label that there can be has 63 characters.
        let name = format!("{}.invalid", "x".repeat(64));
        let uri = format!("http://{name}/").parse().expect("an URI");
        let client = client(HttpConnector::new(), Version::HTTP_11);
        let unknown = client.get(uri).await.expect_err("there is no such name");
        match reason(&unknown) {
            ConnectError::Resolve { host, .. } => assert_eq!(*host, name),
            other => panic!("{other:?}"),
        }
        Ok(())
    });
}

/// A listener that has no room left in its queue: the kernel does not answer whoever connects.
fn full_listener() -> io::Result<(Socket, SocketAddr, std::net::TcpStream)> {
    let listener = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    listener.bind(&any_port().into())?;
    listener.listen(0)?;
    let address = listener.local_addr()?.as_socket().expect("it is IPv4");
    Ok((listener, address, blocking_client(address)?))
}

#[test]
fn a_server_that_does_not_answer_is_given_up_after_the_time_set() {
    on_every_runtime(|_| async {
        let (_listener, address, _first) = full_listener()?;
        let uri = format!("http://{address}/").parse().expect("an URI");
        let mut connector = HttpConnector::new();
        connector.set_connect_timeout(Some(Duration::from_millis(5)));
        let client = client(connector, Version::HTTP_11);
        let late = client.get(uri).await.expect_err("nobody answers");
        match reason(&late) {
            ConnectError::Connect { address: of, error } => {
                assert_eq!((*of, error.kind()), (address, ErrorKind::TimedOut));
            }
            other => panic!("{other:?}"),
        }
        Ok(())
    });
}

#[test]
fn a_call_that_is_dropped_gives_its_connection_up() {
    on_every_runtime(|_| async {
        let (_listener, address, _first) = full_listener()?;
        let mut calling =
            Box::pin(
                async move { connect(&HttpConnector::new(), &format!("http://{address}/")).await },
            );
        assert!(support::poll::poll_once(&mut calling).await.is_pending());
        support::poll::turns(3).await;
        drop(calling);
        // That no descriptor is left is what every test checks.
        Ok(())
    });
}

#[test]
fn uris_of_other_schemes_are_refused_unless_something_goes_around() {
    on_every_runtime(|_| async {
        let listener = TcpListener::bind(any_port()).await?;
        let address = listener.local_addr()?;
        let mut connector = HttpConnector::new();
        for uri in [format!("https://{address}/"), address.to_string()] {
            match connect(&connector, &uri).await {
                Err(error @ ConnectError::NotHttp(_)) => {
                    assert!(error.to_string().contains("is not http"), "{error}");
                }
                other => panic!("{uri}: {other:?}"),
            }
        }
        connector.enforce_http(false);
        let stream = connect(&connector, &format!("https://{address}/")).await;
        assert_eq!(stream.map_err(io::Error::other)?.peer_addr()?, address);
        match connect(&connector, &address.to_string()).await {
            Err(ConnectError::NotHttp(_)) => Ok(()),
            other => panic!("{other:?}"),
        }
    });
}

#[test]
fn a_name_is_resolved() {
    on_every_runtime(|_| async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let uri = format!("http://localhost:{}/", address.port());
        let stream = connect(&HttpConnector::new(), &uri).await;
        assert_eq!(stream.map_err(io::Error::other)?.peer_addr()?, address);
        Ok(())
    });
}

#[test]
fn an_address_of_ipv6_stands_in_brackets() {
    on_every_runtime(|_| async {
        let listener = match TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).await {
            Ok(listener) => listener,
            Err(error) => {
                skip(&format!("no IPv6: {error}"));
                return Ok(());
            }
        };
        let address = listener.local_addr()?;
        let stream = connect(&HttpConnector::new(), &format!("http://{address}/")).await;
        assert_eq!(stream.map_err(io::Error::other)?.peer_addr()?, address);
        Ok(())
    });
}
