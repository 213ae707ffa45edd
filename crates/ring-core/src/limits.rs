//! Every bound of the crate in one place, with the relations between them checked at compile time.

/// Operations one slab holds at most, in flight and orphaned together.
pub const OPS_MAX: u32 = 1 << 20;

/// Bits of a token that hold the slot index.
pub const TOKEN_INDEX_BITS: u32 = 32;

/// Submission queue entries of a ring that does not ask for another size.
///
/// Small on purpose: a ring counts against `RLIMIT_MEMLOCK` of a user without `CAP_IPC_LOCK`, and
/// that limit is 8 MiB for all of the user's processes together on most systems.
pub const SQ_ENTRIES_DEFAULT: u32 = 256;

/// Completion queue entries of a ring that does not ask for another size.
pub const CQ_ENTRIES_DEFAULT: u32 = 1024;

/// Buffers of one provided buffer ring: the kernel's own bound.
pub const BUF_RING_ENTRIES_MAX: u16 = 1 << 15;

/// The alignment that the kernel asks of a provided buffer ring, in bytes: a page. Where pages are
/// larger, the kernel may refuse the ring.
pub const PAGE_BYTES: usize = 4096;

/// How often a drain enters the kernel before it gives up and leaks.
pub const DRAIN_ENTERS_MAX: u32 = 10_000;

/// How long one wait of a drain lasts at most, in milliseconds.
pub const DRAIN_WAIT_MS: u64 = 100;

/// Waits of [`DRAIN_WAIT_MS`] that may pass without a completion before a drain gives up.
pub const DRAIN_IDLE_WAITS_MAX: u32 = 20;

const _: () = assert!(
    OPS_MAX as u64 <= 1 << TOKEN_INDEX_BITS,
    "a slot index must fit the token"
);
const _: () = assert!(SQ_ENTRIES_DEFAULT.is_power_of_two() && CQ_ENTRIES_DEFAULT.is_power_of_two());
const _: () = assert!(
    CQ_ENTRIES_DEFAULT >= 2 * SQ_ENTRIES_DEFAULT,
    "liburing's rule of thumb"
);

/// How many datagrams one system call takes: `UIO_MAXIOV` of Linux.
pub const DATAGRAMS_MAX: usize = 1024;

/// How many datagrams a receive asks for at least, where there is room for them.
pub const DATAGRAMS_RECV_MIN: usize = 4;

/// How many bytes a payload may have: a UDP length has 16 bits.
pub const DATAGRAM_BYTES_MAX: usize = 65_535;
