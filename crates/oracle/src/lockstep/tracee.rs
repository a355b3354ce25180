//! A native process under ptrace.
#![allow(unsafe_code, reason = "fork, execve, ptrace")]

use crate::isa::registers::Registers;
use crate::isa::xsave;
use std::ffi::CString;
use std::fs::File;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::ptr::null_mut;

/// The registers that ptrace gives and takes, but for the vectors.
pub type UserRegs = libc::user_regs_struct;

/// How a step ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// After an instruction.
    Step,
    /// At a signal, which is not delivered.
    Signal(i32),
    /// The process is gone.
    Gone,
}

/// A process that is stopped whenever we look.
#[derive(Debug)]
pub struct Tracee {
    pid: libc::pid_t,
    memory: File,
}

impl Tracee {
    /// Starts a program with an empty environment and without address randomisation; it stands at its entry.
    ///
    /// # Errors
    /// Those of the system, execve's among them.
    pub fn start(program: &Path) -> io::Result<Self> {
        let path = CString::new(program.as_os_str().as_bytes())?;
        let argv = [path.as_ptr(), std::ptr::null()];
        let envp = [std::ptr::null()];
        share_one_processor();
        // SAFETY: between fork and execve the child makes system calls alone; the arrays end with a null pointer.
        let pid = unsafe {
            let pid = libc::fork();
            if pid == 0 {
                libc::personality(libc::ADDR_NO_RANDOMIZE as libc::c_ulong);
                libc::ptrace(libc::PTRACE_TRACEME, 0, 0, 0);
                libc::execve(path.as_ptr(), argv.as_ptr(), envp.as_ptr());
                libc::_exit(127);
            }
            pid
        };
        if pid < 0 {
            return Err(io::Error::last_os_error());
        }
        if wait(pid) != Stop::Step {
            return Err(io::Error::other(format!("{} cannot be executed", program.display())));
        }
        let memory = File::options().read(true).write(true).open(format!("/proc/{pid}/mem"))?;
        // SAFETY: our own child, which is stopped.
        unsafe { libc::ptrace(libc::PTRACE_SETOPTIONS, pid, 0, libc::PTRACE_O_EXITKILL) };
        let mut tracee = Self { pid, memory };
        tracee.unmap_kernel_pages()?;
        Ok(tracee)
    }

    /// Removes the vDSO and its data, which the machine does not have and whose place it uses. They go as wholes, since they
    /// cannot be split.
    fn unmap_kernel_pages(&mut self) -> io::Result<()> {
        const SYSCALL: [u8; 2] = [0x0f, 0x05];
        let maps = std::fs::read_to_string(format!("/proc/{}/maps", self.pid))?;
        let entry = self.regs();
        let mut code = [0; 2];
        self.read(entry.rip, &mut code)?;
        self.write(entry.rip, &SYSCALL)?;
        for line in maps.lines().filter(|line| line.contains("[vvar") || line.contains("[vdso")) {
            let range = line.split([' ', '-']).take(2).filter_map(|word| u64::from_str_radix(word, 16).ok());
            if let [start, end] = range.collect::<Vec<_>>()[..] {
                self.set_regs(&entry);
                self.call(libc::SYS_munmap as u64, [start, end - start, 0, 0, 0, 0]);
            }
        }
        self.write(entry.rip, &code)?;
        self.set_regs(&entry);
        Ok(())
    }

    /// Executes one instruction.
    pub fn step(&mut self) -> Stop {
        // SAFETY: our own child, which is stopped.
        unsafe { libc::ptrace(libc::PTRACE_SINGLESTEP, self.pid, 0, 0) };
        wait(self.pid)
    }

    /// The general registers.
    #[must_use]
    pub fn regs(&self) -> UserRegs {
        // SAFETY: plain data, which the call fills.
        unsafe {
            let mut regs: UserRegs = std::mem::zeroed();
            libc::ptrace(libc::PTRACE_GETREGS, self.pid, 0, &raw mut regs);
            regs
        }
    }

    /// Sets the general registers.
    pub fn set_regs(&mut self, regs: &UserRegs) {
        // SAFETY: the structure is valid, the child stopped.
        unsafe { libc::ptrace(libc::PTRACE_SETREGS, self.pid, 0, std::ptr::from_ref(regs)) };
    }

    /// All registers.
    #[must_use]
    pub fn all(&self) -> Registers {
        const NT_X86_XSTATE: libc::c_int = 0x202;
        let mut area = [0_u8; 8192];
        let mut vector = libc::iovec { iov_base: area.as_mut_ptr().cast(), iov_len: area.len() };
        // SAFETY: the vector describes `area`, which the call fills.
        unsafe { libc::ptrace(libc::PTRACE_GETREGSET, self.pid, NT_X86_XSTATE, &raw mut vector) };
        let mut out = from_user(&self.regs());
        xsave::take(&area, &mut out, 0);
        out
    }

    /// Reads memory.
    ///
    /// # Errors
    /// If nothing is mapped there.
    pub fn read(&self, la: u64, buf: &mut [u8]) -> io::Result<()> {
        self.memory.read_exact_at(buf, la)
    }

    /// Writes memory, read-only pages too.
    ///
    /// # Errors
    /// If nothing is mapped there.
    pub fn write(&mut self, la: u64, bytes: &[u8]) -> io::Result<()> {
        self.memory.write_all_at(bytes, la)
    }

    /// Makes a system call in the process, which stands at a SYSCALL instruction. The registers are not restored.
    pub fn call(&mut self, number: u64, args: [u64; 6]) -> u64 {
        let mut regs = self.regs();
        regs.rax = number;
        [regs.rdi, regs.rsi, regs.rdx, regs.r10, regs.r8, regs.r9] = args;
        self.set_regs(&regs);
        self.step();
        self.regs().rax
    }
}

impl Drop for Tracee {
    fn drop(&mut self) {
        // SAFETY: our own child.
        unsafe {
            libc::kill(self.pid, libc::SIGKILL);
            libc::waitpid(self.pid, null_mut(), 0);
        }
    }
}

/// Keeps this thread, and so the child, on one processor: they take turns, and waking another processor takes longer.
fn share_one_processor() {
    // SAFETY: plain data; if it fails, it is only slower.
    unsafe {
        let mut set: libc::cpu_set_t = std::mem::zeroed();
        libc::CPU_SET(libc::sched_getcpu().max(0) as usize, &mut set);
        libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &raw const set);
    }
}

fn wait(pid: libc::pid_t) -> Stop {
    let mut status = 0;
    // SAFETY: our own child.
    let waited = unsafe { libc::waitpid(pid, &raw mut status, 0) };
    match status {
        _ if waited != pid || !libc::WIFSTOPPED(status) => Stop::Gone,
        _ if libc::WSTOPSIG(status) == libc::SIGTRAP => Stop::Step,
        _ => Stop::Signal(libc::WSTOPSIG(status)),
    }
}

/// In the order of encodings. x87 and vectors are left in their initial state.
#[must_use]
pub fn from_user(regs: &UserRegs) -> Registers {
    let mut out = Registers::at_start(regs.rip);
    out.gpr = [
        regs.rax, regs.rcx, regs.rdx, regs.rbx, regs.rsp, regs.rbp, regs.rsi, regs.rdi, regs.r8, regs.r9, regs.r10,
        regs.r11, regs.r12, regs.r13, regs.r14, regs.r15,
    ];
    out.rflags = regs.eflags;
    (out.fs_base, out.gs_base) = (regs.fs_base, regs.gs_base);
    out
}

/// Overwrites the general registers, RIP, RFLAGS and the bases; not in a system call any more.
pub fn to_user(from: &Registers, regs: &mut UserRegs) {
    [
        regs.rax, regs.rcx, regs.rdx, regs.rbx, regs.rsp, regs.rbp, regs.rsi, regs.rdi, regs.r8, regs.r9, regs.r10,
        regs.r11, regs.r12, regs.r13, regs.r14, regs.r15,
    ] = from.gpr;
    regs.rip = from.rip;
    regs.eflags = from.rflags;
    (regs.fs_base, regs.gs_base) = (from.fs_base, from.gs_base);
    regs.orig_rax = u64::MAX;
}
