//! What does not wake the driver.

use crate::support::poll::{poll_once, turns};
use crate::support::setup::on_every_runtime;
use std::net::Ipv4Addr;
use tokio_uring_net::{UdpSocket, metrics};

/// Each datagram that leaves makes room in the send buffer, and the kernel tells whoever asks for that.
#[test]
fn a_socket_that_sends_and_waits_for_answers_hears_of_answers_only() {
    on_every_runtime(|setup| async move {
        if !setup.stack.is_ring() {
            return Ok(());
        }
        let nobody = std::net::UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let mut buf = [0; 16];
        let mut recv = Box::pin(socket.recv(&mut buf));
        assert!(poll_once(&mut recv).await.is_pending());
        turns(4).await;
        let before = metrics().events;
        for _ in 0..100 {
            socket.send_to(b"question", nobody.local_addr()?).await?;
            turns(1).await;
        }
        let events = metrics().events - before;
        assert!(events < 10, "{events} events for 100 sends");
        Ok(())
    });
}
