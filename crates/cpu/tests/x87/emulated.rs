//! Runs a form on the core, on page tables of four levels with one page of data.

use super::forms::Form;
use super::state::TestState;
use arch::{ControlRegs, Cr3, Gpr, LinearAddr, PhysAddr, Rflags, UserContext};
use mmu::{Mmu, SlotCount};
use pagewalk_cpu::{Cpu, Exit};
use paging::{NoModel, PagingContext, PhysMem};
use physmem::{Bus, Ram};

const CODE: u64 = 0x40_0000;
const DATA: u64 = 0x40_f000;
/// Bytes of code a form gets.
const SLOT: u64 = 16;
/// SYSCALL, which ends a block.
const END: [u8; 2] = [0x0f, 0x05];

pub(crate) struct Emulated {
    cpu: Cpu<NoModel>,
}

/// The physical address of the page at `la`.
fn frame(la: u64) -> u64 {
    0x1_0000 + (la - CODE)
}

impl Emulated {
    pub(crate) fn new(forms: &[Form]) -> Self {
        let mut bus = Bus::new(Ram::new(1 << 20).expect("RAM"));
        let mut put = |pa: u64, bytes: &[u8]| bus.write(PhysAddr(pa), bytes);
        for (table, index, below) in [(0x1000, 0, 0x2000), (0x2000, 0, 0x3000), (0x3000, CODE >> 21, 0x4000_u64)] {
            put(table + 8 * index, &(below | 7).to_le_bytes());
        }
        for la in (CODE..=DATA).step_by(0x1000) {
            put(0x4000 + (la >> 12 & 511) * 8, &(frame(la) | 7).to_le_bytes());
        }
        for (n, form) in forms.iter().enumerate() {
            put(frame(CODE) + SLOT * n as u64, &[&form.bytes[..], &END].concat());
        }
        let paging = PagingContext::new(ControlRegs::long_mode(Cr3(0x1000)));
        Self { cpu: Cpu::new(Mmu::new(bus, paging, SlotCount::new(16).expect("a power of two"), NoModel)) }
    }

    /// Runs form `n`, which must complete.
    pub(crate) fn run(&mut self, n: usize, state: &mut TestState) {
        self.try_run(n, state).unwrap_or_else(|exit| panic!("form {n}: {exit:?}"));
    }

    /// Runs form `n`; gives what stopped it, if anything.
    pub(crate) fn try_run(&mut self, n: usize, state: &mut TestState) -> Result<(), Exit> {
        self.run_at(n, DATA, state)
    }

    /// Runs form `n` with a memory operand whose first byte is the last that is mapped. That byte is 5AH before; gives
    /// what stopped the core, and the byte.
    pub(crate) fn run_beyond_the_end(&mut self, n: usize, state: &mut TestState) -> (Result<(), Exit>, u8) {
        let last = PhysAddr(frame(DATA) + 0xfff);
        self.cpu.mmu_mut().bus.write(last, &[0x5a]);
        let result = self.run_at(n, DATA + 0xfff, state);
        let mut byte = [0];
        self.cpu.mmu().bus.read(last, &mut byte);
        (result, byte[0])
    }

    fn run_at(&mut self, n: usize, rdx: u64, state: &mut TestState) -> Result<(), Exit> {
        let mut ctx = UserContext::at_entry(LinearAddr(CODE + SLOT * n as u64), LinearAddr(DATA));
        ctx.set_reg(Gpr::Rax, state.rax);
        ctx.set_reg(Gpr::Rdx, rdx);
        ctx.rflags = Rflags::from_bits_retain(state.flags);
        ctx.xsave.0 = state.image;
        self.cpu.mmu_mut().bus.write(PhysAddr(frame(DATA)), &state.memory);
        self.cpu.set_context(&ctx);
        let exit = self.cpu.run(1);
        let ctx = self.cpu.context();
        state.image = ctx.xsave.0;
        state.rax = ctx.reg(Gpr::Rax);
        state.flags = ctx.rflags.bits();
        state.forget_addresses(CODE + SLOT * n as u64, rdx);
        self.cpu.mmu().bus.read(PhysAddr(frame(DATA)), &mut state.memory);
        if exit == Exit::Fuel { Ok(()) } else { Err(exit) }
    }
}
