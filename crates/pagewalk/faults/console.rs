//! The standard streams of a program whose trace is made: always pipes, whatever pagewalk's own are, so that the trace does not depend on where it is
//! made. Input comes from a file that the trace names, or there is none.

use crate::error::Error;
use kernel::Errno;
use kernel::fs::{BufferConsole, Console, Meta, OpenFlags, Ready, Stream};
use pagewalk::ClearTerminal;
use pagewalk::trace::Header;
use std::io::{IsTerminal, Write, stderr, stdout};
use std::time::Duration;

/// What becomes of the program's output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Output {
    /// It goes where pagewalk's does.
    Shown,
    /// It is dropped.
    Dropped,
}

/// The streams.
pub(super) struct Pipes {
    input: BufferConsole,
    output: Output,
    /// Called before the program's output is first shown on a terminal.
    clear: Option<ClearTerminal>,
}

impl Pipes {
    /// Those of a program whose trace this heads.
    pub(super) fn of(header: &Header, output: Output, clear: ClearTerminal) -> Result<Self, Error> {
        let read = |path: &String| std::fs::read(path).map_err(|cause| Error::ReadFile { path: path.clone(), cause });
        let input = header.input.as_ref().map(read).transpose()?.unwrap_or_default();
        Ok(Self { input: BufferConsole::new(input), output, clear: Some(clear) })
    }

    fn show(&mut self, mut to: impl Write + IsTerminal, bytes: &[u8]) {
        if self.clear.is_some() && to.is_terminal() {
            self.clear.take().into_iter().for_each(|clear| clear());
        }
        // That nobody reads on must not change the run, so what the host says is not passed on.
        let _ = to.write_all(bytes).and_then(|()| to.flush());
    }
}

impl Console for Pipes {
    fn read(&mut self, stream: Stream, buf: &mut [u8]) -> Result<usize, Errno> {
        self.input.read(stream, buf)
    }

    fn write(&mut self, stream: Stream, bytes: &[u8]) -> Result<usize, Errno> {
        match (self.output, stream) {
            (_, Stream::In) => return Err(Errno::EBADF),
            (Output::Dropped, _) => {}
            (Output::Shown, Stream::Out) => self.show(stdout(), bytes),
            (Output::Shown, Stream::Err) => self.show(stderr(), bytes),
        }
        Ok(bytes.len())
    }

    fn stat(&self, stream: Stream) -> Result<(Meta, Option<(u64, u64)>), Errno> {
        self.input.stat(stream)
    }

    fn flags(&self, stream: Stream) -> OpenFlags {
        self.input.flags(stream)
    }

    fn poll(&mut self, stream: Stream, wanted: Ready, wait: Option<Duration>) -> Result<Ready, Errno> {
        self.input.poll(stream, wanted, wait)
    }

    fn may_wait(&self, stream: Stream) -> bool {
        self.input.may_wait(stream)
    }

    fn poll_any(&mut self, wants: &[(Stream, Ready)], wait: Option<Duration>) -> Result<Vec<Stream>, Errno> {
        self.input.poll_any(wants, wait)
    }

    fn available(&self, stream: Stream) -> Result<u32, Errno> {
        self.input.available(stream)
    }
}
