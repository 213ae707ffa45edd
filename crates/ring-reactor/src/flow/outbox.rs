//! What a Completion socket has accepted from its writer, until the kernel has it.
//!
//! | state | leaves on |
//! |---|---|
//! | clean: nothing queued | a write that waits -> queued |
//! | queued; its driver knows (`is_dirty`) | any flush that the kernel takes whole -> clean; one that it does not -> blocked |
//! | blocked: the kernel is full, a pump waits for room | the pump, a flush or a write that empties the queue -> clean |
//! | failed: a send has taken the socket's error | the next call that can report it -> clean |
//!
//! The bytes of a failed queue are gone, as those in a socket's own buffer are after a reset.

mod end;
mod locked;
mod owned;

pub(crate) use self::owned::OwnedOffer;

use std::io::{self, ErrorKind, IoSlice};
use std::os::fd::BorrowedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use ring_core::meminfo;
use rustix::io::Errno;
use rustix::net::Shutdown;

use self::locked::Locked;
use super::counters::Reason;
use super::lent::LentFd;
use super::policy::{Decision, Pace};
use super::pump;
use super::send::Data;
use super::send_queue::SendQueue;
use crate::limits::{EXIT_LOCK_WAIT_MS, QUEUE_PIECES_MAX, SEND_PIECES_MAX, SEND_QUEUE_BYTES_MAX};
use crate::reactor::{Reactor, Serving};

/// The send side of one Completion socket, shared by the socket and the reactor that flushes it.
#[derive(Debug)]
pub(crate) struct Outbox {
    reactor: Arc<Reactor>,
    pace: Pace,
    state: Mutex<State>,
    /// Whether there is something to send or to report: who finds nothing need not lock. Written
    /// under the lock; a reader that comes too early is served by the flush that follows its write.
    is_busy: AtomicBool,
    /// Whether the driver's list has this outbox.
    is_dirty: AtomicBool,
    /// Whether the stream was shut down for writing: a write is to meet the kernel's error.
    is_ended: AtomicBool,
}

#[derive(Debug)]
struct State {
    fd: LentFd,
    queue: SendQueue,
    /// Writes in the queue.
    writes: usize,
    /// What a send has taken from the socket and no call has reported yet.
    error: Option<io::Error>,
    has_pump: bool,
    /// Whether the stream is to be shut down for writing when the queue is empty.
    ends: bool,
}

/// What becomes of a write.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Offer {
    /// It waits in the queue; so many bytes.
    Queued(usize),
    /// Nothing is queued: send it.
    Send,
    /// Send it behind the queue: [`Outbox::send_behind`].
    SendBehind,
}

/// What of a write went to the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sent {
    pub(crate) count: usize,
    /// Whether the kernel took less than it was offered: it is full.
    pub(crate) is_short: bool,
}

/// What became of the queue of a stream that is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Closed {
    /// The kernel has it, or the connection has failed.
    Clean,
    /// A pump goes on with it, by a descriptor of its own.
    Carried,
    /// The kernel is full, and there is no descriptor for a pump: it needs the stream's own.
    Stranded,
}

/// What a flush came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flush {
    /// Nothing is queued any more. There may be an error to report.
    Done,
    /// The kernel is full; a pump goes on when it has room.
    Blocked,
}

impl Outbox {
    pub(crate) fn new(reactor: Arc<Reactor>, fd: LentFd) -> Outbox {
        Outbox {
            reactor,
            pace: Pace::default(),
            state: Mutex::new(State {
                fd,
                queue: SendQueue::default(),
                writes: 0,
                error: None,
                has_pump: false,
                ends: false,
            }),
            is_busy: AtomicBool::new(false),
            is_dirty: AtomicBool::new(false),
            is_ended: AtomicBool::new(false),
        }
    }

    fn lock(&self) -> Locked<'_> {
        Locked::new(self.state.lock())
    }

    pub(crate) fn reactor(&self) -> &Arc<Reactor> {
        &self.reactor
    }

    /// Whether a write of `bytes` bytes goes to the kernel as it is: nothing is queued, and it is not
    /// to wait either. The common case, without a lock.
    #[inline]
    pub(crate) fn lets_pass(&self, bytes: usize, may_wait: bool) -> bool {
        !self.waits(bytes, may_wait) && !self.is_busy()
    }

    fn waits(&self, bytes: usize, may_wait: bool) -> bool {
        may_wait
            && bytes > 0
            && self.pace.policy().decide(bytes) == Decision::Queue
            && !self.is_ended.load(Ordering::Relaxed)
    }

    /// Takes `data` into the queue if it is to wait there.
    ///
    /// # Errors
    /// What an earlier send has left to report.
    pub(crate) fn offer(self: &Arc<Self>, data: Data<'_>, may_wait: bool) -> io::Result<Offer> {
        if self.reactor.is_foreign_process() {
            // What a fork copied is the parent's to send; whose lock this is nobody knows.
            return Ok(Offer::Send);
        }
        let bytes = data.bytes();
        let mut state = self.lock();
        if let Some(error) = self.take_error_of(&mut state) {
            return Err(error);
        }
        if state.ends {
            return Err(ErrorKind::BrokenPipe.into());
        }
        let waits = self.waits(bytes, may_wait)
            && self.has_room(&state, bytes)
            && self.reactor.serving() != Serving::Stopped;
        if !waits {
            return Ok(if state.queue.is_empty() {
                Offer::Send
            } else {
                Offer::SendBehind
            });
        }
        state.queue.push(data.pieces(), bytes);
        self.on_queued(&mut state);
        drop(state);
        self.mark_dirty();
        Ok(Offer::Queued(bytes))
    }

    /// A write is in the queue.
    fn on_queued(&self, state: &mut State) {
        state.writes += 1;
        self.pace.on_written();
        self.is_busy.store(true, Ordering::Relaxed);
    }

    /// A write that found the queue empty was sent.
    pub(crate) fn on_sent(&self, bytes: usize) {
        self.pace.on_send(bytes);
        self.pace.on_written();
    }

    /// Sends `data`, behind what is queued, for a writer that is one of many: with the lock, so that it
    /// does not come into the midst of a queued write that is sent in part.
    ///
    /// # Errors
    /// `WouldBlock` if the kernel is full; of the send.
    pub(crate) fn send_now(&self, data: Data<'_>, fd: BorrowedFd<'_>) -> io::Result<usize> {
        if self.reactor.is_foreign_process() {
            return data.send(fd);
        }
        let state = self.lock();
        if state.queue.is_empty() {
            let count = data.send(fd)?;
            drop(state);
            self.on_sent(count);
            return Ok(count);
        }
        drop(state);
        match self.send_behind(data)? {
            Some(sent) => Ok(sent.count),
            None => Err(ErrorKind::WouldBlock.into()),
        }
    }

    /// Sends the queue and `data` behind it, in one call if they are few pieces. Returns how much of
    /// `data` was taken; `None`: the kernel is full before it.
    ///
    /// # Errors
    /// Of the send: nothing of `data` was taken, and what was queued is lost with the connection.
    pub(crate) fn send_behind(&self, data: Data<'_>) -> io::Result<Option<Sent>> {
        let mut guard = self.lock();
        let state = &mut *guard;
        loop {
            let queued = state.queue.bytes();
            let Some(fd) = state.fd.get() else {
                return Ok(None);
            };
            let sent = retry(|| send_with(&state.queue, data, fd));
            let Sent { count, is_short } = match sent {
                Ok(sent) => sent,
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    self.pace.on_full();
                    return Ok(None);
                }
                Err(error) => {
                    self.lose(state);
                    return Err(error);
                }
            };
            self.pace.on_send(count);
            state.queue.advance(count.min(queued));
            if state.queue.is_empty() && queued > 0 {
                self.emptied(state, Reason::Full, queued);
            }
            let taken = count - count.min(queued);
            if taken > 0 || (state.queue.is_empty() && data.bytes() == 0) {
                self.pace.on_written();
                return Ok(Some(Sent {
                    count: taken,
                    is_short,
                }));
            }
            if is_short {
                return Ok(None);
            }
            // More pieces than one call takes.
        }
    }

    /// Sends what is queued, as far as the kernel takes it without waiting.
    pub(crate) fn flush(self: &Arc<Self>, reason: Reason) -> Flush {
        // Only a write that this flush need not know of can be missed: see `clear_dirty`.
        if !self.is_busy() {
            return Flush::Done;
        }
        self.flush_locked(self.lock(), reason)
    }

    /// As [`Outbox::flush`], at the end of a round: what comes next begins another.
    #[inline]
    pub(crate) fn flush_round(self: &Arc<Self>, reason: Reason) -> Flush {
        self.pace.end_round();
        self.flush(reason)
    }

    /// As [`Outbox::flush`], for the end of the process: another thread may hold the lock for ever.
    pub(crate) fn flush_at_exit(self: &Arc<Self>) {
        let wait = Duration::from_millis(EXIT_LOCK_WAIT_MS);
        if let Some(state) = self.state.try_lock_for(wait) {
            self.send_queue(&mut Locked::new(state), None, Reason::Straggler);
        }
    }

    fn flush_locked(self: &Arc<Self>, mut state: Locked<'_>, reason: Reason) -> Flush {
        if self.send_queue(&mut state, None, reason) == Flush::Done {
            return Flush::Done;
        }
        let pump_fd = self.pump_fd(&mut state);
        drop(state);
        if let Some(fd) = pump_fd {
            pump::start(self.clone(), fd);
        }
        // Somebody comes back to it: where there is no descriptor for a pump, and when the process
        // ends.
        self.keep_dirty();
        Flush::Blocked
    }

    fn send_queue(&self, state: &mut State, fd: Option<BorrowedFd<'_>>, reason: Reason) -> Flush {
        let queued = state.queue.bytes();
        while !state.queue.is_empty() {
            let Some(fd) = fd.or(state.fd.get()) else {
                return Flush::Blocked;
            };
            match retry(|| send_once(&state.queue, fd)) {
                Ok(Sent { count, is_short }) => {
                    self.pace.on_send(count);
                    state.queue.advance(count);
                    // As with tokio, a short send has filled the socket. Otherwise who flushes for a
                    // peer that reads as fast would not come back before a long queue is empty.
                    if is_short {
                        self.pace.on_full();
                        return Flush::Blocked;
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    self.pace.on_full();
                    return Flush::Blocked;
                }
                Err(error) => {
                    state.error = Some(error);
                    self.lose(state);
                    return Flush::Done;
                }
            }
        }
        if queued > 0 {
            self.emptied(state, reason, queued);
        }
        if std::mem::take(&mut state.ends)
            && let Some(fd) = fd.or(state.fd.get())
        {
            // ENOTCONN: there is nobody left to tell.
            let _ = rustix::net::shutdown(fd, Shutdown::Write);
        }
        Flush::Done
    }

    /// What is queued goes with its connection.
    fn lose(&self, state: &mut State) {
        state.queue.clear();
        state.writes = 0;
        state.ends = false;
        self.note(state);
    }

    /// Bookkeeping after the last queued byte has left.
    fn emptied(&self, state: &mut State, reason: Reason, bytes: usize) {
        let writes = std::mem::take(&mut state.writes);
        self.reactor.counters.flushed(reason, writes, bytes);
        self.note(state);
    }

    fn note(&self, state: &State) {
        let is_busy = !state.queue.is_empty() || state.error.is_some();
        self.is_busy.store(is_busy, Ordering::Relaxed);
    }

    /// Ends a round: a read has taken bytes from the kernel.
    #[inline]
    pub(crate) fn end_round(&self) {
        self.pace.end_round();
    }

    /// Whether something is queued or to be reported.
    pub(crate) fn is_busy(&self) -> bool {
        // A forked child has nothing to send: what a fork copied is the parent's.
        self.is_busy.load(Ordering::Relaxed) && !self.reactor.is_foreign_process()
    }

    /// How many bytes are queued.
    pub(crate) fn queued_bytes(&self) -> usize {
        if self.is_busy() {
            self.lock().queue.bytes()
        } else {
            0
        }
    }

    /// What a send has left to report.
    pub(crate) fn take_error(&self) -> Option<io::Error> {
        if !self.is_busy() {
            return None;
        }
        self.take_error_of(&mut self.lock())
    }

    /// The same for a read: that the stream is closed for writing is no news to a reader.
    pub(crate) fn take_read_error(&self) -> Option<io::Error> {
        if !self.is_busy() {
            return None;
        }
        let mut state = self.lock();
        let is_broken_pipe = |error: &io::Error| error.kind() == ErrorKind::BrokenPipe;
        if state.error.as_ref().is_none_or(is_broken_pipe) {
            return None;
        }
        self.take_error_of(&mut state)
    }

    fn take_error_of(&self, state: &mut State) -> Option<io::Error> {
        let error = state.error.take();
        if error.is_some() {
            self.note(state);
        }
        error
    }

    /// Whether the queue may grow by `bytes` bytes, and the kernel has room for it then.
    fn has_room(&self, state: &State, bytes: usize) -> bool {
        let bytes = state.queue.bytes() + bytes;
        let measure = || state.fd.get().map_or(0, meminfo::send_room);
        bytes <= SEND_QUEUE_BYTES_MAX
            && state.queue.pieces() < QUEUE_PIECES_MAX
            && self.pace.has_room(bytes, measure)
    }

    /// Has the driver's turn send what is queued.
    pub(crate) fn mark_dirty(self: &Arc<Self>) {
        // AcqRel: pairs with `clear_dirty`.
        if !self.is_dirty.swap(true, Ordering::AcqRel) && !self.reactor.dirty.mark(self.clone()) {
            // There will be no turn any more.
            self.flush(Reason::End);
        }
    }

    /// Has somebody come back to what is queued, at no certain time.
    fn keep_dirty(self: &Arc<Self>) {
        if !self.is_dirty.swap(true, Ordering::AcqRel) {
            self.reactor.dirty.keep(self.clone());
        }
    }

    /// Takes the mark off, before the flush that follows.
    ///
    /// AcqRel, and a swap: either the writer's swap in `mark_dirty` comes later and finds the mark
    /// gone, or this one reads what it wrote, and the flush sees that the outbox is busy.
    pub(crate) fn clear_dirty(&self) {
        self.is_dirty.swap(false, Ordering::AcqRel);
    }

    /// Takes the mark off if there is nothing to come back to; for the holder of the list.
    pub(crate) fn retire(&self) -> bool {
        self.clear_dirty();
        let is_retired = !self.is_busy();
        if !is_retired {
            self.is_dirty.store(true, Ordering::Release);
        }
        is_retired
    }
}

/// Sends the queue, as many pieces of it as one call takes, and `data` behind it.
fn send_with(queue: &SendQueue, data: Data<'_>, fd: BorrowedFd<'_>) -> io::Result<Sent> {
    let mut slices = [IoSlice::new(&[]); SEND_PIECES_MAX];
    let queued = queue.slices(&mut slices);
    let behind = data.pieces().filter(|piece| !piece.is_empty());
    let behind = slices[queued..].iter_mut().zip(behind);
    let pieces = queued
        + behind
            .map(|(slice, piece)| *slice = IoSlice::new(piece))
            .count();
    let offered = Data::Many(&slices[..pieces]);
    let count = offered.send(fd)?;
    Ok(Sent {
        count,
        is_short: count < offered.bytes(),
    })
}

/// Sends the queue, as many pieces of it as one call takes.
fn send_once(queue: &SendQueue, fd: BorrowedFd<'_>) -> io::Result<Sent> {
    let Some(one) = queue.as_one() else {
        return send_with(queue, Data::One(&[]), fd);
    };
    let count = Data::One(one).send(fd)?;
    Ok(Sent {
        count,
        is_short: count < one.len(),
    })
}

/// Repeats a send that a signal has interrupted.
fn retry<T>(mut send: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match send() {
            Err(error) if error.raw_os_error() == Some(Errno::INTR.raw_os_error()) => {}
            result => return result,
        }
    }
}
