//! The kernel layer: what Linux does for a program, on page tables and frames of simulated memory.
//!
//! It runs on the host side, in Rust, and sees the machine only through physical memory ([`paging::PhysMem`]) and the
//! registers of the thread that trapped ([`arch::UserContext`]). It never sees the core or the MMU: an edit of a page table
//! yields a [`paging::Shootdown`], gathered in [`Hw::shootdown`], which the machine applies before the next guest
//! instruction. What happens is told to an event sink.
//!
//! Names are Linux's: `Mm`, `Vma`, `handle_mm_fault`, `do_anonymous_page`, `do_wp_page`.
#![forbid(unsafe_code)]

mod costs;
mod death;
mod errno;
mod events;
mod exec;
mod exit;
mod fork;
pub mod fs;
mod hw;
mod inject;
mod inspect;
mod job;
mod kernel;
mod khugepaged;
pub mod mm;
mod oom;
mod proc;
mod process;
mod random;
mod sched;
mod shm;
mod signal;
mod slabs;
mod standstill;
mod syscall;
mod time;
mod traps;
mod truncate;
mod wait;

pub use arch::Service;
pub use costs::{Costs, CostsError, Io, Meter};
pub use death::{Cause, Death, ExitStatus, FaultReport, MappingSummary, Neighbourhood};
pub use errno::Errno;
pub use exec::ExecError;
pub use hw::Hw;
pub use inject::{Failing, Injection, InjectionError, When};
pub use kernel::{BootError, DEFAULT_MAX_PROCESSES, Disposition, Kernel, KernelConfig};
pub use oom::OomKill;
pub use process::{Credentials, FIRST_PID, Ids, Limits, RLIM_INFINITY, Resource, Rlimit};
pub use sched::DEFAULT_QUANTUM;
pub use signal::{SigInfo, SigSet, Signal};
pub use standstill::Blocked;
pub use syscall::{UnsupportedSyscall, syscall_name};
pub use time::DEFAULT_EPOCH_SECONDS;
