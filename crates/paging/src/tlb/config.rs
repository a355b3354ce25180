//! The caches of a processor as plain data, which a timing model reads from a file.

use super::{Geometry, GeometryError};
use arch::PageSize;
use std::fmt;

/// One array of a TLB.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArrayConfig {
    /// Its shape.
    pub geometry: Geometry,
    /// The sizes of what it holds: one size for a split TLB, several for a unified one.
    pub sizes: Vec<PageSize>,
}

/// One TLB: arrays for the page sizes that it holds. A page of another size is not cached in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlbConfig {
    /// No two of them hold the same size.
    pub arrays: Vec<ArrayConfig>,
    /// Larger pages are cached as pieces of this size (MMU-186); `None` caches pages whole.
    pub splinter: Option<PageSize>,
}

/// The second level.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecondLevel {
    /// There is none.
    Absent,
    /// One TLB for fetches and data.
    Shared(TlbConfig),
    /// One each.
    Split {
        /// For fetches.
        instruction: TlbConfig,
        /// For loads and stores.
        data: TlbConfig,
    },
}

/// The paging-structure caches, by the entries that they hold; `None` where the processor lacks one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TableCacheConfig {
    /// PML5 entries.
    pub pml5e: Option<Geometry>,
    /// PML4 entries.
    pub pml4e: Option<Geometry>,
    /// PDPT entries.
    pub pdpte: Option<Geometry>,
    /// Page-directory entries.
    pub pde: Option<Geometry>,
}

/// What an access does that cached rights deny, or that faults behind a cached table (MMU-185).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum SpuriousFaults {
    /// It walks from the root, and the tables decide: no fault is spurious.
    #[default]
    Never,
    /// It faults, though the tables may allow it by now; the fault drops the stale entry, so it happens once (MMU-204).
    Allowed,
}

/// What a walk does beside what it was asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Prefetch {
    /// Nothing.
    #[default]
    None,
    /// It looks at the entry of the next page too, if that is in the same page table, and gives its translation to the second level.
    /// Nothing comes of an entry that faults, or whose A is not set.
    NextPage,
}

/// All translation caches of one core.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HierarchyConfig {
    /// First level for fetches.
    pub instruction: TlbConfig,
    /// First level for loads, and for stores unless `store` is there.
    pub data: TlbConfig,
    /// First level for stores, where they have one of their own.
    pub store: Option<TlbConfig>,
    /// Second level.
    pub second: SecondLevel,
    /// Paging-structure caches.
    pub tables: TableCacheConfig,
    /// The choice among what MMU-185 allows.
    pub spurious_faults: SpuriousFaults,
    /// What walks do unasked.
    pub prefetch: Prefetch,
}

/// Why no TLB can have a configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConfigError {
    /// An array's shape is impossible.
    Geometry(GeometryError),
    /// Two arrays of a TLB, or one twice, hold this size.
    SizeTwice(PageSize),
    /// An array holds no size at all.
    NoSize,
}

impl TlbConfig {
    /// A TLB of a single array for all these sizes, pages whole.
    #[must_use]
    pub fn unified(geometry: Geometry, sizes: &[PageSize]) -> Self {
        Self { arrays: vec![ArrayConfig { geometry, sizes: sizes.to_vec() }], splinter: None }
    }

    /// A TLB with an array for each size, pages whole.
    #[must_use]
    pub fn split(arrays: &[(Geometry, PageSize)]) -> Self {
        let array = |&(geometry, size)| ArrayConfig { geometry, sizes: vec![size] };
        Self { arrays: arrays.iter().map(array).collect(), splinter: None }
    }

    /// The same TLB with pages above `size` in pieces.
    #[must_use]
    pub fn splintered(self, size: PageSize) -> Self {
        Self { splinter: Some(size), ..self }
    }

    /// # Errors
    /// What makes the configuration impossible.
    pub fn check(&self) -> Result<(), ConfigError> {
        let mut seen = Vec::new();
        for array in &self.arrays {
            array.geometry.check()?;
            if array.sizes.is_empty() {
                return Err(ConfigError::NoSize);
            }
            for &size in &array.sizes {
                if seen.contains(&size) {
                    return Err(ConfigError::SizeTwice(size));
                }
                seen.push(size);
            }
        }
        Ok(())
    }
}

impl From<GeometryError> for ConfigError {
    fn from(e: GeometryError) -> Self {
        Self::Geometry(e)
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Geometry(e) => e.fmt(f),
            Self::SizeTwice(size) => write!(f, "pages of {size} are held twice"),
            Self::NoSize => f.write_str("an array holds no page size"),
        }
    }
}

impl std::error::Error for ConfigError {}
