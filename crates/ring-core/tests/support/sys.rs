//! System calls that have no safe form.
#![expect(
    unsafe_code,
    reason = "fork, unshare, mprotect, and SQEs without an owner"
)]

use ring_core::prep::{Sqe, prep_cancel64, prep_poll_multishot};
use ring_core::ring::Ring;
use ring_core::submission::QueueFull;
use ring_core::token::Token;
use rustix::mm::MprotectFlags;
use rustix::process::{Pid, WaitOptions, waitpid};
use rustix::thread::UnshareFlags;

/// Queues a poll, which points to no memory.
pub(crate) fn push_poll(
    ring: &mut Ring,
    fd: &impl std::os::fd::AsFd,
    events: u32,
    token: Token,
) -> Result<(), QueueFull> {
    push(ring, &prep_poll_multishot(fd.as_fd(), events).token(token))
}

/// Queues a cancel that has a CQE of its own.
pub(crate) fn push_cancel(ring: &mut Ring, of: Token, token: Token) -> Result<(), QueueFull> {
    push(ring, &prep_cancel64(of).token(token))
}

fn push(ring: &mut Ring, sqe: &Sqe) -> Result<(), QueueFull> {
    // SAFETY: `Ring::push` demands that the SQE's pointers stay valid. Polls and cancels, which
    // alone come here, have none.
    unsafe { ring.push(sqe) }
}

/// Runs `child` in a forked process; answers whether it ended without a panic, a failed assertion
/// or a signal. Only for a process with one thread.
pub(crate) fn fork(child: impl FnOnce()) -> Child {
    assert_eq!(
        std::fs::read_dir("/proc/self/task").unwrap().count(),
        1,
        "a fork of a process with threads may do next to nothing"
    );
    // SAFETY: fork(2) leaves the child with one thread and with locks that other threads held. There
    // are no other threads (checked above), so the child may do whatever the parent might.
    let pid = unsafe { libc::fork() };
    assert!(pid >= 0, "{}", std::io::Error::last_os_error());
    match Pid::from_raw(pid) {
        Some(pid) => Child(pid),
        None => {
            let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(child));
            // SAFETY: _exit(2) demands nothing. It runs neither the destructors of the caller's
            // frames nor exit handlers: all of that belongs to the parent.
            unsafe { libc::_exit(i32::from(result.is_err())) }
        }
    }
}

/// A forked process.
#[derive(Debug)]
pub(crate) struct Child(Pid);

impl Child {
    /// Waits for its end, which has to be a good one.
    pub(crate) fn join(self) {
        let (_, status) = waitpid(Some(self.0), WaitOptions::empty())
            .unwrap()
            .expect("waitpid waits");
        assert_eq!(
            status.exit_status(),
            Some(0),
            "the child failed: {status:?}"
        );
    }
}

/// Gives the process, which must have one thread, mounts of its own, where that is allowed.
pub(crate) fn unshare_mounts() -> rustix::io::Result<()> {
    // SAFETY: `unshare_unsafe` demands care with the descriptor table, which stays shared.
    unsafe { rustix::thread::unshare_unsafe(UnshareFlags::NEWUSER | UnshareFlags::NEWNS) }
}

/// From here on a write to a ring's shared memory kills this process.
pub(crate) fn forbid_writing_to_rings() {
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    let mut count = 0;
    for line in maps.lines().filter(|line| line.contains("[io_uring]")) {
        let (range, _) = line.split_once(' ').unwrap();
        let (start, end) = range.split_once('-').unwrap();
        let start = usize::from_str_radix(start, 16).unwrap();
        let end = usize::from_str_radix(end, 16).unwrap();
        // SAFETY: mprotect(2) demands that nobody relies on writing to these pages. They are mappings
        // of rings, whose users are the subject of the test: a write is to end the process.
        unsafe {
            rustix::mm::mprotect(
                std::ptr::with_exposed_provenance_mut(start),
                end - start,
                MprotectFlags::READ,
            )
        }
        .unwrap();
        count += 1;
    }
    assert!(count > 0, "no mapping of a ring in {maps}");
}
