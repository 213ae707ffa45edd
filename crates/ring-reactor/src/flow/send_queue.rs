//! Bytes that were accepted from a writer and not yet by the kernel, in order. Pure.
//!
//! | part | holds | grows by |
//! |---|---|---|
//! | `copied` | bytes copied from small writes | `push`, while `owned` is empty |
//! | `owned` | buffers that came by value | `push_owned`; `push` too, once there is one |
//! | `spent` | owned buffers that have left | `advance`, `clear` |
//!
//! `copied` leaves before `owned`. What has left is never sent again. Owned buffers that have left are
//! `spent`: their drop is code of the program's, so it waits for whoever has no lock (`take_spent`).

use std::collections::VecDeque;
use std::io::IoSlice;

use bytes::{Buf, Bytes};

use crate::limits::KEPT_BYTES_MAX;

/// The queue of one socket.
#[derive(Debug, Default)]
pub(crate) struct SendQueue {
    copied: Vec<u8>,
    /// How much of `copied` has left.
    left: usize,
    owned: VecDeque<Bytes>,
    owned_bytes: usize,
    spent: Vec<Bytes>,
}

impl SendQueue {
    pub(crate) fn bytes(&self) -> usize {
        self.copied.len() - self.left + self.owned_bytes
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.bytes() == 0
    }

    /// How many pieces there are: what one send takes is limited.
    pub(crate) fn pieces(&self) -> usize {
        usize::from(self.left < self.copied.len()) + self.owned.len()
    }

    /// Appends a copy of `parts`, which have `bytes` bytes together, as one piece.
    pub(crate) fn push<'a>(&mut self, parts: impl Iterator<Item = &'a [u8]>, bytes: usize) {
        if self.owned.is_empty() {
            parts.for_each(|part| self.copied.extend_from_slice(part));
        } else {
            let mut piece = Vec::with_capacity(bytes);
            parts.for_each(|part| piece.extend_from_slice(part));
            self.push_owned(Bytes::from(piece));
        }
    }

    /// Appends `bytes` without a copy.
    pub(crate) fn push_owned(&mut self, bytes: Bytes) {
        if !bytes.is_empty() {
            self.owned_bytes += bytes.len();
            self.owned.push_back(bytes);
        }
    }

    /// The beginning of the queue if one piece is all of it.
    pub(crate) fn as_one(&self) -> Option<&[u8]> {
        match (&self.copied[self.left..], self.owned.len()) {
            (copied, 0) => Some(copied),
            ([], 1) => self.owned.front().map(|bytes| &bytes[..]),
            _ => None,
        }
    }

    /// Puts the pieces of the queue, in order, into `slices`; returns how many fitted.
    pub(crate) fn slices<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> usize {
        let copied = &self.copied[self.left..];
        let pieces = std::iter::once(copied)
            .filter(|copied| !copied.is_empty())
            .chain(self.owned.iter().map(|bytes| &bytes[..]));
        slices
            .iter_mut()
            .zip(pieces)
            .map(|(slice, piece)| *slice = IoSlice::new(piece))
            .count()
    }

    /// Drops the first `count` bytes: they have left.
    ///
    /// # Panics
    /// If there are fewer.
    pub(crate) fn advance(&mut self, count: usize) {
        assert!(count <= self.bytes(), "no more can leave than was queued");
        let copied = count.min(self.copied.len() - self.left);
        self.left += copied;
        if self.left == self.copied.len() {
            self.copied.clear();
            // A queue may stay empty for long: it keeps little.
            self.copied.shrink_to(KEPT_BYTES_MAX);
            self.left = 0;
        }
        let mut rest = count - copied;
        self.owned_bytes -= rest;
        while rest > 0 {
            let Some(front) = self.owned.front_mut() else {
                unreachable!("`bytes` has counted them")
            };
            let part = rest.min(front.len());
            front.advance(part);
            rest -= part;
            if front.is_empty() {
                self.spent.extend(self.owned.pop_front());
            }
        }
        if self.owned.is_empty() {
            self.owned.shrink_to(KEPT_BYTES_MAX / size_of::<Bytes>());
        }
    }

    /// Forgets everything: the connection is gone.
    pub(crate) fn clear(&mut self) {
        let mut cleared = std::mem::take(self);
        self.spent = cleared.spent;
        self.spent.extend(cleared.owned.drain(..));
    }

    /// The owned buffers that are done with, to be dropped without a lock.
    #[must_use]
    pub(crate) fn take_spent(&mut self) -> Vec<Bytes> {
        std::mem::take(&mut self.spent)
    }
}

#[cfg(test)]
mod tests {
    use super::SendQueue;
    use bytes::Bytes;
    use std::io::IoSlice;

    fn push(queue: &mut SendQueue, bytes: &[u8]) {
        queue.push(bytes.chunks(3), bytes.len());
    }

    fn content(queue: &SendQueue) -> Vec<u8> {
        let mut slices = [IoSlice::new(&[]); 64];
        let count = queue.slices(&mut slices);
        slices[..count]
            .iter()
            .flat_map(|slice| slice.iter().copied())
            .collect()
    }

    #[test]
    fn copies_and_owned_buffers_leave_in_the_order_of_the_writes() {
        let mut queue = SendQueue::default();
        push(&mut queue, b"one ");
        queue.push_owned(Bytes::from_static(b"two "));
        push(&mut queue, b"three ");
        queue.push_owned(Bytes::new());
        queue.push_owned(Bytes::from_static(b"four"));
        assert_eq!(content(&queue), b"one two three four");
        assert_eq!(queue.as_one(), None);
        queue.advance(6);
        assert_eq!(content(&queue), b"o three four");
        queue.advance(queue.bytes());
        assert!(queue.is_empty());
        assert_eq!(queue.as_one(), Some(&[][..]));
    }

    #[test]
    fn an_empty_queue_keeps_little_memory() {
        let mut queue = SendQueue::default();
        push(&mut queue, &[0; 16 * 1024]);
        queue.advance(16 * 1024);
        assert!(queue.copied.capacity() <= super::KEPT_BYTES_MAX);
    }

    #[test]
    fn copies_behind_an_owned_buffer_are_one_piece_each() {
        let mut queue = SendQueue::default();
        assert_eq!(queue.pieces(), 0);
        push(&mut queue, b"copied");
        push(&mut queue, b"copied");
        assert_eq!(queue.pieces(), 1);
        queue.push_owned(Bytes::from_static(b"owned"));
        push(&mut queue, b"copied in many parts");
        assert_eq!(queue.pieces(), 3);
        queue.advance(13);
        assert_eq!(queue.pieces(), 2);
    }

    #[test]
    fn owned_buffers_that_have_left_or_were_forgotten_wait_for_their_drop() {
        let mut queue = SendQueue::default();
        let bytes = Bytes::from(vec![1; 10]);
        queue.push_owned(bytes.clone());
        queue.push_owned(bytes.clone());
        queue.advance(9);
        assert!(queue.take_spent().is_empty());
        queue.advance(1);
        queue.clear();
        assert!(queue.is_empty() && !bytes.is_unique());
        assert_eq!(queue.take_spent().len(), 2);
        assert!(bytes.is_unique());
    }

    #[test]
    fn one_piece_is_found_in_either_part() {
        let mut queue = SendQueue::default();
        push(&mut queue, b"copied");
        assert_eq!(queue.as_one(), Some(&b"copied"[..]));
        queue.advance(6);
        queue.push_owned(Bytes::from_static(b"owned"));
        assert_eq!(queue.as_one(), Some(&b"owned"[..]));
    }

    #[test]
    #[should_panic(expected = "no more can leave than was queued")]
    fn more_than_there_is_cannot_leave() {
        let mut queue = SendQueue::default();
        push(&mut queue, b"four");
        queue.advance(5);
    }

    /// A generator of our own, small and seeded: `SEED=` replays.
    fn random_numbers() -> impl FnMut(usize) -> usize {
        let seed = std::env::var("SEED")
            .ok()
            .and_then(|seed| seed.parse().ok());
        let mut state: u64 = seed.unwrap_or(0x9E37_79B9_7F4A_7C15);
        println!("SEED={state}");
        move |below| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            usize::try_from(state >> 33).unwrap() % below
        }
    }

    #[test]
    fn any_order_of_writes_and_sends_leaves_every_byte_once() {
        let mut random = random_numbers();
        for _ in 0..200 {
            let mut queue = SendQueue::default();
            let (mut written, mut sent) = (Vec::new(), Vec::new());
            for _ in 0..200 {
                let size = random(100);
                let bytes: Vec<u8> = (0..size)
                    .map(|at| u8::try_from((written.len() + at) % 251).unwrap())
                    .collect();
                match random(3) {
                    0 => push(&mut queue, &bytes),
                    1 => queue.push_owned(Bytes::from(bytes.clone())),
                    _ => {
                        let all = content(&queue);
                        let count = random(all.len() + 1);
                        sent.extend_from_slice(&all[..count]);
                        queue.advance(count);
                        continue;
                    }
                }
                written.extend(bytes);
                assert_eq!(queue.bytes(), written.len() - sent.len());
            }
            // At most 64 pieces at a time, as a sender does it.
            while !queue.is_empty() {
                let next = content(&queue);
                queue.advance(next.len());
                sent.extend(next);
            }
            assert_eq!(sent, written);
        }
    }
}
