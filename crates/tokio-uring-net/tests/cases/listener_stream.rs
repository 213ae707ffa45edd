//! A listener as a stream: each connection comes once, none is taken ahead, and it never ends.

use crate::stack::TcpListenerStream;
use crate::stack::net::{TcpListener, TcpStream};
use crate::support::poll::{poll_once, turns};
use crate::support::setup::on_every_runtime;
use crate::support::tcp::{any_port, client};
use socket2::SockRef;
use std::io::{self, ErrorKind};
use std::net::{Shutdown, SocketAddr};
use std::os::fd::AsFd;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio_stream::StreamExt;

async fn start() -> io::Result<(TcpListenerStream, SocketAddr)> {
    let listener = TcpListener::bind(any_port()).await?;
    let address = listener.local_addr()?;
    Ok((TcpListenerStream::new(listener), address))
}

async fn next(stream: &mut TcpListenerStream) -> io::Result<TcpStream> {
    stream.next().await.expect("it never ends")
}

/// Polls for a connection where there is none, and lets the driver take notice.
async fn begin_to_wait(stream: &mut TcpListenerStream) {
    assert!(poll_once(&mut pin!(stream.next())).await.is_pending());
    turns(2).await;
}

#[test]
fn each_connection_comes_once_and_in_order_in_whatever_task_has_the_stream() {
    on_every_runtime(|_| async {
        let (mut stream, address) = start().await?;
        for count in [1, 3, 20] {
            let clients: io::Result<Vec<_>> = (0..count).map(|_| client(address)).collect();
            let clients = clients?;
            let task = tokio::spawn(async move {
                let mut peers = Vec::new();
                for _ in 0..count {
                    peers.push(next(&mut stream).await?.peer_addr()?);
                }
                io::Result::Ok((stream, peers))
            });
            let (back, peers) = task.await??;
            stream = back;
            let expected: io::Result<Vec<_>> = clients.iter().map(|one| one.local_addr()).collect();
            assert_eq!(peers, expected?);
        }
        Ok(())
    });
}

#[test]
fn a_stream_that_waits_is_woken() {
    on_every_runtime(|_| async {
        let (mut stream, address) = start().await?;
        for _ in 0..20 {
            let waiting = tokio::spawn(async move {
                let connection = next(&mut stream).await?;
                io::Result::Ok((stream, connection.peer_addr()?))
            });
            turns(3).await;
            let late = client(address)?;
            let (back, peer) = waiting.await??;
            stream = back;
            assert_eq!(peer, late.local_addr()?);
        }
        Ok(())
    });
}

#[test]
fn connections_that_were_not_asked_for_stay_with_the_kernel() {
    on_every_runtime(|_| async {
        let (mut stream, address) = start().await?;
        begin_to_wait(&mut stream).await;
        let clients = [client(address)?, client(address)?, client(address)?];
        turns(3).await;
        let first = next(&mut stream).await?;
        assert_eq!(first.peer_addr()?, clients[0].local_addr()?);
        turns(3).await;
        // They are there for whoever else holds the listener.
        let other = stream.as_ref().as_fd().try_clone_to_owned()?;
        let other = std::net::TcpListener::from(other);
        for client in &clients[1..] {
            assert_eq!(other.accept()?.1, client.local_addr()?);
        }
        Ok(())
    });
}

#[test]
fn the_listener_that_it_gives_back_has_all_connections() {
    on_every_runtime(|_| async {
        let (mut stream, address) = start().await?;
        begin_to_wait(&mut stream).await;
        let clients = [client(address)?, client(address)?];
        turns(3).await;
        stream.as_mut().set_ttl(99)?;
        let listener = stream.into_inner();
        assert_eq!(listener.ttl()?, 99);
        for client in &clients {
            assert_eq!(listener.accept().await?.1, client.local_addr()?);
        }
        Ok(())
    });
}

#[test]
fn a_dropped_stream_has_closed_its_listener() {
    on_every_runtime(|_| async {
        let (mut stream, address) = start().await?;
        begin_to_wait(&mut stream).await;
        drop(stream);
        let refused = client(address).map(drop).map_err(|error| error.kind());
        assert_eq!(refused, Err(ErrorKind::ConnectionRefused));
        Ok(())
    });
}

/// As with a lack of descriptors: each poll answers at once, and it is another task that can help.
#[test]
fn an_error_does_not_end_it_and_a_task_that_goes_on_lets_others_run() {
    on_every_runtime(|_| async {
        let (mut stream, _) = start().await?;
        SockRef::from(stream.as_ref()).shutdown(Shutdown::Both)?;
        let has_run = Arc::new(AtomicBool::new(false));
        let other = has_run.clone();
        tokio::spawn(async move { other.store(true, Ordering::SeqCst) });
        for _ in 0..100_000 {
            let error = next(&mut stream).await.expect_err("nothing listens");
            assert_eq!(error.kind(), ErrorKind::InvalidInput);
            if has_run.load(Ordering::SeqCst) {
                return Ok(());
            }
        }
        panic!("the other task had no turn");
    });
}
