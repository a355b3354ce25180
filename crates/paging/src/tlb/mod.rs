//! The TLBs and paging-structure caches that the architecture allows (SDM "Caching Translation Information").
//!
//! One configurable structure, [`TlbHierarchy`]: first-level [`Tlb`]s for fetches, loads and stores, a second level, and
//! [`PagingStructureCaches`]. What it holds is whole translations, so a hit needs nothing else; it keeps no clock, but each
//! look-up says what served it, so that a timing model can add latencies.
//!
//! Protocol, driven by `translate`, the only miss path:
//! 1. `lookup`: a held translation that allows the access ends the matter, however old it is (MMU-182). A write through one
//!    with D=0 is no hit (MMU-183): it walks and fills again. A walk rather than a direct update of the leaf, because
//!    the entry may have changed since, and then the walk must decide; and a translation need not know where its leaf lies.
//! 2. `table`: the deepest cached table that leads to the address; the walk begins there, not at the root (MMU-198).
//! 3. After A and D are committed: `fill_tables` with the entries that reference tables (MMU-196, MMU-197), and `fill`
//!    with the translation (MMU-181). What is not present or has a reserved bit never gets here.
//! 4. `page_fault`: the fault drops what was held of the address (MMU-204).
//!
//! Invariants: nothing enters but after a walk whose entries all had A set; nothing leaves memory's view but by an
//! invalidation, a fault, a replacement or a fill of the same page. Stores to the tables are not seen (MMU-189): whoever
//! edits an entry must invalidate. The same access again changes nothing in the structure, under every replacement policy,
//! so a faster table in front may answer for whatever was used last in its set, and for more under some policies.

mod array;
mod config;
mod flush;
mod geometry;
mod hierarchy;
mod level;
mod replacement;
mod structure_caches;

pub use array::{Place, SetAssociative};
pub use config::{
    ArrayConfig, ConfigError, HierarchyConfig, Prefetch, SecondLevel, SpuriousFaults, TableCacheConfig, TlbConfig,
};
pub use flush::Flush;
pub use geometry::{Geometry, GeometryError, Indexing, Replacement};
pub use hierarchy::{Lookup, ServedBy, TlbHierarchy};
pub use level::Tlb;
pub use structure_caches::{PagingStructureCaches, TableCache, TableRef};
