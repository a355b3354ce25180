//! Where a process's relative paths start, and what its new files lack; several processes can have the same (CLONE_FS).

use crate::fs::InodeId;
use std::cell::Cell;

/// `struct fs_struct`. It holds a reference to the directory, which the last process that has it gives back.
#[derive(Debug)]
pub(crate) struct FsStruct {
    cwd: Cell<InodeId>,
    umask: Cell<u32>,
}

impl FsStruct {
    /// With a working directory to which it takes over the reference, and permission bits that new files do not get.
    pub(crate) const fn new(cwd: InodeId, umask: u32) -> Self {
        Self { cwd: Cell::new(cwd), umask: Cell::new(umask) }
    }

    /// The working directory.
    pub(crate) const fn cwd(&self) -> InodeId {
        self.cwd.get()
    }

    /// Gives what was the working directory.
    pub(crate) fn set_cwd(&self, cwd: InodeId) -> InodeId {
        self.cwd.replace(cwd)
    }

    /// Permission bits that new files do not get.
    pub(crate) const fn umask(&self) -> u32 {
        self.umask.get()
    }

    /// Gives what it was.
    pub(crate) fn set_umask(&self, umask: u32) -> u32 {
        self.umask.replace(umask)
    }
}
