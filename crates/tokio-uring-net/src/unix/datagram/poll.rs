//! [`UnixDatagram`] for poll functions.

use std::io;
use std::path::Path;
use std::task::{Context, Poll};

use ring_reactor::net::{Direction, RecvInto};
use tokio::io::ReadBuf;
use tokio::net::unix::SocketAddr;

use super::{UnixDatagram, tokio_addr};
use crate::read_buf::Unfilled;

impl UnixDatagram {
    /// Sends `buf` as one datagram to the connected peer, or has the task of `cx` woken when that
    /// may be possible; answers its length.
    ///
    /// Of all calls of this, [`poll_send_to`](UnixDatagram::poll_send_to) and
    /// [`poll_send_ready`](UnixDatagram::poll_send_ready) only the task of the most recent one is
    /// woken; receiving has a waker of its own. [`send`](UnixDatagram::send) serves any number of
    /// tasks.
    ///
    /// # Errors
    /// As [`send`](UnixDatagram::send).
    ///
    /// # Examples
    /// See [`poll_recv`](UnixDatagram::poll_recv).
    pub fn poll_send(&self, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let send = || self.send_now(buf);
        self.socket.poll_io(cx, Direction::Write, send)
    }

    /// Sends `buf` as one datagram to the socket bound to `target`, or has the task of `cx` woken when
    /// that may be possible; answers its length.
    ///
    /// The wakers are those of [`poll_send`](UnixDatagram::poll_send).
    ///
    /// # Errors
    /// As [`send_to`](UnixDatagram::send_to).
    ///
    /// # Examples
    /// ```
    /// use std::future::poll_fn;
    /// use tokio_uring_net::UnixDatagram;
    ///
    /// # #[tokio::main]
    /// # async fn main() -> std::io::Result<()> {
    /// let path = std::env::temp_dir().join(format!("poll-send-to-{}.sock", std::process::id()));
    /// let server = UnixDatagram::bind(&path)?;
    /// let client = UnixDatagram::unbound()?;
    /// poll_fn(|cx| client.poll_send_to(cx, b"hello", &path)).await?;
    /// assert_eq!(server.recv(&mut [0; 16]).await?, 5);
    /// std::fs::remove_file(path)?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn poll_send_to<P>(
        &self,
        cx: &mut Context<'_>,
        buf: &[u8],
        target: P,
    ) -> Poll<io::Result<usize>>
    where
        P: AsRef<Path>,
    {
        let send = || self.send_to_now(buf, target.as_ref());
        self.socket.poll_io(cx, Direction::Write, send)
    }

    /// Receives the next datagram into the unfilled part of `buf`, or has the task of `cx` woken when
    /// there may be one.
    ///
    /// What `buf` has no room for is lost. Of all calls of this,
    /// [`poll_recv_from`](UnixDatagram::poll_recv_from) and
    /// [`poll_recv_ready`](UnixDatagram::poll_recv_ready) only the task of the most recent one is
    /// woken; sending has a waker of its own. [`recv`](UnixDatagram::recv) serves any number of
    /// tasks.
    ///
    /// # Errors
    /// As recv(2), except `WouldBlock`.
    ///
    /// # Examples
    /// ```
    /// use std::future::poll_fn;
    /// use tokio::io::ReadBuf;
    /// use tokio_uring_net::UnixDatagram;
    ///
    /// # #[tokio::main]
    /// # async fn main() -> std::io::Result<()> {
    /// let (one, other) = UnixDatagram::pair()?;
    /// poll_fn(|cx| one.poll_send(cx, b"hello")).await?;
    ///
    /// let mut bytes = [0; 16];
    /// let mut buf = ReadBuf::new(&mut bytes);
    /// poll_fn(|cx| other.poll_recv(cx, &mut buf)).await?;
    /// assert_eq!(buf.filled(), b"hello");
    /// # Ok(())
    /// # }
    /// ```
    pub fn poll_recv(&self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let recv = || Unfilled(buf).recv(self.socket.fd()).map(drop);
        self.socket.poll_io(cx, Direction::Read, recv)
    }

    /// Receives the next datagram into the unfilled part of `buf`, or has the task of `cx` woken when
    /// there may be one; answers the address of its sender.
    ///
    /// What `buf` has no room for is lost. The wakers are those of
    /// [`poll_recv`](UnixDatagram::poll_recv).
    ///
    /// # Errors
    /// As recvfrom(2), except `WouldBlock`.
    ///
    /// # Examples
    /// ```
    /// use std::future::poll_fn;
    /// use tokio::io::ReadBuf;
    /// use tokio_uring_net::UnixDatagram;
    ///
    /// # #[tokio::main]
    /// # async fn main() -> std::io::Result<()> {
    /// let (one, other) = UnixDatagram::pair()?;
    /// one.send(b"hello").await?;
    ///
    /// let mut bytes = [0; 16];
    /// let mut buf = ReadBuf::new(&mut bytes);
    /// let from = poll_fn(|cx| other.poll_recv_from(cx, &mut buf)).await?;
    /// assert_eq!(buf.filled(), b"hello");
    /// assert!(from.is_unnamed());
    /// # Ok(())
    /// # }
    /// ```
    pub fn poll_recv_from(
        &self,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<SocketAddr>> {
        let recv = || tokio_addr(&Unfilled(buf).recv_from(self.socket.fd())?.1);
        self.socket.poll_io(cx, Direction::Read, recv)
    }

    /// Has the task of `cx` woken when a send may be possible.
    ///
    /// The wakers are those of [`poll_send`](UnixDatagram::poll_send).
    /// [`writable`](UnixDatagram::writable) serves any number of tasks.
    ///
    /// # Errors
    /// If the runtime is shutting down.
    ///
    /// # Examples
    /// ```
    /// use std::future::poll_fn;
    /// use tokio_uring_net::UnixDatagram;
    ///
    /// # #[tokio::main]
    /// # async fn main() -> std::io::Result<()> {
    /// let (one, _other) = UnixDatagram::pair()?;
    /// poll_fn(|cx| one.poll_send_ready(cx)).await?;
    /// assert_eq!(one.try_send(b"hello")?, 5);
    /// # Ok(())
    /// # }
    /// ```
    pub fn poll_send_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.socket.poll_ready(cx, Direction::Write).map_ok(drop)
    }

    /// Has the task of `cx` woken when there may be a datagram.
    ///
    /// The wakers are those of [`poll_recv`](UnixDatagram::poll_recv).
    /// [`readable`](UnixDatagram::readable) serves any number of tasks.
    ///
    /// # Errors
    /// If the runtime is shutting down.
    ///
    /// # Examples
    /// ```
    /// use std::future::poll_fn;
    /// use tokio_uring_net::UnixDatagram;
    ///
    /// # #[tokio::main]
    /// # async fn main() -> std::io::Result<()> {
    /// let (one, other) = UnixDatagram::pair()?;
    /// one.send(b"hello").await?;
    /// poll_fn(|cx| other.poll_recv_ready(cx)).await?;
    /// assert_eq!(other.try_recv(&mut [0; 16])?, 5);
    /// # Ok(())
    /// # }
    /// ```
    pub fn poll_recv_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.socket.poll_ready(cx, Direction::Read).map_ok(drop)
    }
}
