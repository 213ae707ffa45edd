//! One socket as the ring sees it: readiness, waiters, and what is armed for it.

use std::collections::VecDeque;
use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Waker};

use once_cell::sync::OnceCell;
use parking_lot::Mutex;
use ring_core::ops::Target;
use ring_core::sockaddr::PeerAddr;
use ring_core::token::Token;
use rustix::event::{PollFd, PollFlags};

use crate::arm::Arms;
use crate::flow::inbox::Inbox;
use crate::limits::ACCEPTED_AHEAD_MAX;
use crate::reactor::Reactor;
use crate::ready::{Bits, Direction, ReadyState, Snapshot};
use crate::waiters::Waiters;

/// A connection that the ring accepted, with its peer's address unless a multishot accept took it.
pub(crate) type Accepted = io::Result<(OwnedFd, Option<PeerAddr>)>;

/// The runtime's driver has changed under the socket: look again which one serves it.
#[derive(Debug)]
pub(crate) struct DriverChanged;

/// Shared between a socket, its waiters and the operations in flight for it.
#[derive(Debug)]
pub(crate) struct Source {
    pub(crate) reactor: Arc<Reactor>,
    pub(crate) target: Target,
    ready: ReadyState,
    waiters: Mutex<Waiters>,
    pub(crate) arms: Arms,
    abandoned: AtomicBool,
    /// For listening sockets that the ring accepts for.
    accept: Option<Box<Mutex<AcceptState>>>,
    /// For streams that the ring may receive for.
    inbox: OnceCell<Box<Inbox>>,
}

/// The accept of a listening socket.
#[derive(Debug, Default)]
pub(crate) struct AcceptState {
    pub(crate) op: AcceptOp,
    /// Whether the one in flight is multishot.
    pub(crate) is_multishot: bool,
    /// Async calls that wait for a connection.
    pub(crate) waiting: usize,
    /// Streams of connections, whether they wait or not: while there is one, connections are taken
    /// ahead.
    pub(crate) streams: usize,
    /// What the ring accepted and nobody has fetched.
    pub(crate) taken: VecDeque<Accepted>,
    /// The ring took the last connection that there was: ask poll(2) for another before an accept4(2),
    /// which makes a socket before it looks, and is dear when it finds nothing.
    pub(crate) is_drained: bool,
    /// Wait by poll: an accept would fail before a connection is there (no free descriptor).
    pub(crate) by_poll: bool,
}

/// Where the one accept of a listening socket is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum AcceptOp {
    #[default]
    Idle,
    Queued,
    InFlight(Token),
    Cancelling(Token),
    Closed,
}

impl Source {
    pub(crate) fn new(
        reactor: Arc<Reactor>,
        target: Target,
        ready: ReadyState,
        accepts: bool,
    ) -> Source {
        Source {
            reactor,
            target,
            ready,
            waiters: Mutex::default(),
            arms: Arms::default(),
            abandoned: AtomicBool::new(false),
            accept: accepts.then(Box::default),
            inbox: OnceCell::new(),
        }
    }

    /// Notes that a ring was closed while it held this socket: close(2) may send no FIN.
    pub(crate) fn set_abandoned(&self) {
        self.abandoned.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_abandoned(&self) -> bool {
        self.abandoned.load(Ordering::Relaxed)
    }

    pub(crate) fn accept_state(&self) -> Option<&Mutex<AcceptState>> {
        self.accept.as_deref()
    }

    /// What the ring receives for this socket, if it may.
    #[inline]
    pub(crate) fn inbox(&self) -> Option<&Inbox> {
        self.inbox.get().map(|inbox| &**inbox)
    }

    /// Lets the ring receive for this socket.
    pub(crate) fn allow_recv(&self) {
        let pool = &self.reactor.pool;
        let inbox = self
            .inbox
            .get_or_init(|| Box::new(Inbox::new(pool.clone())));
        inbox.allow(true);
    }

    /// Whether the ring receives, or is about to.
    #[inline]
    pub(crate) fn is_receiving(&self) -> bool {
        self.inbox().is_some_and(Inbox::is_receiving) && self.reactor.serves()
    }

    /// A connection that the ring accepted before anyone fetched it.
    pub(crate) fn take_accepted(&self) -> Option<Accepted> {
        self.accept.as_ref()?.lock().taken.pop_front()
    }

    /// Adds readiness and moves the wakers that it concerns to `wakers`.
    pub(crate) fn report(&self, more: Bits, wakers: &mut Vec<Waker>) {
        if more.is_empty() {
            return;
        }
        self.ready.add(more);
        self.waiters.lock().take(more, wakers);
    }

    /// The ring receives no more, or not yet: each waiter looks for itself, and waits in another way. What
    /// came meanwhile may have been reported to nobody, or to who could not take it.
    pub(crate) fn end_arrivals(&self, wakers: &mut Vec<Waker>) {
        self.ready.set_unverified();
        self.wake_all(wakers);
    }

    /// The ring has received: moves the wakers of who waits for that to `wakers`. Nothing is said of the
    /// socket, which has these bytes no more.
    pub(crate) fn wake_readers(&self, wakers: &mut Vec<Waker>) {
        self.waiters.lock().take(Bits::READABLE, wakers);
    }

    /// Moves every waker to `wakers`: each waiter looks for itself what has become of its socket.
    pub(crate) fn wake_all(&self, wakers: &mut Vec<Waker>) {
        self.waiters.lock().take(Bits::ALL, wakers);
    }

    /// Takes readiness back that an operation has proved stale: it would block.
    pub(crate) fn clear(&self, seen: Snapshot) {
        self.ready.clear(seen);
    }

    /// The same after an operation that moved something, and less than it could.
    ///
    /// Whoever waits next may do so much later, and where nothing is armed nobody has reported what came
    /// meanwhile: he looks for himself. (A receive of the ring begins with a look of its own.)
    pub(crate) fn clear_drained(&self, seen: Snapshot) {
        self.ready.clear(seen);
        if !self.arms.cover(seen.ready) && self.inbox().is_none() {
            self.ready.set_unverified();
        }
    }

    /// For who wants to be told all of `wanted` that is ready: where a part is known, and would be
    /// answered without a wait, asks the kernel for the rest, and has the driver report from now on.
    pub(crate) fn watch(self: &Arc<Self>, fd: BorrowedFd<'_>, wanted: Bits) {
        if self.arms.cover(wanted) || self.ready.load(wanted).ready.is_empty() {
            return;
        }
        // A poll keeps the ring from receiving: only who waits for reads himself gets one.
        let may_arm = self.inbox().is_none() || wanted.intersects(Bits::READABLE);
        if may_arm && !self.is_receiving() {
            self.look(fd);
            Reactor::arm(self, wanted);
        }
    }

    /// What of `wanted` is ready, for a caller that will not wait: looks with poll(2) where nothing
    /// is armed that would report.
    pub(crate) fn ready_now(&self, fd: BorrowedFd<'_>, wanted: Bits) -> Snapshot {
        let seen = self.ready.load(wanted);
        let is_watched = self.arms.cover(wanted) || self.is_receiving();
        if !seen.ready.is_empty() || is_watched {
            return seen;
        }
        self.look(fd);
        self.ready.load(wanted)
    }

    /// What of `wanted` was reported so far.
    pub(crate) fn ready_before(&self, wanted: Bits) -> Snapshot {
        self.ready.load(wanted)
    }

    /// Waits for a poll function's `direction`, in the way of `wait`.
    pub(crate) fn poll_ready(
        self: &Arc<Self>,
        fd: BorrowedFd<'_>,
        cx: &mut Context<'_>,
        direction: Direction,
        wait: Wait,
    ) -> Poll<Result<Snapshot, DriverChanged>> {
        self.poll_with(fd, direction.bits(), wait, |waiters| {
            waiters.set(direction, cx.waker())
        })
    }

    /// Waits until the ring has received something, or receives no more.
    ///
    /// Whoever appends, or ends the receive, wakes after that.
    pub(crate) fn poll_arrival(&self, cx: &mut Context<'_>) -> Poll<()> {
        let replaced = self.waiters.lock().set(Direction::Read, cx.waker());
        drop(replaced);
        if self.is_receiving() && !self.inbox().is_some_and(Inbox::has_bytes) {
            Poll::Pending
        } else {
            Poll::Ready(())
        }
    }

    /// Waits for an async function, one of many.
    pub(crate) fn readiness<'a>(
        self: &'a Arc<Self>,
        fd: BorrowedFd<'a>,
        wanted: Bits,
        wait: Wait,
    ) -> Readiness<'a> {
        Readiness {
            source: self,
            fd,
            wanted,
            wait,
            number: None,
        }
    }

    /// Waits for a poll function of a stream of connections.
    pub(crate) fn poll_connection(
        self: &Arc<Self>,
        fd: BorrowedFd<'_>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Snapshot, DriverChanged>> {
        self.poll_with(fd, Direction::Read.bits(), Wait::Accept, |waiters| {
            waiters.set(Direction::Read, cx.waker())
        })
    }

    /// The order matters: the waker is in place before anything is armed, and the readiness is read
    /// again after it is in place. Whoever reports does it the other way round.
    fn poll_with(
        self: &Arc<Self>,
        fd: BorrowedFd<'_>,
        wanted: Bits,
        wait: Wait,
        register: impl FnOnce(&mut Waiters) -> Option<Waker>,
    ) -> Poll<Result<Snapshot, DriverChanged>> {
        let seen = self.ready.load(wanted);
        if !seen.ready.is_empty() {
            return Poll::Ready(Ok(seen));
        }
        if self.ready.take_unverified() {
            self.look(fd);
        }
        let replaced = register(&mut self.waiters.lock());
        drop(replaced);
        let seen = self.ready.load(wanted);
        if !seen.ready.is_empty() {
            return Poll::Ready(Ok(seen));
        }
        let armed = match wait {
            Wait::Poll => self.arms.cover(wanted) || Reactor::arm(self, wanted),
            Wait::Recv => self.arms.cover(wanted) || Reactor::start_recv(self),
            Wait::Accept => Reactor::start_accept(self),
        };
        if armed && self.reactor.serves() {
            Poll::Pending
        } else {
            Poll::Ready(Err(DriverChanged))
        }
    }

    /// Asks the kernel what the socket is ready for now.
    fn look(&self, fd: BorrowedFd<'_>) {
        let [read, write] = Direction::ALL.map(Direction::poll_events);
        let mut fds = [PollFd::from_borrowed_fd(fd, read | write)];
        let no_wait = rustix::event::Timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        // poll(2) of one open descriptor fails for want of memory or by a signal; then the poll
        // that is armed next tells.
        if rustix::event::poll(&mut fds, Some(&no_wait)).is_ok() {
            let mut wakers = Vec::new();
            self.report(Bits::from_poll(fds[0].revents()), &mut wakers);
            wakers.into_iter().for_each(Waker::wake);
        }
    }

    /// Whether a connection waits to be accepted.
    pub(crate) fn has_connection(fd: BorrowedFd<'_>) -> bool {
        let mut fds = [PollFd::from_borrowed_fd(fd, PollFlags::IN)];
        let no_wait = rustix::event::Timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        rustix::event::poll(&mut fds, Some(&no_wait)).is_ok_and(|count| count > 0)
    }
}

impl AcceptState {
    /// What the ring is to do now.
    pub(crate) fn wants(&self) -> AcceptWish {
        if self.taken.len() >= ACCEPTED_AHEAD_MAX {
            AcceptWish::Nothing
        } else if self.streams > 0 {
            AcceptWish::Multishot
        } else if self.waiting > 0 {
            AcceptWish::One
        } else {
            AcceptWish::Nothing
        }
    }
}

/// What the ring is to do for a listening socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AcceptWish {
    Nothing,
    /// One connection, for whoever waits.
    One,
    /// Every connection that comes.
    Multishot,
}

/// How a waiter's event is brought about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wait {
    /// By a poll.
    Poll,
    /// By a receive of the ring, or a poll where it does not receive.
    Recv,
    /// By an accept: the listening socket is readable when a connection has been taken.
    Accept,
}

/// Future of [`Source::readiness`]; dropping it takes the waiter off the list.
#[derive(Debug)]
pub(crate) struct Readiness<'a> {
    source: &'a Arc<Source>,
    fd: BorrowedFd<'a>,
    wanted: Bits,
    wait: Wait,
    number: Option<u64>,
}

impl Future for Readiness<'_> {
    type Output = Result<Snapshot, DriverChanged>;

    fn poll(mut self: std::pin::Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let (source, number, wanted) = (this.source, &mut this.number, this.wanted);
        let is_first = number.is_none();
        source.poll_with(this.fd, wanted, this.wait, |waiters| {
            let (given, replaced) = waiters.enlist(*number, wanted, cx.waker());
            *number = Some(given);
            if is_first
                && this.wait == Wait::Accept
                && let Some(accept) = &source.accept
            {
                accept.lock().waiting += 1;
            }
            replaced
        })
    }
}

impl Drop for Readiness<'_> {
    fn drop(&mut self) {
        let Some(number) = self.number else { return };
        let waker = self.source.waiters.lock().delist(number);
        drop(waker);
        if self.wait == Wait::Accept
            && let Some(accept) = &self.source.accept
        {
            let is_last = {
                let mut accept = accept.lock();
                accept.waiting -= 1;
                accept.waiting == 0 && matches!(accept.op, AcceptOp::InFlight(_))
            };
            if is_last {
                Reactor::review_accept(self.source);
            }
        }
    }
}
