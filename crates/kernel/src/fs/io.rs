//! Reading from and writing to open files of every kind.

use super::device::Device;
use super::file::{FileKind, OpenFileId, OpenFlags};
use super::{FsCx, InodeId, Vfs};
use crate::Errno;
use crate::fs::console::{Ready, Stream};
use crate::wait::Channel;
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
    /// What has nothing to give yet gives `EAGAIN` whether or not the file is open with O_NONBLOCK: the caller decides
    /// whether to wait on the file's [`Self::channel_for`] it.
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
            (FileKind::Stream(stream), _) => self.read_stream(stream, at, buf),
            (FileKind::Pipe(_) | FileKind::Event | FileKind::Timer | FileKind::Signal | FileKind::Socket(_), _)
                if at != At::Offset =>
            {
                Err(Errno::ESPIPE)
            }
            (FileKind::Pipe(pipe), _) => self.read_pipe(pipe, buf),
            (FileKind::Timer, _) => self.read_timer(file, buf),
            // Messages are received and signals taken, which is more than reading.
            (FileKind::Socket(_) | FileKind::Signal | FileKind::Epoll | FileKind::Pid, _) => Err(Errno::EINVAL),
            (FileKind::Event, _) => self.read_event(file, buf),
            (FileKind::Proc(_), _) => Ok(self.read_text(file, at, buf)),
            (FileKind::Regular | FileKind::Symlink | FileKind::Fifo, _) => Err(Errno::EINVAL),
        }
    }

    fn read_device(&mut self, device: Device, buf: &mut [u8]) -> usize {
        match device {
            Device::Zero | Device::Full => buf.fill(0),
            Device::Random | Device::Urandom => self.random.fill(buf),
            Device::Null | Device::Tty => return 0,
        }
        buf.len()
    }

    fn read_stream(&mut self, stream: Stream, at: At, buf: &mut [u8]) -> Result<usize, Errno> {
        match at {
            At::Position(offset) => return self.console.read_at(stream, offset, buf),
            At::Offset if buf.is_empty() => return Ok(0),
            At::Offset => {}
        }
        if self.console.may_wait(stream) {
            let ready = self.console.poll(stream, Ready::IN, Some(Duration::ZERO))?;
            if ready.is_empty() {
                return Err(Errno::EAGAIN);
            }
        }
        self.console.read(stream, buf)
    }

    /// Reads from a text of /proc as it was made last.
    fn read_text(&mut self, file: OpenFileId, at: At, buf: &mut [u8]) -> usize {
        let Some(text) = self.files.get(file).text.clone() else { return 0 };
        let offset = self.place(file, at);
        let from = usize::try_from(offset).unwrap_or(usize::MAX).min(text.len());
        let len = buf.len().min(text.len() - from);
        buf[..len].copy_from_slice(&text[from..from + len]);
        self.advance(file, at, offset, len);
        len
    }

    /// Writes to an open file.
    ///
    /// What has no room gives `EAGAIN`, as for [`Self::read`].
    pub(crate) fn write(&mut self, cx: &mut FsCx<'_>, file: OpenFileId, at: At, bytes: &[u8]) -> Result<usize, Errno> {
        let open = self.files.get(file);
        if !open.flags.writes() {
            return Err(Errno::EBADF);
        }
        match (open.kind, open.inode) {
            (FileKind::Regular, Some(inode)) => {
                let offset = self.place_of_write(file, inode, at)?;
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
            (FileKind::Pipe(_) | FileKind::Event | FileKind::Socket(_), _) if at != At::Offset => Err(Errno::ESPIPE),
            (FileKind::Pipe(pipe), _) => self.write_pipe(pipe, bytes),
            (FileKind::Socket(id), _) => self.socket_send(id, bytes, &mut Vec::new()),
            (FileKind::Event, _) => self.write_event(file, bytes),
            // These texts say how things are; none of them sets anything.
            (FileKind::Proc(_) | FileKind::Timer | FileKind::Signal | FileKind::Epoll | FileKind::Pid, _) => {
                Err(Errno::EINVAL)
            }
            (FileKind::Regular | FileKind::Directory | FileKind::Symlink | FileKind::Fifo, _) => Err(Errno::EBADF),
        }
    }

    /// Where a write to a regular file starts; `None` for files of other kinds.
    pub(crate) fn start_of_write(&mut self, file: OpenFileId, at: At) -> Result<Option<u64>, Errno> {
        match (self.files.get(file).kind, self.files.get(file).inode) {
            (FileKind::Regular, Some(inode)) => self.place_of_write(file, inode, at).map(Some),
            _ => Ok(None),
        }
    }

    fn place_of_write(&mut self, file: OpenFileId, inode: InodeId, at: At) -> Result<u64, Errno> {
        if self.files.get(file).flags.contains(OpenFlags::APPEND) {
            self.refresh_from_host(inode)?;
            return Ok(self.inodes.get(inode).meta.size);
        }
        Ok(self.place(file, at))
    }

    pub(crate) fn place(&self, file: OpenFileId, at: At) -> u64 {
        match at {
            At::Offset => self.files.get(file).offset,
            At::Position(offset) => offset,
        }
    }

    pub(crate) fn advance(&mut self, file: OpenFileId, at: At, from: u64, done: usize) {
        if at == At::Offset {
            self.set_offset(file, from + done as u64);
        }
    }

    /// What a process waits on that wants this of a file; `None` for files that never make anybody wait.
    pub(crate) fn channel_for(&mut self, file: OpenFileId, wanted: Ready) -> Option<Channel> {
        match self.files.get(file).kind {
            FileKind::Pipe(pipe) => Some(Channel::Pipe(pipe)),
            FileKind::Event | FileKind::Timer | FileKind::Signal | FileKind::Epoll | FileKind::Pid => {
                Some(Channel::Event(file))
            }
            FileKind::Socket(id) => Some(Channel::Socket(id)),
            FileKind::Stream(stream) => {
                self.stream_wants[stream as usize] |= wanted;
                Some(Channel::Stream(stream))
            }
            _ => None,
        }
    }

    /// Asks the host, for at most `wait`, which of these streams are ready for what somebody waits for
    /// ([`Self::channel_for`]), and wakes their channels.
    ///
    /// # Errors
    /// `EINTR` if the wait was interrupted from outside.
    pub(crate) fn poll_streams(&mut self, streams: &[Stream], wait: Option<Duration>) -> Result<Vec<Stream>, Errno> {
        let wants: Vec<_> = streams.iter().map(|&stream| (stream, self.stream_wants[stream as usize])).collect();
        let ready = self.console.poll_any(&wants, wait)?;
        for &stream in &ready {
            self.stream_wants[stream as usize] = Ready::empty();
            self.wake(Channel::Stream(stream));
        }
        Ok(ready)
    }

    /// What an open file is ready for at once; of a stream only whether it is in `wanted`.
    ///
    /// # Errors
    /// `EINTR` if asking the host was interrupted from outside.
    pub(crate) fn ready(&mut self, file: OpenFileId, wanted: Ready) -> Result<Ready, Errno> {
        Ok(match self.files.get(file).kind {
            FileKind::Pipe(pipe) => self.pipe_ready(file, pipe),
            FileKind::Event => self.event_ready(file),
            FileKind::Timer => self.timer_ready(file),
            FileKind::Pid => self.pid_ready(file),
            FileKind::Socket(id) => self.socket_ready(id),
            FileKind::Stream(stream) => return self.console.poll(stream, wanted, Some(Duration::ZERO)),
            _ => Ready::IN | Ready::OUT,
        })
    }
}
