//! Memory calls: from registers to the operations of [`crate::mm::Mm`].

use super::{Call, Outcome, SysResult};
use crate::fs::Mappable;
use crate::kernel::Kernel;
use crate::mm::{Advice, FileMode, MapFlags, MapSource, MclFlags, MremapFlags, MsyncFlags, Prot, VmFlags};
use crate::{Errno, Hw};
use arch::LinearAddr;

/// `MLOCK_ONFAULT` of mlock2.
const MLOCK_ONFAULT: u32 = 1;

/// The rights that a new protection key may lack (`PKEY_DISABLE_ACCESS`, `PKEY_DISABLE_WRITE`).
const PKEY_ACCESS_MASK: u64 = 3;

impl Kernel {
    pub(super) fn mem_call(&mut self, hw: &mut Hw<'_>, call: &mut Call<'_>) -> Option<Outcome> {
        let args = call.args;
        let addr = LinearAddr(args[0]);
        let limits = self.mm_limits();
        let (mm, mut cx) = self.mm_cx(hw);
        mm.set_limits(limits);
        let names_a_key = call.number == 329 && args[3] as i32 != -1;
        if matches!(call.number, 9 | 10 | 329) && !names_a_key {
            mm.prepare_execute_only(call.ctx, Prot::from_bits_truncate(args[2]));
        }
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
            149 => mm.mlock(&mut cx, addr, args[1], VmFlags::LOCKED).map(|()| 0),
            150 => mm.munlock(&mut cx, addr, args[1]).map(|()| 0),
            151 => mm.mlockall(&mut cx, MclFlags::from_bits_retain(args[0] as u32)).map(|()| 0),
            152 => {
                mm.munlockall(&mut cx);
                Ok(0)
            }
            329 => {
                mm.pkey_mprotect(&mut cx, addr, args[1], Prot::from_bits_retain(args[2]), args[3] as i32).map(|()| 0)
            }
            330 if args[0] != 0 || args[1] & !PKEY_ACCESS_MASK != 0 => Err(Errno::EINVAL),
            330 => mm.pkey_alloc(call.ctx, args[1] as u32),
            331 => mm.pkey_free(args[0] as i32).map(|()| 0),
            325 => match args[2] as u32 {
                0 => mm.mlock(&mut cx, addr, args[1], VmFlags::LOCKED).map(|()| 0),
                MLOCK_ONFAULT => mm.mlock(&mut cx, addr, args[1], VmFlags::LOCKED | VmFlags::LOCKONFAULT).map(|()| 0),
                _ => Err(Errno::EINVAL),
            },
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
            Mappable::File(inode) => {
                let sealed = self.vfs.seals(inode).forbid_writes();
                let sealed = if sealed { FileMode::WRITE_SEALED } else { FileMode::empty() };
                MapSource::File { inode, offset, mode: FileMode::READ | writable | sealed }
            }
        })
    }
}
