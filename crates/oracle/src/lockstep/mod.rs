//! A whole program in lockstep: natively, one instruction at a time under ptrace, and on the machine; all registers are
//! compared after each.
//!
//! The machine leads wherever the two worlds differ: its initial stack is copied to the native process, its kernel layer serves
//! the system calls and the native process is given the results, and what CPUID and the clock say is the machine's answer. Only what
//! changes mappings is done natively as well, at the machine's addresses. So both start equal and stay equal as long as
//! each instruction does the same.
//! - [`tracee`]: the native process. The only unsafe code.
//! - [`guest`]: the machine's side: registers and memory.
//! - [`insn`]: what is to be known of an instruction before it is stepped over.
//! - [`calls`]: giving the native process the effects of a system call.
//! - [`run`]: the loop.
//!
//! Programs are static, not position-independent, and have one thread; fork, execve and signals end the comparison.

pub mod calls;
pub mod guest;
pub mod insn;
pub mod run;
pub mod tracee;
