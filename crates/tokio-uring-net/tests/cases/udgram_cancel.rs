//! Cancelled receives and sends of datagrams.

use crate::stack::net::UnixDatagram;
use crate::support::cancel::Canceller;
use crate::support::files::TempPath;
use crate::support::poll::BoxFuture;
use crate::support::rng::Rng;
use crate::support::setup::on_every_runtime;
use socket2::SockRef;
use std::future::poll_fn;
use std::io;
use std::os::unix::net;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use tokio::io::{Interest, ReadBuf};

const CANCELLATIONS: usize = 2_000;
const BYTES_MAX: usize = 600;
const NUMBER_BYTES: usize = 8;

/// A datagram that says which one it is, and how long.
fn datagram(number: u64, rng: &mut Rng) -> Vec<u8> {
    let mut bytes = vec![number.to_be_bytes()[7]; NUMBER_BYTES + rng.below(BYTES_MAX)];
    bytes[..NUMBER_BYTES].copy_from_slice(&number.to_be_bytes());
    bytes
}

/// Checks that `bytes` are the beginning of datagram `number`.
fn check(bytes: &[u8], number: u64) {
    let (head, body) = bytes.split_at(NUMBER_BYTES);
    assert_eq!(head, number.to_be_bytes(), "a datagram is missing");
    assert!(body.iter().all(|&byte| byte == head[7]));
}

/// One of the ways to wait for a datagram, chosen at random.
fn any_recv<'a>(
    socket: &'a UnixDatagram,
    buf: &'a mut [u8],
    rng: &mut Rng,
) -> BoxFuture<'a, io::Result<usize>> {
    match rng.below(10) {
        0 => Box::pin(socket.recv(buf)),
        1 => Box::pin(async { Ok(socket.recv_from(buf).await?.0) }),
        2 => Box::pin(async { socket.recv_buf(&mut &mut buf[..]).await }),
        3 => Box::pin(async { Ok(socket.recv_buf_from(&mut &mut buf[..]).await?.0) }),
        4 => Box::pin(async {
            let mut buf = ReadBuf::new(buf);
            poll_fn(|cx| socket.poll_recv(cx, &mut buf)).await?;
            Ok(buf.filled().len())
        }),
        5 => Box::pin(async {
            let mut buf = ReadBuf::new(buf);
            poll_fn(|cx| socket.poll_recv_from(cx, &mut buf)).await?;
            Ok(buf.filled().len())
        }),
        6 => Box::pin(async {
            socket.readable().await?;
            nothing_if_stale(socket.try_recv(buf))
        }),
        7 => Box::pin(async {
            socket.readable().await?;
            nothing_if_stale(socket.try_recv_buf(&mut &mut buf[..]))
        }),
        8 => Box::pin(async {
            poll_fn(|cx| socket.poll_recv_ready(cx)).await?;
            nothing_if_stale(socket.try_recv_from(buf).map(|(received, _)| received))
        }),
        _ => Box::pin(async move {
            let recv = || io::Read::read(&mut &*SockRef::from(socket), buf);
            socket.async_io(Interest::READABLE, recv).await
        }),
    }
}

/// One of the ways to send, chosen at random.
fn any_send<'a>(
    socket: &'a UnixDatagram,
    buf: &'a [u8],
    target: Option<&'a TempPath>,
    rng: &mut Rng,
) -> BoxFuture<'a, io::Result<usize>> {
    match (rng.below(4), target) {
        (0, None) => Box::pin(socket.send(buf)),
        (1, None) => Box::pin(poll_fn(|cx| socket.poll_send(cx, buf))),
        (2, None) => Box::pin(async {
            socket.writable().await?;
            nothing_if_stale(socket.try_send(buf))
        }),
        (_, None) => Box::pin(async move {
            let send = || SockRef::from(socket).send(buf);
            socket.async_io(Interest::WRITABLE, send).await
        }),
        (0, Some(target)) => Box::pin(socket.send_to(buf, target)),
        (1, Some(target)) => Box::pin(poll_fn(move |cx| socket.poll_send_to(cx, buf, target))),
        (_, Some(target)) => Box::pin(async move {
            poll_fn(|cx| socket.poll_send_ready(cx)).await?;
            nothing_if_stale(socket.try_send_to(buf, target))
        }),
    }
}

/// Readiness may prove stale: then nothing was moved.
fn nothing_if_stale(result: io::Result<usize>) -> io::Result<usize> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(0),
        result => result,
    }
}

/// Sends the next datagram, if there is room for it at once.
fn feed(peer: &net::UnixDatagram, sent: &mut u64, rng: &mut Rng) {
    match peer.send(&datagram(*sent, rng)) {
        Ok(_) => *sent += 1,
        Err(error) => assert_eq!(error.kind(), io::ErrorKind::WouldBlock),
    }
}

/// Receives one datagram by a call that may be cancelled.
async fn step(
    socket: &UnixDatagram,
    received: &mut u64,
    canceller: &mut Canceller,
    disturb: impl FnMut(&mut Rng),
) -> io::Result<()> {
    let mut buf = vec![0; NUMBER_BYTES + canceller.rng.below(BYTES_MAX)];
    let recv = any_recv(socket, &mut buf, &mut canceller.rng);
    if let Some(count) = canceller.run(recv, disturb).await.transpose()?
        && count > 0
    {
        check(&buf[..count], *received);
        *received += 1;
    }
    Ok(())
}

/// Receives all that was sent.
async fn receive_rest(socket: &UnixDatagram, received: u64, sent: u64) -> io::Result<()> {
    for number in received..sent {
        let mut buf = [0; NUMBER_BYTES + BYTES_MAX];
        let count = socket.recv(&mut buf).await?;
        check(&buf[..count], number);
    }
    assert!(socket.try_recv(&mut [0; 1]).is_err(), "one was sent twice");
    Ok(())
}

fn pair() -> io::Result<(UnixDatagram, net::UnixDatagram)> {
    let (socket, peer) = UnixDatagram::pair()?;
    Ok((socket, peer.into_std()?))
}

#[test]
fn receives_cancelled_before_and_after_their_datagram_lose_none() {
    let rng = Rng::from_env();
    on_every_runtime(move |_| {
        let mut canceller = Canceller::new(rng.clone());
        async move {
            let (socket, peer) = pair()?;
            let (mut sent, mut received) = (0, 0);
            while canceller.cancelled() < CANCELLATIONS {
                if canceller.rng.one_in(3) {
                    feed(&peer, &mut sent, &mut canceller.rng);
                }
                let disturb = |rng: &mut Rng| feed(&peer, &mut sent, rng);
                step(&socket, &mut received, &mut canceller, disturb).await?;
            }
            receive_rest(&socket, received, sent).await
        }
    });
}

/// Sends without pause, as long as there is room.
fn send_in_thread(peer: net::UnixDatagram, mut rng: Rng, stop: Arc<AtomicBool>) -> JoinHandle<u64> {
    std::thread::spawn(move || {
        let mut sent = 0;
        while !stop.load(Ordering::SeqCst) {
            feed(&peer, &mut sent, &mut rng);
            std::thread::yield_now();
        }
        sent
    })
}

#[test]
fn receives_cancelled_while_a_thread_sends_lose_none() {
    let rng = Rng::from_env();
    on_every_runtime(move |_| {
        let mut rng = rng.clone();
        async move {
            let (socket, peer) = pair()?;
            let stop = Arc::new(AtomicBool::new(false));
            let thread = send_in_thread(peer, rng.fork(), stop.clone());
            let mut canceller = Canceller::new(rng);
            let mut received = 0;
            while canceller.cancelled() < CANCELLATIONS || received < 1_000 {
                step(&socket, &mut received, &mut canceller, |_| {}).await?;
            }
            stop.store(true, Ordering::SeqCst);
            let joined = tokio::task::spawn_blocking(|| thread.join()).await?;
            receive_rest(&socket, received, joined.expect("no send fails")).await
        }
    });
}

/// Takes up to `count` datagrams, if they are there, and checks that they are those sent.
fn drain(peer: &net::UnixDatagram, received: &mut u64, count: usize) {
    for _ in 0..count {
        let mut buf = [0; NUMBER_BYTES + BYTES_MAX];
        match peer.recv(&mut buf) {
            Ok(len) => check(&buf[..len], *received),
            Err(error) => return assert_eq!(error.kind(), io::ErrorKind::WouldBlock),
        }
        *received += 1;
    }
}

/// Where the sender's datagrams go, and what holds it back.
#[derive(Clone, Copy, Debug)]
enum To {
    /// To the other one of a pair: its own send buffer holds it back.
    Pair,
    /// To a socket that it is connected to: that one's queue holds it back.
    Connected,
    /// To a socket that it names.
    Named,
}

async fn cancel_sends(to: To, rng: Rng) -> io::Result<()> {
    let path = TempPath::new();
    let (socket, peer) = match to {
        To::Pair => pair()?,
        To::Connected | To::Named => (UnixDatagram::unbound()?, net::UnixDatagram::bind(&path)?),
    };
    peer.set_nonblocking(true)?;
    if let To::Connected = to {
        socket.connect(&path)?;
    }
    SockRef::from(&socket).set_send_buffer_size(8 << 10)?;
    let target = matches!(to, To::Named).then_some(&path);
    let (mut sent, mut received) = (0, 0);
    let mut canceller = Canceller::new(rng);
    while canceller.cancelled() < CANCELLATIONS {
        let buf = datagram(sent, &mut canceller.rng);
        let send = any_send(&socket, &buf, target, &mut canceller.rng);
        let disturb = |rng: &mut Rng| drain(&peer, &mut received, rng.below(3));
        if let Some(count) = canceller.run(send, disturb).await.transpose()?
            && count > 0
        {
            assert_eq!(count, buf.len());
            sent += 1;
        }
    }
    drain(&peer, &mut received, usize::MAX);
    assert_eq!(received, sent);
    Ok(())
}

#[test]
fn sends_cancelled_before_and_after_there_is_room_have_sent_nothing() {
    let rng = Rng::from_env();
    on_every_runtime(move |_| {
        let mut rng = rng.clone();
        async move {
            for to in [To::Pair, To::Connected, To::Named] {
                cancel_sends(to, rng.fork()).await?;
            }
            Ok(())
        }
    });
}
