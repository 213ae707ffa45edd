//! Beside tokio's own type: from the one to the other, and what `Debug` shows.

use crate::stack::net::UdpSocket;
use crate::support::setup::on_every_runtime;
use crate::support::udp::{Origin, pair};
use std::os::fd::AsRawFd;

#[test]
fn a_socket_becomes_tokios_and_comes_back() {
    on_every_runtime(|_| async {
        for origin in Origin::ALL {
            let (socket, peer) = pair(origin).await?;
            let fd = socket.as_raw_fd();
            peer.send(b"1")?;
            peer.send(b"22")?;
            peer.send(b"333")?;
            assert_eq!(socket.recv(&mut [0; 8]).await?, 1);
            let socket = tokio::net::UdpSocket::try_from(socket)?;
            assert_eq!(socket.recv(&mut [0; 8]).await?, 2);
            let socket = UdpSocket::try_from(socket)?;
            assert_eq!(socket.recv(&mut [0; 8]).await?, 3);
            assert_eq!(socket.as_raw_fd(), fd);
            assert_eq!(socket.peer_addr()?, peer.local_addr()?);
        }
        Ok(())
    });
}

#[test]
fn debug_shows_the_address_and_the_descriptor() {
    on_every_runtime(|_| async {
        let socket = UdpSocket::bind("127.0.0.1:0").await?;
        let (addr, fd) = (socket.local_addr()?, socket.as_raw_fd());
        let expected = format!("UdpSocket {{ addr: {addr}, fd: {fd} }}");
        assert_eq!(format!("{socket:?}"), expected);
        Ok(())
    });
}
