//! Datagrams keep their bounds: empty ones, long ones, and buffers that are too small for them.

use crate::stack::net::UdpSocket;
use crate::support::poll::{poll_once, turns};
use crate::support::ready::{WOULD_BLOCK, kind};
use crate::support::setup::on_every_runtime;
use crate::support::tcp::any_port;
use crate::support::udp::{Origin, clear_readable, pair};
use std::future::poll_fn;
use std::io;
use tokio::io::ReadBuf;

/// What the next datagram holds, which stays in the socket.
async fn next(socket: &UdpSocket) -> io::Result<Vec<u8>> {
    let mut buf = vec![0; 64];
    let count = socket.peek(&mut buf).await?;
    buf.truncate(count);
    Ok(buf)
}

#[test]
fn every_send_is_one_datagram() {
    on_every_runtime(|_| async {
        for origin in Origin::ALL {
            let (socket, peer) = pair(origin).await?;
            let addr = peer.local_addr()?;
            socket.writable().await?;
            assert_eq!(socket.send(b"one").await?, 3);
            assert_eq!(socket.try_send(b"two")?, 3);
            assert_eq!(poll_fn(|cx| socket.poll_send(cx, b"three")).await?, 5);
            assert_eq!(socket.send_to(b"four", addr).await?, 4);
            assert_eq!(socket.try_send_to(b"five", addr)?, 4);
            let six = poll_fn(|cx| socket.poll_send_to(cx, b"six", addr));
            assert_eq!(six.await?, 3);
            for sent in ["one", "two", "three", "four", "five", "six"] {
                let mut buf = [0; 64];
                let (count, sender) = peer.recv_from(&mut buf)?;
                assert_eq!(&buf[..count], sent.as_bytes());
                assert_eq!(sender, socket.local_addr()?);
            }
        }
        Ok(())
    });
}

#[test]
fn a_send_of_nothing_is_an_empty_datagram() {
    on_every_runtime(|_| async {
        for origin in Origin::ALL {
            let (socket, peer) = pair(origin).await?;
            let addr = peer.local_addr()?;
            socket.writable().await?;
            assert_eq!(socket.send(&[]).await?, 0);
            assert_eq!(socket.try_send(&[])?, 0);
            assert_eq!(poll_fn(|cx| socket.poll_send(cx, &[])).await?, 0);
            assert_eq!(socket.send_to(&[], addr).await?, 0);
            assert_eq!(socket.try_send_to(&[], addr)?, 0);
            socket.send(b"end").await?;
            for _ in 0..5 {
                assert_eq!(peer.recv(&mut [0; 8])?, 0);
            }
            assert_eq!(peer.recv(&mut [0; 8])?, 3);
        }
        Ok(())
    });
}

#[test]
fn an_empty_datagram_is_received_once() {
    on_every_runtime(|_| async {
        for origin in Origin::ALL {
            let (socket, peer) = pair(origin).await?;
            let (from, mut buf) = (peer.local_addr()?, [0; 8]);
            for _ in 0..4 {
                peer.send(&[])?;
            }
            assert_eq!(socket.peek_from(&mut buf).await?, (0, from));
            assert_eq!(socket.peek_sender().await?, from);
            assert_eq!(socket.recv(&mut buf).await?, 0);
            assert_eq!(socket.recv_from(&mut buf).await?, (0, from));
            let mut bytes = Vec::with_capacity(8);
            assert_eq!(socket.recv_buf_from(&mut bytes).await?, (0, from));
            assert!(bytes.is_empty());
            assert_eq!(socket.try_recv(&mut buf)?, 0);
            assert_eq!(kind(socket.try_recv(&mut buf)), WOULD_BLOCK);
        }
        Ok(())
    });
}

/// As recv(2): a receive into nothing throws a datagram away, a peek does not.
#[test]
fn a_receive_into_nothing_takes_a_datagram() {
    on_every_runtime(|_| async {
        for origin in Origin::ALL {
            let (socket, peer) = pair(origin).await?;
            let from = peer.local_addr()?;
            for datagram in ["1", "2", "3", "4", "5", "6"] {
                peer.send(datagram.as_bytes())?;
            }
            assert_eq!(socket.peek(&mut []).await?, 0);
            assert_eq!(next(&socket).await?, b"1");
            assert_eq!(socket.recv(&mut []).await?, 0);
            assert_eq!(next(&socket).await?, b"2");
            assert_eq!(socket.recv_from(&mut []).await?, (0, from));
            assert_eq!(next(&socket).await?, b"3");
            let mut nothing: &mut [u8] = &mut [];
            assert_eq!(socket.recv_buf(&mut nothing).await?, 0);
            assert_eq!(next(&socket).await?, b"4");
            assert_eq!(socket.try_recv(&mut [])?, 0);
            assert_eq!(next(&socket).await?, b"5");
            poll_fn(|cx| socket.poll_recv(cx, &mut ReadBuf::new(&mut []))).await?;
            assert_eq!(next(&socket).await?, b"6");
        }
        Ok(())
    });
}

/// As in tokio, a receive into nothing waits for a datagram.
#[test]
fn a_receive_into_nothing_waits_like_any_other() {
    on_every_runtime(|_| async {
        for origin in Origin::ALL {
            let (socket, peer) = pair(origin).await?;
            clear_readable(&socket).await;
            assert_eq!(kind(socket.try_recv(&mut [])), WOULD_BLOCK);
            let mut receive = Box::pin(socket.recv(&mut []));
            assert!(poll_once(&mut receive).await.is_pending());
            turns(2).await;
            peer.send(b"datagram")?;
            assert_eq!(receive.await?, 0);
        }
        Ok(())
    });
}

#[test]
fn what_a_buffer_has_no_room_for_is_lost() {
    on_every_runtime(|_| async {
        for origin in Origin::ALL {
            let (socket, peer) = pair(origin).await?;
            let from = peer.local_addr()?;
            for datagram in ["first", "second", "third", "fourth", "fifth", "sixth"] {
                peer.send(datagram.as_bytes())?;
            }
            let mut buf = [0; 3];
            assert_eq!((socket.peek(&mut buf).await?, &buf), (3, b"fir"));
            assert_eq!((socket.recv(&mut buf).await?, &buf), (3, b"fir"));
            assert_eq!(socket.recv_from(&mut buf).await?, (3, from));
            assert_eq!(&buf, b"sec");
            let mut bytes = Vec::with_capacity(3);
            assert_eq!(socket.recv_buf(&mut bytes).await?, 3);
            assert_eq!(bytes, b"thi");
            assert_eq!((socket.try_recv(&mut buf)?, &buf), (3, b"fou"));

            let mut bytes = *b"kept......";
            let mut target = ReadBuf::new(&mut bytes[..7]);
            target.set_filled(4);
            let sender = poll_fn(|cx| socket.poll_peek_from(cx, &mut target)).await?;
            assert_eq!((target.filled(), sender), (&b"keptfif"[..], from));
            target.set_filled(4);
            let sender = poll_fn(|cx| socket.poll_recv_from(cx, &mut target)).await?;
            assert_eq!((target.filled(), sender), (&b"keptfif"[..], from));
            assert_eq!(&bytes, b"keptfif...");
            assert_eq!(next(&socket).await?, b"sixth");
        }
        Ok(())
    });
}

#[test]
fn the_longest_datagram_arrives_whole() {
    on_every_runtime(|_| async {
        for origin in Origin::ALL {
            let (socket, peer) = pair(origin).await?;
            // What IPv4 and UDP headers leave of 65535 bytes.
            let longest = vec![7; 65_507];
            peer.send(&longest)?;
            let mut received = vec![0; 70_000];
            assert_eq!(socket.recv(&mut received).await?, longest.len());
            assert_eq!(received[..longest.len()], longest);
            assert_eq!(socket.send(&longest).await?, longest.len());
            assert_eq!(peer.recv(&mut received)?, longest.len());
        }
        Ok(())
    });
}

/// A connected socket hears of its peer alone; before that, of everyone.
#[test]
fn the_address_is_that_of_the_sender() {
    on_every_runtime(|_| async {
        for origin in Origin::ALL {
            let socket = origin.socket().await?;
            let addr = socket.local_addr()?;
            for _ in 0..3 {
                let other = UdpSocket::bind(any_port()).await?;
                other.send_to(b"hello", addr).await?;
                let from = other.local_addr()?;
                let mut buf = Vec::with_capacity(8);
                assert_eq!(socket.peek_sender().await?, from);
                assert_eq!(socket.try_peek_sender()?, from);
                assert_eq!(poll_fn(|cx| socket.poll_peek_sender(cx)).await?, from);
                assert_eq!(socket.try_peek_from(&mut [0; 8])?, (5, from));
                assert_eq!(socket.try_recv_buf_from(&mut buf)?, (5, from));
                assert_eq!(buf, b"hello");
            }
        }
        Ok(())
    });
}
