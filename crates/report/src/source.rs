//! Lines of source files, where a profile names them and they are found on the host.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;

/// No source file is read beyond this.
const MOST_BYTES: u64 = 16 << 20;

/// The files that were asked for so far.
#[derive(Clone, Debug, Default)]
pub struct Sources(BTreeMap<String, Option<Vec<String>>>);

impl Sources {
    /// A line of a file, from 1. `None` if there is no such file or line.
    pub fn line(&mut self, file: &str, line: u32) -> Option<&str> {
        let lines = self.0.entry(file.to_owned()).or_insert_with(|| read(file)).as_ref()?;
        let index = usize::try_from(line).ok()?.checked_sub(1)?;
        lines.get(index).map(String::as_str)
    }
}

fn read(path: &str) -> Option<Vec<String>> {
    // What is no regular file might never open, or never end.
    std::fs::metadata(path).ok().filter(std::fs::Metadata::is_file)?;
    let file = File::open(path).ok()?;
    let mut bytes = Vec::new();
    file.take(MOST_BYTES).read_to_end(&mut bytes).ok()?;
    Some(String::from_utf8_lossy(&bytes).lines().map(printable).collect())
}

fn printable(line: &str) -> String {
    crate::text::printable(&line.replace('\t', "    "))
}
