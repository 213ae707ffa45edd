//! One ring with everything that its lock guards, and what a turn does.

mod accept;
mod end;
mod recv;
mod watch;

use self::accept::restart_accept;
pub(crate) use self::end::Detached;
pub(crate) use self::recv::Ended;

use std::io;
use std::mem;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::task::Waker;
use std::thread::ThreadId;
use std::time::Duration;

use ring_core::errno;
use ring_core::ops::{Event, Ops, is_transient};
use ring_core::setup::{Issuer, RingBuilder, SetupError};
use ring_core::token::Token;
use rustix::event::PollFlags;

use crate::arm::Arm;
use crate::busy::BusyPoll;
use crate::effects::Effects;
use crate::flow::inbox::RecvOp;
use crate::limits::{
    LONE_EVENTS_MAX, OVERFLOW_ENTERS_MAX, QUICK_CHANGES_MAX, SETTLED_TURNS_MIN, TURN_ROUNDS_MAX,
};
use crate::metrics::Metrics;
use crate::ready::{Bits, Direction};
use crate::source::Source;
use crate::status::Reason;
use crate::thread_id::this_thread;

/// Who asked for an operation: the socket. Which of its operations it was, the event tells.
pub(crate) type Asker = Arc<Source>;

/// The ring and its queue of wishes.
#[derive(Debug)]
pub(crate) struct Shard {
    ops: Ops<Asker>,
    builder: RingBuilder,
    eventfd: Arc<OwnedFd>,
    eventfd_enabled: bool,
    /// What becomes an SQE in the next turn. Not before: a queued SQE names its descriptor by
    /// number, and between turns that number may come to mean another socket.
    wishes: Vec<Wish>,
    /// The thread that may enter, once it is known.
    owner: Option<ThreadId>,
    /// Thread changes that each came soon after the one before.
    quick_changes: u32,
    turns_at_change: u64,
    driver: Option<Waker>,
    /// Whether the driver task will have another turn anyhow.
    driver_awake: bool,
    busy: BusyPoll,
    /// Whether there are to be no receives, because their buffers cannot be had.
    recv_refused: bool,
    metrics: Metrics,
}

/// What is to be submitted.
#[derive(Debug)]
pub(crate) enum Wish {
    /// Arm a poll for a direction, if the socket still wants one.
    Poll(Arc<Source>, Direction),
    /// Receive, if the socket still wants it.
    Recv(Arc<Source>),
    /// Cancel the receive.
    EndRecv(Arc<Source>),
    /// Submit an accept, if somebody still waits.
    Accept(Arc<Source>),
    /// Cancel the accept, if nobody waits any more.
    ReviewAccept(Arc<Source>),
    /// Cancel an operation whose socket is gone.
    Cancel(Token),
    /// Close a descriptor that queued SQEs still name.
    Close(OwnedFd),
}

/// What the driver does next.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    /// Tasks were woken, or there is more to do: take another turn behind the runnable tasks.
    Busy,
    /// Nothing to do for now: watch the ring with [`Shard::look`] before the runtime sleeps.
    Watch,
    /// Nothing to do until the eventfd is signalled.
    Idle,
}

/// Why a shard cannot go on.
#[derive(Debug)]
pub(crate) struct Broken(pub(crate) Reason);

impl Broken {
    fn by(error: SetupError) -> Broken {
        Broken(Reason::Failed(Arc::new(error)))
    }
}

impl Shard {
    /// Sets a ring up, with `eventfd` as its wake source. Before each sleep it is watched for
    /// `busy_poll`.
    pub(crate) fn new(
        builder: RingBuilder,
        eventfd: Arc<OwnedFd>,
        busy_poll: Duration,
    ) -> Result<Shard, SetupError> {
        let ops = new_ring(&builder, &eventfd)?;
        Ok(Shard {
            ops,
            builder,
            eventfd,
            eventfd_enabled: true,
            wishes: Vec::new(),
            owner: None,
            quick_changes: 0,
            turns_at_change: 0,
            driver: None,
            // The driver task is about to be spawned, and will be polled.
            driver_awake: true,
            busy: BusyPoll::new(busy_poll),
            recv_refused: false,
            metrics: Metrics::default(),
        })
    }

    /// Whether one thread alone may enter.
    pub(crate) fn is_for_one_thread(&mut self) -> bool {
        self.ops.ring().issuer() == Issuer::SingleThread
    }

    pub(crate) fn metrics(&mut self) -> Metrics {
        let busy = self.busy.counts();
        let enters = self.ops.ring().enters();
        Metrics {
            busy_polls: busy.polls,
            busy_hits: busy.hits,
            busy_misses: busy.misses,
            busy_pauses: busy.pauses,
            in_flight: self.ops.count() as u64,
            ..self.metrics.with_ring(enters, self.ops.counts())
        }
    }

    /// Adds a wish; returns the driver's waker if it sleeps. Wake it after the lock is gone.
    #[must_use]
    pub(crate) fn wish(&mut self, wish: Wish) -> Option<Waker> {
        self.wishes.push(wish);
        self.rouse()
    }

    /// Wishes for the polls that are not there, for who waits for `wanted`; the waker as of
    /// [`Shard::wish`].
    #[must_use]
    pub(crate) fn wish_for_poll(&mut self, source: &Arc<Source>, wanted: Bits) -> Option<Waker> {
        if source.arms.cover(wanted) {
            return None;
        }
        let mut driver = None;
        if let Some(inbox) = source.inbox().filter(|inbox| inbox.is_receiving()) {
            if wanted.is_of_reads() {
                // The receive tells, and wakes when it ends.
                return None;
            }
            // A socket whose writes wait moves bulk.
            inbox.set_bulk();
            driver = self.wish(Wish::EndRecv(source.clone()));
        }
        for direction in wanted.directions() {
            if source.arms.get(direction) == Arm::Idle {
                source.arms.set(direction, Arm::Queued);
                driver = driver.or(self.wish(Wish::Poll(source.clone(), direction)));
            }
        }
        driver
    }

    fn rouse(&mut self) -> Option<Waker> {
        if mem::replace(&mut self.driver_awake, true) {
            None
        } else {
            self.driver.clone()
        }
    }

    /// One turn of the driver: submit, reap, dispatch.
    pub(crate) fn turn(&mut self, driver: &Waker, effects: &mut Effects) -> Result<Turn, Broken> {
        self.metrics.turns += 1;
        if !self
            .driver
            .as_ref()
            .is_some_and(|known| known.will_wake(driver))
        {
            self.driver = Some(driver.clone());
        }
        self.driver_awake = true;
        self.settle_on_this_thread(effects)?;
        self.toggle_eventfd(false);
        let events = self.metrics.events;
        for _ in 0..TURN_ROUNDS_MAX {
            let served = self.grant_wishes(effects)? && self.enter_if_needed(effects)?;
            let is_lone = self.metrics.events - events <= LONE_EVENTS_MAX;
            if !served || !(effects.is_empty() || is_lone) {
                return Ok(Turn::Busy);
            }
            if self.busy.begin() {
                return Ok(Turn::Watch);
            }
            if self.falls_asleep() {
                self.busy.pass();
                return Ok(Turn::Idle);
            }
            if !effects.is_empty() {
                return Ok(Turn::Busy);
            }
        }
        Ok(Turn::Busy)
    }

    /// A ring for one issuer is bound to the thread that enables it. When the runtime is driven by
    /// another thread than last time, its ring is of no use any more: take what it has completed,
    /// close it, and ask a new one for the rest.
    fn settle_on_this_thread(&mut self, effects: &mut Effects) -> Result<(), Broken> {
        if !self.is_for_one_thread() {
            return Ok(());
        }
        let here = this_thread();
        match self.owner {
            Some(owner) if owner == here => return Ok(()),
            Some(_) => self.replace_ring(effects)?,
            None => {}
        }
        let enabled = self.ops.ring().enable_rings();
        enabled.map_err(|error| Broken::by(SetupError::from_register(error)))?;
        self.owner = Some(here);
        Ok(())
    }

    fn replace_ring(&mut self, effects: &mut Effects) -> Result<(), Broken> {
        self.reap(effects);
        self.metrics.thread_changes += 1;
        let turns =
            self.metrics.turns - mem::replace(&mut self.turns_at_change, self.metrics.turns);
        self.quick_changes = if turns < SETTLED_TURNS_MIN {
            self.quick_changes + 1
        } else {
            0
        };
        if self.quick_changes > QUICK_CHANGES_MAX {
            return Err(Broken(Reason::ThreadChanges));
        }
        let new = new_ring(&self.builder, &self.eventfd).map_err(Broken::by)?;
        self.eventfd_enabled = true;
        let mut old = mem::replace(&mut self.ops, new);
        let enters = old.ring().enters();
        self.metrics = self.metrics.with_ring(enters, old.counts());
        self.metrics.abandoned += old.count() as u64;
        // With receives in flight its buffers are leaked. Once is enough.
        self.recv_refused |= old.has_buf_ring();
        let (askers, leaked_count) = old.abandon();
        // Their tokens are the old ring's, and may name others in the new one.
        self.wishes.retain(|wish| !matches!(wish, Wish::Cancel(_)));
        self.metrics.leaked += leaked_count as u64;
        for source in askers {
            source.set_abandoned();
            for direction in Direction::ALL {
                if let Arm::InFlight(_) = source.arms.get(direction) {
                    source.arms.set(direction, Arm::Queued);
                    self.wishes.push(Wish::Poll(source.clone(), direction));
                }
            }
            if let Some(inbox) = source.inbox() {
                inbox.end(RecvOp::Idle);
                source.end_arrivals(&mut effects.wakers);
            }
            if restart_accept(&source) {
                self.wishes.push(Wish::Accept(source.clone()));
            }
            effects.sources.push(source);
        }
        Ok(())
    }

    /// Turns wishes into SQEs. Returns whether all were granted; the rest stay for the next turn.
    fn grant_wishes(&mut self, effects: &mut Effects) -> Result<bool, Broken> {
        let mut wishes = mem::take(&mut self.wishes).into_iter();
        while let Some(wish) = wishes.next() {
            let Err(wish) = self.grant(wish, effects) else {
                continue;
            };
            let entered = self.enter(effects);
            let refused = match &entered {
                Ok(true) => self.grant(wish, effects).err(),
                Ok(false) | Err(_) => Some(wish),
            };
            if let Some(wish) = refused {
                // Also when the ring has failed: `end` wakes whoever has a wish.
                self.wishes.push(wish);
                self.wishes.extend(wishes);
                return entered.map(|_| false);
            }
        }
        Ok(true)
    }

    /// Gives the wish back if there was no room.
    fn grant(&mut self, wish: Wish, effects: &mut Effects) -> Result<(), Wish> {
        let granted = match &wish {
            Wish::Poll(source, direction) if source.arms.get(*direction) == Arm::Queued => {
                let events = u32::from(direction.poll_events().bits());
                let token = self.ops.poll(source.target, events, source.clone());
                if let Ok(token) = token {
                    source.arms.set(*direction, Arm::InFlight(token));
                    self.metrics.polls += 1;
                }
                token.is_ok()
            }
            // The socket is gone.
            Wish::Poll(..) => true,
            Wish::Recv(source) => self.grant_recv(source, effects),
            Wish::EndRecv(source) => self.grant_end_recv(source, effects),
            Wish::Accept(source) => self.grant_accept(source),
            Wish::ReviewAccept(source) => self.review_accept(source),
            Wish::Cancel(token) => self.cancel(*token),
            Wish::Close(_) => {
                let Wish::Close(fd) = wish else {
                    unreachable!("matched above")
                };
                return self.close(fd).map_err(Wish::Close);
            }
        };
        if granted { Ok(()) } else { Err(wish) }
    }

    fn close(&mut self, fd: OwnedFd) -> Result<(), OwnedFd> {
        self.ops.close(fd)?;
        self.metrics.closes += 1;
        Ok(())
    }

    fn cancel(&mut self, token: Token) -> bool {
        if !self.ops.contains(token) {
            return true;
        }
        let queued = self.ops.cancel(token).is_ok();
        self.metrics.cancels += u64::from(queued);
        queued
    }

    fn enter_if_needed(&mut self, effects: &mut Effects) -> Result<bool, Broken> {
        let mut ring = self.ops.ring();
        if ring.sq_ready() > 0 || ring.taskrun() || ring.cq_has_overflow() {
            self.enter(effects)
        } else {
            self.reap(effects);
            Ok(true)
        }
    }

    /// Submits, runs deferred work and reaps. `Ok(false)`: not now, try again.
    fn enter(&mut self, effects: &mut Effects) -> Result<bool, Broken> {
        let mut entered = self.ops.submit_and_get_events();
        // Also after an error: a CQ without room is one of them.
        self.reap(effects);
        // What the kernel has parked for want of room may own descriptors. It would be lost with this
        // ring if another thread took the runtime over now.
        for _ in 0..OVERFLOW_ENTERS_MAX {
            if entered.is_err() || !self.ops.ring().cq_has_overflow() {
                break;
            }
            entered = self.ops.submit_and_get_events();
            self.reap(effects);
        }
        match entered {
            // Out of memory, the kernel takes the first few and answers their number.
            Ok(_) => Ok(self.ops.ring().sq_ready() == 0),
            Err(error) if is_transient(&error) => {
                self.metrics.retries += 1;
                Ok(false)
            }
            Err(error) => Err(Broken::by(SetupError::from_enter(error))),
        }
    }

    fn reap(&mut self, effects: &mut Effects) {
        while let Some(event) = self.ops.next_event() {
            self.metrics.events += 1;
            match event {
                Event::PollArmed { token, result } => {
                    if let Some(source) = self.ops.context(token) {
                        source.report(seen_bits(result), &mut effects.wakers);
                    }
                }
                Event::Poll {
                    context: source,
                    result,
                } => {
                    self.end_arms(&source);
                    source.report(seen_bits(result), &mut effects.wakers);
                    // Whoever waits for something else arms another.
                    source.wake_all(&mut effects.wakers);
                    effects.sources.push(source);
                }
                Event::RecvArmed { token, filled } => self.on_recv_armed(token, filled, effects),
                Event::RecvEnded {
                    context: source,
                    result,
                } => {
                    self.on_recv_ended(&source, result, effects);
                    effects.sources.push(source);
                }
                Event::AcceptArmed { token, result } => {
                    if let Ok(fd) = result {
                        self.on_accept_armed(token, fd, effects);
                    }
                }
                Event::AcceptEnded {
                    context: source,
                    result,
                } => {
                    self.on_accept(&source, result.map(|fd| (fd, None)), effects);
                    effects.sources.push(source);
                }
                Event::Accept {
                    context: source,
                    result,
                } => {
                    let accepted = result.map(|(fd, peer)| (fd, Some(peer)));
                    self.on_accept(&source, accepted, effects);
                    effects.sources.push(source);
                }
                Event::Connect { .. } => {
                    unreachable!("the reactor connects by connect(2) and a poll")
                }
            }
        }
    }

    /// A poll of `source` has ended: its token names nothing any more.
    fn end_arms(&mut self, source: &Source) {
        for direction in Direction::ALL {
            if let Arm::InFlight(token) = source.arms.get(direction)
                && !self.ops.contains(token)
            {
                source.arms.set(direction, Arm::Idle);
            }
        }
    }

    fn toggle_eventfd(&mut self, enabled: bool) {
        if self.eventfd_enabled != enabled {
            self.ops.ring().cq_eventfd_toggle(enabled);
            self.eventfd_enabled = enabled;
        }
    }
}

/// What a poll's result says of the socket.
fn seen_bits(result: io::Result<u32>) -> Bits {
    match result {
        Ok(seen) => Bits::from_poll(PollFlags::from_bits_truncate(
            u16::try_from(seen & 0xffff).unwrap_or(0),
        )),
        Err(error) if error.raw_os_error() == Some(errno::ECANCELED) => Bits::NONE,
        // No poll can be had: the caller's own system call tells why.
        Err(_) => Bits::BOTH,
    }
}

fn new_ring(builder: &RingBuilder, eventfd: &OwnedFd) -> Result<Ops<Asker>, SetupError> {
    let mut ring = builder.build()?;
    ring.register_eventfd(eventfd.as_fd())
        .map_err(SetupError::from_register)?;
    Ok(Ops::new(ring))
}
