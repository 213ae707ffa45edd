//! Where the closed loop sends its requests: to connections that stay, or to a new one each time.

use std::fs::File;
use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use rustix::net::{AddressFamily, SendFlags, SocketFlags, SocketType};

/// One place per request in flight.
#[derive(Debug)]
pub(super) enum Connections {
    /// A file reads and writes whatever socket it has.
    Kept(Vec<File>),
    /// A port each, connected to that of the server. A datagram may get lost.
    Ports(Vec<File>),
    /// The server ends a connection after its response.
    Short {
        server: SocketAddr,
        sockets: Vec<Option<OwnedFd>>,
    },
}

impl Connections {
    pub(super) fn short(server: SocketAddr, count: usize) -> Connections {
        Connections::Short {
            server,
            sockets: (0..count).map(|_| None).collect(),
        }
    }

    pub(super) fn count(&self) -> usize {
        match self {
            Connections::Kept(sockets) | Connections::Ports(sockets) => sockets.len(),
            Connections::Short { sockets, .. } => sockets.len(),
        }
    }

    pub(super) fn may_lose(&self) -> bool {
        match self {
            Connections::Ports(_) => true,
            Connections::Kept(_) | Connections::Short { .. } => false,
        }
    }

    /// The connection that the next request of this place goes to.
    pub(super) fn ready(&mut self, index: usize) -> io::Result<BorrowedFd<'_>> {
        match self {
            Connections::Kept(sockets) | Connections::Ports(sockets) => Ok(sockets[index].as_fd()),
            Connections::Short { server, sockets } => {
                let socket: &OwnedFd = sockets[index].insert(connect(*server)?);
                Ok(socket.as_fd())
            }
        }
    }

    /// The whole response of this place's request has come.
    pub(super) fn answered(&mut self, index: usize) {
        match self {
            Connections::Kept(_) | Connections::Ports(_) => {}
            Connections::Short { sockets, .. } => sockets[index] = None,
        }
    }
}

/// Opens a connection by plain system calls: on loopback, connect(2) does the whole handshake
/// without a wait. Nearly all of the cost is TCP's, so that SQEs could not save much.
///
/// The server closes first, so that the TIME_WAIT is its own. It would last for a minute, into the
/// samples to come, one for every port of the generator's address. So the generator, which closes
/// when it has seen the server's FIN, does so by a reset: that ends the server's socket too, and the
/// port can be used again at once. (Many source addresses would need a bind(2) per connection, and
/// let the sockets in TIME_WAIT grow until the kernel has no room for more.)
fn connect(server: SocketAddr) -> io::Result<OwnedFd> {
    let flags = SocketFlags::CLOEXEC;
    let socket = rustix::net::socket_with(AddressFamily::INET, SocketType::STREAM, flags, None)?;
    rustix::net::sockopt::set_socket_linger(&socket, Some(Duration::ZERO))?;
    rustix::net::connect(&socket, &server)?;
    Ok(socket)
}

/// Sends a request that is shorter than any socket's buffer.
pub(super) fn send(socket: BorrowedFd<'_>, request: &[u8]) -> io::Result<()> {
    if rustix::net::send(socket, request, SendFlags::NOSIGNAL)? != request.len() {
        return Err(io::ErrorKind::WriteZero.into());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};
    use std::os::fd::AsRawFd;

    use super::*;

    #[test]
    fn a_short_connection_is_a_new_one_for_each_request() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut connections = Connections::short(listener.local_addr().unwrap(), 2);
        assert_eq!(connections.count(), 2);
        let mut peers = Vec::new();
        for _ in 0..3 {
            connections.ready(1).unwrap();
            peers.push(listener.accept().unwrap().1);
            connections.answered(1);
        }
        peers.dedup();
        assert_eq!(peers.len(), 3);
    }

    #[test]
    fn a_kept_connection_is_the_same_one() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let mut connections = Connections::Kept(vec![OwnedFd::from(stream).into()]);
        let before = connections.ready(0).unwrap().as_raw_fd();
        connections.answered(0);
        assert_eq!(connections.ready(0).unwrap().as_raw_fd(), before);
    }
}
