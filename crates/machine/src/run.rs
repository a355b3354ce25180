//! The machine and its run loop.

use crate::listener::{FaultLog, FaultOutcome, Listener};
use crate::{Ending, Interrupt, Progress, Stats};
use arch::{ControlRegs, UserContext};
use cpu::{Cpu, Exit};
use event::{EventSink, Kinds, Moment, StaleTranslation};
use kernel::mm::invariants::Violation;
use kernel::mm::reclaim::references::SharedReferences;
use kernel::{Disposition, Errno, ExecError, Hw, Kernel, Signal};
use paging::{Detail, HardwareModel, NoModel, Shootdown};
use watch::Told;

/// Instructions between two looks at the interrupt flag: some milliseconds, or a tenth of a second where a model with a window hears of each.
const SLICE: u64 = 1 << 20;

/// The same where what a model has to tell waits meanwhile.
const TELLING_SLICE: u64 = 1 << 14;

/// A machine with one core.
pub struct Machine<H = NoModel> {
    pub(crate) cpu: Cpu<H>,
    pub(crate) kernel: Kernel,
    pub(crate) ctx: UserContext,
    pub(crate) shootdown: Shootdown,
    pub(crate) listener: Listener,
    pub(crate) interrupt: Interrupt,
    pub(crate) progress: Progress,
    /// The clock that the model tells of references.
    pub(crate) references: Option<SharedReferences>,
    /// What a model that watches has to tell.
    pub(crate) told: Option<Told>,
    pub(crate) max_instructions: u64,
    /// No process can run until the host has input, or the interrupt flag is served.
    pub(crate) is_waiting: bool,
    /// What the listener wants to know.
    pub(crate) events: Kinds,
    /// Page faults of programs so far, and the one to stop at.
    pub(crate) faults: u64,
    pub(crate) stop_at_fault: Option<u64>,
    /// What has stopped the core and is still to be served.
    pub(crate) pending: Option<Exit>,
    /// Instructions between two checks of the kernel layer's memory, and when the next is due.
    pub(crate) check_every: u64,
    pub(crate) next_check: Option<u64>,
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

impl<H: HardwareModel> Machine<H> {
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

    /// Tells a sink of what happens from now on: the least, and what [`MachineConfig::events`](crate::MachineConfig::events) asks for.
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
