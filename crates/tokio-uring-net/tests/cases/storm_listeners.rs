//! Connections made and taken in a storm, by listeners that everybody shares.

use crate::stack::net::{TcpListener, TcpSocket, TcpStream};
use crate::support::cancel::Canceller;
use crate::support::poll::BoxFuture;
use crate::support::rng::Rng;
use crate::support::tcp::any_port;
use socket2::{Domain, Socket, Type};
use std::future::poll_fn;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::time::Duration;

/// Each is shared by many workers.
const LISTENERS: usize = 4;
/// Far under the backlog of a listener, for each worker.
const CLIENTS_MAX: usize = 4;

/// What all workers use.
#[derive(Debug)]
pub(crate) struct Shared {
    listeners: Vec<(TcpListener, SocketAddr)>,
    full: FullListener,
}

impl Shared {
    pub(crate) async fn bind() -> io::Result<Shared> {
        let mut listeners = Vec::new();
        for _ in 0..LISTENERS {
            let listener = TcpListener::bind(any_port()).await?;
            let address = listener.local_addr()?;
            listeners.push((listener, address));
        }
        let full = FullListener::bind()?;
        Ok(Shared { listeners, full })
    }

    fn any(&self, rng: &mut Rng) -> &(TcpListener, SocketAddr) {
        &self.listeners[rng.below(self.listeners.len())]
    }
}

/// A listener to which nobody can connect, because its queue is full.
#[derive(Debug)]
struct FullListener {
    address: SocketAddr,
    _listener: Socket,
    _queued: Socket,
}

impl FullListener {
    fn bind() -> io::Result<FullListener> {
        let listener = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        listener.bind(&any_port().into())?;
        listener.listen(0)?;
        let address = listener.local_addr()?;
        let queued = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        queued.connect(&address)?;
        Ok(FullListener {
            address: address.as_socket().expect("it is one of IPv4"),
            _listener: listener,
            _queued: queued,
        })
    }
}

/// Connections from outside the runtime, which nobody need accept. They end with a reset.
#[derive(Debug, Default)]
pub(crate) struct Clients(Vec<Socket>);

impl Clients {
    /// Opens one, does not wait for it, and closes one that was opened before.
    fn connect(&mut self, address: SocketAddr, rng: &mut Rng) {
        if self.0.len() == CLIENTS_MAX {
            self.0.swap_remove(rng.below(CLIENTS_MAX));
        }
        let client = start_connect(address).expect("it can be started");
        if rng.one_in(2) {
            // It is received ahead, or unread when the connection is closed.
            let _ = client.send(&[7; 100]);
        }
        self.0.push(client);
    }
}

fn start_connect(address: SocketAddr) -> io::Result<Socket> {
    let client = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    client.set_nonblocking(true)?;
    client.set_linger(Some(Duration::ZERO))?;
    match client.connect(&address.into()) {
        Err(error) if error.raw_os_error() != Some(libc::EINPROGRESS) => Err(error),
        Err(_) | Ok(()) => Ok(client),
    }
}

/// One accept, in one of the two ways to call it.
pub(crate) async fn accept(
    shared: &Shared,
    clients: &mut Clients,
    canceller: &mut Canceller,
) -> io::Result<()> {
    let (listener, address) = shared.any(&mut canceller.rng);
    let accept: BoxFuture<'_, _> = if canceller.rng.one_in(2) {
        Box::pin(listener.accept())
    } else {
        Box::pin(poll_fn(|cx| listener.poll_accept(cx)))
    };
    let disturb = |rng: &mut Rng| clients.connect(*address, rng);
    let accepted = canceller.run(accept, disturb).await;
    touch(accepted.map(|accepted| accepted.map(|(stream, _)| stream)))
}

/// A few connections of a stream of them, which ends with some taken ahead.
pub(crate) async fn next(
    shared: &Shared,
    clients: &mut Clients,
    canceller: &mut Canceller,
) -> io::Result<()> {
    let (listener, address) = shared.any(&mut canceller.rng);
    let mut stream = listener.accept_stream();
    for _ in 0..1 + canceller.rng.below(3) {
        let next = Box::pin(stream.next());
        let disturb = |rng: &mut Rng| clients.connect(*address, rng);
        touch(canceller.run(next, disturb).await)?;
    }
    Ok(())
}

/// A listener that is dropped while it takes a connection.
pub(crate) async fn short_lived(canceller: &mut Canceller) -> io::Result<()> {
    let listener = TcpListener::bind(any_port()).await?;
    let address = listener.local_addr()?;
    let mut clients = Clients::default();
    if canceller.rng.one_in(2) {
        let mut stream = listener.accept_stream();
        let next = Box::pin(stream.next());
        drop(canceller.run(next, |_| {}).await.transpose()?);
    } else {
        let accept = Box::pin(listener.accept());
        drop(canceller.run(accept, |_| {}).await.transpose()?);
    }
    for _ in 0..canceller.rng.below(3) {
        clients.connect(address, &mut canceller.rng);
    }
    Ok(())
}

/// One connect: to somebody who accepts, or to somebody who never does.
pub(crate) async fn connect(shared: &Shared, canceller: &mut Canceller) -> io::Result<()> {
    let address = match canceller.rng.one_in(2) {
        true => shared.full.address,
        false => shared.any(&mut canceller.rng).1,
    };
    let connect: BoxFuture<'_, _> = match canceller.rng.one_in(2) {
        true => Box::pin(TcpStream::connect(address)),
        false => Box::pin(async move {
            let socket = TcpSocket::new_v4()?;
            socket.set_zero_linger()?;
            socket.connect(address).await
        }),
    };
    let connected = canceller.run(connect, |_| {}).await;
    match connected.transpose() {
        Ok(Some(stream)) => stream.set_zero_linger(),
        Ok(None) => Ok(()),
        // Whoever accepted it has gone again.
        Err(error) if error.kind() == ErrorKind::ConnectionReset => Ok(()),
        Err(error) => Err(error),
    }
}

/// Uses a connection a little, if there is one, before it is dropped. Its client may be gone.
fn touch(accepted: Option<io::Result<TcpStream>>) -> io::Result<()> {
    match accepted {
        Some(Ok(stream)) => {
            let _ = stream.try_read(&mut [0; 10]);
            let _ = stream.try_write(b"hello");
            stream.set_zero_linger()
        }
        Some(Err(error)) if error.kind() != ErrorKind::ConnectionAborted => Err(error),
        Some(Err(_)) | None => Ok(()),
    }
}
