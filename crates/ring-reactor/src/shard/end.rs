//! How things end: one socket's operations, or all of them.

use std::mem;
use std::os::fd::OwnedFd;
use std::task::Waker;
use std::thread;

use ring_core::setup::Issuer;
use ring_core::token::Token;

use super::{Broken, Shard, Wish};
use crate::effects::Effects;
use crate::limits::CLOSE_ENTERS_MAX;
use crate::metrics::Metrics;
use crate::source::{AcceptOp, Arm, Source};

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
