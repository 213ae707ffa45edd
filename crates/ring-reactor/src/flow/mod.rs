//! What Completion sockets keep between the program and the kernel: bytes received ahead, writes
//! that wait for company, and who sends them when.
//!
//! # How it works
//!
//! A `Stream` in Completion mode has a `Flow`: bytes ahead (`RecvQueue`, one leased buffer of the reactor's `Pool`, none when
//! it is empty, and then those of the `Inbox`) and an `Outbox`, which it shares with its reactor.
//!
//! - **A read** takes bytes ahead first. Otherwise it receives when the socket is ready: into a leased buffer if the caller
//!   offers less than 1 KiB, straight into the caller's memory if more. A read that is about to wait sends the queue first.
//! - **A read that would wait** has the ring receive where that is for one thread alone: one multishot receive into the
//!   ring's own buffers, which goes on for the reads that follow. The driver's turn copies each message into the `Inbox` of
//!   the socket's `Source` and gives the buffer back at once; reads look there before the socket, and do not receive
//!   themselves meanwhile (`Inbox::directly`), so bytes never overtake one another. A socket whose message fills a buffer,
//!   whose reader lags, or whose writes wait goes back to poll and recv(2), for good; so does one that waits when the pool's
//!   bound is reached. One that finds no buffer (`ENOBUFS`) does so once. Whoever shows or gives away the descriptor ends
//!   the receive first.
//! - **A write** asks `WritePolicy`. Most go to the kernel as in Exact mode, without a lock. One that is to wait is copied
//!   into the `SendQueue` if the kernel has `Room` for all of it (`SO_MEMINFO`, asked when the credit of the last answer is
//!   used up): so a flush can hardly find the kernel full, and what was accepted is not lost with the runtime or the
//!   process. A large write leaves behind the queue, in the same sendmsg(2).
//! - **The driver's turn.** The first write that waits puts the outbox on the reactor's `Dirty` list and wakes the driver,
//!   which sends everything on the list at the start of its next poll. The reactors of tokio's epoll have a driver for that
//!   too.
//! - **Blocked.** If the kernel is full after all, as it often is for `write_owned`, a `Pump` waits for room on a duplicate of
//!   the descriptor. The duplicate keeps the connection open when the stream is dropped: the FIN follows the last byte.
//! - **Stragglers.** One thread of the process looks, every 5 ms while something is queued, for what was queued at the last
//!   look already: its driver gets no turn, because a task blocks its thread. atexit(3) does the same once more.
//! - **Errors** that a send of queued bytes takes from the socket are kept, and answered by the next call that can.
//! - **Escape.** A call that shows the descriptor sends the queue and makes the stream Exact.
//!
//! `LentFd` is the outbox's number of the descriptor; `Stream` takes it back, under the outbox's lock, before it closes or
//! gives away the descriptor. An inbox's lock is the last: it is taken under the reactor's, the ring's and the reads', and only
//! the pool's under it. No other lock is held when an outbox's, `Dirty`'s or the look-out's is taken, and no user
//! code runs under them, except a `BufMut` that `try_read_buf` fills: it must not wait for another thread that uses the
//! runtime's sockets.

pub(crate) mod counters;
pub(crate) mod dirty;
pub(crate) mod inbox;
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
