//! Code and data at the same linear addresses for the processor and for cores, and runs on each from the same state.
//!
//! A rig has three pages of code, which may be written, mapped a second time as an alias; and a row of data pages: nothing,
//! four pages to read and write, one to read, nothing. All lie below 2 GiB, so that every form of address reaches them.
//! Code ends with INT3, which fills the code pages, or with a fault.

use super::common::Rng;
use super::native;
use arch::{ControlRegs, Cr3, FRAME_SIZE, LinearAddr, Pfn, PhysAddr, Rflags, UserContext};
use mmu::{Mmu, SlotCount};
use pagewalk_cpu::{Cpu, Exit};
use paging::{NoModel, PagingContext, PhysMem};
use physmem::{Bus, Ram};
use std::sync::{Mutex, MutexGuard, PoisonError};

const PAGE: usize = FRAME_SIZE as usize;
pub const CODE_BYTES: usize = 3 * PAGE;
pub const WRITABLE_BYTES: usize = 4 * PAGE;
pub const DATA_BYTES: usize = 5 * PAGE;
/// From the code to its alias, and to the data.
pub const ALIAS: u64 = 0x1_0000;
pub const DATA: u64 = 0x2_0000;
const RESERVED: usize = 0x4_0000;

/// What is loaded before a run.
#[derive(Clone, Debug)]
pub struct Start {
    pub gpr: [u64; 16],
    pub rip: u64,
    pub rflags: u64,
    pub gs_base: u64,
    pub data: Vec<u8>,
}

/// What a run leaves.
#[derive(Clone, PartialEq, Eq)]
pub struct Outcome {
    pub gpr: [u64; 16],
    pub rip: u64,
    pub rflags: u64,
    pub trap: Trap,
    pub data: Vec<u8>,
    pub code: Vec<u8>,
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trap {
    Exception {
        vector: u8,
        code: u32,
    },
    PageFault {
        cr2: u64,
        code: u32,
    },
    /// The core does not execute it.
    Unsupported(String),
    /// It does not come to an end.
    Endless,
}

/// In which pieces a core runs.
#[derive(Clone, Debug)]
pub enum Fuel {
    All,
    One,
    Random(Rng),
}

/// Instructions after which a run is called endless.
const LIMIT: u64 = 100_000;

/// Code and data on both sides. One at a time: what goes astray must not find another's data.
pub struct Rig {
    base: u64,
    native: NativeMemory,
    pub cores: Vec<Core>,
    code: Vec<u8>,
    _only: MutexGuard<'static, ()>,
}

const BASE: u64 = 0x1000_0000;

impl Rig {
    /// A rig with a core for each size of the SoftTlb.
    pub fn new(slots: &[usize]) -> Self {
        static ONLY: Mutex<()> = Mutex::new(());
        let only = ONLY.lock().unwrap_or_else(PoisonError::into_inner);
        let base = BASE;
        let cores = slots.iter().map(|&n| Core::new(base, SlotCount::new(n).unwrap())).collect();
        let mut rig = Self { base, native: NativeMemory::new(base), cores, code: vec![], _only: only };
        rig.load(0, &[]);
        rig
    }

    pub fn code_address(&self) -> u64 {
        self.base
    }

    pub fn data_address(&self) -> u64 {
        self.base + DATA
    }

    /// Loads code at an offset, as far as it fits; the rest of the code pages is INT3.
    pub fn load(&mut self, at: usize, code: &[u8]) {
        self.code = vec![0xcc; CODE_BYTES];
        let len = code.len().min(CODE_BYTES - at);
        self.code[at..at + len].copy_from_slice(&code[..len]);
    }

    pub fn native(&mut self, start: &Start) -> Outcome {
        self.native.reset(&self.code, &start.data);
        let t = native::run(&start.gpr, start.rip, start.rflags, start.gs_base);
        let trap = match t.vector {
            // Linux hides from programs which kernel addresses are mapped.
            14 if t.cr2 >= 0x7fff_ffff_f000 => Trap::PageFault { cr2: t.cr2, code: t.code & !1 },
            14 => Trap::PageFault { cr2: t.cr2, code: t.code },
            vector => Trap::Exception { vector, code: t.code },
        };
        let rflags = t.rflags & !(Rflags::RF | Rflags::IF | Rflags::TF).bits();
        let (code, data) = self.native.contents();
        Outcome { gpr: t.gpr, rip: t.rip, rflags, trap, data, code }
    }

    /// Runs on core `n`; gives the instructions retired too.
    pub fn core(&mut self, n: usize, start: &Start, fuel: &mut Fuel) -> (Outcome, u64) {
        self.cores[n].run(&self.code, start, fuel)
    }
}

/// Mappings of this process.
struct NativeMemory {
    base: *mut u8,
    /// All code and data pages, to read and write.
    window: *mut u8,
}

impl NativeMemory {
    fn new(base: u64) -> Self {
        const FIXED: i32 = libc::MAP_FIXED | libc::MAP_SHARED | libc::MAP_POPULATE;
        let total = CODE_BYTES + DATA_BYTES;
        let (rw, rwx) = (libc::PROT_READ | libc::PROT_WRITE, libc::PROT_READ | libc::PROT_WRITE | libc::PROT_EXEC);
        // SAFETY: the reservation does not replace anything, and all else is mapped over it; the window is where the kernel
        // likes.
        unsafe {
            let fd = libc::memfd_create(c"rig".as_ptr(), 0);
            assert!(fd >= 0 && libc::ftruncate(fd, total as i64) == 0);
            let map = |at: u64, len: usize, prot: i32, offset: usize| {
                let p = libc::mmap(at as *mut _, len, prot, FIXED, fd, offset as i64);
                assert_eq!(p as u64, at);
            };
            let flags = libc::MAP_FIXED_NOREPLACE | libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
            let reserved = libc::mmap(base as *mut _, RESERVED, libc::PROT_NONE, flags, -1, 0);
            assert_eq!(reserved as u64, base);
            let window = libc::mmap(std::ptr::null_mut(), total, rw, libc::MAP_SHARED | libc::MAP_POPULATE, fd, 0);
            assert_ne!(window, libc::MAP_FAILED);
            map(base, CODE_BYTES, rwx, 0);
            map(base + ALIAS, CODE_BYTES, rwx, 0);
            map(base + DATA, WRITABLE_BYTES, rw, CODE_BYTES);
            map(base + DATA + WRITABLE_BYTES as u64, PAGE, libc::PROT_READ, CODE_BYTES + WRITABLE_BYTES);
            libc::close(fd);
            Self { base: base as *mut u8, window: window.cast() }
        }
    }

    fn bytes(&mut self) -> &mut [u8] {
        // SAFETY: the window has this length; while the slice lives no tested code runs.
        unsafe { std::slice::from_raw_parts_mut(self.window, CODE_BYTES + DATA_BYTES) }
    }

    fn reset(&mut self, code: &[u8], data: &[u8]) {
        // SAFETY: the code pages have this length. They are written only where they differ, and by the address they run at.
        let here = unsafe { std::slice::from_raw_parts_mut(self.base, CODE_BYTES) };
        if here != code {
            here.copy_from_slice(code);
        }
        self.bytes()[CODE_BYTES..].copy_from_slice(data);
    }

    fn contents(&mut self) -> (Vec<u8>, Vec<u8>) {
        let (code, data) = self.bytes().split_at(CODE_BYTES);
        (code.to_vec(), data.to_vec())
    }
}

impl Drop for NativeMemory {
    fn drop(&mut self) {
        // SAFETY: both mappings are this value's own, and no slice of them lives.
        unsafe {
            libc::munmap(self.base.cast(), RESERVED);
            libc::munmap(self.window.cast(), CODE_BYTES + DATA_BYTES);
        }
    }
}

/// A core and its page tables.
pub struct Core {
    pub cpu: Cpu<NoModel>,
    code: PhysAddr,
    data: PhysAddr,
}

impl Core {
    fn new(base: u64, slots: SlotCount) -> Self {
        let mut tables = Tables { bus: Bus::new(Ram::new(1 << 20).unwrap()), root: Pfn(1), free: 2 };
        let frames = |tables: &mut Tables, n: usize| {
            let first = Pfn(tables.free);
            tables.free += n as u64;
            first
        };
        let (code, data) = (frames(&mut tables, 3), frames(&mut tables, 5));
        for n in 0..3 {
            tables.map(base + n * FRAME_SIZE, Pfn(code.0 + n), 7);
            tables.map(base + ALIAS + n * FRAME_SIZE, Pfn(code.0 + n), 7);
        }
        for n in 0..5 {
            let rights = if n < 4 { 7 } else { 5 } | 1 << 63;
            tables.map(base + DATA + n * FRAME_SIZE, Pfn(data.0 + n), rights);
        }
        let ctx = PagingContext::new(ControlRegs::long_mode(Cr3(tables.root.base().0)));
        let cpu = Cpu::new(Mmu::new(tables.bus, ctx, slots, NoModel));
        Self { cpu, code: code.base(), data: data.base() }
    }

    fn run(&mut self, code: &[u8], start: &Start, fuel: &mut Fuel) -> (Outcome, u64) {
        let mut here = vec![0; CODE_BYTES];
        self.cpu.mmu().bus.read(self.code, &mut here);
        if here != code {
            self.cpu.mmu_mut().bus.write(self.code, code);
        }
        self.cpu.mmu_mut().bus.write(self.data, &start.data);
        let mut ctx = UserContext::at_entry(LinearAddr(start.rip), LinearAddr(0));
        (ctx.gpr, ctx.gs_base) = (start.gpr, start.gs_base);
        ctx.rflags = Rflags::from_bits_truncate(start.rflags) | Rflags::IF;
        self.cpu.set_context(&ctx);
        let first = self.cpu.retired();
        let exit = self.run_in_pieces(fuel);
        let retired = self.cpu.retired() - first;
        let trap = match exit {
            Exit::Fuel => Trap::Endless,
            Exit::PageFault(f) => Trap::PageFault { cr2: f.cr2.0, code: f.code.bits() },
            Exit::Exception(e) => Trap::Exception { vector: e.vector(), code: e.error_code() },
            Exit::Unsupported(u) => Trap::Unsupported(u.text),
            Exit::Syscall => Trap::Unsupported("syscall".into()),
        };
        let ctx = self.cpu.context();
        let mut data = vec![0; DATA_BYTES];
        self.cpu.mmu().bus.read(self.data, &mut data);
        self.cpu.mmu().bus.read(self.code, &mut here);
        let rflags = (ctx.rflags - Rflags::IF - Rflags::RF - Rflags::TF).bits();
        (Outcome { gpr: ctx.gpr, rip: ctx.rip, rflags, trap, data, code: here }, retired)
    }

    /// # Panics
    /// If not just so many instructions retire as the fuel allows.
    fn run_in_pieces(&mut self, fuel: &mut Fuel) -> Exit {
        let limit = self.cpu.retired() + LIMIT;
        while self.cpu.retired() < limit {
            let before = self.cpu.retired();
            let n = match fuel {
                Fuel::All => LIMIT,
                Fuel::One => 1,
                Fuel::Random(rng) => 1 + rng.below(9),
            };
            let exit = self.cpu.run(n);
            let done = self.cpu.retired() - before;
            if exit != Exit::Fuel {
                assert!(done <= n, "{done} of {n} retired");
                return exit;
            }
            assert_eq!(done, n, "retired, fuel");
        }
        Exit::Fuel
    }
}

/// Page tables in simulated RAM.
struct Tables {
    bus: Bus,
    root: Pfn,
    free: u64,
}

impl Tables {
    fn map(&mut self, la: u64, frame: Pfn, rights: u64) {
        let mut table = self.root;
        for shift in [39, 30, 21] {
            let at = table.base().wrapping_add((la >> shift & 0x1ff) * 8);
            if self.bus.load_entry(at) == 0 {
                self.bus.store_entry(at, Pfn(self.free).base().0 | 7);
                self.free += 1;
            }
            table = PhysAddr(self.bus.load_entry(at)).pfn();
        }
        self.bus.store_entry(table.base().wrapping_add((la >> 12 & 0x1ff) * 8), frame.base().0 | rights);
    }
}

impl Outcome {
    /// A fault in the alias becomes one in the code.
    pub fn unalias(&mut self, code: u64) {
        if let Trap::PageFault { cr2, .. } = &mut self.trap
            && (code + ALIAS..code + ALIAS + CODE_BYTES as u64 + FRAME_SIZE).contains(cr2)
        {
            *cr2 -= ALIAS;
        }
    }

    /// What differs, with `self` from the processor.
    pub fn differences(&self, core: &Self) -> String {
        const NAMES: [&str; 16] = [
            "rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14",
            "r15",
        ];
        let mut out = Vec::new();
        if self.trap != core.trap {
            out.push(format!("trap {:x?}, core {:x?}", self.trap, core.trap));
        }
        let flags =
            |v: u64| format!("{:?}", Rflags::from_bits_retain(v).iter_names().map(|(n, _)| n).collect::<Vec<_>>());
        if self.rflags != core.rflags {
            out.push(format!("flags {}, core {}", flags(self.rflags), flags(core.rflags)));
        }
        let named = NAMES.iter().zip(self.gpr.iter().zip(&core.gpr)).chain([(&"rip", (&self.rip, &core.rip))]);
        out.extend(named.filter(|(_, (a, b))| a != b).map(|(n, (a, b))| format!("{n} {a:#x}, core {b:#x}")));
        for (name, a, b) in [("data", &self.data, &core.data), ("code", &self.code, &core.code)] {
            let mut bytes = a.iter().zip(b).enumerate().filter(|(_, (a, b))| a != b);
            if let Some((at, (a, b))) = bytes.next() {
                out.push(format!("{name}[{at:#x}] {a:#x}, core {b:#x} and {} more", bytes.count()));
            }
        }
        out.join("; ")
    }
}
