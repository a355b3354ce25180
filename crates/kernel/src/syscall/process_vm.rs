//! process_vm_readv and process_vm_writev: another process's memory (Linux's `mm/process_vm_access.c`).

use super::file::{Fault, UserBuffers};
use super::{Call, Outcome, SysResult};
use crate::kernel::Kernel;
use crate::mm::MmCx;
use crate::process::{Cap, Ids, Process};
use crate::{Errno, Hw};
use arch::{FRAME_SIZE, LinearAddr};
use event::Pid;

/// Which way the bytes go.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Direction {
    FromOther,
    ToOther,
}

impl Kernel {
    pub(super) fn process_vm_call(&mut self, hw: &mut Hw<'_>, call: &mut Call<'_>) -> Option<Outcome> {
        let direction = match call.number {
            310 => Direction::FromOther,
            311 => Direction::ToOther,
            _ => return None,
        };
        Some(Outcome::Return(self.process_vm(hw, call.args, direction)))
    }

    /// Copies page by page as far as both sides can be used; an error only if that is nowhere.
    fn process_vm(&mut self, hw: &mut Hw<'_>, args: [u64; 6], direction: Direction) -> SysResult {
        let [pid, local, local_count, remote, remote_count, flags] = args;
        if flags != 0 {
            return Err(Errno::EINVAL);
        }
        let mut local = self.user_iovec(hw, local, local_count)?;
        if local.left == 0 {
            return Ok(0);
        }
        let remote = self.user_iovec_unchecked(hw, remote, remote_count)?;
        if remote.iter().all(|&(_, len)| len == 0) {
            return Ok(0);
        }
        let pid = self.other_memory(pid)?;
        let mut done = 0;
        for (mut addr, mut len) in remote {
            len = len.min(local.left);
            while len > 0 {
                let piece = len.min(FRAME_SIZE - addr % FRAME_SIZE) as usize;
                let copied = match direction {
                    Direction::FromOther => self.copy_from_other(hw, pid, LinearAddr(addr), &mut local, piece),
                    Direction::ToOther => self.copy_to_other(hw, pid, LinearAddr(addr), &mut local, piece),
                };
                done += copied as u64;
                if copied < piece {
                    return if done > 0 { Ok(done) } else { Err(Errno::EFAULT) };
                }
                (addr, len) = (addr + piece as u64, len - piece as u64);
            }
        }
        Ok(done)
    }

    /// The process whose memory is asked for, if it may be (`mm_access`).
    fn other_memory(&self, pid: u64) -> Result<Pid, Errno> {
        let process = self.process(Pid(pid as u32)).ok_or(Errno::ESRCH)?;
        if process.has_ended() {
            return Err(Errno::ESRCH);
        }
        if self.may_look_into(process) { Ok(process.pid) } else { Err(Errno::EPERM) }
    }

    /// Whether the current process may look into another: it is itself, or has all its ids and the other lets itself be looked
    /// into, or it has the privilege (`ptrace_may_access` with real ids).
    pub(super) fn may_look_into(&self, other: &Process) -> bool {
        let same = |id: u32, ids: Ids| [ids.real, ids.effective, ids.saved] == [id; 3];
        let (mine, its) = (self.current.credentials, other.credentials);
        let is_same = same(mine.user.real, its.user) && same(mine.group.real, its.group);
        let is_dumpable = !other.has_ended() && self.mms[other.mm].prctl.dumpable;
        self.current.pid == other.pid || self.current.may(Cap::SysPtrace) || is_same && is_dumpable
    }

    fn copy_from_other(
        &mut self,
        hw: &mut Hw<'_>,
        pid: Pid,
        addr: LinearAddr,
        local: &mut UserBuffers,
        len: usize,
    ) -> usize {
        let mut bytes = vec![0; len];
        let read = self.with_other(hw, pid, |mm, cx| mm.copy_from_user(cx, addr, &mut bytes));
        let got = read.map_or_else(|partial| partial.copied, |()| len);
        self.scatter(hw, local, &bytes[..got]).map_or_else(|Fault { copied }| copied, |()| got)
    }

    fn copy_to_other(
        &mut self,
        hw: &mut Hw<'_>,
        pid: Pid,
        addr: LinearAddr,
        local: &mut UserBuffers,
        len: usize,
    ) -> usize {
        let mut bytes = vec![0; len];
        let got = self.gather(hw, local, &mut bytes).map_or_else(|Fault { copied }| copied, |()| len);
        let written = self.with_other(hw, pid, |mm, cx| mm.copy_to_user(cx, addr, &bytes[..got]));
        written.map_or_else(|partial| partial.copied, |()| got)
    }

    fn with_other<R>(
        &mut self,
        hw: &mut Hw<'_>,
        pid: Pid,
        f: impl FnOnce(&mut crate::mm::Mm, &mut MmCx<'_, '_>) -> R,
    ) -> R {
        let id = self.process(pid).map_or(self.current.mm, |process| process.mm);
        let mut cx = MmCx { hw, frames: &mut self.frames, vfs: &mut self.vfs, pid };
        f(&mut self.mms[id], &mut cx)
    }
}
