//! Who writes to a file and who executes it: not both at once (Linux's `deny_write_access`, `get_write_access`).
//!
//! Invariant: a file has writers, or is executed, or neither. An open file that writes counts from its open to its last close;
//! an address space counts for the program that it was made for, not for scripts and dynamic loaders.

use std::collections::BTreeMap;

use super::inode::InodeId;
use super::{FsCx, Vfs};
use crate::Errno;

/// The users of the files that have any.
#[derive(Debug, Default)]
pub(super) struct WriteAccess {
    writers: BTreeMap<InodeId, u32>,
    executers: BTreeMap<InodeId, u32>,
}

fn count_up(counts: &mut BTreeMap<InodeId, u32>, id: InodeId) {
    *counts.entry(id).or_default() += 1;
}

fn count_down(counts: &mut BTreeMap<InodeId, u32>, id: InodeId) {
    if let Some(count) = counts.get_mut(&id) {
        *count -= 1;
        if *count == 0 {
            counts.remove(&id);
        }
    }
}

impl Vfs {
    /// # Errors
    /// `ETXTBSY` if somebody executes the file.
    pub(super) fn may_be_written(&self, id: InodeId) -> Result<(), Errno> {
        if self.write_access.executers.contains_key(&id) { Err(Errno::ETXTBSY) } else { Ok(()) }
    }

    /// # Errors
    /// `ETXTBSY` if somebody has the file open for writing.
    pub(super) fn may_be_executed(&self, id: InodeId) -> Result<(), Errno> {
        if self.write_access.writers.contains_key(&id) { Err(Errno::ETXTBSY) } else { Ok(()) }
    }

    /// An open file writes to it from now on.
    pub(super) fn get_write_access(&mut self, id: InodeId) {
        count_up(&mut self.write_access.writers, id);
    }

    /// It does no more.
    pub(super) fn put_write_access(&mut self, id: InodeId) {
        count_down(&mut self.write_access.writers, id);
    }

    /// An address space is made for this program: it keeps a reference.
    pub(crate) fn exe_get(&mut self, id: InodeId) {
        self.inode_get(id);
        count_up(&mut self.write_access.executers, id);
    }

    /// That address space is gone.
    pub(crate) fn exe_put(&mut self, cx: &mut FsCx<'_>, id: InodeId) {
        count_down(&mut self.write_access.executers, id);
        self.inode_put(cx, id);
    }
}
