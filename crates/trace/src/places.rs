//! Places in code, and their names: functions of the files that the code came from, found at the end of the run.

use crate::record::{PlaceEntry, PlaceNo};
use foldhash::fast::FixedState;
use loader::{Linked, Symbols};
use std::collections::{BTreeMap, HashMap};

/// A place as it is known while the program runs.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum RawPlace {
    /// A byte of a file, by the file's number. Of a fetch just the function is told: where in it a page ends is chance.
    File(FileNo, u64, Precision),
    /// A byte of a mapping that is no file, by its label.
    Mapping(String, i64),
    /// The kernel layer, on behalf of a system call.
    Call(String),
    /// Nobody.
    Nowhere,
}

/// A file that code comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct FileNo(u32);

/// How exactly a place is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Precision {
    /// To the byte.
    Byte,
    /// By its function.
    Function,
}

/// Places, each once.
#[derive(Clone, Debug, Default)]
pub(crate) struct Places {
    numbers: HashMap<RawPlace, PlaceNo, FixedState>,
    all: Vec<RawPlace>,
    file_numbers: HashMap<String, FileNo, FixedState>,
    files: Vec<String>,
}

impl Places {
    /// The number of a file.
    pub(crate) fn file(&mut self, path: &str) -> FileNo {
        if let Some(number) = self.file_numbers.get(path) {
            return *number;
        }
        let number = FileNo(self.files.len() as u32);
        self.files.push(path.to_owned());
        self.file_numbers.insert(path.to_owned(), number);
        number
    }

    /// The number of a place.
    pub(crate) fn number(&mut self, place: RawPlace) -> PlaceNo {
        if let Some(number) = self.numbers.get(&place) {
            return *number;
        }
        let number = PlaceNo(self.all.len() as u32);
        self.all.push(place.clone());
        self.numbers.insert(place, number);
        number
    }

    /// Names them all. `read` gives the bytes of a file that the guest sees, if they can be had.
    pub(crate) fn name(&self, read: &mut dyn FnMut(&str) -> Option<Vec<u8>>) -> Vec<PlaceEntry> {
        let mut files = Files { paths: &self.files, read, known: BTreeMap::new() };
        self.all.iter().map(|place| files.name(place)).collect()
    }
}

/// Files that code came from, as far as they were asked for.
struct Files<'a> {
    paths: &'a [String],
    read: &'a mut dyn FnMut(&str) -> Option<Vec<u8>>,
    known: BTreeMap<String, Option<(Linked, Symbols)>>,
}

impl Files<'_> {
    fn name(&mut self, place: &RawPlace) -> PlaceEntry {
        match place {
            RawPlace::File(file, offset, precision) => {
                let path = &self.paths[file.0 as usize];
                let (name, offset) =
                    self.function(path, *offset).unwrap_or_else(|| (base_name(path).to_owned(), *offset));
                PlaceEntry { name, offset: (*precision == Precision::Byte).then_some(offset) }
            }
            RawPlace::Mapping(label, offset) => PlaceEntry { name: label.clone(), offset: Some(*offset as u64) },
            RawPlace::Call(name) => PlaceEntry { name: format!("{name}()"), offset: None },
            RawPlace::Nowhere => PlaceEntry { name: String::new(), offset: None },
        }
    }

    fn function(&mut self, path: &str, offset: u64) -> Option<(String, u64)> {
        if !self.known.contains_key(path) {
            let file = (self.read)(path).and_then(|bytes| parse(&bytes));
            self.known.insert(path.to_owned(), file);
        }
        let (linked, symbols) = self.known[path].as_ref()?;
        let (name, within) = symbols.lookup(linked.address_of(offset)?)?;
        // Rust's names end in a hash of the compilation, which `#` leaves out.
        let name = rustc_demangle::try_demangle(name).map_or_else(|_| name.to_owned(), |name| format!("{name:#}"));
        Some((name, within))
    }
}

fn parse(bytes: &[u8]) -> Option<(Linked, Symbols)> {
    let linked = Linked::read(&mut &*bytes).ok()?;
    let symbols = Symbols::read_linked(&mut &*bytes, &linked).unwrap_or_default();
    Some((linked, symbols))
}

/// The last part of a path.
pub(crate) fn base_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}
