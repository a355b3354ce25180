//! The character devices of the guest's /dev.

/// A character device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Device {
    /// Swallows everything, holds nothing.
    Null,
    /// Swallows everything, holds zeros without end.
    Zero,
    /// As [`Self::Zero`], but a write finds no space.
    Full,
    /// Random bytes from the seed.
    Random,
    /// The same.
    Urandom,
    /// The terminal, if one of the standard streams is one.
    Tty,
}

impl Device {
    /// The names in /dev, with the permission bits.
    pub(super) const NAMES: [(&'static str, Self); 6] = [
        ("null", Self::Null),
        ("zero", Self::Zero),
        ("full", Self::Full),
        ("random", Self::Random),
        ("urandom", Self::Urandom),
        ("tty", Self::Tty),
    ];

    /// Major and minor number, as `st_rdev` shows them (Linux's `Documentation/admin-guide/devices.txt`).
    #[must_use]
    pub const fn rdev(self) -> u64 {
        let (major, minor) = match self {
            Self::Null => (1, 3),
            Self::Zero => (1, 5),
            Self::Full => (1, 7),
            Self::Random => (1, 8),
            Self::Urandom => (1, 9),
            Self::Tty => (5, 0),
        };
        major << 8 | minor
    }
}

/// The random bytes of /dev/random: splitmix64 from a seed.
#[derive(Clone, Debug)]
pub(super) struct RandomBytes(pub(super) u64);

impl RandomBytes {
    /// Fills `buf`.
    pub(super) fn fill(&mut self, buf: &mut [u8]) {
        for chunk in buf.chunks_mut(8) {
            self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            chunk.copy_from_slice(&(z ^ (z >> 31)).to_le_bytes()[..chunk.len()]);
        }
    }
}
