//! The state machine of one operation slot. Pure: no ring, no memory, no clock.
//!
//! | state | who may touch the resources | leaves on |
//! |---|---|---|
//! | `Vacant` | there are none | [`Slab::insert`](crate::slab::Slab::insert) -> `InFlight` |
//! | `InFlight` | the kernel; the slab lends them for a look | terminal CQE -> `Vacant`; orphan -> `Orphaned` |
//! | `Orphaned` | the kernel | terminal CQE -> `Vacant` |
//!
//! Resources leave a slot on the terminal CQE and at no other moment, whatever happened to the
//! future that asked for the operation.

use std::mem;

use crate::completion::Cqe;

/// One slot of the slab: see the module's table.
#[derive(Debug, PartialEq, Eq)]
pub enum Slot<R> {
    /// Free for the next operation.
    Vacant,
    /// An operation that somebody waits for.
    InFlight(R),
    /// An operation whose owner is gone, while the kernel may still touch its resources.
    Orphaned(R),
}

/// What a CQE asks of the caller. A discarded CQE may own a descriptor or a buffer: give it back.
#[derive(Debug, PartialEq, Eq)]
pub enum Effect<R> {
    /// One completion of a multishot operation that goes on.
    Deliver(Cqe),
    /// The last completion, with the resources that the kernel has let go of.
    Complete(R, Cqe),
    /// A completion of an orphan that goes on.
    Discard(Cqe),
    /// The last completion of an orphan, with the resources that the kernel has let go of.
    Release(R, Cqe),
    /// No operation has this token: the CQE is late or not ours.
    Stray(Cqe),
}

impl<R> Slot<R> {
    /// Takes a CQE: moves to the next state and says what is to be done.
    ///
    /// The common case, a multishot operation that goes on, moves nothing.
    #[must_use]
    pub fn on_cqe(&mut self, cqe: Cqe) -> Effect<R> {
        match (&*self, cqe.is_terminal()) {
            (Slot::InFlight(_), false) => return Effect::Deliver(cqe),
            (Slot::Orphaned(_), false) => return Effect::Discard(cqe),
            (Slot::Vacant, _) => return Effect::Stray(cqe),
            (Slot::InFlight(_) | Slot::Orphaned(_), true) => {}
        }
        match mem::replace(self, Slot::Vacant) {
            Slot::InFlight(resources) => Effect::Complete(resources, cqe),
            Slot::Orphaned(resources) => Effect::Release(resources, cqe),
            Slot::Vacant => unreachable!("returned above"),
        }
    }

    /// Marks the operation's owner as gone; the resources stay.
    #[must_use]
    pub fn orphan(self) -> Slot<R> {
        match self {
            Slot::InFlight(resources) | Slot::Orphaned(resources) => Slot::Orphaned(resources),
            Slot::Vacant => Slot::Vacant,
        }
    }
}
