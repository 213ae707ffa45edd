//! [`UnixDatagram`] from and to the types of the standard library and of `tokio::net`.

use std::io;
use std::os::fd::AsFd;
use std::os::unix::net;

use ring_reactor::net::Origin;

use super::UnixDatagram;
use crate::sys;

impl UnixDatagram {
    /// Takes a socket of the standard library into the current runtime.
    ///
    /// The socket must be in non-blocking mode, or its calls block the runtime's thread: see
    /// [`set_nonblocking`](net::UnixDatagram::set_nonblocking).
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
    /// use tokio_uring_net::UnixDatagram;
    ///
    /// # #[tokio::main]
    /// # async fn main() -> std::io::Result<()> {
    /// let (one, other) = std::os::unix::net::UnixDatagram::pair()?;
    /// one.send(b"hello")?;
    /// other.set_nonblocking(true)?;
    /// let other = UnixDatagram::from_std(other)?;
    /// assert_eq!(other.recv(&mut [0; 16]).await?, 5);
    /// # Ok(())
    /// # }
    /// ```
    #[track_caller]
    pub fn from_std(datagram: net::UnixDatagram) -> io::Result<UnixDatagram> {
        sys::check_nonblocking(datagram.as_fd())?;
        UnixDatagram::new(datagram.into(), Origin::Foreign)
    }

    /// Takes the socket out of its runtime, as one of the standard library in non-blocking mode.
    ///
    /// # Errors
    /// If the runtime cannot let go of the socket, which is closed then.
    ///
    /// # Examples
    /// ```
    /// use tokio_uring_net::UnixDatagram;
    ///
    /// # #[tokio::main]
    /// # async fn main() -> std::io::Result<()> {
    /// let (one, other) = UnixDatagram::pair()?;
    /// one.send(b"not received yet").await?;
    ///
    /// let other = other.into_std()?;
    /// other.set_nonblocking(false)?;
    /// assert_eq!(other.recv(&mut [0; 32])?, 16);
    /// # Ok(())
    /// # }
    /// ```
    pub fn into_std(self) -> io::Result<net::UnixDatagram> {
        self.socket.into_fd().map(net::UnixDatagram::from)
    }
}

impl TryFrom<net::UnixDatagram> for UnixDatagram {
    type Error = io::Error;

    /// Does what [`from_std`](UnixDatagram::from_std) does.
    #[track_caller]
    fn try_from(datagram: net::UnixDatagram) -> io::Result<UnixDatagram> {
        UnixDatagram::from_std(datagram)
    }
}

impl TryFrom<tokio::net::UnixDatagram> for UnixDatagram {
    type Error = io::Error;

    /// Takes a socket of `tokio::net` into the current runtime, for use with a crate that makes
    /// tokio's concrete type.
    ///
    /// # Errors
    /// If tokio cannot let go of the socket or the runtime cannot register it.
    ///
    /// # Panics
    /// If called outside a tokio runtime, or in one whose I/O is not enabled.
    #[track_caller]
    fn try_from(datagram: tokio::net::UnixDatagram) -> io::Result<UnixDatagram> {
        UnixDatagram::new(datagram.into_std()?.into(), Origin::Foreign)
    }
}

impl TryFrom<UnixDatagram> for tokio::net::UnixDatagram {
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
    /// use tokio_uring_net::UnixDatagram;
    ///
    /// # #[tokio::main]
    /// # async fn main() -> std::io::Result<()> {
    /// let (one, other) = UnixDatagram::pair()?;
    /// let other = tokio::net::UnixDatagram::try_from(other)?;
    /// one.send(b"hello").await?;
    /// assert_eq!(other.recv(&mut [0; 16]).await?, 5);
    /// # Ok(())
    /// # }
    /// ```
    #[track_caller]
    fn try_from(datagram: UnixDatagram) -> io::Result<tokio::net::UnixDatagram> {
        tokio::net::UnixDatagram::from_std(datagram.into_std()?)
    }
}
