//! Operations that own what the kernel may touch: the safe way to a ring.
//!
//! # The life of one operation
//! 1. A method such as [`Ops::accept`] boxes what the kernel will write to, puts it into the op
//!    slab with the caller's context, and pushes an SQE that points to the box.
//! 2. [`Ops::submit_and_get_events`] enters the kernel. If it fails, the SQE stays queued and the
//!    operation stays in flight: nothing is taken back.
//! 3. [`Ops::next_event`] reaps CQEs. A multishot operation stays in its slot; the terminal CQE
//!    empties the slot and hands context and result to the caller.
//! 4. [`Ops::orphan`] says that nobody waits any more; [`Ops::cancel`] asks the kernel to end the
//!    operation. Neither frees anything. What an orphan still brings (a connection) is closed.
//! 5. [`Ops::drain`] cancels everything and reaps until the slab is empty. What cannot be drained
//!    is leaked by [`Ops::abandon`], which tells how much: closing a ring is no barrier.
#![expect(
    unsafe_code,
    reason = "pushing an SQE promises that its pointers live to the terminal CQE"
)]

mod counts;
mod operation;
mod recv;

pub use self::counts::Counts;
pub use self::operation::Event;
pub use crate::buf_ring::Filled;

use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::time::Duration;

use socket2::SockAddr;

use crate::buf_ring::BufRing;
use crate::completion::Cqe;
use crate::limits::{DRAIN_ENTERS_MAX, DRAIN_IDLE_WAITS_MAX, DRAIN_WAIT_MS};
use crate::prep::{self, Sqe};
use crate::ring::Ring;
use crate::slab::Slab;
use crate::slot::Effect;
use crate::sockaddr::AcceptAddress;
use crate::submission::QueueFull;
use crate::token::Token;
use crate::view::RingView;

use self::operation::{Held, Operation};

/// A ring with a slab that owns the resources of every operation on it.
///
/// `C` is the caller's context: it comes back with each event of the operation.
#[derive(Debug)]
pub struct Ops<C> {
    ring: Ring,
    slab: Slab<Operation<C>>,
    /// Taken off the ring, and not dispatched yet.
    cqes: VecDeque<Cqe>,
    counts: Counts,
    /// What multishot receives select their buffers from.
    buffers: Option<BufRing>,
}

/// The number of a descriptor that operations will be queued on.
///
/// The number is kept, not the descriptor: whoever queues an operation makes sure that the
/// descriptor is still open then, and until the next submit. A stale number is no danger to memory;
/// the operation would act on whatever has the number now.
#[derive(Clone, Copy, Debug)]
pub struct Target(RawFd);

impl Target {
    /// The number of `fd`.
    #[must_use]
    pub fn of(fd: BorrowedFd<'_>) -> Target {
        Target(fd.as_raw_fd())
    }
}

impl AsRawFd for Target {
    fn as_raw_fd(&self) -> RawFd {
        self.0
    }
}

impl<C> Ops<C> {
    /// Operations on `ring`.
    #[must_use]
    pub fn new(ring: Ring) -> Ops<C> {
        Ops {
            ring,
            slab: Slab::default(),
            cqes: VecDeque::new(),
            counts: Counts::default(),
            buffers: None,
        }
    }

    /// The ring, for calls that push nothing and reap nothing.
    pub fn ring(&mut self) -> RingView<'_> {
        RingView::new(&mut self.ring, self.cqes.len())
    }

    /// How many operations have not seen their terminal CQE.
    #[must_use]
    pub fn count(&self) -> usize {
        self.slab.count()
    }

    /// Whether this operation has not seen its terminal CQE.
    #[must_use]
    pub fn contains(&self, token: Token) -> bool {
        self.slab.contains(token)
    }

    /// The context of an operation that somebody waits for.
    #[must_use]
    pub fn context(&self, token: Token) -> Option<&C> {
        self.slab.resources(token)?.context.as_ref()
    }

    /// Looks at the contexts of all operations in flight, orphans included.
    pub fn for_each_context(&self, each: impl FnMut(&C)) {
        self.slab
            .iter()
            .filter_map(|operation| operation.context.as_ref())
            .for_each(each);
    }

    /// How many CQEs named no operation: failed cancels, mostly.
    #[must_use]
    pub fn strays(&self) -> u64 {
        self.counts.strays
    }

    /// What has gone into the ring and come out of it.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// Queues a poll that reports every change in the poll(2) bits `events`:
    /// `io_uring_prep_poll_multishot(3)`.
    ///
    /// # Errors
    /// [`QueueFull`]: submit, then try again.
    pub fn poll(&mut self, target: Target, events: u32, context: C) -> Result<Token, QueueFull> {
        self.queue(Held::Poll, Some(context), |_| {
            prep::poll::poll_multishot(target.0, events)
        })
    }

    /// Queues an accept with a peer address of its own: `io_uring_prep_accept(3)`. The new socket
    /// is non-blocking and close-on-exec.
    ///
    /// # Errors
    /// [`QueueFull`]: submit, then try again.
    pub fn accept(&mut self, target: Target, context: C) -> Result<Token, QueueFull> {
        self.queue(
            Held::Accept(Box::new(AcceptAddress::new())),
            Some(context),
            |held| {
                let Held::Accept(address) = held else {
                    unreachable!("an accept holds an address")
                };
                let (address, bytes) = address.as_mut_ptrs();
                prep::net::accept(
                    target.0,
                    address,
                    bytes,
                    libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC,
                )
            },
        )
    }

    /// Queues an accept of every connection that comes, until it is cancelled:
    /// `io_uring_prep_multishot_accept(3)`. The new sockets are non-blocking and close-on-exec; their
    /// peers' addresses are not told.
    ///
    /// # Errors
    /// [`QueueFull`]: submit, then try again.
    pub fn multishot_accept(&mut self, target: Target, context: C) -> Result<Token, QueueFull> {
        self.queue(Held::AcceptMultishot, Some(context), |_| {
            prep::net::multishot_accept(target.0, libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC)
        })
    }

    /// Queues a connect: `io_uring_prep_connect(3)`.
    ///
    /// # Errors
    /// [`QueueFull`]: submit, then try again.
    pub fn connect(
        &mut self,
        fd: BorrowedFd<'_>,
        address: SockAddr,
        context: C,
    ) -> Result<Token, QueueFull> {
        self.queue(Held::Connect(Box::new(address)), Some(context), |held| {
            let Held::Connect(address) = held else {
                unreachable!("a connect holds an address")
            };
            prep::prep_connect(fd, address.as_ptr().cast(), address.len())
        })
    }

    /// Queues the close of a descriptor: `io_uring_prep_close(3)`. If the kernel does not close
    /// it, it is closed by close(2) when the operation ends.
    ///
    /// # Errors
    /// The descriptor, if the queue is full.
    pub fn close(&mut self, fd: OwnedFd) -> Result<(), OwnedFd> {
        if self.ring.sq_space_left() == 0 || self.is_foreign_process() {
            return Err(fd);
        }
        let number = fd.as_raw_fd();
        // The slab can be full as well; then the descriptor is closed here, by its drop.
        let _ = self.queue(Held::Close(fd), None, |_| prep::prep_close(number));
        Ok(())
    }

    /// Queues the cancel of an operation: `io_uring_prep_cancel64(3)`. Its own CQE still comes.
    ///
    /// # Errors
    /// [`QueueFull`]: submit, then try again.
    pub fn cancel(&mut self, token: Token) -> Result<(), QueueFull> {
        self.push_detached(&prep::prep_cancel64(token))
    }

    /// Says that nobody waits for the operation: its events are dropped, and a connection that it
    /// still accepts is closed. Its resources stay until the terminal CQE.
    pub fn orphan(&mut self, token: Token) {
        self.slab.orphan(token);
    }

    /// Submits what is queued and runs deferred work.
    ///
    /// # Errors
    /// Of io_uring_enter(2). Every queued operation stays in flight.
    pub fn submit_and_get_events(&mut self) -> io::Result<u32> {
        self.ring.submit_and_get_events()
    }

    /// Reaps one CQE that somebody waits for, if there is one.
    pub fn next_event(&mut self) -> Option<Event<C>> {
        while let Some(cqe) = self.next_cqe() {
            self.counts.cqes += 1;
            if let Some(number) = cqe.buffer() {
                self.on_filled(number, cqe);
            }
            match self.slab.on_cqe(cqe) {
                Effect::Deliver(cqe) => {
                    if let Some(operation) = self.slab.in_flight(cqe.token) {
                        return Some(operation.deliver(cqe));
                    }
                }
                Effect::Complete(operation, cqe) => {
                    self.counts.ended += 1;
                    if cqe.result < 0 {
                        // Its event carries the error alone.
                        self.give_back(cqe);
                    }
                    if let Some(event) = operation.finish(cqe) {
                        return Some(event);
                    }
                }
                Effect::Release(operation, cqe) => {
                    self.counts.ended += 1;
                    drop(operation.finish(cqe));
                    self.give_back(cqe);
                }
                // A connection that nobody waits for is closed by the drop.
                Effect::Discard(cqe) => {
                    let operation = self.slab.in_flight(cqe.token);
                    drop(operation.map(|operation| operation.deliver(cqe)));
                    self.give_back(cqe);
                }
                Effect::Stray(cqe) => {
                    self.give_back(cqe);
                    self.counts.strays += 1;
                    self.counts.failed_cancels += u64::from(cqe.token == Token::DETACHED);
                }
            }
        }
        None
    }

    fn next_cqe(&mut self) -> Option<Cqe> {
        if self.is_foreign_process() {
            // What a fork copied with this value is the parent's to dispatch.
            return None;
        }
        if self.cqes.is_empty() {
            self.ring.take_cqes(&mut self.cqes);
        }
        self.cqes.pop_front()
    }

    /// Cancels everything and reaps until nothing is in flight, on the thread that may enter.
    /// Returns whether it got there; events are dropped, connections that still arrive are closed.
    pub fn drain(&mut self) -> bool {
        self.push_cancel_any();
        let mut idle_waits = 0;
        for _ in 0..DRAIN_ENTERS_MAX {
            while self.next_event().is_some() {}
            if self.slab.is_empty() {
                return true;
            }
            match self
                .ring
                .submit_and_wait_timeout(1, Duration::from_millis(DRAIN_WAIT_MS))
            {
                Ok(true) => idle_waits = 0,
                Ok(false) => {
                    idle_waits += 1;
                    if idle_waits >= DRAIN_IDLE_WAITS_MAX {
                        return false;
                    }
                    // An operation may have been submitted by a failed enter before the cancel.
                    self.push_cancel_any();
                }
                Err(error) if is_transient(&error) => {}
                Err(_) => return false,
            }
        }
        false
    }

    /// Closes the ring without waiting for what is in flight: the memory that the kernel may still
    /// write to is leaked. Returns the contexts, and how many operations' resources were leaked.
    pub fn abandon(mut self) -> (Vec<C>, usize) {
        let mut contexts = Vec::new();
        while let Some(event) = self.next_event() {
            contexts.extend(event.into_context());
        }
        let leaked_count = self.release(|context| contexts.push(context));
        (contexts, leaked_count)
    }

    fn push_cancel_any(&mut self) {
        if self.push_detached(&prep::prep_cancel_any()).is_err() && self.ring.submit().is_ok() {
            // The queue was full and is empty now. If the submit fails, so will the drain's own
            // enter, and the caller abandons the ring.
            let _ = self.push_detached(&prep::prep_cancel_any());
        }
    }

    /// Puts `held` into the slab, then pushes the SQE made of it.
    fn queue(
        &mut self,
        held: Held,
        context: Option<C>,
        sqe: impl FnOnce(&mut Held) -> Sqe,
    ) -> Result<Token, QueueFull> {
        let mut operation = Operation { context, held };
        let sqe = sqe(&mut operation.held);
        operation.held.lend();
        let token = self.slab.insert(operation).map_err(|mut operation| {
            operation.held.take_back();
            QueueFull
        })?;
        // SAFETY: `Ring::push` demands that the SQE's pointers stay valid and unused until the
        // terminal CQE. They point into the boxes of `Held`, whose address does not change when
        // the slab moves the box; the slab lets go of them on the terminal CQE only
        // (`Slab::on_cqe`), or through `abandon` and `Drop` below, which leak them.
        match unsafe { self.ring.push(&sqe.token(token)) } {
            Ok(()) => {
                self.counts.sqes += 1;
                Ok(token)
            }
            Err(full) => {
                if let Some(mut operation) = self.slab.remove_unpushed(token) {
                    operation.held.take_back();
                }
                Err(full)
            }
        }
    }

    fn push_detached(&mut self, sqe: &Sqe) -> Result<(), QueueFull> {
        let sqe = sqe.clone().token(Token::DETACHED).cqe_skip_success();
        // SAFETY: `Ring::push` demands valid pointers until the terminal CQE; a cancel has none.
        unsafe { self.ring.push(&sqe) }?;
        self.counts.sqes += 1;
        self.counts.cancels += 1;
        Ok(())
    }
}

/// Whether an enter may succeed when it is tried again.
#[must_use]
pub fn is_transient(error: &io::Error) -> bool {
    matches!(
        error.raw_os_error(),
        Some(libc::EAGAIN | libc::EBUSY | libc::EINTR)
    )
}

impl<C> Ops<C> {
    /// Whether this process is a fork of the one that made the ring.
    #[must_use]
    pub fn is_foreign_process(&self) -> bool {
        self.ring.is_foreign_process()
    }

    /// Empties the slab for good: leaks what the kernel may still use, and counts it.
    fn release(&mut self, mut each: impl FnMut(C)) -> usize {
        // In a forked child nothing of ours is the kernel's, and the queues are the parent's.
        let cqes_hidden = !self.is_foreign_process()
            && (!self.cqes.is_empty() || self.ring.cq_ready() > 0 || self.ring.cq_has_overflow());
        let mut leaked_count = 0;
        let mut buffers_in_use = false;
        for operation in self.slab.take_all() {
            operation.context.map(&mut each);
            buffers_in_use |= matches!(operation.held, Held::RecvMultishot);
            leaked_count += usize::from(operation.held.leak(cqes_hidden));
        }
        if let Some(buffers) = self.buffers.take()
            && buffers_in_use
        {
            buffers.leak();
            leaked_count += 1;
        }
        leaked_count
    }
}

impl<C> Drop for Ops<C> {
    fn drop(&mut self) {
        // Those that own a descriptor close it.
        while self.next_event().is_some() {}
        self.release(drop);
    }
}
