//! A provided buffer ring: memory that the kernel receives into, lent and given back buffer by buffer.
//!
//! | buffer | who may touch it | leaves on |
//! |---|---|---|
//! | provided | the kernel | a CQE with its number -> filled |
//! | filled | whoever reaped the CQE | [`BufRing::give_back`] -> provided |
#![expect(
    unsafe_code,
    reason = "the kernel reads the entries and writes to the buffers"
)]

use std::alloc::{Layout, alloc_zeroed, dealloc, handle_alloc_error};
use std::io;
use std::mem::{self, ManuallyDrop};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU16, Ordering};

use io_uring::IoUring;
use io_uring::types::BufRingEntry;

use crate::limits::{BUF_RING_ENTRIES_MAX, PAGE_BYTES};
use crate::poison;

/// The buffers of one group: `io_uring_setup_buf_ring(3)`.
///
/// Its memory stays at one address from registration to drop. Who drops it vouches that no request
/// that selects from the group is in flight; otherwise [`BufRing::leak`].
pub(crate) struct BufRing {
    /// Read by the kernel; its own copy of the head is elsewhere.
    entries: NonNull<BufRingEntry>,
    /// `count` buffers of `bytes_each` bytes.
    memory: NonNull<u8>,
    count: u16,
    bytes_each: usize,
    /// For each buffer that is filled, how many bytes the kernel has put into it.
    filled: Box<[Option<usize>]>,
    /// Where the next buffer is provided. The kernel sees it when it is published.
    tail: u16,
}

// SAFETY: the pointers are to allocations that this value alone owns; nothing in it belongs to a
// thread.
unsafe impl Send for BufRing {}
// SAFETY: a shared reference reads plain fields, and `filled` reads buffers that only `&mut` changes.
unsafe impl Sync for BufRing {}

impl std::fmt::Debug for BufRing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BufRing")
            .field("count", &self.count)
            .field("bytes_each", &self.bytes_each)
            .finish_non_exhaustive()
    }
}

/// A buffer that the kernel has filled, named by a CQE.
///
/// Hand it to [`Ops::take_bytes`](crate::ops::Ops::take_bytes): dropped, its buffer is lost to the group.
#[derive(Debug, PartialEq, Eq)]
#[must_use]
pub struct Filled {
    number: u16,
}

impl Filled {
    pub(crate) fn new(number: u16) -> Filled {
        Filled { number }
    }
}

impl BufRing {
    /// Registers `count` buffers of `bytes_each` bytes with `ring` as `group`, and provides them all.
    ///
    /// # Errors
    /// Of io_uring_register(2): `EEXIST` if the group has buffers already, `ENOMEM`.
    /// # Panics
    /// Unless `count` is a power of two up to 32,768 and `bytes_each` is not 0.
    pub(crate) fn setup(
        ring: &IoUring,
        count: u16,
        bytes_each: usize,
        group: u16,
    ) -> io::Result<BufRing> {
        assert!(
            count.is_power_of_two() && count <= BUF_RING_ENTRIES_MAX && bytes_each > 0,
            "a power of two of buffers that hold something"
        );
        let mut buffers = BufRing {
            entries: allocate(entries_layout(count)).cast(),
            memory: allocate(memory_layout(count, bytes_each)),
            count,
            bytes_each,
            filled: vec![None; usize::from(count)].into(),
            tail: 0,
        };
        // SAFETY: it demands that the entries stay valid until they are unregistered or the ring is
        // gone. The kernel pins their pages when it registers them, and looks at them by that alone;
        // the allocation is whole pages of its own, which `Drop` gives back for all else. What the
        // entries point to is `memory`: see `Drop` and `leak`.
        unsafe {
            ring.submitter().register_buf_ring_with_flags(
                buffers.entries.as_ptr() as u64,
                count,
                group,
                0,
            )
        }?;
        for number in 0..count {
            buffers.provide(number);
        }
        buffers.publish();
        Ok(buffers)
    }

    /// Takes note of a CQE that names a buffer, with `bytes` bytes in it.
    ///
    /// # Panics
    /// If the kernel does not have that buffer.
    pub(crate) fn on_filled(&mut self, number: u16, bytes: usize) {
        let filled = &mut self.filled[usize::from(number)];
        assert!(
            filled.is_none(),
            "the kernel fills buffers that it was given"
        );
        *filled = Some(bytes.min(self.bytes_each));
        poison::take_back_bytes(self.buffer(number), self.bytes_each);
    }

    /// What the kernel has put into a buffer; nothing if it has the buffer again.
    pub(crate) fn bytes(&self, filled: &Filled) -> &[u8] {
        let Some(&Some(bytes)) = self.filled.get(usize::from(filled.number)) else {
            return &[];
        };
        // SAFETY: it demands `bytes` initialised bytes that nobody writes to while the slice lives.
        // They lie within the buffer, whose memory was zeroed when it was made. The buffer is filled,
        // so it is not the kernel's before `give_back`, which takes `&mut self`.
        unsafe { std::slice::from_raw_parts(self.buffer(filled.number).as_ptr(), bytes) }
    }

    /// Provides a buffer to the kernel again: `io_uring_buf_ring_add(3)` and `io_uring_buf_ring_advance(3)`.
    /// One that the kernel has is left to it.
    pub(crate) fn give_back(&mut self, filled: Filled) {
        let was_filled = self.filled.get_mut(usize::from(filled.number));
        if was_filled.is_some_and(|filled| filled.take().is_some()) {
            self.provide(filled.number);
            self.publish();
        }
    }

    fn provide(&mut self, number: u16) {
        let buffer = self.buffer(number);
        poison::lend_bytes(buffer, self.bytes_each);
        let index = usize::from(self.tail & (self.count - 1));
        // SAFETY: it demands an offset within the allocation: `index` is below `count`.
        let mut entry = unsafe { self.entries.add(index) };
        // SAFETY: it demands a live entry that nobody else uses. The kernel reads those between its head
        // and the published tail alone. There are `count` buffers, and `filled` says that the kernel
        // does not have this one, so the place at the tail is free.
        let entry = unsafe { entry.as_mut() };
        entry.set_addr(buffer.as_ptr() as u64);
        entry.set_len(u32::try_from(self.bytes_each).unwrap_or(u32::MAX));
        entry.set_bid(number);
        self.tail = self.tail.wrapping_add(1);
    }

    fn publish(&mut self) {
        // SAFETY: it demands the first entry of a ring whose entries are initialised: they were zeroed.
        let tail = unsafe { BufRingEntry::tail(self.entries.as_ptr()) };
        // SAFETY: it demands two aligned bytes that are used atomically while the answer lives. They
        // are those of the tail, which the kernel reads with an acquiring load; `provide`, which
        // writes to the entry around them, leaves them alone and has ended.
        let tail = unsafe { AtomicU16::from_ptr(tail.cast_mut()) };
        tail.store(self.tail, Ordering::Release);
    }

    fn buffer(&self, number: u16) -> NonNull<u8> {
        assert!(
            number < self.count,
            "the kernel names buffers that it was given"
        );
        // SAFETY: it demands an offset within the allocation: `number` is below `count`.
        unsafe { self.memory.add(usize::from(number) * self.bytes_each) }
    }

    /// Gives the buffers to the kernel for good: a request may still select one.
    pub(crate) fn leak(self) {
        let mut buffers = ManuallyDrop::new(self);
        drop(mem::take(&mut buffers.filled));
        poison::leak_bytes(buffers.entries.cast());
        poison::leak_bytes(buffers.memory);
    }
}

impl Drop for BufRing {
    fn drop(&mut self) {
        poison::take_back_bytes(self.memory, usize::from(self.count) * self.bytes_each);
        // SAFETY: it was allocated by `allocate` with this layout and is freed once. The kernel reads the
        // entries through pages that it has pinned itself.
        unsafe { dealloc(self.entries.as_ptr().cast(), entries_layout(self.count)) };
        let layout = memory_layout(self.count, self.bytes_each);
        // SAFETY: as above. The kernel writes to no buffer: no request is in flight, by the contract of
        // the type, which `Ops::release` keeps.
        unsafe { dealloc(self.memory.as_ptr(), layout) };
    }
}

/// Whole pages, so that (where a page has 4 KiB) nothing else lies on those that the kernel pins.
fn entries_layout(count: u16) -> Layout {
    layout(usize::from(count) * size_of::<BufRingEntry>())
}

fn memory_layout(count: u16, bytes_each: usize) -> Layout {
    layout(usize::from(count) * bytes_each)
}

fn layout(bytes: usize) -> Layout {
    Layout::from_size_align(bytes.next_multiple_of(PAGE_BYTES), PAGE_BYTES)
        .expect("some thousand buffers of some thousand bytes fit an address space")
}

fn allocate(layout: Layout) -> NonNull<u8> {
    // SAFETY: it demands a layout of more than no bytes: both kinds have a page at least.
    let memory = unsafe { alloc_zeroed(layout) };
    NonNull::new(memory).unwrap_or_else(|| handle_alloc_error(layout))
}
