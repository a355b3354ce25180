//! The shape of one cache array, as plain data: sets, ways, index and replacement.

use std::fmt;

/// How the set of a page is found from its number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Indexing {
    /// The lowest bits of the page number.
    #[default]
    Plain,
    /// All bits of the page number, folded onto the width of the index with exclusive or.
    Hashed,
}

/// Which way of a full set gives room.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Replacement {
    /// The least recently used.
    #[default]
    Lru,
    /// A binary tree over the ways, whose nodes point away from what was used last.
    TreePlru,
    /// The first that has not been used since all others were (one reference bit a way).
    Nru,
    /// The one that was filled first.
    Fifo,
    /// Static re-reference interval prediction, 2 bits a way, hit priority (Jaleel and others, ISCA 2010). A use of what is
    /// the most recent of its set already is no re-reference; a walk that brings a held page again is one.
    Srrip,
    /// Any, chosen by a generator that starts from this seed.
    Random {
        /// Where the generator starts; the same seed gives the same choices.
        seed: u64,
    },
}

/// The shape of one array: `sets` times `ways` entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Geometry {
    /// A power of two; 1 for a fully associative array.
    pub sets: u32,
    /// Entries a set, from 1 to [`Geometry::MAX_WAYS`].
    pub ways: u32,
    /// How a set is found.
    pub index: Indexing,
    /// Which entry of a full set gives room.
    pub replacement: Replacement,
}

/// Why no array can have a geometry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GeometryError {
    /// The number of sets is no power of two, or above [`Geometry::MAX_SETS`].
    Sets(u32),
    /// The number of ways is 0, or above [`Geometry::MAX_WAYS`].
    Ways(u32),
}

impl Geometry {
    /// The most sets an array may have.
    pub const MAX_SETS: u32 = 1 << 16;
    /// The most ways a set may have: a bit each in 128.
    pub const MAX_WAYS: u32 = 128;

    /// So many sets and ways, plain index, LRU.
    #[must_use]
    pub const fn new(sets: u32, ways: u32) -> Self {
        Self { sets, ways, index: Indexing::Plain, replacement: Replacement::Lru }
    }

    /// The same shape with another index.
    #[must_use]
    pub const fn indexed(self, index: Indexing) -> Self {
        Self { index, ..self }
    }

    /// The same shape with another replacement.
    #[must_use]
    pub const fn replacing(self, replacement: Replacement) -> Self {
        Self { replacement, ..self }
    }

    /// # Errors
    /// What makes the geometry impossible.
    pub const fn check(&self) -> Result<(), GeometryError> {
        if !self.sets.is_power_of_two() || self.sets > Self::MAX_SETS {
            return Err(GeometryError::Sets(self.sets));
        }
        if self.ways == 0 || self.ways > Self::MAX_WAYS {
            return Err(GeometryError::Ways(self.ways));
        }
        Ok(())
    }

    /// The set of the entry with this number.
    pub(crate) fn set_of(&self, number: u64) -> usize {
        let low = u64::from(self.sets) - 1;
        let folded = match self.index {
            Indexing::Plain => number,
            Indexing::Hashed => fold(number, self.sets.trailing_zeros()),
        };
        (folded & low) as usize
    }
}

/// Exclusive or of all groups of `bits` bits; of a single set nothing remains.
fn fold(mut number: u64, bits: u32) -> u64 {
    let mut folded = 0;
    while bits > 0 && number != 0 {
        folded ^= number;
        number >>= bits;
    }
    folded
}

impl fmt::Display for GeometryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sets(n) => write!(f, "{n} sets: must be a power of two, at most {}", Geometry::MAX_SETS),
            Self::Ways(n) => write!(f, "{n} ways: must be from 1 to {}", Geometry::MAX_WAYS),
        }
    }
}

impl std::error::Error for GeometryError {}
