//! Files that become shorter lose their pages at once; private copies of what they lost go from every address space at the end of the
//! entry into the kernel layer, before anybody could look (Linux's `unmap_mapping_range` with `even_cows`).

use crate::Hw;
use crate::kernel::Kernel;
use crate::mm::MmCx;

impl Kernel {
    /// Takes what files have lost out of all address spaces.
    pub(crate) fn settle_truncations(&mut self, hw: &mut Hw<'_>) {
        for (inode, size) in self.vfs.take_truncated() {
            let mut cx = MmCx { hw, frames: &mut self.frames, vfs: &mut self.vfs, pid: self.current.pid };
            self.mms.iter_mut().for_each(|mm| mm.unmap_beyond(&mut cx, inode, size));
        }
    }
}
