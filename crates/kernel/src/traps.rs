//! Traps that are no system calls: page faults, other exceptions, signals from outside.
//!
//! What a program gets for each exception was measured on silicon and a running Linux: signal, `si_code`, `si_addr`, and the
//! trap number and error code in its frame.

use crate::Hw;
use crate::death::{Cause, FaultReport, MappingSummary, Neighbourhood};
use crate::kernel::{Disposition, Kernel};
use crate::mm::{MemSignal, SI_KERNEL, SignalKind, TASK_SIZE_MAX, Vma, VmaName};
use crate::oom::Victim;
use crate::process::State;
use crate::signal::{SigInfo, Signal, Target, TrapRecord};
use arch::Service;
use arch::{Exception, LinearAddr, PageFault, PageFaultCode, Rflags, UserContext, XsaveImage};
use event::Resolution;

/// Vector of #PF.
const TRAP_PF: u64 = 14;

const FPE_INTDIV: i32 = 1;
const FPE_FLTDIV: i32 = 3;
const FPE_FLTOVF: i32 = 4;
const FPE_FLTUND: i32 = 5;
const FPE_FLTRES: i32 = 6;
const FPE_FLTINV: i32 = 7;
const FPE_FLTUNK: i32 = 14;
const ILL_ILLOPN: i32 = 2;
const TRAP_BRKPT: i32 = 1;
const TRAP_TRACE: i32 = 2;
const BUS_ADRALN: i32 = 1;

impl Kernel {
    /// Serves a page fault of the program: the page comes, or a signal.
    pub fn handle_fault(&mut self, hw: &mut Hw<'_>, ctx: &mut UserContext, fault: PageFault) -> Disposition {
        self.enter(hw);
        let thrashes = self.thrashing.note_fault(hw.instructions, ctx, fault.cr2.page_base());
        loop {
            let (mm, mut cx) = self.mm_cx(hw);
            let outcome = match mm.handle_mm_fault(&mut cx, LinearAddr(ctx.rip), fault) {
                Ok(_) if thrashes => {
                    Err(MemSignal { signal: SignalKind::Kill, code: SI_KERNEL, addr: fault.cr2, pkey: None })
                }
                outcome => outcome,
            };
            match outcome {
                Ok(Resolution::FileRead | Resolution::SwappedIn) => self.current.usage.major_faults += 1,
                Ok(_) => self.current.usage.minor_faults += 1,
                Err(MemSignal { signal: SignalKind::Kill, .. }) if self.out_of_memory(hw) == Victim::Other => continue,
                Err(signal) => self.force_sig_fault(ctx, fault, signal),
            }
            return self.leave(hw, ctx);
        }
    }

    /// Turns an exception into its signal.
    pub fn handle_exception(&mut self, hw: &mut Hw<'_>, ctx: &mut UserContext, exception: Exception) -> Disposition {
        self.frames.meter.charge(Service::Exception);
        self.enter(hw);
        let err = u64::from(exception.error_code());
        let cr2 = self.current.signals.trap.cr2;
        self.current.signals.trap = TrapRecord { trapno: u64::from(exception.vector()), err, cr2 };
        self.current.signals.force(exception_info(exception, ctx));
        self.cause = Some(Cause::Exception(exception));
        let traps = [Exception::Debug, Exception::Int1, Exception::Breakpoint, Exception::Overflow];
        if !traps.contains(&exception) {
            ctx.rflags |= Rflags::RF; // as a fault pushes it; a trap does not
        }
        self.leave(hw, ctx)
    }

    /// Raises a signal from outside, as a terminal does for Ctrl-C, for the processes in its foreground. A call that the
    /// console cut short with `EINTR` ends by it, if this comes before the next instruction.
    pub fn interrupt(&mut self, hw: &mut Hw<'_>, ctx: &mut UserContext, signal: Signal) -> Disposition {
        let cut_short = self.current.cut_short.take().filter(|call| call.is_at(ctx));
        self.enter(hw);
        self.current.cut_short = cut_short;
        self.raise_group(self.terminal.foreground, SigInfo::kernel(signal));
        self.leave(hw, ctx)
    }

    /// Lets every stopped process go on, as a shell does when it puts a job into the foreground.
    pub fn continue_all(&mut self, hw: &mut Hw<'_>, ctx: &mut UserContext) -> Disposition {
        self.enter(hw);
        for pid in self.pids_where(|process| process.state == State::Stopped) {
            self.raise(pid, Target::Process, SigInfo::kernel(Signal::CONT));
        }
        self.leave(hw, ctx)
    }

    /// What each entry begins with: its cost, what time has brought, and no memory of the last entry's troubles.
    pub(crate) fn enter(&mut self, hw: &Hw<'_>) {
        self.cause = None;
        self.current.cut_short = None;
        self.settle_costs();
        self.run_alarms(hw);
        self.run_own_timers(hw.instructions);
    }

    /// The program gets a signal instead of a page (`force_sig_fault`, with `set_signal_archinfo`).
    fn force_sig_fault(&mut self, ctx: &mut UserContext, fault: PageFault, signal: MemSignal) {
        let mut code = fault.code | PageFaultCode::US;
        if signal.addr.0 >= TASK_SIZE_MAX {
            code |= PageFaultCode::P; // the layout of the kernel half is nobody's business
        }
        let err = u64::from(code.bits());
        self.current.signals.trap = TrapRecord { trapno: TRAP_PF, err, cr2: signal.addr.0 };
        let kind = fault.code.access_kind();
        self.cause = Some(Cause::Fault(FaultReport { addr: signal.addr, kind, code, at: self.around(signal.addr) }));
        let info = match signal.signal {
            SignalKind::Segv => SigInfo::fault(Signal::SEGV, signal.code, signal.addr).with_pkey(signal.pkey),
            SignalKind::Bus => SigInfo::fault(Signal::BUS, signal.code, signal.addr),
            SignalKind::Kill => SigInfo::kernel(Signal::KILL),
        };
        self.current.signals.force(info);
        ctx.rflags |= Rflags::RF;
    }

    /// The mapping that holds an address, or its neighbours.
    fn around(&self, addr: LinearAddr) -> Neighbourhood {
        let mm = self.mm();
        match mm.find_vma(addr) {
            Some(vma) if vma.contains(addr) => Neighbourhood::Inside(self.summary(vma)),
            above => Neighbourhood::Between {
                below: mm.vma_below(addr).map(|vma| self.summary(vma)),
                above: above.map(|vma| self.summary(vma)),
            },
        }
    }

    fn summary(&self, vma: &Vma) -> MappingSummary {
        let name = match self.mm().vma_name(vma) {
            VmaName::Heap => "[heap]".to_owned(),
            VmaName::Stack => "[stack]".to_owned(),
            VmaName::Anonymous => "anonymous".to_owned(),
            VmaName::File(inode) => String::from_utf8_lossy(&self.vfs.inode_name(inode)).into_owned(),
        };
        MappingSummary { start: vma.start, end: vma.end, prot: vma.prot(), name }
    }
}

/// The signal of an exception. Those without a code of their own come as SI_KERNEL, without an address.
fn exception_info(exception: Exception, ctx: &UserContext) -> SigInfo {
    let at_rip = |signal, code| SigInfo::fault(signal, code, LinearAddr(ctx.rip));
    match exception {
        Exception::DivideError => at_rip(Signal::FPE, FPE_INTDIV),
        Exception::Debug => at_rip(Signal::TRAP, TRAP_TRACE),
        Exception::Int1 => at_rip(Signal::TRAP, TRAP_BRKPT),
        Exception::Breakpoint => SigInfo::kernel(Signal::TRAP),
        Exception::InvalidOpcode => at_rip(Signal::ILL, ILL_ILLOPN),
        Exception::Overflow => SigInfo::kernel(Signal::SEGV),
        Exception::StackFault => SigInfo::kernel(Signal::BUS),
        Exception::GeneralProtection { .. } => SigInfo::kernel(Signal::SEGV),
        Exception::X87 => at_rip(Signal::FPE, fpe_code(unmasked_x87(&ctx.xsave))),
        Exception::AlignmentCheck => SigInfo::fault(Signal::BUS, BUS_ADRALN, LinearAddr(0)),
        Exception::Simd => at_rip(Signal::FPE, fpe_code(unmasked_simd(&ctx.xsave))),
    }
}

fn half(image: &XsaveImage, at: usize) -> u16 {
    u16::from_le_bytes([image.0[at], image.0[at + 1]])
}

/// Exception flags of the x87 status word that the control word does not mask.
fn unmasked_x87(image: &XsaveImage) -> u16 {
    half(image, 2) & !half(image, 0) & 0x3f
}

/// Exception flags of MXCSR that it does not mask.
fn unmasked_simd(image: &XsaveImage) -> u16 {
    let mxcsr = half(image, XsaveImage::MXCSR);
    mxcsr & !(mxcsr >> 7) & 0x3f
}

/// `si_code` of a floating-point exception (`fpu__exception_code`).
const fn fpe_code(flags: u16) -> i32 {
    match flags {
        f if f & 0x01 != 0 => FPE_FLTINV,
        f if f & 0x04 != 0 => FPE_FLTDIV,
        f if f & 0x08 != 0 => FPE_FLTOVF,
        f if f & 0x12 != 0 => FPE_FLTUND,
        f if f & 0x20 != 0 => FPE_FLTRES,
        _ => FPE_FLTUNK,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Signal, `si_code` and `si_addr` as a native program sees them on Linux for each exception.
    #[test]
    fn exceptions_become_the_signals_that_linux_sends() {
        let rip = 0x40_1234;
        let ctx = UserContext::at_entry(LinearAddr(rip), LinearAddr(0));
        for (exception, signal, code, addr) in [
            (Exception::DivideError, Signal::FPE, 1, rip),
            (Exception::InvalidOpcode, Signal::ILL, 2, rip),
            (Exception::Breakpoint, Signal::TRAP, 0x80, 0),
            (Exception::Debug, Signal::TRAP, 2, rip),
            (Exception::Int1, Signal::TRAP, 1, rip),
            (Exception::Overflow, Signal::SEGV, 0x80, 0),
            (Exception::StackFault, Signal::BUS, 0x80, 0),
            (Exception::GeneralProtection { code: 0 }, Signal::SEGV, 0x80, 0),
            (Exception::AlignmentCheck, Signal::BUS, 1, 0),
        ] {
            let info = exception_info(exception, &ctx);
            assert_eq!((info.signal(), info.code(), info.addr().0), (signal, code, addr), "{exception:?}");
        }
    }

    #[test]
    fn floating_point_codes_come_from_what_is_unmasked() {
        let mut ctx = UserContext::at_entry(LinearAddr(0), LinearAddr(0));
        let mut set_mxcsr = |value: u32| {
            ctx.xsave.0[XsaveImage::MXCSR..XsaveImage::MXCSR + 4].copy_from_slice(&value.to_le_bytes());
            exception_info(Exception::Simd, &ctx).code()
        };
        assert_eq!(set_mxcsr(0x1d80 | 0x04), FPE_FLTDIV);
        assert_eq!(set_mxcsr(0x1f00 | 0x01), FPE_FLTINV);
        assert_eq!(set_mxcsr(0x1d80 | 0x05), FPE_FLTDIV, "a masked flag does not count");
        ctx.xsave.0[..4].copy_from_slice(&[0x7b, 0x03, 0x04, 0x00]);
        assert_eq!(exception_info(Exception::X87, &ctx).code(), FPE_FLTDIV);
    }
}
