//! Random bytes that are the same in each run: AT_RANDOM, getrandom and /dev/urandom draw from one seeded sequence.
//!
//! The generator is SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators"): the state is a
//! counter, so each seed gives one full period and no seed is weak. It is not for secrets.

/// A seeded sequence of random bytes.
#[derive(Clone, Debug)]
pub(crate) struct Random {
    state: u64,
}

impl Random {
    /// The sequence of this seed.
    pub(crate) const fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    /// The next 64 bits.
    pub(crate) const fn next_u64(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.state ^ (self.state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Fills `buf`; a last piece shorter than 8 bytes takes the low bytes of one draw.
    pub(crate) fn fill(&mut self, buf: &mut [u8]) {
        for piece in buf.chunks_mut(8) {
            piece.copy_from_slice(&self.next_u64().to_le_bytes()[..piece.len()]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_fixes_the_sequence() {
        // The reference output of SplitMix64 for the seed 1234567.
        let mut r = Random::new(1_234_567);
        assert_eq!(r.next_u64(), 6_457_827_717_110_365_317);
        assert_eq!(r.next_u64(), 3_203_168_211_198_807_973);
    }

    #[test]
    fn a_short_piece_takes_the_low_bytes() {
        let mut bytes = [0; 11];
        Random::new(1).fill(&mut bytes);
        let mut r = Random::new(1);
        assert_eq!(bytes[..8], r.next_u64().to_le_bytes());
        assert_eq!(bytes[8..], r.next_u64().to_le_bytes()[..3]);
    }
}
