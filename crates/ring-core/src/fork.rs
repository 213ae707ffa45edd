//! Counts forks, so that a ring knows when it is in a child that must not touch it.
#![expect(unsafe_code, reason = "pthread_atfork takes a C function")]

use std::sync::Once;
use std::sync::atomic::{AtomicU32, Ordering};

static COUNT: AtomicU32 = AtomicU32::new(0);
static HANDLER: Once = Once::new();

/// How many forks lie between the process that first asked and this one.
///
/// A value that differs from an earlier one means: this is a child, and everything made before
/// the fork belongs to the parent. A child made by clone(2) or vfork(2) without the C library's
/// fork(3) is not counted; it may only exec or exit anyhow.
#[must_use]
pub fn count() -> u32 {
    HANDLER.call_once(|| {
        // SAFETY: pthread_atfork(3) demands handlers that stay callable for the life of the process
        // and that do in the child only what is async-signal-safe: `in_child` is a static function
        // that increments an atomic.
        let result = unsafe { libc::pthread_atfork(None, None, Some(in_child)) };
        // ENOMEM is the only error; without the handler a child would write to shared ring memory.
        assert_eq!(result, 0, "pthread_atfork has no memory for a handler");
    });
    COUNT.load(Ordering::Relaxed)
}

extern "C" fn in_child() {
    COUNT.fetch_add(1, Ordering::Relaxed);
}
