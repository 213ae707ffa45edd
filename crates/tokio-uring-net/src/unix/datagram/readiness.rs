//! Readiness of [`UnixDatagram`]: waiting for it, and the calls that try without waiting.

use std::io;
use std::path::Path;

use tokio::io::{Interest, Ready};
use tokio::net::unix::SocketAddr;

use super::UnixDatagram;

impl UnixDatagram {
    /// Waits until the socket is ready for any of `interest`; answers what it is ready for.
    ///
    /// It serves one task that both sends and receives, together with the `try_*` calls. The answer
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
    /// use tokio_uring_net::UnixDatagram;
    ///
    /// # #[tokio::main]
    /// # async fn main() -> std::io::Result<()> {
    /// let (one, _other) = UnixDatagram::pair()?;
    /// let ready = one.ready(Interest::READABLE | Interest::WRITABLE).await?;
    /// assert!(ready.is_writable());
    /// # Ok(())
    /// # }
    /// ```
    pub async fn ready(&self, interest: Interest) -> io::Result<Ready> {
        Ok(self.socket.ready(interest).await?.ready())
    }

    /// Waits until a send may be possible: `ready(Interest::WRITABLE)`.
    ///
    /// # Cancel safety
    /// Cancel safe, as [`ready`](UnixDatagram::ready).
    ///
    /// # Errors
    /// If the runtime is shutting down.
    ///
    /// # Examples
    /// See [`try_send`](UnixDatagram::try_send).
    pub async fn writable(&self) -> io::Result<()> {
        self.ready(Interest::WRITABLE).await.map(drop)
    }

    /// Waits until there may be a datagram: `ready(Interest::READABLE)`.
    ///
    /// # Cancel safety
    /// Cancel safe, as [`ready`](UnixDatagram::ready).
    ///
    /// # Errors
    /// If the runtime is shutting down.
    ///
    /// # Examples
    /// See [`try_recv`](UnixDatagram::try_recv).
    pub async fn readable(&self) -> io::Result<()> {
        self.ready(Interest::READABLE).await.map(drop)
    }

    /// Sends `buf` as one datagram to the connected peer, without waiting; answers its length.
    ///
    /// # Errors
    /// `WouldBlock` if the socket is not ready: wait for [`writable`](UnixDatagram::writable).
    /// Otherwise as [`send`](UnixDatagram::send).
    ///
    /// # Examples
    /// ```
    /// use std::io::ErrorKind;
    /// use tokio_uring_net::UnixDatagram;
    ///
    /// # #[tokio::main]
    /// # async fn main() -> std::io::Result<()> {
    /// let (one, _other) = UnixDatagram::pair()?;
    /// let sent = loop {
    ///     one.writable().await?;
    ///     match one.try_send(b"hello") {
    ///         Err(error) if error.kind() == ErrorKind::WouldBlock => continue,
    ///         result => break result?,
    ///     }
    /// };
    /// assert_eq!(sent, 5);
    /// # Ok(())
    /// # }
    /// ```
    pub fn try_send(&self, buf: &[u8]) -> io::Result<usize> {
        self.socket
            .try_io(Interest::WRITABLE, || self.send_now(buf))
    }

    /// Sends `buf` as one datagram to the socket bound to `target`, without waiting; answers its
    /// length.
    ///
    /// # Errors
    /// `WouldBlock` if the socket is not ready: wait for [`writable`](UnixDatagram::writable).
    /// Otherwise as [`send_to`](UnixDatagram::send_to).
    ///
    /// # Examples
    /// ```
    /// use tokio_uring_net::UnixDatagram;
    ///
    /// # #[tokio::main]
    /// # async fn main() -> std::io::Result<()> {
    /// let path = std::env::temp_dir().join(format!("try-send-to-{}.sock", std::process::id()));
    /// let server = UnixDatagram::bind(&path)?;
    /// let client = UnixDatagram::unbound()?;
    /// client.writable().await?;
    /// client.try_send_to(b"hello", &path)?;
    /// assert_eq!(server.recv(&mut [0; 16]).await?, 5);
    /// std::fs::remove_file(path)?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn try_send_to<P>(&self, buf: &[u8], target: P) -> io::Result<usize>
    where
        P: AsRef<Path>,
    {
        let send = || self.send_to_now(buf, target.as_ref());
        self.socket.try_io(Interest::WRITABLE, send)
    }

    /// Receives a datagram that is there into `buf`, without waiting; answers its length.
    ///
    /// What `buf` has no room for is lost.
    ///
    /// # Errors
    /// `WouldBlock` if the socket is not ready: wait for [`readable`](UnixDatagram::readable).
    /// Otherwise as recv(2).
    ///
    /// # Examples
    /// ```
    /// use std::io::ErrorKind;
    /// use tokio_uring_net::UnixDatagram;
    ///
    /// # #[tokio::main]
    /// # async fn main() -> std::io::Result<()> {
    /// let (one, other) = UnixDatagram::pair()?;
    /// one.send(b"hello").await?;
    /// let mut buf = [0; 16];
    /// let received = loop {
    ///     other.readable().await?;
    ///     match other.try_recv(&mut buf) {
    ///         Err(error) if error.kind() == ErrorKind::WouldBlock => continue,
    ///         result => break result?,
    ///     }
    /// };
    /// assert_eq!(&buf[..received], b"hello");
    /// # Ok(())
    /// # }
    /// ```
    pub fn try_recv(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.socket
            .try_io(Interest::READABLE, || self.recv_now(buf))
    }

    /// Receives a datagram that is there into `buf`, without waiting; answers its length and the
    /// address of its sender.
    ///
    /// What `buf` has no room for is lost.
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
    /// let (received, from) = other.try_recv_from(&mut [0; 16])?;
    /// assert_eq!(received, 5);
    /// assert!(from.is_unnamed());
    /// # Ok(())
    /// # }
    /// ```
    pub fn try_recv_from(&self, buf: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        self.socket
            .try_io(Interest::READABLE, || self.recv_from_now(buf))
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
    /// use tokio_uring_net::UnixDatagram;
    ///
    /// # #[tokio::main]
    /// # async fn main() -> std::io::Result<()> {
    /// let (one, _other) = UnixDatagram::pair()?;
    /// one.writable().await?;
    /// one.try_io(Interest::WRITABLE, || SockRef::from(&one).send(b"hello"))?;
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
    /// Cancel safe as far as `f` is: no call of `f` is ever interrupted, and the call after the
    /// last one has not begun.
    ///
    /// # Errors
    /// What `f` answers, except `WouldBlock`; or that the runtime is shutting down.
    ///
    /// # Examples
    /// ```
    /// use socket2::SockRef;
    /// use tokio::io::Interest;
    /// use tokio_uring_net::UnixDatagram;
    ///
    /// # #[tokio::main]
    /// # async fn main() -> std::io::Result<()> {
    /// let (one, _other) = UnixDatagram::pair()?;
    /// let send = || SockRef::from(&one).send(b"hello");
    /// assert_eq!(one.async_io(Interest::WRITABLE, send).await?, 5);
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
