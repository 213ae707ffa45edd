//! fork(2), for processes that were started for one test case: they have no thread that holds a
//! lock.
#![expect(unsafe_code, reason = "nothing safe forks without executing")]

use rustix::process::{Pid, WaitOptions, waitpid};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// A child that may still run.
#[derive(Debug)]
pub(crate) struct Fork(Pid);

/// Forks. The child runs `work` and ends at once, without running destructors or exit handlers.
pub(crate) fn fork(work: impl FnOnce()) -> Fork {
    // SAFETY: fork(2) demands of a child of a process with several threads that it calls what is
    // async-signal-safe. Other threads sleep in futex(2) or epoll_wait(2) at this moment, the
    // watchdog and idle workers, so that every lock that `work` may take is free in the child.
    let pid = unsafe { libc::fork() };
    assert!(pid >= 0, "fork: {}", std::io::Error::last_os_error());
    match Pid::from_raw(pid) {
        Some(child) => Fork(child),
        None => {
            let worked = catch_unwind(AssertUnwindSafe(work));
            // SAFETY: _exit(2) demands nothing.
            unsafe { libc::_exit(i32::from(worked.is_err())) }
        }
    }
}

impl Fork {
    /// Waits for the end of the child, which must have done its work without panic.
    pub(crate) fn wait(self) {
        let ended = waitpid(Some(self.0), WaitOptions::empty()).expect("it is a child");
        let (_, status) = ended.expect("it has ended");
        assert_eq!(status.exit_status(), Some(0), "the child: {status:?}");
    }
}
