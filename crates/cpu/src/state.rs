//! The registers of the core, and its MMU.

use crate::exec::x87::Fpu;
use crate::flags::Flags;
use crate::model::CpuModel;
use crate::op::{Flow, Op, tri};
use crate::random::Random;
use arch::{Exception, LinearAddr, Rflags, Segment};
use mmu::{AlignmentCheck, Fault, Mmu, Primitive};
use paging::HardwareModel;

/// Index of the linear address of the page that holds the running block.
pub(crate) const PAGE: u8 = 16;
/// Index of a register that is always 0.
pub(crate) const ZERO: u8 = 17;
/// Index of the base of FS.
pub(crate) const FS: u8 = 18;
/// Index of the base of GS.
pub(crate) const GS: u8 = 19;
/// Index of an address that a preceding operation of the same instruction has computed.
pub(crate) const SCRATCH: u8 = 20;

pub(crate) const RAX: usize = 0;
pub(crate) const RCX: usize = 1;
pub(crate) const RDX: usize = 2;
pub(crate) const RBX: usize = 3;
pub(crate) const RSP: usize = 4;
pub(crate) const RBP: usize = 5;
pub(crate) const RSI: usize = 6;
pub(crate) const RDI: usize = 7;

/// All that instructions read and write.
pub(crate) struct State<H> {
    /// 16 general registers, then those named above; 32 so that a masked index needs no check.
    pub(crate) regs: [u64; 32],
    /// The six status flags.
    pub(crate) flags: Flags,
    /// The other flags: DF, TF, AC, ID, NT, IF.
    pub(crate) system_flags: Rflags,
    /// XMM0 to XMM15.
    pub(crate) xmm: [u128; 16],
    /// Bits 255:128 of YMM0 to YMM15. Apart, so that what has only XMM registers need not know of them.
    pub(crate) ymm_high: [u128; 16],
    /// SSE control and status.
    pub(crate) mxcsr: u32,
    /// x87.
    pub(crate) fpu: Fpu,
    /// Rights of the protection keys; the MMU has the same.
    pub(crate) pkru: u32,
    /// What the segment registers hold.
    pub(crate) selectors: [u16; 6],
    /// Where control goes after [`Flow::Indirect`].
    pub(crate) target: u64,
    /// What [`Flow::Exception`] raises.
    pub(crate) exception: Exception,
    /// The access that just faulted was one to the stack, beside the memory operand.
    pub(crate) stack_faulted: bool,
    /// The instruction holds back the #DB of single-stepping until after the next: MOV to SS.
    pub(crate) trap_delayed: bool,
    /// Instructions retired, up to and with the running block: what the time-stamp counter shows.
    pub(crate) retired: u64,
    /// What the time-stamp counter is ahead of the instructions.
    pub(crate) tsc_offset: u64,
    /// What RDRAND draws from.
    pub(crate) random: Random,
    /// The processor that the core is.
    pub(crate) model: CpuModel,
    pub(crate) mmu: Mmu<H>,
}

impl<H: HardwareModel> State<H> {
    pub(crate) fn new(mmu: Mmu<H>, model: CpuModel, seed: u64) -> Self {
        Self {
            regs: [0; 32],
            flags: Flags::default(),
            system_flags: Rflags::FIXED | Rflags::IF,
            xmm: [0; 16],
            ymm_high: [0; 16],
            mxcsr: 0x1f80,
            fpu: Fpu::default(),
            pkru: 0,
            selectors: Segment::AT_ENTRY,
            target: 0,
            exception: Exception::InvalidOpcode,
            stack_faulted: false,
            trap_delayed: false,
            retired: 0,
            tsc_offset: 0,
            random: Random::new(seed),
            model,
            mmu,
        }
    }

    #[inline(always)]
    pub(crate) fn reg(&self, n: u8) -> u64 {
        self.regs[usize::from(n & 31)]
    }

    #[inline(always)]
    pub(crate) fn set_reg(&mut self, n: u8, value: u64) {
        self.regs[usize::from(n & 31)] = value;
    }

    /// Loads from the memory operand.
    #[inline(always)]
    pub(crate) fn load<T: Primitive>(&mut self, op: &Op<H>) -> Result<T, Fault> {
        let la = op.ea(self);
        self.mmu.load(la)
    }

    /// Stores to the memory operand.
    #[inline(always)]
    pub(crate) fn store<T: Primitive>(&mut self, op: &Op<H>, value: T) -> Result<(), Fault> {
        let la = op.ea(self);
        self.mmu.store(la, value)
    }

    /// How a handler ends that has stored something: code may have changed.
    #[inline(always)]
    pub(crate) fn after_store(&self) -> Flow {
        if self.mmu.bus.code.has_writes() { Flow::Leave } else { Flow::Next }
    }

    /// Raises an exception instead of completing.
    #[cold]
    pub(crate) fn raise(&mut self, exception: Exception) -> Flow {
        self.exception = exception;
        Flow::Exception
    }

    /// #GP(0).
    #[cold]
    pub(crate) fn general_protection(&mut self) -> Flow {
        self.raise(Exception::GeneralProtection { code: 0 })
    }

    /// The linear address of the instruction after `op`.
    #[inline(always)]
    pub(crate) fn next_rip(&self, op: &Op<H>) -> u64 {
        self.regs[usize::from(PAGE)].wrapping_add(op.next_offset())
    }

    /// Sets the status flags, and of the others those that are `changeable`, as POPF does.
    pub(crate) fn pop_flags(&mut self, popped: u64, changeable: Rflags) {
        let popped = Rflags::from_bits_truncate(popped);
        self.flags.set(popped);
        let kept = self.system_flags - changeable - Rflags::RF;
        self.set_system_flags(kept | (popped & changeable));
    }

    /// Sets the flags that are not status flags.
    pub(crate) fn set_system_flags(&mut self, flags: Rflags) {
        let checks_change = (self.system_flags ^ flags).contains(Rflags::AC);
        self.system_flags = flags;
        if checks_change {
            let set = flags.contains(Rflags::AC);
            self.mmu.set_alignment_check(if set { AlignmentCheck::Set } else { AlignmentCheck::Clear });
        }
    }

    /// Prepares for an instruction that is run alone.
    pub(crate) fn begin_step(&mut self) {
        self.system_flags -= Rflags::RF;
        self.trap_delayed = false;
    }

    /// True if #DB follows each instruction.
    pub(crate) fn is_stepping(&self) -> bool {
        self.system_flags.contains(Rflags::TF)
    }

    /// Pushes a quadword; RSP moves only if the store succeeds.
    #[inline(always)]
    pub(crate) fn push(&mut self, value: u64) -> Result<(), Fault> {
        let rsp = self.regs[RSP].wrapping_sub(8);
        self.mmu.store(LinearAddr(rsp), value).map_err(|fault| self.stack_fault(fault))?;
        self.regs[RSP] = rsp;
        Ok(())
    }

    /// Pushes a quadword as the last step of an instruction.
    #[inline(always)]
    pub(crate) fn push_last(&mut self, value: u64) -> Flow {
        let rsp = self.regs[RSP].wrapping_sub(8);
        if !self.mmu.store_hit(LinearAddr(rsp), value) {
            return self.push_missed(value);
        }
        self.regs[RSP] = rsp;
        Flow::Next
    }

    #[cold]
    #[inline(never)]
    fn push_missed(&mut self, value: u64) -> Flow {
        tri!(self.push(value));
        self.after_store()
    }

    /// Pushes a word.
    pub(crate) fn push16(&mut self, value: u16) -> Result<(), Fault> {
        let rsp = self.regs[RSP].wrapping_sub(2);
        self.mmu.store(LinearAddr(rsp), value).map_err(|fault| self.stack_fault(fault))?;
        self.regs[RSP] = rsp;
        Ok(())
    }

    /// Notes that the access that faulted was one to the stack.
    #[cold]
    pub(crate) fn stack_fault(&mut self, fault: Fault) -> Fault {
        self.stack_faulted = true;
        fault
    }

    /// True if string instructions go down.
    pub(crate) fn direction_down(&self) -> bool {
        self.system_flags.contains(Rflags::DF)
    }
}
