//! A core with a page of code and two pages of data, whose rights each case chooses.

use arch::{ControlRegs, Cr3, Exception, Features, LinearAddr, Pfn, PhysAddr, UserContext};
use mmu::{Mmu, SlotCount};
use pagewalk_cpu::{Cpu, CpuModel, Exit};
use paging::{NoModel, PagingContext, PhysMem};
use physmem::{Bus, Ram};

pub const CODE: u64 = 0x40_0000;
pub const DATA: u64 = 0x50_0000;
pub const SECOND: u64 = DATA + 0x1000;
pub const STACK: u64 = 0x60_0000;

const ACCESSED: u64 = 1 << 5;
const DIRTY: u64 = 1 << 6;

/// What a page may be used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Page {
    Executable,
    Writable,
    ReadOnly,
    /// PROT_NONE, or nothing at all: the same to the hardware.
    Absent,
}

impl Page {
    pub fn named(name: &str) -> Self {
        match name {
            "ok" => Self::Writable,
            "ro" => Self::ReadOnly,
            "none" | "unmapped" => Self::Absent,
            other => panic!("no page is called {other}"),
        }
    }

    const fn flags(self) -> u64 {
        match self {
            Self::Executable => 0b111,
            Self::Writable => 0b111 | 1 << 63,
            Self::ReadOnly => 0b101 | 1 << 63,
            Self::Absent => 0,
        }
    }
}

/// How a case ended, in the numbers of the tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    NoFault,
    Trap {
        vector: u8,
        code: u32,
        cr2: Option<u64>,
    },
    /// The core does not have the instruction.
    Unsupported,
}

pub struct Bench {
    cpu: Cpu<NoModel>,
    entries: [PhysAddr; 2],
    frames: [Pfn; 2],
    pub ctx: UserContext,
}

impl Bench {
    /// A core about to execute `code` at an offset of the code page; the page behind that is not there.
    pub fn new(code: &[u8], offset: u64, data: [Page; 2]) -> Self {
        Self::of(Features::default(), code, offset, data)
    }

    /// The same of a core with other features.
    pub fn of(features: Features, code: &[u8], offset: u64, data: [Page; 2]) -> Self {
        let mut tables = Tables::new();
        let (_, code_frame) = tables.map(CODE, Page::Executable);
        let (first, second) = (tables.map(DATA, data[0]), tables.map(SECOND, data[1]));
        tables.map(STACK, Page::Writable);
        tables.bus.write(code_frame.base().wrapping_add(offset), code);
        let paging = PagingContext::new(ControlRegs::long_mode(Cr3(tables.root.base().0)));
        let model = CpuModel { features, ..CpuModel::default() };
        let cpu = Cpu::with_model(Mmu::new(tables.bus, paging, SlotCount::default(), NoModel), model, 0);
        let ctx = UserContext::at_entry(LinearAddr(CODE + offset), LinearAddr(STACK + 0x800));
        Self { cpu, entries: [first.0, second.0], frames: [first.1, second.1], ctx }
    }

    /// Runs so many instructions.
    pub fn run(&mut self, instructions: u64) -> End {
        self.cpu.set_context(&self.ctx);
        let exit = self.cpu.run(instructions);
        self.ctx = self.cpu.context();
        match exit {
            Exit::Fuel => End::NoFault,
            Exit::PageFault(fault) => End::Trap { vector: 14, code: fault.code.bits(), cr2: Some(fault.cr2.0) },
            Exit::Exception(exception) => {
                let code = match exception {
                    Exception::GeneralProtection { code } => code,
                    _ => 0,
                };
                End::Trap { vector: exception.vector(), code, cr2: None }
            }
            Exit::Unsupported(_) => End::Unsupported,
            Exit::Syscall => panic!("no case has a system call"),
        }
    }

    /// The accessed and the dirty bit of a data page.
    pub fn accessed_dirty(&self, page: usize) -> [bool; 2] {
        let entry = self.cpu.mmu().bus.load_entry(self.entries[page]);
        [entry & ACCESSED != 0, entry & DIRTY != 0]
    }

    /// Fills the start of a data page.
    pub fn fill(&mut self, page: usize, bytes: &[u8]) {
        self.cpu.mmu_mut().bus.write(self.frames[page].base(), bytes);
    }

    pub fn contents(&self, page: usize) -> Vec<u8> {
        let mut bytes = vec![0; 0x1000];
        self.cpu.mmu().bus.read(self.frames[page].base(), &mut bytes);
        bytes
    }
}

struct Tables {
    bus: Bus,
    root: Pfn,
    free: u64,
}

impl Tables {
    fn new() -> Self {
        Self { bus: Bus::new(Ram::new(1 << 20).unwrap()), root: Pfn(1), free: 2 }
    }

    fn frame(&mut self) -> Pfn {
        self.free += 1;
        Pfn(self.free - 1)
    }

    /// Maps a page to a new frame; gives its entry and its frame.
    fn map(&mut self, la: u64, page: Page) -> (PhysAddr, Pfn) {
        let mut table = self.root;
        let entry = |table: Pfn, shift: u32| table.base().wrapping_add((la >> shift & 0x1ff) * 8);
        for shift in [39, 30, 21] {
            let at = entry(table, shift);
            if self.bus.load_entry(at) == 0 {
                let below = self.frame();
                self.bus.store_entry(at, below.base().0 | 7);
            }
            table = PhysAddr(self.bus.load_entry(at)).pfn();
        }
        let leaf = self.frame();
        let at = entry(table, 12);
        self.bus.store_entry(at, if page == Page::Absent { 0 } else { leaf.base().0 | page.flags() });
        (at, leaf)
    }
}
