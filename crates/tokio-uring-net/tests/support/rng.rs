//! Pseudo-random choices. `SEED=<number>` in the environment repeats a run.

use std::hash::{BuildHasher, RandomState};

/// A split-mix generator.
#[derive(Clone, Debug)]
pub(crate) struct Rng(u64);

impl Rng {
    /// Starts from `SEED`, or from a number that is printed so that it can be given as `SEED`.
    pub(crate) fn from_env() -> Rng {
        let given = std::env::var("SEED").ok();
        let seed = given.map_or_else(
            || RandomState::new().hash_one(0),
            |text| text.parse().expect("SEED is a number"),
        );
        println!("SEED={seed}");
        Rng::new(seed)
    }

    pub(crate) fn new(seed: u64) -> Rng {
        Rng(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number under `end`.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        let end = u64::try_from(end).expect("usize has 64 bits here");
        usize::try_from(self.next() % end).expect("it is under a usize")
    }

    /// True once in `n` times.
    pub(crate) fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    /// A generator of its own for another task or thread.
    pub(crate) fn fork(&mut self) -> Rng {
        Rng(self.next())
    }
}
