//! The one door to the submission queue.
#![expect(
    unsafe_code,
    reason = "a pushed SQE lets the kernel touch what it points to"
)]

use io_uring::IoUring;

use crate::prep::Sqe;

/// The submission queue has no room: submit, then push again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the submission queue is full")]
pub struct QueueFull;

/// Queues `sqe` for the next enter.
///
/// # Safety
/// Every pointer in `sqe` must stay valid, and unused by anyone else, until the operation's
/// terminal CQE has been reaped.
#[expect(
    clippy::disallowed_methods,
    reason = "this is the door that the lint guards"
)]
pub(crate) unsafe fn push(ring: &mut IoUring, sqe: &Sqe) -> Result<(), QueueFull> {
    let mut queue = ring.submission();
    // SAFETY: `SubmissionQueue::push` demands that the entry's parameters are valid for the whole
    // operation; this function's own contract hands that demand to the caller.
    unsafe { queue.push(&sqe.0) }.map_err(|_| QueueFull)
}
