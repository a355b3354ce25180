//! `splice`, `tee` and `vmsplice`: to and from pipes (Linux's `fs/splice.c`).
//!
//! Linux moves pages where it can; here the bytes are copied, so what a program writes to pages that it gave away is not seen. As
//! there, a call moves what is there and fits, and waits only if that is nothing.

use super::epoll::Watched;
use super::user::{Fault, MAX_RW_COUNT};
use super::{Args, SysResult};
use crate::fs::{At, FileKind, OpenFileId, OpenFlags, PipeId, Ready};
use crate::kernel::Kernel;
use crate::{Errno, Hw};

/// SPLICE_F_NONBLOCK, and all flags.
const SPLICE_F_NONBLOCK: u64 = 2;
const SPLICE_F_ALL: u64 = 15;

/// A pipe by one of its ends.
#[derive(Clone, Copy)]
struct End {
    file: OpenFileId,
    pipe: PipeId,
}

/// What a call does when it cannot go on.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Patience {
    Waits,
    Fails,
}

impl Kernel {
    fn pipe_end(&self, file: OpenFileId) -> Option<End> {
        match self.vfs.file(file).kind {
            FileKind::Pipe(pipe) => Some(End { file, pipe }),
            _ => None,
        }
    }

    /// By the flags of the call, and O_NONBLOCK of its pipes.
    fn patience(&self, flags: u64, ends: &[End]) -> Patience {
        let fails = |end: &End| self.vfs.file_flags(end.file).contains(OpenFlags::NONBLOCK);
        if flags & SPLICE_F_NONBLOCK != 0 || ends.iter().any(fails) { Patience::Fails } else { Patience::Waits }
    }

    /// Waits whatever O_NONBLOCK says, which not all of these calls heed.
    fn wait_at(&mut self, end: End, wanted: Ready) -> Errno {
        let mut watched = Watched::default();
        self.watch(&mut watched, end.file, wanted);
        self.wait(watched.wait())
    }

    /// The bytes that can be read from a pipe now, up to `most`; `None` at its end.
    fn wait_for_bytes(&mut self, from: End, most: u64, patience: Patience) -> Result<Option<Vec<u8>>, Errno> {
        let bytes = self.vfs.pipe_peek(from.pipe, most.min(MAX_RW_COUNT) as usize);
        if !bytes.is_empty() {
            return Ok(Some(bytes));
        }
        match self.vfs.read_pipe(from.pipe, &mut [0]) {
            Err(Errno::EAGAIN) if patience == Patience::Waits => Err(self.wait_at(from, Ready::IN)),
            end => end.map(|_| None),
        }
    }

    /// The bytes that a pipe has room for.
    fn wait_for_room(&mut self, to: End, patience: Patience) -> Result<usize, Errno> {
        if self.vfs.ready(to.file, Ready::OUT)?.contains(Ready::ERR) {
            return Err(self.broken(Errno::EPIPE));
        }
        match self.vfs.pipe_room(to.pipe) {
            0 if patience == Patience::Waits => Err(self.wait_at(to, Ready::OUT)),
            0 => Err(Errno::EAGAIN),
            room => Ok(room),
        }
    }

    /// The bytes that were copied are read.
    fn consume(&mut self, from: End, bytes: usize) -> Result<(), Errno> {
        self.vfs.read_pipe(from.pipe, &mut vec![0; bytes]).map(|_| ())
    }

    pub(super) fn sys_splice(&mut self, hw: &mut Hw<'_>, [input, in_at, out, out_at, len, flags]: Args) -> SysResult {
        if len == 0 {
            return Ok(0);
        }
        super::only(flags, SPLICE_F_ALL)?;
        let (input, out) = (self.file(input)?, self.file(out)?);
        let (source, sink) = (self.pipe_end(input), self.pipe_end(out));
        if source.is_some() && in_at != 0 || sink.is_some() && out_at != 0 {
            return Err(Errno::ESPIPE);
        }
        let (from, to) = (self.user_position(hw, in_at)?, self.user_position(hw, out_at)?);
        if !self.vfs.file_flags(input).reads() || !self.vfs.file_flags(out).writes() {
            return Err(Errno::EBADF);
        }
        match (source, sink) {
            (None, None) => Err(Errno::EINVAL),
            (Some(source), Some(sink)) => self.splice_pipes(source, sink, len, flags),
            (Some(source), None) => {
                let done = self.splice_from_pipe(hw, source, (out, to), len, flags)?;
                self.store_position(hw, out_at, to, done)?;
                Ok(done)
            }
            (None, Some(sink)) => {
                let done = self.splice_to_pipe(hw, (input, from), sink, len, flags)?;
                self.store_position(hw, in_at, from, done)?;
                Ok(done)
            }
        }
    }

    fn splice_pipes(&mut self, source: End, sink: End, len: u64, flags: u64) -> SysResult {
        let done = self.copy_pipe(source, sink, len, flags)?;
        self.consume(source, done as usize)?;
        Ok(done)
    }

    /// Copies from pipe to pipe without reading.
    fn copy_pipe(&mut self, source: End, sink: End, len: u64, flags: u64) -> SysResult {
        if source.pipe == sink.pipe {
            return Err(Errno::EINVAL);
        }
        let patience = self.patience(flags, &[source, sink]);
        let bytes = self.wait_for_bytes(source, len, patience)?;
        let room = self.wait_for_room(sink, patience)?;
        let Some(mut bytes) = bytes else { return Ok(0) };
        bytes.truncate(room);
        self.vfs.write_pipe(sink.pipe, &bytes).map(|done| done as u64)
    }

    fn splice_from_pipe(
        &mut self,
        hw: &mut Hw<'_>,
        source: End,
        (out, to): (OpenFileId, At),
        len: u64,
        flags: u64,
    ) -> SysResult {
        let is_sink =
            |kind| matches!(kind, FileKind::Regular | FileKind::Device(_) | FileKind::Stream(_) | FileKind::Socket(_));
        if self.vfs.file_flags(out).contains(OpenFlags::APPEND) || !is_sink(self.vfs.file(out).kind) {
            return Err(Errno::EINVAL);
        }
        let patience = self.patience(flags, &[source]);
        let Some(bytes) = self.wait_for_bytes(source, len, patience)? else { return Ok(0) };
        match self.write_chunk(hw, out, to, &bytes) {
            Ok(done) => {
                self.consume(source, done)?;
                Ok(done as u64)
            }
            Err(e) => {
                let e = self.refused(out, to, e);
                Err(if patience == Patience::Waits { self.or_wait(out, Ready::OUT, e, 0) } else { e })
            }
        }
    }

    fn splice_to_pipe(
        &mut self,
        hw: &mut Hw<'_>,
        (input, from): (OpenFileId, At),
        sink: End,
        len: u64,
        flags: u64,
    ) -> SysResult {
        if !super::rw::is_source(self.vfs.file(input).kind) {
            return Err(Errno::EINVAL);
        }
        let patience = self.patience(flags, &[sink]);
        let room = self.wait_for_room(sink, patience)?;
        self.let_others_run(input, from)?;
        let mut bytes = vec![0; room.min(usize::try_from(len).unwrap_or(room))];
        let got = match self.read_chunk(hw, input, from, &mut bytes) {
            Ok(got) => got,
            Err(e) => return Err(self.or_wait(input, Ready::IN, e, 0)),
        };
        self.vfs.write_pipe(sink.pipe, &bytes[..got]).map(|done| done as u64)
    }

    pub(super) fn sys_tee(&mut self, _: &mut Hw<'_>, [input, out, len, flags, ..]: Args) -> SysResult {
        super::only(flags, SPLICE_F_ALL)?;
        if len == 0 {
            return Ok(0);
        }
        let (input, out) = (self.file(input)?, self.file(out)?);
        if !self.vfs.file_flags(input).reads() || !self.vfs.file_flags(out).writes() {
            return Err(Errno::EBADF);
        }
        let (source, sink) = (self.pipe_end(input).ok_or(Errno::EINVAL)?, self.pipe_end(out).ok_or(Errno::EINVAL)?);
        self.copy_pipe(source, sink, len, flags)
    }

    /// To a pipe from user memory if its writing end is given, else the other way.
    pub(super) fn sys_vmsplice(&mut self, hw: &mut Hw<'_>, [fd, array, count, flags, ..]: Args) -> SysResult {
        super::only(flags, SPLICE_F_ALL)?;
        let end = self.pipe_end(self.file(fd)?).ok_or(Errno::EBADF)?;
        let mut buffers = self.user_iovec(hw, array, count)?;
        if buffers.left == 0 {
            return Ok(0);
        }
        let patience = self.patience(flags, &[]); // O_NONBLOCK does not count
        if !self.vfs.file_flags(end.file).writes() {
            let Some(bytes) = self.wait_for_bytes(end, buffers.left, patience)? else { return Ok(0) };
            let copied = self.scatter(hw, &mut buffers, &bytes);
            let done = copied.map_or_else(|Fault { copied }| copied, |()| bytes.len());
            self.consume(end, done)?;
            return if done > 0 { Ok(done as u64) } else { Err(Errno::EFAULT) };
        }
        let room = self.wait_for_room(end, patience)?;
        let mut bytes = vec![0; room.min(buffers.left as usize)];
        let gathered = self.gather(hw, &mut buffers, &mut bytes);
        let got = gathered.map_or_else(|Fault { copied }| copied, |()| bytes.len());
        if got == 0 {
            return Err(Errno::EFAULT);
        }
        self.vfs.write_pipe(end.pipe, &bytes[..got]).map(|done| done as u64)
    }
}
