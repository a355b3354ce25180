//! pagewalk: run static x86-64 ELF programs on a bit-accurate MMU, and see what virtual memory does.
//!
//! This crate is the facade: what a program that embeds the machine needs, under one name. The parts are crates of their own,
//! described in `docs/architecture.md`.
//!
//! ```
//! use pagewalk::{BufferConsole, Ending, ExitStatus, Interrupt, Machine, MachineConfig, ViewConfig};
//!
//! let console = BufferConsole::new("");
//! let output = console.captured();
//! let view = ViewConfig { cwd: env!("CARGO_MANIFEST_DIR").into(), ..ViewConfig::default() };
//! let mut machine = Machine::new(MachineConfig::new(view), Box::new(console), Interrupt::new())?;
//! machine.exec(b"elf-samples/hello", &[b"hello".to_vec()], &[])?;
//! assert_eq!(machine.run(), Ending::Exit(ExitStatus::Exited(0)));
//! assert!(output.borrow().out.starts_with(b"hello, world"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![forbid(unsafe_code)]

mod golden;
mod golden_options;
mod replacement;
pub mod trace;

pub use arch::{AccessKind, Features, FeaturesError, LinearAddr, PageFaultCode};
pub use cpu::CpuModel;
pub use event::{EntryStore, Event, EventSink, FaultEvent, Moment, Resolution, StaleTranslation, Wrong};
pub use kernel::fs::{BufferConsole, Captured, ClearTerminal, Console, HostConsole, Mount, MountMode, ViewConfig};
pub use kernel::mm::invariants::Violation;
pub use kernel::mm::reclaim::policy::{PolicyName, UnknownPolicy};
pub use kernel::mm::reclaim::references::{Divergence, ReferencesError, SharedReferences};
pub use kernel::mm::reclaim::{AgingFlush, ReclaimConfig, ResidentLimit};
pub use kernel::mm::swap::DEFAULT_PAGE_CLUSTER;
pub use kernel::mm::{HugePages, ThpMode};
pub use kernel::{
    Blocked, BootError, Cause, Costs, CostsError, DEFAULT_MAX_PROCESSES, DEFAULT_QUANTUM, Death, ExecError, ExitStatus,
    Failing, FaultReport, Injection, InjectionError, MappingSummary, Neighbourhood, Service, Signal, When,
};
pub use machine::{
    Attached, Ending, Interrupt, Machine, MachineConfig, MachineError, Progress, ReferenceClock, Stats, Stop, Stopped,
    SwapConfig,
};
pub use mmu::SlotCount;
pub use physmem::{RamError, SwapFileError};

/// What a model of the translation hardware is written with; `docs/model` is one.
pub mod model {
    pub use arch::{
        Access, AccessKind, InstrClass, InstrInfo, Level, LinearAddr, PageFault, PageSize, PhysAddr, Privilege,
        Service, SpaceId,
    };
    pub use paging::tlb;
    pub use paging::{
        BlockId, Detail, EntryUse, HardwareModel, Invalidation, NoModel, PagingContext, StoreLevel, Translation,
        TranslationCache,
    };
    pub use timing::{Clocked, Counters, Counting, HardwareConfig, HardwareFile, InOrder, OutOfOrder};
}
