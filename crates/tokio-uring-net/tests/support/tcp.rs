//! Connections between a stream under test and a blocking peer that no runtime knows.

use super::HANG;
use crate::stack::net::{TcpListener, TcpSocket, TcpStream};
use socket2::{Domain, SockRef, Socket, Type};
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// How the stream under test came to be: a driver may know different things of each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    Accepted,
    Connected,
    FromStd,
}

impl Origin {
    pub(crate) const ALL: [Origin; 3] = [Origin::Accepted, Origin::Connected, Origin::FromStd];
}

/// Any free port of some loopback address: Linux has 2^24 of them. Each has its own ports, so that
/// no other program is in the way, and none is left without by what the tests leave in TIME_WAIT.
/// Clients come from 127.0.0.1, and so never meet themselves.
pub(crate) fn any_port() -> SocketAddr {
    static NEXT: LazyLock<AtomicU64> =
        LazyLock::new(|| AtomicU64::new(RandomState::new().hash_one(0)));
    let [.., a, b, c] = NEXT.fetch_add(1, Ordering::Relaxed).to_be_bytes();
    (Ipv4Addr::new(127, a | 1, b, c.clamp(1, 254)), 0).into()
}

/// A stream under test and its blocking peer, whose reads and writes fail rather than hang.
pub(crate) async fn pair(origin: Origin) -> io::Result<(TcpStream, std::net::TcpStream)> {
    pair_with_buffers(origin, None).await
}

/// The same, where the kernel holds about `bytes` between the stream's writes and the peer's reads.
pub(crate) async fn pair_with_buffers(
    origin: Origin,
    bytes: Option<u32>,
) -> io::Result<(TcpStream, std::net::TcpStream)> {
    let (stream, peer) = match origin {
        Origin::Accepted => accepted(bytes).await?,
        Origin::Connected => connected(bytes).await?,
        Origin::FromStd => from_std(bytes)?,
    };
    peer.set_read_timeout(Some(HANG))?;
    peer.set_write_timeout(Some(HANG))?;
    peer.set_nodelay(true)?;
    Ok((stream, peer))
}

/// Two streams under test, connected to each other.
pub(crate) async fn both_ends() -> io::Result<(TcpStream, TcpStream)> {
    let listener = TcpListener::bind(any_port()).await?;
    let (accepted, connected) = tokio::join!(
        listener.accept(),
        TcpStream::connect(listener.local_addr()?)
    );
    Ok((accepted?.0, connected?))
}

/// Makes whatever a runtime makes at its first sockets.
pub(crate) async fn warm_up() -> io::Result<()> {
    both_ends().await.map(drop)
}

/// Makes the end of a connection free its ports at once: thousands of connections that end with a
/// FIN would use up the ports of this machine for a minute.
pub(crate) fn free_ports_on_close(peer: &std::net::TcpStream) -> io::Result<()> {
    SockRef::from(peer).set_linger(Some(Duration::ZERO))
}

/// Connects from outside the runtime. The kernel completes this before any accept.
pub(crate) fn client(address: SocketAddr) -> io::Result<std::net::TcpStream> {
    let client = std::net::TcpStream::connect(address)?;
    client.set_read_timeout(Some(HANG))?;
    Ok(client)
}

async fn accepted(bytes: Option<u32>) -> io::Result<(TcpStream, std::net::TcpStream)> {
    let socket = TcpSocket::new_v4()?;
    if let Some(bytes) = bytes {
        socket.set_send_buffer_size(bytes)?;
    }
    socket.bind(any_port())?;
    let listener = socket.listen(8)?;
    let peer = raw_socket(bytes)?;
    peer.connect(&listener.local_addr()?.into())?;
    Ok((listener.accept().await?.0, peer.into()))
}

async fn connected(bytes: Option<u32>) -> io::Result<(TcpStream, std::net::TcpStream)> {
    let listener = raw_listener(bytes)?;
    let socket = TcpSocket::new_v4()?;
    if let Some(bytes) = bytes {
        socket.set_send_buffer_size(bytes)?;
    }
    let stream = socket.connect(listener.local_addr()?).await?;
    Ok((stream, listener.accept()?.0))
}

fn from_std(bytes: Option<u32>) -> io::Result<(TcpStream, std::net::TcpStream)> {
    let listener = raw_listener(bytes)?;
    let stream = std::net::TcpStream::connect(listener.local_addr()?)?;
    if let Some(bytes) = bytes {
        SockRef::from(&stream).set_send_buffer_size(buffer_size(bytes))?;
    }
    stream.set_nonblocking(true)?;
    Ok((TcpStream::from_std(stream)?, listener.accept()?.0))
}

fn raw_listener(bytes: Option<u32>) -> io::Result<std::net::TcpListener> {
    let listener = raw_socket(bytes)?;
    listener.bind(&any_port().into())?;
    listener.listen(8)?;
    Ok(listener.into())
}

fn raw_socket(bytes: Option<u32>) -> io::Result<Socket> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    if let Some(bytes) = bytes {
        socket.set_recv_buffer_size(buffer_size(bytes))?;
    }
    Ok(socket)
}

fn buffer_size(bytes: u32) -> usize {
    usize::try_from(bytes).expect("usize has 64 bits here")
}
