//! Latencies in buckets whose width grows with the value: at most 1/64 of it.

use std::time::Duration;

/// Linear buckets per power of two.
const STEPS: u64 = 1 << STEPS_LOG2;
const STEPS_LOG2: u32 = 6;
/// Values from here on share the last bucket: 2^36 ns is a bit more than a minute.
const VALUE_BITS_MAX: u32 = 36;
const BUCKETS: usize = ((VALUE_BITS_MAX - STEPS_LOG2 + 1) as usize) << STEPS_LOG2;

/// Counts of durations, kept to within 1.6 %.
#[derive(Clone, Debug)]
pub(crate) struct Histogram {
    counts: Vec<u64>,
    total: u64,
}

impl Histogram {
    pub(crate) fn new() -> Histogram {
        Histogram {
            counts: vec![0; BUCKETS],
            total: 0,
        }
    }

    pub(crate) fn record(&mut self, value: Duration) {
        let nanos = u64::try_from(value.as_nanos()).unwrap_or(u64::MAX);
        self.counts[bucket(nanos)] += 1;
        self.total += 1;
    }

    /// Adds everything that `other` has counted.
    pub(crate) fn merge(&mut self, other: &Histogram) {
        for (mine, theirs) in self.counts.iter_mut().zip(&other.counts) {
            *mine += theirs;
        }
        self.total += other.total;
    }

    /// The value that `per_mille` of 1000 recorded values do not exceed (the middle of its bucket);
    /// zero when empty.
    pub(crate) fn quantile(&self, per_mille: u64) -> Duration {
        let rank = (self.total * per_mille).div_ceil(1000).max(1);
        let mut seen = 0;
        for (index, count) in (0_u64..).zip(&self.counts) {
            seen += count;
            if seen >= rank {
                return Duration::from_nanos(middle(index));
            }
        }
        Duration::ZERO
    }
}

/// Below `STEPS` a bucket is one value; above, the bits after the leading one choose among `STEPS`
/// buckets.
fn bucket(nanos: u64) -> usize {
    let index = if nanos < STEPS {
        nanos
    } else {
        let shift = nanos.ilog2() - STEPS_LOG2;
        u64::from(shift) * STEPS + (nanos >> shift)
    };
    usize::try_from(index).map_or(BUCKETS - 1, |index| index.min(BUCKETS - 1))
}

/// The middle of the bucket with this index: the inverse of `bucket`.
fn middle(index: u64) -> u64 {
    if index < 2 * STEPS {
        return index;
    }
    let shift = index / STEPS - 1;
    let lowest = (index - shift * STEPS) << shift;
    lowest + (1 << shift) / 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_are_in_order_and_a_64th_wide() {
        let mut last = 0;
        let mut nanos = 1_u64;
        while nanos < 1 << VALUE_BITS_MAX {
            let index = bucket(nanos);
            assert!(index >= last, "bucket of {nanos} goes backwards");
            assert!(
                middle(index as u64).abs_diff(nanos) * 64 <= nanos,
                "{nanos}"
            );
            last = index;
            nanos += 1 + nanos / 200;
        }
        assert!(last < BUCKETS);
        assert_eq!(bucket(u64::MAX), BUCKETS - 1);
    }

    #[test]
    fn quantiles_of_a_known_series() {
        let mut histogram = Histogram::new();
        for micros in 1..=1000 {
            histogram.record(Duration::from_micros(micros));
        }
        let close = |per_mille, micros: u64| {
            let found = histogram.quantile(per_mille).as_nanos();
            let wanted = u128::from(micros) * 1000;
            assert!(found.abs_diff(wanted) * 50 <= wanted, "{found} {wanted}");
        };
        close(500, 500);
        close(990, 990);
        close(1000, 1000);
    }

    #[test]
    fn merged_halves_equal_the_whole() {
        let (mut low, mut high) = (Histogram::new(), Histogram::new());
        for _ in 0..99 {
            low.record(Duration::from_nanos(10));
        }
        high.record(Duration::from_nanos(60));
        low.merge(&high);
        assert_eq!(low.quantile(990), Duration::from_nanos(10));
        assert_eq!(low.quantile(991), Duration::from_nanos(60));
    }

    #[test]
    fn an_empty_histogram_answers_zero() {
        assert_eq!(Histogram::new().quantile(500), Duration::ZERO);
    }
}
