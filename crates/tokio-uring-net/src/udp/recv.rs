//! Receiving by [`UdpSocket`], with the sender's address or without.

use std::io;
use std::net::SocketAddr;
use std::task::{Context, Poll};

use bytes::BufMut;
use ring_reactor::net::{Direction, RecvInto};
use tokio::io::{Interest, ReadBuf};

use super::{ARRIVAL, UdpSocket, with_sender};
use crate::read_buf::{Free, Unfilled};

impl UdpSocket {
    /// Waits for a datagram and receives it into `buf`; answers how many bytes.
    ///
    /// What `buf` has no room for is lost. It takes datagrams of every sender, unless
    /// [`connect`](UdpSocket::connect) has fixed the other end.
    ///
    /// # Cancel safety
    /// Cancel safe: if the future is dropped before it answers, the datagram stays for the next
    /// receive.
    ///
    /// # Errors
    /// As recv(2): `ConnectionRefused` if the socket is connected and a datagram that it sent found
    /// nobody.
    ///
    /// # Examples
    /// See [`UdpSocket`].
    pub async fn recv(&self, buf: &mut [u8]) -> io::Result<usize> {
        let recv = || Unfilled(&mut ReadBuf::new(buf)).recv(self.socket.fd());
        self.socket.async_io(ARRIVAL, recv).await
    }

    /// Receives a datagram into the unfilled part of `buf` and advances it, or has the task of `cx`
    /// woken when there may be one.
    ///
    /// Of all calls of this, [`poll_recv_from`](UdpSocket::poll_recv_from),
    /// [`poll_recv_ready`](UdpSocket::poll_recv_ready), [`poll_peek`](UdpSocket::poll_peek) and the
    /// like only the task of the most recent one is woken; sending has a waker of its own.
    ///
    /// # Errors
    /// As recv(2), except `WouldBlock`.
    ///
    /// # Examples
    /// ```
    /// use std::future::poll_fn;
    /// use tokio::io::ReadBuf;
    /// use tokio_uring_net::UdpSocket;
    ///
    /// # #[tokio::main]
    /// # async fn main() -> std::io::Result<()> {
    /// # let server = UdpSocket::bind("127.0.0.1:0").await?;
    /// # server.send_to(b"hello", server.local_addr()?).await?;
    /// let mut bytes = [0; 1500];
    /// let mut buf = ReadBuf::new(&mut bytes);
    /// poll_fn(|cx| server.poll_recv(cx, &mut buf)).await?;
    /// assert_eq!(buf.filled(), b"hello");
    /// # Ok(())
    /// # }
    /// ```
    pub fn poll_recv(&self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let recv = || Unfilled(buf).recv(self.socket.fd());
        let received = self.socket.poll_io(cx, Direction::Read, recv);
        received.map_ok(drop)
    }

    /// Receives a datagram into `buf`, without waiting; answers how many bytes.
    ///
    /// What `buf` has no room for is lost.
    ///
    /// # Errors
    /// `WouldBlock` if the socket is not ready: wait for [`readable`](UdpSocket::readable). Otherwise
    /// as [`recv`](UdpSocket::recv).
    ///
    /// # Examples
    /// ```
    /// use tokio_uring_net::UdpSocket;
    ///
    /// # #[tokio::main]
    /// # async fn main() -> std::io::Result<()> {
    /// # let server = UdpSocket::bind("127.0.0.1:0").await?;
    /// # server.send_to(b"hello", server.local_addr()?).await?;
    /// server.readable().await?;
    /// let mut buf = [0; 1500];
    /// assert_eq!(server.try_recv(&mut buf)?, 5);
    /// # Ok(())
    /// # }
    /// ```
    pub fn try_recv(&self, buf: &mut [u8]) -> io::Result<usize> {
        let recv = || Unfilled(&mut ReadBuf::new(buf)).recv(self.socket.fd());
        self.socket.try_io(Interest::READABLE, recv)
    }

    /// Receives a datagram into the free part of `buf` and advances it, without waiting; answers how
    /// many bytes.
    ///
    /// What the first chunk of the free part has no room for is lost, also if `buf` could grow.
    ///
    /// # Errors
    /// `WouldBlock` if the socket is not ready: wait for [`readable`](UdpSocket::readable). Otherwise
    /// as [`recv`](UdpSocket::recv).
    ///
    /// # Examples
    /// ```
    /// use tokio_uring_net::UdpSocket;
    ///
    /// # #[tokio::main]
    /// # async fn main() -> std::io::Result<()> {
    /// # let server = UdpSocket::bind("127.0.0.1:0").await?;
    /// # server.send_to(b"hello", server.local_addr()?).await?;
    /// server.readable().await?;
    /// let mut buf = Vec::with_capacity(1500);
    /// assert_eq!(server.try_recv_buf(&mut buf)?, 5);
    /// assert_eq!(buf, b"hello");
    /// # Ok(())
    /// # }
    /// ```
    pub fn try_recv_buf<B: BufMut>(&self, buf: &mut B) -> io::Result<usize> {
        let recv = || Free(buf).recv(self.socket.fd());
        self.socket.try_io(Interest::READABLE, recv)
    }

    /// Waits for a datagram, receives it into the free part of `buf` and advances it; answers how many
    /// bytes.
    ///
    /// What the first chunk of the free part has no room for is lost, also if `buf` could grow.
    ///
    /// # Cancel safety
    /// Cancel safe: if the future is dropped before it answers, `buf` has not advanced, and the
    /// datagram stays for the next receive.
    ///
    /// # Errors
    /// As [`recv`](UdpSocket::recv).
    ///
    /// # Examples
    /// ```
    /// use tokio_uring_net::UdpSocket;
    ///
    /// # #[tokio::main]
    /// # async fn main() -> std::io::Result<()> {
    /// # let server = UdpSocket::bind("127.0.0.1:0").await?;
    /// # server.send_to(b"hello", server.local_addr()?).await?;
    /// let mut buf = Vec::with_capacity(1500);
    /// assert_eq!(server.recv_buf(&mut buf).await?, 5);
    /// assert_eq!(buf, b"hello");
    /// # Ok(())
    /// # }
    /// ```
    pub async fn recv_buf<B: BufMut>(&self, buf: &mut B) -> io::Result<usize> {
        let recv = || Free(buf).recv(self.socket.fd());
        self.socket.async_io(ARRIVAL, recv).await
    }

    /// Receives a datagram as [`try_recv_buf`](UdpSocket::try_recv_buf) does; answers how many bytes,
    /// and the address of the sender.
    ///
    /// # Errors
    /// As [`try_recv_buf`](UdpSocket::try_recv_buf).
    ///
    /// # Examples
    /// ```
    /// use tokio_uring_net::UdpSocket;
    ///
    /// # #[tokio::main]
    /// # async fn main() -> std::io::Result<()> {
    /// # let server = UdpSocket::bind("127.0.0.1:0").await?;
    /// # let client = UdpSocket::bind("127.0.0.1:0").await?;
    /// # client.send_to(b"hello", server.local_addr()?).await?;
    /// server.readable().await?;
    /// let mut buf = Vec::with_capacity(1500);
    /// assert_eq!(server.try_recv_buf_from(&mut buf)?, (5, client.local_addr()?));
    /// # Ok(())
    /// # }
    /// ```
    pub fn try_recv_buf_from<B: BufMut>(&self, buf: &mut B) -> io::Result<(usize, SocketAddr)> {
        let recv = || Free(buf).recv_from(self.socket.fd()).and_then(with_sender);
        self.socket.try_io(Interest::READABLE, recv)
    }

    /// Waits for a datagram and receives it as [`recv_buf`](UdpSocket::recv_buf) does; answers how many
    /// bytes, and the address of the sender.
    ///
    /// # Cancel safety
    /// Cancel safe, as [`recv_buf`](UdpSocket::recv_buf).
    ///
    /// # Errors
    /// As [`recv`](UdpSocket::recv).
    ///
    /// # Examples
    /// ```
    /// use tokio_uring_net::UdpSocket;
    ///
    /// # #[tokio::main]
    /// # async fn main() -> std::io::Result<()> {
    /// # let server = UdpSocket::bind("127.0.0.1:0").await?;
    /// # let client = UdpSocket::bind("127.0.0.1:0").await?;
    /// # client.send_to(b"hello", server.local_addr()?).await?;
    /// let mut buf = Vec::with_capacity(1500);
    /// let (count, sender) = server.recv_buf_from(&mut buf).await?;
    /// assert_eq!((count, sender), (5, client.local_addr()?));
    /// # Ok(())
    /// # }
    /// ```
    pub async fn recv_buf_from<B: BufMut>(&self, buf: &mut B) -> io::Result<(usize, SocketAddr)> {
        let recv = || Free(buf).recv_from(self.socket.fd()).and_then(with_sender);
        self.socket.async_io(ARRIVAL, recv).await
    }

    /// Waits for a datagram and receives it into `buf`; answers how many bytes, and the address of the
    /// sender.
    ///
    /// What `buf` has no room for is lost.
    ///
    /// # Cancel safety
    /// Cancel safe: if the future is dropped before it answers, the datagram stays for the next
    /// receive.
    ///
    /// # Errors
    /// As [`recv`](UdpSocket::recv).
    ///
    /// # Examples
    /// See [`UdpSocket`].
    pub async fn recv_from(&self, buf: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        let recv = || {
            let received = Unfilled(&mut ReadBuf::new(buf)).recv_from(self.socket.fd());
            received.and_then(with_sender)
        };
        self.socket.async_io(ARRIVAL, recv).await
    }

    /// Receives a datagram as [`poll_recv`](UdpSocket::poll_recv) does; answers the address of the
    /// sender.
    ///
    /// Of all these calls only the task of the most recent one is woken.
    ///
    /// # Errors
    /// As recvfrom(2), except `WouldBlock`.
    ///
    /// # Examples
    /// ```
    /// use std::future::poll_fn;
    /// use tokio::io::ReadBuf;
    /// use tokio_uring_net::UdpSocket;
    ///
    /// # #[tokio::main]
    /// # async fn main() -> std::io::Result<()> {
    /// # let server = UdpSocket::bind("127.0.0.1:0").await?;
    /// # let client = UdpSocket::bind("127.0.0.1:0").await?;
    /// # client.send_to(b"hello", server.local_addr()?).await?;
    /// let mut bytes = [0; 1500];
    /// let mut buf = ReadBuf::new(&mut bytes);
    /// let sender = poll_fn(|cx| server.poll_recv_from(cx, &mut buf)).await?;
    /// assert_eq!((buf.filled(), sender), (&b"hello"[..], client.local_addr()?));
    /// # Ok(())
    /// # }
    /// ```
    pub fn poll_recv_from(
        &self,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<SocketAddr>> {
        let recv = || {
            let received = Unfilled(buf).recv_from(self.socket.fd());
            received.and_then(with_sender)
        };
        let received = self.socket.poll_io(cx, Direction::Read, recv);
        received.map_ok(|(_, sender)| sender)
    }

    /// Receives a datagram into `buf`, without waiting; answers how many bytes, and the address of the
    /// sender.
    ///
    /// What `buf` has no room for is lost.
    ///
    /// # Errors
    /// `WouldBlock` if the socket is not ready: wait for [`readable`](UdpSocket::readable). Otherwise
    /// as [`recv`](UdpSocket::recv).
    ///
    /// # Examples
    /// See [`readable`](UdpSocket::readable).
    pub fn try_recv_from(&self, buf: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        let recv = || {
            let received = Unfilled(&mut ReadBuf::new(buf)).recv_from(self.socket.fd());
            received.and_then(with_sender)
        };
        self.socket.try_io(Interest::READABLE, recv)
    }
}
