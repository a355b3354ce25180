//! Pipes: a bounded buffer between two open files.

use std::collections::VecDeque;

use crate::Errno;

/// What a pipe holds, in bytes (Linux's default).
const CAPACITY: usize = 64 << 10;

/// The number of a pipe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct PipeId(pub(super) u32);

/// Which end of a pipe an open file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PipeEnd {
    Read,
    Write,
}

/// A pipe. An end is open as long as an open file is that end.
#[derive(Debug)]
pub(super) struct Pipe {
    bytes: VecDeque<u8>,
    pub(super) has_reader: bool,
    pub(super) has_writer: bool,
}

impl Pipe {
    pub(super) const fn new() -> Self {
        Self { bytes: VecDeque::new(), has_reader: true, has_writer: true }
    }

    /// Bytes to be read.
    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    pub(super) fn has_room(&self) -> bool {
        self.bytes.len() < CAPACITY
    }

    /// Takes what is there; 0 at the end; `EAGAIN` if the writer has more to say.
    pub(super) fn read(&mut self, buf: &mut [u8]) -> Result<usize, Errno> {
        if self.bytes.is_empty() && self.has_writer {
            return Err(Errno::EAGAIN);
        }
        let len = buf.len().min(self.bytes.len());
        for (to, from) in buf.iter_mut().zip(self.bytes.drain(..len)) {
            *to = from;
        }
        Ok(len)
    }

    /// Puts in what there is room for; `EAGAIN` if there is none, `EPIPE` if nobody reads.
    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<usize, Errno> {
        if !self.has_reader {
            return Err(Errno::EPIPE);
        }
        let len = bytes.len().min(CAPACITY - self.bytes.len());
        if len == 0 && !bytes.is_empty() {
            return Err(Errno::EAGAIN);
        }
        self.bytes.extend(&bytes[..len]);
        Ok(len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pipe_is_bounded_and_ends_with_its_writer() {
        let mut pipe = Pipe::new();
        assert_eq!(pipe.read(&mut [0; 4]), Err(Errno::EAGAIN));
        assert_eq!(pipe.write(&vec![7; CAPACITY + 1]), Ok(CAPACITY));
        assert_eq!(pipe.write(b"x"), Err(Errno::EAGAIN));
        let mut buf = vec![0; CAPACITY];
        assert_eq!(pipe.read(&mut buf), Ok(CAPACITY));
        assert!(buf.iter().all(|&b| b == 7));
        pipe.has_writer = false;
        assert_eq!(pipe.read(&mut buf), Ok(0));
        pipe.has_reader = false;
        assert_eq!(pipe.write(b"x"), Err(Errno::EPIPE));
    }
}
