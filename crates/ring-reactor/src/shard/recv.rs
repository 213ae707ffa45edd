//! The ring's receive for each socket that has one: submitted, completed, ended.

use std::io;
use std::sync::Arc;
use std::task::Waker;

use ring_core::errno::{EAGAIN, ECANCELED, EINTR, EINVAL, ENOBUFS, ENOMEM, ENOTCONN, EOPNOTSUPP};
use ring_core::ops::Filled;
use ring_core::token::Token;

use super::{Broken, Shard, Wish};
use crate::effects::Effects;
use crate::flow::inbox::{Inbox, Next, RecvOp};
use crate::limits::{RING_BUFFER_BYTES, RING_BUFFERS};
use crate::source::Source;

/// What [`Shard::end_recv`] leaves to do.
#[derive(Debug)]
pub(crate) struct Ended {
    /// The driver's waker, where the driver has something to do.
    pub(crate) driver: Option<Waker>,
    /// Whether the receive ends in the driver's turn, on another thread.
    pub(crate) by_driver: bool,
}

impl Shard {
    pub(super) fn grant_recv(&mut self, source: &Arc<Source>, effects: &mut Effects) -> bool {
        let Some(inbox) = source.inbox().filter(|inbox| inbox.op() == RecvOp::Queued) else {
            return true;
        };
        if !self.has_buffers() {
            inbox.set_bulk();
            inbox.change(RecvOp::Queued, RecvOp::Idle);
            source.end_arrivals(&mut effects.wakers);
            return true;
        }
        let Ok(token) = self.ops.recv_multishot(source.target, source.clone()) else {
            return false;
        };
        inbox.change(RecvOp::Queued, RecvOp::InFlight(token));
        self.metrics.recvs += 1;
        true
    }

    /// Whether there are buffers to receive into; makes them when they are first needed.
    fn has_buffers(&mut self) -> bool {
        if !self.recv_refused && !self.ops.has_buf_ring() {
            let made = self.ops.setup_buf_ring(RING_BUFFERS, RING_BUFFER_BYTES);
            self.recv_refused = made.is_err();
        }
        !self.recv_refused
    }

    pub(super) fn grant_end_recv(&mut self, source: &Arc<Source>, effects: &mut Effects) -> bool {
        let Some(inbox) = source.inbox() else {
            return true;
        };
        match inbox.op() {
            RecvOp::Queued => {
                inbox.change(RecvOp::Queued, RecvOp::Idle);
                source.end_arrivals(&mut effects.wakers);
                true
            }
            RecvOp::InFlight(token) => self.cancel_recv(inbox, token),
            RecvOp::Idle | RecvOp::Ending(_) | RecvOp::Closed => true,
        }
    }

    /// Returns whether there was room for the cancel.
    fn cancel_recv(&mut self, inbox: &Inbox, token: Token) -> bool {
        let has_room = self.cancel(token);
        if has_room && inbox.change(RecvOp::InFlight(token), RecvOp::Ending(token)) {
            self.metrics.recv_cancels += 1;
        }
        has_room
    }

    /// Ends the receive now, on the ring's own thread; elsewhere the driver ends it.
    pub(crate) fn end_recv(
        &mut self,
        source: &Arc<Source>,
        effects: &mut Effects,
    ) -> Result<Ended, Broken> {
        let mut ended = Ended {
            driver: None,
            by_driver: false,
        };
        let op = source.inbox().map_or(RecvOp::Idle, |inbox| inbox.op());
        match op {
            RecvOp::InFlight(token) | RecvOp::Ending(token) if self.may_enter_here() => {
                // One that is ending was counted when its cancel was sent.
                self.metrics.recv_cancels += u64::from(matches!(op, RecvOp::InFlight(_)));
                (_, _, ended.driver) = self.end_here(&[token], None, effects)?;
            }
            RecvOp::InFlight(_) | RecvOp::Ending(_) => {
                ended.driver = self.wish(Wish::EndRecv(source.clone()));
                ended.by_driver = true;
            }
            RecvOp::Queued => {
                self.grant_end_recv(source, effects);
            }
            RecvOp::Idle | RecvOp::Closed => {}
        }
        Ok(ended)
    }

    /// A receive brought bytes and goes on.
    pub(super) fn on_recv_armed(
        &mut self,
        token: Token,
        filled: Option<Filled>,
        effects: &mut Effects,
    ) {
        let Some(filled) = filled else { return };
        self.metrics.received += 1;
        let next = self.ops.take_bytes_for(token, filled, |source, bytes| {
            // Without one, nobody waits for it.
            let source = source?;
            let next = append(source, bytes);
            source.wake_readers(&mut effects.wakers);
            next
        });
        // At once, not in the next turn: every enter until then might bring more.
        if next == Some(Next::End)
            && let Some(source) = self.ops.context(token).cloned()
            && let Some(inbox) = source.inbox()
            && let RecvOp::InFlight(token) = inbox.op()
            && !self.cancel_recv(inbox, token)
        {
            self.wishes.push(Wish::EndRecv(source.clone()));
        }
    }

    pub(super) fn on_recv_ended(
        &mut self,
        source: &Arc<Source>,
        result: io::Result<Option<Filled>>,
        effects: &mut Effects,
    ) {
        let Some(inbox) = source.inbox() else { return };
        match result {
            Ok(Some(filled)) => {
                self.metrics.received += 1;
                self.ops.take_bytes(filled, |bytes| append(source, bytes));
            }
            // The end of the stream: whoever looks sees it.
            Ok(None) => {}
            Err(error) => match error.raw_os_error() {
                // The bytes, or what is wrong, are there for a recv(2).
                Some(ENOBUFS) => self.metrics.recv_no_buffers += 1,
                Some(EINVAL | EOPNOTSUPP) => self.recv_refused = true,
                Some(ECANCELED | EAGAIN | EINTR | ENOMEM | ENOTCONN) => {}
                // The socket has told it, and will not again.
                _ => inbox.fail(error),
            },
        }
        inbox.end(RecvOp::Idle);
        source.end_arrivals(&mut effects.wakers);
    }
}

/// Takes what one buffer has for `source`.
fn append(source: &Source, bytes: &[u8]) -> Option<Next> {
    let is_full = bytes.len() == RING_BUFFER_BYTES;
    source.inbox().map(|inbox| inbox.append(bytes, is_full))
}
