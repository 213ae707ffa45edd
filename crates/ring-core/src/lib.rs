//! liburing-shaped helpers over the `io-uring` crate: set-up that explains its failures, the
//! submission and completion queues, and a slab that owns what the kernel may touch.
//!
//! No tokio, no futures, no threads. [`ops::Ops`] is the safe way in; [`ring::Ring`] is liburing's,
//! with its one unsafe door, [`ring::Ring::push`].
//!
//! # liburing's names
//! | liburing | here |
//! |---|---|
//! | `io_uring_queue_init_params` | [`setup::RingBuilder::build`] |
//! | `io_uring_get_sqe`, `io_uring_sqe_set_data64` | [`ring::Ring::push`], [`prep::Sqe::token`] |
//! | `io_uring_prep_poll_add`, `_multishot` | [`prep::prep_poll_add`], [`prep::prep_poll_multishot`] |
//! | `io_uring_prep_accept`, `_connect`, `_close` | [`prep::prep_accept`], [`prep::prep_connect`], [`prep::prep_close`] |
//! | `io_uring_prep_multishot_accept` | [`prep::prep_multishot_accept`] |
//! | `io_uring_prep_recv_multishot`, `io_uring_setup_buf_ring` | [`prep::prep_recv_multishot`], [`ops::Ops::setup_buf_ring`] |
//! | `io_uring_buf_ring_add`, `io_uring_buf_ring_advance` | [`ops::Ops::take_bytes`] |
//! | `io_uring_prep_cancel64` | [`prep::prep_cancel64`], [`prep::prep_cancel_any`] |
//! | `io_uring_submit`, `io_uring_submit_and_get_events` | [`ring::Ring::submit`], [`ring::Ring::submit_and_get_events`] |
//! | `io_uring_submit_and_wait_timeout` | [`ring::Ring::submit_and_wait_timeout`] |
//! | `io_uring_peek_cqe`, `io_uring_cqe_seen` | [`ring::Ring::next_cqe`] |
//! | `io_uring_for_each_cqe`, `io_uring_cq_advance` | [`ring::Ring::take_cqes`] |
//! | `io_uring_sq_ready`, `io_uring_sq_space_left`, `io_uring_cq_ready`, `io_uring_cq_has_overflow` | the methods of that name |
//! | `io_uring_register_eventfd`, `io_uring_cq_eventfd_toggle` | [`ring::Ring::register_eventfd`], [`ring::Ring::cq_eventfd_toggle`] |
//! | `io_uring_enable_rings` | [`ring::Ring::enable_rings`] |
//! | `io_uring_register_ring_fd`, `io_uring_unregister_ring_fd` | [`ring::Ring::register_ring_fd`], [`ring::Ring::unregister_ring_fd`] |

#[cfg(not(target_os = "linux"))]
compile_error!("ring-core is for Linux: io_uring exists nowhere else");

// layers: a module uses only its own line and lines below; `cargo xtask tidy` checks it
//   ops
//   ops::operation
//   ops::counts
//   view
//   setup, ring    - a builder makes a ring; a ring knows who may enter it
//   submission
//   prep
//   buf_ring
//   datagrams, fd, sockaddr, fork, meminfo, peer_cred, poison, process
//   slab
//   slot
//   completion
//   token, errno
//   limits

mod buf_ring;
pub mod completion;
pub mod datagrams;
pub mod errno;
mod fd;
pub mod fork;
pub mod limits;
pub mod meminfo;
pub mod ops;
pub mod peer_cred;
mod poison;
pub mod prep;
pub mod process;
pub mod ring;
pub mod setup;
pub mod slab;
pub mod slot;
pub mod sockaddr;
pub mod submission;
pub mod token;
pub mod view;
