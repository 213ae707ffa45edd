//! What the ring receives for one Completion socket: the state of the operation, and the bytes that no
//! read has taken yet. Pure.
//!
//! | state | who receives from the socket | leaves on |
//! |---|---|---|
//! | `Idle` | reads, by recv(2) | a read that would wait -> `Queued`, unless the socket has shown that this does not pay (`is_bulk`) |
//! | `Queued` | nobody | the driver's turn -> `InFlight`, or `Idle` if there are no buffers to be had; an end that was asked for -> `Idle` |
//! | `InFlight` | the kernel, whenever the ring's thread enters | the last CQE -> `Idle`; an end that was asked for -> `Ending` |
//! | `Ending` | the kernel, until it hears of the cancel | the last CQE -> `Idle` |
//! | `Closed` | nobody | |
//!
//! Reads receive under the lock, and only while it says `Idle` and no bytes are here
//! ([`Inbox::directly`]): bytes never overtake one another.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parking_lot::{Condvar, Mutex};
use ring_core::token::Token;

use crate::flow::pool::Pool;
use crate::limits::{ARRIVALS_BYTES_MAX, RING_BUFFER_BYTES};

/// See the module's table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum RecvOp {
    #[default]
    Idle,
    Queued,
    InFlight(Token),
    Ending(Token),
    Closed,
}

impl RecvOp {
    /// Whether the kernel receives, or is about to.
    fn is_receiving(self) -> bool {
        !matches!(self, RecvOp::Idle | RecvOp::Closed)
    }
}

/// What is to become of a receive that has brought bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    GoOn,
    /// The socket moves bulk, its reader is slow, or too much has been received and not read.
    End,
}

/// The receive of one socket and what it brought.
#[derive(Debug)]
pub(crate) struct Inbox {
    /// Whose bound on receive buffers counts an inbox with more bytes than a buffer of the ring as one.
    pool: Pool,
    state: Mutex<State>,
    /// Whether the operation is under way. Written under the lock.
    is_receiving: AtomicBool,
    /// Whether there are bytes. Written under the lock.
    has_bytes: AtomicBool,
    ended: Condvar,
}

#[derive(Debug, Default)]
struct State {
    op: RecvOp,
    /// Whether the stream is one for which the ring may receive.
    is_allowed: bool,
    /// Whether the socket moves bulk, or its reader is slow: recv(2) into the reader's own memory is better
    /// then.
    is_bulk: bool,
    bytes: Vec<u8>,
    /// How many of them have been read.
    read: usize,
    /// Whether the pool counts them.
    has_share: bool,
    /// The error of the connection, if the receive has taken it from the socket.
    error: Option<io::Error>,
}

impl Inbox {
    pub(crate) fn new(pool: Pool) -> Inbox {
        Inbox {
            pool,
            state: Mutex::default(),
            is_receiving: AtomicBool::new(false),
            has_bytes: AtomicBool::new(false),
            ended: Condvar::new(),
        }
    }

    /// Lets the ring receive from now on, or not; what is under way goes on.
    pub(crate) fn allow(&self, is_allowed: bool) {
        self.state.lock().is_allowed = is_allowed;
    }

    /// Moves from `Idle` to `Queued`, if the ring may receive: the stream is one of those, the socket has
    /// not shown that it does not pay, and the reactor's bound on received bytes has room.
    pub(crate) fn start(&self) -> bool {
        let mut state = self.state.lock();
        let may_start =
            state.op == RecvOp::Idle && state.is_allowed && !state.is_bulk && self.pool.has_share();
        if may_start {
            self.set_op(&mut state, RecvOp::Queued);
        }
        may_start
    }

    /// Whether the kernel receives, or is about to: then reads do not.
    #[inline]
    pub(crate) fn is_receiving(&self) -> bool {
        // Acquire: pairs with the Release in `set_op`, so that who finds the receive ended also finds
        // what it brought.
        self.is_receiving.load(Ordering::Acquire)
    }

    /// Whether there are bytes that no read has taken.
    #[inline]
    pub(crate) fn has_bytes(&self) -> bool {
        self.has_bytes.load(Ordering::Acquire)
    }

    /// Starts no receive any more.
    pub(crate) fn set_bulk(&self) {
        self.state.lock().is_bulk = true;
    }

    pub(crate) fn op(&self) -> RecvOp {
        self.state.lock().op
    }

    /// Moves from one state to another; answers whether the state was `from`. As all changes of the state, for
    /// who holds the shard's lock.
    pub(crate) fn change(&self, from: RecvOp, to: RecvOp) -> bool {
        let mut state = self.state.lock();
        let is_from = state.op == from;
        if is_from {
            self.set_op(&mut state, to);
        }
        is_from
    }

    /// Ends whatever was under way, for good if `to` is `Closed`; answers what it was.
    pub(crate) fn end(&self, to: RecvOp) -> RecvOp {
        let mut state = self.state.lock();
        let was = state.op;
        if was != RecvOp::Closed {
            self.set_op(&mut state, to);
        }
        was
    }

    fn set_op(&self, state: &mut State, op: RecvOp) {
        state.op = op;
        self.is_receiving
            .store(op.is_receiving(), Ordering::Release);
        if !op.is_receiving() {
            self.ended.notify_all();
        }
    }

    /// Waits until the receive has ended, `limit` at most; answers whether it has.
    pub(crate) fn wait_ended(&self, limit: Duration) -> bool {
        let mut state = self.state.lock();
        !self
            .ended
            .wait_while_for(&mut state, |state| state.op.is_receiving(), limit)
            .timed_out()
    }

    /// Has a read receive by itself; `None` if the kernel receives, or bytes are here.
    pub(crate) fn directly<R>(&self, receive: impl FnOnce() -> R) -> Option<R> {
        let state = self.state.lock();
        let may_receive = !state.op.is_receiving() && state.read == state.bytes.len();
        may_receive.then(receive)
    }

    /// Takes what the kernel has received in one buffer, `is_full` of it.
    pub(crate) fn append(&self, bytes: &[u8], is_full: bool) -> Next {
        let mut state = self.state.lock();
        if bytes.is_empty() {
            return Next::GoOn;
        }
        if state.read >= ARRIVALS_BYTES_MAX {
            // A reader who always leaves some would have those that were read stay for good.
            let read = std::mem::take(&mut state.read);
            state.bytes.drain(..read);
        }
        state.bytes.extend_from_slice(bytes);
        self.has_bytes.store(true, Ordering::Release);
        if is_full || state.bytes.len() - state.read > ARRIVALS_BYTES_MAX {
            state.is_bulk = true;
        }
        // What its memory would hold anyhow is not counted.
        let is_counted = state.bytes.len() - state.read > RING_BUFFER_BYTES;
        if is_counted && !state.has_share {
            state.has_share = self.pool.take_share();
        }
        if state.is_bulk || is_counted && !state.has_share {
            Next::End
        } else {
            Next::GoOn
        }
    }

    /// Keeps the error that the receive has met.
    pub(crate) fn fail(&self, error: io::Error) {
        self.state.lock().error = Some(error);
    }

    /// The error that the receive has met, for a read: once the bytes before it are read.
    pub(crate) fn take_read_error(&self) -> Option<io::Error> {
        let mut state = self.state.lock();
        if state.read == state.bytes.len() {
            state.error.take()
        } else {
            None
        }
    }

    /// The error that the receive has met, for anybody else.
    pub(crate) fn take_error(&self) -> Option<io::Error> {
        self.state.lock().error.take()
    }

    /// How many bytes no read has taken.
    pub(crate) fn len(&self) -> usize {
        let state = self.state.lock();
        state.bytes.len() - state.read
    }

    /// Hands the bytes to `take`, which answers how many it took; `None` if there are none.
    ///
    /// # Panics
    /// If `take` takes more than there are.
    pub(crate) fn read(&self, take: impl FnOnce(&[u8]) -> usize) -> Option<usize> {
        if !self.has_bytes() {
            return None;
        }
        let mut state = self.state.lock();
        let bytes = &state.bytes[state.read..];
        if bytes.is_empty() {
            return None;
        }
        let count = take(bytes);
        assert!(count <= bytes.len(), "no more can be read than is there");
        state.read += count;
        if state.read == state.bytes.len() {
            state.read = 0;
            state.bytes.clear();
            state.bytes.shrink_to(RING_BUFFER_BYTES);
            if std::mem::take(&mut state.has_share) {
                self.pool.give_share_back();
            }
            self.has_bytes.store(false, Ordering::Release);
        }
        Some(count)
    }
}

impl Drop for Inbox {
    fn drop(&mut self) {
        if self.state.get_mut().has_share {
            self.pool.give_share_back();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Inbox, Next, RecvOp};
    use crate::flow::pool::Pool;
    use crate::limits::{ARRIVALS_BYTES_MAX, RING_BUFFER_BYTES};
    use ring_core::token::Token;
    use std::io;
    use std::time::Duration;

    fn inbox() -> Inbox {
        let inbox = Inbox::new(Pool::new(1));
        inbox.allow(true);
        inbox
    }

    #[test]
    fn bytes_are_read_once_and_in_order() {
        let inbox = inbox();
        let mut seen = Vec::new();
        let mut read = |count: usize| {
            inbox.read(|bytes| {
                let count = bytes.len().min(count);
                seen.extend_from_slice(&bytes[..count]);
                count
            })
        };
        assert_eq!(read(9), None);
        inbox.append(b"he", false);
        inbox.append(b"llo", false);
        assert_eq!(read(3), Some(3));
        inbox.append(b"!", false);
        assert_eq!((inbox.len(), inbox.has_bytes()), (3, true));
        assert_eq!(read(9), Some(3));
        assert_eq!((read(9), inbox.len(), inbox.has_bytes()), (None, 0, false));
        assert_eq!(seen, b"hello!");
    }

    #[test]
    fn a_read_receives_by_itself_unless_the_ring_does_or_has() {
        let inbox = inbox();
        assert_eq!(inbox.directly(|| 7), Some(7));
        inbox.start();
        assert_eq!(inbox.directly(|| 7), None);
        inbox.append(b"x", false);
        inbox.end(RecvOp::Idle);
        assert_eq!(inbox.directly(|| 7), None);
        inbox.read(<[u8]>::len);
        assert_eq!(inbox.directly(|| 7), Some(7));
    }

    #[test]
    fn a_reader_who_lags_ends_the_receives_and_an_empty_inbox_keeps_little_memory() {
        let inbox = inbox();
        let bytes = vec![1; ARRIVALS_BYTES_MAX];
        assert_eq!(inbox.append(&bytes, false), Next::GoOn);
        assert!(!inbox.state.lock().is_bulk);
        assert_eq!(inbox.append(b"x", false), Next::End);
        assert!(inbox.state.lock().is_bulk && !inbox.start());
        assert_eq!(inbox.read(<[u8]>::len), Some(ARRIVALS_BYTES_MAX + 1));
        assert!(inbox.state.lock().bytes.capacity() <= RING_BUFFER_BYTES);
    }

    #[test]
    fn a_reader_who_always_leaves_some_keeps_little_memory_busy() {
        let inbox = inbox();
        let bytes = vec![1; 1_000];
        inbox.append(b"x", false);
        for _ in 0..1_000 {
            assert_eq!(inbox.append(&bytes, false), Next::GoOn);
            assert_eq!(inbox.read(|_| 1_000), Some(1_000));
        }
        assert_eq!(inbox.len(), 1);
        assert!(inbox.state.lock().bytes.capacity() <= 4 * ARRIVALS_BYTES_MAX);
    }

    #[test]
    fn a_full_buffer_ends_the_receives() {
        let inbox = inbox();
        assert_eq!(inbox.append(b"x", true), Next::End);
        assert!(inbox.state.lock().is_bulk);
    }

    #[test]
    fn an_inbox_with_many_bytes_counts_as_a_buffer_and_one_too_many_ends_its_receive() {
        let pool = Pool::new(1);
        let many = [0; RING_BUFFER_BYTES + 1];
        let (first, second) = (Inbox::new(pool.clone()), Inbox::new(pool.clone()));
        second.allow(true);
        assert_eq!(first.append(&many[1..], false), Next::GoOn);
        assert_eq!(pool.leased_count(), 0);
        assert_eq!(first.append(b"x", false), Next::GoOn);
        assert_eq!(first.append(b"y", false), Next::GoOn);
        assert_eq!((pool.leased_count(), second.start()), (1, false));
        assert_eq!(second.append(&many, false), Next::End);
        first.read(<[u8]>::len);
        assert_eq!((pool.leased_count(), second.start()), (0, true));
        second.read(<[u8]>::len);
        assert_eq!(pool.leased_count(), 0);
        first.append(&many, false);
        drop(first);
        assert_eq!(pool.leased_count(), 0);
    }

    #[test]
    fn nothing_is_started_for_a_stream_that_is_not_allowed() {
        let inbox = inbox();
        inbox.allow(false);
        assert!(!inbox.start());
        inbox.allow(true);
        assert!(inbox.start() && !inbox.start());
    }

    #[test]
    fn an_error_comes_behind_the_bytes_for_a_read_and_once() {
        let inbox = inbox();
        inbox.append(b"x", false);
        inbox.fail(io::ErrorKind::ConnectionReset.into());
        assert!(inbox.take_read_error().is_none());
        inbox.read(<[u8]>::len);
        assert_eq!(
            inbox.take_read_error().unwrap().kind(),
            io::ErrorKind::ConnectionReset
        );
        assert!(inbox.take_error().is_none());
    }

    #[test]
    fn states_follow_the_table_and_a_closed_inbox_stays_closed() {
        let inbox = inbox();
        let token = Token::from_user_data(7);
        assert!(inbox.start() && inbox.is_receiving());
        assert!(!inbox.change(RecvOp::Idle, RecvOp::Queued));
        assert!(!inbox.wait_ended(Duration::ZERO));
        assert!(inbox.change(RecvOp::Queued, RecvOp::InFlight(token)));
        assert_eq!(inbox.end(RecvOp::Idle), RecvOp::InFlight(token));
        assert!(!inbox.is_receiving() && inbox.wait_ended(Duration::ZERO));
        inbox.end(RecvOp::Closed);
        assert_eq!(inbox.end(RecvOp::Idle), RecvOp::Closed);
        assert!(!inbox.start());
    }
}
