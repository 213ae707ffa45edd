//! The socket options of [`TcpSocket`].

use std::io;
use std::time::Duration;

use super::TcpSocket;

impl TcpSocket {
    /// Sets `SO_KEEPALIVE`: whether the kernel probes a connection that is silent for long.
    ///
    /// # Errors
    /// As setsockopt(2).
    ///
    /// # Examples
    /// ```
    /// use tokio_uring_net::TcpSocket;
    ///
    /// # fn main() -> std::io::Result<()> {
    /// let socket = TcpSocket::new_v4()?;
    /// socket.set_keepalive(true)?;
    /// assert!(socket.keepalive()?);
    /// # Ok(())
    /// # }
    /// ```
    pub fn set_keepalive(&self, keepalive: bool) -> io::Result<()> {
        self.inner.set_keepalive(keepalive)
    }

    /// Answers `SO_KEEPALIVE`. See [`set_keepalive`](TcpSocket::set_keepalive).
    ///
    /// # Errors
    /// As getsockopt(2).
    pub fn keepalive(&self) -> io::Result<bool> {
        self.inner.keepalive()
    }

    /// Sets `SO_REUSEADDR`: whether the address may be bound although connections of an earlier
    /// listener linger on it.
    ///
    /// socket(7): on Linux an address with a listener on it stays taken all the same.
    ///
    /// # Errors
    /// As setsockopt(2).
    ///
    /// # Examples
    /// ```
    /// use tokio_uring_net::TcpSocket;
    ///
    /// # fn main() -> std::io::Result<()> {
    /// let socket = TcpSocket::new_v4()?;
    /// socket.set_reuseaddr(true)?;
    /// assert!(socket.reuseaddr()?);
    /// # Ok(())
    /// # }
    /// ```
    pub fn set_reuseaddr(&self, reuseaddr: bool) -> io::Result<()> {
        self.inner.set_reuse_address(reuseaddr)
    }

    /// Answers `SO_REUSEADDR`. See [`set_reuseaddr`](TcpSocket::set_reuseaddr).
    ///
    /// # Errors
    /// As getsockopt(2).
    pub fn reuseaddr(&self) -> io::Result<bool> {
        self.inner.reuse_address()
    }

    /// Sets `SO_REUSEPORT`: whether other sockets with this option may bind the same address.
    ///
    /// The kernel spreads the connections among listeners that share an address.
    ///
    /// # Errors
    /// As setsockopt(2).
    ///
    /// # Examples
    /// ```
    /// use tokio_uring_net::TcpSocket;
    ///
    /// # fn main() -> std::io::Result<()> {
    /// let first = TcpSocket::new_v4()?;
    /// first.set_reuseport(true)?;
    /// first.bind("127.0.0.1:0".parse().expect("an address"))?;
    ///
    /// let second = TcpSocket::new_v4()?;
    /// second.set_reuseport(true)?;
    /// second.bind(first.local_addr()?)?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn set_reuseport(&self, reuseport: bool) -> io::Result<()> {
        self.inner.set_reuse_port(reuseport)
    }

    /// Answers `SO_REUSEPORT`. See [`set_reuseport`](TcpSocket::set_reuseport).
    ///
    /// # Errors
    /// As getsockopt(2).
    pub fn reuseport(&self) -> io::Result<bool> {
        self.inner.reuse_port()
    }

    /// Sets `SO_SNDBUF`: how many bytes the kernel keeps for sending.
    ///
    /// # Errors
    /// As setsockopt(2).
    ///
    /// # Examples
    /// ```
    /// use tokio_uring_net::TcpSocket;
    ///
    /// # fn main() -> std::io::Result<()> {
    /// let socket = TcpSocket::new_v4()?;
    /// socket.set_send_buffer_size(64 * 1024)?;
    /// assert!(socket.send_buffer_size()? >= 64 * 1024);
    /// # Ok(())
    /// # }
    /// ```
    pub fn set_send_buffer_size(&self, size: u32) -> io::Result<()> {
        self.inner.set_send_buffer_size(size as usize)
    }

    /// Answers `SO_SNDBUF`: how many bytes the kernel keeps for sending.
    ///
    /// socket(7): Linux doubles the number that was set, for its own needs, and holds it within
    /// limits of the system.
    ///
    /// # Errors
    /// As getsockopt(2).
    pub fn send_buffer_size(&self) -> io::Result<u32> {
        self.inner.send_buffer_size().map(bytes_of_option)
    }

    /// Sets `SO_RCVBUF`: how many received bytes the kernel keeps until they are read.
    ///
    /// # Errors
    /// As setsockopt(2).
    ///
    /// # Examples
    /// ```
    /// use tokio_uring_net::TcpSocket;
    ///
    /// # fn main() -> std::io::Result<()> {
    /// let socket = TcpSocket::new_v4()?;
    /// socket.set_recv_buffer_size(64 * 1024)?;
    /// assert!(socket.recv_buffer_size()? >= 64 * 1024);
    /// # Ok(())
    /// # }
    /// ```
    pub fn set_recv_buffer_size(&self, size: u32) -> io::Result<()> {
        self.inner.set_recv_buffer_size(size as usize)
    }

    /// Answers `SO_RCVBUF`: how many received bytes the kernel keeps until they are read.
    ///
    /// socket(7): Linux doubles the number that was set, for its own needs, and holds it within
    /// limits of the system.
    ///
    /// # Errors
    /// As getsockopt(2).
    pub fn recv_buffer_size(&self) -> io::Result<u32> {
        self.inner.recv_buffer_size().map(bytes_of_option)
    }

    /// Sets `SO_LINGER`: how long a close waits for unsent bytes, in whole seconds; `None` for a
    /// close that does not wait.
    ///
    /// With a duration above zero, dropping the socket, or the stream it becomes, blocks the thread
    /// it is dropped on. [`set_zero_linger`](TcpSocket::set_zero_linger) is the value that does not
    /// block.
    ///
    /// # Errors
    /// As setsockopt(2).
    #[deprecated = "dropping a socket with `SO_LINGER` set blocks the thread"]
    pub fn set_linger(&self, dur: Option<Duration>) -> io::Result<()> {
        self.inner.set_linger(dur)
    }

    /// Sets `SO_LINGER` to zero: a close resets the connection and throws away what is not sent
    /// yet.
    ///
    /// See [`TcpStream::set_zero_linger`](crate::TcpStream::set_zero_linger).
    ///
    /// # Errors
    /// As setsockopt(2).
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    /// use tokio_uring_net::TcpSocket;
    ///
    /// # fn main() -> std::io::Result<()> {
    /// let socket = TcpSocket::new_v4()?;
    /// socket.set_zero_linger()?;
    /// assert_eq!(socket.linger()?, Some(Duration::ZERO));
    /// # Ok(())
    /// # }
    /// ```
    pub fn set_zero_linger(&self) -> io::Result<()> {
        self.inner.set_linger(Some(Duration::ZERO))
    }

    /// Answers `SO_LINGER`: how long a close waits for unsent bytes, `None` if it does not wait.
    ///
    /// # Errors
    /// As getsockopt(2).
    pub fn linger(&self) -> io::Result<Option<Duration>> {
        self.inner.linger()
    }

    /// Sets `TCP_NODELAY`: whether small segments leave at once.
    ///
    /// Without it, Nagle's algorithm keeps a small segment back while an earlier one is not
    /// acknowledged.
    ///
    /// # Errors
    /// As setsockopt(2).
    ///
    /// # Examples
    /// ```
    /// use tokio_uring_net::TcpSocket;
    ///
    /// # fn main() -> std::io::Result<()> {
    /// let socket = TcpSocket::new_v4()?;
    /// socket.set_nodelay(true)?;
    /// assert!(socket.nodelay()?);
    /// # Ok(())
    /// # }
    /// ```
    pub fn set_nodelay(&self, nodelay: bool) -> io::Result<()> {
        self.inner.set_tcp_nodelay(nodelay)
    }

    /// Answers `TCP_NODELAY`. See [`set_nodelay`](TcpSocket::set_nodelay).
    ///
    /// # Errors
    /// As getsockopt(2).
    pub fn nodelay(&self) -> io::Result<bool> {
        self.inner.tcp_nodelay()
    }

    /// Answers `IPV6_TCLASS`. See [`set_tclass_v6`](TcpSocket::set_tclass_v6).
    ///
    /// # Errors
    /// As getsockopt(2).
    pub fn tclass_v6(&self) -> io::Result<u32> {
        self.inner.tclass_v6()
    }

    /// Sets `IPV6_TCLASS`: the traffic class in the IPv6 packets of this socket.
    ///
    /// # Errors
    /// As setsockopt(2).
    ///
    /// # Examples
    /// ```
    /// use tokio_uring_net::TcpSocket;
    ///
    /// # fn main() -> std::io::Result<()> {
    /// # let Ok(socket) = TcpSocket::new_v6() else { return Ok(()) };
    /// socket.set_tclass_v6(96)?;
    /// assert_eq!(socket.tclass_v6()?, 96);
    /// # Ok(())
    /// # }
    /// ```
    pub fn set_tclass_v6(&self, tclass: u32) -> io::Result<()> {
        self.inner.set_tclass_v6(tclass)
    }

    /// Answers `IP_TOS`. See [`set_tos_v4`](TcpSocket::set_tos_v4).
    ///
    /// # Errors
    /// As getsockopt(2).
    pub fn tos_v4(&self) -> io::Result<u32> {
        self.inner.tos_v4()
    }

    /// Answers `IP_TOS` under its old name.
    ///
    /// # Errors
    /// As [`tos_v4`](TcpSocket::tos_v4).
    #[deprecated = "renamed: use `tos_v4`, as the option is one of IPv4"]
    #[doc(hidden)]
    pub fn tos(&self) -> io::Result<u32> {
        self.tos_v4()
    }

    /// Sets `IP_TOS`: the type of service in the IPv4 packets of this socket.
    ///
    /// # Errors
    /// As setsockopt(2).
    ///
    /// # Examples
    /// ```
    /// use tokio_uring_net::TcpSocket;
    ///
    /// # fn main() -> std::io::Result<()> {
    /// let socket = TcpSocket::new_v4()?;
    /// socket.set_tos_v4(96)?;
    /// assert_eq!(socket.tos_v4()?, 96);
    /// # Ok(())
    /// # }
    /// ```
    pub fn set_tos_v4(&self, tos: u32) -> io::Result<()> {
        self.inner.set_tos_v4(tos)
    }

    /// Sets `IP_TOS` under its old name.
    ///
    /// # Errors
    /// As [`set_tos_v4`](TcpSocket::set_tos_v4).
    #[deprecated = "renamed: use `set_tos_v4`, as the option is one of IPv4"]
    #[doc(hidden)]
    pub fn set_tos(&self, tos: u32) -> io::Result<()> {
        self.set_tos_v4(tos)
    }

    /// Answers `SO_BINDTODEVICE`: the name of the network interface the socket is bound to, `None`
    /// if to none.
    ///
    /// # Errors
    /// As getsockopt(2).
    pub fn device(&self) -> io::Result<Option<Vec<u8>>> {
        self.inner.device()
    }

    /// Sets `SO_BINDTODEVICE`: the socket handles packets of one network interface only.
    ///
    /// `None` and the empty name undo it.
    ///
    /// # Errors
    /// As setsockopt(2).
    ///
    /// # Examples
    /// ```
    /// use tokio_uring_net::TcpSocket;
    ///
    /// # fn main() -> std::io::Result<()> {
    /// let socket = TcpSocket::new_v4()?;
    /// match socket.bind_device(Some(b"lo")) {
    ///     Ok(()) => assert_eq!(socket.device()?.as_deref(), Some(b"lo".as_slice())),
    ///     Err(error) => println!("cannot be bound to the loopback interface: {error}"),
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn bind_device(&self, interface: Option<&[u8]>) -> io::Result<()> {
        self.inner.bind_device(interface)
    }
}

/// A buffer size of getsockopt(2), which is a C int there.
fn bytes_of_option(size_bytes: usize) -> u32 {
    u32::try_from(size_bytes).unwrap_or(u32::MAX)
}
