//! Calls on sockets in trouble, and a trace of what each answered. Compiled once for each stack
//! that is compared.

use super::net::{TcpListener, TcpSocket, TcpStream};
use crate::support::poll::{BoxFuture, poll_once, turns};
use crate::support::tcp::{any_port, client};
use socket2::SockRef;
use std::fmt::Debug;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv6Addr, Shutdown, SocketAddr};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt, Interest};

/// A call and its answer, in the order of the calls.
pub(crate) type Trace = Vec<(&'static str, String)>;

pub(crate) type Scenario = fn() -> BoxFuture<'static, io::Result<Trace>>;

/// Every scenario with its name.
pub(crate) fn all() -> Vec<(&'static str, Scenario)> {
    vec![
        ("read after a reset", || Box::pin(after_reset(READ))),
        ("write after a reset", || Box::pin(after_reset(WRITE))),
        ("peek after a reset", || Box::pin(after_reset(PEEK))),
        ("try_read after a reset", || Box::pin(after_reset(TRY_READ))),
        ("try_write after a reset", || {
            Box::pin(after_reset(TRY_WRITE))
        }),
        ("take_error after a reset", || {
            Box::pin(after_reset(TAKE_ERROR))
        }),
        ("shutdown after a reset", || Box::pin(after_reset(SHUTDOWN))),
        ("addresses after a reset", || {
            Box::pin(after_reset(PEER_ADDR))
        }),
        ("a reset under a read", || Box::pin(reset_under_read())),
        ("a reset under a write", || Box::pin(reset_under_write())),
        (
            "a reset under readable",
            || Box::pin(reset_under_readable()),
        ),
        ("a reset behind data", || Box::pin(reset_behind_data())),
        ("a reset before accept", || Box::pin(reset_before_accept())),
        ("a write to a closed peer", || Box::pin(write_to_closed())),
        (
            "a write after shutdown",
            || Box::pin(write_after_shutdown()),
        ),
        ("connects", || Box::pin(connects())),
        ("binds", || Box::pin(binds())),
        ("a listener shut down", || Box::pin(listener_shut_down())),
        ("a listener shut down under accept", || {
            Box::pin(shut_down_under_accept())
        }),
    ]
}

type Step = &'static str;
const READ: Step = "read";
const WRITE: Step = "write";
const PEEK: Step = "peek";
const TRY_READ: Step = "try_read";
const TRY_WRITE: Step = "try_write";
const TAKE_ERROR: Step = "take_error";
const SHUTDOWN: Step = "shutdown";
const PEER_ADDR: Step = "peer_addr";
const STEPS: [Step; 8] = [
    READ, WRITE, PEEK, TRY_READ, TRY_WRITE, TAKE_ERROR, SHUTDOWN, PEER_ADDR,
];

/// What a call answered, without what differs from run to run.
fn answer<T: Debug>(result: io::Result<T>) -> String {
    match result {
        Ok(value) => format!("{value:?}"),
        // The kernel need not have been asked.
        Err(error) if error.kind() == ErrorKind::WouldBlock => "WouldBlock".to_owned(),
        Err(error) => format!("{:?} {:?}: {error}", error.kind(), error.raw_os_error()),
    }
}

async fn step(stream: &mut TcpStream, step: Step) -> (Step, String) {
    let mut buf = [0; 8];
    let answered = match step {
        READ => answer(stream.read(&mut buf).await),
        WRITE => answer(stream.write(b"byte").await),
        PEEK => answer(stream.peek(&mut buf).await),
        TRY_READ => answer(stream.try_read(&mut buf)),
        TRY_WRITE => answer(stream.try_write(b"byte")),
        TAKE_ERROR => answer(stream.take_error()),
        SHUTDOWN => answer(stream.shutdown().await),
        _ => answer(stream.peer_addr().map(|_| "an address")),
    };
    (step, answered)
}

/// Makes every call, twice.
async fn every_step(stream: &mut TcpStream, trace: &mut Trace) {
    for next in STEPS.into_iter().chain(STEPS) {
        trace.push(step(stream, next).await);
    }
    trace.push(ready(stream).await);
}

async fn ready(stream: &TcpStream) -> (Step, String) {
    let ready = stream.ready(Interest::READABLE | Interest::WRITABLE).await;
    let ready = ready.map(|ready| (ready.is_readable(), ready.is_writable()));
    ("ready", answer(ready))
}

async fn accepted() -> io::Result<(TcpStream, std::net::TcpStream)> {
    let listener = TcpListener::bind(any_port()).await?;
    let peer = client(listener.local_addr()?)?;
    Ok((listener.accept().await?.0, peer))
}

/// Resets the connection of `peer`, before anything else happens.
fn reset(peer: std::net::TcpStream) -> io::Result<()> {
    SockRef::from(&peer).set_linger(Some(Duration::ZERO))
}

/// Makes `first` call after a reset, and then every other one.
async fn after_reset(first: Step) -> io::Result<Trace> {
    let (mut stream, peer) = accepted().await?;
    reset(peer)?;
    turns(3).await;
    // On a busy machine the reset takes a moment, and so does the driver on another thread.
    while stream.peer_addr().is_ok() || ready(&stream).await.1 != "(true, true)" {
        turns(1).await;
    }
    let mut trace = vec![ready(&stream).await, step(&mut stream, first).await];
    every_step(&mut stream, &mut trace).await;
    Ok(trace)
}

async fn reset_under_read() -> io::Result<Trace> {
    let (mut stream, peer) = accepted().await?;
    let mut buf = [0; 8];
    let mut read = Box::pin(stream.read(&mut buf));
    assert!(poll_once(&mut read).await.is_pending());
    turns(2).await;
    reset(peer)?;
    let mut trace = vec![("read", answer(read.await))];
    every_step(&mut stream, &mut trace).await;
    Ok(trace)
}

async fn reset_under_write() -> io::Result<Trace> {
    let (mut stream, peer) = accepted().await?;
    let bytes = vec![0; 1 << 20];
    let write = loop {
        let mut write = Box::pin(stream.write(&bytes));
        if poll_once(&mut write).await.is_pending() {
            break write;
        }
    };
    turns(2).await;
    reset(peer)?;
    let mut trace = vec![("write", answer(write.await))];
    every_step(&mut stream, &mut trace).await;
    Ok(trace)
}

async fn reset_under_readable() -> io::Result<Trace> {
    let (mut stream, peer) = accepted().await?;
    let mut trace = vec![step(&mut stream, TRY_READ).await];
    let readable = loop {
        let mut readable = Box::pin(stream.readable());
        if poll_once(&mut readable).await.is_pending() {
            break readable;
        }
        // An event of the other direction came under the read, and keeps this one.
        drop(readable);
        let read = stream.try_read(&mut [0; 8]).map_err(|error| error.kind());
        assert_eq!(read, Err(ErrorKind::WouldBlock));
    };
    turns(2).await;
    reset(peer)?;
    trace.push(("readable", answer(readable.await)));
    trace.push(step(&mut stream, TRY_READ).await);
    every_step(&mut stream, &mut trace).await;
    Ok(trace)
}

async fn reset_behind_data() -> io::Result<Trace> {
    let (mut stream, mut peer) = accepted().await?;
    peer.write_all(b"twelve bytes")?;
    reset(peer)?;
    turns(3).await;
    let mut trace = Vec::new();
    every_step(&mut stream, &mut trace).await;
    Ok(trace)
}

async fn reset_before_accept() -> io::Result<Trace> {
    let listener = TcpListener::bind(any_port()).await?;
    let peer = client(listener.local_addr()?)?;
    let expected = peer.local_addr()?;
    reset(peer)?;
    let (mut stream, address) = listener.accept().await?;
    assert_eq!(address, expected);
    let mut trace = Vec::new();
    every_step(&mut stream, &mut trace).await;
    Ok(trace)
}

async fn write_to_closed() -> io::Result<Trace> {
    let (mut stream, peer) = accepted().await?;
    drop(peer);
    let mut trace = vec![step(&mut stream, WRITE).await];
    turns(3).await;
    every_step(&mut stream, &mut trace).await;
    Ok(trace)
}

async fn write_after_shutdown() -> io::Result<Trace> {
    let (mut stream, mut peer) = accepted().await?;
    let mut trace = vec![step(&mut stream, SHUTDOWN).await];
    trace.push(("the peer reads", answer(peer.read(&mut [0; 8]))));
    peer.shutdown(Shutdown::Write)?;
    turns(3).await;
    every_step(&mut stream, &mut trace).await;
    Ok(trace)
}

/// A call that answers a socket: which one does not matter.
fn answered<T>(result: io::Result<T>) -> String {
    answer(result.map(|_| "a socket"))
}

async fn connects() -> io::Result<Trace> {
    let listener = std::net::TcpListener::bind(any_port())?;
    let open = listener.local_addr()?;
    let refused = std::net::TcpListener::bind(any_port())?.local_addr()?;
    let v6 = SocketAddr::from((Ipv6Addr::LOCALHOST, open.port()));
    let nobody: &[SocketAddr] = &[];
    let connect = TcpStream::connect::<&[SocketAddr]>;
    Ok(vec![
        ("refused", answered(connect(&[refused]).await)),
        (
            "refused, then open",
            answered(connect(&[refused, open]).await),
        ),
        (
            "refused twice",
            answered(connect(&[refused, refused]).await),
        ),
        ("no address", answered(connect(nobody).await)),
        ("no name", answered(TcpStream::connect("nonsense").await)),
        (
            "a socket refused",
            answered(TcpSocket::new_v4()?.connect(refused).await),
        ),
        (
            "a socket of IPv4",
            answered(TcpSocket::new_v4()?.connect(v6).await),
        ),
        (
            "port 0",
            answered(TcpSocket::new_v4()?.connect(any_port()).await),
        ),
    ])
}

async fn binds() -> io::Result<Trace> {
    let taken = TcpListener::bind(any_port()).await?.into_std()?;
    let elsewhere = SocketAddr::from(([192, 0, 2, 1], 0));
    let v6 = SocketAddr::from((Ipv6Addr::LOCALHOST, 0));
    let nobody: &[SocketAddr] = &[];
    let twice = TcpSocket::new_v4()?;
    twice.bind(any_port())?;
    Ok(vec![
        (
            "taken",
            answered(TcpListener::bind(taken.local_addr()?).await),
        ),
        ("elsewhere", answered(TcpListener::bind(elsewhere).await)),
        ("no address", answered(TcpListener::bind(nobody).await)),
        ("twice", answered(twice.bind(any_port()))),
        ("a socket of IPv4", answered(TcpSocket::new_v4()?.bind(v6))),
        ("not bound", answered(TcpSocket::new_v4()?.listen(8))),
    ])
}

async fn accept(listener: &TcpListener) -> (Step, String) {
    ("accept", answered(listener.accept().await))
}

async fn listener_shut_down() -> io::Result<Trace> {
    let listener = TcpListener::bind(any_port()).await?;
    SockRef::from(&listener).shutdown(Shutdown::Both)?;
    Ok(vec![accept(&listener).await, accept(&listener).await])
}

async fn shut_down_under_accept() -> io::Result<Trace> {
    let listener = TcpListener::bind(any_port()).await?;
    let mut pending = Box::pin(listener.accept());
    assert!(poll_once(&mut pending).await.is_pending());
    turns(2).await;
    SockRef::from(&listener).shutdown(Shutdown::Both)?;
    Ok(vec![
        ("pending", answered(pending.await)),
        accept(&listener).await,
    ])
}
