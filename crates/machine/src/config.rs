//! What a machine is built from.

use arch::{ControlRegs, Cr3, Cr4, Features};
use cpu::CpuModel;
use event::Kinds;
use kernel::fs::ViewConfig;
use kernel::mm::reclaim::ReclaimConfig;
use kernel::mm::{HistoryMode, HugePages, ThpMode};
use kernel::{BootError, Costs, Credentials, DEFAULT_MAX_PROCESSES, DEFAULT_QUANTUM, Injection, Limits};
use mmu::SlotCount;
use paging::PagingContext;
use physmem::{SwapFile, SwapFileError};
use std::path::PathBuf;
use thiserror::Error;

/// Plain data: nothing here is tied to a host resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MachineConfig {
    /// RAM, in bytes.
    pub ram_bytes: u64,
    /// The seed of all randomness that the guest sees.
    pub seed: u64,
    /// The most instructions that may retire; `None` for no limit.
    pub max_instructions: Option<u64>,
    /// The processor: its instructions, and what it says of its caches and TLBs.
    pub cpu: CpuModel,
    /// Slots of the MMU's fast table. It never shows in any result.
    pub soft_tlb: SlotCount,
    /// Which files the guest sees, and where it starts.
    pub view: ViewConfig,
    /// Who the guest is.
    pub credentials: Credentials,
    /// Resource limits.
    pub limits: Limits,
    /// Instructions that a process runs for before the next has its turn.
    pub quantum: u64,
    /// As many processes may be at once; a fork beyond that fails with EAGAIN.
    pub max_processes: usize,
    /// Where pages go that RAM has no room for; `None` for nowhere.
    pub swap: Option<SwapConfig>,
    /// What each service of the kernel layer costs.
    pub costs: Costs,
    /// What fails on purpose.
    pub injections: Vec<Injection>,
    /// Instructions between two checks that all memory is accounted for; `None` for no check.
    pub check_invariants: Option<u64>,
    /// How pages are chosen that leave memory.
    pub reclaim: ReclaimConfig,
    /// Where large pages are used.
    pub thp: ThpMode,
    /// Pages of a file that are read together, where one of them is needed; 0 for that one alone.
    pub readahead: u32,
    /// Large pages that are set aside for programs that ask for them.
    pub hugepages: HugePages,
    /// Whether what address spaces were is kept for reports.
    pub history: HistoryMode,
    /// What a listener hears of beside the least; see [`crate::Machine::listen`].
    pub events: Kinds,
}

/// Where the swap device's pages are on the host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SwapConfig {
    /// In an unnamed file of so many bytes, in the host's folder for temporary files.
    Temporary(u64),
    /// In this file, which is overwritten.
    File(PathBuf),
}

impl SwapConfig {
    /// Opens the device.
    pub(crate) fn open(&self) -> Result<SwapFile, SwapFileError> {
        match self {
            Self::Temporary(bytes) => SwapFile::temporary(*bytes),
            Self::File(path) => SwapFile::open(path),
        }
    }
}

impl MachineConfig {
    /// 256 MiB of RAM, no swap, seed 0, no limit, the view that `view` gives, the host's user.
    #[must_use]
    pub fn new(view: ViewConfig) -> Self {
        Self {
            ram_bytes: 256 << 20,
            seed: 0,
            max_instructions: None,
            cpu: CpuModel::default(),
            soft_tlb: SlotCount::default(),
            view,
            credentials: Credentials::host(),
            limits: Limits::default(),
            quantum: DEFAULT_QUANTUM,
            max_processes: DEFAULT_MAX_PROCESSES,
            swap: None,
            costs: Costs::default(),
            injections: Vec::new(),
            check_invariants: None,
            reclaim: ReclaimConfig::default(),
            thp: ThpMode::default(),
            readahead: 0,
            hugepages: HugePages::default(),
            history: HistoryMode::Forget,
            events: Kinds::empty(),
        }
    }

    /// The control state of the core before the first program is there.
    pub(crate) fn paging(&self) -> PagingContext {
        let regs = ControlRegs::long_mode(Cr3::default());
        let keys = if self.cpu.features.contains(Features::PKU) { Cr4::PKE } else { Cr4::empty() };
        PagingContext::new(ControlRegs { cr4: regs.cr4 | keys, ..regs })
    }
}

/// Why there is no machine.
#[derive(Debug, Error)]
pub enum MachineError {
    /// The host gives no RAM.
    #[error(transparent)]
    Ram(#[from] physmem::RamError),
    /// The swap device cannot be had.
    #[error(transparent)]
    Swap(#[from] SwapFileError),
    /// No processor can have such TLBs.
    #[error(transparent)]
    Hardware(#[from] paging::tlb::ConfigError),
    /// The kernel layer could not start.
    #[error(transparent)]
    Boot(#[from] BootError),
}
