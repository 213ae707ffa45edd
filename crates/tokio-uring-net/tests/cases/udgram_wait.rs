//! Who waits for datagrams and for room, and who is woken.

use crate::stack::net::UnixDatagram;
use crate::support::files::TempPath;
use crate::support::poll::{Wakes, poll_once, turns};
use crate::support::ready::{WOULD_BLOCK, kind};
use crate::support::setup::{Flavour, on_every_runtime};
use std::future::poll_fn;
use std::io;
use std::net::Shutdown;
use std::os::unix::net;
use std::sync::Arc;
use tokio::io::{Interest, ReadBuf};
use tokio::task::JoinSet;

#[test]
fn a_pair_can_be_sent_to_at_once() {
    on_every_runtime(|_| async {
        let (one, other) = UnixDatagram::pair()?;
        assert_eq!(one.try_send(b"hello")?, 5);
        assert_eq!(other.try_send(b"hello")?, 5);
        Ok(())
    });
}

/// Sends to `socket` until its peer, or its own buffer, takes no more.
async fn fill(socket: &UnixDatagram) -> usize {
    let mut count = 0;
    loop {
        match socket.try_send(b"datagram") {
            Ok(_) => count += 1,
            Err(error) => {
                assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
                turns(2).await;
                let mut writable = Box::pin(socket.writable());
                if poll_once(&mut writable).await.is_pending() {
                    return count;
                }
            }
        }
    }
}

#[test]
fn a_connected_sender_waits_for_the_full_queue_of_its_peer() {
    on_every_runtime(|_| async {
        let path = TempPath::new();
        let peer = net::UnixDatagram::bind(&path)?;
        let socket = UnixDatagram::unbound()?;
        socket.connect(&path)?;
        socket.writable().await?;
        for _ in 0..3 {
            let count = fill(&socket).await;
            assert!(count > 0);
            let mut send = Box::pin(socket.send(b"one more"));
            for _ in 0..5 {
                assert!(poll_once(&mut send).await.is_pending());
                turns(1).await;
            }
            for _ in 0..count {
                assert_eq!(peer.recv(&mut [0; 16])?, 8);
            }
            // Nobody polls it but who is woken.
            send.await?;
            peer.recv(&mut [0; 16])?;
        }
        Ok(())
    });
}

/// Others fill the queue: the sender has sent nothing that could be received.
#[test]
fn a_connected_sender_is_woken_when_the_datagrams_of_others_are_received() {
    on_every_runtime(|_| async {
        let path = TempPath::new();
        let peer = net::UnixDatagram::bind(&path)?;
        let (socket, other) = (UnixDatagram::unbound()?, UnixDatagram::unbound()?);
        socket.connect(&path)?;
        other.connect(&path)?;
        other.writable().await?;
        let count = fill(&other).await;
        let task = tokio::spawn(async move { socket.send(b"at last").await });
        turns(5).await;
        assert!(!task.is_finished());
        for _ in 0..count {
            peer.recv(&mut [0; 16])?;
        }
        assert_eq!(task.await??, 7);
        assert_eq!(peer.recv(&mut [0; 16])?, 7);
        Ok(())
    });
}

#[test]
fn a_sender_that_names_its_peer_is_woken_when_its_own_datagrams_are_received() {
    on_every_runtime(|_| async {
        let path = TempPath::new();
        let peer = net::UnixDatagram::bind(&path)?;
        let socket = UnixDatagram::unbound()?;
        socket.writable().await?;
        let mut count = 0;
        loop {
            let wakes = Wakes::new();
            let mut send = Box::pin(socket.send_to(b"datagram", &path));
            if wakes.poll(&mut send).is_ready() {
                count += 1;
                continue;
            }
            turns(5).await;
            assert!(wakes.poll(&mut send).is_pending());
            for _ in 0..count {
                peer.recv(&mut [0; 16])?;
            }
            send.await?;
            peer.recv(&mut [0; 16])?;
            return Ok(());
        }
    });
}

#[test]
fn each_datagram_goes_to_one_of_many_receivers() {
    const RECEIVERS: usize = 8;
    const DATAGRAMS: u16 = 2_000;
    on_every_runtime(|_| async {
        let (sender, receiver) = UnixDatagram::pair()?;
        let receiver = Arc::new(receiver);
        let mut tasks = JoinSet::new();
        for _ in 0..RECEIVERS {
            let receiver = receiver.clone();
            tasks.spawn(async move {
                let mut received = Vec::new();
                loop {
                    let mut buf = [0; 2];
                    if receiver.recv(&mut buf).await? == 0 {
                        return io::Result::Ok(received);
                    }
                    received.push(u16::from_be_bytes(buf));
                }
            });
        }
        for number in 0..DATAGRAMS {
            sender.send(&number.to_be_bytes()).await?;
        }
        for _ in 0..RECEIVERS {
            sender.send(b"").await?;
        }
        let mut received = Vec::new();
        while let Some(task) = tasks.join_next().await {
            received.extend(task??);
        }
        received.sort_unstable();
        assert!(received.into_iter().eq(0..DATAGRAMS));
        Ok(())
    });
}

/// Waits until the driver has nothing more to say of `socket`'s reads.
async fn clear_readable(socket: &UnixDatagram) {
    loop {
        turns(3).await;
        assert_eq!(kind(socket.try_recv(&mut [0; 8])), WOULD_BLOCK);
        if poll_once(&mut Box::pin(socket.readable()))
            .await
            .is_pending()
        {
            return;
        }
    }
}

#[test]
fn try_io_calls_nothing_while_the_socket_is_not_ready() {
    on_every_runtime(|_| async {
        let (one, other) = UnixDatagram::pair()?;
        clear_readable(&other).await;
        let called = || -> io::Result<()> { panic!("called") };
        assert_eq!(kind(other.try_io(Interest::READABLE, called)), WOULD_BLOCK);
        one.send(b"hello").await?;
        other.readable().await?;
        other.try_io(Interest::READABLE, || Ok(()))?;
        let blocks = || io::Result::<()>::Err(io::ErrorKind::WouldBlock.into());
        assert_eq!(kind(other.try_io(Interest::READABLE, blocks)), WOULD_BLOCK);
        // The datagram is there, and the driver has nothing new to say.
        assert_eq!(kind(other.try_io(Interest::READABLE, called)), WOULD_BLOCK);
        Ok(())
    });
}

/// Nobody has ever waited for this socket. (On several threads the driver may report at any moment.)
#[test]
fn readiness_that_try_io_took_back_is_the_drivers_to_report() {
    on_every_runtime(|setup| async move {
        if setup.flavour == Flavour::MultiThread {
            return Ok(());
        }
        let (one, other) = UnixDatagram::pair()?;
        one.send(b"hello").await?;
        while other.try_io(Interest::READABLE, || Ok(())).is_err() {
            turns(1).await;
        }
        turns(3).await;
        let blocks = || io::Result::<()>::Err(io::ErrorKind::WouldBlock.into());
        assert_eq!(kind(other.try_io(Interest::READABLE, blocks)), WOULD_BLOCK);
        let called = || -> io::Result<()> { panic!("called") };
        assert_eq!(kind(other.try_io(Interest::READABLE, called)), WOULD_BLOCK);
        one.send(b"again").await?;
        while other.try_recv(&mut [0; 8]).is_err() {
            turns(1).await;
        }
        Ok(())
    });
}

#[test]
fn of_poll_functions_the_last_task_is_woken_and_of_calls_every_one() {
    on_every_runtime(|_| async {
        let (one, other) = UnixDatagram::pair()?;
        clear_readable(&other).await;
        let wakes = [Wakes::new(), Wakes::new(), Wakes::new(), Wakes::new()];
        let mut bufs = [[0; 8]; 4];
        let [first, second, third, fourth] = &mut bufs;
        let polled = |buf: &mut [u8], wakes: &Arc<Wakes>| {
            let mut buf = ReadBuf::new(buf);
            let mut recv = Box::pin(poll_fn(|cx| other.poll_recv(cx, &mut buf)));
            assert!(wakes.poll(&mut recv).is_pending());
        };
        polled(first, &wakes[0]);
        polled(second, &wakes[1]);
        let mut recv = Box::pin(other.recv(third));
        let mut recv_from = Box::pin(other.recv_from(fourth));
        assert!(wakes[2].poll(&mut recv).is_pending());
        assert!(wakes[3].poll(&mut recv_from).is_pending());
        one.send(b"hello").await?;
        for wakes in &wakes[1..] {
            wakes.reach(1).await;
        }
        assert_eq!(wakes[0].count(), 0);
        assert_eq!(recv.await?, 5);
        Ok(())
    });
}

#[test]
fn a_shut_down_socket_is_ready_for_good() {
    on_every_runtime(|_| async {
        let (one, _other) = UnixDatagram::pair()?;
        clear_readable(&one).await;
        let wakes = Wakes::new();
        let mut readable = Box::pin(one.readable());
        assert!(wakes.poll(&mut readable).is_pending());
        one.shutdown(Shutdown::Both)?;
        wakes.reach(1).await;
        readable.await?;
        for _ in 0..2 {
            let ready = one.ready(Interest::READABLE).await?;
            assert!(ready.is_read_closed());
            assert_eq!(kind(one.try_recv(&mut [0; 8])), WOULD_BLOCK);
        }
        Ok(())
    });
}

/// The kernel says that an unconnected socket can send, whatever the queue of the one it sends to.
#[test]
fn a_send_to_a_full_queue_lets_others_run() {
    on_every_runtime(|_| async {
        let path = TempPath::new();
        let peer = net::UnixDatagram::bind(&path)?;
        let other = net::UnixDatagram::unbound()?;
        other.connect(&path)?;
        other.set_nonblocking(true)?;
        while other.send(b"datagram").is_ok() {}
        let socket = UnixDatagram::unbound()?;
        let mut send = Box::pin(socket.send_to(b"one more", &path));
        for _ in 0..5 {
            assert!(poll_once(&mut send).await.is_pending());
            turns(1).await;
        }
        peer.recv(&mut [0; 16])?;
        assert_eq!(send.await?, 8);
        Ok(())
    });
}
