//! Plain counters of one ring.

/// What has gone into a ring and come out of it. All counts start at 0 and only grow.
///
/// At any moment `sqes == ended + strays + skipped() + in flight`, with [`Ops::count`](super::Ops::count)
/// in flight: whatever was pushed ends once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counts {
    /// SQEs pushed.
    pub sqes: u64,
    /// Those of them that are cancels. A cancel has no CQE unless it fails.
    pub cancels: u64,
    /// CQEs dispatched, those after which a multishot operation goes on included.
    pub cqes: u64,
    /// Operations that have had their terminal CQE.
    pub ended: u64,
    /// CQEs that named no operation.
    pub strays: u64,
    /// Those of them that are from failed cancels.
    pub failed_cancels: u64,
}

impl Counts {
    /// Cancels without a CQE: they succeeded, or are still to be submitted.
    #[must_use]
    pub fn skipped(&self) -> u64 {
        self.cancels - self.failed_cancels
    }
}
