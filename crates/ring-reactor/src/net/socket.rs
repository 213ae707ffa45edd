//! One socket over both drivers. What moves data is not here: callers make their system calls when
//! the socket is ready.

use std::fmt;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};

use once_cell::sync::OnceCell;
use ring_core::datagrams::Moved;
use ring_core::ops::Target;
use tokio::io::{Interest, Ready};
use tokio::runtime::Id;
use tokio::task::coop;

use super::epoll::{EpollEvent, EpollSource};
use super::origin::Origin;
use crate::reactor::{Reactor, Serving, Shared, gone};
use crate::ready::{Bits, Direction, Snapshot};
use crate::select;
use crate::source::{Source, Wait};

/// A non-blocking socket whose readiness the runtime's driver reports.
pub struct Socket {
    /// On the ring driver. `None`: the descriptor is in `epoll`, or on its way out.
    ring: Option<RingSocket>,
    /// From the start on the epoll driver; made on demand, on a duplicate of the descriptor, when a
    /// ring has failed.
    epoll: OnceCell<EpollSource>,
    /// Whether someone else may hold the socket too.
    is_shared: AtomicBool,
    runtime: Id,
}

struct RingSocket {
    fd: OwnedFd,
    source: Arc<Source>,
}

/// What serves a socket at the moment.
pub(super) enum View<'a> {
    Ring(&'a Arc<Source>),
    Epoll(&'a EpollSource),
}

/// Readiness that was seen, to be cleared when an operation proves it stale.
#[derive(Debug)]
pub struct ReadyEvent<'a>(Seen<'a>);

#[derive(Debug)]
enum Seen<'a> {
    Ring(&'a Source, Snapshot),
    Epoll(EpollEvent<'a>),
}

impl<'a> ReadyEvent<'a> {
    pub(super) fn of_ring(source: &'a Source, snapshot: Snapshot) -> ReadyEvent<'a> {
        ReadyEvent(Seen::Ring(source, snapshot))
    }
}

impl ReadyEvent<'_> {
    /// What was ready.
    #[must_use]
    pub fn ready(&self) -> Ready {
        match &self.0 {
            Seen::Ring(_, snapshot) => snapshot.ready.to_ready(),
            Seen::Epoll(event) => event.ready(),
        }
    }

    /// Forgets this readiness, unless the driver has reported more since: an operation would block. The
    /// closed states stay.
    #[inline]
    pub fn clear(self) {
        match self.0 {
            Seen::Ring(source, snapshot) => source.clear(snapshot),
            Seen::Epoll(event) => event.clear(),
        }
    }

    /// The same after an operation that moved something, and less than it could: the socket is drained,
    /// or full.
    #[inline]
    pub fn clear_drained(self) {
        match self.0 {
            Seen::Ring(source, snapshot) => source.clear_drained(snapshot),
            Seen::Epoll(event) => event.clear(),
        }
    }
}

impl Socket {
    /// Takes a non-blocking socket into the current runtime.
    ///
    /// # Errors
    /// That the runtime is shutting down; of epoll_ctl(2); with io_uring required, why it cannot
    /// be set up.
    /// # Panics
    /// Outside a tokio runtime, or in one without `enable_io`: in tokio's words.
    #[track_caller]
    pub fn new(fd: OwnedFd, origin: Origin) -> io::Result<Socket> {
        let (runtime, reactor) = select::current_runtime()?;
        let serving = reactor
            .as_ref()
            .map_or(Serving::Epoll, |reactor| reactor.serving());
        let (ring, epoll) = match (reactor, serving) {
            (Some(reactor), Serving::Ring) => {
                let accepts = origin == Origin::Listening && reactor.does_accept;
                let target = Target::of(fd.as_fd());
                let source = Source::new(reactor, target, origin.ready_in_ring(), accepts);
                let source = Arc::new(source);
                (Some(RingSocket { fd, source }), OnceCell::new())
            }
            (_, Serving::Stopped) => return Err(gone()),
            (_, Serving::Ring | Serving::Epoll) => {
                let epoll = EpollSource::new(fd, origin.ready_in_epoll())?;
                (None, OnceCell::with_value(epoll))
            }
        };
        Ok(Socket {
            ring,
            epoll,
            is_shared: AtomicBool::new(origin.is_shared()),
            runtime,
        })
    }

    /// The descriptor, for system calls of our own.
    #[inline]
    #[must_use]
    pub fn fd(&self) -> BorrowedFd<'_> {
        match &self.ring {
            Some(ring) => ring.fd.as_fd(),
            None => self.registered().fd(),
        }
    }

    /// The descriptor, for the user: from here on the socket may be duplicated, and is never shut
    /// down on our own account.
    #[must_use]
    pub fn expose_fd(&self) -> BorrowedFd<'_> {
        self.is_shared.store(true, Ordering::Relaxed);
        self.fd()
    }

    /// Whether someone else may hold the socket too.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        self.is_shared.load(Ordering::Relaxed)
    }

    /// The runtime that the socket was made in.
    pub(super) fn runtime(&self) -> Id {
        self.runtime
    }

    /// The reactor whose ring serves the socket, or did.
    pub(super) fn reactor(&self) -> Option<&Arc<Reactor>> {
        self.source().map(|source| &source.reactor)
    }

    /// Takes the socket out of its runtime.
    ///
    /// # Errors
    /// None so far; tokio's signature.
    /// # Panics
    /// Never: the descriptor is in one of two places.
    pub fn into_fd(mut self) -> io::Result<OwnedFd> {
        Ok(self.take_fd())
    }

    /// The same for an owner that cannot give the socket up. Only its drop may follow.
    pub(super) fn take_fd(&mut self) -> OwnedFd {
        let epoll = self.epoll.take();
        match self.ring.take() {
            Some(RingSocket { fd, source }) => {
                drop(epoll);
                Reactor::release(&source);
                fd
            }
            None => epoll
                .expect("a socket without a ring is registered when it is made")
                .into_fd(),
        }
    }

    /// Waits, by the task of `cx`, until the socket is ready in `direction`. Takes a unit of tokio's
    /// coop budget. The last task that called is woken.
    ///
    /// # Errors
    /// That the runtime is shutting down.
    #[inline]
    pub fn poll_ready(
        &self,
        cx: &mut Context<'_>,
        direction: Direction,
    ) -> Poll<io::Result<ReadyEvent<'_>>> {
        // The common case, without a call: the ring serves, and has said that the socket is ready.
        if let Some(RingSocket { source, .. }) = &self.ring
            && source.reactor.serving() == Serving::Ring
        {
            let snapshot = source.ready_before(direction.bits());
            if !snapshot.ready.is_empty() {
                ready!(coop::poll_proceed(cx)).made_progress();
                return Poll::Ready(Ok(ReadyEvent(Seen::Ring(source, snapshot))));
            }
        }
        self.poll_ready_or_wait(cx, direction, Wait::Poll)
    }

    /// As [`Socket::poll_ready`] for a read that looks for bytes that the ring has received: a read that
    /// would wait may have it receive.
    #[inline]
    pub(super) fn poll_recv_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<ReadyEvent<'_>>> {
        self.poll_ready_or_wait(cx, Direction::Read, Wait::Recv)
    }

    fn poll_ready_or_wait(
        &self,
        cx: &mut Context<'_>,
        direction: Direction,
        wait: Wait,
    ) -> Poll<io::Result<ReadyEvent<'_>>> {
        loop {
            match self.view()? {
                View::Ring(source) => {
                    let coop = ready!(coop::poll_proceed(cx));
                    if let Ok(snapshot) = ready!(source.poll_ready(self.fd(), cx, direction, wait))
                    {
                        coop.made_progress();
                        return Poll::Ready(Ok(ReadyEvent(Seen::Ring(source, snapshot))));
                    }
                }
                View::Epoll(source) => {
                    return source
                        .poll_ready(cx, direction)
                        .map_ok(|event| ReadyEvent(Seen::Epoll(event)));
                }
            }
        }
    }

    /// Runs `f` whenever the socket is ready, until it answers something else than `WouldBlock`.
    ///
    /// # Errors
    /// Those of `f`; that the runtime is shutting down.
    pub fn poll_io<R>(
        &self,
        cx: &mut Context<'_>,
        direction: Direction,
        mut f: impl FnMut() -> io::Result<R>,
    ) -> Poll<io::Result<R>> {
        loop {
            let event = ready!(self.poll_ready(cx, direction))?;
            match f() {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => event.clear(),
                result => return Poll::Ready(result),
            }
        }
    }

    /// Moves up to `bytes` bytes of a stream by `transfer` as soon as the socket is ready.
    ///
    /// A short transfer shows, as `WouldBlock` does, that the socket is drained or full: the next
    /// call need not try before the driver reports more.
    ///
    /// # Errors
    /// Those of `transfer`; that the runtime is shutting down.
    #[inline]
    pub fn poll_transfer(
        &self,
        cx: &mut Context<'_>,
        direction: Direction,
        bytes: usize,
        mut transfer: impl FnMut(BorrowedFd<'_>) -> io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        loop {
            let event = ready!(self.poll_ready(cx, direction))?;
            match transfer(self.fd()) {
                Ok(moved) => {
                    if 0 < moved && moved < bytes {
                        event.clear_drained();
                    }
                    return Poll::Ready(Ok(moved));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => event.clear(),
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }

    /// Runs `f` if the socket is ready for `interest` now.
    ///
    /// # Errors
    /// `WouldBlock` if it is not, or if `f` says so; those of `f`.
    pub fn try_io<R>(
        &self,
        interest: Interest,
        f: impl FnOnce() -> io::Result<R>,
    ) -> io::Result<R> {
        let (source, snapshot) = match (self.view(), self.source()) {
            (Ok(View::Ring(source)), _) => {
                (source, source.ready_now(self.fd(), Bits::of(interest)))
            }
            (Ok(View::Epoll(source)), _) => return source.try_io(interest, f),
            // As in tokio: readiness that was reported outlives the runtime.
            (Err(_), Some(source)) => (source, source.ready_before(Bits::of(interest))),
            (Err(error), None) => return Err(error),
        };
        if snapshot.ready.is_empty() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        f().map_err(|error| {
            if error.kind() != io::ErrorKind::WouldBlock {
                return error;
            }
            source.clear(snapshot);
            // From here on the driver says when it is ready again, as in tokio. (Where the ring may
            // receive, a poll would keep it from that.)
            let wanted = Bits::of(interest);
            if !source.arms.cover(wanted) && source.inbox().is_none() {
                Reactor::arm(source, wanted);
            }
            // Without the errno, as tokio's.
            io::ErrorKind::WouldBlock.into()
        })
    }

    /// Waits until the socket is ready for `interest`; any number of tasks may wait. The answer tells
    /// all of it that is ready.
    ///
    /// # Cancel safety
    /// Cancel safe: readiness that was reported stays.
    /// # Errors
    /// That the runtime is shutting down.
    pub async fn ready(&self, interest: Interest) -> io::Result<ReadyEvent<'_>> {
        // One state that is known to be ready must not hide the others.
        if let Ok(View::Ring(source)) = self.view() {
            source.watch(self.fd(), Bits::of(interest));
        }
        self.ready_with(interest, Wait::Poll).await
    }

    /// Waits and runs `f` until it answers something else than `WouldBlock`; any number of tasks may
    /// wait.
    ///
    /// # Cancel safety
    /// Cancel safe: `f` runs to its end or not at all.
    /// # Errors
    /// Those of `f`; that the runtime is shutting down.
    pub fn async_io<R>(
        &self,
        interest: Interest,
        f: impl FnMut() -> io::Result<R>,
    ) -> impl Future<Output = io::Result<R>> {
        self.async_call(interest, f, |_| false)
    }

    /// As [`Socket::async_io`] for a batch: a call that could have moved more has drained or filled the
    /// socket, and the next one need not try before the driver reports more.
    ///
    /// # Cancel safety
    /// Cancel safe: `f` runs to its end or not at all.
    /// # Errors
    /// Those of `f`; that the runtime is shutting down.
    pub fn async_batch(
        &self,
        interest: Interest,
        f: impl FnMut() -> io::Result<Moved>,
    ) -> impl Future<Output = io::Result<Moved>> {
        self.async_call(interest, f, |moved| moved.is_short)
    }

    async fn async_call<R>(
        &self,
        interest: Interest,
        mut f: impl FnMut() -> io::Result<R>,
        is_short: impl Fn(&R) -> bool,
    ) -> io::Result<R> {
        loop {
            let event = self.ready_with(interest, Wait::Poll).await?;
            let coop = std::future::poll_fn(coop::poll_proceed).await;
            match f() {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => event.clear(),
                result => {
                    coop.made_progress();
                    if result.as_ref().is_ok_and(&is_short) {
                        event.clear_drained();
                    }
                    return result;
                }
            }
        }
    }

    pub(super) async fn ready_with(
        &self,
        interest: Interest,
        wait: Wait,
    ) -> io::Result<ReadyEvent<'_>> {
        loop {
            match self.view()? {
                View::Ring(source) => {
                    if let Ok(snapshot) =
                        source.readiness(self.fd(), Bits::of(interest), wait).await
                    {
                        return Ok(ReadyEvent(Seen::Ring(source, snapshot)));
                    }
                }
                View::Epoll(source) => {
                    return source
                        .ready(interest)
                        .await
                        .map(|event| ReadyEvent(Seen::Epoll(event)));
                }
            }
        }
    }

    /// Which driver serves the socket now. A socket whose ring has failed is registered with
    /// tokio's epoll by the first who looks.
    pub(super) fn view(&self) -> io::Result<View<'_>> {
        let Some(RingSocket { fd, source }) = &self.ring else {
            return Ok(View::Epoll(self.registered()));
        };
        match source.reactor.serving() {
            Serving::Ring => Ok(View::Ring(source)),
            Serving::Stopped => Err(gone()),
            Serving::Epoll => {
                let epoll = self.epoll.get_or_try_init(|| {
                    let _runtime = source.reactor.handle.enter();
                    EpollSource::new(fd.try_clone()?, Bits::NONE)
                });
                epoll.map(View::Epoll)
            }
        }
    }

    /// The registration of a socket that has no ring.
    fn registered(&self) -> &EpollSource {
        self.epoll
            .get()
            .expect("a socket without a ring is registered when it is made")
    }

    pub(super) fn source(&self) -> Option<&Arc<Source>> {
        self.ring.as_ref().map(|ring| &ring.source)
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        if let Some(epoll) = self.epoll.take() {
            epoll.close();
        }
        if let Some(RingSocket { fd, source }) = self.ring.take() {
            let shared = if *self.is_shared.get_mut() {
                Shared::Maybe
            } else {
                Shared::No
            };
            Reactor::detach(&source, fd, shared);
        }
    }
}

impl fmt::Debug for Socket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Socket")
            .field("fd", &self.fd())
            .finish_non_exhaustive()
    }
}

// As tokio's sockets: the state behind is consistent between any two calls.
impl UnwindSafe for Socket {}
impl RefUnwindSafe for Socket {}
