//! System calls on sockets, with the flags, limits and answers that tokio's types have.
//!
//! Every call here is non-blocking and safe; receiving into uninitialised memory is in
//! `read_buf.rs`.

use std::ffi::OsStr;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::os::fd::BorrowedFd;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net as unix;

use rustix::io::Errno;
use rustix::net::SendFlags;
use socket2::{Domain, Protocol, SockAddr, SockRef, Socket, Type};

/// Makes a TCP socket that is non-blocking and close-on-exec.
pub(crate) fn tcp_socket(domain: Domain) -> io::Result<Socket> {
    Socket::new(domain, Type::STREAM.nonblocking(), Some(Protocol::TCP))
}

/// Makes a UDP socket that is bound to `addr`, non-blocking and close-on-exec.
pub(crate) fn bound_udp_socket(addr: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(addr), Type::DGRAM.nonblocking(), None)?;
    socket.bind(&addr.into())?;
    Ok(socket)
}

/// Makes a Unix socket that is non-blocking and close-on-exec.
pub(crate) fn unix_socket(kind: Type) -> io::Result<Socket> {
    Socket::new(Domain::UNIX, kind.nonblocking(), None)
}

/// Calls connect(2); a connection that is still under way is not an error.
pub(crate) fn start_connect(socket: &Socket, addr: SocketAddr) -> io::Result<()> {
    match socket.connect(&addr.into()) {
        Err(error) if error.raw_os_error() != Some(Errno::INPROGRESS.raw_os_error()) => Err(error),
        _ => Ok(()),
    }
}

/// Calls sendto(2), without a `SIGPIPE`.
pub(crate) fn send_to(fd: BorrowedFd<'_>, buf: &[u8], target: SocketAddr) -> io::Result<usize> {
    const FLAGS: i32 = SendFlags::NOSIGNAL.bits().cast_signed();
    SockRef::from(&fd).send_to_with_flags(buf, &target.into(), FLAGS)
}

/// The address the socket is bound to.
pub(crate) fn local_addr(fd: BorrowedFd<'_>) -> io::Result<SocketAddr> {
    SockRef::from(&fd).local_addr().and_then(internet_addr)
}

/// The address the socket is connected to.
pub(crate) fn peer_addr(fd: BorrowedFd<'_>) -> io::Result<SocketAddr> {
    SockRef::from(&fd).peer_addr().and_then(internet_addr)
}

/// The IPv4 or IPv6 address in `addr`.
pub(crate) fn internet_addr(addr: SockAddr) -> io::Result<SocketAddr> {
    addr.as_socket().ok_or_else(|| {
        io::Error::new(
            ErrorKind::InvalidInput,
            "invalid address family (not IPv4 or IPv6)",
        )
    })
}

/// The Unix address in `addr`.
pub(crate) fn unix_addr(addr: &SockAddr) -> io::Result<unix::SocketAddr> {
    match (addr.as_abstract_namespace(), addr.as_pathname()) {
        (Some(name), _) => unix::SocketAddr::from_abstract_name(name),
        (None, Some(path)) => unix::SocketAddr::from_pathname(path),
        // What the standard library makes of no path at all: an address without a name.
        (None, None) => unix::SocketAddr::from_pathname(""),
    }
}

/// The address to call bind(2), connect(2) or sendto(2) with.
pub(crate) fn unix_sock_addr(addr: &unix::SocketAddr) -> io::Result<SockAddr> {
    match (addr.as_abstract_name(), addr.as_pathname()) {
        (Some(name), _) => SockAddr::unix(OsStr::from_bytes(&[b"\0", name].concat())),
        (None, Some(path)) => SockAddr::unix(path),
        (None, None) => SockAddr::unix(""),
    }
}

/// The answer to a name that resolves to nothing.
pub(crate) fn no_addr() -> io::Error {
    io::Error::new(ErrorKind::InvalidInput, "could not resolve to any address")
}

/// Panics, in builds with debug assertions, if the descriptor would block the runtime's thread.
///
/// The text and the `--cfg` that silences it are tokio's, so that what its users know holds here.
#[track_caller]
#[expect(
    unexpected_cfgs,
    reason = "the cfg is tokio's, given by the user in RUSTFLAGS"
)]
pub(crate) fn check_nonblocking(fd: BorrowedFd<'_>) -> io::Result<()> {
    if cfg!(debug_assertions) && !cfg!(tokio_allow_from_blocking_fd) {
        assert!(
            SockRef::from(&fd).nonblocking()?,
            "Registering a blocking socket with the tokio runtime is unsupported. \
            If you wish to do anyways, please add `--cfg tokio_allow_from_blocking_fd` to your \
            RUSTFLAGS. See github.com/tokio-rs/tokio/issues/7172 for details."
        );
    }
    Ok(())
}
