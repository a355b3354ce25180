//! Who may look into a process by way of /proc (Linux's `ptrace_may_access` with the ids of the file system,
//! `task_dump_owner`).

use super::Vfs;
use super::file::OpenFileId;
use super::inode::Body;
use super::procfs::{ProcFile, ProcNode, ProcessFile};
use crate::Errno;
use crate::fs::{FileKind, InodeId};
use crate::process::Cap;

/// Whose a process is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ProcOwner {
    /// Who has its files in /proc.
    pub(crate) user: u32,
    pub(crate) group: u32,
    /// The user and the group who may look into it, if it has no other ids than theirs.
    pub(crate) sole: Option<(u32, u32)>,
}

impl ProcessFile {
    /// True for what tells of its memory: the right to that is asked for when it is opened.
    const fn is_of_memory(self) -> bool {
        matches!(
            self,
            Self::Auxv
                | Self::Environ
                | Self::Maps
                | Self::Mem
                | Self::NumaMaps
                | Self::Pagemap
                | Self::Smaps
                | Self::SmapsRollup
        )
    }

    /// True for what cannot be opened once the memory is gone.
    const fn needs_memory(self) -> bool {
        matches!(self, Self::Auxv | Self::Environ | Self::Mem | Self::Pagemap | Self::SmapsRollup)
    }
}

impl Vfs {
    /// Says whose a process is from now on.
    pub(crate) fn proc_set_owner(&mut self, pid: u32, owner: ProcOwner) {
        if let Some(shown) = self.proc.shown_mut(pid) {
            shown.owner = owner;
        }
    }

    /// Whether the current process may look into another.
    ///
    /// # Errors
    /// `EACCES`.
    pub(super) fn may_look_into(&self, pid: u32) -> Result<(), Errno> {
        let ids = (self.credentials.uid, self.credentials.gid);
        let is_sole = || self.proc.owner(pid).is_some_and(|owner| owner.sole == Some(ids));
        let may = pid == self.proc.current() || self.credentials.capabilities.has(Cap::SysPtrace) || is_sole();
        if may { Ok(()) } else { Err(Errno::EACCES) }
    }

    /// Whether a file may be opened, beside what its permissions say.
    pub(super) fn may_open_proc(&self, id: InodeId) -> Result<(), Errno> {
        match self.inodes.get(id).body {
            Body::Proc(ProcNode::File(ProcFile::Process(pid, file))) if file.is_of_memory() => {
                self.may_look_into(pid)?;
                let is_empty = self.proc_links(pid).is_none() && file.needs_memory();
                if is_empty { Err(Errno::ESRCH) } else { Ok(()) }
            }
            _ => Ok(()),
        }
    }

    /// Whether an open file is about the program that its process had when it was opened: the memory of one that is gone
    /// is empty.
    pub(crate) fn is_of_this_program(&self, file: OpenFileId) -> bool {
        let open = self.files.get(file);
        match open.kind {
            FileKind::Proc(ProcFile::Process(pid, file)) if file.is_of_memory() => {
                // A process that is gone says so itself, but not to who had its memory.
                self.proc.program(pid).map_or(!file.needs_memory(), |program| program == open.program)
            }
            _ => true,
        }
    }
}
