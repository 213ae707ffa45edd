//! Datagram sockets that leave their runtime, or outlive it.

use crate::stack::net::UnixDatagram;
use crate::support::files::TempPath;
use crate::support::poll::{Wakes, turns};
use crate::support::ready::kind;
use crate::support::setup::{Setup, alone, for_each_setup, on_every_runtime, run_task};
use std::future::poll_fn;
use std::io::{self, ErrorKind};
use std::os::fd::AsFd;
use std::os::unix::net;
use std::sync::Arc;
use tokio::io::{Interest, ReadBuf};
use tokio::runtime::is_rt_shutdown_err;

/// Has the driver wait for datagrams to `socket`, by every way to wait.
async fn wait(socket: &UnixDatagram) {
    let wakes = Wakes::new();
    let mut bytes = [0; 8];
    let mut recv = Box::pin(socket.recv(&mut bytes));
    assert!(wakes.poll(&mut recv).is_pending());
    let mut bytes = [0; 8];
    let mut buf = ReadBuf::new(&mut bytes);
    let mut poll = Box::pin(poll_fn(|cx| socket.poll_recv(cx, &mut buf)));
    assert!(wakes.poll(&mut poll).is_pending());
    turns(3).await;
}

#[test]
fn a_socket_that_was_waited_for_can_be_taken_out() {
    on_every_runtime(|_| async {
        let (one, other) = UnixDatagram::pair()?;
        wait(&other).await;
        one.send(b"not received").await?;
        let other = other.into_std()?;
        let mut buf = [0; 16];
        assert_eq!(other.recv(&mut buf)?, 12);
        assert_eq!(kind(other.recv(&mut buf)), Some(ErrorKind::WouldBlock));
        let other = UnixDatagram::from_std(other)?;
        one.send(b"again").await?;
        assert_eq!(other.recv(&mut buf).await?, 5);
        Ok(())
    });
}

#[test]
fn a_socket_that_was_waited_for_is_closed_when_it_is_dropped() {
    on_every_runtime(|_| async {
        let path = TempPath::new();
        let socket = UnixDatagram::bind(&path)?;
        let client = net::UnixDatagram::unbound()?;
        client.connect(&path)?;
        wait(&socket).await;
        client.send(b"lost")?;
        drop(socket);
        assert_eq!(kind(client.send(b"x")), Some(ErrorKind::ConnectionRefused));
        Ok(())
    });
}

#[test]
fn a_socket_dropped_on_another_thread_is_closed_by_the_driver() {
    on_every_runtime(|_| async {
        let path = TempPath::new();
        let socket = UnixDatagram::bind(&path)?;
        let client = net::UnixDatagram::unbound()?;
        client.connect(&path)?;
        wait(&socket).await;
        client.set_nonblocking(true)?;
        let dropped = tokio::task::spawn_blocking(|| drop(socket));
        dropped.await?;
        let refused = loop {
            match client.send(b"x") {
                Err(error) if error.kind() != ErrorKind::WouldBlock => break error,
                Ok(_) | Err(_) => turns(1).await,
            }
        };
        assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
        Ok(())
    });
}

#[test]
fn a_duplicate_keeps_the_socket_open() {
    on_every_runtime(|_| async {
        let (one, other) = UnixDatagram::pair()?;
        wait(&other).await;
        let duplicate = net::UnixDatagram::from(other.as_fd().try_clone_to_owned()?);
        drop(other);
        turns(3).await;
        one.send(b"hello").await?;
        assert_eq!(duplicate.recv(&mut [0; 16])?, 5);
        Ok(())
    });
}

/// This set-up next to every other one.
fn with_every_other(test: impl Fn(Setup, Setup)) {
    for_each_setup(|one| Setup::available().for_each(|two| test(one, two)));
}

#[test]
fn a_socket_goes_from_runtime_to_runtime() {
    with_every_other(|home, abroad| {
        let (home, abroad) = (home.runtime(), abroad.runtime());
        let pair = home.block_on(async { UnixDatagram::pair() });
        let (one, other) = pair.expect("sockets can be made");
        home.block_on(wait(&other));
        run_task(&abroad, async move {
            let moved = UnixDatagram::from_std(other.into_std()?)?;
            let sent = one.into_std()?.send(b"hello")?;
            assert_eq!(moved.recv(&mut [0; 16]).await?, sent);
            Ok(())
        });
    });
}

#[test]
fn two_runtimes_send_to_each_other() {
    with_every_other(|home, abroad| {
        let (home, abroad) = (home.runtime(), abroad.runtime());
        let paths = Arc::new([TempPath::new(), TempPath::new()]);
        let made = home.block_on(async { UnixDatagram::bind(&paths[0]) });
        let socket = made.expect("a socket can be made");
        let other = paths.clone();
        let thread = std::thread::spawn(move || {
            run_task(&home, async move {
                let mut buf = [0; 16];
                for _ in 0..100 {
                    let received = socket.recv(&mut buf).await?;
                    socket.send_to(&buf[..received], &other[1]).await?;
                }
                Ok(())
            });
        });
        run_task(&abroad, async move {
            let socket = UnixDatagram::bind(&paths[1])?;
            for _ in 0..100 {
                socket.send_to(b"hello", &paths[0]).await?;
                let (received, from) = socket.recv_from(&mut [0; 16]).await?;
                assert_eq!(received, 5);
                assert_eq!(from.as_pathname(), Some(paths[0].as_ref()));
            }
            Ok(())
        });
        thread.join().expect("no call fails");
    });
}

/// Polls a call once, outside any runtime: its runtime has ended.
#[track_caller]
fn shut_down<T>(future: impl Future<Output = io::Result<T>>) {
    match Wakes::new().poll(&mut Box::pin(future)) {
        std::task::Poll::Ready(Err(error)) => assert!(is_rt_shutdown_err(&error), "{error}"),
        std::task::Poll::Ready(Ok(_)) => panic!("it works without a runtime"),
        std::task::Poll::Pending => panic!("it waits for nothing"),
    }
}

#[test]
fn every_wait_fails_after_the_end_of_the_runtime() {
    for_each_setup(|setup| {
        let runtime = setup.runtime();
        let pair = runtime.block_on(async { UnixDatagram::pair() });
        let (one, other) = pair.expect("sockets can be made");
        runtime.block_on(wait(&other));
        drop(runtime);
        shut_down(one.send(b"x"));
        shut_down(other.recv(&mut [0; 8]));
        shut_down(other.recv_from(&mut [0; 8]));
        shut_down(other.readable());
        shut_down(other.ready(Interest::WRITABLE));
        shut_down(poll_fn(|cx| one.poll_send(cx, b"x")));
        assert!(one.local_addr().is_ok());
    });
}

#[test]
#[should_panic(expected = "there is no reactor running")]
fn a_socket_needs_a_runtime() {
    let _alone = alone();
    drop(UnixDatagram::unbound());
}
