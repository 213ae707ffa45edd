//! Receive buffers that a program holds, a bounded number for each stream. Pure.
//!
//! The bound is the stream's own, so whoever keeps leases holds back his own peer and nobody else, and
//! at most one task waits: the stream's reader.

use std::fmt;
use std::ops::{Deref, Range};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use parking_lot::Mutex;

use super::pool;
use crate::limits::STREAM_LEASES_MAX;

/// Bytes that were received, in the buffer that they were received into: no copy was made.
///
/// Dropping the lease gives the buffer back to its runtime. It may be kept for as long as it is needed,
/// also when the stream and the runtime are gone, and be sent to other threads. Whoever keeps it for
/// long keeps 4 KiB, however few bytes there are.
///
/// A lease without a byte is the end of the stream; it holds no buffer.
pub struct Lease(Option<Held>);

struct Held {
    buffer: pool::Lease,
    range: Range<usize>,
    // Below `buffer`, and so dropped after it: who is woken finds it back.
    _permit: Permit,
}

impl Lease {
    /// The end of a stream.
    pub(crate) fn empty() -> Lease {
        Lease(None)
    }

    /// What of `buffer` is in `range`.
    pub(crate) fn new(buffer: pool::Lease, range: Range<usize>, permit: Permit) -> Lease {
        Lease(Some(Held {
            buffer,
            range,
            _permit: permit,
        }))
    }
}

impl Deref for Lease {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match &self.0 {
            Some(held) => &held.buffer[held.range.clone()],
            None => &[],
        }
    }
}

impl AsRef<[u8]> for Lease {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

/// Without a copy: the buffer goes back when the last clone and slice is dropped.
impl From<Lease> for Bytes {
    fn from(lease: Lease) -> Bytes {
        match lease.0 {
            Some(_) => Bytes::from_owner(lease),
            None => Bytes::new(),
        }
    }
}

impl fmt::Debug for Lease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lease").field("bytes", &self.len()).finish()
    }
}

/// How many leases of one stream are out; clones share it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Allowance(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    held: usize,
    waiter: Option<Waker>,
}

impl Allowance {
    /// A permit for one lease more. If there is none, the task of `cx` is woken when one comes back;
    /// the last task that asked.
    pub(crate) fn poll_permit(&self, cx: &mut Context<'_>) -> Poll<Permit> {
        let mut state = self.0.lock();
        let (polled, waiter) = if state.held < STREAM_LEASES_MAX {
            state.held += 1;
            (Poll::Ready(Permit(self.clone())), None)
        } else {
            (Poll::Pending, Some(cx.waker().clone()))
        };
        let replaced = std::mem::replace(&mut state.waiter, waiter);
        drop(state);
        drop(replaced);
        polled
    }
}

/// The right to one lease; its drop gives it back.
#[derive(Debug)]
pub(crate) struct Permit(Allowance);

impl Drop for Permit {
    fn drop(&mut self) {
        let waiter = {
            let mut state = self.0.0.lock();
            state.held -= 1;
            state.waiter.take()
        };
        if let Some(waiter) = waiter {
            waiter.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Allowance, Lease, Permit};
    use crate::flow::pool::Pool;
    use crate::limits::STREAM_LEASES_MAX;
    use bytes::Bytes;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::{Context, Poll, Wake, Waker};

    #[derive(Default)]
    struct Count(AtomicUsize);
    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn all(allowance: &Allowance) -> Vec<Permit> {
        let mut cx = Context::from_waker(Waker::noop());
        std::iter::from_fn(|| match allowance.poll_permit(&mut cx) {
            Poll::Ready(permit) => Some(permit),
            Poll::Pending => None,
        })
        .collect()
    }

    #[test]
    fn a_stream_gets_so_many_leases_and_its_reader_is_woken_once_by_the_next_that_returns() {
        let allowance = Allowance::default();
        let mut permits = all(&allowance);
        assert_eq!(permits.len(), STREAM_LEASES_MAX);
        let count = Arc::new(Count::default());
        let waker = Waker::from(count.clone());
        let mut cx = Context::from_waker(&waker);
        assert!(allowance.poll_permit(&mut cx).is_pending());
        permits.truncate(STREAM_LEASES_MAX - 2);
        assert_eq!(count.0.load(Ordering::Relaxed), 1);
        assert!(allowance.poll_permit(&mut cx).is_ready());
        drop(permits);
        assert_eq!(count.0.load(Ordering::Relaxed), 1);
    }

    #[test]
    fn a_permit_that_is_not_used_wakes_nobody() {
        let allowance = Allowance::default();
        let mut permits = all(&allowance);
        permits.pop();
        let count = Arc::new(Count::default());
        let waker = Waker::from(count.clone());
        let polled = allowance.poll_permit(&mut Context::from_waker(&waker));
        assert!(polled.is_ready());
        drop(polled);
        assert_eq!(count.0.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn a_buffer_goes_back_with_the_last_slice_of_its_lease() {
        let (pool, allowance) = (Pool::new(1), Allowance::default());
        let mut buffer = pool.lease().unwrap();
        buffer[..5].copy_from_slice(b"hello");
        let permit = all(&allowance).pop().unwrap();
        let bytes = Bytes::from(Lease::new(buffer, 1..5, permit));
        let slice = bytes.slice(2..);
        drop(bytes);
        assert_eq!((&slice[..], pool.leased_count()), (&b"lo"[..], 1));
        drop(slice);
        assert_eq!(pool.leased_count(), 0);
        assert!(Bytes::from(Lease::empty()).is_empty());
    }
}
