//! The socket options of [`UdpSocket`].

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr};

use socket2::SockRef;

use super::UdpSocket;

impl UdpSocket {
    /// Takes the error that waits on the socket: reads `SO_ERROR` and clears it.
    ///
    /// # Errors
    /// As getsockopt(2).
    ///
    /// # Examples
    /// ```
    /// use tokio_uring_net::UdpSocket;
    ///
    /// # #[tokio::main]
    /// # async fn main() -> std::io::Result<()> {
    /// let socket = UdpSocket::bind("127.0.0.1:0").await?;
    /// assert!(socket.take_error()?.is_none());
    /// # Ok(())
    /// # }
    /// ```
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        SockRef::from(&self.socket.fd()).take_error()
    }

    /// Answers `SO_BROADCAST`. See [`set_broadcast`](UdpSocket::set_broadcast).
    ///
    /// # Errors
    /// As getsockopt(2).
    pub fn broadcast(&self) -> io::Result<bool> {
        SockRef::from(&self.socket.fd()).broadcast()
    }

    /// Sets `SO_BROADCAST`: whether the socket may send to broadcast addresses.
    ///
    /// # Errors
    /// As setsockopt(2).
    ///
    /// # Examples
    /// ```
    /// use tokio_uring_net::UdpSocket;
    ///
    /// # #[tokio::main]
    /// # async fn main() -> std::io::Result<()> {
    /// let socket = UdpSocket::bind("127.0.0.1:0").await?;
    /// socket.set_broadcast(true)?;
    /// assert!(socket.broadcast()?);
    /// # Ok(())
    /// # }
    /// ```
    pub fn set_broadcast(&self, on: bool) -> io::Result<()> {
        SockRef::from(&self.socket.fd()).set_broadcast(on)
    }

    /// Answers `IP_MULTICAST_LOOP`. See [`set_multicast_loop_v4`](UdpSocket::set_multicast_loop_v4).
    ///
    /// # Errors
    /// As getsockopt(2).
    pub fn multicast_loop_v4(&self) -> io::Result<bool> {
        SockRef::from(&self.socket.fd()).multicast_loop_v4()
    }

    /// Sets `IP_MULTICAST_LOOP`: whether this host receives what the socket sends to IPv4 groups
    /// that it has joined.
    ///
    /// # Errors
    /// As setsockopt(2).
    ///
    /// # Examples
    /// ```
    /// use tokio_uring_net::UdpSocket;
    ///
    /// # #[tokio::main]
    /// # async fn main() -> std::io::Result<()> {
    /// let socket = UdpSocket::bind("127.0.0.1:0").await?;
    /// socket.set_multicast_loop_v4(false)?;
    /// assert!(!socket.multicast_loop_v4()?);
    /// # Ok(())
    /// # }
    /// ```
    pub fn set_multicast_loop_v4(&self, on: bool) -> io::Result<()> {
        SockRef::from(&self.socket.fd()).set_multicast_loop_v4(on)
    }

    /// Answers `IP_MULTICAST_TTL`. See [`set_multicast_ttl_v4`](UdpSocket::set_multicast_ttl_v4).
    ///
    /// # Errors
    /// As getsockopt(2).
    pub fn multicast_ttl_v4(&self) -> io::Result<u32> {
        SockRef::from(&self.socket.fd()).multicast_ttl_v4()
    }

    /// Sets `IP_MULTICAST_TTL`: the time to live of datagrams to IPv4 groups.
    ///
    /// At first it is 1, and they stay in their network.
    ///
    /// # Errors
    /// As setsockopt(2).
    ///
    /// # Examples
    /// ```
    /// use tokio_uring_net::UdpSocket;
    ///
    /// # #[tokio::main]
    /// # async fn main() -> std::io::Result<()> {
    /// let socket = UdpSocket::bind("127.0.0.1:0").await?;
    /// socket.set_multicast_ttl_v4(4)?;
    /// assert_eq!(socket.multicast_ttl_v4()?, 4);
    /// # Ok(())
    /// # }
    /// ```
    pub fn set_multicast_ttl_v4(&self, ttl: u32) -> io::Result<()> {
        SockRef::from(&self.socket.fd()).set_multicast_ttl_v4(ttl)
    }

    /// Answers `IPV6_MULTICAST_LOOP`. See [`set_multicast_loop_v6`](UdpSocket::set_multicast_loop_v6).
    ///
    /// # Errors
    /// As getsockopt(2).
    pub fn multicast_loop_v6(&self) -> io::Result<bool> {
        SockRef::from(&self.socket.fd()).multicast_loop_v6()
    }

    /// Sets `IPV6_MULTICAST_LOOP`: whether this host receives what the socket sends to IPv6 groups
    /// that it has joined.
    ///
    /// # Errors
    /// As setsockopt(2).
    ///
    /// # Examples
    /// ```
    /// use tokio_uring_net::UdpSocket;
    ///
    /// # #[tokio::main]
    /// # async fn main() -> std::io::Result<()> {
    /// # let Ok(socket) = UdpSocket::bind("[::1]:0").await else { return Ok(()) };
    /// socket.set_multicast_loop_v6(false)?;
    /// assert!(!socket.multicast_loop_v6()?);
    /// # Ok(())
    /// # }
    /// ```
    pub fn set_multicast_loop_v6(&self, on: bool) -> io::Result<()> {
        SockRef::from(&self.socket.fd()).set_multicast_loop_v6(on)
    }

    /// Answers `IPV6_TCLASS`. See [`set_tclass_v6`](UdpSocket::set_tclass_v6).
    ///
    /// # Errors
    /// As getsockopt(2).
    pub fn tclass_v6(&self) -> io::Result<u32> {
        SockRef::from(&self.socket.fd()).tclass_v6()
    }

    /// Sets `IPV6_TCLASS`: the traffic class of the socket's IPv6 packets.
    ///
    /// # Errors
    /// As setsockopt(2).
    ///
    /// # Examples
    /// ```
    /// use tokio_uring_net::UdpSocket;
    ///
    /// # #[tokio::main]
    /// # async fn main() -> std::io::Result<()> {
    /// # let Ok(socket) = UdpSocket::bind("[::1]:0").await else { return Ok(()) };
    /// socket.set_tclass_v6(0x28)?;
    /// assert_eq!(socket.tclass_v6()?, 0x28);
    /// # Ok(())
    /// # }
    /// ```
    pub fn set_tclass_v6(&self, tclass: u32) -> io::Result<()> {
        SockRef::from(&self.socket.fd()).set_tclass_v6(tclass)
    }

    /// Answers `IP_TTL`. See [`set_ttl`](UdpSocket::set_ttl).
    ///
    /// # Errors
    /// As getsockopt(2).
    pub fn ttl(&self) -> io::Result<u32> {
        SockRef::from(&self.socket.fd()).ttl_v4()
    }

    /// Sets `IP_TTL`: how many routers a packet of this socket may pass.
    ///
    /// # Errors
    /// As setsockopt(2).
    ///
    /// # Examples
    /// ```
    /// use tokio_uring_net::UdpSocket;
    ///
    /// # #[tokio::main]
    /// # async fn main() -> std::io::Result<()> {
    /// let socket = UdpSocket::bind("127.0.0.1:0").await?;
    /// socket.set_ttl(100)?;
    /// assert_eq!(socket.ttl()?, 100);
    /// # Ok(())
    /// # }
    /// ```
    pub fn set_ttl(&self, ttl: u32) -> io::Result<()> {
        SockRef::from(&self.socket.fd()).set_ttl_v4(ttl)
    }

    /// Answers `IP_TOS`. See [`set_tos_v4`](UdpSocket::set_tos_v4).
    ///
    /// # Errors
    /// As getsockopt(2).
    pub fn tos_v4(&self) -> io::Result<u32> {
        SockRef::from(&self.socket.fd()).tos_v4()
    }

    /// Sets `IP_TOS`: the type of service of the socket's IPv4 packets.
    ///
    /// # Errors
    /// As setsockopt(2).
    ///
    /// # Examples
    /// ```
    /// use tokio_uring_net::UdpSocket;
    ///
    /// # #[tokio::main]
    /// # async fn main() -> std::io::Result<()> {
    /// let socket = UdpSocket::bind("127.0.0.1:0").await?;
    /// socket.set_tos_v4(0x10)?;
    /// assert_eq!(socket.tos_v4()?, 0x10);
    /// # Ok(())
    /// # }
    /// ```
    pub fn set_tos_v4(&self, tos: u32) -> io::Result<()> {
        SockRef::from(&self.socket.fd()).set_tos_v4(tos)
    }

    /// Does what [`tos_v4`](UdpSocket::tos_v4) does.
    ///
    /// # Errors
    /// As getsockopt(2).
    #[deprecated = "it concerns IPv4 alone, and is called `tos_v4` now"]
    #[doc(hidden)]
    pub fn tos(&self) -> io::Result<u32> {
        self.tos_v4()
    }

    /// Does what [`set_tos_v4`](UdpSocket::set_tos_v4) does.
    ///
    /// # Errors
    /// As setsockopt(2).
    #[deprecated = "it concerns IPv4 alone, and is called `set_tos_v4` now"]
    #[doc(hidden)]
    pub fn set_tos(&self, tos: u32) -> io::Result<()> {
        self.set_tos_v4(tos)
    }

    /// Answers `SO_BINDTODEVICE`: the name of the network interface that the socket is bound to.
    ///
    /// See [`bind_device`](UdpSocket::bind_device).
    ///
    /// # Errors
    /// As getsockopt(2).
    pub fn device(&self) -> io::Result<Option<Vec<u8>>> {
        SockRef::from(&self.socket.fd()).device()
    }

    /// Sets `SO_BINDTODEVICE`: the socket receives and sends by the network interface of this name
    /// only; with `None`, by any.
    ///
    /// # Errors
    /// As setsockopt(2): raw error `ENODEV` if there is no such interface, `PermissionDenied` if the
    /// socket is bound to one already and the process lacks `CAP_NET_RAW`.
    ///
    /// # Examples
    /// ```
    /// use tokio_uring_net::UdpSocket;
    ///
    /// # #[tokio::main]
    /// # async fn main() -> std::io::Result<()> {
    /// let socket = UdpSocket::bind("127.0.0.1:0").await?;
    /// socket.bind_device(Some(b"lo"))?;
    /// assert_eq!(socket.device()?.as_deref(), Some(&b"lo"[..]));
    /// # Ok(())
    /// # }
    /// ```
    pub fn bind_device(&self, interface: Option<&[u8]>) -> io::Result<()> {
        SockRef::from(&self.socket.fd()).bind_device(interface)
    }

    /// Joins the IPv4 group `multiaddr` on the interface that has the address `interface`; the
    /// unspecified address lets the kernel choose one.
    ///
    /// # Errors
    /// As setsockopt(2) with `IP_ADD_MEMBERSHIP`: raw error `ENODEV` if there is no such interface,
    /// `AddrInUse` if the socket is in the group.
    ///
    /// # Examples
    /// ```
    /// use std::net::Ipv4Addr;
    /// use tokio_uring_net::UdpSocket;
    ///
    /// # #[tokio::main]
    /// # async fn main() -> std::io::Result<()> {
    /// let socket = UdpSocket::bind("0.0.0.0:0").await?;
    /// let group = Ipv4Addr::new(239, 1, 2, 3);
    /// socket.join_multicast_v4(group, Ipv4Addr::LOCALHOST)?;
    /// socket.leave_multicast_v4(group, Ipv4Addr::LOCALHOST)?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn join_multicast_v4(&self, multiaddr: Ipv4Addr, interface: Ipv4Addr) -> io::Result<()> {
        SockRef::from(&self.socket.fd()).join_multicast_v4(&multiaddr, &interface)
    }

    /// Joins the IPv6 group `multiaddr` on the interface with the index `interface`; 0 lets the kernel
    /// choose one.
    ///
    /// # Errors
    /// As setsockopt(2) with `IPV6_ADD_MEMBERSHIP`: raw error `ENODEV` if there is no such interface,
    /// `AddrInUse` if the socket is in the group.
    pub fn join_multicast_v6(&self, multiaddr: &Ipv6Addr, interface: u32) -> io::Result<()> {
        SockRef::from(&self.socket.fd()).join_multicast_v6(multiaddr, interface)
    }

    /// Leaves a group that [`join_multicast_v4`](UdpSocket::join_multicast_v4) has joined with the same
    /// arguments.
    ///
    /// # Errors
    /// As setsockopt(2) with `IP_DROP_MEMBERSHIP`: `AddrNotAvailable` if the socket is not in the group.
    pub fn leave_multicast_v4(&self, multiaddr: Ipv4Addr, interface: Ipv4Addr) -> io::Result<()> {
        SockRef::from(&self.socket.fd()).leave_multicast_v4(&multiaddr, &interface)
    }

    /// Leaves a group that [`join_multicast_v6`](UdpSocket::join_multicast_v6) has joined with the same
    /// arguments.
    ///
    /// # Errors
    /// As setsockopt(2) with `IPV6_DROP_MEMBERSHIP`: `AddrNotAvailable` if the socket is not in the
    /// group.
    pub fn leave_multicast_v6(&self, multiaddr: &Ipv6Addr, interface: u32) -> io::Result<()> {
        SockRef::from(&self.socket.fd()).leave_multicast_v6(multiaddr, interface)
    }
}
