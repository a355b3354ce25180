//! The machine and its run loop.

use crate::listener::{FaultLog, FaultOutcome, Listener};
use crate::{Attached, Ending, Interrupt, MachineConfig, MachineError, Progress, ReferenceClock, Stats, SwapConfig};
use accesses::Recorder;
use arch::{ControlRegs, LinearAddr, UserContext};
use cpu::{Cpu, CpuModel, Exit};
use event::{Event, EventSink, Kinds, Moment, StaleTranslation};
use kernel::fs::Console;
use kernel::mm::invariants::Violation;
use kernel::mm::reclaim::references::SharedReferences;
use kernel::{Disposition, Errno, ExecError, Hw, Kernel, KernelConfig, Signal};
use mmu::Mmu;
use paging::tlb::TlbHierarchy;
use paging::{Detail, HardwareModel, NoModel, Shootdown, SwapDevice};
use physmem::{Bus, Ram};
use timing::{Clocked, Counting, HardwareConfig, InOrder, OutOfOrder};
use watch::{Sanitizer, Told, Walks};

/// Instructions between two looks at the interrupt flag: some milliseconds, or a tenth of a second where a model with a window hears of each.
const SLICE: u64 = 1 << 20;

/// The same where what a model has to tell waits meanwhile.
const TELLING_SLICE: u64 = 1 << 14;

/// A machine with one core.
pub struct Machine<H = NoModel> {
    pub(crate) cpu: Cpu<H>,
    kernel: Kernel,
    ctx: UserContext,
    shootdown: Shootdown,
    listener: Listener,
    interrupt: Interrupt,
    progress: Progress,
    /// The clock that the model tells of references.
    references: Option<SharedReferences>,
    /// What a model that watches has to tell.
    told: Option<Told>,
    max_instructions: u64,
    /// No process can run until the host has input, or the interrupt flag is served.
    pub(crate) is_waiting: bool,
    /// What the listener wants to know.
    events: Kinds,
    /// Page faults of programs so far, and the one to stop at.
    faults: u64,
    pub(crate) stop_at_fault: Option<u64>,
    /// What has stopped the core and is still to be served.
    pub(crate) pending: Option<Exit>,
    /// Instructions between two checks of the kernel layer's memory, and when the next is due.
    check_every: u64,
    next_check: Option<u64>,
}

/// The kernel layer's view of the machine, from disjoint parts of it.
macro_rules! hw {
    ($machine:ident) => {
        Hw {
            instructions: $machine.cpu.retired(),
            ns: $machine.kernel.time_ns($machine.cpu.retired()),
            mem: &mut $machine.cpu.mmu_mut().bus,
            sink: &mut $machine.listener,
            shootdown: &mut $machine.shootdown,
        }
    };
}

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
    /// hears of it as [`Event::Stale`].
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
        let mut machine = Self::with_model(config, console, interrupt, model)?;
        machine.cpu.mmu_mut().bus.watch_entries();
        machine.told = Some(told);
        Ok(machine)
    }

    /// A machine that tells of each walk that the TLBs and paging-structure caches of a processor leave to be made, and of the accessed and
    /// dirty flags that it sets; a listener hears of them as [`Event::Walk`] and [`Event::Mark`].
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
        let mut machine = Self::with_model(config, console, interrupt, model)?;
        machine.told = Some(told);
        Ok(machine)
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

    /// Loads a program; it starts with the next [`Self::run`].
    ///
    /// # Errors
    /// [`ExecError`] tells a file that is not there from one that cannot be executed.
    pub fn exec(&mut self, path: &[u8], argv: &[Vec<u8>], envp: &[Vec<u8>]) -> Result<(), ExecError> {
        self.ctx = self.kernel.exec(&mut hw!(self), path, argv, envp)?;
        self.enter_user();
        Ok(())
    }

    /// Runs the program to its end.
    pub fn run(&mut self) -> Ending {
        self.stop_at_fault = None;
        loop {
            let fuel = self.next_check.map_or(u64::MAX, |at| at.saturating_sub(self.cpu.retired()).max(1));
            let ending = self.advance(fuel);
            if let Some(violation) = self.check_invariants(ending.as_ref()) {
                return Ending::Broken(violation);
            }
            if let Some(ending) = ending {
                return ending;
            }
        }
    }

    /// Runs up to the next entry into the kernel layer, or for `fuel` instructions, and serves that entry.
    pub(crate) fn advance(&mut self, fuel: u64) -> Option<Ending> {
        self.progress.set(self.cpu.retired());
        if self.interrupt.is_stopped() {
            return Some(Ending::TimedOut);
        }
        if let Some(signal) = self.interrupt.take()
            && let Some(ending) = self.interrupt_guest(signal)
        {
            return Some(ending);
        }
        if self.is_waiting {
            return self.tick();
        }
        if let Some(exit) = self.pending.take() {
            return self.serve(exit);
        }
        let left = self.max_instructions - self.cpu.retired();
        if left == 0 {
            return Some(Ending::InstructionLimit(self.max_instructions));
        }
        let slice = if self.told.is_some() { TELLING_SLICE } else { SLICE };
        let exit = self.cpu.run(fuel.min(left).min(slice).min(self.until_event()));
        self.tell();
        if let Exit::PageFault(_) = exit {
            self.faults += 1;
            if self.stop_at_fault == Some(self.faults) {
                self.pending = Some(exit);
                return None;
            }
        }
        self.serve(exit)
    }

    /// Checks the kernel layer's memory, if that was asked for and is due, or if the run ends.
    fn check_invariants(&mut self, ending: Option<&Ending>) -> Option<Violation> {
        let at = self.next_check?;
        let retired = self.cpu.retired();
        if retired < at && ending.is_none() {
            return None;
        }
        self.next_check = Some(retired.saturating_add(self.check_every));
        self.kernel.check_invariants(&self.cpu.mmu().bus).err()
    }

    /// Lets stopped processes go on after [`Ending::Stopped`], and runs to the next ending.
    pub fn continue_stopped(&mut self) -> Ending {
        let disposition = self.kernel.continue_all(&mut hw!(self), &mut self.ctx);
        self.follow(disposition).unwrap_or_else(|| self.run())
    }

    /// Instructions until the kernel layer wants to be entered, at least one.
    fn until_event(&self) -> u64 {
        let now = self.cpu.retired();
        self.kernel.next_event(now).map_or(u64::MAX, |at| at.saturating_sub(now).max(1))
    }

    fn is_due(&self) -> bool {
        let now = self.cpu.retired();
        self.kernel.next_event(now).is_some_and(|at| at <= now)
    }

    /// What the run amounted to so far.
    pub fn stats(&self) -> Stats {
        let counters = self.cpu.mmu().counters();
        Stats {
            instructions: self.cpu.retired(),
            cr3_writes: counters.cr3_writes,
            full_flushes: counters.full_flushes,
            page_flushes: counters.page_invalidations,
            peak_resident_pages: self.kernel.peak_resident_pages(),
            peak_frames: self.kernel.frames().peak(),
            ..self.listener.stats.clone()
        }
    }

    /// What stops the run from elsewhere.
    pub fn interrupt(&self) -> Interrupt {
        self.interrupt.clone()
    }

    /// How far the run has come, to be looked at meanwhile.
    pub fn progress(&self) -> Progress {
        self.progress.clone()
    }

    /// Keeps the page faults from now on, so many of them.
    pub fn keep_faults(&mut self, room: usize) {
        self.listener.faults = Some(FaultLog { faults: Vec::new(), room });
    }

    /// The page faults that were kept, those that the kernel layer made on a program's behalf too.
    #[must_use]
    pub fn faults(&self) -> &[FaultOutcome] {
        self.listener.faults.as_ref().map_or(&[], |log| &log.faults)
    }

    /// The stale translations that [`Machine::sanitizing`] has found, at most 10,000, each with when it was used.
    #[must_use]
    pub fn stale_translations(&self) -> &[(Moment, StaleTranslation)] {
        &self.listener.stale
    }

    /// Tells a sink of what happens from now on: the least, and what [`MachineConfig::events`] asks for.
    pub fn listen(&mut self, sink: Box<dyn EventSink>) {
        self.listener.sink = Some(sink);
    }

    /// Tells the sink nothing any more.
    pub fn stop_listening(&mut self) {
        self.listener.sink = None;
    }

    /// The kernel layer, for reports.
    pub const fn kernel(&self) -> &Kernel {
        &self.kernel
    }

    /// The bytes of a file that the guest sees, if they are no more than `most`. For reports at the end of a run: it takes frames
    /// and time as a read by the guest does.
    ///
    /// # Errors
    /// What the guest would get.
    pub fn file_contents(&mut self, path: &[u8], most: u64) -> Result<Vec<u8>, Errno> {
        self.kernel.file_contents(&mut hw!(self), path, most)
    }

    /// The model, to end its run.
    pub const fn model_mut(&mut self) -> &mut H {
        &mut self.cpu.mmu_mut().model
    }

    /// The registers as of the last stop.
    pub const fn context(&self) -> &UserContext {
        &self.ctx
    }

    /// The core, its MMU and the memory behind them.
    pub const fn cpu(&self) -> &Cpu<H> {
        &self.cpu
    }

    /// Serves what stopped the core.
    fn serve(&mut self, exit: Exit) -> Option<Ending> {
        if exit == Exit::Fuel && !self.is_due() {
            return None;
        }
        self.cpu.save_context(&mut self.ctx);
        let disposition = match exit {
            Exit::Fuel => self.kernel.tick(&mut hw!(self), &mut self.ctx),
            Exit::Unsupported(insn) => return Some(Ending::UnsupportedInstruction(insn)),
            Exit::Syscall => self.kernel.syscall(&mut hw!(self), &mut self.ctx),
            Exit::PageFault(fault) => self.kernel.handle_fault(&mut hw!(self), &mut self.ctx, fault),
            Exit::Exception(exception) => self.kernel.handle_exception(&mut hw!(self), &mut self.ctx, exception),
        };
        self.follow(disposition)
    }

    /// Lets the kernel layer look again, after it had to wait.
    fn tick(&mut self) -> Option<Ending> {
        let disposition = self.kernel.tick(&mut hw!(self), &mut self.ctx);
        self.follow(disposition)
    }

    /// Tells the listener what a model that watches has to tell.
    fn tell(&mut self) {
        let Some(told) = self.told.as_ref().filter(|told| !told.is_empty()) else { return };
        for (instructions, event) in told.take() {
            self.listener.record(Moment { instructions, ns: self.kernel.time_ns(instructions) }, &event);
        }
    }

    /// Tells a model that watches which entries have changed, and has it asked for every page again.
    fn tell_of_edits(&mut self) {
        if self.told.is_none() {
            return;
        }
        let mmu = self.cpu.mmu_mut();
        let edits = mmu.bus.take_edits();
        if !edits.is_empty() {
            edits.iter().for_each(|edit| mmu.model.edited(edit));
            mmu.ask_again();
        }
    }

    /// Tells of the invalidations and the load of CR3 that are about to be made.
    fn tell_of_flushes(&mut self) {
        let instructions = self.cpu.retired();
        let at = Moment { instructions, ns: self.kernel.time_ns(instructions) };
        for page in self.shootdown.named() {
            self.listener.record(at, &Event::Flush(page));
        }
        if self.cpu.mmu().context().regs.cr3 != self.kernel.cr3() {
            self.listener.record(at, &Event::LoadCr3(self.kernel.cr3()));
        }
    }

    fn interrupt_guest(&mut self, signal: Signal) -> Option<Ending> {
        if !self.is_waiting {
            self.cpu.save_context(&mut self.ctx);
        }
        // A fault that was not served comes again.
        self.pending = None;
        let disposition = self.kernel.interrupt(&mut hw!(self), &mut self.ctx, signal);
        self.follow(disposition)
    }

    fn follow(&mut self, disposition: Disposition) -> Option<Ending> {
        self.is_waiting = disposition == Disposition::Waiting;
        match disposition {
            Disposition::Resume => {
                self.enter_user();
                None
            }
            Disposition::Waiting => None,
            Disposition::Exit(status) => Some(Ending::Exit(status)),
            Disposition::Unsupported(call) => Some(Ending::UnsupportedSyscall(call)),
            Disposition::Deadlock(processes) => Some(Ending::Deadlock(processes)),
            Disposition::Stopped(processes) => Some(Ending::Stopped(processes)),
        }
    }

    /// Goes back to the guest: invalidations first, then CR3 if another address space is to run, then the registers.
    fn enter_user(&mut self) {
        if let Some(references) = &self.references {
            references.enter_space(self.kernel.space());
        }
        if self.events.contains(Kinds::TLB) {
            self.tell_of_flushes();
        }
        self.tell_of_edits();
        let mmu = self.cpu.mmu_mut();
        mmu.model.space(self.kernel.space());
        mmu.shoot_down(&mut self.shootdown);
        if mmu.context().regs.cr3 != self.kernel.cr3() {
            mmu.load_control(ControlRegs { cr3: self.kernel.cr3(), ..mmu.context().regs });
        }
        if H::DETAIL >= Detail::EveryAccess {
            for (service, ns) in self.kernel.take_services() {
                self.cpu.mmu_mut().model.service(service, ns);
            }
            self.cpu.mmu_mut().model.resumed();
        }
        self.cpu.set_tsc_offset(self.kernel.time_beside_instructions_ns());
        self.cpu.set_context(&self.ctx);
    }
}
