//! mount and umount2: file systems of memory and of large pages. There is one namespace, so that how mounts spread is no
//! matter; what would show one folder in two places is not to be had.

use super::{Args, CWD, SysResult};
use crate::fs::{FsCx, NewMount, Umount};
use crate::kernel::Kernel;
use crate::process::Cap;
use crate::{Errno, Hw};
use arch::LinearAddr;

const MS_REMOUNT: u64 = 1 << 5;
const MS_BIND: u64 = 1 << 12;
const MS_MOVE: u64 = 1 << 13;
/// `MS_UNBINDABLE`, `MS_PRIVATE`, `MS_SLAVE`, `MS_SHARED`.
const MS_PROPAGATION: u64 = 0xf << 17;
/// The longest type and options (`copy_mount_string`, `copy_mount_options`).
const MAX_OPTIONS: usize = 4096;

impl Kernel {
    pub(super) fn sys_mount(&mut self, hw: &mut Hw<'_>, [_, target, kind, flags, options, _]: Args) -> SysResult {
        let kind = self.mount_string(hw, kind)?;
        let options = self.mount_string(hw, options)?;
        let (start, path) = self.path_at(hw, CWD, target)?;
        if !self.current.may(Cap::SysAdmin) {
            return Err(Errno::EPERM);
        }
        match flags {
            _ if flags & (MS_REMOUNT | MS_BIND | MS_MOVE) != 0 => Err(Errno::EPERM),
            _ if flags & MS_PROPAGATION != 0 => Ok(0),
            _ => self.vfs.mount_at(start, &path, NewMount::parse(&kind, &options)?).map(|()| 0),
        }
    }

    pub(super) fn sys_umount2(&mut self, hw: &mut Hw<'_>, [target, how, ..]: Args) -> SysResult {
        let how = Umount::from_bits(how as u32).ok_or(Errno::EINVAL)?;
        let (start, path) = self.path_at(hw, CWD, target)?;
        if !self.current.may(Cap::SysAdmin) {
            return Err(Errno::EPERM);
        }
        let mut cx = FsCx { mem: &mut *hw.mem, frames: &mut self.frames };
        self.vfs.umount(&mut cx, start, &path, how).map(|()| 0)
    }

    /// A string that may be left out.
    fn mount_string(&mut self, hw: &mut Hw<'_>, at: u64) -> Result<Vec<u8>, Errno> {
        if at == 0 {
            return Ok(Vec::new());
        }
        let (mm, mut cx) = self.mm_cx(hw);
        mm.copy_cstr_from_user(&mut cx, LinearAddr(at), MAX_OPTIONS).map_err(|errno| match errno {
            Errno::ENAMETOOLONG => Errno::EINVAL,
            other => other,
        })
    }
}
