//! What is read and written where it lies, without a text: `/proc/<pid>/mem`, /proc/kpagecount, /proc/kpageflags; and whose
//! a process is, for its files.

use crate::fs::{OpenFileId, ProcFile, ProcOwner, ProcessFile, SystemFile};
use crate::kernel::Kernel;
use crate::mm::{Mm, MmCx};
use crate::process::{Ids, Process};
use crate::{Errno, Hw};
use arch::{LinearAddr, Pfn};
use event::Pid;

/// Bytes that kpagecount and kpageflags have for a frame.
const ENTRY_BYTES: u64 = 8;

impl Kernel {
    /// Bytes of a file in /proc that has no text; `None` if it has one.
    pub(crate) fn proc_bytes(
        &mut self,
        hw: &mut Hw<'_>,
        file: OpenFileId,
        what: ProcFile,
        offset: u64,
        buf: &mut [u8],
    ) -> Option<Result<usize, Errno>> {
        match what {
            ProcFile::Process(pid, ProcessFile::Pagemap) => Some(self.pagemap(hw, Pid(pid), offset, buf)),
            ProcFile::Process(pid, ProcessFile::Mem) => {
                Some(self.with_memory(hw, (file, pid), |mm, cx| mm.read_remote(cx, LinearAddr(offset), buf)))
            }
            ProcFile::System(SystemFile::Kpagecount) => {
                Some(self.of_frames(offset, buf, |kernel, pfn| kernel.frames.kpagecount(pfn)))
            }
            ProcFile::System(SystemFile::Kpageflags) => {
                Some(self.of_frames(offset, buf, |kernel, pfn| kernel.frames.kpageflags(pfn)))
            }
            _ => None,
        }
    }

    /// Writes to a process's memory, whatever its mappings allow (`mem_write`).
    pub(crate) fn write_memory(
        &mut self,
        hw: &mut Hw<'_>,
        (file, pid): (OpenFileId, u32),
        offset: u64,
        bytes: &[u8],
    ) -> Result<usize, Errno> {
        self.with_memory(hw, (file, pid), |mm, cx| mm.write_remote(cx, LinearAddr(offset), bytes))
    }

    /// What can be done of something with a process's memory. If it is gone, that is nothing, and no error.
    fn with_memory(
        &mut self,
        hw: &mut Hw<'_>,
        (file, pid): (OpenFileId, u32),
        transfer: impl FnOnce(&mut Mm, &mut MmCx<'_, '_>) -> usize,
    ) -> Result<usize, Errno> {
        let living = self.process(Pid(pid)).filter(|process| !process.has_ended()).map(|process| process.mm);
        let Some(mm) = living.filter(|_| self.vfs.is_of_this_program(file)) else { return Ok(0) };
        let mut cx = MmCx { hw, frames: &mut self.frames, vfs: &mut self.vfs, pid: Pid(pid) };
        match transfer(&mut self.mms[mm], &mut cx) {
            0 => Err(Errno::EIO),
            done => Ok(done),
        }
    }

    /// Tells the files what a process maps of them (see [`crate::fs`], `map_files.rs`).
    pub(crate) fn tell_mappings(&mut self, pid: u32) {
        let mm = self.process(Pid(pid)).and_then(|process| self.mm_of(process));
        let mapped = mm.into_iter().flat_map(Mm::vmas).filter_map(|vma| Some(((vma.start, vma.end), vma.inode()?)));
        let mapped = mapped.collect();
        self.vfs.tell_mappings(pid, mapped);
    }

    /// 8 bytes for each frame of RAM (`kpage_read`).
    fn of_frames(&self, offset: u64, buf: &mut [u8], value: impl Fn(&Self, Pfn) -> u64) -> Result<usize, Errno> {
        let (first, frames) = (offset / ENTRY_BYTES, self.frames.total());
        if !offset.is_multiple_of(ENTRY_BYTES) || !(buf.len() as u64).is_multiple_of(ENTRY_BYTES) {
            return Err(Errno::EINVAL);
        }
        let count = (buf.len() as u64 / ENTRY_BYTES).min(frames.saturating_sub(first));
        for (place, pfn) in buf.chunks_exact_mut(ENTRY_BYTES as usize).zip(first..first + count) {
            place.copy_from_slice(&value(self, Pfn(pfn)).to_le_bytes());
        }
        Ok((count * ENTRY_BYTES) as usize)
    }
}

impl Process {
    /// Whose it is, for its files in /proc.
    pub(crate) fn proc_owner(&self) -> ProcOwner {
        let sole = |ids: Ids| (ids.real == ids.effective && ids.real == ids.saved).then_some(ids.real);
        let (user, group) = (self.credentials.user, self.credentials.group);
        ProcOwner { user: user.effective, group: group.effective, sole: sole(user).zip(sole(group)) }
    }
}
