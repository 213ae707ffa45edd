//! A ring and the calls on it, under liburing's names.
#![expect(
    unsafe_code,
    reason = "io_uring_enter and io_uring_register are raw system calls here"
)]

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::sync::atomic::{Ordering, fence};
use std::time::Duration;

use io_uring::{EnterFlags, IoUring, types};

use crate::buf_ring::BufRing;
use crate::completion::Cqe;
use crate::fork;
use crate::prep::Sqe;
use crate::setup::Issuer;
use crate::submission::{self, QueueFull};
use crate::token::Token;

/// An io_uring instance: the submission queue, the completion queue and the calls between them.
///
/// Made by [`RingBuilder`](crate::setup::RingBuilder). In a forked child every call that would
/// enter the kernel or touch the queues (the io-uring crate writes even when it counts) answers an
/// error, nothing or 0: the ring belongs to the parent.
///
/// Dropping a ring closes it; requests still in flight are then cancelled by the kernel at a time
/// of its own. Whoever pushed them drains first or leaks what they point to: see
/// [`Ops`](crate::ops::Ops).
pub struct Ring {
    inner: IoUring,
    issuer: Issuer,
    /// The index that replaces the descriptor in enter calls, while registered.
    registered_index: Option<u32>,
    fork_count: u32,
    enters: u64,
}

impl std::fmt::Debug for Ring {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ring")
            .field("fd", &self.inner.as_raw_fd())
            .field("issuer", &self.issuer)
            .finish_non_exhaustive()
    }
}

impl Ring {
    pub(crate) fn new(inner: IoUring, issuer: Issuer) -> Ring {
        Ring {
            inner,
            issuer,
            registered_index: None,
            fork_count: fork::count(),
            enters: 0,
        }
    }

    /// Who may enter.
    #[must_use]
    pub fn issuer(&self) -> Issuer {
        self.issuer
    }

    /// Whether this process is a fork of the one that made the ring, and must leave it alone.
    #[must_use]
    pub fn is_foreign_process(&self) -> bool {
        self.fork_count != fork::count()
    }

    /// How often the kernel was entered: for counters.
    #[must_use]
    pub fn enters(&self) -> u64 {
        self.enters
    }

    /// Queues an SQE for the next submit: `io_uring_get_sqe(3)` and the filling of it in one.
    ///
    /// # Errors
    /// [`QueueFull`]: nothing was queued.
    /// # Safety
    /// Every pointer in `sqe` must stay valid, and unused by anyone else, until the operation's
    /// terminal CQE has been reaped. A pushed SQE cannot be taken back, also not when the submit
    /// that follows fails.
    pub unsafe fn push(&mut self, sqe: &Sqe) -> Result<(), QueueFull> {
        if self.is_foreign_process() {
            return Err(QueueFull);
        }
        // SAFETY: `submission::push` has this function's own contract, which the caller keeps.
        unsafe { submission::push(&mut self.inner, sqe) }
    }

    /// How many SQEs wait for a submit: `io_uring_sq_ready(3)`.
    #[must_use]
    pub fn sq_ready(&mut self) -> usize {
        if self.is_foreign_process() {
            return 0;
        }
        self.inner.submission().len()
    }

    /// How many SQEs may be pushed before the next submit: `io_uring_sq_space_left(3)`.
    #[must_use]
    pub fn sq_space_left(&mut self) -> usize {
        if self.is_foreign_process() {
            return 0;
        }
        let queue = self.inner.submission();
        queue.capacity() - queue.len()
    }

    /// How many CQEs can be reaped without entering the kernel: `io_uring_cq_ready(3)`.
    #[must_use]
    pub fn cq_ready(&mut self) -> usize {
        if self.is_foreign_process() {
            return 0;
        }
        self.inner.completion().len()
    }

    /// Whether the kernel has parked CQEs for want of room: `io_uring_cq_has_overflow(3)`.
    #[must_use]
    pub fn cq_has_overflow(&mut self) -> bool {
        if self.is_foreign_process() {
            return false;
        }
        self.inner.submission().cq_overflow()
    }

    /// Whether deferred work waits for an enter with `GETEVENTS` (`IORING_SQ_TASKRUN`).
    #[must_use]
    pub fn taskrun(&mut self) -> bool {
        if self.is_foreign_process() {
            return false;
        }
        self.inner.submission().taskrun()
    }

    /// Submits what is queued: `io_uring_submit(3)`. Runs no deferred work.
    ///
    /// # Errors
    /// Of io_uring_enter(2). What was pushed stays queued, and stays in flight for its owner.
    pub fn submit(&mut self) -> io::Result<u32> {
        self.enter(0, EnterFlags::empty(), None)
    }

    /// Submits what is queued and runs deferred work: `io_uring_submit_and_get_events(3)`.
    ///
    /// # Errors
    /// As [`Ring::submit`].
    pub fn submit_and_get_events(&mut self) -> io::Result<u32> {
        self.enter(0, EnterFlags::GETEVENTS, None)
    }

    /// Submits what is queued and waits until `count` CQEs are there or `timeout` has passed:
    /// `io_uring_submit_and_wait_timeout(3)`. Returns whether they came in time.
    ///
    /// # Errors
    /// As [`Ring::submit`].
    pub fn submit_and_wait_timeout(&mut self, count: u32, timeout: Duration) -> io::Result<bool> {
        match self.enter(count, EnterFlags::GETEVENTS, Some(timeout)) {
            // Having submitted counts as success for the kernel, also when the time is up.
            Ok(_) => Ok(self.cq_ready() >= count as usize),
            Err(error) if error.raw_os_error() == Some(libc::ETIME) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Takes the next CQE, if there is one: `io_uring_peek_cqe(3)` and `io_uring_cqe_seen(3)` in one.
    ///
    /// Never enters the kernel: CQEs parked by an overflow come with the next
    /// [`Ring::submit_and_get_events`].
    pub fn next_cqe(&mut self) -> Option<Cqe> {
        if self.is_foreign_process() {
            return None;
        }
        let entry = self.inner.completion().next()?;
        Some(Cqe {
            token: Token::from_user_data(entry.user_data()),
            result: entry.result(),
            flags: entry.flags(),
        })
    }

    /// Moves every CQE that can be had without entering the kernel to `cqes`:
    /// `io_uring_for_each_cqe(3)` and `io_uring_cq_advance(3)` in one.
    ///
    /// As [`Ring::next_cqe`], for many at once: the queue's head moves once.
    pub fn take_cqes(&mut self, cqes: &mut impl Extend<Cqe>) {
        if !self.is_foreign_process() {
            cqes.extend(self.inner.completion().map(|entry| Cqe {
                token: Token::from_user_data(entry.user_data()),
                result: entry.result(),
                flags: entry.flags(),
            }));
        }
    }

    /// Registers `count` buffers of `bytes_each` bytes as `group`: `io_uring_setup_buf_ring(3)`.
    ///
    /// Only on the thread that may enter, if there is one alone.
    pub(crate) fn setup_buf_ring(
        &mut self,
        count: u16,
        bytes_each: usize,
        group: u16,
    ) -> io::Result<BufRing> {
        self.check_process()?;
        BufRing::setup(&self.inner, count, bytes_each, group)
    }

    /// Makes completions and deferred work signal `eventfd`: `io_uring_register_eventfd(3)`.
    ///
    /// # Errors
    /// Of io_uring_register(2).
    pub fn register_eventfd(&mut self, eventfd: BorrowedFd<'_>) -> io::Result<()> {
        self.check_process()?;
        self.inner.submitter().register_eventfd(eventfd.as_raw_fd())
    }

    /// Turns the signals of the registered eventfd on or off: `io_uring_cq_eventfd_toggle(3)`.
    ///
    /// After turning them on, look for what came meanwhile: [`Ring::has_work`]. The fence makes
    /// sure that either that look sees the work or the kernel sees that the signals are on.
    pub fn cq_eventfd_toggle(&mut self, enabled: bool) {
        if self.is_foreign_process() {
            return;
        }
        let queue = self.inner.completion();
        if enabled {
            queue.enable_eventfd();
            // Pairs with the kernel's atomic update of its work list between noting the work
            // and reading the flag.
            fence(Ordering::SeqCst);
        } else {
            queue.disable_eventfd();
        }
    }

    /// Whether there is a CQE to reap or work that an enter would turn into CQEs.
    #[must_use]
    pub fn has_work(&mut self) -> bool {
        self.cq_ready() > 0 || self.taskrun() || self.cq_has_overflow()
    }

    /// Starts a ring that was set up disabled; the calling thread becomes its single issuer:
    /// `io_uring_enable_rings(3)`.
    ///
    /// # Errors
    /// Of io_uring_register(2).
    pub fn enable_rings(&mut self) -> io::Result<()> {
        self.check_process()?;
        self.inner.submitter().register_enable_rings()
    }

    /// Spares each enter the look-up of the ring's descriptor: `io_uring_register_ring_fd(3)`.
    ///
    /// The registration belongs to the calling thread and keeps the ring alive until
    /// [`Ring::unregister_ring_fd`] on that same thread, or that thread's end, whatever becomes
    /// of this value: only for a ring that will not change threads.
    ///
    /// # Errors
    /// Of io_uring_register(2): `EBUSY` when the thread has 16 registered rings.
    pub fn register_ring_fd(&mut self) -> io::Result<()> {
        if self.registered_index.is_none() {
            let index = self.register_ring_fds(
                libc_ext::IORING_REGISTER_RING_FDS,
                u32::MAX,
                self.inner.as_raw_fd(),
            )?;
            self.registered_index = Some(index);
        }
        Ok(())
    }

    /// Undoes [`Ring::register_ring_fd`]: `io_uring_unregister_ring_fd(3)`, on the thread that registered.
    ///
    /// # Errors
    /// Of io_uring_register(2).
    pub fn unregister_ring_fd(&mut self) -> io::Result<()> {
        if let Some(index) = self.registered_index.take() {
            self.register_ring_fds(libc_ext::IORING_UNREGISTER_RING_FDS, index, 0)?;
        }
        Ok(())
    }

    fn register_ring_fds(&self, opcode: u32, offset: u32, fd: i32) -> io::Result<u32> {
        self.check_process()?;
        let mut update = libc_ext::RsrcUpdate {
            offset,
            resv: 0,
            data: u64::try_from(fd).unwrap_or(0),
        };
        // SAFETY: io_uring_register(2) with these opcodes reads and writes one `io_uring_rsrc_update`
        // during the call; `update` is one, laid out as the kernel's (checked in `libc_ext`), and
        // outlives the call.
        let result = unsafe {
            libc::syscall(
                libc::SYS_io_uring_register,
                self.inner.as_raw_fd(),
                opcode,
                &raw mut update,
                1_u32,
            )
        };
        if result == 1 {
            Ok(update.offset)
        } else {
            Err(io::Error::last_os_error())
        }
    }

    /// One io_uring_enter(2), repeated while signals interrupt it before anything was done.
    fn enter(
        &mut self,
        min_complete: u32,
        flags: EnterFlags,
        timeout: Option<Duration>,
    ) -> io::Result<u32> {
        self.check_process()?;
        let to_submit = u32::try_from(self.sq_ready()).unwrap_or(u32::MAX);
        let (fd, mut flags) = match self.registered_index {
            Some(index) => (i64::from(index), flags | EnterFlags::REGISTERED_RING),
            None => (i64::from(self.inner.as_raw_fd()), flags),
        };
        let timespec = timeout.map(types::Timespec::from);
        let args = timespec
            .as_ref()
            .map(|timespec| types::SubmitArgs::new().timespec(timespec));
        let (arg, arg_bytes) = match &args {
            Some(args) => {
                flags |= EnterFlags::EXT_ARG;
                (
                    std::ptr::from_ref(args).cast::<libc::c_void>(),
                    size_of_val(args),
                )
            }
            None => (std::ptr::null(), 0),
        };
        loop {
            self.enters += 1;
            // SAFETY: io_uring_enter(2) reads `arg_bytes` bytes at `arg`: none, or the argument
            // struct above, which with its timespec outlives the call. What the queued SQEs point
            // to is kept alive by those who pushed them (contract of `Ring::push`).
            let result = unsafe {
                libc::syscall(
                    libc::SYS_io_uring_enter,
                    fd,
                    to_submit,
                    min_complete,
                    flags.bits(),
                    arg,
                    arg_bytes,
                )
            };
            if let Ok(submitted) = u32::try_from(result) {
                return Ok(submitted);
            }
            let error = io::Error::last_os_error();
            if error.kind() != io::ErrorKind::Interrupted {
                return Err(error);
            }
        }
    }

    fn check_process(&self) -> io::Result<()> {
        if self.is_foreign_process() {
            return Err(io::Error::other(
                "the ring belongs to the process that this one was forked from",
            ));
        }
        Ok(())
    }
}

/// What neither libc nor the io-uring crate exports.
mod libc_ext {
    pub(super) const IORING_REGISTER_RING_FDS: u32 = 20;
    pub(super) const IORING_UNREGISTER_RING_FDS: u32 = 21;

    /// `struct io_uring_rsrc_update` of io_uring_register(2).
    #[repr(C)]
    pub(super) struct RsrcUpdate {
        pub(super) offset: u32,
        pub(super) resv: u32,
        pub(super) data: u64,
    }

    const _: () = assert!(size_of::<RsrcUpdate>() == 16 && align_of::<RsrcUpdate>() == 8);
}
