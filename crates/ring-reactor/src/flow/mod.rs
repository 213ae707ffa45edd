//! What Completion sockets keep between the program and the kernel: bytes received ahead, writes
//! that wait for company, and who sends them when.

pub(crate) mod counters;
pub(crate) mod dirty;
pub(crate) mod lease;
pub(crate) mod lent;
pub(crate) mod outbox;
pub(crate) mod policy;
pub(crate) mod pool;
mod pump;
pub(crate) mod recv_queue;
pub(crate) mod send;
pub(crate) mod send_queue;
mod stragglers;
