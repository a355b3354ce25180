//! What /proc says and takes of a process's memory beside the texts of its mappings: `pagemap`, `clear_refs`, `oom_score`,
//! `oom_score_adj` (`pagemap_read`, `clear_refs_write`, `proc_oom_score`).

use super::small::{same_number, score_of_oom_adj};
use crate::fs::ProcessFile;
use crate::kernel::Kernel;
use crate::mm::{FrameNumbers, MmCx, TASK_SIZE_MAX};
use crate::process::{Cap, Process, TASK_COMM_LEN};
use crate::{Errno, Hw};
use arch::{FRAME_SHIFT, LinearAddr};
use event::Pid;

/// Bytes that pagemap has for a page.
const PM_ENTRY_BYTES: u64 = 8;
/// The longest line that `clear_refs` and `oom_score_adj` take, less one.
const PROC_NUMBUF: usize = 13;

impl Kernel {
    /// Bytes of `/proc/<pid>/pagemap` at an offset: 8 for each page from address 0 on.
    ///
    /// # Errors
    /// `EINVAL` for an offset or a length that is no multiple of 8, `ESRCH`.
    pub(crate) fn pagemap(&self, hw: &Hw<'_>, pid: Pid, offset: u64, buf: &mut [u8]) -> Result<usize, Errno> {
        let process = self.process(pid).ok_or(Errno::ESRCH)?;
        let Some(mm) = self.mm_of(process) else { return Ok(0) };
        if !offset.is_multiple_of(PM_ENTRY_BYTES) || !(buf.len() as u64).is_multiple_of(PM_ENTRY_BYTES) {
            return Err(Errno::EINVAL);
        }
        let (first, pages) = (offset / PM_ENTRY_BYTES, TASK_SIZE_MAX >> FRAME_SHIFT);
        let count = (buf.len() as u64 / PM_ENTRY_BYTES).min(pages.saturating_sub(first));
        let numbers = if self.current.may(Cap::SysAdmin) { FrameNumbers::Shown } else { FrameNumbers::Hidden };
        let entries = mm.pagemap(&self.mm_view(hw), LinearAddr(first << FRAME_SHIFT), count, numbers);
        for (place, entry) in buf.chunks_exact_mut(PM_ENTRY_BYTES as usize).zip(&entries) {
            place.copy_from_slice(&entry.to_le_bytes());
        }
        Ok(entries.len() * PM_ENTRY_BYTES as usize)
    }

    /// How much the end of a process would help when memory is short (`proc_oom_score`).
    pub(super) fn oom_score(&self, process: &Process) -> u64 {
        let total = self.pages_in_all().max(1).cast_signed();
        let badness = self.oom_badness(process);
        badness.map_or(0, |points| (1000 + points * 1000 / total).max(0).cast_unsigned() * 2 / 3)
    }

    /// A write to a file of a process in /proc.
    ///
    /// # Errors
    /// `EINVAL` for what is no number or not in range and for a file that takes nothing, `EACCES` for a score that only root
    /// may set.
    pub(crate) fn process_write(
        &mut self,
        hw: &mut Hw<'_>,
        pid: Pid,
        file: ProcessFile,
        bytes: &[u8],
    ) -> Result<usize, Errno> {
        match file {
            ProcessFile::Mem => return Ok(0), // what there is to write has gone there already
            ProcessFile::Comm => return self.set_comm(pid, bytes),
            ProcessFile::CoredumpFilter => return self.set_coredump_filter(pid, bytes),
            // The slack of timers is what it is, and so are the ids.
            ProcessFile::TimerslackNs => return same_number(bytes, 50_000),
            ProcessFile::IdMap | ProcessFile::Setgroups => return Err(Errno::EPERM),
            _ => {}
        }
        let bytes = &bytes[..bytes.len().min(PROC_NUMBUF - 1)];
        let text = str::from_utf8(bytes).map_err(|_| Errno::EINVAL)?;
        let number: i64 = text.trim().parse().map_err(|_| Errno::EINVAL)?;
        match file {
            ProcessFile::ClearRefs => self.clear_refs(hw, pid, number)?,
            ProcessFile::OomScoreAdj => self.set_oom_score_adj(pid, number)?,
            ProcessFile::OomAdj => self.set_oom_score_adj(pid, score_of_oom_adj(number)?)?,
            _ => return Err(Errno::EINVAL),
        }
        Ok(bytes.len())
    }

    /// The name that ps shows, up to fifteen bytes of it; only a process itself may change its own (`comm_write`).
    fn set_comm(&mut self, pid: Pid, bytes: &[u8]) -> Result<usize, Errno> {
        if pid != self.current.pid {
            return Err(Errno::EINVAL);
        }
        let mut comm = [0; TASK_COMM_LEN];
        let kept = bytes.len().min(TASK_COMM_LEN - 1);
        comm[..kept].copy_from_slice(&bytes[..kept]);
        self.current.comm = comm;
        Ok(bytes.len())
    }

    fn clear_refs(&mut self, hw: &mut Hw<'_>, pid: Pid, what: i64) -> Result<(), Errno> {
        const ALL: i64 = 1;
        const ANON: i64 = 2;
        const MAPPED: i64 = 3;
        // The soft-dirty bit, which is not built in: nothing is cleared, as on a Linux without it.
        const SOFT_DIRTY: i64 = 4;
        const HIWATER_RSS: i64 = 5;
        let process = self.process(pid).ok_or(Errno::ESRCH)?;
        if process.has_ended() {
            return Ok(());
        }
        let id = process.mm;
        let mm = &mut self.mms[id];
        let mut cx = MmCx { hw, frames: &mut self.frames, vfs: &mut self.vfs, pid };
        match what {
            ALL => mm.clear_refs(&mut cx, |_| true),
            ANON => mm.clear_refs(&mut cx, |vma| vma.inode().is_none()),
            MAPPED => mm.clear_refs(&mut cx, |vma| vma.inode().is_some()),
            SOFT_DIRTY => {}
            HIWATER_RSS => mm.reset_peak_resident(),
            _ => return Err(Errno::EINVAL),
        }
        Ok(())
    }

    fn set_oom_score_adj(&mut self, pid: Pid, adjust: i64) -> Result<(), Errno> {
        let adjust =
            i16::try_from(adjust).ok().filter(|adjust| (-1000..=1000).contains(adjust)).ok_or(Errno::EINVAL)?;
        let is_privileged = self.current.may(Cap::SysResource);
        let process = self.process_mut(pid).ok_or(Errno::ESRCH)?;
        if adjust < process.oom_score_adj_min && !is_privileged {
            return Err(Errno::EACCES);
        }
        process.oom_score_adj = adjust;
        if is_privileged {
            process.oom_score_adj_min = adjust;
        }
        Ok(())
    }
}
