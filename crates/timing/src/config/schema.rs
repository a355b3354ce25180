//! The form of a hardware file: TOML, a table for each structure, with the source of its numbers beside them.
//!
//! ```toml
//! [dtlb.4k]                 # the first level for loads; the key says which page sizes the array holds: 4k-2m, 4k-2m-1g
//! entries = 96
//! ways = 6
//! source = "where these numbers are from"
//! ```
//! What is not known is not allowed, so that a misspelt key is an error and not a default.

use super::keys::{IndexName, PageSizes, PredictorName, PrefetchName, ReplacementName, Splinter, SpuriousName};
use serde::Deserialize;
use std::collections::BTreeMap;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct File {
    pub(super) description: String,
    pub(super) clock: Clock,
    pub(super) itlb: Tlb,
    pub(super) dtlb: Tlb,
    pub(super) dtlb_store: Option<Tlb>,
    pub(super) stlb: Option<Tlb>,
    pub(super) stlb_instruction: Option<Tlb>,
    pub(super) stlb_data: Option<Tlb>,
    #[serde(default)]
    pub(super) paging_structure: PagingStructure,
    pub(super) translation: Translation,
    pub(super) walk: Walk,
    pub(super) l1i: Option<Cache>,
    pub(super) l1d: Option<Cache>,
    pub(super) l2: Option<Cache>,
    pub(super) llc: Option<Cache>,
    pub(super) dram: Dram,
    pub(super) core: Core,
    pub(super) window: Window,
    pub(super) units: Units,
    pub(super) predictor: Predictor,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Clock {
    pub(super) mhz: u32,
    #[serde(rename = "source")]
    _source: String,
}

/// The arrays of a TLB, by the page sizes that each holds.
#[derive(Debug, Deserialize)]
pub(super) struct Tlb {
    #[serde(default)]
    pub(super) splinter: Splinter,
    #[serde(flatten)]
    pub(super) arrays: BTreeMap<PageSizes, Array>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Array {
    pub(super) entries: u32,
    pub(super) ways: u32,
    #[serde(default)]
    pub(super) replacement: ReplacementName,
    #[serde(default)]
    pub(super) index: IndexName,
    /// Where a random replacement starts.
    #[serde(default)]
    pub(super) seed: u64,
    #[serde(rename = "source")]
    _source: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct PagingStructure {
    pub(super) pml5e: Option<Array>,
    pub(super) pml4e: Option<Array>,
    pub(super) pdpte: Option<Array>,
    pub(super) pde: Option<Array>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Translation {
    pub(super) stlb_hit: u32,
    pub(super) page_crossing: u32,
    pub(super) invalidation: u32,
    pub(super) spurious_faults: SpuriousName,
    #[serde(rename = "source")]
    _source: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Walk {
    pub(super) start: u32,
    pub(super) table_look_up: u32,
    pub(super) accessed_dirty_assist: u32,
    pub(super) walkers: u32,
    pub(super) queue: u32,
    #[serde(default)]
    pub(super) prefetch: PrefetchName,
    #[serde(rename = "source")]
    _source: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Cache {
    pub(super) kib: u32,
    pub(super) ways: u32,
    pub(super) latency: u32,
    pub(super) miss_registers: Option<u32>,
    #[serde(default)]
    pub(super) replacement: ReplacementName,
    #[serde(default)]
    pub(super) index: IndexName,
    #[serde(default)]
    pub(super) seed: u64,
    #[serde(rename = "source")]
    _source: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Dram {
    pub(super) ns: u32,
    #[serde(rename = "source")]
    _source: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Core {
    pub(super) alu: u32,
    #[serde(rename = "move")]
    pub(super) mov: u32,
    pub(super) mul: u32,
    pub(super) div: u32,
    pub(super) branch: u32,
    pub(super) string: u32,
    pub(super) vector: u32,
    pub(super) x87: u32,
    pub(super) system: u32,
    pub(super) exception: u32,
    #[serde(rename = "source")]
    _source: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Window {
    pub(super) width: u32,
    pub(super) reorder_buffer: u32,
    pub(super) load_queue: u32,
    pub(super) store_queue: u32,
    pub(super) mispredict: u32,
    #[serde(rename = "source")]
    _source: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Units {
    pub(super) load: u32,
    pub(super) store: u32,
    pub(super) alu: u32,
    pub(super) branch: u32,
    pub(super) mul: u32,
    pub(super) div: u32,
    pub(super) vector: u32,
    pub(super) x87: u32,
    #[serde(rename = "source")]
    _source: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Predictor {
    pub(super) kind: PredictorName,
    pub(super) entries: u32,
    #[serde(rename = "source")]
    _source: String,
}
