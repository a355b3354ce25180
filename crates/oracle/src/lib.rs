//! A live judge for the walker: random cases, answered by KVM on this machine and by [`paging::Walk`], compared bit by bit.
//!
//! 4-level paging, CPL 0 and 3. A case is a linear address, the entries on its path, the control bits and one access. The
//! guest has no operating system: it executes the one instruction of the case, and then either the `ud2` behind it or an
//! exception handler, which halts. What it did is read from its registers and memory.
//!
//! - [`case`]: what a case is, and its form as a line of the case files.
//! - [`generate`]: random cases from a seed.
//! - [`guest`]: the virtual machine; the only unsafe code.
//! - [`expect`]: what the walk says about a case.
//! - [`run`]: the comparison.
//!
//! Where KVM is software all the way (shadow paging), it is KVM's own walker that answers, which sets A on success only
//! (MMU-114). Where the processor walks the guest's tables, it is silicon, and either choice is accepted.
//! On other systems than Linux on x86-64 this crate is empty.

//!
//! Two other judges compare the core with this machine's processor: [`isa`] instruction by instruction from random states,
//! [`lockstep`] in whole programs. And [`code`] gives the core random bytes to execute.

#![deny(unsafe_code)]
#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

pub mod case;
pub mod code;
pub mod expect;
pub mod generate;
pub mod guest;
pub mod isa;
mod layout;
pub mod lockstep;
pub mod run;
