//! Protection keys (SDM "Protection Keys").

/// The key of a page: bits 62:59 of its leaf, 0 to 15.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProtectionKey(u8);

impl ProtectionKey {
    /// The key that a leaf holds.
    #[must_use]
    pub const fn of_leaf(leaf: u64) -> Self {
        Self((leaf >> 59 & 0xf) as u8)
    }

    /// The key's number.
    #[must_use]
    pub const fn number(self) -> u8 {
        self.0
    }
}

/// PKRU or IA32_PKRS: for key i, AD in bit 2i (no data access) and WD in bit 2i+1 (no write).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct KeyRights(pub u32);

impl KeyRights {
    /// AD of a key.
    #[must_use]
    pub const fn access_disabled(self, key: ProtectionKey) -> bool {
        self.0 >> (2 * key.0) & 1 == 1
    }

    /// WD of a key.
    #[must_use]
    pub const fn write_disabled(self, key: ProtectionKey) -> bool {
        self.0 >> (2 * key.0 + 1) & 1 == 1
    }

    /// True if a key has neither AD nor WD.
    #[inline(always)]
    #[must_use]
    pub const fn allows_all(self, key: ProtectionKey) -> bool {
        self.0 >> (2 * (key.0 & 0xf)) & 3 == 0
    }
}

/// A process-context identifier, 12 bits; 0 without CR4.PCIDE (MMU-191).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pcid(u16);

impl Pcid {
    /// The identifier in the low 12 bits of a word, as in CR3 and in INVPCID's descriptor.
    #[must_use]
    pub const fn of_word(word: u64) -> Self {
        Self((word & 0xfff) as u16)
    }

    /// The number.
    #[must_use]
    pub const fn number(self) -> u16 {
        self.0
    }
}
