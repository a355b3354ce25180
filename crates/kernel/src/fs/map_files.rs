//! `/proc/<pid>/map_files`: a link for each file that a process maps, named after the range where it does.
//!
//! Files do not know of memory. So the first look in one call at what a process maps finds nothing and leaves a wish; whoever
//! made the call grants it ([`Vfs::tell_mappings`]) and makes the call again. What was told holds until the next call.

use super::Vfs;
use super::inode::InodeId;
use super::proc_tree::Jump;
use super::procfs::ProcNode;
use crate::Errno;
use crate::process::Cap;
use arch::LinearAddr;

/// A range of addresses where a file is mapped: the first, and the first beyond.
pub(crate) type MappedFile = ((LinearAddr, LinearAddr), InodeId);

/// What is known of mappings in this call.
#[derive(Debug, Default)]
pub(super) struct Mappings {
    wanted: Option<u32>,
    told: Option<(u32, Vec<MappedFile>)>,
}

impl Vfs {
    /// Whose mappings somebody wanted to see, and did not.
    pub(crate) const fn take_wanted_mappings(&mut self) -> Option<u32> {
        self.mappings.wanted.take()
    }

    /// The files that a process maps, in the order of their addresses. Ranges that are no more lose their inodes.
    pub(crate) fn tell_mappings(&mut self, pid: u32, mapped: Vec<MappedFile>) {
        let is_gone = |node: &ProcNode| match *node {
            ProcNode::MapFile(of, start, end) => of == pid && !mapped.iter().any(|(range, _)| *range == (start, end)),
            _ => false,
        };
        self.proc_forget(is_gone);
        self.mappings.told = Some((pid, mapped));
    }

    /// A new call begins.
    pub(super) fn forget_mappings(&mut self) {
        self.mappings = Mappings::default();
    }

    /// What a process maps.
    ///
    /// # Errors
    /// `ENOENT` if that is not known yet.
    pub(super) fn mappings_of(&mut self, pid: u32) -> Result<&[MappedFile], Errno> {
        match &self.mappings.told {
            Some((told, mapped)) if *told == pid => Ok(mapped),
            _ => {
                self.mappings.wanted = Some(pid);
                Err(Errno::ENOENT)
            }
        }
    }

    /// The link with this name; Linux takes numbers in their plain form only.
    pub(super) fn map_file(&mut self, pid: u32, name: &str) -> Result<Option<ProcNode>, Errno> {
        let mapped = self.mappings_of(pid)?;
        let found = mapped.iter().find(|(range, _)| map_file_name(*range) == name);
        Ok(found.map(|((start, end), _)| ProcNode::MapFile(pid, *start, *end)))
    }

    /// The file that a link leads to.
    pub(super) fn mapped_file(&mut self, pid: u32, range: (LinearAddr, LinearAddr)) -> Result<InodeId, Errno> {
        let found = self.mappings_of(pid)?.iter().find(|(mapped, _)| *mapped == range);
        found.map(|(_, inode)| *inode).ok_or(Errno::ENOENT)
    }

    /// Where a link leads; only root may follow it (`proc_map_files_get_link`).
    pub(super) fn map_file_jump(&mut self, pid: u32, range: (LinearAddr, LinearAddr)) -> Result<Jump, Errno> {
        if !self.credentials.capabilities.has(Cap::CheckpointRestore) {
            return Err(Errno::EPERM);
        }
        self.mapped_file(pid, range).map(Jump::Inode)
    }
}

/// How a range is called.
pub(super) fn map_file_name((start, end): (LinearAddr, LinearAddr)) -> String {
    format!("{:x}-{:x}", start.0, end.0)
}
