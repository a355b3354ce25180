//! Giving the native process the effects of a system call that the machine's kernel layer has served.

use super::guest::Guest;
use super::tracee::{Tracee, to_user};
use crate::isa::registers::Registers;
use arch::Gpr;

/// Bytes that are copied from behind each argument that points to memory: more than any structure has.
const STRUCTURE_BYTES: u64 = 4096;
/// Addresses of programs.
const USER: std::ops::Range<u64> = 0x1_0000..0x7fff_ffff_f000;

/// A call, as it was made.
#[derive(Clone, Copy, Debug)]
pub struct Call {
    /// Its number.
    pub number: u64,
    /// Its arguments.
    pub args: [u64; 6],
}

impl Call {
    /// The call that is about to be made.
    #[must_use]
    pub fn from_regs(regs: &Registers) -> Self {
        let reg = |r: Gpr| regs.gpr[r as usize];
        let args = [Gpr::Rdi, Gpr::Rsi, Gpr::Rdx, Gpr::R10, Gpr::R8, Gpr::R9].map(reg);
        Self { number: reg(Gpr::Rax), args }
    }

    /// Calls after which there is more than one process, another program, or a signal frame.
    #[must_use]
    pub fn ends_comparison(&self) -> bool {
        [libc::SYS_clone, libc::SYS_fork, libc::SYS_vfork, libc::SYS_clone3, libc::SYS_execve, libc::SYS_rt_sigreturn]
            .contains(&(self.number as i64))
    }
}

/// Carries a call over, after the machine has served it. The native process still stands at its SYSCALL. `brk` is the end
/// of the heap so far, 0 before the first call.
///
/// # Errors
/// If the native process cannot be given the same mappings.
pub fn carry_over(call: Call, guest: &Guest, tracee: &mut Tracee, brk: &mut u64) -> Result<(), String> {
    let regs = guest.regs();
    let result = regs.gpr[Gpr::Rax as usize];
    let failed = result > (-4096_i64) as u64;
    if !failed {
        let native = map(call, result, tracee, brk);
        if native > (-4096_i64) as u64 {
            return Err(format!(
                "system call {} {:x?} natively: error {}",
                call.number,
                call.args,
                native.wrapping_neg()
            ));
        }
    }
    let mut user = tracee.regs();
    to_user(&regs, &mut user);
    tracee.set_regs(&user);
    if !failed {
        copy_results(call, result, guest, tracee);
    }
    Ok(())
}

/// Changes of mappings, at the machine's addresses. The native result.
fn map(call: Call, result: u64, tracee: &mut Tracee, brk: &mut u64) -> u64 {
    let [a, len, c, flags, ..] = call.args;
    let anonymous = (libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_FIXED) as u64;
    let read_write = (libc::PROT_READ | libc::PROT_WRITE) as u64;
    let page_up = |la: u64| la.next_multiple_of(4096);
    match call.number as i64 {
        libc::SYS_mmap => {
            let grows = flags & libc::MAP_GROWSDOWN as u64;
            tracee.call(call.number, [result, len, c, anonymous | grows, u64::MAX, 0])
        }
        libc::SYS_mremap => {
            let fixed = (libc::MREMAP_MAYMOVE | libc::MREMAP_FIXED) as u64;
            let (flags, to) = if result == a { (0, 0) } else { (fixed, result) };
            tracee.call(call.number, [a, len, c, flags, to, 0])
        }
        libc::SYS_munmap | libc::SYS_mprotect | libc::SYS_madvise => tracee.call(call.number, call.args),
        libc::SYS_brk => {
            let (old, new) = (page_up(*brk), page_up(result));
            let first = std::mem::replace(brk, result) == 0;
            if !first && new > old {
                tracee.call(libc::SYS_mmap as u64, [old, new - old, read_write, anonymous, u64::MAX, 0])
            } else if !first && new < old {
                tracee.call(libc::SYS_munmap as u64, [new, old - new, 0, 0, 0, 0])
            } else {
                0
            }
        }
        _ => 0,
    }
}

/// Whatever an argument points to is the same on both sides, or was just written by the call.
fn copy_results(call: Call, result: u64, guest: &Guest, tracee: &mut Tracee) {
    let mut copy = |la: u64, len: u64| {
        if USER.contains(&la) {
            // What is not mapped natively, the call did not write to either.
            let _ = tracee.write(la, &guest.read(la, len as usize));
        }
    };
    match call.number as i64 {
        libc::SYS_munmap | libc::SYS_mremap => {}
        libc::SYS_mmap => copy(result, call.args[1]),
        libc::SYS_readv | libc::SYS_preadv => {
            let table = guest.read(call.args[1], 16 * call.args[2].min(1024) as usize);
            for entry in table.chunks_exact(16) {
                let word = |at: usize| u64::from_le_bytes(std::array::from_fn(|i| entry[at + i]));
                copy(word(0), word(8).min(1 << 20));
            }
        }
        _ => {
            let len = if call.number as i64 == libc::SYS_read { result.max(STRUCTURE_BYTES) } else { STRUCTURE_BYTES };
            call.args.into_iter().for_each(|la| copy(la, len));
        }
    }
}
