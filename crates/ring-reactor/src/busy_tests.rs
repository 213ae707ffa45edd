use std::time::Duration;

use super::{BusyPoll, Next, Seen};
use crate::limits::{
    BUSY_MISSES_MAX, BUSY_PAUSE_PERIODS_MAX, BUSY_PAUSE_PERIODS_MIN, WATCH_SLICE_US,
};

const BOUND: Duration = Duration::from_micros(50);

/// What became of one idle period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Period {
    /// The runtime went to sleep at once.
    Passed,
    Watched {
        spun: Duration,
        ended_by: Next,
    },
}

/// One idle period: `seen_at` gives what a look finds so long after the first, and `lateness` how
/// much later than asked for the next look comes.
fn period(
    busy: &mut BusyPoll,
    mut seen_at: impl FnMut(Duration) -> Seen,
    mut lateness: impl FnMut() -> Duration,
) -> Period {
    if !busy.begin() {
        busy.pass();
        return Period::Passed;
    }
    let (mut elapsed, mut spun) = (Duration::ZERO, Duration::ZERO);
    loop {
        match busy.look(elapsed, seen_at(elapsed)) {
            Next::Spin(time) => {
                assert!(!time.is_zero() && time <= Duration::from_micros(WATCH_SLICE_US));
                spun += time;
                elapsed += time + lateness();
            }
            ended_by => return Period::Watched { spun, ended_by },
        }
    }
}

fn idle(busy: &mut BusyPoll) -> Period {
    period(busy, |_| Seen::Nothing, || Duration::ZERO)
}

fn served(busy: &mut BusyPoll) -> Period {
    period(busy, |_| Seen::Work, || Duration::ZERO)
}

fn is_watched(period: Period) -> bool {
    period != Period::Passed
}

/// A split-mix generator; `SEED=<number>` repeats a run.
struct Rng(u64);

impl Rng {
    fn from_env() -> Rng {
        let given = std::env::var("SEED")
            .ok()
            .and_then(|text| text.parse().ok());
        let seed = given.unwrap_or_else(|| {
            use std::hash::BuildHasher;
            std::hash::RandomState::new().hash_one(0)
        });
        println!("SEED={seed}");
        Rng(seed)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % end
    }
}

#[test]
fn a_bound_of_zero_never_watches() {
    let mut busy = BusyPoll::new(Duration::ZERO);
    for _ in 0..1_000 {
        assert_eq!(idle(&mut busy), Period::Passed);
        assert_eq!(served(&mut busy), Period::Passed);
    }
    assert_eq!(busy.counts(), super::Counts::default());
}

#[test]
fn a_watch_that_sees_nothing_lasts_as_long_as_the_bound() {
    let mut busy = BusyPoll::new(BOUND);
    let expected = Period::Watched {
        spun: BOUND,
        ended_by: Next::Park,
    };
    assert_eq!(idle(&mut busy), expected);
    assert_eq!((busy.counts().polls, busy.counts().misses), (1, 1));
}

#[test]
fn work_ends_a_watch_and_is_a_hit() {
    let mut busy = BusyPoll::new(BOUND);
    let come = Duration::from_micros(20);
    let seen = |elapsed| {
        if elapsed < come {
            Seen::Nothing
        } else {
            Seen::Work
        }
    };
    let expected = Period::Watched {
        spun: come,
        ended_by: Next::Turn,
    };
    assert_eq!(period(&mut busy, seen, || Duration::ZERO), expected);
    assert_eq!((busy.counts().polls, busy.counts().hits), (1, 1));
}

#[test]
fn work_that_is_seen_late_counts_all_the_same() {
    let mut busy = BusyPoll::new(BOUND);
    assert!(busy.begin());
    assert_eq!(busy.look(10 * BOUND, Seen::Work), Next::Turn);
    assert_eq!(busy.counts().hits, 1);
}

#[test]
fn an_errand_ends_a_watch_without_a_verdict() {
    let mut busy = BusyPoll::new(BOUND);
    for _ in 0..BUSY_MISSES_MAX - 1 {
        idle(&mut busy);
    }
    for _ in 0..100 {
        let errand = period(&mut busy, |_| Seen::Errand, || Duration::ZERO);
        let expected = Period::Watched {
            spun: Duration::ZERO,
            ended_by: Next::Turn,
        };
        assert_eq!(errand, expected);
    }
    assert_eq!((busy.counts().hits, busy.counts().pauses), (0, 0));
    idle(&mut busy);
    assert_eq!(busy.counts().pauses, 1, "the misses before are remembered");
}

#[test]
fn misses_in_a_row_pause_it_for_ever_more_periods() {
    let mut busy = BusyPoll::new(BOUND);
    for _ in 0..BUSY_MISSES_MAX {
        assert!(is_watched(idle(&mut busy)));
    }
    let mut pause_periods = BUSY_PAUSE_PERIODS_MIN;
    for pauses in 1..20 {
        assert_eq!(busy.counts().pauses, pauses);
        for _ in 0..pause_periods {
            assert!(!is_watched(idle(&mut busy)));
        }
        assert!(is_watched(idle(&mut busy)), "one try after the pause");
        pause_periods = BUSY_PAUSE_PERIODS_MAX.min(2 * pause_periods);
    }
    assert_eq!(pause_periods, BUSY_PAUSE_PERIODS_MAX);
}

#[test]
fn a_hit_among_the_last_misses_keeps_it_watching() {
    let mut busy = BusyPoll::new(BOUND);
    for _ in 0..1_000 {
        for _ in 0..BUSY_MISSES_MAX - 1 {
            assert!(is_watched(idle(&mut busy)));
        }
        assert!(is_watched(served(&mut busy)));
    }
    assert_eq!(busy.counts().pauses, 0);
}

#[test]
fn an_idle_runtime_spends_a_negligible_share_of_its_periods_watching() {
    let mut busy = BusyPoll::new(BOUND);
    let periods = 1_000_000;
    for _ in 0..periods {
        idle(&mut busy);
    }
    assert!(busy.counts().polls * u64::from(BUSY_PAUSE_PERIODS_MAX) < periods + 10_000);
}

#[test]
fn it_comes_back_within_one_pause_when_traffic_pays_again() {
    for quiet_periods in 0..3_000 {
        let mut busy = BusyPoll::new(BOUND);
        for _ in 0..quiet_periods {
            idle(&mut busy);
        }
        let mut passed = 0;
        while !is_watched(served(&mut busy)) {
            passed += 1;
        }
        assert!(passed <= BUSY_PAUSE_PERIODS_MAX, "after {quiet_periods}");
        for _ in 0..BUSY_MISSES_MAX - 1 {
            assert!(is_watched(idle(&mut busy)), "the hit restores all credit");
        }
        served(&mut busy);
        for _ in 0..BUSY_MISSES_MAX {
            assert!(is_watched(idle(&mut busy)));
        }
        for _ in 0..BUSY_PAUSE_PERIODS_MIN {
            assert!(!is_watched(idle(&mut busy)), "the first pause is short");
        }
        assert!(is_watched(idle(&mut busy)));
    }
}

#[test]
fn no_period_spins_longer_than_the_bound_whatever_happens() {
    let mut rng = Rng::from_env();
    for _ in 0..200 {
        let bound = Duration::from_nanos(1 + rng.below(1_000_000));
        let mut busy = BusyPoll::new(bound);
        let (mut watched, mut hits) = (0, 0);
        // What comes, and when, changes from one stretch of traffic to the next.
        let (mut kinds, mut late_ns_max) = (1, 1);
        for _ in 0..300 {
            if rng.below(20) == 0 {
                kinds = 1 + rng.below(3);
                late_ns_max = 1 + rng.below(100_000);
            }
            let comes = Duration::from_nanos(rng.below(2_000_000));
            let kind = [Seen::Nothing, Seen::Work, Seen::Errand]
                [usize::try_from(rng.below(kinds)).unwrap()];
            let seen = |elapsed| if elapsed < comes { Seen::Nothing } else { kind };
            let passed = period(&mut busy, seen, || {
                Duration::from_nanos(rng.below(late_ns_max))
            });
            if let Period::Watched { spun, ended_by } = passed {
                assert!(spun <= bound, "{spun:?} of {bound:?}");
                watched += 1;
                hits += u64::from(ended_by == Next::Turn && kind == Seen::Work);
            }
        }
        let counts = busy.counts();
        assert_eq!((counts.polls, counts.hits), (watched, hits));
        assert!(counts.hits + counts.misses <= counts.polls);
        assert!(counts.pauses <= counts.misses);
    }
}
