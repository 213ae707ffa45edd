//! Cancelled operations on Unix sockets lose, repeat and reorder nothing.

use crate::stack::net::unix::SocketAddr;
use crate::stack::net::{UnixListener, UnixSocket, UnixStream};
use crate::support::cancel::Canceller;
use crate::support::fds::Fds;
use crate::support::pattern::Pattern;
use crate::support::poll::{BoxFuture, turns};
use crate::support::rng::Rng;
use crate::support::setup::on_every_runtime;
use crate::support::unix::{
    Origin, client, listener, pair, pair_with_buffer, path_of, std_listener,
};
use socket2::SockRef;
use std::collections::VecDeque;
use std::future::poll_fn;
use std::io::{self, ErrorKind, IoSlice, IoSliceMut, Read, Write};
use std::net::Shutdown;
use std::os::unix::net as std_unix;
use tokio::io::{AsyncReadExt, AsyncWriteExt, Interest};

const CANCELLATIONS: usize = 1_000;
const CHUNK: usize = 3_000;
/// How many clients may wait at a listener.
const WAITING_MAX: usize = 64;

fn any_accept<'a>(
    listener: &'a UnixListener,
    rng: &mut Rng,
) -> BoxFuture<'a, io::Result<(UnixStream, SocketAddr)>> {
    if rng.one_in(2) {
        Box::pin(listener.accept())
    } else {
        Box::pin(poll_fn(|cx| listener.poll_accept(cx)))
    }
}

/// Clients that wait for their turn; each has sent its number.
struct Clients {
    address: SocketAddr,
    waiting: VecDeque<std_unix::UnixStream>,
    served: usize,
}

impl Clients {
    fn connect(&mut self) {
        if self.waiting.len() < WAITING_MAX {
            let number = self.served + self.waiting.len();
            let mut client = client(&self.address).expect("the listener is open");
            client
                .write_all(&number.to_be_bytes())
                .expect("the connection is open");
            self.waiting.push_back(client);
        }
    }

    /// Checks that `stream` is the client that has waited longest.
    async fn serve(&mut self, mut stream: UnixStream) -> io::Result<()> {
        let mut number = [0; size_of::<usize>()];
        stream.read_exact(&mut number).await?;
        assert_eq!(usize::from_be_bytes(number), self.served);
        let first = self.waiting.pop_front();
        assert!(first.is_some(), "only who connected is accepted");
        self.served += 1;
        Ok(())
    }
}

#[test]
fn accepts_cancelled_before_and_after_a_connection_arrives_lose_none() {
    let rng = Rng::from_env();
    on_every_runtime(move |_| {
        let rng = rng.clone();
        async move {
            let (listener, address) = listener()?;
            let mut clients = Clients {
                address,
                waiting: VecDeque::new(),
                served: 0,
            };
            let mut canceller = Canceller::new(rng);
            while canceller.cancelled() < CANCELLATIONS || clients.served < CANCELLATIONS / 4 {
                if canceller.rng.one_in(3) {
                    clients.connect();
                }
                let accept = any_accept(&listener, &mut canceller.rng);
                let disturb = |_: &mut Rng| clients.connect();
                if let Some((stream, _)) = canceller.run(accept, disturb).await.transpose()? {
                    clients.serve(stream).await?;
                }
            }
            while !clients.waiting.is_empty() {
                clients.serve(listener.accept().await?.0).await?;
            }
            Ok(())
        }
    });
}

fn any_connect(address: &SocketAddr, rng: &mut Rng) -> BoxFuture<'static, io::Result<UnixStream>> {
    let (address, path) = (address.clone(), path_of(address));
    match rng.below(3) {
        0 => Box::pin(UnixStream::connect(path)),
        1 => Box::pin(async move { UnixStream::connect_addr(&address).await }),
        _ => Box::pin(async move { UnixSocket::new_stream()?.connect(path).await }),
    }
}

/// Waits until the other end of `peer` is closed.
async fn closed(mut peer: std_unix::UnixStream) -> io::Result<()> {
    peer.set_nonblocking(true)?;
    loop {
        match peer.read(&mut [0; 16]) {
            Ok(0) => return Ok(()),
            Ok(_) => panic!("a cancelled connect sent something"),
            Err(error) if error.kind() == ErrorKind::WouldBlock => turns(1).await,
            Err(error) => return Err(error),
        }
    }
}

#[test]
fn a_cancelled_connect_leaves_no_descriptor_and_no_connection() {
    let rng = Rng::from_env();
    on_every_runtime(move |_| {
        let rng = rng.clone();
        async move {
            let listener = std_listener()?;
            listener.set_nonblocking(true)?;
            let address = listener.local_addr()?.into();
            let before = Fds::now();
            let mut canceller = Canceller::new(rng);
            while canceller.cancelled() < CANCELLATIONS {
                let connect = any_connect(&address, &mut canceller.rng);
                let connected = canceller.run(connect, |_| {}).await.transpose()?;
                if let Some(mut stream) = connected {
                    let mut peer = listener.accept()?.0;
                    peer.write_all(b"hello")?;
                    stream.read_exact(&mut [0; 5]).await?;
                }
                while let Ok((peer, _)) = listener.accept() {
                    closed(peer).await?;
                }
            }
            before.returned().await;
            Ok(())
        }
    });
}

/// One of the ways to wait for bytes, chosen at random.
fn any_read<'a>(
    stream: &'a mut UnixStream,
    buf: &'a mut [u8],
    rng: &mut Rng,
) -> BoxFuture<'a, io::Result<usize>> {
    match rng.below(7) {
        0 => Box::pin(stream.read(buf)),
        1 => Box::pin(async {
            let mut target = &mut buf[..];
            stream.read_buf(&mut target).await
        }),
        2 => Box::pin(async {
            stream.readable().await?;
            nothing_if_not_ready(stream.try_read(buf))
        }),
        3 => Box::pin(async {
            stream.readable().await?;
            let (head, tail) = buf.split_at_mut(buf.len() / 2);
            let bufs = &mut [IoSliceMut::new(head), IoSliceMut::new(tail)];
            nothing_if_not_ready(stream.try_read_vectored(bufs))
        }),
        4 => Box::pin(async {
            stream.readable().await?;
            let mut target = &mut buf[..];
            nothing_if_not_ready(stream.try_read_buf(&mut target))
        }),
        5 => Box::pin(async {
            let stream = &*stream;
            let read = || (&*SockRef::from(stream)).read(buf);
            stream.async_io(Interest::READABLE, read).await
        }),
        _ => Box::pin(async { stream.split().0.read(buf).await }),
    }
}

/// One of the ways to write, chosen at random.
fn any_write<'a>(
    stream: &'a mut UnixStream,
    buf: &'a [u8],
    rng: &mut Rng,
) -> BoxFuture<'a, io::Result<usize>> {
    match rng.below(6) {
        0 => Box::pin(stream.write(buf)),
        1 => Box::pin(async {
            let (head, tail) = buf.split_at(buf.len() / 3);
            let bufs = [IoSlice::new(head), IoSlice::new(&[]), IoSlice::new(tail)];
            stream.write_vectored(&bufs).await
        }),
        2 => Box::pin(async {
            stream.writable().await?;
            nothing_if_not_ready(stream.try_write(buf))
        }),
        3 => Box::pin(async {
            stream.writable().await?;
            nothing_if_not_ready(stream.try_write_vectored(&[IoSlice::new(buf)]))
        }),
        4 => Box::pin(async {
            let stream = &*stream;
            let write = || (&*SockRef::from(stream)).write(buf);
            stream.async_io(Interest::WRITABLE, write).await
        }),
        _ => Box::pin(async { stream.split().1.write(buf).await }),
    }
}

/// Readiness may prove stale: then nothing was moved.
fn nothing_if_not_ready(result: io::Result<usize>) -> io::Result<usize> {
    match result {
        Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(0),
        result => result,
    }
}

/// Sends the next bytes of `sent`, as many as the kernel takes at once.
fn feed(mut peer: &std_unix::UnixStream, sent: &mut Pattern, rng: &mut Rng) {
    let bytes = sent.bytes(1 + rng.below(CHUNK));
    match peer.write(&bytes) {
        Ok(count) => sent.skip(count),
        Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
    }
}

async fn cancel_reads(origin: Origin, rng: Rng) -> io::Result<()> {
    let (mut stream, peer) = pair(origin).await?;
    peer.set_nonblocking(true)?;
    let (mut sent, mut received) = (Pattern::new(1), Pattern::new(1));
    let mut canceller = Canceller::new(rng);
    let mut buf = vec![0; 2 * CHUNK];
    while canceller.cancelled() < CANCELLATIONS {
        if canceller.rng.one_in(3) {
            feed(&peer, &mut sent, &mut canceller.rng);
        }
        let len = 1 + canceller.rng.below(buf.len());
        let read = any_read(&mut stream, &mut buf[..len], &mut canceller.rng);
        let disturb = |rng: &mut Rng| feed(&peer, &mut sent, rng);
        if let Some(count) = canceller.run(read, disturb).await.transpose()? {
            received.take(&buf[..count]);
        }
    }
    peer.shutdown(Shutdown::Write)?;
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).await?;
    received.take(&rest);
    assert_eq!(received.offset(), sent.offset());
    Ok(())
}

#[test]
fn reads_cancelled_before_and_after_their_completion_lose_nothing() {
    let rng = Rng::from_env();
    on_every_runtime(move |_| {
        let mut rng = rng.clone();
        async move {
            for origin in Origin::ALL {
                cancel_reads(origin, rng.fork()).await?;
            }
            Ok(())
        }
    });
}

/// Receives up to `len` bytes, if any have arrived.
fn drain(mut peer: &std_unix::UnixStream, received: &mut Pattern, len: usize) {
    let mut buf = vec![0; len];
    match peer.read(&mut buf) {
        Ok(count) => received.take(&buf[..count]),
        Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
    }
}

/// A write that is dropped has sent nothing: the next one sends the same bytes again.
async fn cancel_writes(origin: Origin, rng: Rng) -> io::Result<()> {
    let (mut stream, mut peer) = pair_with_buffer(origin, 8 << 10).await?;
    peer.set_nonblocking(true)?;
    let (mut sent, mut received) = (Pattern::new(1), Pattern::new(1));
    let mut canceller = Canceller::new(rng);
    while canceller.cancelled() < CANCELLATIONS {
        let buf = sent.bytes(1 + canceller.rng.below(10 * CHUNK));
        let write = any_write(&mut stream, &buf, &mut canceller.rng);
        let disturb = |rng: &mut Rng| drain(&peer, &mut received, 1 + rng.below(8_000));
        if let Some(count) = canceller.run(write, disturb).await.transpose()? {
            sent.skip(count);
        }
    }
    drop(stream);
    peer.set_nonblocking(false)?;
    let mut rest = Vec::new();
    peer.read_to_end(&mut rest)?;
    received.take(&rest);
    assert_eq!(received.offset(), sent.offset());
    Ok(())
}

#[test]
fn writes_cancelled_before_and_after_room_arrives_have_sent_nothing() {
    let rng = Rng::from_env();
    on_every_runtime(move |_| {
        let mut rng = rng.clone();
        async move {
            for origin in Origin::ALL {
                cancel_writes(origin, rng.fork()).await?;
            }
            Ok(())
        }
    });
}
