//! Cancelled connects: no descriptor and no connection is left behind.

use crate::stack::net::{TcpSocket, TcpStream};
use crate::support::cancel::Canceller;
use crate::support::fds::Fds;
use crate::support::poll::{BoxFuture, poll_once, turns};
use crate::support::rng::Rng;
use crate::support::setup::on_every_runtime;
use crate::support::tcp::{any_port, client, free_ports_on_close};
use socket2::{Domain, Socket, Type};
use std::io::{self, ErrorKind, Read, Write};
use std::net::SocketAddr;
use tokio::io::AsyncReadExt as _;

const CANCELLATIONS: usize = 1_000;

fn any_connect(address: SocketAddr, rng: &mut Rng) -> BoxFuture<'static, io::Result<TcpStream>> {
    if rng.one_in(2) {
        Box::pin(TcpStream::connect(address))
    } else {
        Box::pin(async move { TcpSocket::new_v4()?.connect(address).await })
    }
}

/// Waits until the other end of `peer` is closed.
async fn closed(mut peer: std::net::TcpStream) {
    free_ports_on_close(&peer).expect("the option is there");
    peer.set_nonblocking(true).expect("a socket can be set so");
    loop {
        match peer.read(&mut [0; 16]) {
            Ok(0) => return,
            Ok(_) => panic!("a cancelled connect sent something"),
            Err(error) if error.kind() == ErrorKind::WouldBlock => turns(1).await,
            Err(error) => return assert_eq!(error.kind(), ErrorKind::ConnectionReset),
        }
    }
}

#[test]
fn a_cancelled_connect_leaves_no_descriptor_and_no_connection() {
    let rng = Rng::from_env();
    on_every_runtime(move |_| {
        let rng = rng.clone();
        async move {
            let listener = std::net::TcpListener::bind(any_port())?;
            listener.set_nonblocking(true)?;
            let address = listener.local_addr()?;
            let before = Fds::now();
            let mut canceller = Canceller::new(rng);
            // A driver that looks before it waits finds most of them made at the first poll.
            for _ in 0..2 * CANCELLATIONS {
                let connect = any_connect(address, &mut canceller.rng);
                if let Some(mut stream) = canceller.run(connect, |_| {}).await.transpose()? {
                    serve(&listener, &mut stream).await?;
                }
                while let Ok((peer, _)) = listener.accept() {
                    closed(peer).await;
                }
            }
            before.returned().await;
            Ok(())
        }
    });
}

/// Checks that `stream` is connected: whoever else waits at `listener` was cancelled, and is
/// closed.
async fn serve(listener: &std::net::TcpListener, stream: &mut TcpStream) -> io::Result<()> {
    let local = stream.local_addr()?;
    loop {
        let (mut peer, address) = listener.accept()?;
        free_ports_on_close(&peer)?;
        if address == local {
            peer.write_all(b"hello")?;
            let mut hello = [0; 5];
            stream.read_exact(&mut hello).await?;
            assert_eq!(&hello, b"hello");
            return Ok(());
        }
        closed(peer).await;
    }
}

/// A listener whose queue is full: connecting to it takes until somebody accepts.
struct FullListener {
    listener: std::net::TcpListener,
    queued: Vec<std::net::TcpStream>,
}

impl FullListener {
    fn bind() -> io::Result<FullListener> {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        socket.bind(&any_port().into())?;
        socket.listen(0)?;
        let listener = std::net::TcpListener::from(socket);
        let queued = vec![client(listener.local_addr()?)?];
        Ok(FullListener { listener, queued })
    }
}

#[test]
fn connects_cancelled_while_the_listener_is_full_are_never_made() {
    let rng = Rng::from_env();
    on_every_runtime(move |_| {
        let mut rng = rng.clone();
        async move {
            let full = FullListener::bind()?;
            let address = full.listener.local_addr()?;
            let before = Fds::now();
            for _ in 0..CANCELLATIONS / 100 {
                let mut connects: Vec<_> =
                    (0..100).map(|_| any_connect(address, &mut rng)).collect();
                for connect in &mut connects {
                    assert!(poll_once(connect).await.is_pending());
                    turns(rng.below(2)).await;
                }
                // Those in the middle go first, while their neighbours are still in flight.
                while !connects.is_empty() {
                    drop(connects.swap_remove(rng.below(connects.len())));
                }
            }
            before.returned().await;
            full.listener.set_nonblocking(true)?;
            for queued in &full.queued {
                assert_eq!(full.listener.accept()?.1, queued.local_addr()?);
            }
            turns(10).await;
            let none = full.listener.accept().map(|_| ());
            assert_eq!(
                none.map_err(|error| error.kind()),
                Err(ErrorKind::WouldBlock)
            );
            Ok(())
        }
    });
}
