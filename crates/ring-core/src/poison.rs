//! Tells AddressSanitizer which memory is the kernel's.
//!
//! From the push of an SQE to its terminal CQE nobody here may touch what the SQE points to. In a
//! build by `cargo xtask asan` (`--cfg ring_core_asan`) that memory is poisoned meanwhile, so that a
//! touch ends the process with a report. The kernel itself is not checked. In every other build the
//! functions are empty.

/// The kernel has `memory` from here on.
#[inline]
pub(crate) fn lend<T>(memory: &mut T) {
    mark::poison(memory);
}

/// The kernel is done with `memory`.
#[inline]
pub(crate) fn take_back<T>(memory: &mut T) {
    mark::unpoison(memory);
}

/// Gives `memory` to the kernel for good. Its loss is no surprise to the leak detector.
pub(crate) fn leak<T>(memory: Box<T>) {
    mark::expect_leak(Box::leak(memory));
}

#[cfg(not(ring_core_asan))]
mod mark {
    #[inline]
    pub(super) fn poison<T>(_: *mut T) {}

    #[inline]
    pub(super) fn unpoison<T>(_: *mut T) {}

    pub(super) fn expect_leak<T>(_: *mut T) {}
}

#[cfg(ring_core_asan)]
#[expect(
    unsafe_code,
    reason = "the interface of AddressSanitizer and its leak detector is one of C"
)]
mod mark {
    use std::ffi::c_void;

    // SAFETY: these are the signatures of <sanitizer/asan_interface.h> and <sanitizer/lsan_interface.h>;
    // the runtime that the compiler links with `-Zsanitizer=address` has all three.
    unsafe extern "C" {
        fn __asan_poison_memory_region(address: *const c_void, bytes: usize);
        fn __asan_unpoison_memory_region(address: *const c_void, bytes: usize);
        fn __lsan_ignore_object(object: *const c_void);
    }

    pub(super) fn poison<T>(memory: *mut T) {
        // SAFETY: it demands a region that is mapped and belongs to the caller: a live `T`, by its
        // exclusive reference. Only the shadow of the memory changes.
        unsafe { __asan_poison_memory_region(memory.cast(), size_of::<T>()) }
    }

    pub(super) fn unpoison<T>(memory: *mut T) {
        // SAFETY: as above. What is made readable is the whole of one live `T`.
        unsafe { __asan_unpoison_memory_region(memory.cast(), size_of::<T>()) }
    }

    pub(super) fn expect_leak<T>(memory: *mut T) {
        // SAFETY: it demands a pointer to the start of an allocation: `Box::leak` has just given it.
        unsafe { __lsan_ignore_object(memory.cast()) }
    }
}
