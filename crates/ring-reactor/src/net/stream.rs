//! A connected stream over both drivers and in both modes: what moves its bytes.
//!
//! In Exact mode every call is one system call, made when the socket is ready. In Completion mode
//! there is a queue on either side ([`Flow`]); a call looks there first:
//!
//! | call | looks at | then |
//! |---|---|---|
//! | read | bytes ahead, what the ring has received | the kernel: into a buffer of the pool if the caller offers little room |
//! | buffered read (`poll_fill_buf`) | bytes ahead | the kernel: into a buffer that the stream then has ahead |
//! | a read that would wait | the send queue, which leaves | waits; where there is a ring, for its receive |
//! | owned receive (`poll_recv_owned`) | the leases that are out, bytes ahead | the kernel: into a buffer that the program then has |
//! | owned write (`poll_write_owned`) | the send queue, whether it is at its bound | the queue, which leaves now or with company |
//! | write | the policy: wait for company or go | the kernel, behind what is queued |
//! | flush, shutdown, drop, `into_fd`, an exposed descriptor | the send queue, which leaves | |
//!
//! The calls beyond tokio's use the queues in Exact mode too: to make them is to ask for it.
//!
//! A stream whose descriptor was exposed is Exact from then on, and what is queued leaves first. (A
//! kernel that is full then takes the rest behind what the program sends itself: `try_io` and
//! `async_io` wait for it, `as_raw_fd` cannot.)
#![expect(
    unsafe_code,
    reason = "lends its descriptor to the reactor, and takes it back before it closes it"
)]

mod buffered;
mod read;
mod ready;
mod write;

use std::fmt;
use std::io;
use std::ops::Range;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use once_cell::sync::OnceCell;
use parking_lot::Mutex;
use socket2::SockRef;

use super::origin::Origin;
use super::socket::Socket;
use crate::flow::counters::Reason;
use crate::flow::inbox::Inbox;
use crate::flow::lease::Allowance;
use crate::flow::lent::LentFd;
use crate::flow::outbox::{Closed, Flush, Outbox};
use crate::flow::pool;
use crate::flow::recv_queue::RecvQueue;
use crate::limits::CARRIED_TIMEOUT_MS;
use crate::mode::{AtomicMode, Mode};
use crate::reactor::Reactor;
use crate::select;
use crate::source::Source;

/// A connected, non-blocking stream socket.
pub struct Stream {
    socket: Socket,
    /// What Completion mode keeps, and the calls beyond tokio's; made when first asked for.
    flow: OnceCell<Box<Flow>>,
}

/// Why a stream does not give up its descriptor.
#[derive(Debug)]
pub enum Refused {
    /// It has bytes that the kernel has not, on either side.
    Kept(Box<Stream>),
    /// Bytes that it had accepted are lost with their connection.
    Failed(io::Error),
}

/// What a stream keeps between the program and the kernel.
#[derive(Debug)]
struct Flow {
    mode: AtomicMode,
    /// Whether a byte has moved in Completion mode.
    has_moved: AtomicBool,
    received: Mutex<RecvQueue>,
    /// Whether there are bytes ahead, for who only wants to know. Written under the lock.
    is_ahead: AtomicBool,
    /// What has the inbox of what the ring receives, where there is a ring that may.
    source: Option<Arc<Source>>,
    /// What the program holds of the buffers received into; made when it first asks for one.
    leases: OnceCell<Allowance>,
    outbox: Arc<Outbox>,
}

impl Stream {
    /// Takes a non-blocking stream socket into the current runtime, in the runtime's mode.
    ///
    /// # Errors
    /// As [`Socket::new`].
    /// # Panics
    /// Outside a tokio runtime, or in one without `enable_io`: in tokio's words.
    #[track_caller]
    pub fn new(fd: OwnedFd, origin: Origin) -> io::Result<Stream> {
        Stream::with_mode(fd, origin, select::default_mode()?)
    }

    /// Takes a non-blocking stream socket into the current runtime.
    ///
    /// # Errors
    /// As [`Socket::new`].
    /// # Panics
    /// As [`Stream::new`].
    #[track_caller]
    pub fn with_mode(fd: OwnedFd, origin: Origin, mode: Mode) -> io::Result<Stream> {
        let stream = Stream {
            socket: Socket::new(fd, origin)?,
            flow: OnceCell::new(),
        };
        if mode != Mode::Exact {
            stream.set_mode(mode)?;
        }
        Ok(stream)
    }

    /// How the stream moves its bytes.
    #[must_use]
    pub fn mode(&self) -> Mode {
        self.flow.get().map_or(Mode::Exact, |flow| flow.mode.load())
    }

    /// Changes how the stream moves its bytes. What is queued leaves first; bytes ahead stay for the
    /// reads that follow.
    ///
    /// # Errors
    /// If the driver whose turns Completion mode needs cannot be made.
    pub fn set_mode(&self, mode: Mode) -> io::Result<()> {
        let flow = match (self.flow.get(), mode) {
            (None, Mode::Exact) => return Ok(()),
            (Some(flow), _) => &**flow,
            (None, Mode::Completion) => self.flow()?,
        };
        match (flow.mode.swap(mode), mode) {
            (Mode::Completion, Mode::Exact) => {
                flow.outbox.flush(Reason::Escape);
                flow.end_receive();
            }
            (Mode::Exact, Mode::Completion) => flow.allow_receive(),
            _ => {}
        }
        Ok(())
    }

    /// What the stream keeps, made if it keeps nothing yet.
    fn flow(&self) -> io::Result<&Flow> {
        let flow = self.flow.get_or_try_init(|| self.new_flow())?;
        Ok(flow)
    }

    fn new_flow(&self) -> io::Result<Box<Flow>> {
        let reactor = match self.socket.reactor() {
            Some(reactor) => reactor.clone(),
            None => select::required_in(self.socket.runtime())?,
        };
        // SAFETY: `LentFd::new` demands that the descriptor stays open until it is taken back. It
        // is the socket's, which is closed or given away in two places of this file:
        // `into_fd` and `drop`. Both call `Outbox::close` first, which takes it back before it does
        // anything that may unwind. (In a forked child it takes nothing back: there nobody asks for
        // it, because an outbox is not busy there.)
        let fd = unsafe { LentFd::new(self.socket.fd()) };
        // A ring for any thread receives when nobody expects it.
        let source = self
            .socket
            .source()
            .filter(|source| source.reactor.does_accept);
        Ok(Box::new(Flow {
            mode: AtomicMode::new(Mode::Exact),
            has_moved: AtomicBool::new(false),
            received: Mutex::default(),
            is_ahead: AtomicBool::new(false),
            source: source.cloned(),
            leases: OnceCell::new(),
            outbox: Arc::new(Outbox::new(reactor, fd)),
        }))
    }

    /// The descriptor, for system calls of our own that move no bytes.
    #[inline]
    #[must_use]
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.socket.fd()
    }

    /// The descriptor, for a caller who may do with it what he likes.
    ///
    /// Sends what is queued, and makes the stream Exact; `is_setup`: not before the first byte has
    /// moved, because socket options are set that way.
    #[must_use]
    pub fn expose_fd(&self, is_setup: bool) -> BorrowedFd<'_> {
        if let Some(flow) = self.flow.get()
            && (!is_setup || flow.has_moved())
        {
            flow.escape();
        }
        self.socket.expose_fd()
    }

    /// How many bytes were received that no read has taken yet.
    #[must_use]
    pub fn bytes_ahead(&self) -> usize {
        self.flow.get().map_or(0, |flow| flow.ahead_bytes())
    }

    /// How many bytes were written that the kernel has not taken yet.
    #[must_use]
    pub fn bytes_queued(&self) -> usize {
        self.flow.get().map_or(0, |flow| flow.outbox.queued_bytes())
    }

    /// Takes the stream out of its runtime, if the kernel has all its bytes.
    ///
    /// # Errors
    /// The stream, if bytes were received ahead, or are queued and the kernel is full, or if the ring of
    /// another thread is too busy to end its receive; or the error that the connection has met.
    pub fn into_fd(mut self) -> Result<OwnedFd, Refused> {
        if let Some(flow) = self.flow.get() {
            let has_ended = flow.end_receive();
            let flushed = flow.outbox.flush(Reason::End);
            let error = flow.outbox.take_error();
            if let Some(error) = error.or_else(|| flow.take_read_error()) {
                return Err(Refused::Failed(error));
            }
            if flushed == Flush::Blocked || flow.has_ahead() || !has_ended {
                if flow.mode.load() == Mode::Completion {
                    flow.allow_receive();
                }
                return Err(Refused::Kept(Box::new(self)));
            }
        }
        if let Some(flow) = self.flow.take() {
            flow.outbox.close();
        }
        Ok(self.socket.take_fd())
    }

    /// Takes what was received ahead.
    pub fn take_ahead(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        if let Some(flow) = self.flow.get() {
            while let Some((buffer, range)) = flow.take_ahead() {
                bytes.extend_from_slice(&buffer[range]);
            }
        }
        bytes
    }
}

impl Flow {
    /// What the ring receives, where it may.
    #[inline]
    fn inbox(&self) -> Option<&Inbox> {
        self.source.as_ref()?.inbox()
    }

    /// Whether a byte has moved, or may any moment without a call of the program's.
    fn has_moved(&self) -> bool {
        self.has_moved.load(Ordering::Relaxed) || self.is_receiving() || self.has_ahead()
    }

    #[inline]
    fn has_ahead(&self) -> bool {
        self.is_ahead.load(Ordering::Relaxed) || self.inbox().is_some_and(Inbox::has_bytes)
    }

    fn ahead_bytes(&self) -> usize {
        let received = self.received.lock();
        received.ahead().len() + self.inbox().map_or(0, Inbox::len)
    }

    /// Takes what is ahead, a buffer of it.
    fn take_ahead(&self) -> Option<(pool::Lease, Range<usize>)> {
        let mut received = self.received.lock();
        self.refill(&mut received);
        self.is_ahead.store(false, Ordering::Relaxed);
        received.take()
    }

    /// Moves what the ring has received to where it can be lent, if nothing is there.
    fn refill(&self, received: &mut RecvQueue) {
        let Some(inbox) = self.inbox().filter(|_| received.is_empty()) else {
            return;
        };
        let mut lease = None;
        let count = inbox.read(|bytes| {
            let lease = lease.insert(self.outbox.reactor().pool.lease_or_make());
            let count = bytes.len().min(lease.len());
            lease[..count].copy_from_slice(&bytes[..count]);
            count
        });
        if let (Some(lease), Some(count)) = (lease, count) {
            received.keep(lease, 0, count);
            self.is_ahead.store(true, Ordering::Relaxed);
        }
    }

    /// Lets the ring receive for reads that would wait.
    fn allow_receive(&self) {
        if let Some(source) = &self.source {
            source.allow_recv();
        }
    }

    /// Has the ring receive no more; what it has received is ahead then. Returns whether it has ended.
    fn end_receive(&self) -> bool {
        self.source.as_ref().is_none_or(Reactor::end_recv)
    }

    /// A byte has moved, or is about to.
    #[inline]
    fn note_moved(&self) {
        if !self.has_moved.load(Ordering::Relaxed) {
            self.has_moved.store(true, Ordering::Relaxed);
        }
    }

    /// Whether a write has room: nothing that the kernel did not take stands before it.
    fn has_room(&self) -> bool {
        !self.outbox.is_busy() || self.outbox.flush(Reason::Flush) == Flush::Done
    }

    /// Sends what is queued and makes the stream Exact.
    fn escape(&self) {
        if self.mode.swap(Mode::Exact) == Mode::Completion {
            self.outbox.reactor().counters.escaped();
        }
        self.outbox.flush(Reason::Escape);
        self.end_receive();
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        let Some(flow) = self.flow.take() else {
            return;
        };
        let closed = flow.outbox.close();
        if flow.outbox.reactor().is_foreign_process() {
            return;
        }
        let is_shared = self.socket.is_shared();
        let fd = self.socket.fd();
        let socket = SockRef::from(&fd);
        // An error of these options says that the connection is gone: nobody is left to tell. What
        // others may hold is left as it is.
        match closed {
            Closed::Carried => {
                if !is_shared {
                    let timeout = Duration::from_millis(CARRIED_TIMEOUT_MS);
                    let _ = socket.set_tcp_user_timeout(Some(timeout));
                }
                // The pump has a descriptor of the connection too: it is not to be shut down.
                let _ = self.socket.expose_fd();
            }
            // Unread bytes in the kernel would make the last close a reset: so do these.
            Closed::Clean if !is_shared && flow.has_ahead() => {
                let _ = socket.set_linger(Some(Duration::ZERO));
            }
            Closed::Clean => {}
            // The socket goes to a pump as it is.
            Closed::Stranded => flow.outbox.adopt(self.socket.take_fd()),
        }
    }
}

impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stream")
            .field("fd", &self.socket.fd())
            .field("mode", &self.mode())
            .finish_non_exhaustive()
    }
}
