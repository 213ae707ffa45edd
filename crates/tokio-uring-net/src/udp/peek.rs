//! Looking at the next datagram of a [`UdpSocket`], which stays for the next receive.

use std::io;
use std::net::SocketAddr;
use std::task::{Context, Poll};

use ring_reactor::net::{Direction, RecvInto};
use socket2::SockRef;
use tokio::io::{Interest, ReadBuf};

use super::{ARRIVAL, UdpSocket, with_sender};
use crate::read_buf::Peeked;
use crate::sys;

impl UdpSocket {
    /// Waits for a datagram and copies it to `buf`; answers how many bytes.
    ///
    /// `buf` gets the start of a datagram that it has no room for; the next receive gets all of it. A
    /// datagram that another task receives in the meantime is not the one that this call has seen.
    ///
    /// # Cancel safety
    /// Cancel safe: it takes no datagram from the socket.
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
    /// let (mut first, mut all) = ([0; 1], [0; 1500]);
    /// assert_eq!(server.peek(&mut first).await?, 1);
    /// assert_eq!(server.recv(&mut all).await?, 5);
    /// assert_eq!(first[0], all[0]);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn peek(&self, buf: &mut [u8]) -> io::Result<usize> {
        let peek = || Peeked(&mut ReadBuf::new(buf)).recv(self.socket.fd());
        self.socket.async_io(ARRIVAL, peek).await
    }

    /// Copies a datagram to the unfilled part of `buf` and leaves it in the socket, or has the task of
    /// `cx` woken when there may be one.
    ///
    /// Of all calls of this, [`poll_recv`](UdpSocket::poll_recv),
    /// [`poll_recv_ready`](UdpSocket::poll_recv_ready) and the like only the task of the most recent
    /// one is woken; sending has a waker of its own.
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
    /// poll_fn(|cx| server.poll_peek(cx, &mut buf)).await?;
    /// assert_eq!(buf.filled(), b"hello");
    /// # Ok(())
    /// # }
    /// ```
    pub fn poll_peek(&self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let peek = || Peeked(buf).recv(self.socket.fd());
        let peeked = self.socket.poll_io(cx, Direction::Read, peek);
        peeked.map_ok(drop)
    }

    /// Copies a datagram to `buf` and leaves it in the socket, without waiting; answers how many bytes.
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
    /// assert_eq!(server.try_peek(&mut [0; 1500])?, 5);
    /// assert_eq!(server.try_recv(&mut [0; 1500])?, 5);
    /// # Ok(())
    /// # }
    /// ```
    pub fn try_peek(&self, buf: &mut [u8]) -> io::Result<usize> {
        let peek = || Peeked(&mut ReadBuf::new(buf)).recv(self.socket.fd());
        self.socket.try_io(Interest::READABLE, peek)
    }

    /// Waits for a datagram and copies it to `buf` as [`peek`](UdpSocket::peek) does; answers how many
    /// bytes, and the address of the sender.
    ///
    /// # Cancel safety
    /// Cancel safe: it takes no datagram from the socket.
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
    /// let peeked = server.peek_from(&mut [0; 1500]).await?;
    /// assert_eq!(peeked, (5, client.local_addr()?));
    /// # Ok(())
    /// # }
    /// ```
    pub async fn peek_from(&self, buf: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        let peek = || {
            let peeked = Peeked(&mut ReadBuf::new(buf)).recv_from(self.socket.fd());
            peeked.and_then(with_sender)
        };
        self.socket.async_io(ARRIVAL, peek).await
    }

    /// Copies a datagram as [`poll_peek`](UdpSocket::poll_peek) does; answers the address of the
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
    /// let sender = poll_fn(|cx| server.poll_peek_from(cx, &mut buf)).await?;
    /// assert_eq!((buf.filled(), sender), (&b"hello"[..], client.local_addr()?));
    /// # Ok(())
    /// # }
    /// ```
    pub fn poll_peek_from(
        &self,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<SocketAddr>> {
        let peek = || {
            let peeked = Peeked(buf).recv_from(self.socket.fd());
            peeked.and_then(with_sender)
        };
        let peeked = self.socket.poll_io(cx, Direction::Read, peek);
        peeked.map_ok(|(_, sender)| sender)
    }

    /// Copies a datagram to `buf` and leaves it in the socket, without waiting; answers how many bytes,
    /// and the address of the sender.
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
    /// # let client = UdpSocket::bind("127.0.0.1:0").await?;
    /// # client.send_to(b"hello", server.local_addr()?).await?;
    /// server.readable().await?;
    /// assert_eq!(server.try_peek_from(&mut [0; 1500])?, (5, client.local_addr()?));
    /// # Ok(())
    /// # }
    /// ```
    pub fn try_peek_from(&self, buf: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        let peek = || {
            let peeked = Peeked(&mut ReadBuf::new(buf)).recv_from(self.socket.fd());
            peeked.and_then(with_sender)
        };
        self.socket.try_io(Interest::READABLE, peek)
    }

    /// Waits for a datagram and answers the address of its sender; the datagram stays for the next
    /// receive.
    ///
    /// Anyone can write any sender's address into a datagram: the answer proves nothing.
    ///
    /// # Cancel safety
    /// Cancel safe: it takes no datagram from the socket.
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
    /// assert_eq!(server.peek_sender().await?, client.local_addr()?);
    /// assert_eq!(server.recv(&mut [0; 1500]).await?, 5);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn peek_sender(&self) -> io::Result<SocketAddr> {
        self.socket.async_io(ARRIVAL, || self.sender()).await
    }

    /// Answers the address of the sender of the next datagram, which stays in the socket, or has the
    /// task of `cx` woken when there may be one.
    ///
    /// Of all calls of this, [`poll_recv`](UdpSocket::poll_recv), [`poll_peek`](UdpSocket::poll_peek)
    /// and the like only the task of the most recent one is woken; sending has a waker of its own.
    ///
    /// # Errors
    /// As recvfrom(2), except `WouldBlock`.
    ///
    /// # Examples
    /// ```
    /// use std::future::poll_fn;
    /// use tokio_uring_net::UdpSocket;
    ///
    /// # #[tokio::main]
    /// # async fn main() -> std::io::Result<()> {
    /// # let server = UdpSocket::bind("127.0.0.1:0").await?;
    /// # let client = UdpSocket::bind("127.0.0.1:0").await?;
    /// # client.send_to(b"hello", server.local_addr()?).await?;
    /// let sender = poll_fn(|cx| server.poll_peek_sender(cx)).await?;
    /// assert_eq!(sender, client.local_addr()?);
    /// # Ok(())
    /// # }
    /// ```
    pub fn poll_peek_sender(&self, cx: &mut Context<'_>) -> Poll<io::Result<SocketAddr>> {
        self.socket.poll_io(cx, Direction::Read, || self.sender())
    }

    /// Answers the address of the sender of the next datagram, which stays in the socket, without
    /// waiting.
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
    /// # let client = UdpSocket::bind("127.0.0.1:0").await?;
    /// # client.send_to(b"hello", server.local_addr()?).await?;
    /// server.readable().await?;
    /// assert_eq!(server.try_peek_sender()?, client.local_addr()?);
    /// # Ok(())
    /// # }
    /// ```
    pub fn try_peek_sender(&self) -> io::Result<SocketAddr> {
        self.socket.try_io(Interest::READABLE, || self.sender())
    }

    fn sender(&self) -> io::Result<SocketAddr> {
        let sender = SockRef::from(&self.socket.fd()).peek_sender()?;
        sys::internet_addr(sender)
    }
}
