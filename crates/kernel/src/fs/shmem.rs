//! Files in memory that have no name: memfd, shared anonymous memory, SysV segments (Linux's `mm/shmem.c`, `mm/memfd.c`).
//!
//! They belong to a file system of the kernel's own (`shm_mnt`), 0:1, that nobody can look into; /dev/shm is a folder of /dev.

use super::inode::{Body, InodeId, MountId, MountPoint, PageOfFile};
use super::layer::New;
use super::view::MountMode;
use super::{FileSystem, FsCx, OpenFileId, OpenFlags, Vfs};
use crate::Errno;
use arch::FRAME_SIZE;
use std::ops::Range;

/// The device number of files without a file system that can be seen: 0:1; and of those of large pages.
const SHM_DEV: u64 = 1;
const HUGETLBFS_DEV: u64 = 0x11;

impl Vfs {
    /// A file in memory without a name (`memfd_create`).
    pub(crate) fn open_memory_file(&mut self, name: &[u8]) -> Result<OpenFileId, Errno> {
        let id = self.new_shmem(&[b"memfd:", name].concat())?;
        self.open_inode(id, OpenFlags::RDWR)
    }

    /// A file in memory of this size for a shared mapping, which holds its one reference (Linux's function of the same
    /// name). `name` is what maps shows. Its pages count as committed as long as it is there.
    ///
    /// # Errors
    /// `ENOSPC` if the layer's budget is used up.
    pub fn shmem_file_setup(&mut self, cx: &mut FsCx<'_>, name: &[u8], size: u64) -> Result<InodeId, Errno> {
        let id = self.new_shmem(name)?;
        let inode = self.inodes.get_mut(id);
        (inode.meta.size, inode.refs) = (size, 1);
        if let Some(contents) = inode.contents() {
            contents.committed_pages = size.div_ceil(FRAME_SIZE);
            cx.frames.commit.pages += contents.committed_pages;
        }
        Ok(id)
    }

    fn new_shmem(&mut self, name: &[u8]) -> Result<InodeId, Errno> {
        let root = self.shm_mnt()?;
        let id = self.new_inode(root, New::File, 0o777)?;
        self.inodes.get_mut(id).name = name.to_vec();
        Ok(id)
    }

    /// The root of the files without a name, made when it is first needed.
    fn shm_mnt(&mut self) -> Result<InodeId, Errno> {
        if let Some(root) = self.shm_root {
            return Ok(root);
        }
        let root = self.kernel_mount(SHM_DEV)?;
        self.shm_root = Some(root);
        Ok(root)
    }

    /// The root of the files of large pages, made when it is first needed (`hugetlbfs_vfsmount`).
    pub(super) fn hugetlbfs_root(&mut self) -> Result<InodeId, Errno> {
        if let Some(root) = self.hugetlbfs_root {
            return Ok(root);
        }
        let root = self.kernel_mount(HUGETLBFS_DEV)?;
        self.hugetlbfs_root = Some(root);
        Ok(root)
    }

    /// A file system that nobody can look into (`kern_mount`).
    fn kernel_mount(&mut self, dev: u64) -> Result<InodeId, Errno> {
        let root = self.new_inode(self.root, New::Directory, 0o1777)?;
        let mount = MountId(self.mounts.len() as u32);
        let inode = self.inodes.get_mut(root);
        (inode.mount, inode.dev, inode.refs) = (mount, dev, 1);
        self.mounts.push(MountPoint::of_view(None, None, MountMode::Layered, root));
        Ok(root)
    }

    /// Whether a file is of memory alone: shared memory, which counts as such and goes to swap.
    pub(crate) fn is_shmem(&self, id: InodeId) -> bool {
        matches!(self.file_system(id), FileSystem::Dev | FileSystem::Shm)
    }

    /// Whether changes of a file stay in memory.
    pub(crate) fn is_layered(&self, id: InodeId) -> bool {
        self.writable_place(id).is_none()
    }

    /// References to an inode: mappings, open files.
    pub(crate) fn inode_refs(&self, id: InodeId) -> u64 {
        self.inodes.get(id).refs.into()
    }

    /// Pages of a file that have a frame.
    pub(crate) fn resident_pages(&self, id: InodeId) -> u64 {
        match &self.inodes.get(id).body {
            Body::Regular(contents) => contents.pages.values().filter(|page| page.frame().is_some()).count() as u64,
            Body::Huge(file) => file.frames(),
            _ => 0,
        }
    }

    /// Which pages of a range of a file are in memory (`mincore_page`, and of what was never read `false`).
    pub(crate) fn is_cached(&self, id: InodeId, index: u64) -> bool {
        match &self.inodes.get(id).body {
            Body::Regular(contents) => {
                let here = contents.pages.get(&index).is_some_and(|page| page.frame().is_some());
                here && !contents.unwritten.contains(&index)
            }
            _ => false,
        }
    }

    /// The pages of a range that are on the swap device.
    pub(crate) fn swapped_pages(&self, id: InodeId, range: Range<u64>) -> Vec<u64> {
        let Body::Regular(contents) = &self.inodes.get(id).body else { return Vec::new() };
        let swapped = |(index, page): (&u64, &PageOfFile)| page.frame().is_none().then_some(*index);
        contents.pages.range(range).filter_map(swapped).collect()
    }
}
