//! The tasks that wait on one socket. Pure.
//!
//! As in tokio, the poll functions keep one waker for each direction, the last; the async functions
//! keep one each.

use std::task::Waker;

use crate::ready::{Bits, Direction};

/// The wakers of one socket.
#[derive(Debug, Default)]
pub(crate) struct Waiters {
    reader: Option<Waker>,
    writer: Option<Waker>,
    list: Vec<Waiter>,
    next_number: u64,
}

#[derive(Debug)]
struct Waiter {
    number: u64,
    wanted: Bits,
    waker: Waker,
}

impl Waiters {
    /// Keeps the waker of a poll function; returns the one it replaces.
    #[must_use]
    pub(crate) fn set(&mut self, direction: Direction, waker: &Waker) -> Option<Waker> {
        let place = match direction {
            Direction::Read => &mut self.reader,
            Direction::Write => &mut self.writer,
        };
        match place {
            Some(old) if old.will_wake(waker) => None,
            Some(_) | None => place.replace(waker.clone()),
        }
    }

    /// Keeps the waker of an async function, under the number it got before or a new one; returns
    /// the number and the waker it replaces.
    #[must_use]
    pub(crate) fn enlist(
        &mut self,
        number: Option<u64>,
        wanted: Bits,
        waker: &Waker,
    ) -> (u64, Option<Waker>) {
        let known =
            number.and_then(|number| self.list.iter_mut().find(|waiter| waiter.number == number));
        if let Some(waiter) = known {
            let old = (!waiter.waker.will_wake(waker))
                .then(|| std::mem::replace(&mut waiter.waker, waker.clone()));
            return (waiter.number, old);
        }
        let number = number.unwrap_or_else(|| {
            self.next_number += 1;
            self.next_number
        });
        self.list.push(Waiter {
            number,
            wanted,
            waker: waker.clone(),
        });
        (number, None)
    }

    /// Forgets an async function that was dropped; returns its waker, to be dropped outside locks.
    #[must_use]
    pub(crate) fn delist(&mut self, number: u64) -> Option<Waker> {
        let at = self
            .list
            .iter()
            .position(|waiter| waiter.number == number)?;
        Some(self.list.remove(at).waker)
    }

    /// Moves the wakers that `ready` concerns to `wakers`.
    pub(crate) fn take(&mut self, ready: Bits, wakers: &mut Vec<Waker>) {
        if ready.intersects(Direction::Read.bits()) {
            wakers.extend(self.reader.take());
        }
        if ready.intersects(Direction::Write.bits()) {
            wakers.extend(self.writer.take());
        }
        if self.list.is_empty() {
            return;
        }
        wakers.extend(
            self.list
                .extract_if(.., |waiter| waiter.wanted.intersects(ready))
                .map(|waiter| waiter.waker),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::Waiters;
    use crate::ready::{Bits, Direction};
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::{Wake, Waker};

    struct Count(AtomicUsize);
    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn waker() -> (Waker, Arc<Count>) {
        let count = Arc::new(Count(AtomicUsize::new(0)));
        (Waker::from(count.clone()), count)
    }

    #[test]
    fn only_the_last_poller_of_a_direction_is_kept() {
        let (mut waiters, (first, first_count), (last, last_count)) =
            (Waiters::default(), waker(), waker());
        assert!(waiters.set(Direction::Read, &first).is_none());
        assert!(waiters.set(Direction::Read, &last).is_some());
        let mut wakers = Vec::new();
        waiters.take(Bits::READABLE, &mut wakers);
        wakers.into_iter().for_each(Waker::wake);
        assert_eq!(
            (
                first_count.0.load(Ordering::Relaxed),
                last_count.0.load(Ordering::Relaxed)
            ),
            (0, 1)
        );
    }

    #[test]
    fn every_async_waiter_is_kept_and_taken_by_interest() {
        let mut waiters = Waiters::default();
        let (waker, _) = waker();
        let (reader, _) = waiters.enlist(None, Bits::READABLE, &waker);
        let (writer, _) = waiters.enlist(None, Bits::WRITABLE, &waker);
        assert_ne!(reader, writer);
        let (again, _) = waiters.enlist(Some(reader), Bits::READABLE, &waker);
        assert_eq!(again, reader);
        let mut wakers = Vec::new();
        waiters.take(Bits::READABLE, &mut wakers);
        assert_eq!(wakers.len(), 1);
        assert!(waiters.delist(reader).is_none());
        assert!(waiters.delist(writer).is_some());
    }
}
