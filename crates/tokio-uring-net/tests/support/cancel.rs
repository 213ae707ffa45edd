//! Futures dropped at seeded pseudo-random points between and after their polls.

use super::poll::{BoxFuture, poll_once};
use super::rng::Rng;
use std::task::Poll;

/// Cancels operations, and counts how many it has cancelled in flight.
#[derive(Debug)]
pub(crate) struct Canceller {
    pub(crate) rng: Rng,
    cancelled: usize,
}

impl Canceller {
    pub(crate) fn new(rng: Rng) -> Canceller {
        Canceller { rng, cancelled: 0 }
    }

    /// How many futures were dropped after a poll that answered `Pending`.
    pub(crate) fn cancelled(&self) -> usize {
        self.cancelled
    }

    /// Polls `future` a few times, or never, and drops it: `None`, unless it was ready by then.
    ///
    /// Between the polls, and between the last one and the drop, the driver may run and `disturb`
    /// may make the operation complete.
    pub(crate) async fn run<T>(
        &mut self,
        mut future: BoxFuture<'_, T>,
        mut disturb: impl FnMut(&mut Rng),
    ) -> Option<T> {
        let polls = self.rng.below(4);
        for _ in 0..polls {
            if let Poll::Ready(value) = poll_once(&mut future).await {
                return Some(value);
            }
            for _ in 0..self.rng.below(3) {
                if self.rng.one_in(2) {
                    disturb(&mut self.rng);
                } else {
                    tokio::task::yield_now().await;
                }
            }
        }
        self.cancelled += usize::from(polls > 0);
        None
    }
}
