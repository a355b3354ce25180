//! The native side of the comparison: registers in, one call, registers out.

use std::arch::naked_asm;
use std::cell::Cell;
use std::sync::Once;

/// RET: what the code page is full of behind the instruction.
pub const RET: u8 = 0xc3;

/// FXSAVE needs this alignment.
#[repr(C, align(64))]
pub struct Fx(pub [u8; 512]);

impl From<[u8; 512]> for Fx {
    fn from(image: [u8; 512]) -> Self {
        Self(image)
    }
}

/// What [`enter`] loads and saves; it knows these offsets.
#[repr(C)]
pub struct Registers {
    pub fx: Fx,
    pub gpr: [u64; 16],
    pub rflags: u64,
}

/// True for the vendor whose choices the core makes where the architecture leaves one.
pub fn is_intel() -> bool {
    std::arch::x86_64::__cpuid(0).ebx == u32::from_le_bytes(*b"Genu")
}

thread_local! {
    /// The page whose faults end the instruction, and the signal that ended it.
    static CODE_PAGE: Cell<u64> = const { Cell::new(0) };
    static SIGNAL: Cell<i32> = const { Cell::new(0) };
}

/// Calls the code page with these registers. `Some` is the signal that ended the instruction.
pub fn call(registers: &mut Registers, code: &[u8]) -> Option<i32> {
    static HANDLERS: Once = Once::new();
    HANDLERS.call_once(install_handlers);
    CODE_PAGE.set(code.as_ptr() as u64);
    SIGNAL.set(0);
    // SAFETY: `code` is an executable page that ends in RET; RSP is not changed by what is tested.
    unsafe { enter(registers, code.as_ptr()) };
    CODE_PAGE.set(0);
    Some(SIGNAL.get()).filter(|&signal| signal != 0)
}

fn install_handlers() {
    for signal in [libc::SIGFPE, libc::SIGSEGV, libc::SIGBUS, libc::SIGILL] {
        // SAFETY: the structure is plain data, and the handler has the type that SA_SIGINFO asks for.
        unsafe {
            let mut action: libc::sigaction = std::mem::zeroed();
            action.sa_sigaction = on_signal as *const () as usize;
            action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
            assert_eq!(libc::sigaction(signal, &action, std::ptr::null_mut()), 0);
        }
    }
}

/// Goes on at the last byte of the code page, a RET; anything else that faults is a real crash.
extern "C" fn on_signal(signal: i32, _: *mut libc::siginfo_t, context: *mut libc::c_void) {
    // SAFETY: the kernel passes a valid context to a handler with SA_SIGINFO.
    let registers = unsafe { &mut (*context.cast::<libc::ucontext_t>()).uc_mcontext.gregs };
    let rip = &mut registers[libc::REG_RIP as usize];
    if *rip as u64 & !0xfff != CODE_PAGE.get() || CODE_PAGE.get() == 0 {
        // SAFETY: restores the default action, under which the access faults again and ends the process.
        unsafe { libc::signal(signal, libc::SIG_DFL) };
        return;
    }
    SIGNAL.set(signal);
    *rip |= 0xfff;
}

/// Loads all registers but RSP, calls `code`, saves them and puts back what Rust relies on.
#[unsafe(naked)]
unsafe extern "C" fn enter(registers: *mut Registers, code: *const u8) {
    naked_asm!(
        "push rbx",
        "push rbp",
        "push r12",
        "push r13",
        "push r14",
        "push r15",
        "push rdi",
        "push rsi",
        "fxrstor64 [rdi]",
        "push qword ptr [rdi + 512 + 128]",
        "popfq",
        "mov rax, [rdi + 512]",
        "mov rcx, [rdi + 512 + 8]",
        "mov rdx, [rdi + 512 + 16]",
        "mov rbx, [rdi + 512 + 24]",
        "mov rbp, [rdi + 512 + 40]",
        "mov rsi, [rdi + 512 + 48]",
        "mov r8, [rdi + 512 + 64]",
        "mov r9, [rdi + 512 + 72]",
        "mov r10, [rdi + 512 + 80]",
        "mov r11, [rdi + 512 + 88]",
        "mov r12, [rdi + 512 + 96]",
        "mov r13, [rdi + 512 + 104]",
        "mov r14, [rdi + 512 + 112]",
        "mov r15, [rdi + 512 + 120]",
        "mov rdi, [rdi + 512 + 56]",
        "call qword ptr [rsp]",
        "xchg rdi, [rsp + 8]",
        "mov [rdi + 512], rax",
        "mov [rdi + 512 + 8], rcx",
        "mov [rdi + 512 + 16], rdx",
        "mov [rdi + 512 + 24], rbx",
        "mov [rdi + 512 + 40], rbp",
        "mov [rdi + 512 + 48], rsi",
        "mov [rdi + 512 + 64], r8",
        "mov [rdi + 512 + 72], r9",
        "mov [rdi + 512 + 80], r10",
        "mov [rdi + 512 + 88], r11",
        "mov [rdi + 512 + 96], r12",
        "mov [rdi + 512 + 104], r13",
        "mov [rdi + 512 + 112], r14",
        "mov [rdi + 512 + 120], r15",
        "pushfq",
        "pop qword ptr [rdi + 512 + 128]",
        "mov rax, [rsp + 8]",
        "mov [rdi + 512 + 56], rax",
        "fxsave64 [rdi]",
        "cld",
        "fninit",
        "mov dword ptr [rsp], 0x1f80",
        "ldmxcsr [rsp]",
        "add rsp, 16",
        "pop r15",
        "pop r14",
        "pop r13",
        "pop r12",
        "pop rbp",
        "pop rbx",
        "ret",
    )
}
