//! `eventfd` and `eventfd2`.

use super::{Args, SysResult};
use crate::Hw;
use crate::fs::{EventSemantics, OpenFlags};
use crate::kernel::Kernel;

/// EFD_SEMAPHORE.
const EFD_SEMAPHORE: u64 = 1;

impl Kernel {
    pub(super) fn sys_eventfd(&mut self, hw: &mut Hw<'_>, [count, ..]: Args) -> SysResult {
        self.sys_eventfd2(hw, [count, 0, 0, 0, 0, 0])
    }

    pub(super) fn sys_eventfd2(&mut self, hw: &mut Hw<'_>, [count, flags, ..]: Args) -> SysResult {
        let open = OpenFlags::from_bits_truncate(flags as u32) & (OpenFlags::CLOEXEC | OpenFlags::NONBLOCK);
        super::only(flags, EFD_SEMAPHORE | u64::from((OpenFlags::CLOEXEC | OpenFlags::NONBLOCK).bits()))?;
        let semantics = match flags & EFD_SEMAPHORE {
            0 => EventSemantics::Counter,
            _ => EventSemantics::Semaphore,
        };
        let file = self.vfs.open_event(count as u32, semantics, open & OpenFlags::NONBLOCK)?;
        self.install(hw, file, super::open::on_exec(open))
    }
}
