//! Sending by [`UdpSocket`]: to the other end that `connect` fixed, or to one that the call names.

use std::io;
use std::net::SocketAddr;
use std::task::{Context, Poll};

use ring_reactor::net::{Data, Direction};
use tokio::io::Interest;
use tokio::net::{ToSocketAddrs, lookup_host};

use super::UdpSocket;
use crate::sys;

impl UdpSocket {
    /// Sends `buf` as one datagram to the other end that [`connect`](UdpSocket::connect) fixed; answers
    /// how many bytes, which are all.
    ///
    /// # Cancel safety
    /// Cancel safe: if the future is dropped before it answers, nothing was sent.
    ///
    /// # Errors
    /// As send(2): raw error `EMSGSIZE` if `buf` is too long for a datagram, raw error `EDESTADDRREQ`
    /// if no other end is fixed, and `ConnectionRefused` if an earlier datagram found nobody.
    ///
    /// # Examples
    /// See [`UdpSocket`].
    pub async fn send(&self, buf: &[u8]) -> io::Result<usize> {
        let send = || Data::One(buf).send(self.socket.fd());
        self.socket.async_io(Interest::WRITABLE, send).await
    }

    /// Sends `buf` as [`send`](UdpSocket::send) does, or has the task of `cx` woken when there may be
    /// room.
    ///
    /// Of all calls of this, [`poll_send_to`](UdpSocket::poll_send_to) and
    /// [`poll_send_ready`](UdpSocket::poll_send_ready) only the task of the most recent one is woken;
    /// receiving has a waker of its own.
    ///
    /// # Errors
    /// As [`send`](UdpSocket::send).
    ///
    /// # Examples
    /// ```
    /// use std::future::poll_fn;
    /// use tokio_uring_net::UdpSocket;
    ///
    /// # #[tokio::main]
    /// # async fn main() -> std::io::Result<()> {
    /// # let server = UdpSocket::bind("127.0.0.1:0").await?;
    /// let client = UdpSocket::bind("127.0.0.1:0").await?;
    /// client.connect(server.local_addr()?).await?;
    /// assert_eq!(poll_fn(|cx| client.poll_send(cx, b"hello")).await?, 5);
    /// # Ok(())
    /// # }
    /// ```
    pub fn poll_send(&self, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let send = || Data::One(buf).send(self.socket.fd());
        self.socket.poll_io(cx, Direction::Write, send)
    }

    /// Sends `buf` as [`send`](UdpSocket::send) does, without waiting.
    ///
    /// # Errors
    /// `WouldBlock` if the socket is not ready: wait for [`writable`](UdpSocket::writable). Otherwise
    /// as [`send`](UdpSocket::send).
    ///
    /// # Examples
    /// See [`writable`](UdpSocket::writable).
    pub fn try_send(&self, buf: &[u8]) -> io::Result<usize> {
        let send = || Data::One(buf).send(self.socket.fd());
        self.socket.try_io(Interest::WRITABLE, send)
    }

    /// Sends `buf` as one datagram to the first of the addresses of `addr`; answers how many bytes,
    /// which are all.
    ///
    /// # Cancel safety
    /// Cancel safe: if the future is dropped before it answers, nothing was sent.
    ///
    /// # Errors
    /// As sendto(2), with raw error `EMSGSIZE` if `buf` is too long for a datagram; the error of the
    /// name look-up; `InvalidInput` if `addr` resolves to no address.
    ///
    /// # Examples
    /// ```
    /// use tokio_uring_net::UdpSocket;
    ///
    /// # #[tokio::main]
    /// # async fn main() -> std::io::Result<()> {
    /// # let server = UdpSocket::bind("127.0.0.1:0").await?;
    /// # let addr = server.local_addr()?;
    /// let socket = UdpSocket::bind("127.0.0.1:0").await?;
    /// assert_eq!(socket.send_to(b"hello", addr).await?, 5);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn send_to<A: ToSocketAddrs>(&self, buf: &[u8], addr: A) -> io::Result<usize> {
        let first = lookup_host(addr).await?.next();
        let target = first.ok_or_else(|| {
            io::Error::new(io::ErrorKind::InvalidInput, "no addresses to send data to")
        })?;
        let send = || sys::send_to(self.socket.fd(), buf, target);
        self.socket.async_io(Interest::WRITABLE, send).await
    }

    /// Sends `buf` as one datagram to `target`, or has the task of `cx` woken when there may be room.
    ///
    /// Of all calls of this, [`poll_send`](UdpSocket::poll_send) and
    /// [`poll_send_ready`](UdpSocket::poll_send_ready) only the task of the most recent one is woken;
    /// receiving has a waker of its own.
    ///
    /// # Errors
    /// As sendto(2), except `WouldBlock`.
    ///
    /// # Examples
    /// ```
    /// use std::future::poll_fn;
    /// use tokio_uring_net::UdpSocket;
    ///
    /// # #[tokio::main]
    /// # async fn main() -> std::io::Result<()> {
    /// # let server = UdpSocket::bind("127.0.0.1:0").await?;
    /// # let addr = server.local_addr()?;
    /// let socket = UdpSocket::bind("127.0.0.1:0").await?;
    /// assert_eq!(poll_fn(|cx| socket.poll_send_to(cx, b"hello", addr)).await?, 5);
    /// # Ok(())
    /// # }
    /// ```
    pub fn poll_send_to(
        &self,
        cx: &mut Context<'_>,
        buf: &[u8],
        target: SocketAddr,
    ) -> Poll<io::Result<usize>> {
        let send = || sys::send_to(self.socket.fd(), buf, target);
        self.socket.poll_io(cx, Direction::Write, send)
    }

    /// Sends `buf` as one datagram to `target`, without waiting; answers how many bytes, which are all.
    ///
    /// # Errors
    /// `WouldBlock` if the socket is not ready: wait for [`writable`](UdpSocket::writable). Otherwise
    /// as sendto(2).
    ///
    /// # Examples
    /// ```
    /// use tokio_uring_net::UdpSocket;
    ///
    /// # #[tokio::main]
    /// # async fn main() -> std::io::Result<()> {
    /// # let server = UdpSocket::bind("127.0.0.1:0").await?;
    /// # let addr = server.local_addr()?;
    /// let socket = UdpSocket::bind("127.0.0.1:0").await?;
    /// socket.writable().await?;
    /// assert_eq!(socket.try_send_to(b"hello", addr)?, 5);
    /// # Ok(())
    /// # }
    /// ```
    pub fn try_send_to(&self, buf: &[u8], target: SocketAddr) -> io::Result<usize> {
        let send = || sys::send_to(self.socket.fd(), buf, target);
        self.socket.try_io(Interest::WRITABLE, send)
    }
}
