//! The processor's answer. A child process executes instructions, so that nothing they do can hurt the judge.
//!
//! Protocol: the judge and its child share a row of `Slot`s. The judge fills some and writes a byte to a pipe; the child
//! answers each in place and writes a byte back. One signal handler does all the work: returning from it loads the
//! complete state of a slot, as the kernel restores every register from the signal frame; the instruction ends with INT3 behind
//! it, or with its own exception, which enters the handler again, with every register saved in the frame.
//! The handler has a stack of its own, so that RSP is a register like any other. A timer ends what runs for too long.
#![allow(unsafe_code, reason = "fork, shared memory")]

use super::child::serve;
use super::layout::{DATA_BYTES, INT3};
use super::registers::{End, Outcome, Registers};
use std::io;
use std::ptr::null_mut;

/// Cases that one message asks for at most.
pub const BATCH: usize = 64;

/// One case, and after it what it left.
#[repr(C)]
pub(super) struct Slot {
    pub(super) regs: Registers,
    pub(super) code: [u8; 16],
    pub(super) code_len: u64,
    pub(super) signal: i32,
    pub(super) vector: u64,
    pub(super) error: u64,
    pub(super) cr2: u64,
    pub(super) memory: [u8; DATA_BYTES],
}

/// What the judge and its child share.
#[repr(C)]
pub(super) struct Shared {
    pub(super) count: usize,
    pub(super) slots: [Slot; BATCH],
}

/// A case for the processor.
#[derive(Clone, Debug)]
pub struct Case {
    /// The registers; RIP says where the instruction stands.
    pub regs: Registers,
    /// The instruction.
    pub code: Vec<u8>,
    /// How many instructions the bytes are: two for the x87 instructions that begin with FWAIT.
    pub insns: u64,
    /// Data memory.
    pub memory: Vec<u8>,
}

/// A child process that executes cases.
#[derive(Debug)]
pub struct Native {
    pid: libc::pid_t,
    shared: *mut Shared,
    ask: i32,
    answer: i32,
}

// SAFETY: the shared memory is only touched by methods that take `&mut self`, while the child waits.
unsafe impl Send for Native {}

impl Native {
    /// Starts a child.
    ///
    /// # Errors
    /// Those of the system.
    pub fn start() -> io::Result<Self> {
        // SAFETY: plain system calls on fresh descriptors; the child runs `serve` alone, which neither allocates nor returns.
        unsafe {
            let (read_write, shared) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_SHARED | libc::MAP_ANONYMOUS);
            let shared = libc::mmap(null_mut(), size_of::<Shared>(), read_write, shared, -1, 0);
            if shared == libc::MAP_FAILED {
                return Err(io::Error::last_os_error());
            }
            let (mut ask, mut answer) = ([0; 2], [0; 2]);
            if libc::pipe2(ask.as_mut_ptr(), libc::O_CLOEXEC) != 0
                || libc::pipe2(answer.as_mut_ptr(), libc::O_CLOEXEC) != 0
            {
                return Err(io::Error::last_os_error());
            }
            let pid = libc::fork();
            if pid == 0 {
                libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
                libc::close(ask[1]);
                libc::close(answer[0]);
                serve(shared.cast(), ask[0], answer[1]);
            }
            libc::close(ask[0]);
            libc::close(answer[1]);
            if pid < 0 {
                Err(io::Error::last_os_error())
            } else {
                Ok(Self { pid, shared: shared.cast(), ask: ask[1], answer: answer[0] })
            }
        }
    }

    /// What the processor makes of these cases, at most [`BATCH`].
    ///
    /// # Errors
    /// If the child died of a case.
    pub fn run(&mut self, cases: &[Case]) -> io::Result<Vec<Outcome>> {
        assert!(cases.len() <= BATCH);
        // SAFETY: the child waits for a message, so nobody else looks at the memory.
        let shared = unsafe { &mut *self.shared };
        shared.count = cases.len();
        for (slot, case) in shared.slots.iter_mut().zip(cases) {
            slot.regs = case.regs;
            slot.code[..case.code.len()].copy_from_slice(&case.code);
            slot.code_len = case.code.len() as u64;
            slot.memory.copy_from_slice(&case.memory);
        }
        let mut byte = 0_u8;
        // SAFETY: one byte each way.
        let answered = unsafe {
            libc::write(self.ask, (&raw const byte).cast(), 1) == 1
                && libc::read(self.answer, (&raw mut byte).cast(), 1) == 1
        };
        if !answered {
            return Err(io::Error::other("the native child died"));
        }
        Ok(shared.slots.iter().zip(cases).map(|(slot, case)| slot.outcome(case.regs.rip)).collect())
    }
}

impl Drop for Native {
    fn drop(&mut self) {
        // SAFETY: our own child, descriptors and mapping.
        unsafe {
            libc::kill(self.pid, libc::SIGKILL);
            libc::waitpid(self.pid, null_mut(), 0);
            libc::close(self.ask);
            libc::close(self.answer);
            libc::munmap(self.shared.cast(), size_of::<Shared>());
        }
    }
}

impl Slot {
    /// INT3 behind an instruction, and a fetch that faults at its target, mean that it has completed.
    fn outcome(&self, start: u64) -> Outcome {
        const FETCH: u64 = 1 << 4;
        let mut regs = self.regs;
        let last = self.code[self.code_len as usize - 1];
        let own_int3 = last == INT3 && regs.rip == start + self.code_len;
        let end = match (self.signal, self.vector) {
            (libc::SIGTRAP, 3) if !own_int3 => {
                regs.rip -= 1;
                End::Completed
            }
            (libc::SIGSEGV, 14) if self.error & FETCH != 0 => End::Completed,
            (libc::SIGALRM, _) => End::Other("it does not end"),
            (_, 14) => End::Exception { vector: 14, code: self.error, cr2: self.cr2 },
            (_, vector) => End::Exception { vector: vector as u8, code: self.error, cr2: 0 },
        };
        Outcome { end, regs, memory: self.memory.to_vec() }
    }
}
