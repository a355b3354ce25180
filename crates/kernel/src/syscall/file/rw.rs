//! Reading, writing, seeking, and copying from file to file.
//!
//! A transfer goes through a buffer of 64 KiB, however much the guest asks for, and ends early where the file gives less
//! or would make it wait. If user memory faults midway the count so far is returned, and `EFAULT` only if it is 0.

use super::user::{Fault, MAX_RW_COUNT, UserBuffers};
use super::{Args, SysResult};
use crate::fs::{At, FileKind, OpenFileId, OpenFlags, Ready, Seek, Stream};
use crate::kernel::Kernel;
use crate::{Errno, Hw};
use arch::LinearAddr;
use std::time::Duration;

/// Bytes that are moved at once.
const CHUNK: usize = 64 << 10;

impl At {
    /// The position of a `pread`-like call.
    fn position(offset: u64) -> Result<Self, Errno> {
        if offset > i64::MAX as u64 { Err(Errno::EINVAL) } else { Ok(Self::Position(offset)) }
    }

    const fn further(self, by: usize) -> Self {
        match self {
            Self::Offset => Self::Offset,
            Self::Position(p) => Self::Position(p + by as u64),
        }
    }
}

impl Kernel {
    pub(super) fn sys_read(&mut self, hw: &mut Hw<'_>, [fd, buf, count, ..]: Args) -> SysResult {
        let file = self.file(fd)?;
        self.read_file(hw, file, At::Offset, UserBuffers::one(buf, count)?)
    }

    pub(super) fn sys_pread64(&mut self, hw: &mut Hw<'_>, [fd, buf, count, offset, ..]: Args) -> SysResult {
        let (at, file) = (At::position(offset)?, self.file(fd)?);
        self.read_file(hw, file, at, UserBuffers::one(buf, count)?)
    }

    pub(super) fn sys_readv(&mut self, hw: &mut Hw<'_>, [fd, iov, count, ..]: Args) -> SysResult {
        let file = self.file(fd)?;
        let buffers = self.user_iovec(hw, iov, count)?;
        self.read_file(hw, file, At::Offset, buffers)
    }

    pub(super) fn sys_preadv(&mut self, hw: &mut Hw<'_>, [fd, iov, count, offset, ..]: Args) -> SysResult {
        let (at, file) = (At::position(offset)?, self.file(fd)?);
        let buffers = self.user_iovec(hw, iov, count)?;
        self.read_file(hw, file, at, buffers)
    }

    pub(super) fn sys_write(&mut self, hw: &mut Hw<'_>, [fd, buf, count, ..]: Args) -> SysResult {
        let file = self.file(fd)?;
        self.write_file(hw, file, At::Offset, UserBuffers::one(buf, count)?)
    }

    pub(super) fn sys_pwrite64(&mut self, hw: &mut Hw<'_>, [fd, buf, count, offset, ..]: Args) -> SysResult {
        let (at, file) = (At::position(offset)?, self.file(fd)?);
        self.write_file(hw, file, at, UserBuffers::one(buf, count)?)
    }

    pub(super) fn sys_writev(&mut self, hw: &mut Hw<'_>, [fd, iov, count, ..]: Args) -> SysResult {
        let file = self.file(fd)?;
        let buffers = self.user_iovec(hw, iov, count)?;
        self.write_file(hw, file, At::Offset, buffers)
    }

    pub(super) fn sys_pwritev(&mut self, hw: &mut Hw<'_>, [fd, iov, count, offset, ..]: Args) -> SysResult {
        let (at, file) = (At::position(offset)?, self.file(fd)?);
        let buffers = self.user_iovec(hw, iov, count)?;
        self.write_file(hw, file, at, buffers)
    }

    fn read_file(&mut self, hw: &mut Hw<'_>, file: OpenFileId, mut at: At, mut to: UserBuffers) -> SysResult {
        let mut chunk = vec![0; CHUNK.min(to.left as usize)];
        let mut done = 0;
        loop {
            let want = chunk.len().min(to.left as usize);
            let got = match self.read_chunk(hw, file, at, &mut chunk[..want]) {
                Ok(got) => got,
                Err(_) if done > 0 => return Ok(done),
                Err(e) => return Err(e),
            };
            if let Err(Fault { copied }) = self.scatter(hw, &mut to, &chunk[..got]) {
                self.give_back(file, at, got - copied);
                done += copied as u64;
                return if done > 0 { Ok(done) } else { Err(Errno::EFAULT) };
            }
            done += got as u64;
            at = at.further(got);
            if to.left == 0 || got < want || !self.has_more_at_once(file, Ready::IN) {
                return Ok(done);
            }
        }
    }

    fn read_chunk(&mut self, hw: &mut Hw<'_>, file: OpenFileId, at: At, chunk: &mut [u8]) -> Result<usize, Errno> {
        let (vfs, _, mut cx) = self.fs_cx(hw);
        let result = vfs.read(&mut cx, file, at, chunk);
        result.map_err(|e| self.unless_blocking(hw, file, e))
    }

    /// Moves the offset back over bytes that did not reach the user.
    fn give_back(&mut self, file: OpenFileId, at: At, bytes: usize) {
        let open = self.vfs.file(file);
        if at == At::Offset && open.kind == FileKind::Regular {
            let offset = open.offset - bytes as u64;
            self.vfs.set_offset(file, offset);
        }
    }

    fn write_file(&mut self, hw: &mut Hw<'_>, file: OpenFileId, mut at: At, mut from: UserBuffers) -> SysResult {
        if !self.vfs.file_flags(file).writes() {
            return Err(Errno::EBADF);
        }
        let mut chunk = vec![0; CHUNK.min(from.left as usize)];
        let mut done = 0;
        while from.left > 0 {
            let want = chunk.len().min(from.left as usize);
            let gathered = self.gather(hw, &mut from, &mut chunk[..want]);
            let len = gathered.map_or_else(|fault| fault.copied, |()| want);
            if len == 0 {
                return if done > 0 { Ok(done) } else { Err(Errno::EFAULT) };
            }
            let put = match self.write_chunk(hw, file, at, &chunk[..len]) {
                Ok(put) => put,
                Err(e) if done == 0 || e == Errno::EDEADLK => return Err(e),
                Err(_) => return Ok(done),
            };
            done += put as u64;
            at = at.further(put);
            if put < len || gathered.is_err() {
                break;
            }
        }
        Ok(done)
    }

    /// Writes a part; to a pipe all of it, or it is a deadlock.
    fn write_chunk(&mut self, hw: &mut Hw<'_>, file: OpenFileId, at: At, chunk: &[u8]) -> Result<usize, Errno> {
        let (vfs, _, mut cx) = self.fs_cx(hw);
        let result = vfs.write(&mut cx, file, at, chunk);
        let put = result.map_err(|e| self.unless_blocking(hw, file, e))?;
        let is_pipe = matches!(self.vfs.file(file).kind, FileKind::Pipe(..));
        if is_pipe && put < chunk.len() && !self.vfs.file_flags(file).contains(OpenFlags::NONBLOCK) {
            return Err(Errno::EDEADLK);
        }
        Ok(put)
    }

    /// `EAGAIN` of a pipe that is to wait: nobody but this process could end the wait, or else a signal.
    fn unless_blocking(&mut self, hw: &Hw<'_>, file: OpenFileId, e: Errno) -> Errno {
        let open = self.vfs.file(file);
        let waits = matches!(open.kind, FileKind::Pipe(..)) && !open.flags.contains(OpenFlags::NONBLOCK);
        if e != Errno::EAGAIN || !waits {
            return e;
        }
        self.wait_until(hw, None).err().unwrap_or(Errno::EDEADLK)
    }

    /// True if a transfer may go on with the next part without waiting.
    fn has_more_at_once(&mut self, file: OpenFileId, wanted: Ready) -> bool {
        match self.vfs.file(file).kind {
            FileKind::Stream(stream) => self.stream_is_ready(stream, wanted),
            FileKind::Pipe(..) => self.vfs.ready(file).contains(wanted),
            _ => true,
        }
    }

    fn stream_is_ready(&mut self, stream: Stream, wanted: Ready) -> bool {
        self.vfs.console().poll(stream, wanted, Some(Duration::ZERO)).is_ok_and(|ready| !ready.is_empty())
    }

    pub(super) fn sys_lseek(&mut self, _: &mut Hw<'_>, [fd, offset, whence, ..]: Args) -> SysResult {
        let file = self.file(fd)?;
        let negative = Err(Errno::ENXIO);
        let to = match whence as u32 {
            0 if offset > i64::MAX as u64 => return Err(Errno::EINVAL),
            0 => Seek::Start(offset),
            1 => Seek::Current(offset.cast_signed()),
            2 => Seek::End(offset.cast_signed()),
            3 | 4 if offset > i64::MAX as u64 => return negative,
            3 => Seek::Data(offset),
            4 => Seek::Hole(offset),
            _ => return Err(Errno::EINVAL),
        };
        self.vfs.seek(file, to)
    }

    pub(super) fn sys_sendfile(&mut self, hw: &mut Hw<'_>, [out, input, offset, count, ..]: Args) -> SysResult {
        let (out, input) = (self.file(out)?, self.file(input)?);
        let from = self.user_position(hw, offset)?;
        if !self.vfs.file_flags(input).reads() || !self.vfs.file_flags(out).writes() {
            return Err(Errno::EBADF);
        }
        let is_source = |kind| matches!(kind, FileKind::Regular | FileKind::Device(_) | FileKind::Stream(_));
        if !is_source(self.vfs.file(input).kind) || self.vfs.file_flags(out).contains(OpenFlags::APPEND) {
            return Err(Errno::EINVAL);
        }
        let done = self.copy_between(hw, (input, from), (out, At::Offset), count)?;
        self.store_position(hw, offset, from, done)?;
        Ok(done)
    }

    pub(super) fn sys_copy_file_range(&mut self, hw: &mut Hw<'_>, args: Args) -> SysResult {
        let [input, in_offset, out, out_offset, count, flags] = args;
        let (input, out) = (self.file(input)?, self.file(out)?);
        let (from, to) = (self.user_position(hw, in_offset)?, self.user_position(hw, out_offset)?);
        super::only(flags, 0)?;
        for file in [input, out] {
            match self.vfs.file(file).kind {
                FileKind::Regular => {}
                FileKind::Directory => return Err(Errno::EISDIR),
                _ => return Err(Errno::EINVAL),
            }
        }
        if !self.vfs.file_flags(input).reads() || !self.vfs.file_flags(out).writes() {
            return Err(Errno::EBADF);
        }
        if self.vfs.file_flags(out).contains(OpenFlags::APPEND) {
            return Err(Errno::EBADF);
        }
        if self.vfs.file_inode(input) == self.vfs.file_inode(out) {
            let start = |file, at| if let At::Position(p) = at { p } else { self.vfs.file(file).offset };
            let (a, b) = (start(input, from), start(out, to));
            if a.abs_diff(b) < count {
                return Err(Errno::EINVAL);
            }
        }
        let done = self.copy_between(hw, (input, from), (out, to), count)?;
        self.store_position(hw, in_offset, from, done)?;
        self.store_position(hw, out_offset, to, done)?;
        Ok(done)
    }

    /// The position in user memory that a pointer leads to; the open file's offset for a null pointer.
    fn user_position(&mut self, hw: &mut Hw<'_>, pointer: u64) -> Result<At, Errno> {
        if pointer == 0 {
            return Ok(At::Offset);
        }
        At::position(self.read_user_u64(hw, LinearAddr(pointer))?)
    }

    fn store_position(&mut self, hw: &mut Hw<'_>, pointer: u64, from: At, done: u64) -> Result<(), Errno> {
        match from {
            At::Offset => Ok(()),
            At::Position(p) => self.copy_to_user(hw, LinearAddr(pointer), &(p + done).to_le_bytes()),
        }
    }

    fn copy_between(
        &mut self,
        hw: &mut Hw<'_>,
        (input, mut from): (OpenFileId, At),
        (out, mut to): (OpenFileId, At),
        count: u64,
    ) -> SysResult {
        let mut left = count.min(MAX_RW_COUNT) as usize;
        let mut chunk = vec![0; CHUNK.min(left)];
        let mut done = 0;
        while left > 0 {
            let want = chunk.len().min(left);
            let got = match self.read_chunk(hw, input, from, &mut chunk[..want]) {
                Ok(0) => break,
                Ok(got) => got,
                Err(_) if done > 0 => break,
                Err(e) => return Err(e),
            };
            let put = match self.write_chunk(hw, out, to, &chunk[..got]) {
                Ok(put) => put,
                Err(e) => {
                    self.give_back(input, from, got);
                    if done > 0 && e != Errno::EDEADLK {
                        break;
                    }
                    return Err(e);
                }
            };
            self.give_back(input, from, got - put);
            (from, to) = (from.further(put), to.further(put));
            (left, done) = (left - put, done + put as u64);
            if put < got {
                break;
            }
        }
        Ok(done)
    }
}
