//! Socket addresses that the kernel writes.
#![expect(
    unsafe_code,
    reason = "an address written by the kernel has a length that no type tells"
)]

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
