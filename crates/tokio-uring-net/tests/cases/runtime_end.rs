//! Sockets that outlive their runtime.

use crate::stack::net::{TcpListener, TcpStream};
use crate::support::poll::Wakes;
use crate::support::setup::for_each_setup;
use crate::support::tcp::{Origin, any_port, client, pair};
use std::io::{self, Write};
use std::task::Poll;
use tokio::io::{AsyncReadExt, AsyncWriteExt, Interest};
use tokio::runtime::is_rt_shutdown_err;

/// Polls a call once, outside any runtime: it must fail because the runtime of its socket has
/// ended.
#[track_caller]
fn shut_down<T>(call: &str, future: impl Future<Output = io::Result<T>>) {
    match Wakes::new().poll(&mut Box::pin(future)) {
        Poll::Ready(Err(error)) => assert!(is_rt_shutdown_err(&error), "{call}: {error:?}"),
        Poll::Ready(Ok(_)) => panic!("{call} works without a runtime"),
        Poll::Pending => panic!("{call} waits for nothing"),
    }
}

fn fail_all(stream: &mut TcpStream) {
    shut_down("read", stream.read(&mut [0; 8]));
    shut_down("peek", stream.peek(&mut [0; 8]));
    shut_down("readable", stream.readable());
    shut_down("writable", stream.writable());
    shut_down(
        "ready",
        stream.ready(Interest::READABLE | Interest::WRITABLE),
    );
    shut_down("write", stream.write(b"bytes"));
    shut_down(
        "write_vectored",
        stream.write_vectored(&[io::IoSlice::new(b"bytes")]),
    );
    shut_down("async_io", stream.async_io(Interest::READABLE, || Ok(())));
}

#[test]
fn every_call_on_a_stream_fails_after_the_end_of_its_runtime() {
    for_each_setup(|setup| {
        for origin in Origin::ALL {
            let runtime = setup.runtime();
            let made = runtime.block_on(pair(origin));
            let (mut stream, mut peer) = made.expect("sockets can be made");
            drop(runtime);
            fail_all(&mut stream);
            // Bytes make no difference.
            peer.write_all(b"bytes").expect("the stream is open");
            fail_all(&mut stream);
            // What needs no runtime works.
            assert!(stream.peer_addr().is_ok() && stream.nodelay().is_ok());
        }
    });
}

#[test]
fn an_accept_fails_after_the_end_of_its_runtime() {
    for_each_setup(|setup| {
        let runtime = setup.runtime();
        let made = runtime.block_on(TcpListener::bind(any_port()));
        let listener = made.expect("a port is free");
        drop(runtime);
        shut_down("accept", listener.accept());
        let waiting = client(listener.local_addr().expect("it is bound"));
        shut_down("accept", listener.accept());
        drop(waiting);
    });
}

#[test]
fn calls_in_flight_are_woken_by_the_end_of_their_runtime() {
    for_each_setup(|setup| {
        let runtime = setup.runtime();
        let made = runtime.block_on(async {
            let listener = TcpListener::bind(any_port()).await?;
            io::Result::Ok((listener, pair(Origin::Accepted).await?))
        });
        let (listener, (mut stream, _peer)) = made.expect("sockets can be made");
        let [reads, readables, accepts] = [(); 3].map(|()| Wakes::new());
        let mut buf = [0; 8];
        let (mut read_half, write_half) = stream.split();
        let mut read = Box::pin(read_half.read(&mut buf));
        let mut accept = Box::pin(listener.accept());
        assert!(reads.poll(&mut read).is_pending());
        assert!(accepts.poll(&mut accept).is_pending());
        let mut readable = Box::pin(write_half.as_ref().readable());
        assert!(readables.poll(&mut readable).is_pending());
        drop(runtime);
        assert!(reads.count() > 0 && accepts.count() > 0 && readables.count() > 0);
        shut_down("read", read);
        shut_down("accept", accept);
        shut_down("readable", readable);
    });
}

#[test]
fn a_stream_may_leave_its_runtime_after_its_end() {
    for_each_setup(|setup| {
        let runtime = setup.runtime();
        let made = runtime.block_on(pair(Origin::Connected));
        let (stream, mut peer) = made.expect("sockets can be made");
        drop(runtime);
        let stream = stream.into_std().expect("it is still a socket");
        let next = setup.runtime();
        let used = next.block_on(async {
            let mut stream = TcpStream::from_std(stream)?;
            peer.write_all(b"bytes")?;
            let mut bytes = [0; 5];
            stream.read_exact(&mut bytes).await?;
            io::Result::Ok(bytes)
        });
        assert_eq!(&used.expect("it works in another runtime"), b"bytes");
    });
}
