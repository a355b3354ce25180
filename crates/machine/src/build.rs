//! Machines, made from a configuration: with a model of the translation hardware, or without.

use crate::listener::Listener;
use crate::run::Machine;
use crate::{Attached, Interrupt, MachineConfig, MachineError, Progress, ReferenceClock, SwapConfig};
use accesses::Recorder;
use arch::{LinearAddr, UserContext};
use cpu::{Cpu, CpuModel};
use kernel::fs::Console;
use kernel::mm::reclaim::references::SharedReferences;
use kernel::{Hw, Kernel, KernelConfig};
use mmu::Mmu;
use paging::tlb::TlbHierarchy;
use paging::{HardwareModel, NoModel, Shootdown, SwapDevice};
use physmem::{Bus, Ram};
use timing::{Clocked, Counting, HardwareConfig, InOrder, OutOfOrder};
use watch::{Sanitizer, Told, Walks};

/// Makes the core: for a machine without a model it is compiled already.
type MakeCore<H> = fn(Mmu<H>, CpuModel, u64) -> Cpu<H>;

impl Machine<NoModel> {
    /// A machine without a model of the translation hardware.
    ///
    /// # Errors
    /// [`MachineError`] if the host gives no RAM or no swap, or the files cannot be set up.
    pub fn new(config: MachineConfig, console: Box<dyn Console>, interrupt: Interrupt) -> Result<Self, MachineError> {
        Self::build(config, console, interrupt, (NoModel, Cpu::of_model), None)
    }
}

impl Machine<Attached> {
    /// A machine that tells a reference clock of every page that is used. The policies `lru-exact` and `opt` need it.
    ///
    /// # Errors
    /// As [`Machine::new`].
    pub fn with_references(
        config: MachineConfig,
        console: Box<dyn Console>,
        interrupt: Interrupt,
        references: SharedReferences,
    ) -> Result<Self, MachineError> {
        let model = Attached::References(ReferenceClock::new(references.clone()));
        Self::build(config, console, interrupt, (model, Cpu::with_hardware), Some(references))
    }

    /// A machine with the clock of a core that does one thing at a time, and a ledger of its cycles.
    ///
    /// # Errors
    /// As [`Machine::new`].
    pub fn in_order(
        config: MachineConfig,
        console: Box<dyn Console>,
        interrupt: Interrupt,
        hardware: &HardwareConfig,
    ) -> Result<Self, MachineError> {
        let core = Attached::InOrder(Box::new(InOrder::new(hardware)?));
        Self::with_model(config, console, interrupt, core)
    }

    /// A machine with the clock of a core with a window, and a ledger of its cycles.
    ///
    /// # Errors
    /// As [`Machine::new`].
    pub fn out_of_order(
        config: MachineConfig,
        console: Box<dyn Console>,
        interrupt: Interrupt,
        hardware: &HardwareConfig,
    ) -> Result<Self, MachineError> {
        let core = Attached::OutOfOrder(Box::new(OutOfOrder::new(hardware)?));
        Self::with_model(config, console, interrupt, core)
    }

    /// A machine whose run is written down, for models to be told of it later.
    ///
    /// # Errors
    /// As [`Machine::new`].
    pub fn recording(
        config: MachineConfig,
        console: Box<dyn Console>,
        interrupt: Interrupt,
        recorder: Recorder,
    ) -> Result<Self, MachineError> {
        Self::with_model(config, console, interrupt, Attached::Recorder(Box::new(recorder)))
    }

    /// A machine that looks at each access for a translation that a processor may still hold and the tables do not give any more; a listener
    /// hears of it as [`Event::Stale`](event::Event::Stale).
    ///
    /// # Errors
    /// As [`Machine::new`].
    pub fn sanitizing(
        config: MachineConfig,
        console: Box<dyn Console>,
        interrupt: Interrupt,
    ) -> Result<Self, MachineError> {
        let told = Told::default();
        let model = Attached::Sanitizer(Box::new(Sanitizer::new(told.clone())));
        let mut machine = Self::with_model(config, console, interrupt, model)?.told_by(told);
        machine.cpu.mmu_mut().bus.watch_entries();
        Ok(machine)
    }

    /// A machine that tells of each walk that the TLBs and paging-structure caches of a processor leave to be made, and of the accessed and
    /// dirty flags that it sets; a listener hears of them as [`Event::Walk`](event::Event::Walk) and [`Event::Mark`](event::Event::Mark).
    ///
    /// # Errors
    /// As [`Machine::new`].
    pub fn walking(
        config: MachineConfig,
        console: Box<dyn Console>,
        interrupt: Interrupt,
        hardware: &HardwareConfig,
    ) -> Result<Self, MachineError> {
        let told = Told::default();
        let model = Attached::Walks(Box::new(Walks::new(TlbHierarchy::new(&hardware.tlb)?, told.clone())));
        Ok(Self::with_model(config, console, interrupt, model)?.told_by(told))
    }

    fn told_by(mut self, told: Told) -> Self {
        self.told = Some(told);
        self
    }

    /// The core with a clock, if there is one, to end its run.
    pub fn clocked(&mut self) -> Option<&mut dyn Clocked> {
        self.cpu.mmu_mut().model.clocked()
    }
}

impl Machine<Counting> {
    /// A machine that counts what its translations come to on a processor, exactly and without a clock.
    ///
    /// # Errors
    /// As [`Machine::new`].
    pub fn counting(
        config: MachineConfig,
        console: Box<dyn Console>,
        interrupt: Interrupt,
        hardware: &HardwareConfig,
    ) -> Result<Self, MachineError> {
        Self::with_model(config, console, interrupt, Counting::new(&hardware.tlb)?)
    }
}

impl<H: HardwareModel> Machine<H> {
    /// A machine with a model of the translation hardware.
    ///
    /// # Errors
    /// As [`Machine::new`].
    pub fn with_model(
        config: MachineConfig,
        console: Box<dyn Console>,
        interrupt: Interrupt,
        model: H,
    ) -> Result<Self, MachineError> {
        Self::build(config, console, interrupt, (model, Cpu::with_hardware), None)
    }

    fn build(
        config: MachineConfig,
        console: Box<dyn Console>,
        interrupt: Interrupt,
        (model, core): (H, MakeCore<H>),
        references: Option<SharedReferences>,
    ) -> Result<Self, MachineError> {
        let mut bus = Bus::new(Ram::new(config.ram_bytes)?);
        let swap = config.swap.as_ref().map(SwapConfig::open).transpose()?;
        let mut listener = Listener::default();
        let mut shootdown = Shootdown::none();
        let paging = config.paging();
        let boot = KernelConfig {
            ram_bytes: config.ram_bytes,
            seed: config.seed,
            features: config.cpu.features,
            credentials: config.credentials,
            limits: config.limits,
            quantum: config.quantum,
            max_processes: config.max_processes,
            swap: swap.map(|device| Box::new(device) as Box<dyn SwapDevice>),
            costs: config.costs,
            injections: config.injections,
            reclaim: config.reclaim,
            thp: config.thp,
            readahead: config.readahead,
            hugepages: config.hugepages,
            history: config.history,
            events: config.events,
            references: references.clone(),
            ..KernelConfig::new(config.view)
        };
        let mut hw = Hw { mem: &mut bus, sink: &mut listener, shootdown: &mut shootdown, instructions: 0, ns: 0 };
        let kernel = Kernel::boot(boot, console, &mut hw)?;
        Ok(Self {
            cpu: core(Mmu::new(bus, paging, config.soft_tlb, model), config.cpu, config.seed),
            kernel,
            ctx: UserContext::at_entry(LinearAddr(0), LinearAddr(0)),
            shootdown,
            listener,
            interrupt,
            progress: Progress::default(),
            references,
            told: None,
            max_instructions: config.max_instructions.unwrap_or(u64::MAX),
            is_waiting: false,
            events: config.events,
            faults: 0,
            stop_at_fault: None,
            pending: None,
            check_every: config.check_invariants.unwrap_or(u64::MAX),
            next_check: config.check_invariants,
        })
    }
}
