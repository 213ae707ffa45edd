//! An error comes at the call where tokio gives it, and the next call works.

use crate::stack::net::UdpSocket;
use crate::support::poll::{BoxFuture, Wakes, turns};
use crate::support::ready::{WOULD_BLOCK, kind};
use crate::support::setup::on_every_runtime;
use crate::support::tcp::any_port;
use crate::support::udp::{Origin, nobody, pair};
use std::future::poll_fn;
use std::io::{self, ErrorKind};
use std::net::{Ipv6Addr, SocketAddr};
use tokio::io::{Interest, ReadBuf};

/// One kind of call.
type Call = for<'a> fn(&'a UdpSocket, &'a [u8]) -> BoxFuture<'a, io::Result<()>>;

/// Every async call that answers the error of an earlier send, although there is no datagram.
const RECEIVES: [Call; 6] = [
    |socket, _| Box::pin(async { socket.recv(&mut [0; 8]).await.map(drop) }),
    |socket, _| Box::pin(async { socket.recv_from(&mut [0; 8]).await.map(drop) }),
    |socket, _| Box::pin(async { socket.recv_buf(&mut Vec::new()).await.map(drop) }),
    |socket, _| Box::pin(async { socket.peek(&mut [0; 8]).await.map(drop) }),
    |socket, _| Box::pin(async { socket.peek_from(&mut [0; 8]).await.map(drop) }),
    |socket, _| Box::pin(async { socket.peek_sender().await.map(drop) }),
];

const SENDS: [Call; 6] = [
    |socket, buf| Box::pin(async { socket.send(buf).await.map(drop) }),
    |socket, buf| Box::pin(async { socket.try_send(buf).map(drop) }),
    |socket, buf| Box::pin(async { poll_fn(|cx| socket.poll_send(cx, buf)).await.map(drop) }),
    |socket, buf| Box::pin(async { socket.send_to(buf, socket.peer_addr()?).await.map(drop) }),
    |socket, buf| Box::pin(async { socket.try_send_to(buf, socket.peer_addr()?).map(drop) }),
    |socket, buf| {
        Box::pin(async {
            let addr = socket.peer_addr()?;
            poll_fn(|cx| socket.poll_send_to(cx, buf, addr))
                .await
                .map(drop)
        })
    },
];

const REFUSED: Option<ErrorKind> = Some(ErrorKind::ConnectionRefused);

/// A socket that is connected to nobody.
async fn connected_to_nobody(origin: Origin) -> io::Result<(UdpSocket, SocketAddr)> {
    let (socket, addr) = (origin.socket().await?, nobody()?);
    socket.connect(addr).await?;
    socket.writable().await?;
    Ok((socket, addr))
}

/// The peer comes back, and the socket receives what it sends.
async fn hear_from(socket: &UdpSocket, addr: SocketAddr) -> io::Result<()> {
    let peer = std::net::UdpSocket::bind(addr)?;
    peer.send_to(b"here", socket.local_addr()?)?;
    let mut buf = [0; 8];
    assert_eq!(socket.recv_from(&mut buf).await?, (4, addr));
    socket.send(b"there").await?;
    assert_eq!(peer.recv(&mut buf)?, 5);
    Ok(())
}

#[test]
fn a_refused_datagram_fails_the_next_receive_once() {
    on_every_runtime(|_| async {
        for origin in Origin::ALL {
            for receive in RECEIVES {
                let (socket, addr) = connected_to_nobody(origin).await?;
                socket.send(b"hello").await?;
                assert_eq!(kind(receive(&socket, &[]).await), REFUSED);
                assert!(socket.take_error()?.is_none());
                hear_from(&socket, addr).await?;
            }
        }
        Ok(())
    });
}

/// The receive waits already when the error comes.
#[test]
fn a_refused_datagram_ends_a_receive_that_waits() {
    on_every_runtime(|_| async {
        for origin in Origin::ALL {
            for receive in RECEIVES {
                let (socket, addr) = connected_to_nobody(origin).await?;
                let send = async {
                    turns(3).await;
                    socket.send(b"hello").await
                };
                let (received, sent) = tokio::join!(receive(&socket, &[]), send);
                assert_eq!((kind(received), sent?), (REFUSED, 5));
                hear_from(&socket, addr).await?;
            }
        }
        Ok(())
    });
}

#[test]
fn a_refused_datagram_fails_the_next_send_once() {
    on_every_runtime(|_| async {
        for origin in Origin::ALL {
            for send in SENDS {
                let (socket, addr) = connected_to_nobody(origin).await?;
                send(&socket, b"hello").await?;
                assert_eq!(kind(send(&socket, b"hello").await), REFUSED);
                send(&socket, b"hello").await?;
                let error = socket.take_error()?.map(|error| error.kind());
                assert_eq!(error, REFUSED);
                hear_from(&socket, addr).await?;
            }
        }
        Ok(())
    });
}

/// They wait for a datagram, and an error is none.
#[test]
fn poll_and_try_do_not_see_an_error_without_a_datagram() {
    on_every_runtime(|_| async {
        for origin in Origin::ALL {
            let (socket, addr) = connected_to_nobody(origin).await?;
            socket.send(b"hello").await?;
            assert!(socket.ready(Interest::ERROR).await?.is_error());
            assert_eq!(kind(socket.try_recv(&mut [0; 8])), WOULD_BLOCK);
            assert_eq!(kind(socket.try_peek_sender()), WOULD_BLOCK);
            let mut bytes = [0; 8];
            let mut buf = ReadBuf::new(&mut bytes);
            let mut receive = Box::pin(poll_fn(|cx| socket.poll_recv(cx, &mut buf)));
            assert!(Wakes::new().poll(&mut receive).is_pending());
            assert_eq!(kind(socket.recv(&mut [0; 8]).await), REFUSED);
            hear_from(&socket, addr).await?;
        }
        Ok(())
    });
}

#[test]
fn a_datagram_that_is_too_long_fails_its_own_send() {
    on_every_runtime(|_| async {
        let too_long = vec![0; 70_000];
        for origin in Origin::ALL {
            let (socket, peer) = pair(origin).await?;
            socket.writable().await?;
            for send in SENDS {
                let error = send(&socket, &too_long).await.expect_err("it is too long");
                assert_eq!(error.raw_os_error(), Some(libc::EMSGSIZE));
                send(&socket, b"short").await?;
                assert_eq!(peer.recv(&mut [0; 8])?, 5);
            }
        }
        Ok(())
    });
}

#[test]
fn a_send_without_an_address_says_what_it_lacks() {
    on_every_runtime(|_| async {
        let none: &[SocketAddr] = &[];
        for origin in Origin::ALL {
            let socket = origin.socket().await?;
            let error = socket.send(b"hello").await.expect_err("nobody is named");
            assert_eq!(error.raw_os_error(), Some(libc::EDESTADDRREQ));
            assert_eq!(kind(socket.peer_addr()), Some(ErrorKind::NotConnected));
            for (error, text) in [
                (
                    socket.send_to(b"hello", none).await.map(drop),
                    "no addresses to send data to",
                ),
                (
                    socket.connect(none).await,
                    "could not resolve to any address",
                ),
                (
                    UdpSocket::bind(none).await.map(drop),
                    "could not resolve to any address",
                ),
            ] {
                let error = error.expect_err("there is no address");
                assert_eq!(
                    (error.kind(), &*error.to_string()),
                    (ErrorKind::InvalidInput, text)
                );
            }
        }
        Ok(())
    });
}

#[test]
fn addresses_are_tried_in_turn_but_for_send_to() {
    on_every_runtime(|_| async {
        let taken = std::net::UdpSocket::bind(any_port())?;
        let [busy, free] = [taken.local_addr()?, nobody()?];
        let socket = UdpSocket::bind(&[busy, free][..]).await?;
        assert_eq!(socket.local_addr()?, free);
        assert_eq!(
            kind(UdpSocket::bind(busy).await),
            Some(ErrorKind::AddrInUse)
        );

        let v6 = SocketAddr::from((Ipv6Addr::LOCALHOST, busy.port()));
        socket.connect(&[v6, busy][..]).await?;
        assert_eq!(socket.peer_addr()?, busy);
        let sent = socket.send_to(b"hello", &[v6, busy][..]).await;
        let error = sent.expect_err("the first address is of another family");
        assert_eq!(error.raw_os_error(), Some(libc::EAFNOSUPPORT));
        Ok(())
    });
}
