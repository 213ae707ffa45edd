//! What is to happen when the process ends in the ordinary way.
#![expect(unsafe_code, reason = "atexit takes a C function")]

use std::sync::OnceLock;

static AT_EXIT: OnceLock<fn()> = OnceLock::new();

/// Has `f` called once when the process ends by exit(3) or by returning from `main`; not when it ends
/// by a signal, `abort` or `_exit`. Only the first call counts. Source: `atexit(3)`.
///
/// `f` runs on the thread that ends the process, while other threads may still run and hold locks.
pub fn at_exit(f: fn()) {
    if AT_EXIT.set(f).is_ok() {
        // SAFETY: atexit(3) demands a function that stays callable until the process ends and does
        // not unwind: `run` is static, and a panic in an `extern "C"` function aborts.
        let result = unsafe { libc::atexit(run) };
        // It fails for want of memory only; what `f` does is then not done.
        debug_assert_eq!(result, 0, "atexit has no memory for a handler");
    }
}

extern "C" fn run() {
    if let Some(f) = AT_EXIT.get() {
        f();
    }
}
