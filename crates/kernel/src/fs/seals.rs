//! Seals of files in memory: what can no longer be done to them (Linux's `mm/memfd.c`, `F_ADD_SEALS`).
//!
//! A memfd begins without a seal if it was made with `MFD_ALLOW_SEALING`; every other file in memory begins with the seal
//! that forbids further ones. A seal never goes. That no shared mapping may write when writes are sealed is for the caller to
//! see to, who knows the mappings.

use super::inode::{Body, Inode, InodeId};
use super::{OpenFileId, Vfs};
use crate::Errno;

bitflags::bitflags! {
    /// What is forbidden (`F_SEAL_*`).
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(crate) struct Seals: u32 {
        /// Further seals.
        const SEAL = 1;
        /// A smaller size.
        const SHRINK = 2;
        /// A larger size.
        const GROW = 4;
        /// Any change of the contents.
        const WRITE = 8;
        /// A change by other ways than the mappings that are there.
        const FUTURE_WRITE = 0x10;
        /// A change of the permission to execute.
        const EXEC = 0x20;
    }
}

impl Seals {
    /// Writes by calls and by new mappings are forbidden (`is_write_sealed`).
    pub(crate) const fn forbid_writes(self) -> bool {
        self.intersects(Self::WRITE.union(Self::FUTURE_WRITE))
    }

    /// # Errors
    /// `EPERM` for a change of the size that is forbidden.
    pub(super) fn allow_size(self, old: u64, new: u64) -> Result<(), Errno> {
        let forbidden = new < old && self.contains(Self::SHRINK) || new > old && self.contains(Self::GROW);
        if forbidden { Err(Errno::EPERM) } else { Ok(()) }
    }
}

impl Default for Seals {
    fn default() -> Self {
        Self::SEAL
    }
}

impl Vfs {
    /// The seals of a file; none for one that is not of memory alone.
    pub(crate) fn seals(&self, id: InodeId) -> Seals {
        match &self.inodes.get(id).body {
            Body::Regular(contents) if self.is_shmem(id) => contents.seals,
            Body::Huge(file) => file.seals,
            _ => Seals::empty(),
        }
    }

    /// The seals of an open file (`F_GET_SEALS`).
    ///
    /// # Errors
    /// `EINVAL` for a file that cannot have any.
    pub(crate) fn get_seals(&self, file: OpenFileId) -> Result<Seals, Errno> {
        let inode = self.file_inode(file).ok_or(Errno::EINVAL)?;
        match &self.inodes.get(inode).body {
            Body::Regular(contents) if self.is_shmem(inode) => Ok(contents.seals),
            Body::Huge(file) => Ok(file.seals),
            _ => Err(Errno::EINVAL),
        }
    }

    fn seals_mut(inode: &mut Inode) -> Option<&mut Seals> {
        match &mut inode.body {
            Body::Regular(contents) => Some(&mut contents.seals),
            Body::Huge(file) => Some(&mut file.seals),
            _ => None,
        }
    }

    /// Adds seals (`F_ADD_SEALS`). `writable_mappings` says whether any shared mapping may write.
    ///
    /// # Errors
    /// `EPERM` for a file that is not open for writing or is sealed against it, `EINVAL` for unknown seals or a file that
    /// cannot have any, `EBUSY` if writes are to be sealed while a mapping may write.
    pub(crate) fn add_seals(&mut self, file: OpenFileId, raw: u32, writable_mappings: bool) -> Result<(), Errno> {
        if !self.file_flags(file).writes() {
            return Err(Errno::EPERM);
        }
        let mut seals = Seals::from_bits(raw).ok_or(Errno::EINVAL)?;
        let now = self.get_seals(file)?;
        if now.contains(Seals::SEAL) {
            return Err(Errno::EPERM);
        }
        if (seals - now).contains(Seals::WRITE) && writable_mappings {
            return Err(Errno::EBUSY);
        }
        let inode = self.file_inode(file).ok_or(Errno::EINVAL)?;
        let inode = self.inodes.get_mut(inode);
        if seals.contains(Seals::EXEC) && inode.meta.permissions & 0o111 != 0 {
            seals |= Seals::SHRINK | Seals::GROW | Seals::WRITE | Seals::FUTURE_WRITE;
        }
        *Self::seals_mut(inode).ok_or(Errno::EINVAL)? |= seals;
        Ok(())
    }

    /// Gives a new memfd its first seals, and takes the permission to execute where it never gets it.
    pub(crate) fn set_first_seals(&mut self, file: OpenFileId, seals: Seals) {
        let Some(inode) = self.file_inode(file).map(|id| self.inodes.get_mut(id)) else { return };
        if seals.contains(Seals::EXEC) {
            inode.meta.permissions &= !0o111;
        }
        if let Some(of_inode) = Self::seals_mut(inode) {
            *of_inode = seals;
        }
    }
}
