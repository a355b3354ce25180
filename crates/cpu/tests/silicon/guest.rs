//! A core with a page of code and a few pages of data, each in a state that the test chooses.

use arch::{ControlRegs, Cr3, Exception, FRAME_SIZE, Features, LinearAddr, PageFaultCode, Pfn, PhysAddr, UserContext};
use mmu::{Mmu, SlotCount};
use pagewalk_cpu::{Cpu, CpuModel, Exit};
use paging::{NoModel, PagingContext, PhysMem};
use physmem::{Bus, Ram};

/// Where the code is; the page behind it is not mapped.
pub(crate) const CODE: u64 = 0x40_0000;
/// The first of the data pages.
pub(crate) const DATA: u64 = 0x1000_0000;
/// Their size.
pub(crate) const PAGE: u64 = FRAME_SIZE;

const TABLES: u64 = 0x1000;
const CODE_FRAME: Pfn = Pfn(16);
const FIRST_DATA_FRAME: u64 = 32;
const A: u64 = 1 << 5;
const D: u64 = 1 << 6;

/// What a page of a row is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Page {
    /// Readable and writable, not executable.
    Ok,
    /// Readable.
    Ro,
    /// Readable and executable.
    Code,
    /// Not present: PROT_NONE or not mapped.
    Absent,
}

impl Page {
    /// From the word of a row.
    pub(crate) fn named(name: &str) -> Self {
        match name {
            "ok" => Self::Ok,
            "ro" => Self::Ro,
            "none" | "unmapped" => Self::Absent,
            _ => panic!("no page is {name}"),
        }
    }

    /// The entry without A and D.
    const fn entry(self, frame: Pfn) -> u64 {
        let base = frame.0 << 12;
        match self {
            Self::Ok => base | 7 | 1 << 63,
            Self::Ro => base | 5 | 1 << 63,
            Self::Code => base | 5,
            Self::Absent => 0,
        }
    }
}

/// How an instruction ended that did not complete, as `trap`, `err` and CR2 of the rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) trap: u64,
    pub(crate) err: u64,
    /// Of a page fault alone: the others leave CR2 as it was (MMU-137).
    pub(crate) cr2: Option<u64>,
    pub(crate) rip: u64,
}

/// The core and its memory.
pub(crate) struct Guest {
    pub(crate) cpu: Cpu<NoModel>,
    pub(crate) ctx: UserContext,
}

impl Guest {
    /// Code at [`CODE`], pages from [`DATA`] on; A and D are clear, every byte of data is 0. RAX points to the data.
    pub(crate) fn new(code: &[u8], pages: &[Page]) -> Self {
        Self::of(Features::default(), code, pages)
    }

    /// The same of a core with other features.
    pub(crate) fn of(features: Features, code: &[u8], pages: &[Page]) -> Self {
        let mut bus = Bus::new(Ram::new(1 << 20).unwrap());
        let mut tables = 1;
        let mut map = |bus: &mut Bus, la: u64, entry: u64| {
            let mut table = TABLES;
            for shift in [39, 30, 21] {
                let at = PhysAddr(table + (la >> shift & 0x1ff) * 8);
                if bus.load_entry(at) == 0 {
                    tables += 1;
                    bus.store_entry(at, (tables << 12) | 7);
                }
                table = bus.load_entry(at) & !0xfff;
            }
            bus.store_entry(PhysAddr(table + (la >> 12 & 0x1ff) * 8), entry);
        };
        map(&mut bus, CODE, Page::Code.entry(CODE_FRAME));
        for (n, page) in (0..).zip(pages) {
            map(&mut bus, DATA + n * PAGE, page.entry(Pfn(FIRST_DATA_FRAME + n)));
        }
        bus.write(CODE_FRAME.base(), code);
        let context = PagingContext::new(ControlRegs::long_mode(Cr3(TABLES)));
        let model = CpuModel { features, ..CpuModel::default() };
        let cpu = Cpu::of_model(Mmu::new(bus, context, SlotCount::default(), NoModel), model, 0);
        let mut ctx = UserContext::at_entry(LinearAddr(CODE), LinearAddr(DATA + 2 * PAGE));
        ctx.gpr[0] = DATA;
        Self { cpu, ctx }
    }

    /// Runs so many instructions; what stopped it before.
    pub(crate) fn run(&mut self, instructions: u64) -> Option<Fault> {
        self.cpu.set_context(&self.ctx);
        let exit = self.cpu.run(instructions);
        let rip = self.cpu.context().rip;
        let (trap, err, cr2) = match exit {
            Exit::Fuel => return None,
            Exit::PageFault(fault) => (14, u64::from(fault.code.bits()), Some(fault.cr2.0)),
            Exit::Exception(Exception::GeneralProtection { code }) => (13, u64::from(code), None),
            Exit::Exception(Exception::StackFault) => (12, 0, None),
            Exit::Exception(Exception::InvalidOpcode) => (6, 0, None),
            Exit::Exception(Exception::AlignmentCheck) => (17, 0, None),
            Exit::Exception(Exception::DivideError) => (0, 0, None),
            other => panic!("{other:?}"),
        };
        Some(Fault { trap, err, cr2, rip })
    }

    /// The entry of data page `n`.
    fn entry(&self, n: u64) -> u64 {
        let mut table = TABLES;
        let la = DATA + n * PAGE;
        for shift in [39, 30, 21, 12] {
            table = self.cpu.mmu().bus.load_entry(PhysAddr((table & !0xfff & !(1 << 63)) + (la >> shift & 0x1ff) * 8));
        }
        table
    }

    /// A and D of data page `n`.
    pub(crate) fn accessed_dirty(&self, n: u64) -> (bool, bool) {
        let entry = self.entry(n);
        (entry & A != 0, entry & D != 0)
    }

    /// The bytes of data page `n`.
    pub(crate) fn bytes(&self, n: u64) -> Vec<u8> {
        let mut bytes = vec![0; PAGE as usize];
        self.cpu.mmu().bus.read(Pfn(FIRST_DATA_FRAME + n).base(), &mut bytes);
        bytes
    }

    /// Writes into data page `n`, whatever its rights are.
    pub(crate) fn put(&mut self, n: u64, offset: u64, bytes: &[u8]) {
        let at = Pfn(FIRST_DATA_FRAME + n).base().wrapping_add(offset);
        self.cpu.mmu_mut().bus.write(at, bytes);
    }
}

/// The error code of a user's access to the kernel's half as Linux gives it to a program: P is always set, so that nothing
/// shows of what is mapped there (`sanitize_error_code`).
pub(crate) fn as_linux_reports(fault: Fault) -> Fault {
    const TASK_SIZE_MAX: u64 = (1 << 47) - 4096;
    match fault.cr2 {
        Some(cr2) if cr2 >= TASK_SIZE_MAX => Fault { err: fault.err | u64::from(PageFaultCode::P.bits()), ..fault },
        _ => fault,
    }
}
