//! Buffers that change hands instead of being copied, beyond `tokio::net`.

use std::future::poll_fn;
use std::io;

use bytes::Bytes;
use ring_reactor::net::Lease;

use super::split::{ReadHalf, WriteHalf};
use super::split_owned::{OwnedReadHalf, OwnedWriteHalf};
use super::stream::TcpStream;

impl TcpStream {
    /// Receives up to 4 KiB and hands out the buffer that they were received into. An empty [`Lease`] is
    /// the end of the stream. It works in both modes and on both drivers.
    ///
    /// What was received ahead comes first. A stream that waits holds no buffer. The buffers are the
    /// runtime's ([`Builder::recv_buffers`](crate::Builder::recv_buffers)); where it has no more to lend,
    /// one is made for the lease.
    ///
    /// **A program may hold 64 leases of a stream at a time**, 256 KiB of buffers; the next call waits
    /// until one is dropped. So a program that is slow to let go of its leases holds back their peer, and
    /// no other. One that means to collect more than that, copies (`to_vec`).
    ///
    /// A lease turns into [`Bytes`] without a copy, and so can be given to
    /// [`write_owned`](TcpStream::write_owned).
    ///
    /// # Cancel safety
    /// Cancel safe: a call that is dropped before it answers has taken no byte.
    ///
    /// # Errors
    /// Those of a read; if the runtime cannot give the stream what [`set_mode`](TcpStream::set_mode) may
    /// ask for.
    ///
    /// # Panics
    /// Outside a tokio runtime, in the first such call on a stream that is on tokio's epoll and in
    /// [`Mode::Exact`](crate::Mode).
    ///
    /// # Examples
    /// ```
    /// use tokio::io::{AsyncReadExt, AsyncWriteExt};
    /// use tokio_uring_net::{TcpListener, TcpStream};
    ///
    /// # #[tokio::main]
    /// # async fn main() -> std::io::Result<()> {
    /// let listener = TcpListener::bind("127.0.0.1:0").await?;
    /// let mut client = TcpStream::connect(listener.local_addr()?).await?;
    /// let (mut server, _) = listener.accept().await?;
    ///
    /// // Sends back what it receives, without a copy of its own.
    /// let echo = tokio::spawn(async move {
    ///     loop {
    ///         let received = server.recv_owned().await?;
    ///         if received.is_empty() {
    ///             return server.shutdown().await;
    ///         }
    ///         server.write_owned(received.into()).await?;
    ///     }
    /// });
    /// client.write_all(b"there and back").await?;
    /// client.shutdown().await?;
    /// let mut received = Vec::new();
    /// client.read_to_end(&mut received).await?;
    /// assert_eq!(received, b"there and back");
    /// echo.await?
    /// # }
    /// ```
    pub async fn recv_owned(&mut self) -> io::Result<Lease> {
        recv_owned(self).await
    }

    /// Takes `bytes` to be sent, without a copy, in order with all other writes. It works in both modes
    /// and on both drivers.
    ///
    /// It is for streaming: buffers wait for company, up to 256 KiB of them, and leave in one system
    /// call, which is much cheaper than one for each. What the kernel has no room for leaves when it
    /// has, whatever this task does meanwhile. While the stream has 256 KiB queued, or 63 buffers, the
    /// call waits; the last buffer that is taken may be of any size.
    ///
    /// Queued bytes leave at the first of: the queue is full; a read, `peek` or wait for readiness on
    /// the stream that is about to wait; any other write; `flush`; `shutdown`; the drop of the stream;
    /// the next turn of the runtime's driver, which comes when the tasks that are ready have run. The
    /// first buffer after a read goes at once, unless the stream was seen to write several times in each
    /// of its last four rounds.
    ///
    /// **What is queued needs the runtime.** Whoever must know that the kernel has everything, calls
    /// [`flush`] and waits for it:
    /// - Dropping the stream, or its write half, is no loss: a task of the runtime sends the rest, and
    ///   the end of the stream follows.
    /// - When the runtime or the process ends, the kernel is given what it takes at once. The rest is
    ///   lost, and the stream ends behind what was sent.
    /// - [`into_std`](TcpStream::into_std) fails while the kernel has no room for the rest.
    /// - What a program sends by calls of its own on the descriptor that [`as_fd`](std::os::fd::AsFd)
    ///   or `as_raw_fd` answers may overtake it. `try_io` and `async_io` wait for their turn.
    ///
    /// [`flush`]: https://docs.rs/tokio/1/tokio/io/trait.AsyncWriteExt.html#method.flush
    ///
    /// # Cancel safety
    /// Cancel safe: a call that is dropped before it answers has taken nothing of `bytes`. (The caller
    /// has given them away; a clone costs no copy.)
    ///
    /// # Errors
    /// Of send(2). An error that a queued buffer meets later is answered by the next read, write, flush,
    /// shutdown or `take_error`, before the end of the stream. That the runtime is shutting down; if it
    /// cannot give the stream what [`set_mode`](TcpStream::set_mode) may ask for.
    ///
    /// # Panics
    /// Outside a tokio runtime, in the first such call on a stream that is on tokio's epoll and in
    /// [`Mode::Exact`](crate::Mode).
    ///
    /// # Examples
    /// ```
    /// use bytes::Bytes;
    /// use tokio::io::{AsyncReadExt, AsyncWriteExt};
    /// use tokio_uring_net::{TcpListener, TcpStream};
    ///
    /// # #[tokio::main]
    /// # async fn main() -> std::io::Result<()> {
    /// let listener = TcpListener::bind("127.0.0.1:0").await?;
    /// let mut client = TcpStream::connect(listener.local_addr()?).await?;
    /// let (mut server, _) = listener.accept().await?;
    ///
    /// let chunk = Bytes::from(vec![b'x'; 64 * 1024]);
    /// let sender = tokio::spawn(async move {
    ///     for _ in 0..16 {
    ///         server.write_owned(chunk.clone()).await?;
    ///     }
    ///     server.flush().await
    /// });
    /// let mut received = Vec::new();
    /// client.read_to_end(&mut received).await?;
    /// assert_eq!(received.len(), 16 * 64 * 1024);
    /// sender.await?
    /// # }
    /// ```
    pub async fn write_owned(&mut self, bytes: Bytes) -> io::Result<()> {
        write_owned(self, bytes).await
    }
}

impl ReadHalf<'_> {
    /// Receives up to 4 KiB and hands out the buffer that they were received into. See
    /// [`TcpStream::recv_owned`].
    ///
    /// # Cancel safety
    /// Cancel safe: a call that is dropped before it answers has taken no byte.
    ///
    /// # Errors
    /// As [`TcpStream::recv_owned`].
    ///
    /// # Panics
    /// As [`TcpStream::recv_owned`].
    pub async fn recv_owned(&mut self) -> io::Result<Lease> {
        recv_owned(self.as_ref()).await
    }
}

impl OwnedReadHalf {
    /// Receives up to 4 KiB and hands out the buffer that they were received into. See
    /// [`TcpStream::recv_owned`].
    ///
    /// # Cancel safety
    /// Cancel safe: a call that is dropped before it answers has taken no byte.
    ///
    /// # Errors
    /// As [`TcpStream::recv_owned`].
    ///
    /// # Panics
    /// As [`TcpStream::recv_owned`].
    pub async fn recv_owned(&mut self) -> io::Result<Lease> {
        recv_owned(self.as_ref()).await
    }
}

impl WriteHalf<'_> {
    /// Takes `bytes` to be sent, without a copy. See [`TcpStream::write_owned`].
    ///
    /// # Cancel safety
    /// Cancel safe: a call that is dropped before it answers has taken nothing of `bytes`.
    ///
    /// # Errors
    /// As [`TcpStream::write_owned`].
    ///
    /// # Panics
    /// As [`TcpStream::write_owned`].
    pub async fn write_owned(&mut self, bytes: Bytes) -> io::Result<()> {
        write_owned(self.as_ref(), bytes).await
    }
}

impl OwnedWriteHalf {
    /// Takes `bytes` to be sent, without a copy. See [`TcpStream::write_owned`].
    ///
    /// # Cancel safety
    /// Cancel safe: a call that is dropped before it answers has taken nothing of `bytes`.
    ///
    /// # Errors
    /// As [`TcpStream::write_owned`].
    ///
    /// # Panics
    /// As [`TcpStream::write_owned`].
    pub async fn write_owned(&mut self, bytes: Bytes) -> io::Result<()> {
        write_owned(self.as_ref(), bytes).await
    }
}

async fn recv_owned(stream: &TcpStream) -> io::Result<Lease> {
    poll_fn(|cx| stream.poll_recv_owned(cx)).await
}

async fn write_owned(stream: &TcpStream, mut bytes: Bytes) -> io::Result<()> {
    poll_fn(|cx| stream.poll_write_owned(cx, &mut bytes)).await
}
