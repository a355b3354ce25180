//! Reading, writing, seeking, and copying from file to file.
//!
//! A transfer goes through a buffer of 64 KiB, however much the guest asks for, and ends early where the file gives less
//! or would make it wait. If user memory faults midway the count so far is returned, and `EFAULT` only if it is 0. A write
//! to a pipe goes on until all is written; what it has written when it waits is in [`Wait::done`].

use super::epoll::Watched;
use super::user::{Fault, MAX_RW_COUNT, UserBuffers};
use super::{Args, SysResult};
use crate::fs::{At, FileKind, OpenFileId, OpenFlags, PipeId, ProcFile, ProcessFile, Ready, Seek};
use crate::kernel::Kernel;
use crate::signal::{SigCode, SigInfo, Signal, Target};
use crate::{Errno, Hw};
use arch::LinearAddr;
use event::Pid;

/// Bytes that are moved at once.
const CHUNK: usize = 64 << 10;
/// Bytes that go to a pipe whole or not at all.
const PIPE_BUF: usize = 4096;

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

    /// `preadv2`: offset -1 means the open file's own.
    pub(super) fn sys_preadv2(&mut self, hw: &mut Hw<'_>, [fd, iov, count, offset, _, flags]: Args) -> SysResult {
        let (at, file) = (vectored_at(offset, flags)?, self.file(fd)?);
        let buffers = self.user_iovec(hw, iov, count)?;
        self.read_file(hw, file, at, buffers)
    }

    pub(super) fn sys_pwritev2(&mut self, hw: &mut Hw<'_>, [fd, iov, count, offset, _, flags]: Args) -> SysResult {
        let (at, file) = (vectored_at(offset, flags)?, self.file(fd)?);
        let buffers = self.user_iovec(hw, iov, count)?;
        self.write_file(hw, file, at, buffers)
    }

    fn read_file(&mut self, hw: &mut Hw<'_>, file: OpenFileId, mut at: At, mut to: UserBuffers) -> SysResult {
        if let (FileKind::Socket(id), At::Offset) = (self.vfs.file(file).kind, at) {
            return self.read_socket(hw, (file, id), to);
        }
        if let (FileKind::Signal, At::Offset) = (self.vfs.file(file).kind, at) {
            return self.read_signals(hw, file, to);
        }
        if let (FileKind::Pipe(pipe), At::Offset, true) =
            (self.vfs.file(file).kind, at, self.vfs.file_flags(file).reads())
        {
            return self.read_from_pipe(hw, (file, pipe), to);
        }
        self.let_others_run(file, at)?;
        let mut chunk = vec![0; CHUNK.min(to.left as usize)];
        let mut done = 0;
        loop {
            let want = chunk.len().min(to.left as usize);
            let got = match self.read_chunk(hw, file, at, &mut chunk[..want]) {
                Ok(got) => got,
                Err(_) if done > 0 => return Ok(done),
                Err(e) => return Err(self.or_wait(file, Ready::IN, e, 0)),
            };
            if let Err(Fault { copied }) = self.scatter(hw, &mut to, &chunk[..got]) {
                self.give_back(file, at, got - copied);
                done += copied as u64;
                return if done > 0 { Ok(done) } else { Err(Errno::EFAULT) };
            }
            done += got as u64;
            at = at.further(got);
            if to.left == 0 || got < want || !self.has_more_at_once(file) {
                return Ok(done);
            }
        }
    }

    /// Slot by slot: one that the user's memory does not take whole stays in the pipe (`pipe_read`).
    fn read_from_pipe(
        &mut self,
        hw: &mut Hw<'_>,
        (file, pipe): (OpenFileId, PipeId),
        mut to: UserBuffers,
    ) -> SysResult {
        let mut done = 0;
        loop {
            let bytes = self.vfs.pipe_first(pipe, to.left as usize);
            if bytes.is_empty() {
                if done > 0 || to.left == 0 {
                    return Ok(done);
                }
                let end = self.vfs.read_pipe(pipe, &mut [0]);
                return end.map(|_| 0).map_err(|e| self.or_wait(file, Ready::IN, e, 0));
            }
            if self.scatter(hw, &mut to, &bytes).is_err() {
                return if done > 0 { Ok(done) } else { Err(Errno::EFAULT) };
            }
            done += self.vfs.read_pipe(pipe, &mut vec![0; bytes.len()])? as u64;
        }
    }

    /// What comes from outside is looked at only when nobody else can run: so what the processes do depends as little as can
    /// be on when it comes.
    pub(super) fn let_others_run(&mut self, file: OpenFileId, at: At) -> Result<(), Errno> {
        let open = self.vfs.file(file);
        let FileKind::Stream(stream) = open.kind else { return Ok(()) };
        let flags = open.flags;
        if self.vfs.console().terminal(stream).is_ok() {
            self.check_foreground(Signal::TTIN)?;
        }
        let is_blocking = at == At::Offset && flags.reads() && !flags.contains(OpenFlags::NONBLOCK);
        let is_first = self.retry().is_none();
        if is_blocking && is_first && self.vfs.console().may_wait(stream) && self.others_can_run() {
            return Err(self.or_wait(file, Ready::IN, Errno::EAGAIN, 0));
        }
        Ok(())
    }

    pub(super) fn read_chunk(
        &mut self,
        hw: &mut Hw<'_>,
        file: OpenFileId,
        at: At,
        chunk: &mut [u8],
    ) -> Result<usize, Errno> {
        if let FileKind::Proc(what) = self.vfs.file(file).kind
            && self.vfs.file_flags(file).reads()
        {
            let offset = self.vfs.place(file, at);
            if let Some(done) = self.proc_bytes(hw, file, what, offset, chunk) {
                let done = done?;
                self.vfs.advance(file, at, offset, done);
                return Ok(done);
            }
        }
        if let FileKind::Proc(text) = self.vfs.file(file).kind
            && self.vfs.needs_text(file, at)
        {
            let is_there = self.vfs.is_of_this_program(file);
            let text = if is_there { self.proc_text(hw, text)? } else { Vec::new() };
            self.vfs.set_text(file, text);
        }
        let (vfs, _, mut cx) = self.fs_cx(hw);
        vfs.read(&mut cx, file, at, chunk)
    }

    /// Moves the offset back over bytes that did not reach the user.
    fn give_back(&mut self, file: OpenFileId, at: At, bytes: usize) {
        let open = self.vfs.file(file);
        if at == At::Offset && matches!(open.kind, FileKind::Regular | FileKind::Proc(_)) {
            let offset = open.offset - bytes as u64;
            self.vfs.set_offset(file, offset);
        }
    }

    fn write_file(&mut self, hw: &mut Hw<'_>, file: OpenFileId, mut at: At, mut from: UserBuffers) -> SysResult {
        if !self.vfs.file_flags(file).writes() {
            return Err(Errno::EBADF);
        }
        if let (FileKind::Socket(id), At::Offset) = (self.vfs.file(file).kind, at) {
            return self.send_message(hw, (file, id), from, super::message::Sending::default());
        }
        if let Some(value) = self.knob_of(file) {
            return self.write_value(hw, value, from);
        }
        if self.vfs.file_inode(file).is_some_and(|inode| self.vfs.huge_page_size(inode).is_some()) {
            return Err(Errno::EINVAL); // also if there is nothing to write
        }
        if let (0, FileKind::Proc(ProcFile::Process(pid, text))) = (from.left, self.vfs.file(file).kind) {
            return self.process_write(hw, Pid(pid), text, &[]).map(|_| 0); // nothing is no number
        }
        let is_pipe = matches!(self.vfs.file(file).kind, FileKind::Pipe(_));
        let mut done = self.done_before();
        from.skip(done);
        let mut chunk = vec![0; self.part_of_write(file, from.left)];
        while from.left > 0 {
            let want = chunk.len().min(from.left as usize);
            let gathered = self.gather(hw, &mut from, &mut chunk[..want]);
            let len = match (gathered, self.vfs.file(file).kind) {
                (Ok(()), _) => want,
                (Err(fault), FileKind::Pipe(pipe)) => self.vfs.whole_slots(pipe, want, fault.copied),
                (Err(fault), _) => fault.copied,
            };
            if len == 0 {
                return if done > 0 { Ok(done) } else { Err(Errno::EFAULT) };
            }
            let put = match self.write_chunk(hw, file, at, &chunk[..len]) {
                Ok(put) => put,
                Err(Errno::EAGAIN) => return self.write_later(file, done),
                Err(e) if done == 0 => return Err(self.refused(file, at, e)),
                Err(e) => return Ok(self.cut_off(e, done)),
            };
            done += put as u64;
            at = at.further(put);
            if is_pipe && put < len {
                return self.write_later(file, done);
            }
            if put < len || gathered.is_err() {
                break;
            }
        }
        Ok(done)
    }

    /// Bytes of a write that are moved at once: for a pipe more than it holds, so that it sees what goes over whole pages.
    fn part_of_write(&self, file: OpenFileId, left: u64) -> usize {
        let left = left as usize;
        match self.vfs.file(file).kind {
            FileKind::Pipe(pipe) => {
                let capacity = self.vfs.pipe_capacity(pipe);
                if left > capacity + PIPE_BUF { capacity + left % PIPE_BUF } else { left }
            }
            _ => CHUNK.min(left),
        }
    }

    pub(super) fn write_chunk(
        &mut self,
        hw: &mut Hw<'_>,
        file: OpenFileId,
        at: At,
        chunk: &[u8],
    ) -> Result<usize, Errno> {
        let room = usize::try_from(self.room_in_file(file, at)?).unwrap_or(usize::MAX);
        if room == 0 && !chunk.is_empty() {
            return Err(Errno::EFBIG);
        }
        if let FileKind::Proc(ProcFile::Process(pid, ProcessFile::Mem)) = self.vfs.file(file).kind {
            let offset = self.vfs.place(file, at);
            let done = self.write_memory(hw, (file, pid), offset, chunk)?;
            self.vfs.advance(file, at, offset, done);
            return Ok(done);
        }
        if let FileKind::Proc(ProcFile::Process(pid, text)) = self.vfs.file(file).kind {
            return self.process_write(hw, Pid(pid), text, chunk);
        }
        let (vfs, _, mut cx) = self.fs_cx(hw);
        vfs.write(&mut cx, file, at, &chunk[..chunk.len().min(room)])
    }

    /// There is no room: the rest of a write comes once there is, or not at all with O_NONBLOCK.
    fn write_later(&mut self, file: OpenFileId, done: u64) -> SysResult {
        match self.or_wait(file, Ready::OUT, Errno::EAGAIN, done) {
            Errno::EAGAIN if done > 0 => Ok(done),
            e => Err(e),
        }
    }

    /// What an error means that came before anything was written: one that has a signal gives it.
    pub(super) fn refused(&mut self, file: OpenFileId, at: At, e: Errno) -> Errno {
        if e == Errno::EFBIG && self.room_in_file(file, at) == Ok(0) {
            return self.file_too_large();
        }
        self.broken(e)
    }

    /// The count of a write that an error ended midway. A pipe that nobody reads any more still gives its signal.
    fn cut_off(&mut self, e: Errno, done: u64) -> u64 {
        self.broken(e);
        done
    }

    /// Raises SIGPIPE if that is what an error of a write calls for.
    pub(super) fn broken(&mut self, e: Errno) -> Errno {
        if e == Errno::EPIPE {
            let (pid, uid) = (self.current.pid, self.current.credentials.user.real);
            self.current.signals.raise(Target::Thread, SigInfo::sent(Signal::PIPE, SigCode::SI_USER, pid, uid));
        }
        e
    }

    /// `EAGAIN` of a file without O_NONBLOCK becomes a wait for what is wanted of it.
    pub(super) fn or_wait(&mut self, file: OpenFileId, wanted: Ready, e: Errno, done: u64) -> Errno {
        if e != Errno::EAGAIN || self.vfs.file_flags(file).contains(OpenFlags::NONBLOCK) {
            return e;
        }
        if self.vfs.channel_for(file, wanted).is_none() {
            return e;
        }
        let mut watched = Watched::default();
        self.watch(&mut watched, file, wanted);
        self.wait(watched.wait().done(done))
    }

    /// True if a read may go on with the next part without waiting.
    fn has_more_at_once(&mut self, file: OpenFileId) -> bool {
        self.vfs.ready(file, Ready::IN).is_ok_and(|ready| !ready.is_empty())
    }

    pub(super) fn sys_lseek(&mut self, _: &mut Hw<'_>, [fd, offset, whence, ..]: Args) -> SysResult {
        let file = self.file(fd)?;
        let negative = Err(Errno::ENXIO);
        let to = match whence as u32 {
            0 if offset > i64::MAX as u64 && !self.is_memory(file) => return Err(Errno::EINVAL),
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

    /// True for the memory of a process, of which the upper half has addresses too.
    fn is_memory(&self, file: OpenFileId) -> bool {
        matches!(self.vfs.file(file).kind, FileKind::Proc(ProcFile::Process(_, ProcessFile::Mem)))
    }

    pub(super) fn sys_sendfile(&mut self, hw: &mut Hw<'_>, [out, input, offset, count, ..]: Args) -> SysResult {
        let (out, input) = (self.file(out)?, self.file(input)?);
        let from = self.user_position(hw, offset)?;
        if !self.vfs.file_flags(input).reads() || !self.vfs.file_flags(out).writes() {
            return Err(Errno::EBADF);
        }
        if !is_source(self.vfs.file(input).kind) || self.vfs.file_flags(out).contains(OpenFlags::APPEND) {
            return Err(Errno::EINVAL);
        }
        self.let_others_run(input, from)?;
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
    pub(super) fn user_position(&mut self, hw: &mut Hw<'_>, pointer: u64) -> Result<At, Errno> {
        if pointer == 0 {
            return Ok(At::Offset);
        }
        At::position(self.read_user_u64(hw, LinearAddr(pointer))?)
    }

    pub(super) fn store_position(&mut self, hw: &mut Hw<'_>, pointer: u64, from: At, done: u64) -> Result<(), Errno> {
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
        // What a stream has given cannot be put back, so no more is taken than a pipe with room takes whole.
        let can_give_back = !matches!(self.vfs.file(input).kind, FileKind::Stream(_));
        let mut chunk = vec![0; if can_give_back { CHUNK } else { PIPE_BUF }.min(left)];
        let mut done = 0;
        while left > 0 {
            if !self.vfs.ready(out, Ready::OUT)?.intersects(Ready::OUT | Ready::ERR | Ready::HUP) {
                let e = self.or_wait(out, Ready::OUT, Errno::EAGAIN, 0);
                return if done > 0 { Ok(done) } else { Err(e) };
            }
            let want = chunk.len().min(left);
            let got = match self.read_chunk(hw, input, from, &mut chunk[..want]) {
                Ok(0) => break,
                Ok(got) => got,
                Err(_) if done > 0 => break,
                Err(e) => return Err(self.or_wait(input, Ready::IN, e, 0)),
            };
            let put = match self.write_chunk(hw, out, to, &chunk[..got]) {
                Ok(put) => put,
                Err(e) => {
                    self.give_back(input, from, got);
                    if done > 0 {
                        return Ok(self.cut_off(e, done));
                    }
                    let e = self.refused(out, to, e);
                    return Err(self.or_wait(out, Ready::OUT, e, 0));
                }
            };
            self.give_back(input, from, got - put);
            (from, to) = (from.further(put), to.further(put));
            (left, done) = (left - put, done + put as u64);
            // A short read of a stream is all there is; what may follow, such as a terminal's end of file, is the next call's.
            if put < got || !can_give_back && got < want {
                break;
            }
        }
        Ok(done)
    }
}

/// Whether the bytes of a file can go elsewhere without passing through the program (sendfile, splice).
pub(super) const fn is_source(kind: FileKind) -> bool {
    matches!(kind, FileKind::Regular | FileKind::Device(_) | FileKind::Stream(_) | FileKind::Proc(_))
}

/// Where `preadv2` and `pwritev2` start. Of the flags only those are taken that change nothing here: RWF_HIPRI, RWF_DSYNC,
/// RWF_SYNC.
fn vectored_at(offset: u64, flags: u64) -> Result<At, Errno> {
    if flags & 0xffff_ffff & !7 != 0 {
        return Err(Errno::EOPNOTSUPP);
    }
    if offset == u64::MAX { Ok(At::Offset) } else { At::position(offset) }
}
