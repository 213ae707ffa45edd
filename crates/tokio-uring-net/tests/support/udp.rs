//! Sockets under test and blocking peers that no runtime knows, and datagrams that tell their order.

use super::HANG;
use super::poll::{Wakes, turns};
use super::ready::{WOULD_BLOCK, kind};
use super::tcp::any_port;
use crate::stack::net::UdpSocket;
use std::io;
use std::net::SocketAddr;

/// How many datagrams may be on their way: the kernel throws away what a socket has no room for.
pub(crate) const AHEAD_MAX: u64 = 64;

/// How the socket under test came to be: a driver may know different things of each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    Bound,
    FromStd,
}

impl Origin {
    pub(crate) const ALL: [Origin; 2] = [Origin::Bound, Origin::FromStd];

    pub(crate) async fn socket(self) -> io::Result<UdpSocket> {
        match self {
            Origin::Bound => UdpSocket::bind(any_port()).await,
            Origin::FromStd => {
                let socket = std::net::UdpSocket::bind(any_port())?;
                socket.set_nonblocking(true)?;
                UdpSocket::from_std(socket)
            }
        }
    }
}

/// A blocking socket whose receives fail rather than hang.
pub(crate) fn peer() -> io::Result<std::net::UdpSocket> {
    let peer = std::net::UdpSocket::bind(any_port())?;
    peer.set_read_timeout(Some(HANG))?;
    Ok(peer)
}

/// A socket under test and its peer, each connected to the other.
pub(crate) async fn pair(origin: Origin) -> io::Result<(UdpSocket, std::net::UdpSocket)> {
    let (socket, peer) = (origin.socket().await?, peer()?);
    socket.connect(peer.local_addr()?).await?;
    peer.connect(socket.local_addr()?)?;
    Ok((socket, peer))
}

/// An address of this host where nobody receives.
pub(crate) fn nobody() -> io::Result<SocketAddr> {
    std::net::UdpSocket::bind(any_port())?.local_addr()
}

/// Receives nothing from `socket` until it knows that there is nothing.
pub(crate) async fn clear_readable(socket: &UdpSocket) {
    turns(3).await;
    while Wakes::new()
        .poll(&mut Box::pin(socket.readable()))
        .is_ready()
    {
        assert_eq!(kind(socket.try_recv(&mut [0; 8])), WOULD_BLOCK);
        turns(1).await;
    }
}

/// A series of datagrams, each known by its place in it. Some are empty.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Series(u64);

impl Series {
    /// Room for the longest of them, and to spare.
    pub(crate) const ROOM: usize = 1024;

    /// How many have been taken.
    pub(crate) fn count(self) -> u64 {
        self.0
    }

    /// The next one.
    pub(crate) fn datagram(self) -> Vec<u8> {
        if self.0 % 7 == 3 {
            return Vec::new();
        }
        let padding = (self.0 % 500) as usize;
        let number = self.0.to_be_bytes();
        [&number[..], &vec![number[7]; padding]].concat()
    }

    /// Takes the next one, to send it.
    pub(crate) fn next(&mut self) -> Vec<u8> {
        let datagram = self.datagram();
        self.0 += 1;
        datagram
    }

    /// Checks that `received` is the next one, whole.
    #[track_caller]
    pub(crate) fn check(self, received: &[u8]) {
        assert_eq!(received, self.datagram(), "datagram {}", self.0);
    }

    /// The same for one that comes once only.
    #[track_caller]
    pub(crate) fn take(&mut self, received: &[u8]) {
        self.check(received);
        self.0 += 1;
    }
}
