//! A machine without a core: the test makes the accesses and the system calls that a program would make.
#![allow(dead_code, reason = "each test uses a part of it")]

pub(crate) mod processes;
pub(crate) mod signals;

use arch::{Access, AccessKind, ControlRegs, Gpr, LinearAddr, PhysAddr, Privilege, UserContext};
use event::{Event, EventSink, Moment};
use pagewalk_kernel::fs::{BufferConsole, Captured, ViewConfig};
use pagewalk_kernel::{Disposition, Hw, Kernel, KernelConfig};
use paging::{NoModel, PagingContext, PhysMem, Shootdown};
use physmem::{Bus, Ram};
use std::cell::RefCell;
use std::rc::Rc;

const RAM: u64 = 16 << 20;

/// Where the program's two segments lie: code, and data with bss.
pub(crate) const CODE: u64 = 0x40_0000;
pub(crate) const ENTRY: u64 = CODE + 0x200;
pub(crate) const DATA: u64 = 0x50_0000;
/// Where the heap starts: the bss is three pages long.
pub(crate) const HEAP: u64 = DATA + 0x3000;
/// A place of the bss where tests put what system calls read and write.
pub(crate) const SCRATCH: u64 = DATA + 0x1000;

#[derive(Default)]
pub(crate) struct Recorder(pub(crate) Vec<Event>);

impl EventSink for Recorder {
    fn record(&mut self, _: Moment, event: &Event) {
        self.0.push(*event);
    }
}

/// A program that waits for the test to act for it.
pub(crate) struct Rig {
    pub(crate) bus: Bus,
    pub(crate) kernel: Kernel,
    pub(crate) ctx: UserContext,
    pub(crate) events: Recorder,
    pub(crate) instructions: u64,
    pub(crate) output: Rc<RefCell<Captured>>,
    pub(crate) folder: tempfile::TempDir,
}

impl Rig {
    /// Boots, and executes a tiny program.
    pub(crate) fn new() -> Self {
        let mut rig = Self::booted();
        rig.exec(b"/prog", &["prog"], &["HOME=/"]).unwrap();
        rig
    }

    /// Boots on a folder that has nothing but the program.
    pub(crate) fn booted() -> Self {
        Self::configured(|_| ())
    }

    /// The same, with a change of the configuration.
    pub(crate) fn configured(change: impl FnOnce(&mut KernelConfig)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        add_program(folder.path(), "prog", &tiny_elf());
        let console = BufferConsole::new("input\n");
        let output = console.captured();
        let mut bus = Bus::new(Ram::new(RAM).unwrap());
        let mut events = Recorder::default();
        let mut shootdown = Shootdown::none();
        let mut hw = Hw { mem: &mut bus, sink: &mut events, shootdown: &mut shootdown, instructions: 0, ns: 0 };
        let view = ViewConfig { root: Some(folder.path().into()), ..ViewConfig::default() };
        let mut config = KernelConfig { ram_bytes: RAM, ..KernelConfig::new(view) };
        change(&mut config);
        let kernel = Kernel::boot(config, Box::new(console), &mut hw).unwrap();
        let ctx = UserContext::at_entry(LinearAddr(0), LinearAddr(0));
        Self { bus, kernel, ctx, events, instructions: 0, output, folder }
    }

    pub(crate) fn exec(&mut self, path: &[u8], argv: &[&str], envp: &[&str]) -> Result<(), pagewalk_kernel::ExecError> {
        let owned = |texts: &[&str]| texts.iter().map(|t| t.as_bytes().to_vec()).collect::<Vec<_>>();
        let (argv, envp) = (owned(argv), owned(envp));
        self.ctx = self.enter(|kernel, hw, _| kernel.exec(hw, path, &argv, &envp))?;
        Ok(())
    }

    /// One entry into the kernel layer. There is no TLB here, so shootdowns have nothing to drop.
    pub(crate) fn enter<R>(&mut self, f: impl FnOnce(&mut Kernel, &mut Hw<'_>, &mut UserContext) -> R) -> R {
        let mut shootdown = Shootdown::none();
        let (mem, sink, instructions) = (&mut self.bus, &mut self.events, self.instructions);
        let mut hw = Hw { mem, sink, shootdown: &mut shootdown, instructions, ns: instructions };
        f(&mut self.kernel, &mut hw, &mut self.ctx)
    }

    /// What the MMU would give for a user access, faults served on the way; or how the run goes on instead.
    pub(crate) fn access(&mut self, la: u64, kind: AccessKind) -> Result<PhysAddr, Disposition> {
        for _ in 0..4 {
            let context = PagingContext::new(ControlRegs::long_mode(self.kernel.cr3()));
            let la = LinearAddr(la);
            match paging::translate(&mut NoModel, &mut self.bus, &context, la, Access::new(kind, Privilege::User)) {
                Ok(translation) => return Ok(translation.apply(la)),
                Err(fault) => {
                    let before = self.ctx.rip;
                    let disposition = self.enter(|kernel, hw, ctx| kernel.handle_fault(hw, ctx, fault));
                    if disposition != Disposition::Resume || self.ctx.rip != before {
                        return Err(disposition);
                    }
                }
            }
        }
        panic!("{la:#x}: the fault repeats");
    }

    /// Stores bytes as the program would.
    pub(crate) fn poke(&mut self, la: u64, bytes: &[u8]) {
        for (offset, byte) in bytes.iter().enumerate() {
            let pa = self.access(la + offset as u64, AccessKind::Write).expect("the program may write here");
            self.bus.write(pa, &[*byte]);
        }
    }

    pub(crate) fn poke_words(&mut self, la: u64, words: &[u64]) {
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        self.poke(la, &bytes);
    }

    /// Loads bytes as the program would.
    pub(crate) fn peek(&mut self, la: u64, len: usize) -> Vec<u8> {
        let mut bytes = vec![0; len];
        for (offset, byte) in bytes.iter_mut().enumerate() {
            let pa = self.access(la + offset as u64, AccessKind::Read).expect("the program may read here");
            self.bus.read(pa, std::slice::from_mut(byte));
        }
        bytes
    }

    pub(crate) fn peek_word(&mut self, la: u64) -> u64 {
        u64::from_le_bytes(self.peek(la, 8).try_into().unwrap())
    }

    /// Executes SYSCALL; `ctx.rip` moves over it as the core would do.
    pub(crate) fn syscall(&mut self, number: u64, args: &[u64]) -> Disposition {
        let registers = [Gpr::Rdi, Gpr::Rsi, Gpr::Rdx, Gpr::R10, Gpr::R8, Gpr::R9];
        for (register, value) in registers.into_iter().zip(args.iter().copied().chain(std::iter::repeat(0))) {
            self.ctx.set_reg(register, value);
        }
        self.ctx.set_reg(Gpr::Rax, number);
        self.ctx.rip += 2;
        self.enter(|kernel, hw, ctx| kernel.syscall(hw, ctx))
    }

    /// A call that returns: its result, an error as a negative number.
    pub(crate) fn call(&mut self, number: u64, args: &[u64]) -> i64 {
        assert_eq!(self.syscall(number, args), Disposition::Resume, "call {number}");
        self.ctx.reg(Gpr::Rax) as i64
    }
}

/// The call that the first process of a deadlock waits in.
pub(crate) fn deadlocked_in(end: &Disposition) -> Option<&'static str> {
    match end {
        Disposition::Deadlock(processes) => processes[0].call,
        _ => None,
    }
}

/// Puts an executable file in a folder.
pub(crate) fn add_program(folder: &std::path::Path, name: &str, bytes: &[u8]) {
    use std::os::unix::fs::PermissionsExt;
    let path = folder.join(name);
    std::fs::write(&path, bytes).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

/// A static program: a page of code from the file, and a page of data with two of bss.
pub(crate) fn tiny_elf() -> Vec<u8> {
    const PT_LOAD: u32 = 1;
    let mut file = vec![0_u8; 0x1000];
    let mut put = |at: usize, bytes: &[u8]| file[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, b"\x7fELF\x02\x01\x01");
    put(16, &2_u16.to_le_bytes()); // ET_EXEC
    put(18, &62_u16.to_le_bytes()); // EM_X86_64
    put(20, &1_u32.to_le_bytes());
    put(24, &ENTRY.to_le_bytes());
    put(32, &64_u64.to_le_bytes()); // e_phoff
    put(52, &64_u16.to_le_bytes());
    put(54, &56_u16.to_le_bytes());
    put(56, &2_u16.to_le_bytes());
    let mut segment = |index: usize, flags: u32, [offset, vaddr, filesz, memsz]: [u64; 4]| {
        let at = 64 + 56 * index;
        put(at, &PT_LOAD.to_le_bytes());
        put(at + 4, &flags.to_le_bytes());
        for (slot, word) in [offset, vaddr, vaddr, filesz, memsz, 0x1000].into_iter().enumerate() {
            put(at + 8 + 8 * slot, &word.to_le_bytes());
        }
    };
    segment(0, 5, [0, CODE, 0x800, 0x800]);
    segment(1, 6, [0x800, DATA + 0x800, 0x800, 0x2800]);
    file[0x200..0x204].copy_from_slice(&[0x90, 0x90, 0x0f, 0x05]);
    file[0x800..0x805].copy_from_slice(b"data\n");
    file
}
