//! The short texts about a process.

use crate::kernel::Kernel;
use crate::process::{Process, State};
use crate::{Errno, Hw};
use arch::{Gpr, UserContext};
use event::Pid;

/// The highest and the lowest of the old scale of badness; the lowest means never (`OOM_ADJUST_MAX`, `OOM_DISABLE`).
const OOM_ADJUST_MAX: i64 = 15;
const OOM_DISABLE: i64 = -17;
/// The ends of the new one.
const OOM_SCORE_ADJ_MAX: i64 = 1000;
/// Bytes of the SYSCALL instruction.
const SYSCALL_LENGTH: u64 = 2;

/// The call that the current process makes, as its registers were.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct CallRegisters {
    number: u64,
    args: [u64; 6],
    rsp: u64,
    rip: u64,
}

impl CallRegisters {
    /// As they are now, with `ctx.rip` behind the SYSCALL.
    pub(crate) fn of(number: u64, ctx: &UserContext) -> Self {
        let args = [Gpr::Rdi, Gpr::Rsi, Gpr::Rdx, Gpr::R10, Gpr::R8, Gpr::R9].map(|r| ctx.reg(r));
        Self { number, args, rsp: ctx.reg(Gpr::Rsp), rip: ctx.rip }
    }

    fn line(&self) -> String {
        let args: String = self.args.iter().map(|arg| format!(" {arg:#x}")).collect();
        format!("{}{args} {:#x} {:#x}\n", self.number, self.rsp, self.rip)
    }
}

impl Kernel {
    /// The call that a process is in (`proc_pid_syscall`).
    pub(super) fn syscall_text(&self, process: &Process) -> String {
        match process.in_call {
            _ if process.has_ended() => "-1 0x0 0x0\n".to_owned(),
            _ if process.pid == self.current.pid => self.call.line(),
            Some(number) => {
                let call = CallRegisters::of(number, &process.ctx);
                CallRegisters { rip: call.rip.wrapping_add(SYSCALL_LENGTH), ..call }.line()
            }
            None if process.state == State::Runnable => "running\n".to_owned(),
            None => format!("-1 {:#x} {:#x}\n", process.ctx.reg(Gpr::Rsp), process.ctx.rip),
        }
    }

    /// The auxiliary vector up to its end (`auxv_read`).
    pub(super) fn auxv_text(&self, process: &Process) -> Vec<u8> {
        self.mm_of(process).map(|mm| mm.prctl.auxv.to_vec()).unwrap_or_default()
    }

    /// Time on the processor, time waiting for it, and turns (`proc_pid_schedstat`).
    pub(super) fn schedstat(&self, hw: &Hw<'_>, process: &Process) -> String {
        let usage = &process.usage;
        let ran = process.times.user_ns(hw.instructions) + process.times.system_ns();
        format!("{ran} 0 {}\n", usage.voluntary_switches + usage.involuntary_switches)
    }

    /// Where things are mounted, with more about each (`show_mountinfo`).
    pub(super) fn mountinfo(&self) -> Vec<u8> {
        let mut out = Vec::new();
        let points = self.vfs.mount_points();
        for (index, (path, file_system)) in points.iter().enumerate() {
            let is_above = |other: &[u8]| {
                let rest = if other == b"/" { Some(&path[..]) } else { path.strip_prefix(other) };
                path != other && rest.is_some_and(|rest| rest.starts_with(b"/"))
            };
            // The root is mounted on what is not to be seen; a later mount lies deeper.
            let parent = points.iter().rposition(|(other, _)| is_above(other)).map_or(1, |parent| parent + 2);
            let (device, kind) = super::names_of(*file_system);
            let dev = self.vfs.mount_device(index);
            out.extend(format!("{} {parent} {}:{} / ", index + 2, dev >> 8, dev & 0xff).into_bytes());
            out.extend([&super::escaped_path(path)[..], b" rw,relatime - ", kind, b" ", device, b" rw\n"].concat());
        }
        out
    }

    /// Nothing for what has no memory any more (`proc_coredump_filter_read`).
    pub(super) fn coredump_filter(&self, process: &Process) -> String {
        self.mm_of(process).map(|mm| format!("{:08x}\n", mm.coredump_filter)).unwrap_or_default()
    }

    /// `proc_coredump_filter_write`: the nine bits that there are.
    pub(super) fn set_coredump_filter(&mut self, pid: Pid, bytes: &[u8]) -> Result<usize, Errno> {
        const MMF_DUMP_FILTER_MASK: u32 = 0x1ff;
        let filter = number(bytes)? as u32 & MMF_DUMP_FILTER_MASK;
        let living = self.process(pid).filter(|process| !process.has_ended()).map(|process| process.mm);
        self.mms[living.ok_or(Errno::ESRCH)?].coredump_filter = filter;
        Ok(bytes.len())
    }
}

/// A number as C writes it (`kstrtoul` with base 0).
fn number(bytes: &[u8]) -> Result<u64, Errno> {
    let text = str::from_utf8(bytes).map_err(|_| Errno::EINVAL)?;
    let text = text.strip_suffix('\n').unwrap_or(text);
    let number = match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(hex) => u64::from_str_radix(hex, 16),
        None if text.len() > 1 && text.starts_with('0') => u64::from_str_radix(text, 8),
        None => text.parse(),
    };
    number.map_err(|_| Errno::EINVAL)
}

/// A write to what has one value, in any form of it.
///
/// # Errors
/// `EINVAL` for any other value.
pub(super) fn same_number(bytes: &[u8], now: u64) -> Result<usize, Errno> {
    if number(bytes)? == now { Ok(bytes.len()) } else { Err(Errno::EINVAL) }
}

/// `oom_score_adj` on the old scale (`oom_adj_read`).
pub(super) fn oom_adj(process: &Process) -> String {
    let adjust = i64::from(process.oom_score_adj);
    let old = if adjust == OOM_SCORE_ADJ_MAX { OOM_ADJUST_MAX } else { adjust * -OOM_DISABLE / OOM_SCORE_ADJ_MAX };
    format!("{}\n", old.min(OOM_ADJUST_MAX))
}

/// A number of the old scale on the new one (`oom_adj_write`).
///
/// # Errors
/// `EINVAL` if it is not on the old one.
pub(super) fn score_of_oom_adj(old: i64) -> Result<i64, Errno> {
    match old {
        OOM_ADJUST_MAX => Ok(OOM_SCORE_ADJ_MAX),
        OOM_DISABLE..OOM_ADJUST_MAX => Ok(old * OOM_SCORE_ADJ_MAX / -OOM_DISABLE),
        _ => Err(Errno::EINVAL),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_old_scale_of_badness_is_converted() {
        assert_eq!([15, -17, -16, 8, 0].map(score_of_oom_adj), [Ok(1000), Ok(-1000), Ok(-941), Ok(470), Ok(0)]);
        assert_eq!([16, -18].map(score_of_oom_adj), [Err(Errno::EINVAL); 2]);
    }

    #[test]
    fn what_has_one_value_takes_it_in_any_form() {
        for same in ["51", "0x33\n", "063"] {
            assert_eq!(same_number(same.as_bytes(), 51), Ok(same.len()), "{same}");
        }
        for other in ["50", "0x", "", " 51", "51 "] {
            assert_eq!(same_number(other.as_bytes(), 51), Err(Errno::EINVAL), "{other}");
        }
    }
}
