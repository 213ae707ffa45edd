//! Runtimes that live for a moment leave nothing behind.

use crate::stack::net::{TcpListener, TcpStream};
use crate::support::fds::Fds;
use crate::support::memory::Gauge;
use crate::support::poll::turns;
use crate::support::setup::{Setup, for_each_setup};
use crate::support::skip;
use crate::support::tcp::{Origin, any_port, client, free_ports_on_close, pair};
use socket2::{Domain, Socket, Type};
use std::future::pending;
use std::io;
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const RUNTIMES: usize = 200;
/// Something else in the cgroup may grow during one batch, and during another; a leak grows in all
/// of them.
const BATCHES: usize = 5;
/// Far under what one leaked ring, or all sockets of one runtime, would come to in a batch.
const GROWTH_BYTES_MAX: u64 = 2 << 20;

/// Starts operations of every kind that cannot end.
async fn start_operations(full: SocketAddr) -> io::Result<()> {
    let listener = TcpListener::bind(any_port()).await?;
    tokio::spawn(async move { listener.accept().await.map(drop) });
    tokio::spawn(async move { TcpStream::connect(full).await.map(drop) });
    for origin in Origin::ALL {
        let (mut reading, peer) = pair(origin).await?;
        free_ports_on_close(&peer)?;
        tokio::spawn(async move {
            let read = reading.read(&mut [0; 8]).await;
            drop(peer);
            read
        });
        let (mut writing, peer) = pair(origin).await?;
        free_ports_on_close(&peer)?;
        tokio::spawn(async move {
            let bytes = vec![0; 64 << 10];
            while writing.write(&bytes).await? > 0 {}
            drop(peer);
            io::Result::Ok(())
        });
    }
    let (waiting, peer) = pair(Origin::Accepted).await?;
    free_ports_on_close(&peer)?;
    tokio::spawn(async move {
        waiting.try_read(&mut [0; 8]).ok();
        waiting.readable().await?;
        drop(peer);
        pending::<io::Result<()>>().await
    });
    turns(3).await;
    Ok(())
}

fn batch(setup: Setup, full: SocketAddr) {
    for number in 0..RUNTIMES {
        let runtime = setup.runtime();
        let started = runtime.block_on(start_operations(full));
        started.expect("sockets can be made");
        if number % 8 == 0 {
            runtime.shutdown_background();
        } else {
            drop(runtime);
        }
    }
}

fn read(gauges: &[Gauge]) -> Vec<u64> {
    let read = |gauge: &Gauge| gauge.read().expect("it could be read before");
    gauges.iter().map(read).collect()
}

#[test]
fn runtimes_that_end_with_operations_in_flight_leave_nothing_behind() {
    for_each_setup(|setup| {
        let mut gauges = Vec::new();
        if cfg!(ring_core_asan) {
            skip("resident memory: AddressSanitizer keeps what was freed");
        } else {
            gauges.push(Gauge::resident());
        }
        match Gauge::kernel() {
            Some(kernel) => gauges.push(kernel),
            None => skip("the kernel memory of the cgroup cannot be read"),
        }
        let full = FullListener::bind().expect("a port is free");
        let descriptors = Fds::now();
        let mut least = vec![u64::MAX; gauges.len()];
        for number in 0..=BATCHES {
            let before = read(&gauges);
            batch(setup, full.address);
            descriptors.wait_returned();
            // The first batch warms up allocators and caches.
            if number > 0 {
                for ((least, before), after) in least.iter_mut().zip(before).zip(read(&gauges)) {
                    *least = (*least).min(after.saturating_sub(before));
                }
            }
            println!("{least:?}");
            if least.iter().all(|&growth| growth <= GROWTH_BYTES_MAX) {
                break;
            }
        }
        for (gauge, least) in gauges.iter().zip(least) {
            let name = gauge.name;
            assert!(least <= GROWTH_BYTES_MAX, "{name} grows by {least} bytes");
        }
    });
}

/// A listener to which nobody can connect, because its queue is full.
struct FullListener {
    address: SocketAddr,
    _listener: std::net::TcpListener,
    _queued: std::net::TcpStream,
}

impl FullListener {
    fn bind() -> io::Result<FullListener> {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        socket.bind(&any_port().into())?;
        socket.listen(0)?;
        let listener = std::net::TcpListener::from(socket);
        let address = listener.local_addr()?;
        Ok(FullListener {
            address,
            _listener: listener,
            _queued: client(address)?,
        })
    }
}
