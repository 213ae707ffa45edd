//! [`UnixDatagram`]: receiving into the free part of a [`BufMut`].

use std::io;

use bytes::BufMut;
use ring_reactor::net::RecvInto;
use tokio::io::Interest;
use tokio::net::unix::SocketAddr;

use super::{UnixDatagram, with_tokio_addr};
use crate::read_buf::Free;

impl UnixDatagram {
    /// Receives the next datagram into the free part of `buf`; answers its length.
    ///
    /// Of a buffer that has its free part in several pieces, the first one counts. What it has no
    /// room for is lost: a `Vec` needs its capacity reserved before.
    ///
    /// # Cancel safety
    /// Cancel safe: if the future is dropped before it answers, the datagram stays in the socket.
    ///
    /// # Errors
    /// As recv(2).
    ///
    /// # Examples
    /// ```
    /// use tokio_uring_net::UnixDatagram;
    ///
    /// # #[tokio::main]
    /// # async fn main() -> std::io::Result<()> {
    /// let (one, other) = UnixDatagram::pair()?;
    /// one.send(b"hello").await?;
    /// let mut buf = Vec::with_capacity(64);
    /// other.recv_buf(&mut buf).await?;
    /// assert_eq!(buf, b"hello");
    /// # Ok(())
    /// # }
    /// ```
    pub async fn recv_buf<B: BufMut>(&self, buf: &mut B) -> io::Result<usize> {
        let recv = || Free(buf).recv(self.socket.fd());
        self.socket.async_io(Interest::READABLE, recv).await
    }

    /// Receives the next datagram into the free part of `buf`; answers its length and the address of
    /// its sender.
    ///
    /// Otherwise it is as [`recv_buf`](UnixDatagram::recv_buf).
    ///
    /// # Cancel safety
    /// Cancel safe: if the future is dropped before it answers, the datagram stays in the socket.
    ///
    /// # Errors
    /// As recvfrom(2).
    ///
    /// # Examples
    /// ```
    /// use tokio_uring_net::UnixDatagram;
    ///
    /// # #[tokio::main]
    /// # async fn main() -> std::io::Result<()> {
    /// let (one, other) = UnixDatagram::pair()?;
    /// one.send(b"hello").await?;
    /// let mut buf = Vec::with_capacity(64);
    /// let (received, from) = other.recv_buf_from(&mut buf).await?;
    /// assert_eq!(received, buf.len());
    /// assert!(from.is_unnamed());
    /// # Ok(())
    /// # }
    /// ```
    pub async fn recv_buf_from<B: BufMut>(&self, buf: &mut B) -> io::Result<(usize, SocketAddr)> {
        let recv = || with_tokio_addr(Free(buf).recv_from(self.socket.fd())?);
        self.socket.async_io(Interest::READABLE, recv).await
    }

    /// Receives a datagram that is there into the free part of `buf`, without waiting; answers its
    /// length.
    ///
    /// # Errors
    /// `WouldBlock` if the socket is not ready: wait for [`readable`](UnixDatagram::readable).
    /// Otherwise as recv(2).
    ///
    /// # Examples
    /// ```
    /// use tokio_uring_net::UnixDatagram;
    ///
    /// # #[tokio::main]
    /// # async fn main() -> std::io::Result<()> {
    /// let (one, other) = UnixDatagram::pair()?;
    /// one.send(b"hello").await?;
    /// other.readable().await?;
    /// let mut buf = Vec::with_capacity(64);
    /// other.try_recv_buf(&mut buf)?;
    /// assert_eq!(buf, b"hello");
    /// # Ok(())
    /// # }
    /// ```
    pub fn try_recv_buf<B: BufMut>(&self, buf: &mut B) -> io::Result<usize> {
        let recv = || Free(buf).recv(self.socket.fd());
        self.socket.try_io(Interest::READABLE, recv)
    }

    /// Receives a datagram that is there into the free part of `buf`, without waiting; answers its
    /// length and the address of its sender.
    ///
    /// # Errors
    /// `WouldBlock` if the socket is not ready: wait for [`readable`](UnixDatagram::readable).
    /// Otherwise as recvfrom(2).
    ///
    /// # Examples
    /// ```
    /// use tokio_uring_net::UnixDatagram;
    ///
    /// # #[tokio::main]
    /// # async fn main() -> std::io::Result<()> {
    /// let (one, other) = UnixDatagram::pair()?;
    /// one.send(b"hello").await?;
    /// other.readable().await?;
    /// let mut buf = Vec::with_capacity(64);
    /// let (received, _from) = other.try_recv_buf_from(&mut buf)?;
    /// assert_eq!(received, 5);
    /// # Ok(())
    /// # }
    /// ```
    pub fn try_recv_buf_from<B: BufMut>(&self, buf: &mut B) -> io::Result<(usize, SocketAddr)> {
        let recv = || with_tokio_addr(Free(buf).recv_from(self.socket.fd())?);
        self.socket.try_io(Interest::READABLE, recv)
    }
}
