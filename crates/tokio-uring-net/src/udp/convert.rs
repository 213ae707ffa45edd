//! [`UdpSocket`] from and to the types of the standard library and of `tokio::net`.

use std::io;
use std::os::fd::AsFd;

use ring_reactor::net::Origin;

use super::UdpSocket;
use crate::sys;

impl UdpSocket {
    /// Takes a socket of the standard library into the current runtime.
    ///
    /// The socket must be in non-blocking mode, or its calls block the runtime's thread: see
    /// [`set_nonblocking`](std::net::UdpSocket::set_nonblocking).
    ///
    /// # Errors
    /// If the runtime cannot register the socket.
    ///
    /// # Panics
    /// If called outside a tokio runtime, or in one whose I/O is not enabled. In builds with debug
    /// assertions also if the socket is in blocking mode.
    ///
    /// # Examples
    /// ```
    /// use tokio_uring_net::UdpSocket;
    ///
    /// # #[tokio::main]
    /// # async fn main() -> std::io::Result<()> {
    /// let socket = std::net::UdpSocket::bind("127.0.0.1:0")?;
    /// socket.set_nonblocking(true)?;
    /// let socket = UdpSocket::from_std(socket)?;
    /// # let _ = socket;
    /// # Ok(())
    /// # }
    /// ```
    #[track_caller]
    pub fn from_std(socket: std::net::UdpSocket) -> io::Result<UdpSocket> {
        sys::check_nonblocking(socket.as_fd())?;
        UdpSocket::new(socket.into(), Origin::Foreign)
    }

    /// Takes the socket out of its runtime, as a socket of the standard library in non-blocking mode.
    ///
    /// Datagrams that were not received yet stay in the socket.
    ///
    /// # Errors
    /// If the runtime cannot let go of the socket, which is closed then.
    ///
    /// # Examples
    /// ```
    /// use tokio_uring_net::UdpSocket;
    ///
    /// # #[tokio::main]
    /// # async fn main() -> std::io::Result<()> {
    /// let server = UdpSocket::bind("127.0.0.1:0").await?;
    /// let client = UdpSocket::bind("127.0.0.1:0").await?;
    /// client.send_to(b"hello", server.local_addr()?).await?;
    ///
    /// let server = server.into_std()?;
    /// server.set_nonblocking(false)?;
    /// let mut buf = [0; 16];
    /// assert_eq!(server.recv(&mut buf)?, 5);
    /// # Ok(())
    /// # }
    /// ```
    pub fn into_std(self) -> io::Result<std::net::UdpSocket> {
        self.socket.into_fd().map(std::net::UdpSocket::from)
    }
}

impl TryFrom<std::net::UdpSocket> for UdpSocket {
    type Error = io::Error;

    /// Does what [`from_std`](UdpSocket::from_std) does.
    #[track_caller]
    fn try_from(socket: std::net::UdpSocket) -> io::Result<UdpSocket> {
        UdpSocket::from_std(socket)
    }
}

impl TryFrom<tokio::net::UdpSocket> for UdpSocket {
    type Error = io::Error;

    /// Takes a socket of `tokio::net` into the current runtime, for use with a crate that makes
    /// tokio's concrete type.
    ///
    /// # Errors
    /// If tokio cannot let go of the socket or the runtime cannot register it.
    ///
    /// # Panics
    /// If called outside a tokio runtime, or in one whose I/O is not enabled.
    ///
    /// # Examples
    /// ```
    /// use tokio_uring_net::UdpSocket;
    ///
    /// # #[tokio::main]
    /// # async fn main() -> std::io::Result<()> {
    /// let socket = tokio::net::UdpSocket::bind("127.0.0.1:0").await?;
    /// let socket = UdpSocket::try_from(socket)?;
    /// # let _ = socket;
    /// # Ok(())
    /// # }
    /// ```
    #[track_caller]
    fn try_from(socket: tokio::net::UdpSocket) -> io::Result<UdpSocket> {
        UdpSocket::new(socket.into_std()?.into(), Origin::Foreign)
    }
}

impl TryFrom<UdpSocket> for tokio::net::UdpSocket {
    type Error = io::Error;

    /// Hands the socket to `tokio::net` in the current runtime, for use with a crate that takes
    /// tokio's concrete type.
    ///
    /// # Errors
    /// If the runtime cannot let go of the socket or tokio cannot register it.
    ///
    /// # Panics
    /// If called outside a tokio runtime, or in one whose I/O is not enabled.
    ///
    /// # Examples
    /// ```
    /// use tokio_uring_net::UdpSocket;
    ///
    /// # #[tokio::main]
    /// # async fn main() -> std::io::Result<()> {
    /// let socket = UdpSocket::bind("127.0.0.1:0").await?;
    /// let socket = tokio::net::UdpSocket::try_from(socket)?;
    /// # let _ = socket;
    /// # Ok(())
    /// # }
    /// ```
    #[track_caller]
    fn try_from(socket: UdpSocket) -> io::Result<tokio::net::UdpSocket> {
        tokio::net::UdpSocket::from_std(socket.into_std()?)
    }
}
