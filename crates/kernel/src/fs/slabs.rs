//! What the file layer's tables take of RAM: inodes, names, open files, pipes.

use super::Vfs;
use crate::mm::frames::FrameTable;
use crate::mm::slab::Cache;

impl Vfs {
    /// Makes what slabs and pipes take of RAM true again; at the end of an entry into the kernel layer.
    pub(crate) fn settle_slabs(&mut self, frames: &mut FrameTable) {
        self.inodes.settle(frames);
        self.files.settle(frames);
        self.pipes.settle(frames);
    }

    /// The caches that /proc/slabinfo shows.
    pub(crate) fn slab_caches(&self) -> Vec<&Cache> {
        let [inodes, dentries] = self.inodes.caches();
        vec![inodes, dentries, self.files.cache(), self.pipes.cache()]
    }
}
