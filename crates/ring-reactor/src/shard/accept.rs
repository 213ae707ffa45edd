//! The ring's one accept for each listening socket: submitted, reviewed, completed, made again.

use std::os::fd::OwnedFd;
use std::sync::Arc;

use ring_core::errno;
use ring_core::token::Token;

use super::{Shard, Wish};
use crate::effects::Effects;
use crate::limits::ACCEPTED_AHEAD_MAX;
use crate::ready::Bits;
use crate::source::{AcceptOp, AcceptWish, Accepted, Source};

impl Shard {
    pub(super) fn grant_accept(&mut self, source: &Arc<Source>) -> bool {
        let Some(mut accept) = source.accept_state().map(|accept| accept.lock()) else {
            return true;
        };
        if accept.op != AcceptOp::Queued {
            return true;
        }
        let wish = accept.wants();
        let token = match wish {
            AcceptWish::Nothing => {
                accept.op = AcceptOp::Idle;
                return true;
            }
            AcceptWish::One => self.ops.accept(source.target, source.clone()),
            AcceptWish::Multishot => self.ops.multishot_accept(source.target, source.clone()),
        };
        let Ok(token) = token else {
            return false;
        };
        accept.op = AcceptOp::InFlight(token);
        accept.is_multishot = wish == AcceptWish::Multishot;
        self.metrics.accepts += 1;
        true
    }

    pub(super) fn review_accept(&mut self, source: &Arc<Source>) -> bool {
        let Some(mut accept) = source.accept_state().map(|accept| accept.lock()) else {
            return true;
        };
        let is_wanted = match accept.wants() {
            AcceptWish::Nothing => false,
            // Its stream is gone: whoever waits in an accept gets one of his own.
            AcceptWish::One => !accept.is_multishot,
            AcceptWish::Multishot => true,
        };
        match accept.op {
            AcceptOp::InFlight(token) if !is_wanted => {
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

    /// A multishot accept brought a connection and goes on.
    pub(super) fn on_accept_armed(&mut self, token: Token, fd: OwnedFd, effects: &mut Effects) {
        let Some(source) = self.ops.context(token) else {
            // Nobody waits for it: the drop closes the connection.
            return;
        };
        let Some(accept) = source.accept_state() else {
            return;
        };
        self.metrics.accepted += 1;
        let is_full = {
            let mut accept = accept.lock();
            accept.taken.push_back(Ok((fd, None)));
            accept.is_drained = true;
            accept.taken.len() == ACCEPTED_AHEAD_MAX
        };
        if is_full {
            self.wishes.push(Wish::ReviewAccept(source.clone()));
        }
        source.report(Bits::READABLE, &mut effects.wakers);
    }

    pub(super) fn on_accept(
        &mut self,
        source: &Arc<Source>,
        result: Accepted,
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
                    accept.is_drained = true;
                }
                Err(error) => match error.raw_os_error() {
                    // Ours, or that of a thread that has ended and took its requests along; or the
                    // kernel has given up, because others took what it was woken for.
                    Some(errno::ECANCELED | errno::EAGAIN) => {
                        if accept.wants() != AcceptWish::Nothing {
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
}

/// Whether the accept that went down with its ring is to be made again.
pub(super) fn restart_accept(source: &Source) -> bool {
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
