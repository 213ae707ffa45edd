//! Receives into the ring's own buffers.

use std::io;

use crate::buf_ring::{BufRing, Filled};
use crate::completion::Cqe;
use crate::prep;
use crate::submission::QueueFull;
use crate::token::Token;

use super::operation::Held;
use super::{Ops, Target};

/// The group of the buffers that receives select from: a ring has one.
const RECV_GROUP: u16 = 0;

impl<C> Ops<C> {
    /// Gives the kernel `count` buffers of `bytes_each` bytes for multishot receives, all that this ring
    /// will have: `io_uring_setup_buf_ring(3)`, kernel 5.19. Only on the thread that may enter.
    ///
    /// # Errors
    /// Of io_uring_register(2): `EEXIST` if the ring has buffers already, `ENOMEM`.
    /// # Panics
    /// Unless `count` is a power of two up to [`BUF_RING_ENTRIES_MAX`](crate::limits::BUF_RING_ENTRIES_MAX)
    /// and `bytes_each` is not 0.
    pub fn setup_buf_ring(&mut self, count: u16, bytes_each: usize) -> io::Result<()> {
        let buffers = self.ring.setup_buf_ring(count, bytes_each, RECV_GROUP)?;
        self.buffers = Some(buffers);
        Ok(())
    }

    /// Whether there are buffers for multishot receives.
    #[must_use]
    pub fn has_buf_ring(&self) -> bool {
        self.buffers.is_some()
    }

    /// Queues a receive into the ring's buffers, again and again until it is cancelled, the stream ends or
    /// no buffer is left (`ENOBUFS`): `io_uring_prep_recv_multishot(3)`.
    ///
    /// # Errors
    /// [`QueueFull`]: submit, then try again.
    pub fn recv_multishot(&mut self, target: Target, context: C) -> Result<Token, QueueFull> {
        self.queue(Held::RecvMultishot, Some(context), |_| {
            prep::net::recv_multishot(target.0, RECV_GROUP, 0)
        })
    }

    /// Hands the bytes of a receive to `take`, then gives their buffer back to the kernel.
    pub fn take_bytes<R>(&mut self, filled: Filled, take: impl FnOnce(&[u8]) -> R) -> R {
        take_bytes(&mut self.buffers, filled, take)
    }

    /// As [`Ops::take_bytes`], with the context of a receive that goes on.
    pub fn take_bytes_for<R>(
        &mut self,
        token: Token,
        filled: Filled,
        take: impl FnOnce(Option<&C>, &[u8]) -> R,
    ) -> R {
        let operation = self.slab.resources(token);
        let context = operation.and_then(|operation| operation.context.as_ref());
        take_bytes(&mut self.buffers, filled, |bytes| take(context, bytes))
    }

    /// Takes note of a buffer that a CQE names.
    pub(super) fn on_filled(&mut self, number: u16, cqe: Cqe) {
        if let Some(buffers) = &mut self.buffers {
            buffers.on_filled(number, usize::try_from(cqe.result).unwrap_or(0));
        }
    }

    /// The buffer of a CQE whose bytes nobody waits for.
    pub(super) fn give_back(&mut self, cqe: Cqe) {
        if let (Some(buffers), Some(number)) = (&mut self.buffers, cqe.buffer()) {
            buffers.give_back(Filled::new(number));
        }
    }
}

/// Beside the slab, which the caller may be looking at.
fn take_bytes<R>(
    buffers: &mut Option<BufRing>,
    filled: Filled,
    take: impl FnOnce(&[u8]) -> R,
) -> R {
    let Some(buffers) = buffers else {
        return take(&[]);
    };
    let taken = take(buffers.bytes(&filled));
    buffers.give_back(filled);
    taken
}
