//! A slow reader holds back its own peer and nobody else; receive buffers are few, and nobody needs
//! one.

use crate::flow::{AHEAD_MAX, for_each_setup, on_every_runtime};
use crate::stack::net::{TcpStream, metrics};
use crate::support::closing::join;
use crate::support::echo::Client;
use crate::support::memory::Gauge;
use crate::support::pattern::Pattern;
use crate::support::setup::run_task;
use crate::support::tcp::{Origin, both_ends, pair};
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// Much more than the kernel holds for a connection.
const BYTES: u64 = 64 << 20;
/// Far less than that, and more than the tests themselves need.
const MEMORY_MAX: u64 = 16 << 20;

/// Lets a neighbour go on until the writer does not get any further.
async fn until_stuck(progress: &AtomicU64, neighbour: &mut Client) -> io::Result<()> {
    let mut last = 0;
    loop {
        for _ in 0..100 {
            neighbour.round(900).await?;
        }
        let now = progress.load(Ordering::SeqCst);
        if now > 0 && now == last {
            return Ok(());
        }
        last = now;
    }
}

#[test]
fn a_reader_that_sleeps_holds_back_its_own_peer_alone() {
    on_every_runtime(|_| async {
        let mut neighbour = Client::connect(2).await?;
        neighbour.round(900).await?;
        let memory = Gauge::resident().read().expect("/proc is mounted");
        let (mut stream, mut peer) = pair(Origin::Accepted).await?;
        let progress = Arc::new(AtomicU64::new(0));
        let made = progress.clone();
        let writer = std::thread::spawn(move || {
            let mut sent = Pattern::new(1);
            while sent.offset() < BYTES {
                peer.write_all(&sent.bytes(16 << 10)).expect("it is read");
                sent.skip(16 << 10);
                made.store(sent.offset(), Ordering::SeqCst);
            }
        });
        let mut received = Pattern::new(1);
        let mut buf = vec![0; 256 << 10];
        assert_eq!(stream.read(&mut buf[..1]).await?, 1);
        received.take(&buf[..1]);
        until_stuck(&progress, &mut neighbour).await?;
        assert!(progress.load(Ordering::SeqCst) < BYTES / 2);
        assert!(stream.bytes_ahead() <= AHEAD_MAX);
        assert!(metrics().recv_buffers <= 3);
        let more = Gauge::resident().read().expect("/proc is mounted");
        assert!(more < memory + MEMORY_MAX, "{memory} -> {more}");
        while received.offset() < BYTES {
            let count = stream.read(&mut buf).await?;
            received.take(&buf[..count]);
        }
        join(writer).await
    });
}

const CONNECTIONS: u64 = 200;
const ROUNDS: usize = 10;
const LEN: usize = 900;

/// Sends back what it reads in small pieces.
async fn echo(mut stream: TcpStream, buffers: u64) -> io::Result<()> {
    let mut buf = [0; 100];
    loop {
        match stream.read(&mut buf).await? {
            0 => return Ok(()),
            count => stream.write_all(&buf[..count]).await?,
        }
        assert!(metrics().recv_buffers <= buffers);
    }
}

/// Rounds of several small writes and many small reads.
async fn rounds(mut stream: TcpStream, lane: u64, buffers: u64) -> io::Result<()> {
    let (mut sent, mut received) = (Pattern::new(lane), Pattern::new(lane));
    for _ in 0..ROUNDS {
        for _ in 0..3 {
            stream.write_all(&sent.bytes(LEN / 3)).await?;
            sent.skip(LEN / 3);
        }
        let mut left = LEN;
        let mut buf = [0; 50];
        while left > 0 {
            let len = left.min(buf.len());
            let count = stream.read(&mut buf[..len]).await?;
            assert!(count > 0, "the peer is there");
            received.take(&buf[..count]);
            left -= count;
            assert!(metrics().recv_buffers <= buffers);
        }
    }
    Ok(())
}

async fn many_connections(buffers: u64) -> io::Result<()> {
    // One keeps a buffer for as long as it likes.
    let (mut keeper, mut peer) = pair(Origin::Accepted).await?;
    peer.write_all(&Pattern::new(1).bytes(100))?;
    let mut first = [0; 10];
    keeper.read_exact(&mut first).await?;
    Pattern::new(1).check(&first);
    let before = metrics();
    assert_eq!(keeper.bytes_ahead() > 0, buffers > 0);
    let mut tasks = Vec::new();
    for lane in 0..CONNECTIONS {
        let (server, client) = both_ends().await?;
        tokio::spawn(echo(server, buffers));
        tasks.push(tokio::spawn(rounds(client, lane, buffers)));
    }
    for task in tasks {
        task.await??;
    }
    let after = metrics();
    // Whoever found a buffer used it, nobody else did.
    let by_read = after.receives_ahead > before.receives_ahead;
    let by_ring = after.received > before.received;
    assert_eq!(by_read || by_ring, buffers > 1);
    let mut rest = [0; 90];
    keeper.read_exact(&mut rest).await?;
    let mut received = Pattern::new(1);
    received.skip(10);
    received.check(&rest);
    assert_eq!(keeper.bytes_ahead(), 0);
    Ok(())
}

#[test]
fn any_number_of_receive_buffers_serves_many_connections() {
    for_each_setup(|setup| {
        for buffers in [0, 1, 2] {
            let runtime = setup.bare_runtime();
            runtime.block_on(async {
                let builder = setup.stack.builder().recv_buffers(buffers);
                builder.install().expect("the driver can be had");
            });
            run_task(&runtime, many_connections(buffers as u64));
        }
    });
}
