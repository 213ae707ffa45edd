//! How things end: one socket's operations, or all of them.

use std::mem;
use std::os::fd::OwnedFd;
use std::task::Waker;
use std::time::Duration;

use ring_core::ops::is_transient;
use ring_core::setup::SetupError;
use ring_core::token::Token;

use super::{Broken, Shard, Wish};
use crate::arm::Arm;
use crate::effects::Effects;
use crate::flow::inbox::{Inbox, RecvOp};
use crate::limits::{CLOSE_ENTERS_MAX, CLOSE_WAIT_MS};
use crate::metrics::Metrics;
use crate::ready::Direction;
use crate::source::{AcceptOp, Source};
use crate::thread_id::this_thread;

impl Shard {
    /// Ends what is armed for a socket that is about to be closed or given away, and closes `fd` if
    /// there is one. Returns `fd` where it is left to the caller, and the driver's waker where the
    /// driver has to finish.
    pub(crate) fn detach(
        &mut self,
        source: &Source,
        fd: Option<OwnedFd>,
        effects: &mut Effects,
    ) -> Result<Detached, Broken> {
        let tokens = disarm(source, effects);
        let has_unread = source.inbox().is_some_and(Inbox::has_bytes);
        if tokens.is_empty() {
            return Ok(Detached {
                fd,
                held: source.is_abandoned(),
                has_unread,
                driver: None,
            });
        }
        for token in &tokens {
            self.ops.orphan(*token);
        }
        if self.may_enter_here() {
            let (fd, ended, driver) = self.end_here(&tokens, fd, effects)?;
            return Ok(Detached {
                fd,
                held: !ended || source.is_abandoned(),
                has_unread,
                driver,
            });
        }
        self.wishes.extend(tokens.into_iter().map(Wish::Cancel));
        // After an enter that the kernel could not serve, queued SQEs may name the descriptor: its
        // number must not come to mean another socket before they are submitted.
        let fd = match fd {
            Some(fd) if self.ops.ring().sq_ready() > 0 => {
                self.wishes.push(Wish::Close(fd));
                None
            }
            fd => fd,
        };
        Ok(Detached {
            fd,
            held: true,
            has_unread,
            driver: self.rouse(),
        })
    }

    /// Whether this thread may end operations by an enter of its own.
    pub(super) fn may_enter_here(&mut self) -> bool {
        !self.is_for_one_thread() || self.owner == Some(this_thread())
    }

    /// Does [`Shard::end_now`] between two turns: the driver's waker, if that has left it something to do.
    pub(super) fn end_here(
        &mut self,
        tokens: &[Token],
        fd: Option<OwnedFd>,
        effects: &mut Effects,
    ) -> Result<(Option<OwnedFd>, bool, Option<Waker>), Broken> {
        let was_enabled = self.eventfd_enabled;
        self.toggle_eventfd(false);
        let (fd, ended) = self.end_now(tokens, fd, effects)?;
        self.toggle_eventfd(was_enabled);
        let mut ring = self.ops.ring();
        let is_left = !ended || ring.has_work() || ring.sq_ready() > 0 || !self.wishes.is_empty();
        let driver = if is_left { self.rouse() } else { None };
        Ok((fd, ended, driver))
    }

    /// Cancels, and enters until the cancelled operations have let go of the socket. Returns the
    /// descriptor, unless the ring has closed it, and whether all ended.
    ///
    /// On a ring of one thread the close leaves with the cancel, and both are done when the first
    /// enter returns. On a ring of many an operation ends on the thread that submitted it, a moment
    /// after it is told to; the close has to wait for that.
    fn end_now(
        &mut self,
        tokens: &[Token],
        fd: Option<OwnedFd>,
        effects: &mut Effects,
    ) -> Result<(Option<OwnedFd>, bool), Broken> {
        for token in tokens {
            let queued = self.cancel(*token) || (self.enter(effects)? && self.cancel(*token));
            if !queued {
                self.wishes.push(Wish::Cancel(*token));
            }
        }
        let is_ours_alone = self.is_for_one_thread();
        let fd = match fd {
            Some(fd) if is_ours_alone => self.close(fd).err(),
            fd => fd,
        };
        for _ in 0..CLOSE_ENTERS_MAX {
            let served = self.enter(effects)?;
            if tokens.iter().all(|token| !self.ops.contains(*token)) {
                return Ok((fd, true));
            }
            if !served {
                break;
            }
            if !is_ours_alone {
                self.wait_for_a_cqe()?;
            }
        }
        Ok((fd, false))
    }

    fn wait_for_a_cqe(&mut self) -> Result<(), Broken> {
        let waited = self
            .ops
            .ring()
            .submit_and_wait_timeout(1, Duration::from_millis(CLOSE_WAIT_MS));
        match waited {
            Err(error) if !is_transient(&error) => Err(Broken::by(SetupError::from_enter(error))),
            Ok(_) | Err(_) => Ok(()),
        }
    }

    /// Ends everything, as far as this thread may: the runtime is gone, or the ring is.
    pub(crate) fn end(mut self, may_drain: bool, effects: &mut Effects) -> Metrics {
        self.reap(effects);
        let askers = &mut effects.sources;
        self.ops
            .for_each_context(|source| askers.push(source.clone()));
        for wish in self.wishes.drain(..) {
            match wish {
                Wish::Poll(source, _)
                | Wish::Recv(source)
                | Wish::EndRecv(source)
                | Wish::Accept(source)
                | Wish::ReviewAccept(source) => askers.push(source),
                Wish::Cancel(_) | Wish::Close(_) => {}
            }
        }
        effects.wakers.extend(self.driver.take());
        let drained = may_drain
            && !self.ops.is_foreign_process()
            && (self.ops.count() == 0 || self.may_enter_here())
            && self.ops.drain();
        for source in askers.iter() {
            for direction in Direction::ALL {
                if matches!(source.arms.get(direction), Arm::Queued | Arm::InFlight(_)) {
                    source.arms.set(direction, Arm::Idle);
                }
            }
            if let Some(accept) = source.accept_state() {
                accept.lock().op = AcceptOp::Idle;
            }
            if let Some(inbox) = source.inbox() {
                inbox.end(RecvOp::Idle);
                source.end_arrivals(&mut effects.wakers);
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
            abandoned: metrics.abandoned + metrics.in_flight,
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
    /// Whether the ring has received bytes that no read has taken.
    pub(crate) has_unread: bool,
    pub(crate) driver: Option<Waker>,
}

/// Marks everything of the socket as closed; the tokens of what the kernel has. Connections that
/// nobody fetched go with it.
fn disarm(source: &Source, effects: &mut Effects) -> Vec<Token> {
    let mut tokens = Vec::new();
    for direction in Direction::ALL {
        if let Arm::InFlight(token) = source.arms.get(direction) {
            tokens.push(token);
        }
        source.arms.set(direction, Arm::Closed);
    }
    if let Some(RecvOp::InFlight(token) | RecvOp::Ending(token)) =
        source.inbox().map(|inbox| inbox.end(RecvOp::Closed))
    {
        tokens.push(token);
    }
    if let Some(accept) = source.accept_state() {
        let mut accept = accept.lock();
        effects.taken.extend(accept.taken.drain(..));
        match mem::replace(&mut accept.op, AcceptOp::Closed) {
            AcceptOp::InFlight(token) | AcceptOp::Cancelling(token) => tokens.push(token),
            AcceptOp::Idle | AcceptOp::Queued | AcceptOp::Closed => {}
        }
    }
    tokens
}
