//! Pipes and FIFOs as open files: opening, closing, waking.
//!
//! Protocol. An open file of a pipe counts as a reader, a writer or both, by its flags, from its opening to its last close.
//! An open of a FIFO is complete once the other end has been opened since ([`Vfs::awaits_partner`]); whoever opened it keeps
//! it, waits on [`Channel::Pipe`], and asks again.

use super::file::{FileKind, OpenFileId, OpenFlags};
use super::inode::{Body, InodeId};
use super::pipe::{PipeId, Slots};
use super::{Ready, Vfs};
use crate::Errno;
use crate::wait::Channel;

impl Vfs {
    /// A new pipe: its reading and its writing end, a reference to each.
    pub(crate) fn open_pipe(&mut self, flags: OpenFlags) -> Result<[OpenFileId; 2], Errno> {
        let id = self.pipes.insert(None);
        let reader = self.open_end(id, None, flags)?;
        match self.open_end(id, None, flags | OpenFlags::WRONLY) {
            Ok(writer) => Ok([reader, writer]),
            Err(e) => {
                let open = self.files.remove(reader);
                self.close_end(id, open.flags);
                Err(e)
            }
        }
    }

    /// An end of a pipe, or both, by the flags. A pipe that could not get its first end is gone.
    fn open_end(&mut self, id: PipeId, fifo: Option<InodeId>, flags: OpenFlags) -> Result<OpenFileId, Errno> {
        let inserted = self.files.insert(FileKind::Pipe(id), fifo, flags);
        let pipe = self.pipes.get_mut(id);
        let Ok(file) = inserted else {
            if pipe.readers + pipe.writers == 0 {
                self.forget_pipe(id);
            }
            return inserted;
        };
        let partner = match (flags.reads(), flags.writes()) {
            (true, false) if pipe.writers == 0 => Some(pipe.writer_opens),
            (false, true) if pipe.readers == 0 => Some(pipe.reader_opens),
            _ => None,
        };
        if flags.reads() {
            (pipe.readers, pipe.reader_opens) = (pipe.readers + 1, pipe.reader_opens.wrapping_add(1));
        }
        if flags.writes() {
            (pipe.writers, pipe.writer_opens) = (pipe.writers + 1, pipe.writer_opens.wrapping_add(1));
        }
        if let Some(inode) = fifo {
            self.inode_get(inode);
        }
        self.files.get_mut(file).partner = partner.filter(|_| fifo.is_some());
        self.wake(Channel::Pipe(id));
        Ok(file)
    }

    /// Opens a FIFO (`fifo_open`).
    ///
    /// # Errors
    /// `ENXIO` for a writer with O_NONBLOCK that nobody reads from; `ENFILE`.
    pub(super) fn open_fifo(&mut self, inode: InodeId, flags: OpenFlags) -> Result<OpenFileId, Errno> {
        let Body::Fifo(open) = self.inodes.get(inode).body else { return Err(Errno::ENXIO) };
        let is_read = open.is_some_and(|id| self.pipes.get(id).readers > 0);
        if flags.contains(OpenFlags::NONBLOCK) && !flags.reads() && !is_read {
            return Err(Errno::ENXIO);
        }
        let id = open.unwrap_or_else(|| self.pipes.insert(Some(inode)));
        self.inodes.get_mut(inode).body = Body::Fifo(Some(id));
        self.open_end(id, Some(inode), flags)
    }

    /// Another open file for a pipe, by way of /proc: never waits for a partner.
    pub(super) fn reopen_pipe(&mut self, id: PipeId, flags: OpenFlags) -> Result<OpenFileId, Errno> {
        let fifo = self.pipes.get(id).fifo;
        self.open_end(id, fifo, flags)
    }

    /// The pipe of a FIFO whose open must wait for its other end.
    pub(crate) fn awaits_partner(&self, file: OpenFileId) -> Option<PipeId> {
        let open = self.files.get(file);
        let FileKind::Pipe(id) = open.kind else { return None };
        let waits = !open.flags.contains(OpenFlags::NONBLOCK) && self.has_met_nobody(file);
        waits.then_some(id)
    }

    /// True if a FIFO's other end was not there at the open and has not come since.
    fn has_met_nobody(&self, file: OpenFileId) -> bool {
        let open = self.files.get(file);
        let (FileKind::Pipe(id), Some(seen)) = (open.kind, open.partner) else { return false };
        let pipe = self.pipes.get(id);
        seen == if open.flags.reads() { pipe.writer_opens } else { pipe.reader_opens }
    }

    /// The last close of an end.
    pub(super) fn close_end(&mut self, id: PipeId, flags: OpenFlags) {
        let pipe = self.pipes.get_mut(id);
        pipe.readers -= u32::from(flags.reads());
        pipe.writers -= u32::from(flags.writes());
        if pipe.readers + pipe.writers == 0 {
            self.forget_pipe(id);
        }
        self.wake(Channel::Pipe(id));
    }

    fn forget_pipe(&mut self, id: PipeId) {
        if let Some(inode) = self.pipes.remove(id) {
            self.inodes.get_mut(inode).body = Body::Fifo(None);
        }
    }

    pub(crate) fn read_pipe(&mut self, id: PipeId, buf: &mut [u8]) -> Result<usize, Errno> {
        let len = self.pipes.get_mut(id).read(buf)?;
        if len > 0 {
            self.wake_for(Channel::Pipe(id), Ready::OUT);
        }
        Ok(len)
    }

    pub(crate) fn write_pipe(&mut self, id: PipeId, bytes: &[u8]) -> Result<usize, Errno> {
        let len = self.pipes.get_mut(id).write(bytes)?;
        if len > 0 {
            self.wake_for(Channel::Pipe(id), Ready::IN);
        }
        Ok(len)
    }

    /// What an end is ready for. A reader that nobody has written to yet is not hung up.
    pub(super) fn pipe_ready(&self, file: OpenFileId, id: PipeId) -> Ready {
        let (flags, pipe) = (self.files.get(file).flags, self.pipes.get(id));
        let mut ready = Ready::empty();
        if flags.reads() {
            ready |= pipe.reader_ready(pipe.writers == 0 && !self.has_met_nobody(file));
        }
        if flags.writes() {
            ready |= pipe.writer_ready();
        }
        ready
    }

    /// The bytes of a pipe, up to `most`, without reading them.
    pub(crate) fn pipe_peek(&self, id: PipeId, most: usize) -> Vec<u8> {
        self.pipes.get(id).peek(most, Slots::All)
    }

    /// The same of its first slot.
    pub(crate) fn pipe_first(&self, id: PipeId, most: usize) -> Vec<u8> {
        self.pipes.get(id).peek(most, Slots::First)
    }

    /// Bytes that a pipe has room for in free slots.
    pub(crate) fn pipe_room(&self, id: PipeId) -> usize {
        self.pipes.get(id).room()
    }

    /// How much of a write of `len` bytes goes into a pipe if user memory gives only `copied`.
    pub(crate) fn whole_slots(&self, id: PipeId, len: usize, copied: usize) -> usize {
        self.pipes.get(id).whole_slots(len, copied)
    }

    /// Bytes that can be read from a pipe without waiting.
    pub(crate) fn pipe_len(&self, id: PipeId) -> usize {
        self.pipes.get(id).len()
    }

    /// Bytes that a pipe can hold (F_GETPIPE_SZ).
    pub(crate) fn pipe_capacity(&self, id: PipeId) -> usize {
        self.pipes.get(id).capacity()
    }

    /// Changes that (F_SETPIPE_SZ); gives what it is now, in bytes.
    ///
    /// # Errors
    /// `EBUSY` if it holds more, `EPERM` beyond the bounds, `EINVAL`.
    pub(crate) fn set_pipe_capacity(&mut self, id: PipeId, bytes: u64) -> Result<u64, Errno> {
        let now = self.pipes.resize(id, bytes)?;
        self.wake(Channel::Pipe(id));
        Ok(now)
    }
}
