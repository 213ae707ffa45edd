//! A process with connections in every state, before and after it forks.

use super::echo::{Client, clients, echo};
use super::poll::turns;
use super::setup::Setup;
use super::tcp::{self, any_port};
use super::{HANG, closing, pattern::Pattern};
use crate::stack::net::{TcpListener, TcpStream};
use std::io::{self, Read, Write};
use std::net::SocketAddr;
use tokio::runtime::Runtime;

/// A runtime in which reads and an accept wait, and the other ends of all connections.
#[derive(Debug)]
pub(crate) struct Parent {
    pub(crate) runtime: Runtime,
    /// Streams whose other ends wait in tasks.
    pub(crate) clients: Vec<Client>,
    /// Streams that nobody waits for at the moment, and their peers.
    pub(crate) idle: Vec<(TcpStream, std::net::TcpStream)>,
    address: SocketAddr,
}

impl Parent {
    pub(crate) fn start(setup: Setup) -> Parent {
        let runtime = setup.runtime();
        let started = runtime.block_on(async {
            let listener = TcpListener::bind(any_port()).await?;
            let address = listener.local_addr()?;
            tokio::spawn(serve(listener));
            let mut idle = Vec::new();
            for origin in tcp::Origin::ALL {
                for before in closing::Before::ALL {
                    let (mut stream, peer) = tcp::pair(origin).await?;
                    before.happen(&mut stream).await;
                    idle.push((stream, peer));
                }
            }
            let mut clients = clients(5).await?;
            for client in &mut clients {
                client.round(1_000).await?;
            }
            turns(5).await;
            io::Result::Ok((clients, idle, address))
        });
        let (clients, idle, address) = started.expect("sockets can be made");
        Parent {
            runtime,
            clients,
            idle,
            address,
        }
    }

    /// Everything goes on: waiting reads and accepts, idle streams, new ones, and the ends of
    /// streams.
    pub(crate) fn goes_on(&mut self) {
        let Parent {
            runtime,
            clients,
            idle,
            address,
        } = self;
        let work = async {
            for _ in 0..20 {
                for client in clients.iter_mut() {
                    client.round(1_000).await?;
                }
                Client::connect(100).await?.round(1_000).await?;
            }
            let mut client = Client::new(TcpStream::connect(*address).await?, 101);
            client.round(1_000).await?;
            io::Result::Ok(())
        };
        let work = runtime.block_on(async { tokio::time::timeout(HANG, work).await });
        work.expect("nothing hangs").expect("no call fails");
        for (stream, peer) in idle.iter_mut() {
            let both_ways = runtime.block_on(both_ways(stream, peer));
            both_ways.expect("no call fails");
        }
        self.streams_end();
    }

    fn streams_end(&mut self) {
        let idle = std::mem::take(&mut self.idle);
        self.runtime.block_on(async {
            for (stream, peer) in idle {
                drop(stream);
                closing::read_all(&peer, 0);
            }
        });
    }
}

async fn serve(listener: TcpListener) -> io::Result<()> {
    loop {
        let (stream, _) = listener.accept().await?;
        tokio::spawn(echo(stream));
    }
}

async fn both_ways(stream: &mut TcpStream, peer: &mut std::net::TcpStream) -> io::Result<()> {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let pattern = Pattern::new(7);
    let mut received = vec![0; 1_000];
    let read = async {
        turns(2).await;
        peer.write_all(&pattern.bytes(1_000))?;
        io::Result::Ok(())
    };
    let (read, written) = tokio::join!(stream.read_exact(&mut received), read);
    read.and(written.map(|()| 0))?;
    pattern.check(&received);
    stream.write_all(&pattern.bytes(1_000)).await?;
    peer.read_exact(&mut received)?;
    pattern.check(&received);
    Ok(())
}
