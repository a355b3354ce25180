//! The child of [`super::native`]: the signal handler that loads, runs and saves one case after another.
//!
//! Nothing here may allocate, lock or use thread-local storage: the handler runs with the FS base of a case, and the child may
//! have been forked from a process with threads.
#![allow(unsafe_code, reason = "shared memory, signal frames")]

use super::layout::{CODE, CODE_BYTES, DATA, DATA_BYTES, INT3, WRITABLE_BYTES};
use super::native::Shared;
use super::registers::Registers;
use super::xsave;
use std::arch::{asm, naked_asm};
use std::ptr::{addr_of_mut, copy_nonoverlapping, null_mut};

/// Seconds after which a batch counts as one that does not end.
const PATIENCE_SECONDS: i64 = 2;

/// What the handler needs. The child has one thread, and the handler runs only while `serve` waits for it.
struct Child {
    shared: *mut Shared,
    /// The slot that is running.
    slot: usize,
    /// Writable views of the code and data pages.
    code: *mut u8,
    data: *mut u8,
    /// Where the child goes on after a batch.
    home: [i64; 23],
    home_fs: u64,
    /// The XSAVE area's place for PKRU, 0 where there is none.
    pkru_at: usize,
}

static mut CHILD: Child =
    Child { shared: null_mut(), slot: 0, code: null_mut(), data: null_mut(), home: [0; 23], home_fs: 0, pkru_at: 0 };

const SIGNALS: [i32; 7] =
    [libc::SIGUSR1, libc::SIGTRAP, libc::SIGSEGV, libc::SIGBUS, libc::SIGFPE, libc::SIGILL, libc::SIGALRM];

/// Answers batches for ever.
pub(super) unsafe fn serve(shared: *mut Shared, ask: i32, answer: i32) -> ! {
    // SAFETY: the child's only thread; each system call gets what it asks for.
    unsafe {
        let child = addr_of_mut!(CHILD);
        (*child).shared = shared;
        (*child).pkru_at = std::arch::x86_64::__cpuid_count(0xd, 9).ebx as usize;
        (*child).code = map_twice(CODE, CODE_BYTES, libc::PROT_READ | libc::PROT_EXEC);
        (*child).data = map_twice(DATA, DATA_BYTES, libc::PROT_READ | libc::PROT_WRITE);
        let read_only = (DATA + WRITABLE_BYTES) as *mut libc::c_void;
        libc::mprotect(read_only, DATA_BYTES - WRITABLE_BYTES as usize, libc::PROT_READ);
        (*child).code.write_bytes(INT3, CODE_BYTES);
        install_handlers();
        let mut byte = 0_u8;
        while libc::read(ask, (&raw mut byte).cast(), 1) == 1 {
            (*child).slot = usize::MAX;
            set_timer(PATIENCE_SECONDS);
            libc::raise(libc::SIGUSR1);
            set_timer(0);
            libc::write(answer, (&raw const byte).cast(), 1);
        }
        libc::_exit(0)
    }
}

/// Maps fresh memory at `at`, and once more where it can be written.
unsafe fn map_twice(at: u64, bytes: usize, protection: i32) -> *mut u8 {
    // SAFETY: a fresh file; the fixed address is below anything that a program has.
    unsafe {
        let file = libc::memfd_create(c"case".as_ptr(), 0);
        libc::ftruncate(file, bytes as i64);
        let fixed = libc::MAP_SHARED | libc::MAP_FIXED_NOREPLACE | libc::MAP_POPULATE;
        let view = libc::mmap(at as *mut libc::c_void, bytes, protection, fixed, file, 0);
        let read_write = libc::PROT_READ | libc::PROT_WRITE;
        let alias = libc::mmap(null_mut(), bytes, read_write, libc::MAP_SHARED, file, 0);
        if view as u64 != at || alias == libc::MAP_FAILED {
            libc::_exit(1);
        }
        alias.cast()
    }
}

unsafe fn set_timer(seconds: i64) {
    let once = libc::timeval { tv_sec: seconds, tv_usec: 0 };
    let timer = libc::itimerval { it_interval: libc::timeval { tv_sec: 0, tv_usec: 0 }, it_value: once };
    // SAFETY: a valid structure.
    unsafe { libc::setitimer(libc::ITIMER_REAL, &raw const timer, null_mut()) };
}

unsafe fn install_handlers() {
    const STACK: usize = 1 << 18;
    // SAFETY: a fresh stack; the structures are plain data, and the handler has the type that SA_SIGINFO asks for.
    unsafe {
        let anonymous = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
        let stack = libc::mmap(null_mut(), STACK, libc::PROT_READ | libc::PROT_WRITE, anonymous, -1, 0);
        let stack = libc::stack_t { ss_sp: stack, ss_flags: 0, ss_size: STACK };
        libc::sigaltstack(&raw const stack, null_mut());
        for signal in SIGNALS {
            let mut action: libc::sigaction = std::mem::zeroed();
            action.sa_sigaction = on_signal as *const () as usize;
            action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
            libc::sigaction(signal, &raw const action, null_mut());
        }
    }
}

/// Clears AC, which the kernel leaves as it was, and ID and NT, which it takes over into the next case; then [`step`].
#[unsafe(naked)]
unsafe extern "C" fn on_signal(_: i32, _: *mut libc::siginfo_t, _: *mut libc::ucontext_t) {
    naked_asm!(
        "pushfq",
        "and qword ptr [rsp], {keep}",
        "popfq",
        "jmp {step}",
        keep = const !0x0024_4000_i32,
        step = sym step,
    )
}

unsafe extern "C" fn step(signal: i32, _: *mut libc::siginfo_t, context: *mut libc::ucontext_t) {
    // SAFETY: the kernel passes a valid frame, and `CHILD` was set up before the first signal.
    unsafe {
        let child = &mut *addr_of_mut!(CHILD);
        let frame = &mut (*context).uc_mcontext;
        if signal == libc::SIGUSR1 {
            child.home = frame.gregs;
            child.home_fs = read_fs_base();
            child.slot = 0;
        } else {
            save(child, signal, frame);
            child.slot += 1;
        }
        if child.slot < (*child.shared).count {
            load(child, frame);
        } else {
            frame.gregs = child.home;
            put_vectors(frame, &Registers::at_start(0), child.pkru_at);
        }
    }
}

/// Greg index of each general register, in encoding order.
const ORDER: [i32; 16] = [
    libc::REG_RAX,
    libc::REG_RCX,
    libc::REG_RDX,
    libc::REG_RBX,
    libc::REG_RSP,
    libc::REG_RBP,
    libc::REG_RSI,
    libc::REG_RDI,
    libc::REG_R8,
    libc::REG_R9,
    libc::REG_R10,
    libc::REG_R11,
    libc::REG_R12,
    libc::REG_R13,
    libc::REG_R14,
    libc::REG_R15,
];

unsafe fn load(child: &mut Child, frame: &mut libc::mcontext_t) {
    // SAFETY: the slot is one of the batch; code and data pages are as large as what is copied.
    unsafe {
        let slot = &*addr_of_mut!((*child.shared).slots[child.slot]);
        let offset = (slot.regs.rip - CODE) as usize;
        copy_nonoverlapping(slot.code.as_ptr(), child.code.add(offset), slot.code_len as usize);
        copy_nonoverlapping(slot.memory.as_ptr(), child.data, DATA_BYTES);
        for (n, greg) in ORDER.into_iter().enumerate() {
            frame.gregs[greg as usize] = slot.regs.gpr[n] as i64;
        }
        frame.gregs[libc::REG_RIP as usize] = slot.regs.rip as i64;
        frame.gregs[libc::REG_EFL as usize] = slot.regs.rflags as i64;
        frame.gregs[libc::REG_CSGSFS as usize] = child.home[libc::REG_CSGSFS as usize];
        put_vectors(frame, &slot.regs, child.pkru_at);
        write_fs_base(slot.regs.fs_base);
        write_gs_base(slot.regs.gs_base);
    }
}

unsafe fn save(child: &mut Child, signal: i32, frame: &libc::mcontext_t) {
    // SAFETY: as for `load`.
    unsafe {
        let slot = &mut *addr_of_mut!((*child.shared).slots[child.slot]);
        (slot.regs.fs_base, slot.regs.gs_base) = (read_fs_base(), read_gs_base());
        // A case may have loaded selectors.
        asm!("mov fs, {0:e}", "mov gs, {0:e}", "mov ds, {0:e}", "mov es, {0:e}", in(reg) 0);
        write_fs_base(child.home_fs);
        let offset = (slot.regs.rip - CODE) as usize;
        child.code.add(offset).write_bytes(INT3, slot.code_len as usize);
        copy_nonoverlapping(child.data, slot.memory.as_mut_ptr(), DATA_BYTES);
        for (n, greg) in ORDER.into_iter().enumerate() {
            slot.regs.gpr[n] = frame.gregs[greg as usize] as u64;
        }
        slot.regs.rip = frame.gregs[libc::REG_RIP as usize] as u64;
        slot.regs.rflags = frame.gregs[libc::REG_EFL as usize] as u64;
        slot.signal = signal;
        slot.vector = frame.gregs[libc::REG_TRAPNO as usize] as u64;
        slot.error = frame.gregs[libc::REG_ERR as usize] as u64;
        slot.cr2 = frame.gregs[libc::REG_CR2 as usize] as u64;
        take_vectors(frame, &mut slot.regs, child.pkru_at);
    }
}

unsafe fn put_vectors(frame: &mut libc::mcontext_t, regs: &Registers, pkru_at: usize) {
    // SAFETY: the kernel's frame holds an XSAVE area with at least the AVX component, and with PKRU's if there is one.
    unsafe {
        let bytes = xsave::BYTES.max(pkru_at + 4);
        let area = std::slice::from_raw_parts_mut(frame.fpregs.cast::<u8>(), bytes);
        xsave::put(area, regs, pkru_at);
    }
}

unsafe fn take_vectors(frame: &libc::mcontext_t, regs: &mut Registers, pkru_at: usize) {
    // SAFETY: as for `put_vectors`.
    unsafe {
        let bytes = xsave::BYTES.max(pkru_at + 4);
        xsave::take(std::slice::from_raw_parts(frame.fpregs.cast::<u8>(), bytes), regs, pkru_at);
    }
}

unsafe fn read_fs_base() -> u64 {
    let base;
    // SAFETY: Linux has let programs use this instruction since version 5.9.
    unsafe { asm!("rdfsbase {}", out(reg) base, options(nomem, nostack, preserves_flags)) };
    base
}

unsafe fn read_gs_base() -> u64 {
    let base;
    // SAFETY: as for FS.
    unsafe { asm!("rdgsbase {}", out(reg) base, options(nomem, nostack, preserves_flags)) };
    base
}

unsafe fn write_fs_base(base: u64) {
    // SAFETY: nothing that runs in the handler uses thread-local storage.
    unsafe { asm!("wrfsbase {}", in(reg) base, options(nostack, preserves_flags)) };
}

unsafe fn write_gs_base(base: u64) {
    // SAFETY: GS is not used in user mode.
    unsafe { asm!("wrgsbase {}", in(reg) base, options(nostack, preserves_flags)) };
}
