//! Memory calls: from registers to the operations of [`crate::mm::Mm`].

use super::{Call, Outcome, SysResult};
use crate::fs::Mappable;
use crate::kernel::Kernel;
use crate::mm::{Advice, FileMode, MapFlags, MapSource, MremapFlags, MsyncFlags, Prot};
use crate::{Errno, Hw};
use arch::LinearAddr;

impl Kernel {
    pub(super) fn mem_call(&mut self, hw: &mut Hw<'_>, call: &mut Call<'_>) -> Option<Outcome> {
        let args = call.args;
        let addr = LinearAddr(args[0]);
        let (mm, mut cx) = self.mm_cx(hw);
        let result = match call.number {
            9 => return Some(self.sys_mmap(hw, args).into()),
            10 => mm.mprotect(&mut cx, addr, args[1], Prot::from_bits_retain(args[2])).map(|()| 0),
            11 => mm.munmap(&mut cx, addr, args[1]).map(|()| 0),
            12 => Ok(mm.brk(&mut cx, addr).0),
            25 => {
                let flags = MremapFlags::from_bits_retain(args[3]);
                mm.mremap(&mut cx, addr, args[1], args[2], flags, LinearAddr(args[4])).map(|at| at.0)
            }
            26 => mm.msync(&mut cx, addr, args[1], MsyncFlags::from_bits_retain(u64::from(args[2] as u32))).map(|()| 0),
            27 => mm.mincore(&mut cx, addr, args[1], LinearAddr(args[2])).map(|()| 0),
            28 => match Advice::from_raw(args[2] as u32) {
                Some(advice) => mm.madvise(&mut cx, addr, args[1], advice).map(|()| 0),
                None => Err(Errno::EINVAL),
            },
            // mlock, munlock, mlockall, munlockall, mlock2: nothing is paged out, so everything is locked already.
            149 | 150 | 151 | 152 | 325 => return Some(self.mlock_call(call.number, args).into()),
            _ => return None,
        };
        Some(Outcome::Return(result))
    }

    fn sys_mmap(&mut self, hw: &mut Hw<'_>, [addr, len, prot, flags, fd, offset]: [u64; 6]) -> SysResult {
        let flags = MapFlags::from_bits_retain(flags);
        if offset % arch::FRAME_SIZE != 0 {
            return Err(Errno::EINVAL);
        }
        let source =
            if flags.contains(MapFlags::ANONYMOUS) { MapSource::Anonymous } else { self.mapped_file(fd, offset)? };
        let (mm, mut cx) = self.mm_cx(hw);
        mm.mmap(&mut cx, LinearAddr(addr), len, Prot::from_bits_retain(prot), flags, source).map(|at| at.0)
    }

    fn mapped_file(&self, fd: u64, offset: u64) -> Result<MapSource, Errno> {
        let file = self.vfs.fds(self.current.files).get(fd)?;
        let writable = if self.vfs.file_flags(file).writes() { FileMode::WRITE } else { FileMode::empty() };
        Ok(match self.vfs.mappable(file)? {
            Mappable::Zeros => MapSource::Anonymous,
            Mappable::File(inode) => MapSource::File { inode, offset, mode: FileMode::READ | writable },
        })
    }

    /// Checks of the mlock family that do not depend on what is mapped.
    fn mlock_call(&self, number: u64, args: [u64; 6]) -> SysResult {
        const MCL_CURRENT: u64 = 1;
        const MCL_FUTURE: u64 = 2;
        const MCL_ONFAULT: u64 = 4;
        const MLOCK_ONFAULT: u64 = 1;
        let start = LinearAddr(args[0]);
        let len = args[1].wrapping_add(start.page_offset());
        let len = LinearAddr(len).page_align_up().map_or(0, |aligned| aligned.0); // wraps, as Linux's PAGE_ALIGN does
        match number {
            151 => {
                let flags = args[0];
                let known = flags & !(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) == 0;
                if flags == 0 || !known || flags == MCL_ONFAULT { Err(Errno::EINVAL) } else { Ok(0) }
            }
            152 => Ok(0),
            325 if args[2] & !MLOCK_ONFAULT != 0 => Err(Errno::EINVAL),
            _ => self.range_is_mapped(start.page_base(), len).map(|()| 0),
        }
    }

    /// ENOMEM if there is a hole in the range.
    fn range_is_mapped(&self, start: LinearAddr, len: u64) -> Result<(), Errno> {
        let end = start.0.checked_add(len).ok_or(Errno::EINVAL)?;
        let mut at = start;
        while at.0 < end {
            match self.mm().find_vma(at) {
                Some(vma) if vma.contains(at) => at = vma.end,
                _ => return Err(Errno::ENOMEM),
            }
        }
        Ok(())
    }
}
