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
use std::path::Path;

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

/// Makes two Unix sockets that are connected to each other, non-blocking and close-on-exec.
pub(crate) fn unix_pair(kind: Type) -> io::Result<(Socket, Socket)> {
    Socket::pair(Domain::UNIX, kind.nonblocking(), None)
}

/// Calls connect(2); a connection that is still under way is not an error.
pub(crate) fn start_connect(socket: &Socket, addr: impl Into<SockAddr>) -> io::Result<()> {
    match socket.connect(&addr.into()) {
        Err(error) if error.raw_os_error() != Some(Errno::INPROGRESS.raw_os_error()) => Err(error),
        _ => Ok(()),
    }
}

/// Calls sendto(2), without a `SIGPIPE`.
pub(crate) fn send_to(
    fd: BorrowedFd<'_>,
    buf: &[u8],
    target: impl Into<SockAddr>,
) -> io::Result<usize> {
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

/// The address the Unix socket is bound to.
pub(crate) fn unix_local_addr(fd: BorrowedFd<'_>) -> io::Result<unix::SocketAddr> {
    let addr = SockRef::from(&fd).local_addr()?;
    unix_addr(&addr).or_else(|_| unix::UnixDatagram::from(fd.try_clone_to_owned()?).local_addr())
}

/// The address the Unix socket is connected to.
pub(crate) fn unix_peer_addr(fd: BorrowedFd<'_>) -> io::Result<unix::SocketAddr> {
    let addr = SockRef::from(&fd).peer_addr()?;
    unix_addr(&addr).or_else(|_| unix::UnixDatagram::from(fd.try_clone_to_owned()?).peer_addr())
}

/// The Unix address that `path` stands for: an abstract name if it begins with a NUL byte.
pub(crate) fn unix_path_addr(path: &Path) -> io::Result<unix::SocketAddr> {
    match path.as_os_str().as_bytes().strip_prefix(b"\0") {
        Some(name) => unix::SocketAddr::from_abstract_name(name),
        None => unix::SocketAddr::from_pathname(path),
    }
}

/// The Unix address in `addr`.
///
/// The standard library makes no address of a path that fills its field (108 bytes, without a NUL at
/// the end: unix(7)), unless the kernel says it: that is an error here.
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

#[cfg(test)]
mod tests {
    use super::{unix_addr, unix_local_addr, unix_path_addr, unix_peer_addr, unix_sock_addr};
    use rustix::net::{AddressFamily, SocketAddrUnix, SocketType, bind, connect, listen, socket};
    use std::ffi::OsStr;
    use std::io::ErrorKind;
    use std::os::fd::AsFd;
    use std::os::linux::net::SocketAddrExt;
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::net::{SocketAddr, UnixDatagram, UnixStream};
    use std::path::{Path, PathBuf};

    fn path(bytes: &[u8]) -> &Path {
        OsStr::from_bytes(bytes).as_ref()
    }

    fn there_and_back(addr: &SocketAddr) -> SocketAddr {
        unix_addr(&unix_sock_addr(addr).unwrap()).unwrap()
    }

    /// A path whose bytes fill the field of an address, so that no NUL fits behind them.
    fn full_path(name: &str) -> PathBuf {
        let directory = std::env::temp_dir();
        let room = 108 - directory.as_os_str().len() - 1;
        let name = format!("{name}-{}-", std::process::id());
        directory.join(format!("{name:_<room$}"))
    }

    #[test]
    fn paths_survive_whatever_their_bytes() {
        let longest = vec![b'p'; 107];
        for bytes in [&b"/tmp/socket"[..], b"not \xff utf-8 \x80", &longest] {
            let addr = unix_path_addr(path(bytes)).unwrap();
            assert_eq!(there_and_back(&addr).as_pathname(), Some(path(bytes)));
        }
    }

    #[test]
    fn abstract_names_survive_whatever_their_bytes() {
        let longest = [b'n'; 107];
        for name in [&b"name"[..], b"", b"\0inner\0", b"\xff", &longest] {
            let addr = unix_path_addr(path(&[b"\0", name].concat())).unwrap();
            assert_eq!(there_and_back(&addr).as_abstract_name(), Some(name));
        }
    }

    #[test]
    fn no_name_stays_none() {
        let addr = unix_path_addr(path(b"")).unwrap();
        assert!(there_and_back(&addr).is_unnamed());
        let (one, _two) = UnixStream::pair().unwrap();
        assert!(unix_local_addr(one.as_fd()).unwrap().is_unnamed());
        assert!(unix_peer_addr(one.as_fd()).unwrap().is_unnamed());
    }

    #[test]
    fn what_fits_no_address_is_invalid_input() {
        let (long, inner) = ([b'p'; 108], b"inner\0NUL");
        let abstract_name = [&b"\0"[..], &long].concat();
        for bytes in [&long[..], inner, &abstract_name] {
            let error = unix_path_addr(path(bytes)).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput);
        }
    }

    #[test]
    fn a_path_of_full_length_is_told_by_either_end() {
        let (here, there) = (full_path("here"), full_path("there"));
        let new = || socket(AddressFamily::UNIX, SocketType::STREAM, None).unwrap();
        let (client, listener) = (new(), new());
        bind(&client, &SocketAddrUnix::new(&here).unwrap()).unwrap();
        bind(&listener, &SocketAddrUnix::new(&there).unwrap()).unwrap();
        listen(&listener, 1).unwrap();
        connect(&client, &SocketAddrUnix::new(&there).unwrap()).unwrap();
        let local = unix_local_addr(client.as_fd()).unwrap();
        let peer = unix_peer_addr(client.as_fd()).unwrap();
        std::fs::remove_file(&here).unwrap();
        std::fs::remove_file(&there).unwrap();
        assert_eq!(local.as_pathname(), Some(here.as_path()));
        assert_eq!(peer.as_pathname(), Some(there.as_path()));
    }

    #[test]
    fn a_name_that_the_kernel_chose_is_abstract() {
        let unnamed = unix_path_addr(path(b"")).unwrap();
        let bound = UnixDatagram::bind_addr(&unnamed).unwrap();
        let name = unix_local_addr(bound.as_fd()).unwrap();
        assert_eq!(name.as_abstract_name().map(<[u8]>::len), Some(5));
    }
}
