//! Readiness of [`UdpSocket`], and system calls of the program's own.

use std::io;
use std::task::{Context, Poll};

use ring_reactor::net::Direction;
use tokio::io::{Interest, Ready};

use super::UdpSocket;

impl UdpSocket {
    /// Waits until the socket is ready for any of `interest`; answers what it is ready for.
    ///
    /// It serves one task that both receives and sends, together with
    /// [`try_recv`](UdpSocket::try_recv), [`try_send`](UdpSocket::try_send) and the like. The answer
    /// may be wrong or empty: the call that follows may still fail with `WouldBlock`, and then it is
    /// time to wait again.
    ///
    /// # Cancel safety
    /// Cancel safe: readiness stays until a call proves it stale by `WouldBlock`.
    ///
    /// # Errors
    /// If the runtime is shutting down.
    ///
    /// # Examples
    /// ```
    /// use tokio::io::Interest;
    /// use tokio_uring_net::UdpSocket;
    ///
    /// # #[tokio::main]
    /// # async fn main() -> std::io::Result<()> {
    /// let socket = UdpSocket::bind("127.0.0.1:0").await?;
    /// let ready = socket.ready(Interest::READABLE | Interest::WRITABLE).await?;
    /// assert!(ready.is_writable());
    /// # Ok(())
    /// # }
    /// ```
    pub async fn ready(&self, interest: Interest) -> io::Result<Ready> {
        let event = self.socket.ready(interest).await?;
        Ok(event.ready())
    }

    /// Waits until a receive may find a datagram: `ready(Interest::READABLE)`.
    ///
    /// # Cancel safety
    /// Cancel safe, as [`ready`](UdpSocket::ready).
    ///
    /// # Errors
    /// If the runtime is shutting down.
    ///
    /// # Examples
    /// ```
    /// use std::io::ErrorKind;
    /// use tokio_uring_net::UdpSocket;
    ///
    /// # #[tokio::main]
    /// # async fn main() -> std::io::Result<()> {
    /// let server = UdpSocket::bind("127.0.0.1:0").await?;
    /// # let client = UdpSocket::bind("127.0.0.1:0").await?;
    /// # client.send_to(b"hello", server.local_addr()?).await?;
    /// let mut buf = [0; 1500];
    /// let (count, _client) = loop {
    ///     server.readable().await?;
    ///     match server.try_recv_from(&mut buf) {
    ///         Err(error) if error.kind() == ErrorKind::WouldBlock => continue,
    ///         result => break result?,
    ///     }
    /// };
    /// assert_eq!(&buf[..count], b"hello");
    /// # Ok(())
    /// # }
    /// ```
    pub async fn readable(&self) -> io::Result<()> {
        self.ready(Interest::READABLE).await.map(drop)
    }

    /// Has the task of `cx` woken when a receive may find a datagram.
    ///
    /// Of all calls of this, [`poll_recv`](UdpSocket::poll_recv), [`poll_peek`](UdpSocket::poll_peek)
    /// and the like only the task of the most recent one is woken; sending has a waker of its own.
    /// [`readable`](UdpSocket::readable) serves any number of tasks.
    ///
    /// # Errors
    /// If the runtime is shutting down.
    ///
    /// # Examples
    /// ```
    /// use std::future::poll_fn;
    /// use tokio_uring_net::UdpSocket;
    ///
    /// # #[tokio::main]
    /// # async fn main() -> std::io::Result<()> {
    /// # let server = UdpSocket::bind("127.0.0.1:0").await?;
    /// # server.send_to(b"hello", server.local_addr()?).await?;
    /// poll_fn(|cx| server.poll_recv_ready(cx)).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn poll_recv_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.socket.poll_ready(cx, Direction::Read).map_ok(drop)
    }

    /// Waits until a send may find room: `ready(Interest::WRITABLE)`.
    ///
    /// # Cancel safety
    /// Cancel safe, as [`ready`](UdpSocket::ready).
    ///
    /// # Errors
    /// If the runtime is shutting down.
    ///
    /// # Examples
    /// ```
    /// use std::io::ErrorKind;
    /// use tokio_uring_net::UdpSocket;
    ///
    /// # #[tokio::main]
    /// # async fn main() -> std::io::Result<()> {
    /// # let server = UdpSocket::bind("127.0.0.1:0").await?;
    /// # let addr = server.local_addr()?;
    /// let client = UdpSocket::bind("127.0.0.1:0").await?;
    /// client.connect(addr).await?;
    /// let sent = loop {
    ///     client.writable().await?;
    ///     match client.try_send(b"hello") {
    ///         Err(error) if error.kind() == ErrorKind::WouldBlock => continue,
    ///         result => break result?,
    ///     }
    /// };
    /// assert_eq!(sent, 5);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn writable(&self) -> io::Result<()> {
        self.ready(Interest::WRITABLE).await.map(drop)
    }

    /// Has the task of `cx` woken when a send may find room.
    ///
    /// Of all calls of this, [`poll_send`](UdpSocket::poll_send) and
    /// [`poll_send_to`](UdpSocket::poll_send_to) only the task of the most recent one is woken;
    /// receiving has a waker of its own. [`writable`](UdpSocket::writable) serves any number of tasks.
    ///
    /// # Errors
    /// If the runtime is shutting down.
    ///
    /// # Examples
    /// ```
    /// use std::future::poll_fn;
    /// use tokio_uring_net::UdpSocket;
    ///
    /// # #[tokio::main]
    /// # async fn main() -> std::io::Result<()> {
    /// let socket = UdpSocket::bind("127.0.0.1:0").await?;
    /// poll_fn(|cx| socket.poll_send_ready(cx)).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn poll_send_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.socket.poll_ready(cx, Direction::Write).map_ok(drop)
    }

    /// Runs `f`, which does its own I/O on the socket, if the socket is ready for `interest`.
    ///
    /// If `f` answers `WouldBlock`, the readiness is forgotten; so `f` must answer that only if the
    /// socket did. If `f` uses the socket for another direction than `interest`, waiting for
    /// readiness may hang.
    ///
    /// # Errors
    /// `WouldBlock` if the socket is not ready, in which case `f` is not called. Otherwise what `f`
    /// answers.
    ///
    /// # Examples
    /// ```
    /// use socket2::SockRef;
    /// use tokio::io::Interest;
    /// use tokio_uring_net::UdpSocket;
    ///
    /// # #[tokio::main]
    /// # async fn main() -> std::io::Result<()> {
    /// # let server = UdpSocket::bind("127.0.0.1:0").await?;
    /// let client = UdpSocket::bind("127.0.0.1:0").await?;
    /// client.connect(server.local_addr()?).await?;
    /// client.writable().await?;
    /// let sent = client.try_io(Interest::WRITABLE, || SockRef::from(&client).send(b"hello"))?;
    /// assert_eq!(sent, 5);
    /// # Ok(())
    /// # }
    /// ```
    pub fn try_io<R>(
        &self,
        interest: Interest,
        f: impl FnOnce() -> io::Result<R>,
    ) -> io::Result<R> {
        self.socket.try_io(interest, f)
    }

    /// Runs `f`, which does its own I/O on the socket, whenever the socket is ready, until it does not
    /// answer `WouldBlock`.
    ///
    /// `f` must answer `WouldBlock` only if the socket did. If `f` uses the socket for another
    /// direction than `interest`, the call may hang.
    ///
    /// # Cancel safety
    /// Cancel safe as far as `f` is: no call of `f` is ever interrupted, and the call after the last
    /// one has not begun.
    ///
    /// # Errors
    /// What `f` answers, except `WouldBlock`; or that the runtime is shutting down.
    ///
    /// # Examples
    /// ```
    /// use socket2::SockRef;
    /// use tokio::io::Interest;
    /// use tokio_uring_net::UdpSocket;
    ///
    /// # #[tokio::main]
    /// # async fn main() -> std::io::Result<()> {
    /// # let server = UdpSocket::bind("127.0.0.1:0").await?;
    /// let client = UdpSocket::bind("127.0.0.1:0").await?;
    /// client.connect(server.local_addr()?).await?;
    /// let send = || SockRef::from(&client).send(b"hello");
    /// assert_eq!(client.async_io(Interest::WRITABLE, send).await?, 5);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn async_io<R>(
        &self,
        interest: Interest,
        f: impl FnMut() -> io::Result<R>,
    ) -> io::Result<R> {
        self.socket.async_io(interest, f).await
    }
}
