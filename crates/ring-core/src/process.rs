//! The end of the process, and the signals of a thread.
#![expect(
    unsafe_code,
    reason = "atexit takes a C function, and signal masks are C structures"
)]

use std::mem::MaybeUninit;
use std::ptr;
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

/// Blocks every signal for the calling thread, which then is none that a signal of the process can
/// be delivered to. Source: `pthread_sigmask(3)`.
pub fn block_signals() {
    let mut all = MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: sigfillset(3) demands room for a set, and fills it.
    let result = unsafe { libc::sigfillset(all.as_mut_ptr()) };
    debug_assert_eq!(result, 0, "the pointer is valid");
    // SAFETY: pthread_sigmask(3) demands an initialised set, which sigfillset has just made, or
    // none; the old mask is not asked for.
    let result = unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, all.as_ptr(), ptr::null_mut()) };
    debug_assert_eq!(result, 0, "the way is one of three");
}
