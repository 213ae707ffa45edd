//! One ring with everything that its lock guards, and what a turn does.

use std::io;
use std::mem;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::task::Waker;
use std::thread::{self, ThreadId};

use ring_core::errno;
use ring_core::ops::{Event, Ops, is_transient};
use ring_core::setup::{Issuer, RingBuilder, SetupError};
use ring_core::token::Token;
use rustix::event::PollFlags;
use socket2::SockAddr;

use crate::effects::Effects;
use crate::limits::{CLOSE_ENTERS_MAX, THREAD_CHANGES_MAX, TURN_ROUNDS_MAX};
use crate::metrics::Metrics;
use crate::ready::Bits;
use crate::source::{AcceptOp, Arm, Source};
use crate::status::Reason;

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
    driver: Option<Waker>,
    /// Whether the driver task will have another turn anyhow.
    driver_awake: bool,
    metrics: Metrics,
}

/// What is to be submitted.
#[derive(Debug)]
pub(crate) enum Wish {
    /// Arm a poll, if the socket still wants one.
    Poll(Arc<Source>),
    /// Submit an accept, if somebody still waits.
    Accept(Arc<Source>),
    /// Cancel the accept, if nobody waits any more.
    ReviewAccept(Arc<Source>),
    /// Cancel an operation whose socket is gone.
    Cancel(Token),
}

/// What the driver does next.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    /// Tasks were woken, or there is more to do: take another turn behind the runnable tasks.
    Busy,
    /// Nothing to do until the eventfd is signalled.
    Idle,
}

/// Why a shard cannot go on.
#[derive(Debug)]
pub(crate) struct Broken(pub(crate) Reason);

impl From<io::Error> for Broken {
    fn from(error: io::Error) -> Broken {
        Broken(Reason::Failed(Arc::new(SetupError::from_enter(error))))
    }
}

impl Shard {
    /// Sets a ring up, with `eventfd` as its wake source.
    pub(crate) fn new(builder: RingBuilder, eventfd: Arc<OwnedFd>) -> Result<Shard, SetupError> {
        let ops = new_ring(&builder, &eventfd)?;
        Ok(Shard {
            ops,
            builder,
            eventfd,
            eventfd_enabled: true,
            wishes: Vec::new(),
            owner: None,
            driver: None,
            // The driver task is about to be spawned, and will be polled.
            driver_awake: true,
            metrics: Metrics::default(),
        })
    }

    pub(crate) fn metrics(&mut self) -> Metrics {
        Metrics {
            enters: self.metrics.enters + self.ops.ring().enters(),
            strays: self.metrics.strays + self.ops.strays(),
            in_flight: self.ops.count() as u64,
            ..self.metrics
        }
    }

    /// Adds a wish; returns the driver's waker if it sleeps. Wake it after the lock is gone.
    #[must_use]
    pub(crate) fn wish(&mut self, wish: Wish) -> Option<Waker> {
        self.wishes.push(wish);
        self.rouse()
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
        for _ in 0..TURN_ROUNDS_MAX {
            let served = self.grant_wishes()? && self.enter_if_needed()?;
            self.reap(effects);
            if !served || !effects.is_empty() {
                return Ok(Turn::Busy);
            }
            self.toggle_eventfd(true);
            if !self.ops.ring().has_work() && self.wishes.is_empty() {
                self.driver_awake = false;
                return Ok(Turn::Idle);
            }
            self.toggle_eventfd(false);
        }
        Ok(Turn::Busy)
    }

    /// A ring for one issuer is bound to the thread that enables it. When the runtime is driven by
    /// another thread than last time, its ring is of no use any more: take what it has completed,
    /// close it, and ask a new one for the rest.
    fn settle_on_this_thread(&mut self, effects: &mut Effects) -> Result<(), Broken> {
        if self.ops.ring().issuer() == Issuer::AnyThread {
            return Ok(());
        }
        let here = thread::current().id();
        match self.owner {
            Some(owner) if owner == here => return Ok(()),
            Some(_) => self.replace_ring(effects)?,
            None => {}
        }
        self.ops.ring().enable_rings()?;
        self.owner = Some(here);
        Ok(())
    }

    fn replace_ring(&mut self, effects: &mut Effects) -> Result<(), Broken> {
        self.reap(effects);
        self.metrics.thread_changes += 1;
        if self.metrics.thread_changes > THREAD_CHANGES_MAX {
            return Err(Broken(Reason::ThreadChanges));
        }
        let new = new_ring(&self.builder, &self.eventfd)
            .map_err(|error| Broken(Reason::Failed(Arc::new(error))))?;
        self.eventfd_enabled = true;
        let mut old = mem::replace(&mut self.ops, new);
        self.metrics.enters += old.ring().enters();
        self.metrics.strays += old.strays();
        let (askers, leaked_count) = old.abandon();
        self.metrics.leaked += leaked_count as u64;
        for source in askers {
            source.set_abandoned();
            if let Arm::InFlight(_) = source.arm() {
                source.set_arm(Arm::Queued);
                self.wishes.push(Wish::Poll(source.clone()));
            }
            if restart_accept(&source) {
                self.wishes.push(Wish::Accept(source.clone()));
            }
            effects.sources.push(source);
        }
        Ok(())
    }

    /// Turns wishes into SQEs. Returns whether all were granted; the rest stay for the next turn.
    fn grant_wishes(&mut self) -> Result<bool, Broken> {
        let mut wishes = mem::take(&mut self.wishes).into_iter();
        while let Some(wish) = wishes.next() {
            if self.grant(&wish) {
                continue;
            }
            let room = self.enter()? && self.grant(&wish);
            if !room {
                self.wishes.push(wish);
                self.wishes.extend(wishes);
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Returns whether there was room.
    fn grant(&mut self, wish: &Wish) -> bool {
        match wish {
            Wish::Poll(source) if source.arm() == Arm::Queued => {
                let events = u32::from(Bits::poll_events().bits());
                let Ok(token) = self.ops.poll(source.target, events, source.clone()) else {
                    return false;
                };
                source.set_arm(Arm::InFlight(token));
                self.metrics.polls += 1;
                true
            }
            Wish::Accept(source) => self.grant_accept(source),
            Wish::ReviewAccept(source) => self.review_accept(source),
            Wish::Cancel(token) => self.cancel(*token),
            Wish::Poll(_) => true,
        }
    }

    fn grant_accept(&mut self, source: &Arc<Source>) -> bool {
        let Some(mut accept) = source.accept_state().map(|accept| accept.lock()) else {
            return true;
        };
        match accept.op {
            AcceptOp::Queued if accept.waiting > 0 => {
                let Ok(token) = self.ops.accept(source.target, source.clone()) else {
                    return false;
                };
                accept.op = AcceptOp::InFlight(token);
                self.metrics.accepts += 1;
            }
            AcceptOp::Queued => accept.op = AcceptOp::Idle,
            AcceptOp::Idle | AcceptOp::InFlight(_) | AcceptOp::Cancelling(_) | AcceptOp::Closed => {
            }
        }
        true
    }

    fn review_accept(&mut self, source: &Arc<Source>) -> bool {
        let Some(mut accept) = source.accept_state().map(|accept| accept.lock()) else {
            return true;
        };
        match accept.op {
            AcceptOp::InFlight(token) if accept.waiting == 0 => {
                if !self.cancel(token) {
                    return false;
                }
                accept.op = AcceptOp::Cancelling(token);
            }
            AcceptOp::Idle
            | AcceptOp::Queued
            | AcceptOp::InFlight(_)
            | AcceptOp::Cancelling(_)
            | AcceptOp::Closed => {}
        }
        true
    }

    fn cancel(&mut self, token: Token) -> bool {
        if !self.ops.contains(token) {
            return true;
        }
        let queued = self.ops.cancel(token).is_ok();
        self.metrics.cancels += u64::from(queued);
        queued
    }

    fn enter_if_needed(&mut self) -> Result<bool, Broken> {
        let ring = self.ops.ring();
        if ring.sq_ready() > 0 || ring.taskrun() || ring.cq_has_overflow() {
            self.enter()
        } else {
            Ok(true)
        }
    }

    /// Submits and runs deferred work. `Ok(false)`: not now, try again.
    fn enter(&mut self) -> Result<bool, Broken> {
        match self.ops.submit_and_get_events() {
            Ok(_) => Ok(true),
            Err(error) if is_transient(&error) => {
                self.metrics.retries += 1;
                Ok(false)
            }
            Err(error) => Err(error.into()),
        }
    }

    fn reap(&mut self, effects: &mut Effects) {
        while let Some(event) = self.ops.next_event() {
            self.metrics.events += 1;
            match event {
                Event::Poll {
                    context: source,
                    result,
                    armed,
                } => {
                    if !armed && matches!(source.arm(), Arm::InFlight(_)) {
                        source.set_arm(Arm::Idle);
                    }
                    match result {
                        Ok(seen) => source.report(poll_bits(seen), &mut effects.wakers),
                        // The poll ended without an event: the waiters arm another.
                        Err(_) => source.wake_all(&mut effects.wakers),
                    }
                    effects.sources.push(source);
                }
                Event::Accept {
                    context: source,
                    result,
                } => {
                    self.on_accept(&source, result, effects);
                    effects.sources.push(source);
                }
                Event::Connect { .. } => {
                    unreachable!("the reactor connects by connect(2) and a poll")
                }
            }
        }
    }

    fn on_accept(
        &mut self,
        source: &Arc<Source>,
        result: io::Result<(OwnedFd, SockAddr)>,
        effects: &mut Effects,
    ) {
        let Some(accept) = source.accept_state() else {
            return;
        };
        {
            let mut accept = accept.lock();
            accept.op = AcceptOp::Idle;
            match result {
                Ok(accepted) => {
                    self.metrics.accepted += 1;
                    accept.taken.push_back(Ok(accepted));
                }
                Err(error) => match error.raw_os_error() {
                    // Ours, or that of a thread that has ended and took its requests along.
                    Some(errno::ECANCELED) => {
                        if accept.waiting > 0 {
                            accept.op = AcceptOp::Queued;
                            self.wishes.push(Wish::Accept(source.clone()));
                        }
                        return;
                    }
                    // The kernel reserves a descriptor before it looks for a connection. tokio's
                    // caller hears of it when there is a connection.
                    Some(errno::EMFILE | errno::ENFILE) => accept.by_poll = true,
                    _ => accept.taken.push_back(Err(error)),
                },
            }
            if accept.by_poll && accept.taken.is_empty() {
                drop(accept);
                source.wake_all(&mut effects.wakers);
                return;
            }
        }
        source.report(Bits::READABLE, &mut effects.wakers);
    }

    fn toggle_eventfd(&mut self, enabled: bool) {
        if self.eventfd_enabled != enabled {
            self.ops.ring().cq_eventfd_toggle(enabled);
            self.eventfd_enabled = enabled;
        }
    }

    fn may_enter_here(&self) -> bool {
        self.owner == Some(thread::current().id())
    }

    /// Ends what is armed for a socket that is about to be closed or given away, and closes `fd` if
    /// there is one. Returns `fd` where it is left to the caller, and the driver's waker where the
    /// driver has to finish.
    pub(crate) fn detach(
        &mut self,
        source: &Source,
        fd: Option<OwnedFd>,
        effects: &mut Effects,
    ) -> Result<Detached, Broken> {
        let tokens = disarm(source);
        if tokens.is_empty() {
            return Ok(Detached {
                fd,
                held: source.is_abandoned(),
                driver: None,
            });
        }
        for token in &tokens {
            self.ops.orphan(*token);
        }
        if self.may_enter_here() {
            let was_enabled = self.eventfd_enabled;
            self.toggle_eventfd(false);
            let (fd, ended) = self.end_now(&tokens, fd, effects)?;
            self.toggle_eventfd(was_enabled);
            let driver = if was_enabled && (!ended || self.ops.ring().has_work()) {
                self.rouse()
            } else {
                None
            };
            return Ok(Detached {
                fd,
                held: !ended || source.is_abandoned(),
                driver,
            });
        }
        self.wishes.extend(tokens.into_iter().map(Wish::Cancel));
        Ok(Detached {
            fd,
            held: true,
            driver: self.rouse(),
        })
    }

    /// Cancels and closes with one enter, and enters again until the cancelled operations have let
    /// go of the socket. Returns the descriptor if it could not be queued, and whether all ended.
    fn end_now(
        &mut self,
        tokens: &[Token],
        fd: Option<OwnedFd>,
        effects: &mut Effects,
    ) -> Result<(Option<OwnedFd>, bool), Broken> {
        for token in tokens {
            if !self.cancel(*token) && self.enter()? {
                self.cancel(*token);
            }
        }
        let fd = match fd.map(|fd| self.ops.close(fd)) {
            None => None,
            Some(Ok(())) => {
                self.metrics.closes += 1;
                None
            }
            Some(Err(fd)) => Some(fd),
        };
        for _ in 0..CLOSE_ENTERS_MAX {
            let served = self.enter()?;
            self.reap(effects);
            if tokens.iter().all(|token| !self.ops.contains(*token)) {
                return Ok((fd, true));
            }
            if !served {
                break;
            }
        }
        Ok((fd, false))
    }

    /// Ends everything, as far as this thread may: the runtime is gone, or the ring is.
    pub(crate) fn end(mut self, may_drain: bool, effects: &mut Effects) -> Metrics {
        self.reap(effects);
        let askers = &mut effects.sources;
        self.ops
            .for_each_context(|source| askers.push(source.clone()));
        for wish in self.wishes.drain(..) {
            match wish {
                Wish::Poll(source) | Wish::Accept(source) | Wish::ReviewAccept(source) => {
                    askers.push(source)
                }
                Wish::Cancel(_) => {}
            }
        }
        let drained = may_drain
            && !self.ops.is_foreign_process()
            && (self.ops.count() == 0
                || self.ops.ring().issuer() == Issuer::AnyThread
                || self.owner == Some(thread::current().id()))
            && self.ops.drain();
        for source in askers.iter() {
            if matches!(source.arm(), Arm::Queued | Arm::InFlight(_)) {
                source.set_arm(Arm::Idle);
            }
            if let Some(accept) = source.accept_state() {
                accept.lock().op = AcceptOp::Idle;
            }
            if !drained {
                source.set_abandoned();
            }
            source.wake_all(&mut effects.wakers);
        }
        let metrics = self.metrics();
        let (_, leaked_count) = self.ops.abandon();
        Metrics {
            leaked: metrics.leaked + leaked_count as u64,
            in_flight: 0,
            ..metrics
        }
    }
}

/// What [`Shard::detach`] leaves to its caller.
#[derive(Debug)]
pub(crate) struct Detached {
    /// The descriptor, if the ring has not closed it.
    pub(crate) fd: Option<OwnedFd>,
    /// Whether a ring may still hold the socket, so that close(2) would send no FIN.
    pub(crate) held: bool,
    pub(crate) driver: Option<Waker>,
}

/// Marks everything of the socket as closed; the tokens of what the kernel has.
fn disarm(source: &Source) -> Vec<Token> {
    let mut tokens = Vec::new();
    if let Arm::InFlight(token) = source.arm() {
        tokens.push(token);
    }
    source.set_arm(Arm::Closed);
    if let Some(accept) = source.accept_state() {
        match mem::replace(&mut accept.lock().op, AcceptOp::Closed) {
            AcceptOp::InFlight(token) | AcceptOp::Cancelling(token) => tokens.push(token),
            AcceptOp::Idle | AcceptOp::Queued | AcceptOp::Closed => {}
        }
    }
    tokens
}

/// Whether the accept that went down with its ring is to be made again.
fn restart_accept(source: &Source) -> bool {
    let Some(mut accept) = source.accept_state().map(|accept| accept.lock()) else {
        return false;
    };
    match accept.op {
        AcceptOp::InFlight(_) | AcceptOp::Cancelling(_) => {
            accept.op = AcceptOp::Queued;
            true
        }
        AcceptOp::Idle | AcceptOp::Queued | AcceptOp::Closed => false,
    }
}

fn poll_bits(seen: u32) -> Bits {
    Bits::from_poll(PollFlags::from_bits_truncate(
        u16::try_from(seen & 0xffff).unwrap_or(0),
    ))
}

fn new_ring(builder: &RingBuilder, eventfd: &OwnedFd) -> Result<Ops<Asker>, SetupError> {
    let mut ring = builder.build()?;
    ring.register_eventfd(eventfd.as_fd())
        .map_err(SetupError::from_register)?;
    Ok(Ops::new(ring))
}
