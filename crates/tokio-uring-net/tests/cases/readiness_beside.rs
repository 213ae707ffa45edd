//! A state that is known hides no other: who asks for all is told of all, whatever the socket.

use crate::stack::net::{UdpSocket, UnixDatagram, UnixStream};
use crate::stack::{self, net::unix::pipe};
use crate::support::poll::poll_once;
use crate::support::setup::{Flavour, on_every_runtime};
use crate::support::tcp::{Origin, pair};
use std::io::{self, Write};
use std::net::Ipv4Addr;
use std::task::Poll;
use tokio::io::{AsyncReadExt, AsyncWriteExt, Interest, Ready};

const BOTH: Interest = Interest::READABLE.add(Interest::WRITABLE);

/// Lets the runtime run until `ready` tells what `is_told` looks for.
async fn until_told<F>(ready: impl Fn() -> F, is_told: impl Fn(Ready) -> bool) -> io::Result<()>
where
    F: Future<Output = io::Result<Ready>>,
{
    while !is_told(ready().await?) {
        tokio::task::yield_now().await;
    }
    Ok(())
}

async fn udp_pair() -> io::Result<(UdpSocket, std::net::UdpSocket)> {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let peer = std::net::UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    socket.connect(peer.local_addr()?).await?;
    peer.connect(socket.local_addr()?)?;
    Ok((socket, peer))
}

#[test]
fn bytes_show_while_there_is_room_to_write() {
    on_every_runtime(|_| async {
        for origin in Origin::ALL {
            let (mut stream, mut peer) = pair(origin).await?;
            stream.write_all(b"ping").await?;
            peer.write_all(b"pong")?;
            until_told(|| stream.ready(BOTH), Ready::is_readable).await?;
            stream.read_exact(&mut [0; 4]).await?;
        }
        let (mut one, mut two) = UnixStream::pair()?;
        one.write_all(b"ping").await?;
        two.write_all(b"pong").await?;
        until_told(|| one.ready(BOTH), Ready::is_readable).await?;
        one.read_exact(&mut [0; 4]).await?;

        let (socket, peer) = udp_pair().await?;
        socket.send(b"ping").await?;
        peer.send(b"pong")?;
        until_told(|| socket.ready(BOTH), Ready::is_readable).await?;

        let (one, two) = UnixDatagram::pair()?;
        one.send(b"ping").await?;
        two.send(b"pong").await?;
        until_told(|| one.ready(BOTH), Ready::is_readable).await
    });
}

#[test]
fn the_end_shows_while_there_is_room_to_write() {
    on_every_runtime(|_| async {
        for origin in Origin::ALL {
            let (mut stream, peer) = pair(origin).await?;
            stream.write_all(b"ping").await?;
            drop(peer);
            until_told(|| stream.ready(BOTH), Ready::is_read_closed).await?;
        }
        let (one, two) = UnixStream::pair()?;
        drop(two);
        until_told(|| one.ready(Interest::WRITABLE), Ready::is_write_closed).await?;

        let (sender, receiver) = pipe::pipe()?;
        drop(receiver);
        until_told(|| sender.ready(Interest::WRITABLE), Ready::is_write_closed).await?;

        let (socket, peer) = udp_pair().await?;
        drop(peer);
        socket.send(b"to nobody").await?;
        let interest = BOTH.add(Interest::ERROR);
        until_told(|| socket.ready(interest), Ready::is_error).await
    });
}

#[test]
fn what_came_after_a_short_read_is_read_in_the_first_poll() {
    on_every_runtime(|setup| async move {
        if setup.flavour == Flavour::MultiThread {
            // There the driver runs on any thread, at any time.
            return Ok(());
        }
        for origin in Origin::ALL {
            let (mut stream, mut peer) = pair(origin).await?;
            peer.write_all(b"ping")?;
            let mut buf = [0; 16];
            // A short read: the stream is taken to be drained.
            assert_eq!(stream.read(&mut buf).await?, 4);
            if !stack::is_exact(&stream) {
                // The ring receives what follows, once a read has waited.
                continue;
            }
            peer.write_all(b"pong")?;
            // On tokio's epoll the driver has to have its turn.
            for _ in 0..4 {
                tokio::task::yield_now().await;
            }
            let read = poll_once(&mut Box::pin(stream.read(&mut buf))).await;
            assert!(matches!(read, Poll::Ready(Ok(4))));
        }
        Ok(())
    });
}
