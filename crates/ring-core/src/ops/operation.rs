//! One operation: what the kernel may touch for it, and what its CQEs mean.
#![expect(
    unsafe_code,
    reason = "a CQE that brings a descriptor is adopted exactly once"
)]

use std::fmt;
use std::io;
use std::os::fd::{IntoRawFd, OwnedFd};

use socket2::SockAddr;

use crate::buf_ring::Filled;
use crate::completion::Cqe;
use crate::sockaddr::{AcceptAddress, PeerAddr};
use crate::token::Token;
use crate::{errno, fd, poison};

/// What one slot owns.
#[derive(Debug)]
pub(super) struct Operation<C> {
    pub(super) context: Option<C>,
    pub(super) held: Held,
}

/// What the kernel may touch, by kind of operation.
pub(super) enum Held {
    /// A poll touches no memory of ours.
    Poll,
    /// A multishot accept writes no address.
    AcceptMultishot,
    /// A multishot receive writes to buffers of a group, which `Ops` keeps.
    RecvMultishot,
    /// Written by the kernel when a connection is accepted.
    Accept(Box<AcceptAddress>),
    /// Read by the kernel when the connect is submitted.
    Connect(Box<SockAddr>),
    /// A descriptor that the kernel closes; ours again if it did not.
    Close(OwnedFd),
}

/// One thing that happened to an operation.
#[derive(Debug)]
pub enum Event<C> {
    /// A multishot poll saw something and goes on. Its context stays with it: [`Ops::context`](super::Ops::context).
    PollArmed {
        /// The operation.
        token: Token,
        /// The poll(2) bits.
        result: io::Result<u32>,
    },
    /// A poll ended.
    Poll {
        /// The caller's context.
        context: C,
        /// The poll(2) bits, or why the poll ended.
        result: io::Result<u32>,
    },
    /// A multishot accept brought a connection and goes on. Its context stays with it:
    /// [`Ops::context`](super::Ops::context).
    AcceptArmed {
        /// The operation.
        token: Token,
        /// The connection.
        result: io::Result<OwnedFd>,
    },
    /// A multishot accept ended, maybe with a last connection.
    AcceptEnded {
        /// The caller's context.
        context: C,
        /// The connection, or why the accept ended.
        result: io::Result<OwnedFd>,
    },
    /// A multishot receive brought bytes and goes on. Its context stays with it:
    /// [`Ops::context`](super::Ops::context).
    RecvArmed {
        /// The operation.
        token: Token,
        /// The bytes, for [`Ops::take_bytes`](super::Ops::take_bytes).
        filled: Option<Filled>,
    },
    /// A multishot receive ended.
    RecvEnded {
        /// The caller's context.
        context: C,
        /// The last bytes, as of [`Event::RecvArmed`]; `None` at the end of the stream; or why the receive
        /// ended.
        result: io::Result<Option<Filled>>,
    },
    /// An accept ended.
    Accept {
        /// The caller's context.
        context: C,
        /// The connection and its peer.
        result: io::Result<(OwnedFd, PeerAddr)>,
    },
    /// A connect ended.
    Connect {
        /// The caller's context.
        context: C,
        /// Whether the socket is connected.
        result: io::Result<()>,
    },
}

impl<C> Operation<C> {
    /// What a CQE of an operation that goes on says; its resources stay with the kernel.
    pub(super) fn deliver(&self, cqe: Cqe) -> Event<C> {
        let token = cqe.token;
        match self.held {
            Held::AcceptMultishot => {
                // SAFETY: `fd::adopt` demands the CQE of an operation that makes a descriptor, once:
                // this is a multishot accept, and each of its CQEs comes here or to `finish`, once.
                let result = unsafe { fd::adopt(cqe) };
                Event::AcceptArmed { token, result }
            }
            Held::Poll => Event::PollArmed {
                token,
                result: errno::result(cqe.result),
            },
            Held::RecvMultishot => Event::RecvArmed {
                token,
                filled: cqe.buffer().map(Filled::new),
            },
            Held::Accept(_) | Held::Connect(_) | Held::Close(_) => {
                unreachable!("these end with their first CQE")
            }
        }
    }

    /// The operation after its terminal CQE: nothing of it belongs to the kernel any more.
    pub(super) fn finish(mut self, cqe: Cqe) -> Option<Event<C>> {
        self.held.take_back();
        match (self.held, self.context) {
            (Held::Poll, Some(context)) => Some(Event::Poll {
                context,
                result: errno::result(cqe.result),
            }),
            (Held::AcceptMultishot, context) => {
                // SAFETY: `fd::adopt` demands the CQE of an operation that makes a descriptor, once.
                // This slot held a multishot accept, and its terminal CQE empties the slot, so it
                // comes here once. Also for an orphan: the connection is then closed by its drop.
                let result = unsafe { fd::adopt(cqe) };
                context.map(|context| Event::AcceptEnded { context, result })
            }
            (Held::RecvMultishot, Some(context)) => Some(Event::RecvEnded {
                context,
                result: errno::result(cqe.result).map(|_| cqe.buffer().map(Filled::new)),
            }),
            (Held::Connect(_), Some(context)) => Some(Event::Connect {
                context,
                result: errno::result(cqe.result).map(drop),
            }),
            (Held::Accept(address), context) => {
                // SAFETY: `fd::adopt` demands the CQE of an operation that makes a descriptor, once.
                // This slot held an accept, and a terminal CQE empties its slot, so it comes here
                // once. Also for an orphan: the connection is then closed by its drop.
                let accepted = unsafe { fd::adopt(cqe) };
                context.map(|context| Event::Accept {
                    context,
                    result: accepted.map(|fd| (fd, PeerAddr::new(address))),
                })
            }
            (Held::Close(fd), _) => {
                if cqe.result == 0 {
                    // The kernel has closed it: the number is not ours any more.
                    let _ = fd.into_raw_fd();
                }
                None
            }
            (Held::Poll | Held::RecvMultishot | Held::Connect(_), None) => None,
        }
    }
}

impl<C> Event<C> {
    /// The context of an operation that has ended.
    pub(super) fn into_context(self) -> Option<C> {
        match self {
            Event::PollArmed { .. } | Event::AcceptArmed { .. } | Event::RecvArmed { .. } => None,
            Event::Poll { context, .. }
            | Event::AcceptEnded { context, .. }
            | Event::RecvEnded { context, .. }
            | Event::Accept { context, .. }
            | Event::Connect { context, .. } => Some(context),
        }
    }
}

/// Tells the kind alone: the kernel may be writing to the memory.
impl fmt::Debug for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Held::Poll => "Poll",
            Held::AcceptMultishot => "AcceptMultishot",
            Held::RecvMultishot => "RecvMultishot",
            Held::Accept(_) => "Accept",
            Held::Connect(_) => "Connect",
            Held::Close(_) => "Close",
        })
    }
}

impl Held {
    /// Nobody here touches the memory from now on: it is about to be the kernel's.
    pub(super) fn lend(&mut self) {
        match self {
            Held::Accept(address) => poison::lend(&mut **address),
            Held::Connect(address) => poison::lend(&mut **address),
            Held::Poll | Held::AcceptMultishot | Held::RecvMultishot | Held::Close(_) => {}
        }
    }

    /// The memory is ours again: the kernel is done with it, or never saw it.
    pub(super) fn take_back(&mut self) {
        match self {
            Held::Accept(address) => poison::take_back(&mut **address),
            Held::Connect(address) => poison::take_back(&mut **address),
            Held::Poll | Held::AcceptMultishot | Held::RecvMultishot | Held::Close(_) => {}
        }
    }

    /// Gives up what the kernel may still use; returns whether there was any.
    ///
    /// A close runs when it is submitted, so with every CQE reaped one that is still here was never
    /// submitted, and its descriptor is ours to close. With CQEs parked by an overflow
    /// (`cqes_hidden`) that is not known, and the number may be someone else's by now.
    pub(super) fn leak(self, cqes_hidden: bool) -> bool {
        match self {
            Held::Accept(address) => {
                poison::leak(address);
                true
            }
            Held::Connect(address) => {
                poison::leak(address);
                true
            }
            Held::Close(fd) if cqes_hidden => {
                let _ = fd.into_raw_fd();
                true
            }
            Held::Close(fd) => {
                drop(fd);
                false
            }
            // The buffers of a receive are leaked by `Ops`.
            Held::Poll | Held::AcceptMultishot | Held::RecvMultishot => false,
        }
    }
}

#[cfg(all(test, ring_core_asan))]
#[path = "operation_asan_tests.rs"]
mod asan_tests;
