//! Case files: JSON lines, compressed with gzip or not.

use crate::Case;
use flate2::read::MultiGzDecoder;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Lines, Read};
use std::path::Path;
use thiserror::Error;

/// Why a case file cannot be used.
#[derive(Debug, Error)]
pub enum CaseError {
    /// The file cannot be read.
    #[error("the case file cannot be read")]
    Io(#[from] io::Error),
    /// A line is no case.
    #[error("line {line} is no case")]
    Line {
        /// The line's number, from 1 on.
        line: usize,
        /// What is wrong with it.
        source: serde_json::Error,
    },
}

/// The cases of a file, one by one.
pub struct Cases {
    lines: Lines<Box<dyn BufRead>>,
    line: usize,
}

/// Opens a case file. Whether it is compressed is told by its first bytes, not by its name.
///
/// # Errors
/// [`CaseError::Io`] if it cannot be opened.
pub fn read(path: &Path) -> Result<Cases, CaseError> {
    Ok(from_reader(BufReader::new(File::open(path)?))?)
}

fn from_reader(mut input: impl BufRead + 'static) -> io::Result<Cases> {
    let gzip = input.fill_buf()?.starts_with(&[0x1f, 0x8b]);
    let input: Box<dyn Read> = if gzip { Box::new(MultiGzDecoder::new(input)) } else { Box::new(input) };
    let input: Box<dyn BufRead> = Box::new(BufReader::new(input));
    Ok(Cases { lines: input.lines(), line: 0 })
}

impl Cases {
    /// The number of the line that the last case came from, from 1 on.
    #[must_use]
    pub const fn line(&self) -> usize {
        self.line
    }
}

impl Iterator for Cases {
    type Item = Result<Case, CaseError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            self.line += 1;
            match self.lines.next()? {
                Err(e) => return Some(Err(e.into())),
                Ok(text) if text.trim().is_empty() => {}
                Ok(text) => {
                    let line = self.line;
                    return Some(serde_json::from_str(&text).map_err(|source| CaseError::Line { line, source }));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use std::io::Write;

    const LINE: &str = r#"{"id":1,"mode":"long4","maxphy":36,"gb1":0,"cpl":3,"cr0":"0x80010033","cr3":"0x402000",
        "cr4":"0x2006a0","efer":"0xd00","ac":0,"access":"read","size":1,"lock":0,"la":"0x2c30eda54686",
        "mem":[["0x4022c0","0x200040300f",4]],"out":{"kind":"pf","err":13,"cr2":"0x2c30eda54686","mmio":[],"chg":[]},
        "trust":"full","hw":{"kind":"pf","err":13,"cr2":"0x2c30eda54686","chg":[]}}"#;

    fn ids(bytes: Vec<u8>) -> Vec<Result<u64, usize>> {
        let cases = from_reader(io::Cursor::new(bytes)).unwrap();
        let id = |case: Result<Case, CaseError>| match case {
            Ok(case) => Ok(case.id),
            Err(CaseError::Line { line, .. }) => Err(line),
            Err(CaseError::Io(_)) => Err(0),
        };
        cases.map(id).collect()
    }

    #[test]
    fn a_file_may_be_compressed() {
        let line = LINE.replace('\n', "");
        let mut gz = GzEncoder::new(Vec::new(), Compression::fast());
        gz.write_all(line.as_bytes()).unwrap();
        assert_eq!(ids(gz.finish().unwrap()), [Ok(1)]);
        assert_eq!(ids(line.into_bytes()), [Ok(1)]);
    }

    #[test]
    fn a_line_that_is_no_case_is_named() {
        let line = LINE.replace('\n', "");
        assert_eq!(ids(format!("{line}\n\n{{}}\n{line}\n").into_bytes()), [Ok(1), Err(3), Ok(1)]);
    }

    #[test]
    fn damaged_gzip_is_an_error() {
        assert_eq!(ids(vec![0x1f, 0x8b, 0, 1]), [Err(0)]);
    }
}
