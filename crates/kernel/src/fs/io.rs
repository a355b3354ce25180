//! Reading from and writing to open files of every kind.

use super::device::Device;
use super::file::{FileKind, OpenFileId, OpenFlags};
use super::pipe::{PipeEnd, PipeId};
use super::{FsCx, Vfs};
use crate::Errno;
use crate::fs::console::{Ready, Stream};
use std::time::Duration;

/// Where in a file a transfer starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum At {
    /// At the open file's offset, which moves.
    Offset,
    /// There; the offset stays.
    Position(u64),
}

impl Vfs {
    /// Reads from an open file.
    ///
    /// A read of an empty pipe gives `EAGAIN` whether or not the file is open with O_NONBLOCK: the caller decides.
    pub(crate) fn read(&mut self, cx: &mut FsCx<'_>, file: OpenFileId, at: At, buf: &mut [u8]) -> Result<usize, Errno> {
        let open = self.files.get(file);
        if !open.flags.reads() {
            return Err(Errno::EBADF);
        }
        match (open.kind, open.inode) {
            (FileKind::Regular, Some(inode)) => {
                let offset = self.place(file, at);
                let done = self.read_at(cx, inode, offset, buf)?;
                self.advance(file, at, offset, done);
                Ok(done)
            }
            (FileKind::Directory, _) => Err(Errno::EISDIR),
            (FileKind::Device(device), _) => Ok(self.read_device(device, buf)),
            (FileKind::Stream(stream), _) => self.read_stream(stream, open.flags, at, buf),
            (FileKind::Pipe(pipe, _), _) => match at {
                At::Offset => self.pipes[pipe.0 as usize].read(buf),
                At::Position(_) => Err(Errno::ESPIPE),
            },
            (FileKind::Regular | FileKind::Symlink, _) => Err(Errno::EINVAL),
        }
    }

    fn read_device(&mut self, device: Device, buf: &mut [u8]) -> usize {
        match device {
            Device::Zero | Device::Full => buf.fill(0),
            Device::Random | Device::Urandom => self.random.fill(buf),
            Device::Null | Device::Tty | Device::Std(_) => return 0,
        }
        buf.len()
    }

    fn read_stream(&mut self, stream: Stream, flags: OpenFlags, at: At, buf: &mut [u8]) -> Result<usize, Errno> {
        match at {
            At::Position(offset) => return self.console.read_at(stream, offset, buf),
            At::Offset if buf.is_empty() => return Ok(0),
            At::Offset => {}
        }
        if flags.contains(OpenFlags::NONBLOCK) {
            let ready = self.console.poll(stream, Ready::IN, Some(Duration::ZERO))?;
            if ready.is_empty() {
                return Err(Errno::EAGAIN);
            }
        }
        self.console.read(stream, buf)
    }

    /// Writes to an open file.
    ///
    /// A write to a full pipe gives `EAGAIN` whether or not the file is open with O_NONBLOCK: the caller decides.
    pub(crate) fn write(&mut self, cx: &mut FsCx<'_>, file: OpenFileId, at: At, bytes: &[u8]) -> Result<usize, Errno> {
        let open = self.files.get(file);
        if !open.flags.writes() {
            return Err(Errno::EBADF);
        }
        match (open.kind, open.inode) {
            (FileKind::Regular, Some(inode)) => {
                let offset = if open.flags.contains(OpenFlags::APPEND) {
                    self.refresh_from_host(inode)?;
                    self.inodes.get(inode).meta.size
                } else {
                    self.place(file, at)
                };
                let done = self.write_at(cx, inode, offset, bytes)?;
                self.advance(file, at, offset, done);
                Ok(done)
            }
            (FileKind::Device(Device::Full), _) => Err(Errno::ENOSPC),
            (FileKind::Device(_), _) => Ok(bytes.len()),
            (FileKind::Stream(stream), _) => match at {
                At::Offset => self.console.write(stream, bytes),
                At::Position(offset) => self.console.write_at(stream, offset, bytes),
            },
            (FileKind::Pipe(pipe, _), _) => match at {
                At::Offset => self.pipes[pipe.0 as usize].write(bytes),
                At::Position(_) => Err(Errno::ESPIPE),
            },
            (FileKind::Regular | FileKind::Directory | FileKind::Symlink, _) => Err(Errno::EBADF),
        }
    }

    fn place(&self, file: OpenFileId, at: At) -> u64 {
        match at {
            At::Offset => self.files.get(file).offset,
            At::Position(offset) => offset,
        }
    }

    fn advance(&mut self, file: OpenFileId, at: At, from: u64, done: usize) {
        if at == At::Offset {
            self.set_offset(file, from + done as u64);
        }
    }

    /// Bytes that can be read from a pipe without waiting.
    pub(crate) fn pipe_len(&self, pipe: PipeId) -> usize {
        self.pipes[pipe.0 as usize].len()
    }

    /// What an open file is ready for at once, standard streams apart: they are asked by way of the console.
    pub(crate) fn ready(&self, file: OpenFileId) -> Ready {
        match self.files.get(file).kind {
            FileKind::Pipe(pipe, end) => {
                let pipe = &self.pipes[pipe.0 as usize];
                let mut ready = Ready::empty();
                match end {
                    PipeEnd::Read => {
                        ready.set(Ready::IN, pipe.len() > 0);
                        ready.set(Ready::HUP, !pipe.has_writer);
                    }
                    PipeEnd::Write => {
                        ready.set(Ready::OUT, pipe.has_room());
                        ready.set(Ready::ERR, !pipe.has_reader);
                    }
                }
                ready
            }
            _ => Ready::IN | Ready::OUT,
        }
    }
}
