//! Readiness of a socket for datagrams, and the tasks that wait for it.

use crate::stack::net::UdpSocket;
use crate::support::poll::{Wakes, turns};
use crate::support::ready::{WOULD_BLOCK, kind};
use crate::support::setup::on_every_runtime;
use crate::support::udp::{AHEAD_MAX, Origin, clear_readable, pair, peer};
use std::future::poll_fn;
use std::io::{self, ErrorKind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use tokio::io::{Interest, ReadBuf};
use tokio::task::JoinSet;

#[test]
fn a_call_of_the_programs_own_is_made_when_the_socket_is_ready() {
    on_every_runtime(|_| async {
        for origin in Origin::ALL {
            let (socket, peer) = pair(origin).await?;
            clear_readable(&socket).await;
            let never = || -> io::Result<()> { panic!("the socket is not ready") };
            assert_eq!(kind(socket.try_io(Interest::READABLE, never)), WOULD_BLOCK);

            peer.send(b"datagram")?;
            socket.readable().await?;
            let mut calls = 0;
            let stale = socket.try_io(Interest::READABLE, || {
                calls += 1;
                io::Result::<()>::Err(ErrorKind::WouldBlock.into())
            });
            assert_eq!((kind(stale), calls), (WOULD_BLOCK, 1));
            assert_eq!(kind(socket.try_io(Interest::READABLE, never)), WOULD_BLOCK);
            assert_eq!(kind(socket.try_recv(&mut [0; 8])), WOULD_BLOCK);

            peer.send(b"more")?;
            let mut sizes = Vec::new();
            let recv = || {
                let mut buf = [std::mem::MaybeUninit::uninit(); 8];
                sizes.push(socket2::SockRef::from(&socket).recv(&mut buf)?);
                Err::<(), _>(ErrorKind::AlreadyExists.into())
            };
            let received = socket.async_io(Interest::READABLE, recv).await;
            assert_eq!(kind(received), Some(ErrorKind::AlreadyExists));
            assert_eq!(sizes, [8]);
        }
        Ok(())
    });
}

/// Nothing is known of a new socket; after a datagram, it is readable until a call finds none.
#[test]
fn readiness_lasts_until_a_call_finds_no_datagram() {
    on_every_runtime(|_| async {
        for origin in Origin::ALL {
            let (socket, peer) = pair(origin).await?;
            clear_readable(&socket).await;
            let mut buf = [0; 8];
            for calls in [
                [
                    kind(socket.try_recv(&mut buf)),
                    kind(socket.try_recv_from(&mut buf)),
                ],
                [
                    kind(socket.try_peek(&mut buf)),
                    kind(socket.try_peek_from(&mut buf)),
                ],
                [
                    kind(socket.try_recv_buf(&mut Vec::new())),
                    kind(socket.try_peek_sender()),
                ],
            ] {
                assert_eq!(calls, [WOULD_BLOCK; 2]);
            }
            peer.send(b"1")?;
            peer.send(b"2")?;
            poll_fn(|cx| socket.poll_recv_ready(cx)).await?;
            assert!(socket.ready(Interest::READABLE).await?.is_readable());
            assert_eq!(socket.try_recv(&mut buf)?, 1);
            socket.readable().await?;
            assert_eq!(socket.try_peek(&mut buf)?, 1);
            assert_eq!(socket.try_recv(&mut buf)?, 1);
            assert_eq!(kind(socket.try_recv(&mut buf)), WOULD_BLOCK);
            let mut readable = Box::pin(socket.readable());
            assert!(Wakes::new().poll(&mut readable).is_pending());
        }
        Ok(())
    });
}

/// Both directions have a waker of their own, and the most recent task has it.
#[test]
fn a_datagram_wakes_the_last_task_that_polled() {
    on_every_runtime(|_| async {
        for origin in Origin::ALL {
            let (socket, peer) = pair(origin).await?;
            poll_fn(|cx| socket.poll_send_ready(cx)).await?;
            clear_readable(&socket).await;
            let (first, second) = (Wakes::new(), Wakes::new());
            let mut bytes = [0; 8];
            let mut buf = ReadBuf::new(&mut bytes);
            assert!(
                first
                    .poll(&mut poll_fn(|cx| socket.poll_recv_ready(cx)))
                    .is_pending()
            );
            let mut receive = poll_fn(|cx| socket.poll_recv(cx, &mut buf));
            assert!(second.poll(&mut receive).is_pending());
            peer.send(b"datagram")?;
            second.reach(1).await;
            assert!(second.poll(&mut receive).is_ready());
            assert_eq!(buf.filled(), b"datagram");
            assert_eq!((first.count(), second.count()), (0, 1));
        }
        Ok(())
    });
}

/// One socket, many tasks, and a sender that goes on until it has been told of every datagram.
#[test]
fn every_datagram_goes_to_one_of_the_tasks_that_wait() {
    const TASKS: usize = 64;
    const DATAGRAMS: u64 = 2_000;
    on_every_runtime(|_| async {
        for origin in Origin::ALL {
            let (socket, sender) = (Arc::new(origin.socket().await?), peer()?);
            sender.connect(socket.local_addr()?)?;
            let taken: Arc<[AtomicUsize]> = (0..DATAGRAMS).map(|_| AtomicUsize::new(0)).collect();
            let total = Arc::new(AtomicU64::new(0));
            let mut tasks = JoinSet::new();
            for task in 0..TASKS {
                let (socket, taken, total) = (socket.clone(), taken.clone(), total.clone());
                tasks.spawn(async move {
                    while let Some(number) = receive_number(&socket, task).await? {
                        taken[number].fetch_add(1, Ordering::SeqCst);
                        total.fetch_add(1, Ordering::SeqCst);
                    }
                    io::Result::Ok(())
                });
            }
            for number in 0..DATAGRAMS {
                while total.load(Ordering::SeqCst) + AHEAD_MAX <= number {
                    turns(1).await;
                }
                sender.send(&number.to_be_bytes())?;
            }
            // Behind the numbers an empty datagram for each task.
            for _ in 0..TASKS {
                sender.send(&[])?;
            }
            for ended in tasks.join_all().await {
                ended?;
            }
            assert!(taken.iter().all(|taken| taken.load(Ordering::SeqCst) == 1));
        }
        Ok(())
    });
}

/// The number in the next datagram, by one call or another. An empty one ends the series.
async fn receive_number(socket: &UdpSocket, task: usize) -> io::Result<Option<usize>> {
    let mut number = [0; 8];
    let count = match task % 3 {
        0 => socket.recv(&mut number).await?,
        1 => socket.recv_from(&mut number).await?.0,
        _ => loop {
            socket.readable().await?;
            match socket.try_recv(&mut number) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => continue,
                result => break result?,
            }
        },
    };
    let number = usize::try_from(u64::from_be_bytes(number)).expect("usize has 64 bits here");
    Ok((count > 0).then_some(number))
}
