//! What may be done with a ring whose operations a slab owns.

use std::io;
use std::time::Duration;

use crate::ring::Ring;
use crate::setup::Issuer;

/// The ring of an [`Ops`](crate::ops::Ops), without the calls that push SQEs or take CQEs.
///
/// Not a `&mut Ring`: two rings could be exchanged through it, and each slab would then take the
/// other ring's CQEs for its own.
#[derive(Debug)]
pub struct RingView<'a> {
    ring: &'a mut Ring,
    /// CQEs that were taken off the ring and are events to come.
    taken: usize,
}

impl<'a> RingView<'a> {
    pub(crate) fn new(ring: &'a mut Ring, taken: usize) -> RingView<'a> {
        RingView { ring, taken }
    }

    /// Who may enter.
    #[must_use]
    pub fn issuer(&self) -> Issuer {
        self.ring.issuer()
    }

    /// Whether this process is a fork of the one that made the ring.
    #[must_use]
    pub fn is_foreign_process(&self) -> bool {
        self.ring.is_foreign_process()
    }

    /// How often the kernel was entered.
    #[must_use]
    pub fn enters(&self) -> u64 {
        self.ring.enters()
    }

    /// How many SQEs wait for a submit: `io_uring_sq_ready(3)`.
    #[must_use]
    pub fn sq_ready(&mut self) -> usize {
        self.ring.sq_ready()
    }

    /// How many SQEs may be queued before the next submit: `io_uring_sq_space_left(3)`.
    #[must_use]
    pub fn sq_space_left(&mut self) -> usize {
        self.ring.sq_space_left()
    }

    /// How many CQEs can be reaped without entering the kernel: `io_uring_cq_ready(3)`.
    #[must_use]
    pub fn cq_ready(&mut self) -> usize {
        self.taken + self.ring.cq_ready()
    }

    /// Whether the kernel has parked CQEs for want of room: `io_uring_cq_has_overflow(3)`.
    #[must_use]
    pub fn cq_has_overflow(&mut self) -> bool {
        self.ring.cq_has_overflow()
    }

    /// Whether deferred work waits for an enter with `GETEVENTS`.
    #[must_use]
    pub fn taskrun(&mut self) -> bool {
        self.ring.taskrun()
    }

    /// Whether there is a CQE to reap or work that an enter would turn into CQEs.
    #[must_use]
    pub fn has_work(&mut self) -> bool {
        self.taken > 0 || self.ring.has_work()
    }

    /// Starts a ring that was set up disabled: [`Ring::enable_rings`].
    ///
    /// # Errors
    /// Of io_uring_register(2).
    pub fn enable_rings(&mut self) -> io::Result<()> {
        self.ring.enable_rings()
    }

    /// Spares each enter a look-up: [`Ring::register_ring_fd`].
    ///
    /// # Errors
    /// Of io_uring_register(2).
    pub fn register_ring_fd(&mut self) -> io::Result<()> {
        self.ring.register_ring_fd()
    }

    /// Undoes [`RingView::register_ring_fd`], on the same thread.
    ///
    /// # Errors
    /// Of io_uring_register(2).
    pub fn unregister_ring_fd(&mut self) -> io::Result<()> {
        self.ring.unregister_ring_fd()
    }

    /// Turns the signals of the registered eventfd on or off: [`Ring::cq_eventfd_toggle`].
    pub fn cq_eventfd_toggle(&mut self, enabled: bool) {
        self.ring.cq_eventfd_toggle(enabled);
    }

    /// Submits what is queued and waits: [`Ring::submit_and_wait_timeout`].
    ///
    /// # Errors
    /// Of io_uring_enter(2). Every queued operation stays in flight.
    pub fn submit_and_wait_timeout(&mut self, count: u32, timeout: Duration) -> io::Result<bool> {
        let left = count.saturating_sub(u32::try_from(self.taken).unwrap_or(u32::MAX));
        self.ring.submit_and_wait_timeout(left, timeout)
    }
}
