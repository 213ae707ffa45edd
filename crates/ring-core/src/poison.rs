//! Tells AddressSanitizer which memory is the kernel's.
//!
//! From the push of an SQE to its terminal CQE nobody here may touch what the SQE points to. In a
//! build by `cargo xtask asan` (`--cfg ring_core_asan`) that memory is poisoned meanwhile, so that a
//! touch ends the process with a report. The kernel itself is not checked. In every other build the
//! functions are empty.

use std::ptr::NonNull;

/// The kernel has `memory` from here on.
#[inline]
pub(crate) fn lend<T>(memory: &mut T) {
    lend_bytes(NonNull::from(memory).cast(), size_of::<T>());
}

/// The kernel is done with `memory`.
#[inline]
pub(crate) fn take_back<T>(memory: &mut T) {
    take_back_bytes(NonNull::from(memory).cast(), size_of::<T>());
}

/// Gives `memory` to the kernel for good. Its loss is no surprise to the leak detector.
pub(crate) fn leak<T>(memory: Box<T>) {
    leak_bytes(NonNull::from(Box::leak(memory)).cast());
}

pub(crate) use self::mark::{leak_bytes, lend_bytes, take_back_bytes};

#[cfg(not(ring_core_asan))]
mod mark {
    use std::ptr::NonNull;

    /// As `lend`, for `bytes` bytes of an allocation.
    #[inline]
    pub(crate) fn lend_bytes(_memory: NonNull<u8>, _bytes: usize) {}

    /// As `take_back`, for `bytes` bytes of an allocation.
    #[inline]
    pub(crate) fn take_back_bytes(_memory: NonNull<u8>, _bytes: usize) {}

    /// As `leak`, for an allocation that starts at `memory`.
    pub(crate) fn leak_bytes(_memory: NonNull<u8>) {}
}

#[cfg(ring_core_asan)]
#[expect(
    unsafe_code,
    reason = "the interface of AddressSanitizer and its leak detector is one of C"
)]
mod mark {
    use std::ffi::c_void;
    use std::ptr::NonNull;

    // SAFETY: these are the signatures of <sanitizer/asan_interface.h> and <sanitizer/lsan_interface.h>;
    // the runtime that the compiler links with `-Zsanitizer=address` has all three.
    unsafe extern "C" {
        fn __asan_poison_memory_region(address: *const c_void, bytes: usize);
        fn __asan_unpoison_memory_region(address: *const c_void, bytes: usize);
        fn __lsan_ignore_object(object: *const c_void);
    }

    pub(crate) fn lend_bytes(memory: NonNull<u8>, bytes: usize) {
        // SAFETY: it demands a region that is mapped and belongs to the caller: a live value, by its
        // exclusive reference, or a buffer of a live `BufRing`. Only the shadow of the memory changes.
        unsafe { __asan_poison_memory_region(memory.as_ptr().cast(), bytes) }
    }

    pub(crate) fn take_back_bytes(memory: NonNull<u8>, bytes: usize) {
        // SAFETY: as above. What is made readable is the whole of what is live there.
        unsafe { __asan_unpoison_memory_region(memory.as_ptr().cast(), bytes) }
    }

    pub(crate) fn leak_bytes(memory: NonNull<u8>) {
        // SAFETY: it demands a pointer to the start of an allocation: of a `Box`, or a `BufRing`'s.
        unsafe { __lsan_ignore_object(memory.as_ptr().cast()) }
    }
}
