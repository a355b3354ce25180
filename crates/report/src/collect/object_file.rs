//! An ELF file with its symbols and line tables. Whatever it is, it gives names or none: no file is trusted.

use crate::profile::{Frame, Function};
use addr2line::{Context, demangle_auto};
use arch::{FRAME_SIZE, LinearAddr};
use gimli::{Dwarf, EndianReader, RunTimeEndian, SectionId};
use loader::{Linked, Symbols};
use object::{Object, ObjectSection};
use std::borrow::Cow;
use std::rc::Rc;

/// Of a function no more bytes are kept.
const MOST_CODE: u64 = 1 << 20;
/// No section of line tables is expanded beyond this.
const MOST_SECTION: u64 = 512 << 20;

type Reader = EndianReader<RunTimeEndian, Rc<[u8]>>;

/// Where code belongs: to a function, or, without a name, to its page. Each by its first byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Home {
    Function(LinearAddr),
    Page(LinearAddr),
}

impl Home {
    pub(super) const fn start(self) -> LinearAddr {
        match self {
            Self::Function(start) | Self::Page(start) => start,
        }
    }
}

/// A program or a library.
pub(super) struct ObjectFile {
    name: String,
    bytes: Vec<u8>,
    linked: Linked,
    symbols: Symbols,
    lines: Option<Context<Reader>>,
}

impl ObjectFile {
    /// `None` if it is no ELF file.
    pub(super) fn parse(name: &str, bytes: Vec<u8>) -> Option<Self> {
        let linked = Linked::read(&mut bytes.as_slice()).ok()?;
        let symbols = Symbols::read_linked(&mut bytes.as_slice(), &linked).unwrap_or_default();
        let lines = lines(&bytes);
        Some(Self { name: name.into(), bytes, linked, symbols, lines })
    }

    /// The address of a byte of the file, and where that belongs.
    pub(super) fn locate(&self, offset: u64) -> Option<(LinearAddr, Home)> {
        let address = self.linked.address_of(offset)?;
        let function = self.symbols.function_at(address);
        Some((address, function.map_or(Home::Page(address.page_base()), |(_, range)| Home::Function(range.start))))
    }

    /// A function or a page, with its bytes.
    pub(super) fn function(&self, home: Home) -> Function {
        let named = match home {
            Home::Function(start) => self.symbols.function_at(start),
            Home::Page(_) => None,
        };
        let start = home.start();
        let (name, length) = match named {
            Some((name, range)) => (Some(demangle_auto(name.into(), None).into_owned()), range.len()),
            None => (None, FRAME_SIZE),
        };
        let length = length.min(u64::MAX - start.0);
        let code = self.code(start, length.min(MOST_CODE)).to_vec();
        Function { name, file: self.name.clone(), start, length, code }
    }

    /// Where in the source an instruction comes from, the innermost function first.
    pub(super) fn frames_at(&self, address: LinearAddr) -> Vec<Frame> {
        let Some(lines) = &self.lines else { return Vec::new() };
        let Ok(mut found) = lines.find_frames(address.0).skip_all_loads() else { return Vec::new() };
        let mut frames = Vec::new();
        while let Ok(Some(frame)) = found.next() {
            let Some((file, line)) = frame.location.and_then(|at| Some((at.file?.to_owned(), at.line.unwrap_or(0))))
            else {
                continue;
            };
            let function = frame.function.and_then(|name| name.demangle().ok().map(Cow::into_owned));
            frames.push(Frame { function, file, line });
        }
        frames
    }

    /// The bytes at an address, as many as the file has of them.
    fn code(&self, start: LinearAddr, length: u64) -> &[u8] {
        let bytes = self.linked.offset_of(start).and_then(|offset| self.bytes.get(usize::try_from(offset).ok()?..));
        let bytes = bytes.unwrap_or_default();
        &bytes[..bytes.len().min(length as usize)]
    }
}

/// The line tables, if there are any that can be used.
fn lines(bytes: &[u8]) -> Option<Context<Reader>> {
    let file = object::File::parse(bytes).ok()?;
    file.section_by_name(".debug_info")?;
    let section = |id: SectionId| {
        let section = file.section_by_name(id.name());
        let packed = section.and_then(|section| section.compressed_data().ok());
        let within = packed.filter(|packed| packed.uncompressed_size <= MOST_SECTION);
        let data = within.and_then(|packed| packed.decompress().ok()).unwrap_or_default();
        Ok::<_, gimli::Error>(EndianReader::new(Rc::from(&*data), RunTimeEndian::Little))
    };
    Context::from_dwarf(Dwarf::load(section).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sample() -> Vec<u8> {
        std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/../../elf-samples/crc")).expect("the sample is there")
    }

    #[test]
    fn a_function_has_its_name_its_place_and_its_bytes() {
        let file = ObjectFile::parse("/crc", sample()).expect("an ELF file");
        let (address, home) = file.locate(0x1010).expect("code");
        assert_eq!((address, home), (LinearAddr(0x40_1010), Home::Function(LinearAddr(0x40_1000))));
        let function = file.function(home);
        assert_eq!((function.name.as_deref(), function.code.len() as u64), (Some("main"), function.length));
        assert_eq!(function.code[0], 0x53, "push rbx");
        assert_eq!(file.frames_at(address), [], "the samples have no line tables");
    }

    #[test]
    fn what_is_no_elf_file_has_no_names() {
        assert!(ObjectFile::parse("/text", b"#!/bin/sh\n".to_vec()).is_none());
        assert!(ObjectFile::parse("/empty", Vec::new()).is_none());
    }

    proptest! {
        #[test]
        fn a_damaged_file_gives_names_or_none(
            changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
            length in any::<prop::sample::Index>(),
        ) {
            let mut bytes = sample();
            for (at, byte) in changes {
                // Mostly headers and tables.
                let at = at.index(bytes.len());
                let at = if at % 2 == 0 { at % 512 } else { at };
                bytes[at] = byte;
            }
            bytes.truncate(bytes.len() - length.index(2) * length.index(4096));
            if let Some(file) = ObjectFile::parse("/damaged", bytes) {
                for offset in [0, 0x1000, 0x1010, 0x1fff, 0x2000, u64::MAX] {
                    if let Some((address, home)) = file.locate(offset) {
                        let function = file.function(home);
                        prop_assert!(function.code.len() as u64 <= function.length);
                        file.frames_at(address);
                    }
                }
            }
        }
    }
}
