//! File descriptors of a process: small numbers for open files.
//!
//! Invariant: each entry holds one reference to its open file; two entries for the same open file share its offset.

use super::console::Stream;
use super::file::OpenFileId;
use super::{FsCx, Vfs};
use crate::Errno;
use std::collections::BTreeMap;

/// What becomes of a descriptor when the process executes another program (FD_CLOEXEC).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnExec {
    /// It stays open.
    Keep,
    /// It is closed.
    Close,
}

/// A descriptor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Descriptor {
    /// The open file.
    pub file: OpenFileId,
    /// What becomes of it.
    pub on_exec: OnExec,
}

/// The number of a table: what a process holds. All tables are in the file layer, so that /proc can show them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FilesId(u32);

/// The descriptors of a process.
#[derive(Clone, Debug, Default)]
pub struct FdTable {
    entries: Vec<Option<Descriptor>>,
    /// FIFOs whose open waits for its other end, by the process that opens.
    opening: BTreeMap<u32, OpenFileId>,
    /// Processes that have it beside the first (CLONE_FILES).
    further_users: u32,
}

impl FdTable {
    /// The open file behind a descriptor as it comes from a register.
    ///
    /// # Errors
    /// `EBADF`.
    pub fn get(&self, fd: u64) -> Result<OpenFileId, Errno> {
        Ok(self.descriptor(fd)?.file)
    }

    /// A descriptor; only the low 32 bits of the register count.
    ///
    /// # Errors
    /// `EBADF`.
    pub fn descriptor(&self, fd: u64) -> Result<Descriptor, Errno> {
        self.entries.get(fd as u32 as usize).copied().flatten().ok_or(Errno::EBADF)
    }

    /// Puts an open file, with the caller's reference, in the lowest free place at or above `min` and below `limit`.
    ///
    /// # Errors
    /// `EMFILE`; the caller keeps its reference.
    pub fn install(&mut self, entry: Descriptor, min: usize, limit: u64) -> Result<u64, Errno> {
        let free = (min..self.entries.len()).find(|&fd| self.entries[fd].is_none());
        let fd = free.unwrap_or(self.entries.len().max(min));
        if fd as u64 >= limit {
            return Err(Errno::EMFILE);
        }
        self.put(fd, entry);
        Ok(fd as u64)
    }

    /// Puts an open file in a given place; gives what was there. The place is below the limit of open files.
    pub fn put(&mut self, fd: usize, entry: Descriptor) -> Option<OpenFileId> {
        if fd >= self.entries.len() {
            self.entries.resize(fd + 1, None);
        }
        self.entries[fd].replace(entry).map(|old| old.file)
    }

    /// Sets what becomes of a descriptor on exec.
    ///
    /// # Errors
    /// `EBADF`.
    pub fn set_on_exec(&mut self, fd: u64, on_exec: OnExec) -> Result<(), Errno> {
        let entry = self.entries.get_mut(fd as u32 as usize).and_then(Option::as_mut);
        entry.ok_or(Errno::EBADF)?.on_exec = on_exec;
        Ok(())
    }

    /// Takes a descriptor out; the caller has its reference.
    ///
    /// # Errors
    /// `EBADF`.
    pub fn take(&mut self, fd: u64) -> Result<OpenFileId, Errno> {
        let place = self.entries.get_mut(fd as u32 as usize).ok_or(Errno::EBADF)?;
        Ok(place.take().ok_or(Errno::EBADF)?.file)
    }

    /// The descriptors in use, in order.
    pub fn iter(&self) -> impl Iterator<Item = (usize, Descriptor)> {
        self.entries.iter().enumerate().filter_map(|(fd, entry)| Some((fd, (*entry)?)))
    }

    /// One more than the highest descriptor that was ever in use.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// True if no descriptor was ever in use.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

impl Vfs {
    /// A table with descriptors 0, 1 and 2 for the standard streams, as far as the host has them open.
    pub fn new_fd_table(&mut self) -> FilesId {
        let entries = Stream::ALL.map(|stream| {
            let file = self.open_stream(stream)?;
            Some(Descriptor { file, on_exec: OnExec::Keep })
        });
        self.insert_fd_table(FdTable { entries: entries.to_vec(), ..FdTable::default() })
    }

    /// A copy of a table for a child: the open files are shared (Linux's `dup_fd`).
    pub fn fork_fd_table(&mut self, parent: FilesId) -> FilesId {
        let table = FdTable { entries: self.fds(parent).entries.clone(), ..FdTable::default() };
        for (_, entry) in table.iter() {
            self.file_get(entry.file);
        }
        self.insert_fd_table(table)
    }

    /// One user of a table more (CLONE_FILES).
    pub(crate) fn share_fd_table(&mut self, files: FilesId) -> FilesId {
        self.fds_mut(files).further_users += 1;
        files
    }

    /// A table that no other process has, for a program that is executed (`unshare_files`).
    pub(crate) fn unshare_fd_table(&mut self, files: FilesId) -> FilesId {
        if self.fds(files).further_users == 0 {
            return files;
        }
        let own = self.fork_fd_table(files);
        self.fds_mut(files).further_users -= 1;
        self.proc_set_files(own);
        own
    }

    fn insert_fd_table(&mut self, table: FdTable) -> FilesId {
        let free = self.fd_tables.iter().position(Option::is_none).unwrap_or(self.fd_tables.len());
        if free == self.fd_tables.len() {
            self.fd_tables.push(None);
        }
        self.fd_tables[free] = Some(table);
        FilesId(free as u32)
    }

    /// The descriptors of a process.
    #[must_use]
    pub fn fds(&self, files: FilesId) -> &FdTable {
        self.fd_tables[files.0 as usize].as_ref().expect("a table lives as long as its process")
    }

    /// The descriptors of a process, to be changed.
    pub fn fds_mut(&mut self, files: FilesId) -> &mut FdTable {
        self.fd_tables[files.0 as usize].as_mut().expect("a table lives as long as its process")
    }

    /// Closes what is not to survive an exec (Linux's `do_close_on_exec`).
    pub fn close_on_exec(&mut self, cx: &mut FsCx<'_>, files: FilesId) {
        self.close_where(cx, files, |entry| entry.on_exec == OnExec::Close);
    }

    /// One user of a table less, as when its process ends; with the last one all is closed (`exit_files`).
    pub fn drop_fd_table(&mut self, cx: &mut FsCx<'_>, files: FilesId) {
        self.abandon_open(cx, files);
        if let Some(left) = self.fds(files).further_users.checked_sub(1) {
            self.fds_mut(files).further_users = left;
            self.proc_end_current();
            return;
        }
        self.close_where(cx, files, |_| true);
        self.proc.forget_files(files);
        self.fd_tables[files.0 as usize] = None;
    }

    /// Keeps a FIFO whose open waits for its other end until the call is made again.
    pub(crate) fn keep_opening(&mut self, files: FilesId, file: OpenFileId) {
        let pid = self.proc_current();
        self.fds_mut(files).opening.insert(pid, file);
    }

    /// What [`Self::keep_opening`] kept.
    pub(crate) fn take_opening(&mut self, files: FilesId) -> Option<OpenFileId> {
        let pid = self.proc_current();
        self.fds_mut(files).opening.remove(&pid)
    }

    /// Closes what an open has kept that was cut short while it waited.
    pub(crate) fn abandon_open(&mut self, cx: &mut FsCx<'_>, files: FilesId) {
        if let Some(file) = self.take_opening(files) {
            self.file_put(cx, file);
        }
    }

    fn close_where(&mut self, cx: &mut FsCx<'_>, files: FilesId, which: impl Fn(&Descriptor) -> bool) {
        for fd in 0..self.fds(files).len() {
            if let Some(entry) = self.fds_mut(files).entries[fd].take_if(|entry| which(entry)) {
                self.close_descriptor(cx, files, entry.file);
            }
        }
    }
}
