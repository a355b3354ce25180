//! What a machine is built from.

use arch::{ControlRegs, Cr3, Cr4, Features};
use cpu::CpuModel;
use kernel::fs::ViewConfig;
use kernel::{BootError, Credentials, DEFAULT_MAX_PROCESSES, DEFAULT_QUANTUM, Limits};
use mmu::SlotCount;
use paging::PagingContext;
use thiserror::Error;

/// Plain data: nothing here is tied to a host resource.
#[derive(Clone, Debug)]
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
}

impl MachineConfig {
    /// 256 MiB of RAM, seed 0, no limit, the view that `view` gives, the host's user.
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
    /// The kernel layer could not start.
    #[error(transparent)]
    Boot(#[from] BootError),
}
