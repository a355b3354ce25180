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
    /// Not 0 if there are YMM registers to load and save.
    pub has_ymm: u64,
    pub ymm_high: [u128; 16],
}

/// True for the vendor whose choices the core makes where the architecture leaves one.
pub fn is_intel() -> bool {
    std::arch::x86_64::__cpuid(0).ebx == u32::from_le_bytes(*b"Genu")
}

/// True if the processor has YMM registers and the kernel lets programs use them.
pub fn has_ymm() -> bool {
    std::arch::is_x86_feature_detected!("avx")
}

thread_local! {
    /// The page whose faults end the instruction, the signal that ended it, and the address that the signal bears.
    static CODE_PAGE: Cell<u64> = const { Cell::new(0) };
    static SIGNAL: Cell<i32> = const { Cell::new(0) };
    static ADDRESS: Cell<u64> = const { Cell::new(0) };
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

/// The address that the signal of the last call bore: CR2 after a page fault, 0 after #GP.
pub fn fault_address() -> u64 {
    ADDRESS.get()
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
extern "C" fn on_signal(signal: i32, info: *mut libc::siginfo_t, context: *mut libc::c_void) {
    // SAFETY: the kernel passes a valid context to a handler with SA_SIGINFO.
    let registers = unsafe { &mut (*context.cast::<libc::ucontext_t>()).uc_mcontext.gregs };
    let rip = &mut registers[libc::REG_RIP as usize];
    if *rip as u64 & !0xfff != CODE_PAGE.get() || CODE_PAGE.get() == 0 {
        // SAFETY: restores the default action, under which the access faults again and ends the process.
        unsafe { libc::signal(signal, libc::SIG_DFL) };
        return;
    }
    SIGNAL.set(signal);
    // SAFETY: the kernel passes valid information, which for these signals has an address.
    ADDRESS.set(unsafe { (*info).si_addr() } as u64);
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
        "cmp qword ptr [rdi + 512 + 136], 0",
        "je 2f",
        "vinsertf128 ymm0, ymm0, [rdi + 512 + 144 + 0], 1",
        "vinsertf128 ymm1, ymm1, [rdi + 512 + 144 + 16], 1",
        "vinsertf128 ymm2, ymm2, [rdi + 512 + 144 + 32], 1",
        "vinsertf128 ymm3, ymm3, [rdi + 512 + 144 + 48], 1",
        "vinsertf128 ymm4, ymm4, [rdi + 512 + 144 + 64], 1",
        "vinsertf128 ymm5, ymm5, [rdi + 512 + 144 + 80], 1",
        "vinsertf128 ymm6, ymm6, [rdi + 512 + 144 + 96], 1",
        "vinsertf128 ymm7, ymm7, [rdi + 512 + 144 + 112], 1",
        "vinsertf128 ymm8, ymm8, [rdi + 512 + 144 + 128], 1",
        "vinsertf128 ymm9, ymm9, [rdi + 512 + 144 + 144], 1",
        "vinsertf128 ymm10, ymm10, [rdi + 512 + 144 + 160], 1",
        "vinsertf128 ymm11, ymm11, [rdi + 512 + 144 + 176], 1",
        "vinsertf128 ymm12, ymm12, [rdi + 512 + 144 + 192], 1",
        "vinsertf128 ymm13, ymm13, [rdi + 512 + 144 + 208], 1",
        "vinsertf128 ymm14, ymm14, [rdi + 512 + 144 + 224], 1",
        "vinsertf128 ymm15, ymm15, [rdi + 512 + 144 + 240], 1",
        "2:",
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
        "cmp qword ptr [rdi + 512 + 136], 0",
        "je 3f",
        "vextractf128 [rdi + 512 + 144 + 0], ymm0, 1",
        "vextractf128 [rdi + 512 + 144 + 16], ymm1, 1",
        "vextractf128 [rdi + 512 + 144 + 32], ymm2, 1",
        "vextractf128 [rdi + 512 + 144 + 48], ymm3, 1",
        "vextractf128 [rdi + 512 + 144 + 64], ymm4, 1",
        "vextractf128 [rdi + 512 + 144 + 80], ymm5, 1",
        "vextractf128 [rdi + 512 + 144 + 96], ymm6, 1",
        "vextractf128 [rdi + 512 + 144 + 112], ymm7, 1",
        "vextractf128 [rdi + 512 + 144 + 128], ymm8, 1",
        "vextractf128 [rdi + 512 + 144 + 144], ymm9, 1",
        "vextractf128 [rdi + 512 + 144 + 160], ymm10, 1",
        "vextractf128 [rdi + 512 + 144 + 176], ymm11, 1",
        "vextractf128 [rdi + 512 + 144 + 192], ymm12, 1",
        "vextractf128 [rdi + 512 + 144 + 208], ymm13, 1",
        "vextractf128 [rdi + 512 + 144 + 224], ymm14, 1",
        "vextractf128 [rdi + 512 + 144 + 240], ymm15, 1",
        "3:",
        "fxsave64 [rdi]",
        "cmp qword ptr [rdi + 512 + 136], 0",
        "je 4f",
        "vzeroupper",
        "4:",
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
