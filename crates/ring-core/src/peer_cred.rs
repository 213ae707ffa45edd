//! Who is at the other end of a Unix socket: `SO_PEERCRED`.
//!
//! rustix has this option, but no process id of its can be 0, and the kernel answers 0 for a process
//! of another pid namespace (pid_namespaces(7)) and for a socket without a peer.
#![expect(unsafe_code, reason = "getsockopt is a raw system call here")]

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

/// What the kernel noted when the peer called connect(2), listen(2) or socketpair(2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeerCred {
    /// Its process id; 0 if it has none here.
    pub pid: i32,
    /// Its effective user id.
    pub uid: u32,
    /// Its effective group id.
    pub gid: u32,
}

/// Answers who is at the other end of a Unix socket. Source: `SO_PEERCRED` of unix(7).
///
/// # Errors
/// Of getsockopt(2).
pub fn peer_cred(fd: BorrowedFd<'_>) -> io::Result<PeerCred> {
    let mut cred = libc::ucred {
        pid: 0,
        uid: 0,
        gid: 0,
    };
    let mut bytes = libc::socklen_t::try_from(size_of_val(&cred)).unwrap_or(0);
    // SAFETY: getsockopt(2) writes at most `bytes` bytes to the value and the length to `bytes`.
    // `cred` has that many, both outlive the call, and its three integers may have any bytes.
    let result = unsafe {
        libc::getsockopt(
            fd.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_PEERCRED,
            (&raw mut cred).cast(),
            &raw mut bytes,
        )
    };
    if result != 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(PeerCred {
        pid: cred.pid,
        uid: cred.uid,
        gid: cred.gid,
    })
}

#[cfg(test)]
mod tests {
    use super::peer_cred;
    use std::os::fd::AsFd;
    use std::os::unix::net::{UnixDatagram, UnixStream};

    #[test]
    fn the_other_end_of_a_pair_is_this_process() {
        let (one, _two) = UnixStream::pair().unwrap();
        let cred = peer_cred(one.as_fd()).unwrap();
        assert_eq!(cred.pid.cast_unsigned(), std::process::id());
        assert_eq!(cred.uid, rustix::process::geteuid().as_raw());
        assert_eq!(cred.gid, rustix::process::getegid().as_raw());
    }

    #[test]
    fn a_socket_without_a_peer_has_no_process_at_its_other_end() {
        let alone = UnixDatagram::unbound().unwrap();
        assert_eq!(peer_cred(alone.as_fd()).unwrap().pid, 0);
    }

    #[test]
    fn what_is_no_socket_is_refused() {
        let error = peer_cred(std::io::stdin().as_fd()).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::ENOTSOCK));
    }
}
