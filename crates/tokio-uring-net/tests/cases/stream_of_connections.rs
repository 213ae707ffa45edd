//! Streams of connections.

use crate::stack::net::{AcceptStream, TcpListener, metrics};
use crate::support::poll::{poll_once, turns};
use crate::support::setup::{Flavour, on_every_runtime};
use crate::support::tcp::{any_port, client, free_ports_on_close};
use socket2::SockRef;
use std::collections::HashSet;
use std::io::{self, Read};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::os::fd::AsFd;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// What a stream takes ahead.
const AHEAD_MAX: usize = 64;

async fn listener() -> io::Result<(TcpListener, SocketAddr)> {
    let listener = TcpListener::bind(any_port()).await?;
    let address = listener.local_addr()?;
    Ok((listener, address))
}

/// Opens connections that stay open, and answers their own addresses.
fn connect(address: SocketAddr, count: usize) -> io::Result<Vec<TcpStream>> {
    let clients: io::Result<Vec<_>> = (0..count).map(|_| client(address)).collect();
    let clients = clients?;
    clients.iter().try_for_each(free_ports_on_close)?;
    Ok(clients)
}

fn addresses(clients: &[TcpStream]) -> io::Result<HashSet<SocketAddr>> {
    clients.iter().map(TcpStream::local_addr).collect()
}

async fn take(stream: &mut AcceptStream<'_>, count: usize) -> io::Result<Vec<SocketAddr>> {
    let mut peers = Vec::new();
    for _ in 0..count {
        peers.push(stream.next().await?.peer_addr()?);
    }
    Ok(peers)
}

#[test]
fn each_connection_comes_once_whether_it_waits_or_is_waited_for() {
    on_every_runtime(|_| async {
        let (listener, address) = listener().await?;
        let mut stream = listener.accept_stream();
        for count in [1, 3, 100, 1] {
            let early = connect(address, count)?;
            let mut seen = take(&mut stream, count).await?;
            let mut waiting = Box::pin(stream.next());
            assert!(poll_once(&mut waiting).await.is_pending());
            let late = connect(address, 1)?;
            seen.push(waiting.await?.peer_addr()?);
            assert_eq!(seen.len(), count + 1);
            let mut expected = addresses(&early)?;
            expected.extend(addresses(&late)?);
            assert_eq!(seen.into_iter().collect::<HashSet<_>>(), expected);
        }
        Ok(())
    });
}

#[test]
fn a_stream_nobody_polls_takes_a_bounded_number_ahead() {
    on_every_runtime(|setup| async move {
        let (listener, address) = listener().await?;
        let before = metrics().accepted;
        let mut stream = listener.accept_stream();
        {
            let mut first = pin!(stream.next());
            assert!(poll_once(&mut first).await.is_pending());
        }
        turns(2).await;
        // What comes at once may all be taken at once; what comes later waits in the kernel.
        let mut clients = connect(address, AHEAD_MAX)?;
        turns(20).await;
        let ahead = metrics().accepted - before;
        clients.extend(connect(address, 50)?);
        turns(20).await;
        assert_eq!(metrics().accepted - before, ahead);
        let takes_ahead = setup.stack.is_ring() && setup.flavour == Flavour::CurrentThread;
        assert_eq!(ahead > 0, takes_ahead, "{ahead} were taken ahead");
        let seen = take(&mut stream, clients.len()).await?;
        assert_eq!(
            seen.into_iter().collect::<HashSet<_>>(),
            addresses(&clients)?
        );
        Ok(())
    });
}

#[test]
fn what_a_dropped_stream_has_taken_waits_for_the_next_accept() {
    on_every_runtime(|_| async {
        let (listener, address) = listener().await?;
        let mut stream = listener.accept_stream();
        {
            let mut first = pin!(stream.next());
            assert!(poll_once(&mut first).await.is_pending());
        }
        turns(2).await;
        let clients = connect(address, AHEAD_MAX + 11)?;
        turns(3).await;
        let mut seen: HashSet<_> = take(&mut stream, 10).await?.into_iter().collect();
        drop(stream);
        for _ in 10..clients.len() {
            let (connection, peer) = listener.accept().await?;
            assert_eq!(connection.peer_addr()?, peer);
            seen.insert(peer);
        }
        assert_eq!(seen, addresses(&clients)?);
        // The ring takes no more: the next one is for whoever asks for it.
        turns(2).await;
        let before = metrics().accepted;
        let _later = connect(address, 1)?;
        turns(3).await;
        assert_eq!(metrics().accepted, before);
        listener.accept().await?;
        Ok(())
    });
}

#[test]
fn a_stream_and_an_accept_share_the_connections() {
    on_every_runtime(|_| async {
        let (listener, address) = listener().await?;
        let mut stream = listener.accept_stream();
        let mut accept = Box::pin(listener.accept());
        assert!(poll_once(&mut accept).await.is_pending());
        let mut next = Box::pin(stream.next());
        assert!(poll_once(&mut next).await.is_pending());
        let clients = connect(address, 2)?;
        let (accepted, streamed) = tokio::join!(accept, next);
        let seen = HashSet::from([accepted?.1, streamed?.peer_addr()?]);
        assert_eq!(seen, addresses(&clients)?);
        Ok(())
    });
}

#[test]
fn a_stream_dropped_at_any_point_leaves_no_descriptor_open() {
    on_every_runtime(|_| async {
        for polls in 0..4 {
            let (listener, address) = listener().await?;
            let mut stream = listener.accept_stream();
            let clients = connect(address, 5)?;
            for _ in 0..polls {
                let mut next = Box::pin(stream.next());
                let _ = poll_once(&mut next).await;
                turns(1).await;
            }
            drop(stream);
            drop(listener);
            drop(clients);
        }
        Ok(())
    });
}

/// Whoever waits in an accept when the last stream goes gets one connection, and no more are taken.
#[test]
fn a_stream_that_goes_while_an_accept_waits_takes_no_more() {
    on_every_runtime(|_| async {
        let (listener, address) = listener().await?;
        let mut accept = Box::pin(listener.accept());
        {
            let mut stream = listener.accept_stream();
            let mut next = pin!(stream.next());
            assert!(poll_once(&mut next).await.is_pending());
            assert!(poll_once(&mut accept).await.is_pending());
            turns(2).await;
        }
        turns(3).await;
        let clients = connect(address, 10)?;
        accept.await?;
        turns(3).await;
        // The others are in the kernel's queue still, for whoever else holds the listener.
        let other = std::net::TcpListener::from(listener.as_fd().try_clone_to_owned()?);
        let left = std::iter::from_fn(|| other.accept().ok()).count();
        assert_eq!(left, clients.len() - 1);
        Ok(())
    });
}

#[test]
fn what_a_stream_has_taken_ends_with_its_listener() {
    on_every_runtime(|_| async {
        let (listener, address) = listener().await?;
        let mut stream = listener.accept_stream();
        {
            let mut first = pin!(stream.next());
            assert!(poll_once(&mut first).await.is_pending());
        }
        turns(2).await;
        let clients = connect(address, 3)?;
        turns(3).await;
        drop(stream);
        drop(listener);
        for mut client in clients {
            let ended = client.read(&mut [0]);
            assert!(matches!(ended, Ok(0) | Err(_)), "{ended:?}");
        }
        Ok(())
    });
}

/// As with a lack of descriptors: each call answers at once, and it is another task that can help.
#[test]
fn a_task_that_goes_on_after_errors_lets_others_run() {
    on_every_runtime(|_| async {
        let (listener, _) = listener().await?;
        SockRef::from(&listener).shutdown(Shutdown::Both)?;
        let has_run = Arc::new(AtomicBool::new(false));
        let other = has_run.clone();
        tokio::spawn(async move { other.store(true, Ordering::SeqCst) });
        let mut stream = listener.accept_stream();
        for _ in 0..100_000 {
            if has_run.load(Ordering::SeqCst) {
                return Ok(());
            }
            stream.next().await.expect_err("nothing listens any more");
        }
        panic!("the other task had no turn");
    });
}
