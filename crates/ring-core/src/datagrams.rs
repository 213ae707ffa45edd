//! Many datagrams for one system call: recvmmsg(2) and sendmmsg(2), with the kernel's segmentation
//! and coalescing of UDP.
//!
//! A [`Datagrams`] owns the memory of a batch, and keeps it from call to call. Its slots stand one
//! behind another, each with room for one payload:
//!
//! ```text
//! 0 ........ first ............ end ............ capacity
//!   sent       filled, in order     free
//! ```
#![expect(
    unsafe_code,
    reason = "recvmmsg(2) and sendmmsg(2) take arrays of pointers, which no safe wrapper builds"
)]

mod control;

use std::fmt;
use std::io::{self, ErrorKind};
use std::mem;
use std::net::SocketAddr;
use std::num::NonZeroU16;
use std::ops::Range;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::ptr;

use libc::{iovec, mmsghdr, sockaddr_storage, socklen_t};
use socket2::{SockAddr, SockAddrStorage};

use self::control::{Control, UDP_GRO};
use crate::limits::{DATAGRAM_BYTES_MAX, DATAGRAMS_MAX, DATAGRAMS_RECV_MIN};

/// A batch of datagrams, for as many as the kernel has or takes in one system call.
///
/// A receive replaces what is in it. A send takes the datagrams that left away from the front, so
/// what is in it then has not been sent. What was received can be sent as it is, each back to its
/// sender.
pub struct Datagrams {
    payloads: Box<[u8]>,
    bytes_max: usize,
    slots: Box<[Slot]>,
    first: usize,
    end: usize,
    /// How many datagrams the next receive asks for.
    wanted: usize,
    headers: Vec<mmsghdr>,
    vectors: Vec<iovec>,
}

// SAFETY: `Send` demands that the value may go to another thread. Only the pointers in `headers` and
// `vectors` stand against it, and nobody follows one that an earlier call has left: `call` builds both
// anew before it hands them to the kernel, and what reads them afterwards reads lengths and flags.
unsafe impl Send for Datagrams {}

// SAFETY: `Sync` demands the same of shared references: they reach neither `headers` nor `vectors`.
unsafe impl Sync for Datagrams {}

/// What one system call has moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moved {
    /// How many datagrams.
    pub count: usize,
    /// Whether it could have moved more: the socket is drained, or full.
    pub is_short: bool,
}

struct Slot {
    peer: sockaddr_storage,
    /// 0: without an address.
    peer_bytes: socklen_t,
    bytes: usize,
    /// How large the datagrams are that the payload consists of; 0: it is one.
    segment_bytes: u16,
    is_truncated: bool,
    control: Control,
}

/// One datagram of a batch, or several that the kernel joined.
#[derive(Clone, Copy)]
pub struct Datagram<'a> {
    slot: &'a Slot,
    payload: &'a [u8],
}

impl Datagrams {
    /// Makes an empty batch for up to `capacity` datagrams of up to `bytes_max` bytes. The memory for
    /// all of them is reserved at once; the system provides it when it is first used.
    ///
    /// # Panics
    /// If `capacity` is 0 or more than 1,024, which is what one system call takes, or `bytes_max` is
    /// more than 65,535, which no datagram exceeds.
    #[must_use]
    pub fn new(capacity: usize, bytes_max: usize) -> Datagrams {
        assert!(
            (1..=DATAGRAMS_MAX).contains(&capacity),
            "a batch has room for 1 to {DATAGRAMS_MAX} datagrams, not {capacity}"
        );
        assert!(
            bytes_max <= DATAGRAM_BYTES_MAX,
            "a datagram has {DATAGRAM_BYTES_MAX} bytes at most, not {bytes_max}"
        );
        Datagrams {
            payloads: vec![0; capacity * bytes_max].into_boxed_slice(),
            bytes_max,
            slots: (0..capacity).map(|_| Slot::empty()).collect(),
            first: 0,
            end: 0,
            wanted: capacity.min(DATAGRAMS_RECV_MIN),
            headers: Vec::new(),
            vectors: Vec::new(),
        }
    }

    /// Answers how many datagrams are in the batch.
    #[must_use]
    pub fn len(&self) -> usize {
        self.end - self.first
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.first == self.end
    }

    /// Answers how many datagrams fit.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.slots.len()
    }

    /// Takes all datagrams out.
    pub fn clear(&mut self) {
        self.first = 0;
        self.end = 0;
    }

    /// Takes the first datagram out: one that cannot be sent would be in the way of the others.
    pub fn remove_first(&mut self) {
        if self.first < self.end {
            self.first += 1;
        }
    }

    /// Adds a datagram to `peer`; without one, to the peer that the socket is connected to.
    ///
    /// # Errors
    /// `InvalidInput` if the batch is full (sent datagrams free their places when all have left) or
    /// the payload is longer than those the batch was made for.
    pub fn push(&mut self, payload: &[u8], peer: impl Into<Option<SocketAddr>>) -> io::Result<()> {
        self.push_slot(payload, peer.into(), 0)
    }

    /// Adds `payload`, which the kernel or the network card cuts into datagrams of `segment_bytes`
    /// bytes; the last may be shorter. At most 64 (128 since Linux 6.10), of 65,507 bytes together.
    ///
    /// # Errors
    /// As [`push`](Datagrams::push). The send fails with `InvalidInput`, or as the kernel puts it, if
    /// there are too many segments or one does not fit the path.
    ///
    /// # Kernel
    /// 4.18.
    pub fn push_segments(
        &mut self,
        payload: &[u8],
        segment_bytes: NonZeroU16,
        peer: impl Into<Option<SocketAddr>>,
    ) -> io::Result<()> {
        self.push_slot(payload, peer.into(), segment_bytes.get())
    }

    fn push_slot(
        &mut self,
        payload: &[u8],
        peer: Option<SocketAddr>,
        segment_bytes: u16,
    ) -> io::Result<()> {
        if self.is_empty() {
            self.clear();
        }
        if self.end == self.slots.len() {
            return Err(io::Error::new(
                ErrorKind::InvalidInput,
                format!("the batch is full ({} datagrams): send it first", self.end),
            ));
        }
        if payload.len() > self.bytes_max {
            return Err(io::Error::new(
                ErrorKind::InvalidInput,
                format!(
                    "the payload has {} bytes, the batch was made for {}",
                    payload.len(),
                    self.bytes_max
                ),
            ));
        }
        let start = self.end * self.bytes_max;
        self.payloads[start..start + payload.len()].copy_from_slice(payload);
        let slot = &mut self.slots[self.end];
        slot.set_peer(peer);
        slot.bytes = payload.len();
        slot.segment_bytes = segment_bytes;
        slot.is_truncated = false;
        self.end += 1;
        Ok(())
    }

    /// The datagrams, in the order they were received in or added.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Datagram<'_>> {
        (self.first..self.end).map(|index| {
            let slot = &self.slots[index];
            let start = index * self.bytes_max;
            Datagram {
                slot,
                payload: &self.payloads[start..start + slot.bytes],
            }
        })
    }

    /// Calls recvmmsg(2) on a non-blocking socket and replaces what is in the batch by what it
    /// answers.
    ///
    /// It asks for some more than came last time, twice as many if there were more, so that a large
    /// batch costs nothing where few come.
    ///
    /// # Errors
    /// Of recvmmsg(2), `WouldBlock` if there is no datagram among them. The batch is as it was then.
    pub fn recv(&mut self, fd: BorrowedFd<'_>) -> io::Result<Moved> {
        let wanted = self.wanted;
        let bytes_max = self.bytes_max;
        let received = self.call(
            0..wanted,
            |slot| Lengths {
                payload: bytes_max,
                peer: peer_bytes_max(),
                control: slot.control.room(),
            },
            |headers| {
                // SAFETY: recvmmsg(2) demands headers whose pointers are good for writes of the lengths
                // beside them, until it returns. `call` has just made them, of memory that `self` owns
                // and nobody else touches meanwhile.
                unsafe {
                    libc::recvmmsg(
                        fd.as_raw_fd(),
                        headers.as_mut_ptr(),
                        count_of(headers),
                        FLAGS,
                        ptr::null_mut(),
                    )
                }
            },
        )?;
        for (slot, header) in self.slots.iter_mut().zip(&self.headers[..received]) {
            slot.set_received(header, bytes_max);
        }
        self.first = 0;
        self.end = received;
        let is_short = received < wanted;
        let next = if is_short {
            received + received / 4
        } else {
            received * 2
        };
        self.wanted = next.max(DATAGRAMS_RECV_MIN).min(self.slots.len());
        Ok(Moved {
            count: received,
            is_short,
        })
    }

    /// Calls sendmmsg(2) on a non-blocking socket and takes what was sent out of the batch.
    ///
    /// # Errors
    /// Of sendmmsg(2), if the first datagram was not sent: `WouldBlock` if the socket is full.
    pub fn send(&mut self, fd: BorrowedFd<'_>) -> io::Result<Moved> {
        if self.is_empty() {
            return Ok(Moved {
                count: 0,
                is_short: false,
            });
        }
        let (first, end) = (self.first, self.end);
        let sent = self.call(
            first..end,
            |slot| Lengths {
                payload: slot.bytes,
                peer: slot.peer_bytes,
                control: slot.control.set_segment_bytes(slot.segment_bytes),
            },
            |headers| {
                // SAFETY: sendmmsg(2) demands headers whose pointers are good for reads of the lengths
                // beside them, until it returns: as in `recv`. It writes to the headers alone.
                unsafe {
                    libc::sendmmsg(
                        fd.as_raw_fd(),
                        headers.as_mut_ptr(),
                        count_of(headers),
                        FLAGS,
                    )
                }
            },
        )?;
        self.first += sent;
        Ok(Moved {
            count: sent,
            is_short: self.first < self.end,
        })
    }

    /// Builds a header for each slot of `range`, and hands them to `call`: how many it served.
    fn call(
        &mut self,
        range: Range<usize>,
        lengths: impl Fn(&mut Slot) -> Lengths,
        call: impl FnOnce(&mut [mmsghdr]) -> libc::c_int,
    ) -> io::Result<usize> {
        self.headers.clear();
        self.vectors.clear();
        // So that the vectors stay where they are.
        self.vectors.reserve(range.len());
        let payloads = self.payloads.as_mut_ptr();
        let vectors = self.vectors.as_mut_ptr();
        for (number, index) in range.enumerate() {
            let slot = &mut self.slots[index];
            let lengths = lengths(slot);
            self.vectors.push(iovec {
                iov_base: payloads.wrapping_add(index * self.bytes_max).cast(),
                iov_len: lengths.payload,
            });
            self.headers
                .push(slot.header(vectors.wrapping_add(number), &lengths));
        }
        // -1, for an error, is the one negative answer.
        usize::try_from(call(&mut self.headers)).map_err(|_| io::Error::last_os_error())
    }
}

/// How much of a slot's memory the kernel may read, or write.
struct Lengths {
    payload: usize,
    peer: socklen_t,
    control: usize,
}

/// The answer comes at once, and a closed socket raises no `SIGPIPE`.
const FLAGS: libc::c_int = libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL;

/// Room for any address.
fn peer_bytes_max() -> socklen_t {
    socklen_t::try_from(mem::size_of::<sockaddr_storage>()).expect("an address has few bytes")
}

fn count_of(headers: &[mmsghdr]) -> libc::c_uint {
    libc::c_uint::try_from(headers.len()).expect("a batch has DATAGRAMS_MAX headers at most")
}

impl Slot {
    fn empty() -> Slot {
        Slot {
            peer: *view(&mut SockAddrStorage::zeroed()),
            peer_bytes: 0,
            bytes: 0,
            segment_bytes: 0,
            is_truncated: false,
            control: Control::EMPTY,
        }
    }

    fn set_peer(&mut self, peer: Option<SocketAddr>) {
        let Some(peer) = peer.map(SockAddr::from) else {
            self.peer_bytes = 0;
            return;
        };
        self.peer_bytes = peer.len();
        self.peer = *view(&mut peer.as_storage());
    }

    /// What the kernel is to know of the slot, or to write to it.
    fn header(&mut self, vector: *mut iovec, lengths: &Lengths) -> mmsghdr {
        // SAFETY: `zeroed` demands that zeros are a valid value: the fields are numbers and pointers.
        let mut header: mmsghdr = unsafe { mem::zeroed() };
        header.msg_hdr.msg_name = (&raw mut self.peer).cast();
        header.msg_hdr.msg_namelen = lengths.peer;
        header.msg_hdr.msg_iov = vector;
        header.msg_hdr.msg_iovlen = 1;
        header.msg_hdr.msg_control = (&raw mut self.control).cast();
        header.msg_hdr.msg_controllen = lengths.control;
        header
    }

    /// Takes over what a receive has written.
    fn set_received(&mut self, header: &mmsghdr, bytes_max: usize) {
        let bytes = usize::try_from(header.msg_len).unwrap_or(bytes_max);
        self.bytes = bytes.min(bytes_max);
        self.peer_bytes = header.msg_hdr.msg_namelen.min(peer_bytes_max());
        self.segment_bytes = self
            .control
            .gro_segment_bytes(header.msg_hdr.msg_controllen);
        // Without the kernel's message nobody knows whether the payload was joined.
        let flags = header.msg_hdr.msg_flags;
        let may_be_joined = flags & libc::MSG_CTRUNC != 0 && self.segment_bytes == 0;
        self.is_truncated = flags & libc::MSG_TRUNC != 0 || may_be_joined;
    }
}

/// The same memory under the name of the C library.
fn view(storage: &mut SockAddrStorage) -> &mut sockaddr_storage {
    // SAFETY: `view_as` demands one of the `sockaddr_*` types of this system.
    unsafe { storage.view_as::<sockaddr_storage>() }
}

impl<'a> Datagram<'a> {
    /// Answers what was received, or is to be sent.
    #[must_use]
    pub fn payload(&self) -> &'a [u8] {
        self.payload
    }

    /// Answers the sender of a received datagram, or the receiver of one to be sent; `None`: the peer
    /// that the socket is connected to.
    #[must_use]
    pub fn peer(&self) -> Option<SocketAddr> {
        if self.slot.peer_bytes == 0 {
            return None;
        }
        let mut storage = SockAddrStorage::zeroed();
        *view(&mut storage) = self.slot.peer;
        // SAFETY: `SockAddr::new` demands a valid address of that length: it was zeroed (a valid
        // address of any length) and then written by the kernel, which tells the length, or taken
        // from a `SockAddr`.
        let peer = unsafe { SockAddr::new(storage, self.slot.peer_bytes) };
        peer.as_socket()
    }

    /// Answers how large the datagrams are that the payload consists of, all but the last: the kernel
    /// has joined what came, or is to cut what goes. `None`: it is one datagram.
    #[must_use]
    pub fn segment_bytes(&self) -> Option<NonZeroU16> {
        NonZeroU16::new(self.slot.segment_bytes)
    }

    /// Whether the datagram was longer than those the batch was made for, and its end is lost; or whether
    /// the kernel had so much to say of it that [`segment_bytes`](Datagram::segment_bytes) may be lost.
    #[must_use]
    pub fn is_truncated(&self) -> bool {
        self.slot.is_truncated
    }
}

/// Sets `UDP_GRO`: whether the kernel may join datagrams of one sender and one size into one payload.
///
/// # Errors
/// Of setsockopt(2).
pub fn set_udp_gro(fd: BorrowedFd<'_>, on: bool) -> io::Result<()> {
    let value = libc::c_int::from(on);
    let bytes = socklen_t::try_from(mem::size_of_val(&value)).expect("an int has few bytes");
    // SAFETY: setsockopt(2) demands a value that is good for reads of that many bytes: it reads
    // `value`, which lives until it returns.
    let result = unsafe {
        libc::setsockopt(
            fd.as_raw_fd(),
            libc::SOL_UDP,
            UDP_GRO,
            (&raw const value).cast(),
            bytes,
        )
    };
    if result < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

impl fmt::Debug for Datagrams {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Datagrams")
            .field("len", &self.len())
            .field("capacity", &self.capacity())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Datagram<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Datagram")
            .field("peer", &self.peer())
            .field("bytes", &self.payload.len())
            .field("segment_bytes", &self.segment_bytes())
            .field("is_truncated", &self.is_truncated())
            .finish()
    }
}
