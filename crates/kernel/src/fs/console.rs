//! The standard streams: what the guest's descriptors 0, 1 and 2 are connected to.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use super::file::OpenFlags;
use super::meta::{Kind, Meta, Timestamp};
use crate::Errno;

/// A standard stream; as a number its descriptor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stream {
    /// Standard input.
    In = 0,
    /// Standard output.
    Out = 1,
    /// Standard error.
    Err = 2,
}

impl Stream {
    /// All three.
    pub const ALL: [Self; 3] = [Self::In, Self::Out, Self::Err];
}

/// Where a seek starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seek {
    /// `SEEK_SET`: this offset.
    Start(u64),
    /// `SEEK_CUR`: from where the file is.
    Current(i64),
    /// `SEEK_END`: from the end.
    End(i64),
    /// `SEEK_DATA`: the next byte that is not in a hole.
    Data(u64),
    /// `SEEK_HOLE`: the next hole.
    Hole(u64),
}

bitflags::bitflags! {
    /// What a file is ready for (the events of `poll`, with Linux's values).
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct Ready: u16 {
        /// A read would not wait.
        const IN = 1;
        /// A write would not wait.
        const OUT = 4;
        /// The other end reports an error.
        const ERR = 8;
        /// The other end is closed.
        const HUP = 0x10;
        /// The other end sends no more (POLLRDHUP).
        const RDHUP = 0x2000;
    }
}

/// A terminal's size (`struct winsize`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WindowSize {
    /// Rows of characters.
    pub rows: u16,
    /// Columns of characters.
    pub columns: u16,
    /// Width in pixels.
    pub x_pixels: u16,
    /// Height in pixels.
    pub y_pixels: u16,
}

/// A terminal's settings: Linux's `struct termios` of the TCGETS call, with its bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TerminalSettings {
    /// `c_iflag`, `c_oflag`, `c_cflag`, `c_lflag`.
    pub modes: [u32; 4],
    /// `c_line`.
    pub line: u8,
    /// `c_cc`.
    pub codes: [u8; 19],
}

/// When new settings of a terminal hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SettingsWhen {
    /// TCSETS: at once.
    Now,
    /// TCSETSW: once the output is written.
    Drain,
    /// TCSETSF: once the output is written; input not yet read is lost.
    Flush,
}

/// What the standard streams are connected to. Errors are those that the guest sees.
pub trait Console {
    /// Reads what is there, waiting for at least a byte; 0 at the end.
    ///
    /// # Errors
    /// `EINTR` if the wait was interrupted from outside; what the host says.
    fn read(&mut self, stream: Stream, buf: &mut [u8]) -> Result<usize, Errno>;

    /// Writes some of `bytes`.
    ///
    /// # Errors
    /// `EPIPE` if nobody reads; `ENOSPC`; `EINTR`; what the host says.
    fn write(&mut self, stream: Stream, bytes: &[u8]) -> Result<usize, Errno>;

    /// What `fstat` says of the stream, and the host's device and inode number if it is a file.
    ///
    /// # Errors
    /// `EBADF` if the stream is closed: then the guest has no such descriptor.
    fn stat(&self, stream: Stream) -> Result<(Meta, Option<(u64, u64)>), Errno>;

    /// Where on the host the stream's file is, if it is one and the host says.
    fn path(&self, _stream: Stream) -> Option<std::path::PathBuf> {
        None
    }

    /// How the stream is open: access mode, O_APPEND, O_NONBLOCK.
    fn flags(&self, stream: Stream) -> OpenFlags;

    /// Waits until the stream is ready for something in `wanted`, at most `wait` (for ever if `None`); says for what.
    ///
    /// # Errors
    /// `EINTR` if the wait was interrupted from outside.
    fn poll(&mut self, stream: Stream, wanted: Ready, wait: Option<Duration>) -> Result<Ready, Errno>;

    /// True if a read of the stream may have to wait: for a terminal, a pipe, a socket; not for a file or /dev/null.
    fn may_wait(&self, stream: Stream) -> bool;

    /// Waits until one of several streams is ready for something that is wanted of it, at most `wait` (for ever if `None`).
    /// Gives those that are, in the order asked; none if the time is up.
    ///
    /// # Errors
    /// `EINTR` if the wait was interrupted from outside.
    fn poll_any(&mut self, wants: &[(Stream, Ready)], wait: Option<Duration>) -> Result<Vec<Stream>, Errno>;

    /// Moves the offset of a stream that is a file.
    ///
    /// # Errors
    /// `ESPIPE` for what has no offset.
    fn seek(&mut self, _stream: Stream, _to: Seek) -> Result<u64, Errno> {
        Err(Errno::ESPIPE)
    }

    /// Reads at an offset from a stream that is a file.
    ///
    /// # Errors
    /// `ESPIPE` for what has no offset.
    fn read_at(&mut self, _stream: Stream, _offset: u64, _buf: &mut [u8]) -> Result<usize, Errno> {
        Err(Errno::ESPIPE)
    }

    /// Writes at an offset to a stream that is a file.
    ///
    /// # Errors
    /// `ESPIPE` for what has no offset.
    fn write_at(&mut self, _stream: Stream, _offset: u64, _bytes: &[u8]) -> Result<usize, Errno> {
        Err(Errno::ESPIPE)
    }

    /// Sets the length of a stream that is a file.
    ///
    /// # Errors
    /// `EINVAL` for what has no length.
    fn set_size(&mut self, _stream: Stream, _size: u64) -> Result<(), Errno> {
        Err(Errno::EINVAL)
    }

    /// Bytes that can be read without waiting (FIONREAD).
    ///
    /// # Errors
    /// `ENOTTY` for what cannot say.
    fn available(&self, stream: Stream) -> Result<u32, Errno>;

    /// The settings of the terminal.
    ///
    /// # Errors
    /// `ENOTTY` if the stream is none.
    fn terminal(&self, _stream: Stream) -> Result<TerminalSettings, Errno> {
        Err(Errno::ENOTTY)
    }

    /// Changes the settings of the terminal.
    ///
    /// # Errors
    /// `ENOTTY` if the stream is none.
    fn set_terminal(&mut self, _: Stream, _: SettingsWhen, _: &TerminalSettings) -> Result<(), Errno> {
        Err(Errno::ENOTTY)
    }

    /// The size of the terminal.
    ///
    /// # Errors
    /// `ENOTTY` if the stream is none.
    fn window_size(&self, _stream: Stream) -> Result<WindowSize, Errno> {
        Err(Errno::ENOTTY)
    }
}

/// What a guest has written to a [`BufferConsole`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Captured {
    /// To standard output.
    pub out: Vec<u8>,
    /// To standard error.
    pub err: Vec<u8>,
}

/// Standard streams in memory: input that was given, output that is kept. They look like pipes.
#[derive(Debug, Default)]
pub struct BufferConsole {
    input: Vec<u8>,
    at: usize,
    captured: Rc<RefCell<Captured>>,
}

impl BufferConsole {
    /// Streams of which the first holds `input`.
    #[must_use]
    pub fn new(input: impl Into<Vec<u8>>) -> Self {
        Self { input: input.into(), ..Self::default() }
    }

    /// A handle on the output, to be kept when the console is handed over.
    #[must_use]
    pub fn captured(&self) -> Rc<RefCell<Captured>> {
        Rc::clone(&self.captured)
    }
}

impl Console for BufferConsole {
    fn read(&mut self, stream: Stream, buf: &mut [u8]) -> Result<usize, Errno> {
        if stream != Stream::In {
            return Err(Errno::EBADF);
        }
        let left = &self.input[self.at..];
        let len = left.len().min(buf.len());
        buf[..len].copy_from_slice(&left[..len]);
        self.at += len;
        Ok(len)
    }

    fn write(&mut self, stream: Stream, bytes: &[u8]) -> Result<usize, Errno> {
        let mut captured = self.captured.borrow_mut();
        match stream {
            Stream::In => return Err(Errno::EBADF),
            Stream::Out => captured.out.extend_from_slice(bytes),
            Stream::Err => captured.err.extend_from_slice(bytes),
        }
        Ok(bytes.len())
    }

    fn stat(&self, _stream: Stream) -> Result<(Meta, Option<(u64, u64)>), Errno> {
        let never = Timestamp::default();
        let (kind, permissions) = (Kind::Fifo, 0o600);
        let (uid, gid, nlink, size, blocks, rdev) = (0, 0, 1, 0, 0, 0);
        let (atime, mtime, ctime) = (never, never, never);
        Ok((Meta { kind, permissions, uid, gid, nlink, size, blocks, atime, mtime, ctime, rdev }, None))
    }

    fn flags(&self, stream: Stream) -> OpenFlags {
        if stream == Stream::In { OpenFlags::empty() } else { OpenFlags::WRONLY }
    }

    fn poll(&mut self, stream: Stream, wanted: Ready, _wait: Option<Duration>) -> Result<Ready, Errno> {
        let ready = match stream {
            Stream::In if self.at == self.input.len() => Ready::IN | Ready::HUP,
            Stream::In => Ready::IN,
            Stream::Out | Stream::Err => Ready::OUT,
        };
        Ok(ready & (wanted | Ready::HUP))
    }

    fn may_wait(&self, _stream: Stream) -> bool {
        false
    }

    fn poll_any(&mut self, wants: &[(Stream, Ready)], _wait: Option<Duration>) -> Result<Vec<Stream>, Errno> {
        let mut ready = Vec::new();
        for &(stream, wanted) in wants {
            if !self.poll(stream, wanted, None)?.is_empty() {
                ready.push(stream);
            }
        }
        Ok(ready)
    }

    fn available(&self, _stream: Stream) -> Result<u32, Errno> {
        Ok(u32::try_from(self.input.len() - self.at).unwrap_or(u32::MAX))
    }
}
