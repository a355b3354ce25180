//! A processor's translation hardware, caches and core as plain data.
//!
//! Three steps lead here, a file each: `source` finds the text of a preset or a file, `schema` is the text's form, `check`
//! turns it into what no model can refuse any more. `set` changes single keys on the way.

mod check;
mod keys;
mod preset;
mod schema;
mod source;

pub use preset::{DEFAULT_PRESET, PRESETS, Preset};
pub use source::{HardwareError, HardwareFile, Setting, SettingError};

use crate::Cycles;
use arch::InstrClass;
use paging::tlb::{Geometry, HierarchyConfig};

/// All that a model of the hardware is built from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HardwareConfig {
    /// The preset's name, or the file's.
    pub name: String,
    /// One line for people.
    pub description: String,
    /// The core's clock, in MHz.
    pub clock_mhz: u32,
    /// TLBs and paging-structure caches.
    pub tlb: HierarchyConfig,
    /// What a translation costs.
    pub translation: TranslationCosts,
    /// What a walk costs beside its loads.
    pub walk: WalkConfig,
    /// Data and instruction caches, and what lies behind them.
    pub memory: MemoryConfig,
    /// The core.
    pub core: CoreConfig,
    /// What a core with a window has beside that.
    pub window: WindowConfig,
    /// Its branch predictor.
    pub predictor: PredictorConfig,
}

/// What a translation costs beside a walk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TranslationCosts {
    /// A second-level hit, beyond a first-level hit.
    pub second_level: Cycles,
    /// An access that crosses a page, beyond its two halves.
    pub page_crossing: Cycles,
    /// An invalidation by the program or the kernel layer.
    pub invalidation: Cycles,
}

/// What a walk costs beside its loads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WalkConfig {
    /// From the miss to the first load of an entry.
    pub start: Cycles,
    /// A look-up of the paging-structure caches, if there is one.
    pub table_look_up: Cycles,
    /// Setting A or D in an entry, beyond the write itself.
    pub accessed_dirty_assist: Cycles,
    /// Walks at once, on a core with a window.
    pub walkers: u32,
    /// Walks that can wait for a walker without holding up the accesses behind them.
    pub queue: u32,
}

/// A cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CacheConfig {
    /// Its sets and ways, of lines of 64 bytes.
    pub geometry: Geometry,
    /// From the access to the data, if it is there.
    pub latency: Cycles,
    /// Lines that can be on their way to it at once, on a core with a window; without a limit if there is none.
    pub miss_registers: Option<u32>,
}

/// The caches, from the core to memory. Those that are not there are passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemoryConfig {
    /// First level for instructions.
    pub l1i: Option<CacheConfig>,
    /// First level for data.
    pub l1d: Option<CacheConfig>,
    /// Second level.
    pub l2: Option<CacheConfig>,
    /// Last level.
    pub llc: Option<CacheConfig>,
    /// From the access to the data in memory.
    pub dram: Cycles,
}

/// What instructions cost on a core that does one at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CoreConfig {
    /// Cycles of an instruction, by its class, beside its memory accesses.
    pub latency: ClassLatencies,
    /// Entering the kernel by an exception and going back; what the kernel does there has a price of its own.
    pub exception: Cycles,
}

/// How much a core with a window does at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WindowConfig {
    /// Instructions that are dispatched, and that retire, in a cycle.
    pub width: u32,
    /// Instructions between dispatch and retirement.
    pub reorder_buffer: u32,
    /// Loads between dispatch and retirement.
    pub load_queue: u32,
    /// Stores between dispatch and their arrival in the first level.
    pub store_queue: u32,
    /// From the decision of a branch that was predicted wrongly to the dispatch of the instruction it leads to.
    pub mispredict: Cycles,
    /// Execution units.
    pub units: UnitConfig,
}

/// Operations of each kind that can begin in a cycle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnitConfig {
    /// Loads.
    pub load: u32,
    /// Stores.
    pub store: u32,
    /// Integer arithmetic and logic, and moves.
    pub alu: u32,
    /// Control transfer.
    pub branch: u32,
    /// Integer multiplication.
    pub mul: u32,
    /// Integer division; one is busy until it is done.
    pub div: u32,
    /// SSE, AVX and MMX.
    pub vector: u32,
    /// x87.
    pub x87: u32,
}

/// A branch predictor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PredictorConfig {
    /// How it predicts.
    pub kind: PredictorKind,
    /// Entries of its tables.
    pub entries: u32,
}

/// How branches are predicted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PredictorKind {
    /// Always rightly.
    Perfect,
    /// Conditional branches are not taken.
    NotTaken,
    /// As the same branch went before.
    Bimodal,
    /// As the same branch went before behind the same directions of the latest ones.
    Gshare,
}

/// Cycles by the class of an instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClassLatencies {
    /// Integer arithmetic and logic.
    pub alu: Cycles,
    /// A move between registers, or a store; one that loads takes as long as its load.
    pub mov: Cycles,
    /// Integer multiplication.
    pub mul: Cycles,
    /// Integer division.
    pub div: Cycles,
    /// Control transfer.
    pub branch: Cycles,
    /// A string instruction, once.
    pub string: Cycles,
    /// SSE, AVX and MMX.
    pub vector: Cycles,
    /// x87.
    pub x87: Cycles,
    /// CPUID, fences and the like.
    pub system: Cycles,
}

impl ClassLatencies {
    /// Those of a class.
    pub(crate) const fn of(&self, class: InstrClass) -> Cycles {
        match class {
            InstrClass::Alu => self.alu,
            InstrClass::Move => self.mov,
            InstrClass::Mul => self.mul,
            InstrClass::Div => self.div,
            InstrClass::Branch => self.branch,
            InstrClass::String => self.string,
            InstrClass::Vector => self.vector,
            InstrClass::X87 => self.x87,
            InstrClass::Syscall | InstrClass::System => self.system,
        }
    }
}
