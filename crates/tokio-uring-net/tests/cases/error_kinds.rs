//! The errors that services match on, by name.

use crate::stack::net::{TcpListener, TcpSocket, TcpStream};
use crate::support::poll::{poll_once, turns};
use crate::support::setup::on_every_runtime;
use crate::support::tcp::{Origin, any_port, pair};
use socket2::SockRef;
use std::io::{self, ErrorKind};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

fn kind<T>(result: io::Result<T>) -> Option<ErrorKind> {
    result.err().map(|error| error.kind())
}

/// A stream whose peer has just reset the connection.
async fn reset(origin: Origin) -> io::Result<TcpStream> {
    let (stream, peer) = pair(origin).await?;
    SockRef::from(&peer).set_linger(Some(Duration::ZERO))?;
    Ok(stream)
}

#[test]
fn the_first_call_after_a_reset_says_so_and_only_the_first() {
    on_every_runtime(|_| async {
        for origin in Origin::ALL {
            let mut buf = [0; 8];
            let mut stream = reset(origin).await?;
            let read = stream.read(&mut buf).await;
            assert_eq!(kind(read), Some(ErrorKind::ConnectionReset));
            assert_eq!(stream.read(&mut buf).await?, 0);
            let write = stream.write(b"byte").await;
            assert_eq!(kind(write), Some(ErrorKind::BrokenPipe));

            let mut stream = reset(origin).await?;
            let write = stream.write(b"byte").await;
            assert_eq!(kind(write), Some(ErrorKind::ConnectionReset));
            let write = stream.write(b"byte").await;
            assert_eq!(kind(write), Some(ErrorKind::BrokenPipe));
            assert_eq!(stream.read(&mut buf).await?, 0);

            let mut stream = reset(origin).await?;
            let peek = stream.peek(&mut buf).await;
            assert_eq!(kind(peek), Some(ErrorKind::ConnectionReset));
            assert_eq!(stream.read(&mut buf).await?, 0);

            let stream = reset(origin).await?;
            stream.readable().await?;
            assert_eq!(
                kind(stream.try_read(&mut buf)),
                Some(ErrorKind::ConnectionReset)
            );

            let mut stream = reset(origin).await?;
            turns(3).await;
            let taken = stream.take_error()?.map(|error| error.kind());
            assert_eq!(taken, Some(ErrorKind::ConnectionReset));
            assert_eq!(stream.read(&mut buf).await?, 0);
        }
        Ok(())
    });
}

#[test]
fn a_reset_ends_a_read_and_a_write_in_flight() {
    on_every_runtime(|_| async {
        for origin in Origin::ALL {
            let (stream, peer) = pair(origin).await?;
            let (mut read_half, mut write_half) = stream.into_split();
            let bytes = vec![0; 1 << 20];
            let write = tokio::spawn(async move {
                // The kernel takes some of this before it has no more room.
                while write_half.write(&bytes).await? > 0 {}
                io::Result::Ok(())
            });
            let read = tokio::spawn(async move { read_half.read(&mut [0; 8]).await });
            turns(3).await;
            SockRef::from(&peer).set_linger(Some(Duration::ZERO))?;
            drop(peer);
            let mut kinds = [kind(read.await?), kind(write.await?)];
            // Whoever comes first gets the reset; the other one finds a closed connection.
            kinds.sort();
            let reader_first = [None, Some(ErrorKind::ConnectionReset)];
            let writer_second = [
                Some(ErrorKind::ConnectionReset),
                Some(ErrorKind::BrokenPipe),
            ];
            assert!(kinds == reader_first || kinds == writer_second, "{kinds:?}");
        }
        Ok(())
    });
}

#[test]
fn a_refused_connect_says_so() {
    on_every_runtime(|_| async {
        let address = TcpListener::bind(any_port()).await?.local_addr()?;
        let refused = TcpStream::connect(address).await;
        assert_eq!(kind(refused), Some(ErrorKind::ConnectionRefused));
        let refused = TcpSocket::new_v4()?.connect(address).await;
        assert_eq!(kind(refused), Some(ErrorKind::ConnectionRefused));
        Ok(())
    });
}

#[test]
fn a_reset_before_the_accept_leaves_the_address_and_the_error() {
    on_every_runtime(|_| async {
        let listener = TcpListener::bind(any_port()).await?;
        for waits in [false, true] {
            let mut accept = Box::pin(listener.accept());
            if waits {
                assert!(poll_once(&mut accept).await.is_pending());
                turns(2).await;
            }
            let peer = std::net::TcpStream::connect(listener.local_addr()?)?;
            let expected = peer.local_addr()?;
            SockRef::from(&peer).set_linger(Some(Duration::ZERO))?;
            drop(peer);
            let (mut stream, address) = accept.await?;
            assert_eq!(address, expected);
            let read = stream.read(&mut [0; 8]).await;
            assert_eq!(kind(read), Some(ErrorKind::ConnectionReset));
        }
        Ok(())
    });
}
