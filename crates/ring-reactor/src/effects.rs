//! What is to happen after a lock is let go of: wakers run and drop code of the user's.

use std::sync::Arc;
use std::task::Waker;

use crate::source::{Accepted, Source};
use crate::status::Status;

/// Collected under the shard's lock, carried out after it.
#[derive(Debug, Default)]
pub(crate) struct Effects {
    pub(crate) wakers: Vec<Waker>,
    /// Sources whose last reference may be ours: their wakers must not drop under the lock.
    pub(crate) sources: Vec<Arc<Source>>,
    pub(crate) notices: Vec<Notice>,
    /// Connections whose listener is gone: they are closed.
    pub(crate) taken: Vec<Accepted>,
}

/// What an operator is told: a subscriber of `tracing` may call back into the reactor.
#[derive(Debug)]
pub(crate) enum Notice {
    /// The ring refuses service for good.
    FellBack(Status),
    /// So many operations' memory was leaked.
    Leaked(u64),
}

impl Effects {
    pub(crate) fn is_empty(&self) -> bool {
        self.wakers.is_empty()
    }

    /// Drops, tells, wakes. No lock of the reactor may be held.
    pub(crate) fn run(&mut self) {
        self.sources.clear();
        self.taken.clear();
        for notice in self.notices.drain(..) {
            match notice {
                Notice::FellBack(status) => {
                    tracing::warn!(%status, "io_uring has failed: tokio's epoll serves this runtime from here on");
                }
                Notice::Leaked(leaked) => {
                    tracing::warn!(
                        leaked,
                        "operations could not be awaited before their ring closed: their memory is leaked"
                    );
                }
            }
        }
        for waker in self.wakers.drain(..) {
            waker.wake();
        }
    }
}
