//! Streams whose every byte says where it belongs: a lost, repeated or moved byte shows.

use super::rng::Rng;
use std::sync::LazyLock;

/// How long a lane is before it repeats: a prime, so that no chunk is lost or repeated unseen.
const PERIOD: u64 = 1_000_003;
/// Lanes start this far apart.
const LANE: u64 = 7_919;

/// One period of random bytes; tests compare slices, because debug builds are slow at single bytes.
static BYTES: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let mut rng = Rng::new(PERIOD);
    (0..PERIOD).map(|_| rng.next().to_be_bytes()[0]).collect()
});

/// A place in an endless stream of bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pattern {
    lane: u64,
    offset: u64,
}

impl Pattern {
    pub(crate) fn new(lane: u64) -> Pattern {
        Pattern { lane, offset: 0 }
    }

    /// How many bytes have gone by.
    pub(crate) fn offset(&self) -> u64 {
        self.offset
    }

    /// The next `len` bytes, without moving on.
    pub(crate) fn bytes(&self, len: usize) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(len);
        let mut at = *self;
        while bytes.len() < len {
            let run = at.run(len - bytes.len());
            bytes.extend_from_slice(run);
            at.skip(run.len());
        }
        bytes
    }

    pub(crate) fn skip(&mut self, len: usize) {
        self.offset += len as u64;
    }

    /// Checks that `bytes` are the next ones, without moving on.
    pub(crate) fn check(&self, bytes: &[u8]) {
        let expected = self.bytes(bytes.len());
        if expected != bytes {
            let same = expected.iter().zip(bytes).take_while(|(a, b)| a == b);
            let at = self.offset + same.count() as u64;
            panic!("byte {at} of lane {} is not the one sent", self.lane);
        }
    }

    /// Checks that `bytes` are the next ones and moves past them.
    pub(crate) fn take(&mut self, bytes: &[u8]) {
        self.check(bytes);
        self.skip(bytes.len());
    }

    /// The next bytes that lie in one piece, up to `len`.
    fn run(&self, len: usize) -> &'static [u8] {
        let start = self.offset.wrapping_add(self.lane.wrapping_mul(LANE)) % PERIOD;
        let start = usize::try_from(start).expect("a period is short");
        let end = BYTES.len().min(start + len);
        &BYTES[start..end]
    }
}
