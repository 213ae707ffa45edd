//! Readiness of one socket: what is known, and when it was learnt. Pure, but for one atomic.
//!
//! The same rules as tokio's `PollEvented`: an event adds readiness and moves the tick; a caller who
//! found the socket not ready clears only what it saw itself, recognised by the tick; the closed
//! states are never cleared.

use std::sync::atomic::{AtomicU64, Ordering};

use rustix::event::PollFlags;
use tokio::io::{Interest, Ready};

/// Which half of a socket an operation waits on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Bytes, connections or the end of the stream.
    Read,
    /// Room in the send buffer.
    Write,
}

/// A set of readiness states.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bits(u8);

impl Bits {
    pub(crate) const NONE: Bits = Bits(0);
    pub(crate) const READABLE: Bits = Bits(1);
    pub(crate) const WRITABLE: Bits = Bits(2);
    const READ_CLOSED: Bits = Bits(4);
    const WRITE_CLOSED: Bits = Bits(8);
    const PRIORITY: Bits = Bits(16);
    const ERROR: Bits = Bits(32);
    pub(crate) const BOTH: Bits = Bits(3);
    pub(crate) const ALL: Bits = Bits(63);
    const CLOSED: Bits = Bits(12);
    /// The peer sends no more.
    pub(crate) const END_OF_STREAM: Bits = Bits(1 | 4);

    /// The directions whose polls can report any of this. Errors come with either.
    pub(crate) fn directions(self) -> impl Iterator<Item = Direction> {
        let writes = self.intersects(Direction::Write.bits());
        let reads = !writes || self.intersects(Direction::Read.bits());
        let reads = reads || self.intersects(Bits::PRIORITY);
        Direction::ALL
            .into_iter()
            .filter(move |direction| match direction {
                Direction::Read => reads,
                Direction::Write => writes,
            })
    }

    /// What poll(2) bits mean, by the rules that mio applies to epoll's.
    pub(crate) fn from_poll(seen: PollFlags) -> Bits {
        let mut bits = Bits::NONE;
        let mut add = |condition, more| {
            if condition {
                bits = bits.union(more);
            }
        };
        add(
            seen.intersects(PollFlags::IN | PollFlags::PRI),
            Bits::READABLE,
        );
        add(seen.contains(PollFlags::OUT), Bits::WRITABLE);
        add(
            seen.contains(PollFlags::HUP) || seen.contains(PollFlags::IN | PollFlags::RDHUP),
            Bits::READ_CLOSED,
        );
        add(
            seen.contains(PollFlags::HUP)
                || seen.contains(PollFlags::OUT | PollFlags::ERR)
                || seen == PollFlags::ERR,
            Bits::WRITE_CLOSED,
        );
        add(seen.contains(PollFlags::PRI), Bits::PRIORITY);
        add(seen.contains(PollFlags::ERR), Bits::ERROR);
        bits
    }

    /// What satisfies `interest`.
    pub(crate) fn of(interest: Interest) -> Bits {
        let mut bits = Bits::NONE;
        if interest.is_readable() {
            bits = bits.union(Bits::READABLE).union(Bits::READ_CLOSED);
        }
        if interest.is_writable() {
            bits = bits.union(Bits::WRITABLE).union(Bits::WRITE_CLOSED);
        }
        if interest.is_priority() {
            bits = bits.union(Bits::PRIORITY).union(Bits::READ_CLOSED);
        }
        if interest.is_error() {
            bits = bits.union(Bits::ERROR);
        }
        bits
    }

    /// tokio's type for the same set.
    pub(crate) fn to_ready(self) -> Ready {
        [
            (Bits::READABLE, Ready::READABLE),
            (Bits::WRITABLE, Ready::WRITABLE),
            (Bits::READ_CLOSED, Ready::READ_CLOSED),
            (Bits::WRITE_CLOSED, Ready::WRITE_CLOSED),
            (Bits::PRIORITY, Ready::PRIORITY),
            (Bits::ERROR, Ready::ERROR),
        ]
        .into_iter()
        .filter(|(bit, _)| self.intersects(*bit))
        .fold(Ready::EMPTY, |ready, (_, more)| ready | more)
    }

    /// Whether a receive satisfies whoever waits for this.
    pub(crate) const fn is_of_reads(self) -> bool {
        self.0 & !Bits::END_OF_STREAM.0 == 0
    }

    pub(crate) const fn union(self, other: Bits) -> Bits {
        Bits(self.0 | other.0)
    }

    pub(crate) const fn intersection(self, other: Bits) -> Bits {
        Bits(self.0 & other.0)
    }

    pub(crate) const fn intersects(self, other: Bits) -> bool {
        self.0 & other.0 != 0
    }

    pub(crate) const fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub(crate) const fn raw(self) -> u8 {
        self.0
    }

    pub(crate) const fn from_raw(raw: u8) -> Bits {
        Bits(raw & Bits::ALL.0)
    }

    /// Without `other`, except for the closed states, which last.
    pub(crate) const fn clear(self, other: Bits) -> Bits {
        Bits(self.0 & !(other.0 & !Bits::CLOSED.0))
    }
}

impl Direction {
    pub(crate) const ALL: [Direction; 2] = [Direction::Read, Direction::Write];

    pub(crate) fn index(self) -> usize {
        match self {
            Direction::Read => 0,
            Direction::Write => 1,
        }
    }

    /// The poll(2) bits that its poll asks for; `POLLERR` and `POLLHUP` come unasked.
    pub(crate) fn poll_events(self) -> PollFlags {
        match self {
            Direction::Read => PollFlags::IN | PollFlags::RDHUP,
            Direction::Write => PollFlags::OUT,
        }
    }

    pub(crate) fn interest(self) -> Interest {
        match self {
            Direction::Read => Interest::READABLE,
            Direction::Write => Interest::WRITABLE,
        }
    }

    pub(crate) fn bits(self) -> Bits {
        match self {
            Direction::Read => Bits::READABLE.union(Bits::READ_CLOSED),
            Direction::Write => Bits::WRITABLE.union(Bits::WRITE_CLOSED),
        }
    }
}

/// Readiness as it was at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Snapshot {
    pub(crate) ready: Bits,
    tick: u32,
}

/// The current readiness: bits 0 to 7 the set, bit 8 "nobody has looked yet", bits 32 to 63 the tick.
#[derive(Debug)]
pub(crate) struct ReadyState(AtomicU64);

const UNVERIFIED: u64 = 1 << 8;
const TICK_SHIFT: u32 = 32;

impl ReadyState {
    /// A socket that is taken to be ready for `assumed`.
    pub(crate) fn assumed(assumed: Bits) -> ReadyState {
        ReadyState(AtomicU64::new(u64::from(assumed.raw())))
    }

    /// A socket of which nothing is known: the first who asks looks with poll(2).
    pub(crate) fn unverified() -> ReadyState {
        ReadyState(AtomicU64::new(UNVERIFIED))
    }

    /// What of `wanted` is ready now.
    pub(crate) fn load(&self, wanted: Bits) -> Snapshot {
        // Acquire: pairs with the Release in `add`, so that who sees the readiness also sees what
        // led to it (a connection queued, say).
        let state = self.0.load(Ordering::Acquire);
        Snapshot {
            ready: bits_of(state).intersection(wanted),
            tick: tick_of(state),
        }
    }

    /// Adds what an event brought.
    pub(crate) fn add(&self, more: Bits) {
        self.update(Ordering::AcqRel, |state| {
            let tick = u64::from(tick_of(state).wrapping_add(1)) << TICK_SHIFT;
            Some(tick | u64::from(bits_of(state).union(more).raw()))
        });
    }

    /// Takes back what `seen` showed, unless an event has come since.
    pub(crate) fn clear(&self, seen: Snapshot) {
        self.update(Ordering::AcqRel, |state| {
            (tick_of(state) == seen.tick)
                .then(|| (state & !0xff) | u64::from(bits_of(state).clear(seen.ready).raw()))
        });
    }

    /// Has the next caller look with poll(2): something may have come that was not reported.
    pub(crate) fn set_unverified(&self) {
        self.0.fetch_or(UNVERIFIED, Ordering::AcqRel);
    }

    /// Whether nobody has looked yet; the next caller gets `false`.
    pub(crate) fn take_unverified(&self) -> bool {
        self.0.load(Ordering::Relaxed) & UNVERIFIED != 0
            && self.0.fetch_and(!UNVERIFIED, Ordering::AcqRel) & UNVERIFIED != 0
    }

    fn update(&self, ordering: Ordering, next: impl FnMut(u64) -> Option<u64>) {
        // An Err is `clear` that came too late: the newer readiness stays.
        let _ = self.0.fetch_update(ordering, Ordering::Acquire, next);
    }
}

fn bits_of(state: u64) -> Bits {
    Bits::from_raw((state & 0xff) as u8)
}

fn tick_of(state: u64) -> u32 {
    (state >> TICK_SHIFT) as u32
}

#[cfg(test)]
mod tests {
    use super::{Bits, ReadyState};
    use rustix::event::PollFlags;

    #[test]
    fn clearing_leaves_what_an_event_brought_meanwhile() {
        let state = ReadyState::assumed(Bits::READABLE);
        let seen = state.load(Bits::ALL);
        state.add(Bits::READABLE);
        state.clear(seen);
        assert_eq!(state.load(Bits::ALL).ready, Bits::READABLE);
        state.clear(state.load(Bits::ALL));
        assert_eq!(state.load(Bits::ALL).ready, Bits::NONE);
    }

    #[test]
    fn closed_states_are_never_cleared() {
        let state = ReadyState::assumed(Bits::NONE);
        state.add(Bits::from_poll(PollFlags::IN | PollFlags::RDHUP));
        state.clear(state.load(Bits::ALL));
        assert_eq!(state.load(Bits::ALL).ready, Bits::READ_CLOSED);
    }

    #[test]
    fn only_the_wanted_part_is_cleared() {
        let state = ReadyState::assumed(Bits::BOTH);
        state.clear(state.load(Bits::READABLE));
        assert_eq!(state.load(Bits::ALL).ready, Bits::WRITABLE);
    }

    #[test]
    fn the_tick_wraps_without_a_panic() {
        let state = ReadyState(std::sync::atomic::AtomicU64::new(u64::from(u32::MAX) << 32));
        state.add(Bits::READABLE);
        state.clear(state.load(Bits::ALL));
        assert_eq!(state.load(Bits::ALL).ready, Bits::NONE);
    }

    #[test]
    fn the_first_who_asks_verifies() {
        let state = ReadyState::unverified();
        assert!(state.take_unverified());
        assert!(!state.take_unverified());
        state.add(Bits::WRITABLE);
        assert_eq!(state.load(Bits::ALL).ready, Bits::WRITABLE);
        state.set_unverified();
        assert_eq!(state.load(Bits::ALL).ready, Bits::WRITABLE);
        assert!(state.take_unverified() && !state.take_unverified());
    }

    #[test]
    fn a_reset_closes_both_halves() {
        let seen =
            PollFlags::IN | PollFlags::OUT | PollFlags::ERR | PollFlags::HUP | PollFlags::RDHUP;
        let bits = Bits::from_poll(seen);
        assert!(bits.intersects(Bits::READ_CLOSED) && bits.intersects(Bits::WRITE_CLOSED));
        assert!(bits.intersects(Bits::ERROR));
    }
}
