//! Which writes of a Completion socket go to the kernel at once, and which wait for company. Pure.
//!
//! Writes are counted in *rounds*: a round ends when a read has taken bytes from the kernel or is
//! about to wait, with a turn of the driver that sends the queue, and with a flush. A lone write that waits would
//! only come late, so it has to be expected that more will follow before a write is queued:
//!
//! | the socket | first write of a round | later writes of it |
//! |---|---|---|
//! | wrote twice or more in each of its last [`COALESCING_ROUNDS_MIN`] rounds that wrote | queued | queued |
//! | did not | at once | queued |
//! | writes more than [`QUEUED_WRITE_BYTES_MAX`] bytes, not as an owned buffer | at once, behind the queue | at once, behind the queue |
//! | has no [`Room`] for what is queued and the write | at once, behind the queue | at once, behind the queue |

use std::sync::atomic::{AtomicU16, AtomicUsize, Ordering};

use crate::limits::{COALESCING_ROUNDS_MIN, QUEUED_WRITE_BYTES_MAX, SEND_OVERHEAD_BYTES};

/// What becomes of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    /// Send it now, behind what is queued.
    Send,
    /// Append it to the queue.
    Queue,
}

/// What a socket has shown of how it writes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct WritePolicy {
    /// Writes of the current round; more than two count as two.
    writes: u8,
    /// Rounds in a row with two writes or more; more than `COALESCING_ROUNDS_MIN` count as that.
    rounds: u8,
}

impl WritePolicy {
    /// What is to become of a write of `bytes` bytes. It counts when it is done: `on_written`.
    pub(crate) fn decide(self, bytes: usize) -> Decision {
        if bytes > QUEUED_WRITE_BYTES_MAX {
            Decision::Send
        } else {
            self.decide_owned()
        }
    }

    /// The same for an owned buffer, which waits without a copy and so may be of any size.
    pub(crate) fn decide_owned(self) -> Decision {
        let is_first = self.writes == 0;
        if is_first && !self.coalesces() {
            Decision::Send
        } else {
            Decision::Queue
        }
    }

    /// A write was queued or sent.
    pub(crate) fn on_written(&mut self) {
        self.writes = (self.writes + 1).min(2);
    }

    /// The end of a round.
    pub(crate) fn end_round(&mut self) {
        match self.writes {
            // Nothing was written: that says nothing.
            0 => {}
            1 => self.rounds = 0,
            _ => self.rounds = (self.rounds + 1).min(COALESCING_ROUNDS_MIN),
        }
        self.writes = 0;
    }

    /// Whether the first write of a round waits too.
    pub(crate) fn coalesces(self) -> bool {
        self.rounds == COALESCING_ROUNDS_MIN
    }
}

/// How much the kernel surely takes of a socket: what is queued must find room there, or bytes that
/// were accepted could not be sent when the stream is dropped or the process ends.
///
/// The kernel is asked when the credit of the last answer is used up, which is after many sends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Room {
    credit_bytes: usize,
}

impl Room {
    /// Whether `bytes` bytes fit; asks `measure`, the memory that the kernel has left for the
    /// socket, where the credit does not say so.
    pub(crate) fn has(&mut self, bytes: usize, measure: impl FnOnce() -> usize) -> bool {
        if bytes > self.credit_bytes {
            // Half of it is for the kernel's own overhead.
            self.credit_bytes = measure() / 2;
        }
        bytes <= self.credit_bytes
    }

    /// A send of `bytes` bytes went to the kernel. That it may have left it again counts for
    /// nothing until the next measurement.
    pub(crate) fn on_send(&mut self, bytes: usize) {
        self.credit_bytes = self
            .credit_bytes
            .saturating_sub(bytes + SEND_OVERHEAD_BYTES);
    }

    /// The kernel has refused a send: what was measured is not true.
    pub(crate) fn on_full(&mut self) {
        self.credit_bytes = 0;
    }
}

/// Policy and room of one socket, shared by its reader, its writer and the driver without a lock.
///
/// Each change is a load and a store. Where two of them meet, one is lost: a guess about the next
/// writes is then a little worse, or the kernel is asked a little earlier or later.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    policy: AtomicU16,
    credit_bytes: AtomicUsize,
}

impl Pace {
    pub(crate) fn policy(&self) -> WritePolicy {
        let [writes, rounds] = self.policy.load(Ordering::Relaxed).to_le_bytes();
        WritePolicy { writes, rounds }
    }

    fn set_policy(&self, policy: WritePolicy) {
        let bits = u16::from_le_bytes([policy.writes, policy.rounds]);
        self.policy.store(bits, Ordering::Relaxed);
    }

    fn room(&self) -> Room {
        Room {
            credit_bytes: self.credit_bytes.load(Ordering::Relaxed),
        }
    }

    fn set_room(&self, room: Room) {
        self.credit_bytes
            .store(room.credit_bytes, Ordering::Relaxed);
    }

    /// A write was queued or sent.
    pub(crate) fn on_written(&self) {
        let mut policy = self.policy();
        policy.on_written();
        self.set_policy(policy);
    }

    /// The end of a round.
    pub(crate) fn end_round(&self) {
        let mut policy = self.policy();
        if policy.writes > 0 {
            policy.end_round();
            self.set_policy(policy);
        }
    }

    /// [`Room::has`].
    pub(crate) fn has_room(&self, bytes: usize, measure: impl FnOnce() -> usize) -> bool {
        let mut room = self.room();
        let has_room = room.has(bytes, measure);
        self.set_room(room);
        has_room
    }

    /// [`Room::on_send`].
    pub(crate) fn on_send(&self, bytes: usize) {
        let mut room = self.room();
        room.on_send(bytes);
        self.set_room(room);
    }

    /// [`Room::on_full`].
    pub(crate) fn on_full(&self) {
        let mut room = self.room();
        room.on_full();
        self.set_room(room);
    }
}

#[cfg(test)]
mod tests {
    use super::{Decision, Room, WritePolicy};
    use crate::limits::{COALESCING_ROUNDS_MIN, QUEUED_WRITE_BYTES_MAX, SEND_OVERHEAD_BYTES};

    fn write(policy: &mut WritePolicy, bytes: usize) -> Decision {
        let decision = policy.decide(bytes);
        policy.on_written();
        decision
    }

    fn round(policy: &mut WritePolicy, writes: usize) -> Vec<Decision> {
        let decisions = (0..writes).map(|_| write(policy, 16)).collect();
        policy.end_round();
        decisions
    }

    fn coalescing() -> WritePolicy {
        let mut policy = WritePolicy::default();
        for _ in 0..COALESCING_ROUNDS_MIN {
            round(&mut policy, 2);
        }
        policy
    }

    #[test]
    fn the_first_write_of_a_round_goes_at_once_and_the_others_wait() {
        let mut policy = WritePolicy::default();
        let expected = [Decision::Send, Decision::Queue, Decision::Queue];
        assert_eq!(round(&mut policy, 3), expected);
        assert_eq!(round(&mut policy, 3), expected);
    }

    #[test]
    fn a_socket_seen_to_write_twice_in_each_round_queues_from_the_first() {
        let mut policy = WritePolicy::default();
        for _ in 0..COALESCING_ROUNDS_MIN {
            assert_eq!(round(&mut policy, 2), [Decision::Send, Decision::Queue]);
        }
        assert_eq!(round(&mut policy, 2), [Decision::Queue, Decision::Queue]);
    }

    #[test]
    fn one_round_with_a_lone_write_starts_the_count_anew() {
        let mut policy = coalescing();
        assert_eq!(round(&mut policy, 1), [Decision::Queue]);
        for _ in 0..COALESCING_ROUNDS_MIN {
            assert_eq!(round(&mut policy, 2)[0], Decision::Send);
        }
        assert_eq!(round(&mut policy, 2)[0], Decision::Queue);
    }

    #[test]
    fn a_round_without_writes_says_nothing() {
        let mut policy = coalescing();
        policy.end_round();
        policy.end_round();
        assert_eq!(round(&mut policy, 2)[0], Decision::Queue);
    }

    #[test]
    fn a_large_write_never_waits() {
        let mut policy = coalescing();
        assert_eq!(write(&mut policy, QUEUED_WRITE_BYTES_MAX), Decision::Queue);
        assert_eq!(
            write(&mut policy, QUEUED_WRITE_BYTES_MAX + 1),
            Decision::Send
        );
    }

    #[test]
    fn an_owned_buffer_waits_whatever_its_size_but_not_as_the_first() {
        let mut policy = WritePolicy::default();
        assert_eq!(policy.decide_owned(), Decision::Send);
        policy.on_written();
        assert_eq!(policy.decide_owned(), Decision::Queue);
        assert_eq!(coalescing().decide_owned(), Decision::Queue);
    }

    #[test]
    fn the_kernel_is_asked_again_when_its_last_answer_is_used_up() {
        let mut room = Room::default();
        assert!(room.has(100, || 1000));
        assert!(room.has(500, || unreachable!("half of 1000 is known to fit")));
        room.on_send(1);
        assert!(!room.has(500, || 998));
        assert!(room.has(499, || unreachable!("it was measured just now")));
        room.on_full();
        assert!(!room.has(1, || 0));
    }

    #[test]
    fn many_small_sends_use_the_credit_up() {
        let mut room = Room::default();
        assert!(room.has(1, || 10 * SEND_OVERHEAD_BYTES));
        for _ in 0..5 {
            room.on_send(1);
        }
        assert!(!room.has(1, || 0));
    }
}
