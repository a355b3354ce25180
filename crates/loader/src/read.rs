//! The bounded reader: all that the loader knows of a file.

/// A file that can be read at any offset. The kernel layer implements it over its page cache.
pub trait ReadAt {
    /// Length of the file in bytes.
    fn len(&self) -> u64;

    /// Reads into `buf` from `offset`; gives the number of bytes read, which is less than asked for only at the end of
    /// the file, and 0 beyond it.
    ///
    /// # Errors
    /// [`ReadError`] when the file cannot be read.
    fn read_at(&mut self, offset: u64, buf: &mut [u8]) -> Result<usize, ReadError>;

    /// Whether the file has no bytes.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// The file could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("read failed with errno {errno}")]
pub struct ReadError {
    /// Linux's number of the error, positive (`EIO` is 5).
    pub errno: i32,
}

impl ReadAt for &[u8] {
    fn len(&self) -> u64 {
        <[u8]>::len(self) as u64
    }

    fn read_at(&mut self, offset: u64, buf: &mut [u8]) -> Result<usize, ReadError> {
        let rest = usize::try_from(offset).ok().and_then(|o| self.get(o..)).unwrap_or_default();
        let count = rest.len().min(buf.len());
        buf[..count].copy_from_slice(&rest[..count]);
        Ok(count)
    }
}

/// Reads at most `count` bytes from `offset`: fewer only at the end of the file. The caller bounds `count`.
pub(crate) fn read_up_to(file: &mut dyn ReadAt, offset: u64, count: usize) -> Result<Vec<u8>, ReadError> {
    let available = file.len().saturating_sub(offset);
    let mut buf = vec![0; count.min(usize::try_from(available).unwrap_or(usize::MAX))];
    let mut filled = 0;
    while filled < buf.len() {
        match file.read_at(offset + filled as u64, &mut buf[filled..])? {
            0 => break,
            n => filled += n.min(buf.len() - filled),
        }
    }
    buf.truncate(filled);
    Ok(buf)
}

/// Reads exactly `count` bytes from `offset`; `None` if the file ends before.
pub(crate) fn read_exact(file: &mut dyn ReadAt, offset: u64, count: usize) -> Result<Option<Vec<u8>>, ReadError> {
    let bytes = read_up_to(file, offset, count)?;
    Ok((bytes.len() == count).then_some(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A reader that gives one byte at a time and lies about its length.
    struct Stingy<'a>(&'a [u8], u64);

    impl ReadAt for Stingy<'_> {
        fn len(&self) -> u64 {
            self.1
        }
        fn read_at(&mut self, offset: u64, buf: &mut [u8]) -> Result<usize, ReadError> {
            let one = buf.len().min(1);
            self.0.read_at(offset, &mut buf[..one])
        }
    }

    #[test]
    fn a_slice_reads_to_its_end_and_not_beyond() {
        let mut file: &[u8] = b"abcdef";
        assert_eq!(read_up_to(&mut file, 4, 10).unwrap(), b"ef");
        assert_eq!(read_up_to(&mut file, 6, 10).unwrap(), b"");
        assert_eq!(read_up_to(&mut file, u64::MAX, 10).unwrap(), b"");
        assert_eq!(read_exact(&mut file, 1, 3).unwrap().unwrap(), b"bcd");
        assert_eq!(read_exact(&mut file, 4, 3).unwrap(), None);
    }

    #[test]
    fn short_reads_are_continued_and_a_lying_length_does_no_harm() {
        assert_eq!(read_up_to(&mut Stingy(b"abcdef", 6), 1, 4).unwrap(), b"bcde");
        assert_eq!(read_up_to(&mut Stingy(b"abcdef", u64::MAX), 1, 100).unwrap(), b"bcdef");
        assert_eq!(read_exact(&mut Stingy(b"abcdef", 1000), 1, 100).unwrap(), None);
    }
}
