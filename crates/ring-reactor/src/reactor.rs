//! The reactor of one runtime: its shard behind a lock, and what it has become.

mod watch;

pub(crate) use self::watch::Watch;

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::Waker;
use std::time::Duration;

use parking_lot::Mutex;
use ring_core::fork;
use rustix::net::Shutdown;
use socket2::SockRef;
use tokio::runtime::Handle;

use crate::effects::{Effects, Notice};
use crate::flow::counters::Counters;
use crate::flow::dirty::Dirty;
use crate::flow::inbox::Inbox;
use crate::flow::pool::Pool;
use crate::limits::RECV_END_WAIT_MS;
use crate::metrics::Metrics;
use crate::mode::Mode;
use crate::ready::{Bits, Direction};
use crate::shard::{Broken, Detached, Ended, Shard, Turn, Wish};
use crate::source::{AcceptOp, Source};
use crate::status::{Driver, Reason, Status};

/// What a reactor is made for.
#[derive(Debug)]
pub(crate) struct Setting {
    pub(crate) handle: Handle,
    pub(crate) default_mode: Mode,
    /// How many receive buffers there may be.
    pub(crate) recv_buffers: usize,
}

/// What serves the sockets of a runtime.
#[derive(Debug)]
pub(crate) struct Reactor {
    pub(crate) handle: Handle,
    /// Whether the ring accepts for listening sockets. On a ring that any thread may enter, an
    /// accept completes at any time, also when its caller has just gone: there the ring polls only.
    pub(crate) does_accept: bool,
    /// How the sockets of this runtime move their bytes, unless told otherwise.
    pub(crate) default_mode: Mode,
    /// What Completion sockets have queued, for the driver's turn.
    pub(crate) dirty: Arc<Dirty>,
    /// What Completion sockets receive into.
    pub(crate) pool: Pool,
    pub(crate) counters: Counters,
    mode: AtomicU8,
    state: Mutex<State>,
    fork_count: u32,
}

#[derive(Debug)]
struct State {
    shard: Option<Box<Shard>>,
    status: Status,
    /// The counters of the shard when it ended.
    last_metrics: Metrics,
}

/// What a reactor is now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Serving {
    /// The ring serves.
    Ring,
    /// There is no ring, or it has failed: tokio's epoll serves.
    Epoll,
    /// The runtime is gone.
    Stopped,
}

/// What the driver task does next.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Busy,
    /// Watch the ring with [`Reactor::watch`], when the runtime's other tasks have had their chance.
    Watch,
    /// The watch is over: there is something to do.
    Turn,
    Idle,
    /// There is no ring any more.
    Over,
}

const RING: u8 = 0;
const EPOLL: u8 = 1;
const STOPPED: u8 = 2;

/// What may be done to a socket besides closing its descriptor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shared {
    /// Nobody else has the socket: shutdown(2) is as good as the last close.
    No,
    /// It may be duplicated, or it listens: never shut it down.
    Maybe,
}

impl Reactor {
    pub(crate) fn with_ring(setting: Setting, mut shard: Shard, reason: Reason) -> Reactor {
        let does_accept = shard.is_for_one_thread();
        let status = Status::new(Driver::IoUring, reason);
        Reactor {
            does_accept,
            ..Reactor::new(setting, RING, Some(Box::new(shard)), status)
        }
    }

    pub(crate) fn without_ring(setting: Setting, reason: Reason) -> Reactor {
        Reactor::new(setting, EPOLL, None, Status::new(Driver::Epoll, reason))
    }

    fn new(setting: Setting, mode: u8, shard: Option<Box<Shard>>, status: Status) -> Reactor {
        let state = Mutex::new(State {
            shard,
            status,
            last_metrics: Metrics::default(),
        });
        Reactor {
            handle: setting.handle,
            does_accept: false,
            default_mode: setting.default_mode,
            dirty: Arc::default(),
            pool: Pool::new(setting.recv_buffers),
            counters: Counters::default(),
            mode: AtomicU8::new(mode),
            state,
            fork_count: fork::count(),
        }
    }

    pub(crate) fn serving(&self) -> Serving {
        // Acquire: pairs with the Release in `finish`.
        match self.mode.load(Ordering::Acquire) {
            // To a forked child the ring is as good as gone.
            RING if self.is_foreign_process() => Serving::Stopped,
            RING => Serving::Ring,
            EPOLL => Serving::Epoll,
            _ => Serving::Stopped,
        }
    }

    /// Whether the ring serves.
    pub(crate) fn serves(&self) -> bool {
        self.serving() == Serving::Ring
    }

    pub(crate) fn status(&self) -> Status {
        self.state.lock().status.clone()
    }

    pub(crate) fn metrics(&self) -> Metrics {
        let mut state = self.state.lock();
        let mut metrics = match &mut state.shard {
            Some(shard) => shard.metrics(),
            None => state.last_metrics,
        };
        drop(state);
        self.counters.report(&mut metrics);
        metrics.recv_buffers = self.pool.leased_count() as u64;
        metrics
    }

    /// Asks for a poll, for who waits for `wanted`. Returns whether there is a ring to ask.
    pub(crate) fn arm(source: &Arc<Source>, wanted: Bits) -> bool {
        source
            .reactor
            .wish(|shard| shard.wish_for_poll(source, wanted))
    }

    /// Asks for a receive, or for a poll where one does not pay. Returns whether there is a ring to ask.
    pub(crate) fn start_recv(source: &Arc<Source>) -> bool {
        source.reactor.wish(|shard| {
            if source.inbox().is_some_and(Inbox::start) {
                shard.wish(Wish::Recv(source.clone()))
            } else {
                shard.wish_for_poll(source, Direction::Read.bits())
            }
        })
    }

    /// Ends the receive of `source`, and lets none begin; what it has brought is in the inbox then. Returns
    /// whether it has ended: another thread's ring may be too busy to say.
    pub(crate) fn end_recv(source: &Arc<Source>) -> bool {
        let Some(inbox) = source.inbox() else {
            return true;
        };
        inbox.allow(false);
        let reactor = &source.reactor;
        if !inbox.is_receiving() || reactor.is_foreign_process() {
            return true;
        }
        let mut effects = Effects::default();
        let mut state = reactor.state.lock();
        let ended = match &mut state.shard {
            None => None,
            Some(shard) => match shard.end_recv(source, &mut effects) {
                Ok(ended) => Some(ended),
                Err(broken) => {
                    reactor.fall_back(&mut state, broken, &mut effects);
                    None
                }
            },
        };
        drop(state);
        effects.run();
        let Some(Ended { driver, by_driver }) = ended else {
            return !inbox.is_receiving();
        };
        if let Some(driver) = driver {
            driver.wake();
        }
        if by_driver {
            inbox.wait_ended(Duration::from_millis(RECV_END_WAIT_MS))
        } else {
            !inbox.is_receiving()
        }
    }

    /// Asks for an accept, or for a poll where an accept would fail at once. Returns whether there
    /// is a ring to ask.
    pub(crate) fn start_accept(source: &Arc<Source>) -> bool {
        let Some(accept) = source.accept_state() else {
            return Reactor::arm(source, Direction::Read.bits());
        };
        if accept.lock().by_poll {
            return Reactor::arm(source, Direction::Read.bits());
        }
        source.reactor.wish(|shard| {
            let mut accept = accept.lock();
            if accept.op != AcceptOp::Idle {
                return None;
            }
            accept.op = AcceptOp::Queued;
            drop(accept);
            shard.wish(Wish::Accept(source.clone()))
        })
    }

    /// Has the driver cancel the accept if nobody waits by then.
    pub(crate) fn review_accept(source: &Arc<Source>) {
        source
            .reactor
            .wish(|shard| shard.wish(Wish::ReviewAccept(source.clone())));
    }

    fn wish(&self, wish: impl FnOnce(&mut Shard) -> Option<Waker>) -> bool {
        if self.is_foreign_process() {
            return false;
        }
        let driver = match &mut self.state.lock().shard {
            Some(shard) => wish(shard),
            None => return false,
        };
        if let Some(driver) = driver {
            driver.wake();
        }
        true
    }

    /// One turn, for the driver task.
    pub(crate) fn turn(&self, driver: &Waker, effects: &mut Effects) -> Step {
        if self.is_foreign_process() {
            return Step::Over;
        }
        let mut state = self.state.lock();
        let Some(shard) = &mut state.shard else {
            return Step::Over;
        };
        match shard.turn(driver, effects) {
            Ok(Turn::Busy) => Step::Busy,
            Ok(Turn::Watch) => Step::Watch,
            Ok(Turn::Idle) => Step::Idle,
            Err(broken) => {
                self.fall_back(&mut state, broken, effects);
                Step::Over
            }
        }
    }

    /// Takes `source` out of the ring, closes `fd` unless the caller keeps it.
    ///
    /// close(2) alone sends no FIN while the ring holds the file. On the ring's own thread the
    /// cancel and the close leave in one enter. Elsewhere the FIN is sent by shutdown(2), where
    /// nobody else can have the socket, and the driver cancels in its next turn.
    pub(crate) fn detach(source: &Arc<Source>, fd: OwnedFd, shared: Shared) {
        source.reactor.detach_with(source, Some(fd), |detached| {
            let Some(fd) = &detached.fd else { return };
            if detached.has_unread && shared == Shared::No {
                // An error says that the connection is gone already.
                let _ = SockRef::from(fd).set_linger(Some(Duration::ZERO));
            }
            if detached.held && shared == Shared::No && close_would_send_fin(fd) {
                // ENOTCONN: nothing to say goodbye to.
                let _ = rustix::net::shutdown(fd, Shutdown::Write);
            }
        });
    }

    /// Takes `source` out of the ring; its descriptor lives on.
    pub(crate) fn release(source: &Arc<Source>) {
        source.reactor.detach_with(source, None, |_| {});
    }

    fn detach_with(
        &self,
        source: &Arc<Source>,
        fd: Option<OwnedFd>,
        before_close: impl FnOnce(&Detached),
    ) {
        if self.is_foreign_process() {
            // The ring is the parent's, and so is the connection: only our descriptor goes.
            return drop(fd);
        }
        let mut effects = Effects::default();
        source.wake_all(&mut effects.wakers);
        // Nobody waits for a socket that is dropped; these are wakers of poll functions, left over.
        effects.wakers.clear();
        let mut state = self.state.lock();
        let detached = match &mut state.shard {
            None => Detached {
                fd,
                held: source.is_abandoned(),
                has_unread: false,
                driver: None,
            },
            Some(shard) => match shard.detach(source, fd, &mut effects) {
                Ok(detached) => detached,
                Err(broken) => {
                    self.fall_back(&mut state, broken, &mut effects);
                    Detached {
                        fd: None,
                        held: true,
                        has_unread: false,
                        driver: None,
                    }
                }
            },
        };
        drop(state);
        before_close(&detached);
        let Detached {
            fd,
            driver,
            held: _,
            has_unread: _,
        } = detached;
        drop(fd);
        if let Some(driver) = driver {
            driver.wake();
        }
        effects.run();
    }

    /// Moves the runtime to epoll: the ring refuses service for good.
    fn fall_back(&self, state: &mut State, broken: Broken, effects: &mut Effects) {
        state.status = Status::new(Driver::Epoll, broken.0);
        effects.notices.push(Notice::FellBack(state.status.clone()));
        self.finish(state, EPOLL, false, effects);
    }

    /// The runtime is gone: its sockets answer with tokio's error from here on.
    pub(crate) fn stop(&self, effects: &mut Effects) {
        self.finish(&mut self.state.lock(), STOPPED, true, effects);
    }

    fn finish(&self, state: &mut State, mode: u8, may_drain: bool, effects: &mut Effects) {
        let shard = state.shard.take();
        self.mode.store(mode, Ordering::Release);
        let Some(shard) = shard else { return };
        state.last_metrics = shard.end(may_drain, effects);
        let leaked = state.last_metrics.leaked;
        if leaked > 0 {
            effects.notices.push(Notice::Leaked(leaked));
        }
    }

    /// Whether this process was forked from the reactor's: the ring is the parent's.
    pub(crate) fn is_foreign_process(&self) -> bool {
        self.fork_count != fork::count()
    }
}

/// Whether close(2) would end the connection with a FIN. With unread data or a linger time of 0 it
/// is a reset, and that comes when the ring lets go of the socket.
fn close_would_send_fin(fd: &OwnedFd) -> bool {
    let lingers_zero = SockRef::from(fd)
        .linger()
        .is_ok_and(|linger| linger.is_some_and(|time| time.is_zero()));
    let unread = rustix::io::ioctl_fionread(fd.as_fd()).unwrap_or(0);
    !lingers_zero && unread == 0
}

/// The error of every operation on a socket whose runtime is gone: tokio's own words, by which
/// `tokio::runtime::is_rt_shutdown_err` knows it.
pub(crate) fn gone() -> io::Error {
    io::Error::other("A Tokio 1.x context was found, but it is being shutdown.")
}
