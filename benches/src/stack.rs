//! The one seam between the stacks: everything above it is the same generic code for all.

use std::io;
use std::net::SocketAddr;
use std::os::fd::AsFd;

use bytes::Bytes;
use hyper::rt::{Read, Write};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio_uring_net::{Datagrams, UdpSocket};

/// How many connections wait for an accept at most. All of a cell's connect at once, and the
/// generator would hang for a second where one is turned away.
const BACKLOG_COUNT: u32 = 1024;

/// How many datagrams a batch has room for.
const BATCH_COUNT: usize = 64;

/// A family of socket types with tokio::net's interface.
pub(crate) trait Stack: 'static {
    type Listener: Send + 'static;
    type Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static;
    /// What hyper is given of a stream.
    type Http: Read + Write + Unpin + Send + 'static;
    type Udp: AsFd + Send + Sync + 'static;
    type UnixListener: Send + 'static;
    type UnixStream: AsyncRead + AsyncWrite + Unpin + Send + 'static;

    fn listen(address: SocketAddr) -> io::Result<Self::Listener>;
    fn local_addr(listener: &Self::Listener) -> io::Result<SocketAddr>;
    fn accept(
        listener: &Self::Listener,
    ) -> impl Future<Output = io::Result<(Self::Stream, SocketAddr)>> + Send;
    fn set_nodelay(stream: &Self::Stream) -> io::Result<()>;
    /// Sends all of `bytes`. A stack with a call of its own for a buffer that it is given does it by
    /// that.
    fn send_owned(
        stream: &mut Self::Stream,
        bytes: Bytes,
    ) -> impl Future<Output = io::Result<()>> + Send {
        async move { stream.write_all(&bytes).await }
    }
    fn http(stream: Self::Stream) -> Self::Http;
    fn bind_udp(address: SocketAddr) -> impl Future<Output = io::Result<Self::Udp>> + Send;
    fn udp_addr(socket: &Self::Udp) -> io::Result<SocketAddr>;
    /// Sends back every datagram, each by two calls; ends with an error only.
    fn echo_udp(
        socket: &Self::Udp,
        buffer_bytes: usize,
    ) -> impl Future<Output = io::Result<()>> + Send;
    /// The same. A stack with calls of its own for many datagrams does it by those.
    fn echo_udp_many(
        socket: &Self::Udp,
        buffer_bytes: usize,
    ) -> impl Future<Output = io::Result<()>> + Send {
        Self::echo_udp(socket, buffer_bytes)
    }
    /// Listens on an abstract name, which leaves no file behind.
    fn listen_unix(name: &str) -> io::Result<Self::UnixListener>;
    fn accept_unix(
        listener: &Self::UnixListener,
    ) -> impl Future<Output = io::Result<Self::UnixStream>> + Send;
    /// What serves the sockets of the current runtime, in one line.
    fn driver() -> String;
}

/// Implements `Stack` for the socket types of a module. What the stack does in its own way comes last.
macro_rules! stack {
    ($name:ident, $($module:ident)::+, { $($own:item)* }) => {
        #[derive(Debug)]
        pub(crate) struct $name;

        impl Stack for $name {
            type Listener = $($module)::+::TcpListener;
            type Stream = $($module)::+::TcpStream;
            type Udp = $($module)::+::UdpSocket;
            type UnixListener = $($module)::+::UnixListener;
            type UnixStream = $($module)::+::UnixStream;

            fn listen(address: SocketAddr) -> io::Result<Self::Listener> {
                let socket = $($module)::+::TcpSocket::new_v4()?;
                socket.bind(address)?;
                socket.listen(BACKLOG_COUNT)
            }

            fn local_addr(listener: &Self::Listener) -> io::Result<SocketAddr> {
                listener.local_addr()
            }

            async fn accept(listener: &Self::Listener) -> io::Result<(Self::Stream, SocketAddr)> {
                listener.accept().await
            }

            fn set_nodelay(stream: &Self::Stream) -> io::Result<()> {
                stream.set_nodelay(true)
            }

            async fn bind_udp(address: SocketAddr) -> io::Result<Self::Udp> {
                $($module)::+::UdpSocket::bind(address).await
            }

            fn udp_addr(socket: &Self::Udp) -> io::Result<SocketAddr> {
                socket.local_addr()
            }

            async fn echo_udp(socket: &Self::Udp, buffer_bytes: usize) -> io::Result<()> {
                let mut buffer = vec![0; buffer_bytes];
                loop {
                    let (count, peer) = socket.recv_from(&mut buffer).await?;
                    socket.send_to(&buffer[..count], peer).await?;
                }
            }

            fn listen_unix(name: &str) -> io::Result<Self::UnixListener> {
                $($module)::+::UnixListener::bind(format!("\0{name}"))
            }

            async fn accept_unix(listener: &Self::UnixListener) -> io::Result<Self::UnixStream> {
                let (stream, _peer) = listener.accept().await?;
                Ok(stream)
            }

            $($own)*
        }
    };
}

stack!(Tokio, tokio::net, {
    type Http = TokioIo<tokio::net::TcpStream>;

    fn http(stream: Self::Stream) -> Self::Http {
        TokioIo::new(stream)
    }

    fn driver() -> String {
        "tokio's epoll".to_owned()
    }
});

stack!(Ours, tokio_uring_net, {
    type Http = TokioIo<tokio_uring_net::TcpStream>;

    fn http(stream: Self::Stream) -> Self::Http {
        TokioIo::new(stream)
    }

    async fn echo_udp_many(socket: &Self::Udp, buffer_bytes: usize) -> io::Result<()> {
        echo_batches(socket, buffer_bytes).await
    }

    fn driver() -> String {
        tokio_uring_net::driver().to_string()
    }
});

// The same, and its streams are hyper's as they are.
stack!(Integrated, tokio_uring_net, {
    type Http = tokio_uring_net::TcpStream;

    fn http(stream: Self::Stream) -> Self::Http {
        stream
    }

    async fn send_owned(stream: &mut Self::Stream, bytes: Bytes) -> io::Result<()> {
        stream.write_owned(bytes).await
    }

    async fn echo_udp_many(socket: &Self::Udp, buffer_bytes: usize) -> io::Result<()> {
        echo_batches(socket, buffer_bytes).await
    }

    fn driver() -> String {
        tokio_uring_net::driver().to_string()
    }
});

async fn echo_batches(socket: &UdpSocket, buffer_bytes: usize) -> io::Result<()> {
    let mut batch = Datagrams::new(BATCH_COUNT, buffer_bytes);
    loop {
        socket.recv_many(&mut batch).await?;
        while !batch.is_empty() {
            socket.send_many(&mut batch).await?;
        }
    }
}
