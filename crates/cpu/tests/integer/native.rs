//! The native side: from one register state to the trap that ends the code.
//!
//! IRETQ loads RIP, RFLAGS and RSP with all other registers already in place, so that nothing is left out, RSP included.
//! The code ends with a trap (INT3 or a fault): the handler, on a stack of its own, keeps the registers that the kernel
//! saved and goes back to the test. GS belongs to the code: its base is set beforehand.

use std::arch::naked_asm;
use std::cell::Cell;
use std::sync::Once;

/// What [`enter`] loads; it knows these offsets.
#[repr(C)]
struct Entry {
    gpr: [u64; 16],
    /// RIP, CS, RFLAGS, RSP, SS: what IRETQ pops.
    frame: [u64; 5],
    /// RSP of the test, below what it wants back.
    host_rsp: u64,
}

/// Registers at the trap.
#[derive(Clone, Copy, Debug, Default)]
pub struct Trapped {
    pub gpr: [u64; 16],
    pub rip: u64,
    pub rflags: u64,
    pub vector: u8,
    pub code: u32,
    pub cr2: u64,
}

thread_local! {
    static ENTRY: Cell<*const Entry> = const { Cell::new(std::ptr::null()) };
    static TRAPPED: Cell<Trapped> = const { Cell::new(Trapped {
        gpr: [0; 16], rip: 0, rflags: 0, vector: 0, code: 0, cr2: 0,
    }) };
    static SIGNAL_STACK: Cell<bool> = const { Cell::new(false) };
}

/// What is undefined by the manual was recorded on Intel's processors, and differs on others.
pub fn is_recorded_vendor() -> bool {
    let id = std::arch::x86_64::__cpuid(0);
    [id.ebx, id.edx, id.ecx].map(u32::to_le_bytes).concat() == *b"GenuineIntel"
}

const SIGNALS: [i32; 5] = [libc::SIGTRAP, libc::SIGSEGV, libc::SIGBUS, libc::SIGILL, libc::SIGFPE];
/// Where the kernel keeps the registers 0 to 15 in encoding order.
const GREGS: [i32; 16] = [
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

/// Runs from `rip` to the first trap.
pub fn run(gpr: &[u64; 16], rip: u64, rflags: u64, gs_base: u64) -> Trapped {
    static HANDLERS: Once = Once::new();
    HANDLERS.call_once(install_handlers);
    install_stack();
    let mut entry = Entry { gpr: *gpr, frame: [rip, 0, rflags, gpr[4], 0], host_rsp: 0 };
    ENTRY.set(&raw const entry);
    const ARCH_SET_GS: i32 = 0x1001;
    // SAFETY: nothing but the tested code uses GS. That code touches only memory of its rig, and its first trap leads
    // back; `entry` lives until then.
    unsafe {
        assert_eq!(libc::syscall(libc::SYS_arch_prctl, ARCH_SET_GS, gs_base), 0);
        // What never ends is to fail, not to hang.
        libc::alarm(60);
        enter(&mut entry);
        libc::alarm(0);
    }
    ENTRY.set(std::ptr::null());
    TRAPPED.get()
}

fn install_handlers() {
    for signal in SIGNALS {
        // SAFETY: the structure is plain data, and the handler has the type that SA_SIGINFO asks for.
        unsafe {
            let mut action: libc::sigaction = std::mem::zeroed();
            action.sa_sigaction = on_signal as *const () as usize;
            action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
            assert_eq!(libc::sigaction(signal, &action, std::ptr::null_mut()), 0);
        }
    }
}

/// A large signal stack for this thread, once.
fn install_stack() {
    if SIGNAL_STACK.replace(true) {
        return;
    }
    let memory = Box::leak(vec![0_u8; 1 << 17].into_boxed_slice());
    let stack = libc::stack_t { ss_sp: memory.as_mut_ptr().cast(), ss_flags: 0, ss_size: memory.len() };
    // SAFETY: the memory is never freed.
    unsafe { assert_eq!(libc::sigaltstack(&stack, std::ptr::null_mut()), 0) };
}

extern "C" fn on_signal(signal: i32, _: *mut libc::siginfo_t, context: *mut libc::c_void) {
    let entry = ENTRY.get();
    if entry.is_null() {
        // SAFETY: restores the default action, under which the trap comes again and ends the process.
        unsafe { libc::signal(signal, libc::SIG_DFL) };
        return;
    }
    // SAFETY: the kernel passes a valid context to a handler with SA_SIGINFO; `entry` is set while it lives.
    let (gregs, host_rsp) =
        unsafe { (&mut (*context.cast::<libc::ucontext_t>()).uc_mcontext.gregs, (*entry).host_rsp) };
    let at = |n: i32| gregs[n as usize] as u64;
    TRAPPED.set(Trapped {
        gpr: GREGS.map(at),
        rip: at(libc::REG_RIP),
        rflags: at(libc::REG_EFL),
        vector: at(libc::REG_TRAPNO) as u8,
        code: at(libc::REG_ERR) as u32,
        cr2: at(libc::REG_CR2),
    });
    gregs[libc::REG_RIP as usize] = resume as *const () as i64;
    gregs[libc::REG_RSP as usize] = host_rsp as i64;
    gregs[libc::REG_EFL as usize] = 0x202;
}

/// Saves what the test wants back and goes to the code.
#[unsafe(naked)]
unsafe extern "C" fn enter(entry: *mut Entry) {
    naked_asm!(
        "push rbx",
        "push rbp",
        "push r12",
        "push r13",
        "push r14",
        "push r15",
        "mov [rdi + 168], rsp",
        "mov eax, cs",
        "mov [rdi + 136], rax",
        "mov eax, ss",
        "mov [rdi + 160], rax",
        "mov rax, [rdi]",
        "mov rcx, [rdi + 8]",
        "mov rdx, [rdi + 16]",
        "mov rbx, [rdi + 24]",
        "mov rbp, [rdi + 40]",
        "mov rsi, [rdi + 48]",
        "mov r8, [rdi + 64]",
        "mov r9, [rdi + 72]",
        "mov r10, [rdi + 80]",
        "mov r11, [rdi + 88]",
        "mov r12, [rdi + 96]",
        "mov r13, [rdi + 104]",
        "mov r14, [rdi + 112]",
        "mov r15, [rdi + 120]",
        "lea rsp, [rdi + 128]",
        "mov rdi, [rdi + 56]",
        "iretq",
    )
}

/// Where the handler goes back to, on the stack of [`enter`]. The kernel restores neither NT nor ID.
#[unsafe(naked)]
unsafe extern "C" fn resume() {
    naked_asm!("push 0x202", "popfq", "pop r15", "pop r14", "pop r13", "pop r12", "pop rbp", "pop rbx", "ret")
}
