//! Socket addresses that the kernel writes, and accept4(2), which does.
#![expect(
    unsafe_code,
    reason = "an address written by the kernel has a length that no type tells"
)]

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use libc::{sockaddr, socklen_t};
use socket2::{SockAddr, SockAddrStorage};

/// Room for the peer's address of one accept, kept by the op slab until the terminal CQE.
#[derive(Debug)]
pub(crate) struct AcceptAddress {
    storage: SockAddrStorage,
    bytes: socklen_t,
}

impl AcceptAddress {
    pub(crate) fn new() -> AcceptAddress {
        let storage = SockAddrStorage::zeroed();
        AcceptAddress {
            bytes: storage.size_of(),
            storage,
        }
    }

    /// Where the kernel is to write: the address, and the length in and out.
    pub(crate) fn as_mut_ptrs(&mut self) -> (*mut sockaddr, *mut socklen_t) {
        ((&raw mut self.storage).cast(), &raw mut self.bytes)
    }

    /// The length as it is in memory now.
    #[cfg(all(test, ring_core_asan))]
    pub(crate) fn bytes(&self) -> socklen_t {
        self.bytes
    }

    /// The address, after the accept has succeeded.
    pub(crate) fn into_addr(self) -> SockAddr {
        let bytes = self.bytes.min(self.storage.size_of());
        // SAFETY: `SockAddr::new` demands that `storage` holds a valid address of `bytes` bytes. It
        // was zeroed (a valid AF_UNSPEC address of any length) and then written by the kernel's
        // accept alone, which sets `bytes` to the length of what it wrote; an address cut short
        // would have a larger length, hence the `min`.
        unsafe { SockAddr::new(self.storage, bytes) }
    }
}

/// The peer's address that an accept through a ring has brought.
///
/// It stays where the kernel wrote it until it is asked for: an address is large, and events are moved
/// around.
#[derive(Debug)]
pub struct PeerAddr(Box<AcceptAddress>);

impl PeerAddr {
    pub(crate) fn new(address: Box<AcceptAddress>) -> PeerAddr {
        PeerAddr(address)
    }

    /// The address.
    #[must_use]
    pub fn into_addr(self) -> SockAddr {
        self.0.into_addr()
    }
}

/// Accepts one connection with accept4(2): non-blocking, close-on-exec, with its peer's address.
///
/// # Errors
/// Of accept4(2), `WouldBlock` from a non-blocking socket without a connection among them.
pub fn accept4(fd: BorrowedFd<'_>) -> io::Result<(OwnedFd, SockAddr)> {
    let mut address = AcceptAddress::new();
    let (storage, bytes) = address.as_mut_ptrs();
    let flags = libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC;
    // SAFETY: accept4(2) writes at most `*bytes` bytes to `storage`, and the length to `bytes`. Both
    // point into `address`, which `bytes` describes and which outlives the call.
    let accepted = unsafe { libc::accept4(fd.as_raw_fd(), storage, bytes, flags) };
    if accepted < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: `from_raw_fd` demands an open descriptor that nobody else owns: accept4(2) has just
    // made it.
    let accepted = unsafe { OwnedFd::from_raw_fd(accepted) };
    Ok((accepted, address.into_addr()))
}
