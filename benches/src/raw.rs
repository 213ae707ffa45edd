//! The calls that need `unsafe`: pushing an SQE, and reading the CPU clock of another process.
#![expect(
    unsafe_code,
    reason = "io-uring's push and libc's process clocks have no safe form"
)]

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::sync::atomic::AtomicU8;
use std::time::Duration;

use io_uring::squeue::{Entry, Flags, SubmissionQueue};
use io_uring::{opcode, types};

/// The kernel's `IORING_RECVSEND_POLL_FIRST` (5.19): waits for readiness before the first attempt.
const RECVSEND_POLL_FIRST: u16 = 1;

/// An operation that touches `'static` memory only, so that it may stay in flight for as long as it
/// likes.
#[derive(Debug)]
pub(crate) struct StaticEntry(Entry);

impl StaticEntry {
    /// Sends all of `bytes`; posts a CQE only when that fails.
    pub(crate) fn send(socket: BorrowedFd<'_>, bytes: &'static [u8], user_data: u64) -> Self {
        let length = u32::try_from(bytes.len()).expect("a request is far below 4 GiB");
        let send = opcode::Send::new(types::Fd(socket.as_raw_fd()), bytes.as_ptr(), length)
            .flags(libc::MSG_WAITALL)
            .build();
        StaticEntry(send.flags(Flags::SKIP_SUCCESS).user_data(user_data))
    }

    /// Receives until `buffer` is full. Many receives may share one buffer; their bytes then mix.
    pub(crate) fn receive(
        socket: BorrowedFd<'_>,
        buffer: &'static [AtomicU8],
        user_data: u64,
    ) -> Self {
        let length = u32::try_from(buffer.len()).expect("a response is far below 4 GiB");
        let start = buffer.as_ptr().cast::<u8>().cast_mut();
        let receive = opcode::Recv::new(types::Fd(socket.as_raw_fd()), start, length)
            .flags(libc::MSG_WAITALL)
            .ioprio(RECVSEND_POLL_FIRST)
            .build();
        StaticEntry(receive.user_data(user_data))
    }

    /// Posts a CQE once `after` has passed.
    pub(crate) fn timeout(after: &'static types::Timespec, user_data: u64) -> Self {
        StaticEntry(opcode::Timeout::new(after).build().user_data(user_data))
    }
}

/// Queues `entry` for the next submit; `WouldBlock` if the SQ is full.
#[expect(
    clippy::disallowed_methods,
    reason = "the load generator must not run on the code it measures, so not through ring-core"
)]
pub(crate) fn push(queue: &mut SubmissionQueue<'_>, entry: &StaticEntry) -> io::Result<()> {
    // SAFETY: `push` requires that the memory the entry points to stays valid until the operation
    // is over. The only constructors are those of `StaticEntry`: sends read `'static` bytes,
    // receives write `'static` atomics (shared and interior mutable, so that no Rust reference is
    // contradicted), timeouts read a `'static` timespec.
    let pushed = unsafe { queue.push(&entry.0) };
    pushed.map_err(|_full| io::ErrorKind::WouldBlock.into())
}

/// The CPU time that all threads of process `pid` have used so far, to the nanosecond and without
/// disturbing it.
pub(crate) fn process_cpu_time(pid: u32) -> io::Result<Duration> {
    let pid = libc::pid_t::try_from(pid).map_err(io::Error::other)?;
    let mut clock: libc::clockid_t = 0;
    // SAFETY: `clock` is a live, writable clockid_t, all that clock_getcpuclockid(3) writes to.
    let errno = unsafe { libc::clock_getcpuclockid(pid, &raw mut clock) };
    if errno != 0 {
        return Err(io::Error::from_raw_os_error(errno));
    }
    let mut now = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: `now` is a live, writable timespec, which is all that clock_gettime(2) writes to.
    if unsafe { libc::clock_gettime(clock, &raw mut now) } != 0 {
        return Err(io::Error::last_os_error());
    }
    let seconds = u64::try_from(now.tv_sec).map_err(io::Error::other)?;
    let nanos = u32::try_from(now.tv_nsec).map_err(io::Error::other)?;
    Ok(Duration::new(seconds, nanos))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cpu_clock_of_this_process_moves_with_work() {
        let pid = std::process::id();
        let before = process_cpu_time(pid).unwrap();
        let mut turns = 0_u64;
        while process_cpu_time(pid).unwrap() < before + Duration::from_millis(2) {
            turns += 1;
        }
        assert!(turns > 0);
    }

    #[test]
    fn a_process_that_does_not_exist_is_an_error() {
        assert!(process_cpu_time(u32::MAX).is_err());
        assert!(process_cpu_time(0x3fff_fff0).is_err());
    }
}
