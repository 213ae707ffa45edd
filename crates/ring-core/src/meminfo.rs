//! How much a socket's send buffer still takes: `SO_MEMINFO`, which no crate wraps.
#![expect(unsafe_code, reason = "getsockopt is a raw system call here")]

use std::os::fd::{AsRawFd, BorrowedFd};

/// `SK_MEMINFO_*` of linux/sock_diag.h.
const WMEM_ALLOC: usize = 2;
const SNDBUF: usize = 3;
const WMEM_QUEUED: usize = 5;
const VARS: usize = 9;

/// How many bytes of memory a socket may still use for data to be sent; 0 if that cannot be learnt.
///
/// The kernel counts its own overhead too: it takes at least half as many bytes of data, where a
/// send is not tiny. Source: `SO_MEMINFO` of getsockopt(2), kernel 4.12.
#[must_use]
pub fn send_room(fd: BorrowedFd<'_>) -> usize {
    let mut vars = [0_u32; VARS];
    let mut bytes = libc::socklen_t::try_from(size_of_val(&vars)).unwrap_or(0);
    // SAFETY: getsockopt(2) writes at most `bytes` bytes to the value and the length to `bytes`.
    // `vars` has that many, both outlive the call, and any bytes are valid u32s.
    let result = unsafe {
        libc::getsockopt(
            fd.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_MEMINFO,
            (&raw mut vars).cast(),
            &raw mut bytes,
        )
    };
    if result != 0 {
        return 0;
    }
    let used = vars[WMEM_ALLOC].max(vars[WMEM_QUEUED]);
    usize::try_from(vars[SNDBUF].saturating_sub(used)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::send_room;
    use std::io::{ErrorKind, Write};
    use std::net::{TcpListener, TcpStream};
    use std::os::fd::AsFd;

    #[test]
    fn a_socket_takes_what_its_room_promises_and_a_full_one_has_none() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let _peer = listener.accept().unwrap();
        stream.set_nonblocking(true).unwrap();
        let room = send_room(stream.as_fd()) / 2;
        assert!(room > 0);
        assert_eq!(stream.write(&vec![0; room]).unwrap(), room);
        let full = (0..1_000_000).find_map(|_| stream.write_all(&[0; 4096]).err());
        assert_eq!(full.unwrap().kind(), ErrorKind::WouldBlock);
        assert!(send_room(stream.as_fd()) < 4096);
    }

    #[test]
    fn what_is_no_socket_has_no_room() {
        assert_eq!(send_room(std::io::stdin().as_fd()), 0);
    }
}
