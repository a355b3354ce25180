//! The functions and instructions of a run, each once, whatever address spaces ran them.

use super::object_file::{Home, ObjectFile};
use crate::profile::{Function, FunctionNo, Place, PlaceNo, Space};
use arch::{FRAME_SIZE, LinearAddr};
use std::collections::{BTreeMap, HashMap};

/// Functions, instructions and the files that they come from, as far as they were asked for.
pub(super) struct Code<'a> {
    read: &'a mut dyn FnMut(&str) -> Option<Vec<u8>>,
    files: BTreeMap<String, Option<ObjectFile>>,
    function_numbers: HashMap<(String, Home), FunctionNo>,
    functions: Vec<Function>,
    place_numbers: HashMap<(FunctionNo, LinearAddr), PlaceNo>,
    places: Vec<Place>,
}

/// Where an instruction is in its file, or, without one, in its address space.
struct Location {
    /// The file, or what else the mapping is called.
    file: String,
    home: Home,
    address: LinearAddr,
}

impl<'a> Code<'a> {
    pub(super) fn new(read: &'a mut dyn FnMut(&str) -> Option<Vec<u8>>) -> Self {
        Self {
            read,
            files: BTreeMap::new(),
            function_numbers: HashMap::new(),
            functions: Vec::new(),
            place_numbers: HashMap::new(),
            places: Vec::new(),
        }
    }

    /// All functions and all instructions, in the order in which they were first asked for.
    pub(super) fn finish(self) -> (Vec<Function>, Vec<Place>) {
        (self.functions, self.places)
    }

    /// The instruction at an address of an address space.
    pub(super) fn place(&mut self, space: &Space, la: LinearAddr) -> PlaceNo {
        let at = self.locate(space, la);
        let number = self.function(&at);
        if let Some(known) = self.place_numbers.get(&(number, at.address)) {
            return *known;
        }
        let frames = self.known_file(&at.file).map(|file| file.frames_at(at.address)).unwrap_or_default();
        let place = PlaceNo(self.places.len() as u32);
        self.places.push(Place { function: number, address: at.address, frames });
        self.place_numbers.insert((number, at.address), place);
        place
    }

    fn function(&mut self, at: &Location) -> FunctionNo {
        let key = (at.file.clone(), at.home);
        if let Some(known) = self.function_numbers.get(&key) {
            return *known;
        }
        let number = FunctionNo(self.functions.len() as u32);
        let function = self.known_file(&at.file).map_or_else(|| page_without_file(at), |file| file.function(at.home));
        self.functions.push(function);
        self.function_numbers.insert(key, number);
        number
    }

    fn locate(&mut self, space: &Space, la: LinearAddr) -> Location {
        let mapping = space.mapping_at(la);
        let nowhere = if space.program.starts_with('[') { &space.program } else { "" };
        let name = mapping.map_or(nowhere, |mapping| mapping.name.as_str());
        let offset = mapping.map_or(0, |mapping| mapping.offset.wrapping_add(la.0 - mapping.start.0));
        let linked = self.file(name).and_then(|file| file.locate(offset));
        let (address, home) = linked.unwrap_or((la, Home::Page(la.page_base())));
        Location { file: name.into(), home, address }
    }

    /// A file, read when it is asked for first. Names of mappings without a file do not begin with a slash.
    fn file(&mut self, name: &str) -> Option<&ObjectFile> {
        if !name.starts_with('/') {
            return None;
        }
        if !self.files.contains_key(name) {
            let file = (self.read)(name).and_then(|bytes| ObjectFile::parse(name, bytes));
            self.files.insert(name.to_owned(), file);
        }
        self.known_file(name)
    }

    /// A file that was asked for before.
    fn known_file(&self, name: &str) -> Option<&ObjectFile> {
        self.files.get(name).and_then(Option::as_ref)
    }
}

/// Code of which no bytes are known: its page stands for its function.
fn page_without_file(at: &Location) -> Function {
    Function { name: None, file: at.file.clone(), start: at.home.start(), length: FRAME_SIZE, code: Vec::new() }
}
