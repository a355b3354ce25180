//! Memory types: the page attribute table and what an entry selects in it (SDM "Paging and Memory Typing").

use std::fmt;

/// A memory type, with Intel's encoding.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum MemoryType {
    /// UC: uncacheable.
    Uncacheable = 0,
    /// WC: write combining.
    WriteCombining = 1,
    /// WT: write through.
    WriteThrough = 4,
    /// WP: write protected.
    WriteProtected = 5,
    /// WB: write back.
    #[default]
    WriteBack = 6,
    /// UC-: uncacheable, unless an MTRR says write combining. Only a PAT entry can hold it.
    UncacheableMinus = 7,
}

impl MemoryType {
    /// The type of this encoding, if there is one.
    #[must_use]
    pub const fn from_code(code: u8) -> Option<Self> {
        Some(match code {
            0 => Self::Uncacheable,
            1 => Self::WriteCombining,
            4 => Self::WriteThrough,
            5 => Self::WriteProtected,
            6 => Self::WriteBack,
            7 => Self::UncacheableMinus,
            _ => return None,
        })
    }

    /// What an MTRR of this type and a PAT entry of type `pat` give together (SDM "Selecting Memory Types for Pentium
    /// III and More Recent Processor Families", MMU-222). Over a WB MTRR it is the PAT's type.
    #[inline(always)]
    #[must_use]
    pub const fn with_pat(self, pat: Self) -> Self {
        // The usual case, asked of every translation.
        if matches!(self, Self::WriteBack) { pat } else { self.over(pat) }
    }

    /// A type other than WB, with the PAT's.
    const fn over(self, pat: Self) -> Self {
        use MemoryType as T;
        match (self, pat) {
            (T::WriteBack, pat) | (_, pat @ (T::WriteCombining | T::Uncacheable)) => pat,
            (T::Uncacheable | T::UncacheableMinus, _) => T::Uncacheable,
            (T::WriteCombining, T::UncacheableMinus | T::WriteBack) => T::WriteCombining,
            (T::WriteCombining, _) => T::Uncacheable,
            (T::WriteThrough, T::UncacheableMinus) => T::Uncacheable,
            (T::WriteThrough, T::WriteBack) => T::WriteThrough,
            (T::WriteProtected, T::UncacheableMinus) => T::WriteCombining,
            (T::WriteProtected, T::WriteBack) => T::WriteProtected,
            (T::WriteThrough | T::WriteProtected, pat) => pat,
        }
    }
}

impl fmt::Display for MemoryType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Uncacheable => "UC",
            Self::WriteCombining => "WC",
            Self::WriteThrough => "WT",
            Self::WriteProtected => "WP",
            Self::WriteBack => "WB",
            Self::UncacheableMinus => "UC-",
        })
    }
}

/// An index into the page attribute table: 4*PAT + 2*PCD + PWT (MMU-220).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct PatIndex(u8);

impl PatIndex {
    /// The index that a leaf selects, whose PAT flag is bit `pat_bit`: 7 in a PTE, 12 in a larger leaf.
    #[must_use]
    pub const fn of_leaf(leaf: u64, pat_bit: u32) -> Self {
        Self((leaf >> 3 & 3 | (leaf >> pat_bit & 1) << 2) as u8)
    }

    /// The index by which an entry is read that `reference` leads to, an entry or CR3; PAT counts as 0 (MMU-221).
    #[must_use]
    pub const fn of_reference(reference: u64) -> Self {
        Self((reference >> 3 & 3) as u8)
    }

    /// The index, 0 to 7.
    #[must_use]
    pub const fn value(self) -> u8 {
        self.0
    }
}

/// IA32_PAT: eight memory types, one a byte. Every byte holds a type that exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Pat([MemoryType; 8]);

impl Pat {
    /// The value after reset: WB, WT, UC-, UC, twice (MMU-222).
    pub const RESET: Self = match Self::new(0x0007_0406_0007_0406) {
        Some(pat) => pat,
        None => unreachable!(),
    };

    /// The register with this value; `None` if a byte is no memory type, which WRMSR answers with #GP.
    #[must_use]
    pub const fn new(value: u64) -> Option<Self> {
        let mut types = [MemoryType::Uncacheable; 8];
        let mut i = 0;
        while i < 8 {
            match MemoryType::from_code((value >> (8 * i)) as u8) {
                Some(memory_type) => types[i] = memory_type,
                None => return None,
            }
            i += 1;
        }
        Some(Self(types))
    }

    /// The value as RDMSR gives it.
    #[must_use]
    pub fn bits(self) -> u64 {
        u64::from_le_bytes(self.0.map(|memory_type| memory_type as u8))
    }

    /// The type at an index.
    #[inline]
    #[must_use]
    pub const fn memory_type(self, index: PatIndex) -> MemoryType {
        self.0[index.0 as usize & 7]
    }
}

impl Default for Pat {
    fn default() -> Self {
        Self::RESET
    }
}
