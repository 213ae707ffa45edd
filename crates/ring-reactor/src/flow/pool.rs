//! The receive buffers of one reactor: a bounded number in use at once, a few kept for the next. Pure.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;

use crate::limits::{POOL_BUFFERS_KEPT_MAX, RECV_BUFFER_BYTES};

/// One receive buffer.
type Buffer = Box<[u8; RECV_BUFFER_BYTES]>;

/// A handle to the buffers; clones share them.
#[derive(Clone, Debug)]
pub(crate) struct Pool(Arc<Shared>);

struct Shared {
    buffers_max: usize,
    leased_count: AtomicUsize,
    kept: Mutex<Vec<Buffer>>,
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool")
            .field("buffers_max", &self.buffers_max)
            .field("leased", &self.leased_count)
            .field("kept", &self.kept.lock().len())
            .finish()
    }
}

impl Pool {
    /// A pool of at most `buffers_max` buffers; none is made before it is asked for.
    pub(crate) fn new(buffers_max: usize) -> Pool {
        Pool(Arc::new(Shared {
            buffers_max,
            leased_count: AtomicUsize::new(0),
            kept: Mutex::default(),
        }))
    }

    /// Lends a buffer; `None` if all are lent. What is in it is what the last holder left.
    pub(crate) fn lease(&self) -> Option<Lease> {
        if !self.take_share() {
            return None;
        }
        let kept = self.0.kept.lock().pop();
        Some(Lease {
            buffer: Some(kept.unwrap_or_else(new_buffer)),
            pool: Some(self.clone()),
        })
    }

    /// Lends a buffer; if all are lent, one that is made for its holder and ends with it.
    pub(crate) fn lease_or_make(&self) -> Lease {
        self.lease().unwrap_or_else(|| Lease {
            buffer: Some(new_buffer()),
            pool: None,
        })
    }

    /// How many buffers are lent.
    pub(crate) fn leased_count(&self) -> usize {
        self.0.leased_count.load(Ordering::Relaxed)
    }

    /// Whether a buffer would be lent now.
    pub(crate) fn has_share(&self) -> bool {
        self.leased_count() < self.0.buffers_max
    }

    /// Counts one more buffer as lent, for who keeps received bytes elsewhere; whether it may be.
    pub(crate) fn take_share(&self) -> bool {
        // Relaxed: a bound on memory, and nothing is read off it but its value.
        self.0
            .leased_count
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |count| {
                (count < self.0.buffers_max).then_some(count + 1)
            })
            .is_ok()
    }

    /// Undoes one [`Pool::take_share`].
    pub(crate) fn give_share_back(&self) {
        self.0.leased_count.fetch_sub(1, Ordering::Relaxed);
    }
}

fn new_buffer() -> Buffer {
    Box::new([0; RECV_BUFFER_BYTES])
}

/// A buffer on loan; its drop gives it back.
pub(crate) struct Lease {
    /// `None` only while it is dropped.
    buffer: Option<Buffer>,
    /// `None`: the buffer is the holder's own.
    pool: Option<Pool>,
}

impl fmt::Debug for Lease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lease").finish_non_exhaustive()
    }
}

impl Deref for Lease {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.buffer
            .as_deref()
            .expect("a lease has its buffer until it is dropped")
    }
}

impl DerefMut for Lease {
    fn deref_mut(&mut self) -> &mut [u8] {
        self.buffer
            .as_deref_mut()
            .expect("a lease has its buffer until it is dropped")
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let Some(pool) = &self.pool else { return };
        pool.give_share_back();
        let spare = {
            let mut kept = pool.0.kept.lock();
            match self.buffer.take() {
                Some(buffer) if kept.len() < POOL_BUFFERS_KEPT_MAX => {
                    kept.push(buffer);
                    None
                }
                spare => spare,
            }
        };
        drop(spare);
    }
}

#[cfg(test)]
mod tests {
    use super::Pool;
    use crate::limits::POOL_BUFFERS_KEPT_MAX;

    #[test]
    fn no_more_buffers_are_lent_than_the_pool_may_have() {
        let pool = Pool::new(2);
        let (first, _second) = (pool.lease().unwrap(), pool.lease().unwrap());
        assert!(pool.lease().is_none());
        drop(first);
        assert!(pool.lease().is_some());
        assert_eq!(pool.leased_count(), 1);
    }

    #[test]
    fn a_buffer_of_the_holders_own_is_not_counted_and_never_kept() {
        let pool = Pool::new(1);
        let lent = pool.lease_or_make();
        let own = pool.lease_or_make();
        assert_eq!(pool.leased_count(), 1);
        drop(own);
        assert_eq!(pool.leased_count(), 1);
        drop(lent);
        assert_eq!((pool.leased_count(), pool.0.kept.lock().len()), (0, 1));
    }

    #[test]
    fn a_burst_leaves_a_bounded_number_of_buffers_behind() {
        let pool = Pool::new(4 * POOL_BUFFERS_KEPT_MAX);
        let leases: Vec<_> = std::iter::from_fn(|| pool.lease()).collect();
        assert_eq!(leases.len(), 4 * POOL_BUFFERS_KEPT_MAX);
        drop(leases);
        assert_eq!(pool.0.kept.lock().len(), POOL_BUFFERS_KEPT_MAX);
    }

    #[test]
    fn who_keeps_bytes_elsewhere_has_a_share_of_the_bound() {
        let pool = Pool::new(2);
        assert!(pool.take_share());
        let lease = pool.lease().unwrap();
        assert!(!pool.has_share() && !pool.take_share() && pool.lease().is_none());
        pool.give_share_back();
        assert!(pool.has_share());
        drop(lease);
        assert_eq!(pool.leased_count(), 0);
    }
}
