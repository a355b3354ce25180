//! Where a file has no pages (SEEK_DATA, SEEK_HOLE).
//!
//! What the host's file has counts as data, holes or not; beyond it each page that is there does, also one that was only read.

use super::Vfs;
use super::inode::{Body, Contents, InodeId};
use arch::FRAME_SHIFT;

impl Contents {
    fn has(&self, at: u64) -> bool {
        at < self.host_len || self.pages.contains_key(&(at >> FRAME_SHIFT))
    }

    /// The first byte of data from `from` on.
    fn next_data(&self, from: u64) -> Option<u64> {
        if self.has(from) {
            return Some(from);
        }
        self.pages.range(from >> FRAME_SHIFT..).next().map(|(page, _)| page << FRAME_SHIFT)
    }

    /// The first byte from `from` on that is in a hole.
    fn next_hole(&self, from: u64) -> u64 {
        let mut at = from;
        while self.has(at) {
            let end = ((at >> FRAME_SHIFT) + 1) << FRAME_SHIFT;
            at = end.max(self.host_len.next_multiple_of(1 << FRAME_SHIFT));
        }
        at
    }
}

impl Vfs {
    /// Where the data of a file go on; a file of another kind is all data.
    pub(super) fn next_data(&self, inode: InodeId, from: u64) -> Option<u64> {
        match &self.inodes.get(inode).body {
            Body::Regular(contents) => contents.next_data(from),
            _ => Some(from),
        }
    }

    /// Where the next hole of a file is; `None` at its end only.
    pub(super) fn next_hole(&self, inode: InodeId, from: u64) -> Option<u64> {
        match &self.inodes.get(inode).body {
            Body::Regular(contents) => Some(contents.next_hole(from)),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::inode::PageOfFile;
    use super::*;
    use arch::Pfn;

    #[test]
    fn pages_that_are_there_are_data() {
        let pages = [1, 2, 5].map(|page| (page, PageOfFile::Frame(Pfn(page)))).into();
        let mut file = Contents { pages, ..Contents::default() };
        let data = |file: &Contents, at| file.next_data(at);
        assert_eq!((data(&file, 0), data(&file, 5000), data(&file, 0x3001)), (Some(0x1000), Some(5000), Some(0x5000)));
        assert_eq!(data(&file, 0x6000), None);
        assert_eq!((file.next_hole(7), file.next_hole(0x1001), file.next_hole(0x5fff)), (7, 0x3000, 0x6000));
        file.host_len = 0x3800;
        assert_eq!((data(&file, 0), data(&file, 0x3800), file.next_hole(1)), (Some(0), Some(0x5000), 0x4000));
    }
}
