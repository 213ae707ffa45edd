//! Bytes that a Completion socket has received ahead of its reader. Pure.
//!
//! | state | leaves on |
//! |---|---|
//! | empty | a receive that brought more than its reader wanted -> bytes ahead, in one leased buffer |
//! | bytes ahead | the reads that follow; the last gives the buffer back -> empty |
//!
//! An empty queue has no buffer: an idle connection costs none.

use crate::flow::pool::Lease;

/// The bytes ahead of one socket.
#[derive(Debug, Default)]
pub(crate) struct RecvQueue {
    buffer: Option<Lease>,
    start: usize,
    end: usize,
}

impl RecvQueue {
    /// What waits for the reader.
    pub(crate) fn ahead(&self) -> &[u8] {
        match &self.buffer {
            Some(buffer) => &buffer[self.start..self.end],
            None => &[],
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.buffer.is_none()
    }

    /// Keeps `buffer[start..end]`; a range without a byte gives the buffer back at once.
    pub(crate) fn keep(&mut self, buffer: Lease, start: usize, end: usize) {
        debug_assert!(self.is_empty(), "one buffer at a time");
        if start < end {
            self.buffer = Some(buffer);
            (self.start, self.end) = (start, end);
        }
    }

    /// Drops the first `count` bytes: the reader has them.
    ///
    /// # Panics
    /// If there are fewer.
    pub(crate) fn consume(&mut self, count: usize) {
        assert!(
            count <= self.ahead().len(),
            "no more can be read than is there"
        );
        self.start += count;
        if self.start == self.end {
            self.buffer = None;
            (self.start, self.end) = (0, 0);
        }
    }

    /// Takes everything, with its buffer.
    pub(crate) fn take(&mut self) -> Option<(Lease, std::ops::Range<usize>)> {
        let range = self.start..self.end;
        (self.start, self.end) = (0, 0);
        self.buffer.take().map(|buffer| (buffer, range))
    }
}

#[cfg(test)]
mod tests {
    use super::RecvQueue;
    use crate::flow::pool::Pool;

    #[test]
    fn bytes_ahead_are_read_once_in_order_and_give_their_buffer_back() {
        let pool = Pool::new(1);
        let mut queue = RecvQueue::default();
        let mut buffer = pool.lease().unwrap();
        buffer[..5].copy_from_slice(b"hello");
        queue.keep(buffer, 1, 5);
        assert_eq!(queue.ahead(), b"ello");
        assert!(pool.lease().is_none());
        queue.consume(3);
        assert_eq!(queue.ahead(), b"o");
        queue.consume(1);
        assert!(queue.is_empty() && queue.ahead().is_empty());
        assert!(pool.lease().is_some());
    }

    #[test]
    fn nothing_to_keep_gives_the_buffer_back_at_once() {
        let pool = Pool::new(1);
        let mut queue = RecvQueue::default();
        queue.keep(pool.lease().unwrap(), 7, 7);
        assert!(queue.is_empty());
        assert!(pool.lease().is_some());
    }

    #[test]
    #[should_panic(expected = "no more can be read than is there")]
    fn more_than_there_is_cannot_be_read() {
        let pool = Pool::new(1);
        let mut queue = RecvQueue::default();
        queue.keep(pool.lease().unwrap(), 0, 2);
        queue.consume(3);
    }
}
