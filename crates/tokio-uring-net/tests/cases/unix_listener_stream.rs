//! A Unix listener as a stream: each connection comes once, and none is taken ahead.

use crate::stack::UnixListenerStream;
use crate::stack::net::UnixStream;
use crate::stack::net::unix::SocketAddr;
use crate::support::poll::{poll_once, turns};
use crate::support::setup::on_every_runtime;
use crate::support::unix::{client, listener};
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::os::fd::AsFd;
use std::os::unix::net as std_unix;
use std::pin::pin;
use tokio::io::AsyncReadExt as _;
use tokio_stream::StreamExt;

fn start() -> io::Result<(UnixListenerStream, SocketAddr)> {
    let (listener, address) = listener()?;
    Ok((UnixListenerStream::new(listener), address))
}

/// Clients have no names: each sends a number.
fn numbered_client(address: &SocketAddr, number: u8) -> io::Result<std_unix::UnixStream> {
    let mut client = client(address)?;
    client.write_all(&[number])?;
    Ok(client)
}

async fn next(stream: &mut UnixListenerStream) -> io::Result<UnixStream> {
    stream.next().await.expect("it never ends")
}

/// The number of the next connection's client.
async fn next_number(stream: &mut UnixListenerStream) -> io::Result<u8> {
    next(stream).await?.read_u8().await
}

/// Polls for a connection where there is none, and lets the driver take notice.
async fn begin_to_wait(stream: &mut UnixListenerStream) {
    assert!(poll_once(&mut pin!(stream.next())).await.is_pending());
    turns(2).await;
}

#[test]
fn each_connection_comes_once_and_in_order() {
    on_every_runtime(|_| async {
        let (mut stream, address) = start()?;
        for count in [1, 3, 20] {
            let clients: io::Result<Vec<_>> = (0..count)
                .map(|number| numbered_client(&address, number))
                .collect();
            let _clients = clients?;
            for number in 0..count {
                assert_eq!(next_number(&mut stream).await?, number);
            }
        }
        Ok(())
    });
}

#[test]
fn a_stream_that_waits_is_woken() {
    on_every_runtime(|_| async {
        let (mut stream, address) = start()?;
        for number in 0..20 {
            let waiting = tokio::spawn(async move {
                let number = next_number(&mut stream).await?;
                io::Result::Ok((stream, number))
            });
            turns(3).await;
            let _late = numbered_client(&address, number)?;
            let (back, received) = waiting.await??;
            stream = back;
            assert_eq!(received, number);
        }
        Ok(())
    });
}

#[test]
fn connections_that_were_not_asked_for_stay_with_the_kernel() {
    on_every_runtime(|_| async {
        let (mut stream, address) = start()?;
        begin_to_wait(&mut stream).await;
        let clients: io::Result<Vec<_>> = (0..3)
            .map(|number| numbered_client(&address, number))
            .collect();
        let _clients = clients?;
        turns(3).await;
        assert_eq!(next_number(&mut stream).await?, 0);
        turns(3).await;
        // They are there for whoever else holds the listener.
        let other = stream.as_ref().as_fd().try_clone_to_owned()?;
        let other = std_unix::UnixListener::from(other);
        for number in 1..3 {
            let mut received = [0];
            other.accept()?.0.read_exact(&mut received)?;
            assert_eq!(received, [number]);
        }
        Ok(())
    });
}

#[test]
fn the_listener_that_it_gives_back_has_all_connections() {
    on_every_runtime(|_| async {
        let (mut stream, address) = start()?;
        begin_to_wait(&mut stream).await;
        let _clients = [numbered_client(&address, 0)?, numbered_client(&address, 1)?];
        turns(3).await;
        assert!(stream.as_mut().take_error()?.is_none());
        let listener = stream.into_inner();
        for number in 0..2 {
            assert_eq!(listener.accept().await?.0.read_u8().await?, number);
        }
        Ok(())
    });
}

#[test]
fn a_dropped_stream_has_closed_its_listener() {
    on_every_runtime(|_| async {
        let (mut stream, address) = start()?;
        begin_to_wait(&mut stream).await;
        drop(stream);
        let refused = client(&address).map(drop).map_err(|error| error.kind());
        assert_eq!(refused, Err(ErrorKind::ConnectionRefused));
        Ok(())
    });
}
