//! Sockets, and what their other end can tell.

use std::io::{self, Read};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use ring_core::ops::Target;
use rustix::io::FdFlags;
use socket2::{Domain, SockRef, Socket, Type};

/// A listening socket on a port of the kernel's choice.
pub(crate) fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

/// A socket that has an address and does not listen: connecting to it is refused, and nobody else
/// gets its port.
pub(crate) fn silent() -> (Socket, SocketAddr) {
    let socket = tcp_socket();
    let any: SocketAddr = (Ipv4Addr::LOCALHOST, 0).into();
    socket.bind(&any.into()).unwrap();
    let address = socket.local_addr().unwrap().as_socket().unwrap();
    (socket, address)
}

/// A TCP socket that is not connected.
pub(crate) fn tcp_socket() -> Socket {
    Socket::new(Domain::IPV4, Type::STREAM, None).unwrap()
}

/// Two ends of a Unix stream: what one writes the other has when write(2) returns.
pub(crate) fn pair() -> (UnixStream, UnixStream) {
    UnixStream::pair().unwrap()
}

/// Ends a connection with a reset.
pub(crate) fn reset(stream: TcpStream) {
    SockRef::from(&stream)
        .set_linger(Some(Duration::ZERO))
        .unwrap();
}

/// The target of a poll or an accept.
pub(crate) fn target(fd: &impl AsFd) -> Target {
    Target::of(fd.as_fd())
}

/// Whether the other end has been closed, and has sent nothing. Waits for neither.
pub(crate) fn is_closed(end: &UnixStream) -> bool {
    let mut end = end.try_clone().unwrap();
    end.set_nonblocking(true).unwrap();
    match end.read(&mut [0]) {
        Ok(0) => true,
        Ok(_) => panic!("the other end has written"),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => false,
        Err(error) => panic!("{error}"),
    }
}

/// Whether `fd` is non-blocking and close-on-exec.
pub(crate) fn is_non_blocking_and_close_on_exec(fd: &OwnedFd) -> bool {
    let flags = rustix::io::fcntl_getfd(fd).unwrap();
    SockRef::from(fd).nonblocking().unwrap() && flags.contains(FdFlags::CLOEXEC)
}
