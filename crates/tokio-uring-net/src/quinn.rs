//! QUIC by quinn on this crate's [`UdpSocket`] (feature `quinn`).
//!
//! quinn takes its sockets and timers from a [`Runtime`]. Its own is for `tokio::net`; this one has the
//! same name and serves the same tokio runtimes. [`Endpoint::new`](::quinn::Endpoint::new) takes it:
//!
//! ```
//! use std::sync::Arc;
//! use quinn::{Endpoint, EndpointConfig};
//! use tokio_uring_net::quinn::TokioRuntime;
//!
//! # #[tokio::main]
//! # async fn main() -> std::io::Result<()> {
//! let socket = std::net::UdpSocket::bind("127.0.0.1:0")?;
//! // A server gives its `ServerConfig` instead of `None`.
//! let endpoint = Endpoint::new(EndpointConfig::default(), None, socket, Arc::new(TokioRuntime))?;
//! # let _ = endpoint;
//! # Ok(())
//! # }
//! ```
//!
//! (`Endpoint::server` and `Endpoint::client` do the same with quinn's own runtime.)
//! quinn batches its datagrams itself, with the segmentation and coalescing of the kernel.

use std::fmt;
use std::io::{self, ErrorKind, IoSliceMut};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use ::quinn::udp::{BATCH_SIZE, RecvMeta, Transmit, UdpSocketState};
use ::quinn::{AsyncTimer, AsyncUdpSocket, Runtime, UdpPoller};
use ring_reactor::net::Direction;
use tokio::io::Interest;

use crate::udp::UdpSocket;

/// What quinn needs of a tokio runtime, with sockets of this crate.
///
/// # Panics
/// quinn's calls panic outside a tokio runtime, as with its own.
#[derive(Clone, Copy, Debug)]
pub struct TokioRuntime;

impl Runtime for TokioRuntime {
    fn new_timer(&self, deadline: Instant) -> Pin<Box<dyn AsyncTimer>> {
        ::quinn::TokioRuntime.new_timer(deadline)
    }

    #[track_caller]
    fn spawn(&self, future: Pin<Box<dyn Future<Output = ()> + Send>>) {
        ::quinn::TokioRuntime.spawn(future);
    }

    fn wrap_udp_socket(&self, socket: std::net::UdpSocket) -> io::Result<Arc<dyn AsyncUdpSocket>> {
        // It makes the socket non-blocking.
        let state = UdpSocketState::new((&socket).into())?;
        let socket = UdpSocket::from_std(socket)?;
        Ok(Arc::new(QuicSocket { socket, state }))
    }

    fn now(&self) -> Instant {
        ::quinn::TokioRuntime.now()
    }
}

/// A socket, and what quinn knows of the kernel's ways with it.
#[derive(Debug)]
struct QuicSocket {
    socket: UdpSocket,
    state: UdpSocketState,
}

impl AsyncUdpSocket for QuicSocket {
    fn create_io_poller(self: Arc<Self>) -> Pin<Box<dyn UdpPoller>> {
        Box::pin(Writable {
            socket: self,
            wait: None,
        })
    }

    fn try_send(&self, transmit: &Transmit<'_>) -> io::Result<()> {
        self.socket.try_io(Interest::WRITABLE, || {
            self.state.send((&self.socket).into(), transmit)
        })
    }

    fn poll_recv(
        &self,
        cx: &mut Context<'_>,
        bufs: &mut [IoSliceMut<'_>],
        meta: &mut [RecvMeta],
    ) -> Poll<io::Result<usize>> {
        loop {
            let event = ready!(self.socket.engine().poll_ready(cx, Direction::Read))?;
            match self.state.recv((&self.socket).into(), bufs, meta) {
                Ok(count) => {
                    if count < bufs.len().min(BATCH_SIZE) {
                        // There are no more.
                        event.clear_drained();
                    }
                    return Poll::Ready(Ok(count));
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => event.clear(),
                // It tells of a datagram that was sent: QUIC finds such things out by itself.
                Err(_) => {}
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    fn max_transmit_segments(&self) -> usize {
        self.state.max_gso_segments()
    }

    fn max_receive_segments(&self) -> usize {
        self.state.gro_segments()
    }

    fn may_fragment(&self) -> bool {
        self.state.may_fragment()
    }
}

/// One of the tasks that wait for room in a socket's send buffer.
struct Writable {
    socket: Arc<QuicSocket>,
    wait: Option<Pin<Box<dyn Future<Output = io::Result<()>> + Send + Sync>>>,
}

impl UdpPoller for Writable {
    fn poll_writable(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let wait = this.wait.get_or_insert_with(|| {
            let socket = this.socket.clone();
            Box::pin(async move { socket.socket.writable().await })
        });
        let result = ready!(wait.as_mut().poll(cx));
        this.wait = None;
        Poll::Ready(result)
    }
}

impl fmt::Debug for Writable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writable")
            .field("socket", &self.socket)
            .finish_non_exhaustive()
    }
}
