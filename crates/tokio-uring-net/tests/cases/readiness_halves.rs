//! Half-closed streams, and halves that live in different threads.

use crate::stack::net::TcpStream;
use crate::support::closing::{closed, read_all};
use crate::support::pattern::Pattern;
use crate::support::setup::{for_each_setup, on_every_runtime, run_task};
use crate::support::tcp::{Origin, both_ends, pair, warm_up};
use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::sync::mpsc::channel;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::runtime::Handle;
use tokio::sync::oneshot;

/// More than the kernel holds between two ends of a connection.
const STREAM_BYTES: usize = 16 << 20;

#[test]
fn a_stream_shut_down_for_writing_still_reads() {
    on_every_runtime(|_| async {
        for origin in Origin::ALL {
            let (mut stream, mut peer) = pair(origin).await?;
            stream.write_all(&Pattern::new(1).bytes(100)).await?;
            stream.shutdown().await?;
            read_all(&peer, 100);
            peer.write_all(b"late")?;
            let mut late = [0; 4];
            stream.read_exact(&mut late).await?;
            assert_eq!(&late, b"late");
            peer.shutdown(Shutdown::Write)?;
            assert_eq!(stream.read(&mut late).await?, 0);
        }
        Ok(())
    });
}

#[test]
fn a_stream_whose_peer_was_shut_down_for_writing_still_writes() {
    on_every_runtime(|_| async {
        for origin in Origin::ALL {
            let (mut stream, peer) = pair(origin).await?;
            peer.shutdown(Shutdown::Write)?;
            assert_eq!(stream.read(&mut [0; 8]).await?, 0);
            stream.write_all(&Pattern::new(1).bytes(100)).await?;
            drop(stream);
            read_all(&peer, 100);
        }
        Ok(())
    });
}

#[test]
fn a_dropped_write_half_shuts_down_and_a_forgotten_one_does_not() {
    on_every_runtime(|_| async {
        for origin in Origin::ALL {
            let (stream, mut peer) = pair(origin).await?;
            let (mut read, write) = stream.into_split();
            drop(write);
            read_all(&peer, 0);
            peer.write_all(b"late")?;
            read.read_exact(&mut [0; 4]).await?;
            drop(read);
            closed(&peer).await;

            let (stream, mut peer) = pair(origin).await?;
            let (mut read, write) = stream.into_split();
            write.forget();
            peer.write_all(b"late")?;
            read.read_exact(&mut [0; 4]).await?;
            peer.set_nonblocking(true)?;
            let open = peer.read(&mut [0; 1]).map_err(|error| error.kind());
            assert_eq!(open, Err(io::ErrorKind::WouldBlock));
            peer.set_nonblocking(false)?;
            drop(read);
            read_all(&peer, 0);
        }
        Ok(())
    });
}

#[test]
fn reunited_halves_are_the_stream_they_were() {
    on_every_runtime(|_| async {
        let (stream, mut peer) = pair(Origin::Accepted).await?;
        let (other, _other_peer) = pair(Origin::Accepted).await?;
        let address = stream.local_addr()?;
        let (read, write) = stream.into_split();
        let (other_read, other_write) = other.into_split();
        let wrong = read.reunite(other_write).expect_err("they are strangers");
        let mut stream: TcpStream = wrong.0.reunite(write).expect("they belong together");
        drop((wrong.1, other_read));
        assert_eq!(stream.local_addr()?, address);
        stream.write_all(b"bytes").await?;
        let mut bytes = [0; 5];
        peer.read_exact(&mut bytes)?;
        assert_eq!(&bytes, b"bytes");
        Ok(())
    });
}

async fn send(mut half: impl AsyncWrite + Unpin) -> io::Result<()> {
    half.write_all(&Pattern::new(1).bytes(STREAM_BYTES)).await?;
    half.shutdown().await
}

async fn receive(mut half: impl AsyncRead + Unpin) -> io::Result<()> {
    let mut received = Vec::new();
    half.read_to_end(&mut received).await?;
    assert_eq!(received.len(), STREAM_BYTES);
    Pattern::new(1).check(&received);
    Ok(())
}

/// Sends both ways through both streams, each half in a thread of its own.
fn pump_in_threads(handle: &Handle, mut one: TcpStream, two: TcpStream) {
    let (read_one, write_one) = one.split();
    let (read_two, write_two) = two.into_split();
    std::thread::scope(|scope| {
        let threads = [
            scope.spawn(|| handle.block_on(send(write_one))),
            scope.spawn(|| handle.block_on(receive(read_one))),
            scope.spawn(|| handle.block_on(send(write_two))),
            scope.spawn(|| handle.block_on(receive(read_two))),
        ];
        for thread in threads {
            let joined = thread.join().expect("no byte is missing");
            joined.expect("no half fails");
        }
    });
}

#[test]
fn halves_are_polled_from_any_thread_in_both_directions() {
    for_each_setup(|setup| {
        let runtime = setup.runtime();
        let handle = runtime.handle().clone();
        let (tell, told) = channel();
        let (finish, finished) = oneshot::channel();
        let pump = std::thread::spawn(move || {
            let (one, two) = told.recv().expect("the runtime makes them");
            pump_in_threads(&handle, one, two);
            finish.send(()).expect("the runtime waits");
        });
        run_task(&runtime, async move {
            warm_up().await?;
            tell.send(both_ends().await?).expect("the thread waits");
            finished.await.expect("every byte arrives");
            Ok(())
        });
        pump.join().expect("every byte arrives");
    });
}
