//! One instruction, once on this machine's processor and once on the core, from the same state.
//!
//! A [`Rig`] has a page of code and two pages of data, with a page behind them that faults, at the same linear addresses on both sides: the native ones are
//! mappings of the test process, the core's are frames under a small set of page tables. [`Rig::native`] loads all
//! registers, calls the code page and saves all registers; a signal on the way ends the instruction. RSP is not compared,
//! as it is the test's own.
#![allow(dead_code, unreachable_pub, reason = "each test file is a crate that uses a part")]

pub mod native;
pub mod values;

use arch::{ControlRegs, Cr3, Exception, FRAME_SIZE, LinearAddr, Pfn, PhysAddr, Rflags, UserContext, XsaveImage};
use iced_x86::{Encoder, Instruction};
use memmap2::{Mmap, MmapMut};
use mmu::{Mmu, SlotCount};
use pagewalk_cpu::{Cpu, Exit};
use paging::{NoModel, PagingContext, PhysMem};
use physmem::{Bus, Ram};

/// Bytes of data memory.
pub const DATA_BYTES: usize = 2 * FRAME_SIZE as usize;

/// All that an instruction may read or write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Machine {
    /// General registers in encoding order.
    pub gpr: [u64; 16],
    /// Status flags and DF.
    pub rflags: Rflags,
    /// x87 and SSE, as FXSAVE64 stores them.
    pub fx: XsaveImage,
    /// Bits 255:128 of the YMM registers; 0 on a processor without.
    pub ymm_high: [u128; 16],
    /// Data memory.
    pub memory: Vec<u8>,
}

/// How the instruction ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// It completed.
    Completed,
    /// #GP, #SS or #PF: SIGSEGV.
    Segv,
    /// #XM or #MF: SIGFPE.
    Fpe,
    /// #UD: SIGILL.
    Ill,
    /// The core does not execute it.
    Unsupported,
}

impl Machine {
    /// As a program starts, with zeroed memory.
    pub fn new() -> Self {
        Self {
            gpr: [0; 16],
            rflags: Rflags::FIXED | Rflags::IF,
            fx: XsaveImage::default(),
            ymm_high: [0; 16],
            memory: vec![0; DATA_BYTES],
        }
    }

    pub fn mxcsr(&self) -> u32 {
        u32::from_le_bytes(std::array::from_fn(|i| self.fx.0[XsaveImage::MXCSR + i]))
    }

    pub fn set_mxcsr(&mut self, value: u32) {
        self.fx.0[XsaveImage::MXCSR..][..4].copy_from_slice(&value.to_le_bytes());
    }

    pub fn xmm(&self, n: usize) -> u128 {
        u128::from_le_bytes(std::array::from_fn(|i| self.fx.0[XsaveImage::XMM0 + 16 * n + i]))
    }

    pub fn set_xmm(&mut self, n: usize, value: u128) {
        self.fx.0[XsaveImage::XMM0 + 16 * n..][..16].copy_from_slice(&value.to_le_bytes());
    }

    pub fn fpu_word(&self, at: usize) -> u16 {
        u16::from_le_bytes([self.fx.0[at], self.fx.0[at + 1]])
    }

    /// Sets control and status words. ES and B of the status word are made to fit.
    pub fn set_fpu_words(&mut self, control: u16, status: u16) {
        let pending = status & !control & 0x3f != 0;
        let status = status & 0x7f7f | if pending { 0x8080 } else { 0 };
        self.fx.0[..2].copy_from_slice(&control.to_le_bytes());
        self.fx.0[2..4].copy_from_slice(&status.to_le_bytes());
    }

    /// Sets ST(i).
    pub fn set_st(&mut self, i: usize, significand: u64, sign_exponent: u16) {
        let at = XsaveImage::ST0 + 16 * i;
        self.fx.0[at..][..8].copy_from_slice(&significand.to_le_bytes());
        self.fx.0[at + 8..][..2].copy_from_slice(&sign_exponent.to_le_bytes());
    }

    /// Clears what is not compared: RSP, and the bits of RFLAGS that no tested instruction changes.
    #[must_use]
    pub fn comparable(mut self) -> Self {
        self.gpr[4] = 0;
        self.rflags &= Rflags::STATUS | Rflags::DF;
        self.fx.0[416..].fill(0);
        self
    }

    /// What differs between two comparable states, a line each; empty if they are equal.
    pub fn differences(&self, other: &Self) -> Vec<String> {
        let mut out = Vec::new();
        let mut check = |name: &str, at: usize, a: u128, b: u128| {
            if a != b {
                out.push(format!("{name}[{at:#x}]: native {a:#x}, core {b:#x}"));
            }
        };
        for n in 0..16 {
            check("gpr", n, self.gpr[n].into(), other.gpr[n].into());
            check("xmm", n, self.xmm(n), other.xmm(n));
            check("ymm_high", n, self.ymm_high[n], other.ymm_high[n]);
        }
        check("rflags", 0, self.rflags.bits().into(), other.rflags.bits().into());
        check("mxcsr", 0, self.mxcsr().into(), other.mxcsr().into());
        for at in (0..XsaveImage::XMM0).filter(|at| !(24..28).contains(at)) {
            check("fxsave", at, self.fx.0[at].into(), other.fx.0[at].into());
        }
        for (at, (a, b)) in self.memory.iter().zip(&other.memory).enumerate() {
            check("memory", at, (*a).into(), (*b).into());
        }
        out
    }
}

/// A page of native code, two pages of native data, and a core with the same address space.
pub struct Rig {
    code: Option<Mmap>,
    data: MmapMut,
    cpu: Cpu<NoModel>,
    code_frame: Pfn,
    /// The second page of data has the next frame.
    data_frame: Pfn,
    len: usize,
    /// CR2 if the core's last run ended with a page fault, else 0.
    fault_address: u64,
}

impl Rig {
    pub fn new() -> Self {
        let code = MmapMut::map_anon(FRAME_SIZE as usize).unwrap().make_exec().unwrap();
        let mut data = MmapMut::map_anon(DATA_BYTES + FRAME_SIZE as usize).unwrap();
        // SAFETY: the page belongs to the mapping, and nothing but the tested instruction reaches for it.
        let guarded =
            unsafe { libc::mprotect(data.as_mut_ptr().add(DATA_BYTES).cast(), FRAME_SIZE as usize, libc::PROT_NONE) };
        assert_eq!(guarded, 0);
        let mut tables = Tables::new();
        let (code_frame, data_frame) = (tables.frame(), tables.frame());
        let second_data_frame = tables.frame();
        tables.map(LinearAddr(code.as_ptr() as u64), code_frame);
        tables.map(LinearAddr(data.as_ptr() as u64), data_frame);
        tables.map(LinearAddr(data.as_ptr() as u64 + FRAME_SIZE), second_data_frame);
        let ctx = PagingContext::new(ControlRegs::long_mode(Cr3(tables.root.base().0)));
        let cpu = Cpu::new(Mmu::new(tables.bus, ctx, SlotCount::default(), NoModel));
        Self { code: Some(code), data, cpu, code_frame, data_frame, len: 0, fault_address: 0 }
    }

    /// The linear address of data memory, page-aligned.
    pub fn data_address(&self) -> u64 {
        self.data.as_ptr() as u64
    }

    /// The linear address of the instruction.
    pub fn code_address(&self) -> u64 {
        self.code.as_ref().expect("it is only taken to be replaced").as_ptr() as u64
    }

    /// Encodes an instruction and loads it.
    pub fn load(&mut self, insn: &Instruction) {
        let mut encoder = Encoder::new(64);
        encoder.encode(insn, self.code_address()).unwrap_or_else(|e| panic!("{insn:?}: {e}"));
        self.load_bytes(&encoder.take_buffer());
    }

    /// Loads the bytes of an instruction on both sides.
    pub fn load_bytes(&mut self, bytes: &[u8]) {
        let mut page = [native::RET; FRAME_SIZE as usize];
        page[..bytes.len()].copy_from_slice(bytes);
        let mut code = self.code.take().expect("it is only taken to be replaced").make_mut().unwrap();
        code.copy_from_slice(&page);
        self.code = Some(code.make_exec().unwrap());
        self.cpu.mmu_mut().bus.write(self.code_frame.base(), &page);
        self.len = bytes.len();
    }

    /// Runs the loaded instruction on this machine's processor.
    pub fn native(&mut self, start: &Machine) -> (End, Machine) {
        self.data[..DATA_BYTES].copy_from_slice(&start.memory);
        let mut registers = native::Registers {
            gpr: start.gpr,
            rflags: start.rflags.bits(),
            fx: start.fx.0.into(),
            has_ymm: native::has_ymm().into(),
            ymm_high: start.ymm_high,
        };
        let signal = native::call(&mut registers, self.code.as_ref().expect("it is only taken to be replaced"));
        let end = match signal {
            None => End::Completed,
            Some(libc::SIGFPE) => End::Fpe,
            Some(libc::SIGILL) => End::Ill,
            Some(_) => End::Segv,
        };
        let machine = Machine {
            gpr: registers.gpr,
            rflags: Rflags::from_bits_truncate(registers.rflags),
            fx: XsaveImage(registers.fx.0),
            ymm_high: registers.ymm_high,
            memory: self.data[..DATA_BYTES].to_vec(),
        };
        (end, machine)
    }

    /// Runs the loaded instruction on the core.
    ///
    /// # Panics
    /// If RIP is not where the end says it should be.
    pub fn core(&mut self, start: &Machine) -> (End, Machine) {
        let exit = self.exit(start);
        self.fault_address = if let Exit::PageFault(fault) = &exit { fault.cr2.0 } else { 0 };
        let ctx = self.cpu.context();
        let end = match exit {
            Exit::Fuel => End::Completed,
            Exit::PageFault(_) | Exit::Exception(Exception::GeneralProtection { .. } | Exception::StackFault) => {
                End::Segv
            }
            Exit::Exception(Exception::Simd | Exception::X87) => End::Fpe,
            Exit::Exception(Exception::InvalidOpcode) => End::Ill,
            Exit::Unsupported(_) => End::Unsupported,
            other => panic!("{other:?}"),
        };
        let completed = if end == End::Completed { self.len as u64 } else { 0 };
        assert_eq!(ctx.rip, self.code_address() + completed);
        let mut memory = vec![0; DATA_BYTES];
        self.cpu.mmu().bus.read(self.data_frame.base(), &mut memory);
        let ymm_high = ctx.ymm_high;
        (end, Machine { gpr: ctx.gpr, rflags: ctx.rflags, fx: ctx.xsave, ymm_high, memory })
    }

    /// Runs the loaded instruction on the core and says why it stopped.
    pub fn exit(&mut self, start: &Machine) -> Exit {
        let mut ctx = UserContext::at_entry(LinearAddr(self.code_address()), LinearAddr(0));
        (ctx.gpr, ctx.rflags, ctx.xsave) = (start.gpr, start.rflags, start.fx.clone());
        ctx.ymm_high = start.ymm_high;
        self.cpu.mmu_mut().bus.write(self.data_frame.base(), &start.memory);
        self.cpu.set_context(&ctx);
        self.cpu.run(1)
    }

    /// Runs the loaded instruction on both sides. `blur` clears what the architecture leaves undefined.
    ///
    /// # Errors
    /// What differs, in text.
    pub fn compare(&mut self, start: &Machine, blur: impl Fn(&mut Machine)) -> Result<End, String> {
        let (want_end, want) = self.native(start);
        let (got_end, got) = self.core(start);
        if want_end != got_end {
            return Err(format!("ended: native {want_end:?}, core {got_end:?}"));
        }
        if want_end == End::Segv && native::fault_address() != self.fault_address {
            return Err(format!("CR2: native {:#x}, core {:#x}", native::fault_address(), self.fault_address));
        }
        let (mut want, mut got) = (want.comparable(), got.comparable());
        blur(&mut want);
        blur(&mut got);
        if want == got { Ok(got_end) } else { Err(want.differences(&got).join("; ")) }
    }
}

/// Page tables in simulated RAM; frames are handed out in order.
struct Tables {
    bus: Bus,
    root: Pfn,
    free: Pfn,
}

impl Tables {
    fn new() -> Self {
        Self { bus: Bus::new(Ram::new(1 << 20).unwrap()), root: Pfn(1), free: Pfn(2) }
    }

    fn frame(&mut self) -> Pfn {
        self.free = Pfn(self.free.0 + 1);
        Pfn(self.free.0 - 1)
    }

    /// Maps a page to a frame, readable, writable and executable by the user.
    fn map(&mut self, la: LinearAddr, leaf: Pfn) {
        let mut table = self.root;
        for shift in [39, 30, 21] {
            let at = entry(table, la, shift);
            if self.bus.load_entry(at) == 0 {
                let below = self.frame();
                self.bus.store_entry(at, below.base().0 | 7);
            }
            table = PhysAddr(self.bus.load_entry(at)).pfn();
        }
        self.bus.store_entry(entry(table, la, 12), leaf.base().0 | 7);
    }
}

fn entry(table: Pfn, la: LinearAddr, shift: u32) -> PhysAddr {
    table.base().wrapping_add((la.0 >> shift & 0x1ff) * 8)
}

/// A small generator with a fixed seed (SplitMix64), so that a failure comes again.
#[derive(Clone, Debug)]
pub struct Rng(pub u64);

impl Rng {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    /// A number below `n`.
    pub fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }

    pub fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len() as u64) as usize]
    }

    /// True once in `n`.
    pub fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }
}

/// States to try for each form: more by `PAGEWALK_STATES`.
pub fn states_per_form() -> u64 {
    std::env::var("PAGEWALK_STATES").ok().and_then(|v| v.parse().ok()).unwrap_or(50)
}
