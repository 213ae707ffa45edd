//! Sockets that leave their runtime while something waits for them: by `into_std`, by a drop, and
//! from one runtime to another.

use crate::stack::net::UdpSocket;
use crate::support::closing::join;
use crate::support::poll::{Wakes, turns};
use crate::support::setup::{Setup, for_each_setup, on_every_runtime, run_task};
use crate::support::tcp::{self, any_port};
use crate::support::udp::{Origin, pair};
use std::future::poll_fn;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::os::fd::AsRawFd;
use std::sync::Arc;
use tokio::io::ReadBuf;

/// Leaves the waker of another task in `socket`, and lets the driver see that it waits.
async fn leave_waiting(socket: &UdpSocket) -> Arc<Wakes> {
    let wakes = Wakes::new();
    turns(2).await;
    let mut bytes = [0; 8];
    let mut buf = ReadBuf::new(&mut bytes);
    let mut receive = Box::pin(poll_fn(|cx| socket.poll_recv(cx, &mut buf)));
    assert!(wakes.poll(&mut receive).is_pending());
    turns(3).await;
    wakes
}

#[test]
fn a_socket_that_is_taken_out_while_a_task_waits_still_works() {
    on_every_runtime(|_| async {
        for origin in Origin::ALL {
            let (socket, peer) = pair(origin).await?;
            let fd = socket.as_raw_fd();
            leave_waiting(&socket).await;
            let socket = socket.into_std()?;
            assert_eq!(socket.as_raw_fd(), fd);
            turns(3).await;
            let nothing = socket.recv(&mut [0; 8]).map_err(|error| error.kind());
            assert_eq!(nothing, Err(ErrorKind::WouldBlock));

            peer.send(b"datagram")?;
            assert_eq!(socket.recv(&mut [0; 8])?, 8);
            // Nobody else takes what comes, and it can come back.
            peer.send(b"back")?;
            turns(3).await;
            let socket = UdpSocket::from_std(socket)?;
            assert_eq!(socket.recv(&mut [0; 8]).await?, 4);
            peer.send(b"again")?;
            assert_eq!(socket.recv(&mut [0; 8]).await?, 5);
        }
        Ok(())
    });
}

#[test]
fn datagrams_that_were_not_received_go_along() {
    on_every_runtime(|_| async {
        for origin in Origin::ALL {
            let (socket, peer) = pair(origin).await?;
            leave_waiting(&socket).await;
            peer.send(b"1")?;
            peer.send(b"22")?;
            turns(3).await;
            let socket = socket.into_std()?;
            assert_eq!(socket.recv(&mut [0; 8])?, 1);
            let socket = UdpSocket::try_from(socket)?;
            assert_eq!(socket.recv(&mut [0; 8]).await?, 2);
        }
        Ok(())
    });
}

/// Binds the port again as soon as the socket has gone, which can only be once it is closed.
#[test]
fn a_drop_frees_the_port_although_a_task_waits() {
    on_every_runtime(|_| async {
        for origin in Origin::ALL {
            for waits in [false, true] {
                let socket = origin.socket().await?;
                let addr = socket.local_addr()?;
                if waits {
                    leave_waiting(&socket).await;
                }
                drop(socket);
                drop(std::net::UdpSocket::bind(addr)?);
            }
        }
        Ok(())
    });
}

#[test]
fn a_drop_on_a_foreign_thread_frees_the_port_too() {
    on_every_runtime(|_| async {
        for origin in Origin::ALL {
            let socket = origin.socket().await?;
            let addr = socket.local_addr()?;
            leave_waiting(&socket).await;
            join(std::thread::spawn(move || drop(socket))).await?;
            bind_soon(addr).await?;
        }
        Ok(())
    });
}

/// A listed difference: a ring lets go of the socket in its driver's next turn.
async fn bind_soon(addr: SocketAddr) -> io::Result<()> {
    loop {
        match std::net::UdpSocket::bind(addr) {
            Err(error) if error.kind() == ErrorKind::AddrInUse => turns(1).await,
            result => return result.map(drop),
        }
    }
}

#[test]
fn a_task_that_is_aborted_gives_up_its_socket() {
    on_every_runtime(|_| async {
        for origin in Origin::ALL {
            let socket = origin.socket().await?;
            let addr = socket.local_addr()?;
            let task = tokio::spawn(async move { socket.recv(&mut [0; 8]).await });
            turns(3).await;
            task.abort();
            assert!(task.await.is_err_and(|error| error.is_cancelled()));
            bind_soon(addr).await?;
        }
        Ok(())
    });
}

/// Takes a socket into the current runtime, and uses it both ways.
async fn use_here(
    socket: std::net::UdpSocket,
    peer: &std::net::UdpSocket,
) -> io::Result<UdpSocket> {
    let socket = UdpSocket::from_std(socket)?;
    leave_waiting(&socket).await;
    let receive = async {
        let mut buf = [0; 8];
        let received = socket.recv(&mut buf).await;
        received.map(|count| buf[..count].to_vec())
    };
    let send = async {
        turns(3).await;
        peer.send(b"datagram")
    };
    let (received, sent) = tokio::join!(receive, send);
    assert_eq!((received?, sent?), (b"datagram".to_vec(), 8));
    assert_eq!(socket.send(b"answer").await?, 6);
    assert_eq!(peer.recv(&mut [0; 8])?, 6);
    Ok(socket)
}

/// From runtime to runtime, of every kind; the one that it leaves may go on or end.
#[test]
fn a_socket_moves_from_runtime_to_runtime() {
    for_each_setup(|from| {
        for to in Setup::available() {
            for first_ends in [false, true] {
                let (first, second) = (from.runtime(), to.runtime());
                let (give, take) = std::sync::mpsc::channel();
                run_task(&first, async move {
                    tcp::warm_up().await?;
                    let (socket, peer) = pair(Origin::Bound).await?;
                    let socket = use_here(socket.into_std()?, &peer).await?;
                    leave_waiting(&socket).await;
                    let moved = (socket.into_std()?, peer);
                    give.send(moved).expect("the other end is open");
                    Ok(())
                });
                if first_ends {
                    drop(first);
                }
                let (socket, peer) = take.recv().expect("the task has sent it");
                run_task(&second, async move {
                    let socket = use_here(socket, &peer).await?;
                    drop(socket);
                    Ok(())
                });
            }
        }
    });
}

/// What was bound here is bound there, and a socket that outlives its runtime says so.
#[test]
fn a_socket_that_outlives_its_runtime_fails_and_can_be_taken_out() {
    for_each_setup(|setup| {
        let runtime = setup.runtime();
        let socket = runtime.block_on(UdpSocket::bind(any_port()));
        let socket = socket.expect("a port is free");
        drop(runtime);
        let other = setup.runtime();
        let error = other
            .block_on(socket.recv(&mut [0; 8]))
            .expect_err("it is over");
        let text = "A Tokio 1.x context was found, but it is being shutdown.";
        assert_eq!(error.to_string(), text);
        let socket = socket.into_std().expect("the descriptor is ours");
        let addr = socket.local_addr().expect("it is bound");
        socket
            .send_to(b"hello", addr)
            .expect("the loopback takes it");
        assert_eq!(socket.recv(&mut [0; 8]).expect("it has come"), 5);
    });
}
