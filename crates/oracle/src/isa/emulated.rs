//! The core's answer: a core with an MMU over page tables that map the same code and data pages as the child has.

use super::layout::{CODE, CODE_BYTES, DATA, DATA_BYTES, INT3, WRITABLE_BYTES};
use super::native::Case;
use super::registers::{End, Outcome, Registers};
use arch::{ControlRegs, Cr3, Cr4, FRAME_SIZE, Features, LinearAddr, PageFaultCode, Pfn, PhysAddr};
use cpu::{Cpu, CpuModel, Exit};
use mmu::{Mmu, SlotCount};
use paging::{NoModel, PagingContext, PhysMem};
use physmem::{Bus, Ram, RamError};

/// Present, writable, user.
const READ_WRITE: u64 = 7;
/// Present, user.
const READ: u64 = 5;
/// From here on Linux tells programs that a page is present, so that they learn nothing (`set_signal_archinfo`).
const USER_END: u64 = 0x7fff_ffff_f000;
/// No fetches.
const NX: u64 = 1 << 63;

/// A core that executes cases.
pub struct Emulated {
    cpu: Cpu<NoModel>,
    code: PhysAddr,
    data: PhysAddr,
}

impl Emulated {
    /// A core with code and data pages.
    ///
    /// # Errors
    /// If the host gives no RAM.
    pub fn new() -> Result<Self, RamError> {
        let mut tables = Tables::new()?;
        let code = tables.map_range(CODE, CODE_BYTES as u64, READ);
        let data = tables.map_range(DATA, WRITABLE_BYTES, READ_WRITE | NX);
        tables.map_range(DATA + WRITABLE_BYTES, DATA_BYTES as u64 - WRITABLE_BYTES, READ | NX);
        let mut bus = tables.bus;
        bus.write(code, &[INT3; CODE_BYTES]);
        let mut control = ControlRegs::long_mode(Cr3(ROOT.base().0));
        control.cr4 |= Cr4::PKE;
        let model = CpuModel { features: Features::all(), ..CpuModel::default() };
        Ok(Self {
            cpu: Cpu::of_model(Mmu::new(bus, PagingContext::new(control), SlotCount::default(), NoModel), model, 0),
            code,
            data,
        })
    }

    /// What the core makes of a case.
    pub fn run(&mut self, case: &Case) -> Outcome {
        self.prepare(case);
        let exit = self.cpu.run(case.insns);
        self.clear(case);
        let mut memory = vec![0; DATA_BYTES];
        self.cpu.mmu().bus.read(self.data, &mut memory);
        let regs = Registers::from_context(&self.cpu.context());
        Outcome { end: end(&exit, regs.rip.wrapping_sub(case.regs.rip)), regs, memory }
    }

    /// Runs so many instructions of a case's code; says why the core stopped.
    pub fn run_code(&mut self, case: &Case, fuel: u64) -> Exit {
        self.prepare(case);
        let exit = self.cpu.run(fuel);
        self.clear(case);
        exit
    }

    fn prepare(&mut self, case: &Case) {
        let (at, data) = (self.code.wrapping_add(case.regs.rip - CODE), self.data);
        let bus = &mut self.cpu.mmu_mut().bus;
        bus.write(at, &case.code);
        bus.write(data, &case.memory);
        self.cpu.set_context(&case.regs.to_context());
    }

    fn clear(&mut self, case: &Case) {
        let at = self.code.wrapping_add(case.regs.rip - CODE);
        self.cpu.mmu_mut().bus.write(at, &vec![INT3; case.code.len()]);
    }
}

/// `progress` is how far RIP has come: a fetch that faults elsewhere means that the instruction has completed.
fn end(exit: &Exit, progress: u64) -> End {
    match exit {
        Exit::Fuel => End::Completed,
        Exit::PageFault(fault) if fault.code.contains(PageFaultCode::ID) && progress != 0 => End::Completed,
        Exit::PageFault(fault) => {
            let hidden = u64::from(fault.cr2.0 >= USER_END);
            End::Exception { vector: 14, code: u64::from(fault.code.bits()) | hidden, cr2: fault.cr2.0 }
        }
        Exit::Exception(e) => End::Exception { vector: e.vector(), code: u64::from(e.error_code()), cr2: 0 },
        Exit::Unsupported(_) => End::Unsupported,
        Exit::Syscall => End::Other("system call"),
    }
}

/// The PML4.
const ROOT: Pfn = Pfn(1);

/// Page tables in simulated RAM; frames are handed out in order.
struct Tables {
    bus: Bus,
    free: Pfn,
}

impl Tables {
    fn new() -> Result<Self, RamError> {
        Ok(Self { bus: Bus::new(Ram::new(1 << 20)?), free: Pfn(ROOT.0 + 1) })
    }

    /// Maps adjacent pages to adjacent frames and says where those are.
    fn map_range(&mut self, start: u64, bytes: u64, rights: u64) -> PhysAddr {
        let pages = bytes / FRAME_SIZE;
        for page in 0..pages {
            self.table(LinearAddr(start + page * FRAME_SIZE));
        }
        let first = self.free;
        for page in 0..pages {
            let (la, leaf) = (LinearAddr(start + page * FRAME_SIZE), self.frame());
            let table = self.table(la);
            self.bus.store_entry(entry(table, la, 12), leaf.base().0 | rights);
        }
        first.base()
    }

    fn frame(&mut self) -> Pfn {
        self.free = Pfn(self.free.0 + 1);
        Pfn(self.free.0 - 1)
    }

    /// The page table of `la`, made if it is not there.
    fn table(&mut self, la: LinearAddr) -> Pfn {
        let mut table = ROOT;
        for shift in [39, 30, 21] {
            let at = entry(table, la, shift);
            if self.bus.load_entry(at) == 0 {
                let below = self.frame();
                self.bus.store_entry(at, below.base().0 | READ_WRITE);
            }
            table = PhysAddr(self.bus.load_entry(at) & !NX).pfn();
        }
        table
    }
}

fn entry(table: Pfn, la: LinearAddr, shift: u32) -> PhysAddr {
    table.base().wrapping_add((la.0 >> shift & 0x1ff) * 8)
}
