//! The sequence that RDRAND and RDSEED draw from, fixed by the run's seed.
//!
//! The generator is SplitMix64, as for the kernel layer's random bytes; the seed is mixed, so that the two sequences differ.

/// A seeded sequence of numbers.
#[derive(Clone, Debug)]
pub(crate) struct Random {
    state: u64,
}

impl Random {
    /// The sequence of this seed.
    pub(crate) const fn new(seed: u64) -> Self {
        Self { state: seed ^ 0x5264_5261_6e64_2121 }
    }

    /// The next number.
    pub(crate) const fn next_u64(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.state ^ (self.state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}
