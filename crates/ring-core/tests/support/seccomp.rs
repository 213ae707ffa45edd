//! Threads for which the kernel refuses system calls.

use std::thread;

use seccompiler::{BpfProgram, SeccompAction, SeccompFilter};

pub(crate) const SETUP: i64 = libc::SYS_io_uring_setup;
pub(crate) const ENTER: i64 = libc::SYS_io_uring_enter;
pub(crate) const REGISTER: i64 = libc::SYS_io_uring_register;

/// From here on `call` answers `errno` to this thread and to those that it starts.
pub(crate) fn refuse(call: i64, errno: i32) {
    let action = SeccompAction::Errno(errno.unsigned_abs());
    let rules = [(call, Vec::new())].into_iter().collect();
    let arch = std::env::consts::ARCH.try_into().unwrap();
    let filter = SeccompFilter::new(rules, SeccompAction::Allow, action, arch).unwrap();
    let program: BpfProgram = filter.try_into().unwrap();
    seccompiler::apply_filter(&program).unwrap();
}

/// Runs `f` in a thread of its own, because a filter stays until its thread ends.
pub(crate) fn in_own_thread<R: Send>(f: impl FnOnce() -> R + Send) -> R {
    thread::scope(|scope| scope.spawn(f).join()).unwrap_or_else(|panic| {
        std::panic::resume_unwind(panic);
    })
}
