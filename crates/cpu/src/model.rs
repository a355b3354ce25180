//! The processor that a core is: its features, and what it says of its caches and TLBs.

use arch::{Features, PageSize};

/// A processor, as far as programs can tell.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CpuModel {
    /// Which instructions there are.
    pub features: Features,
    /// Caches and TLBs.
    pub geometry: Geometry,
}

/// The sizes of caches and TLBs, for CPUID.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Geometry {
    /// Caches, from the nearest to the farthest.
    pub caches: Vec<Cache>,
    /// TLBs, at least one.
    pub tlbs: Vec<Tlb>,
}

/// What a cache or TLB holds, in CPUID's numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CacheKind {
    /// Data.
    Data = 1,
    /// Instructions.
    Instruction = 2,
    /// Both.
    Unified = 3,
}

/// A cache with lines of 64 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cache {
    /// What it holds.
    pub kind: CacheKind,
    /// 1 for the nearest.
    pub level: u32,
    /// Its size, in KiB.
    pub kib: u32,
    /// Its associativity.
    pub ways: u32,
}

impl Cache {
    /// Bytes of a line.
    pub const LINE_BYTES: u32 = 64;

    /// How many sets it has.
    #[must_use]
    pub const fn sets(&self) -> u32 {
        self.kib * 1024 / Self::LINE_BYTES / self.ways
    }
}

/// A TLB.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tlb {
    /// What its translations serve.
    pub kind: CacheKind,
    /// 1 for the nearest.
    pub level: u32,
    /// Sizes of the pages that it holds.
    pub sizes: Vec<PageSize>,
    /// Entries.
    pub entries: u32,
    /// Its associativity.
    pub ways: u32,
}

/// The bit of leaf 18H, EBX, for a page size.
pub(crate) const fn page_size_bit(size: PageSize) -> u32 {
    match size {
        PageSize::Size4K => 1,
        PageSize::Size2M => 2,
        PageSize::Size4M => 4,
        PageSize::Size1G => 8,
    }
}

impl Default for Geometry {
    fn default() -> Self {
        use CacheKind::{Data, Instruction, Unified};
        use PageSize::{Size1G, Size2M, Size4K};
        let cache = |kind, level, kib, ways| Cache { kind, level, kib, ways };
        let tlb =
            |kind, level, sizes: &[PageSize], entries, ways| Tlb { kind, level, sizes: sizes.into(), entries, ways };
        Self {
            caches: vec![
                cache(Data, 1, 32, 8),
                cache(Instruction, 1, 32, 8),
                cache(Unified, 2, 1024, 16),
                cache(Unified, 3, 16384, 16),
            ],
            tlbs: vec![
                tlb(Instruction, 1, &[Size4K], 128, 8),
                tlb(Instruction, 1, &[Size2M], 8, 8),
                tlb(Data, 1, &[Size4K], 64, 4),
                tlb(Data, 1, &[Size2M], 32, 4),
                tlb(Data, 1, &[Size1G], 4, 4),
                tlb(Unified, 2, &[Size4K, Size2M], 1536, 12),
                tlb(Unified, 2, &[Size1G], 16, 4),
            ],
        }
    }
}
