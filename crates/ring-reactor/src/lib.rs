//! One io_uring reactor for each tokio runtime, made at the first socket, in whatever runtime the
//! user already has. Completions wake tasks through tokio's own epoll.
//!
//! # The life of one wait
//! 1. A socket's operation answers `WouldBlock`. Its waker is kept in the socket's `Source`, and a
//!    wish for a poll goes to the shard: under the lock, without a system call.
//! 2. The driver task, behind the runnable tasks, takes a turn: wishes become SQEs, one enter
//!    submits them all and runs what has completed, CQEs are reaped and tell their sources.
//! 3. The wakers run after the lock is gone. When a turn finds nothing to do, the driver sleeps on
//!    the ring's eventfd. With busy polling it watches the ring's memory for a moment before.
//! 4. The poll is multishot: the next wait of this socket in the same direction costs no SQE.

// layers: a module uses only its own line and lines below; `cargo xtask tidy` checks it
//   net
//   config, select            - a builder is installed; the selection reads builders
//   driver
//   reactor, shard, source, effects, flow::outbox, flow::pump, flow::dirty, flow::stragglers   - the locks, what they guard, and what they hand out
//   net::epoll
//   flow            - names its parts
//   status, flow::counters
//   metrics
//   busy
//   waiters
//   arm
//   ready
//   flow::recv_queue, flow::lease, flow::inbox
//   flow::send_queue, flow::policy, flow::pool, flow::lent, flow::send
//   async_fd, limits, mode, thread_id

mod arm;
mod async_fd;
mod busy;
mod config;
mod driver;
mod effects;
mod flow;
mod limits;
mod metrics;
mod mode;
pub mod net;
mod reactor;
mod ready;
mod select;
mod shard;
mod source;
mod status;
mod thread_id;
mod waiters;

pub use crate::config::{Builder, DriverChoice};
pub use crate::metrics::Metrics;
pub use crate::mode::{AtomicMode, Mode};
pub use crate::select::{
    BUSY_POLL_VARIABLE, DRIVER_VARIABLE, MODE_VARIABLE, default_mode, install_epoll, metrics,
    status,
};
pub use crate::status::{Driver, Reason, Status};
