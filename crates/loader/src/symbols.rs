//! Names of addresses, for reports: the functions of `.symtab`, or of `.dynsym` if the file is stripped.
//!
//! Read on demand and never needed to run a program. Nothing here trusts the file: tables are bounded by the file's length
//! and by a cap, names are cut out at look-up and are bounded too. Of several names for one address the choice is fixed:
//! a sized symbol before one without, a function before the rest, global before weak before local, the fewest leading underscores,
//! the first in the table.

use crate::elf::header::{self, ELF64};
use crate::{AddrRange, Linked, LoadPlan, ReadAt, ReadError, format, read};
use arch::LinearAddr;
use goblin::elf::section_header::{SHN_UNDEF, SHT_DYNSYM, SHT_STRTAB, SHT_SYMTAB};
use goblin::elf::sym::{STB_GLOBAL, STB_WEAK, STT_FUNC, STT_GNU_IFUNC, STT_NOTYPE, Sym};
use goblin::elf::{SectionHeader, Symtab};
use goblin::elf64::section_header::SIZEOF_SHDR;
use goblin::elf64::sym::SIZEOF_SYM;

/// At most a million symbols are read.
const MAX_SYMBOL_BYTES: usize = SIZEOF_SYM << 20;
/// At most 64 MiB of names are read.
const MAX_NAME_BYTES: usize = 64 << 20;
/// A longer name is cut.
const MAX_NAME: usize = 1024;

/// The symbol table cannot be used. A report then goes without names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SymbolError {
    /// Reading the file failed.
    #[error("cannot read the symbol table")]
    Read(#[from] ReadError),
    /// The section headers do not say where the symbols are.
    #[error("the section headers are damaged")]
    SectionHeaders,
    /// The symbols or their names lie beyond the end of the file.
    #[error("the symbol table is cut off or damaged")]
    Table,
}

/// The functions of one program, by address.
#[derive(Clone, Debug, Default)]
pub struct Symbols {
    /// Sorted by address, each address once.
    functions: Vec<Function>,
    /// The string table that names are offsets into.
    names: Vec<u8>,
}

#[derive(Clone, Copy, Debug)]
struct Function {
    start: u64,
    /// The first address beyond; for a symbol without a size, where the next begins.
    end: u64,
    name: u32,
}

impl Symbols {
    /// Reads the symbols of the program that `plan` was made of. A stripped file has none, and that is no error.
    ///
    /// # Errors
    /// [`SymbolError`] if the file cannot be read or its tables are damaged.
    pub fn read(file: &mut dyn ReadAt, plan: &LoadPlan) -> Result<Self, SymbolError> {
        let segment = |la| plan.segment_at(la).map(|segment| segment.memory);
        Self::read_placed(file, plan.bias, &segment)
    }

    /// The same at the addresses that the file was linked for, of a program or a library.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub fn read_linked(file: &mut dyn ReadAt, linked: &Linked) -> Result<Self, SymbolError> {
        Self::read_placed(file, 0, &|la| linked.segment_at(la))
    }

    fn read_placed(file: &mut dyn ReadAt, bias: u64, segment_at: &SegmentAt<'_>) -> Result<Self, SymbolError> {
        let sections = section_headers(file)?;
        let table = [SHT_SYMTAB, SHT_DYNSYM].iter().find_map(|&t| sections.iter().find(|s| s.sh_type == t));
        let Some(table) = table else { return Ok(Self::default()) };
        let names = sections.get(table.sh_link as usize).filter(|s| s.sh_type == SHT_STRTAB);
        let names = section_bytes(file, names.ok_or(SymbolError::SectionHeaders)?, MAX_NAME_BYTES)?;
        let bytes = section_bytes(file, table, MAX_SYMBOL_BYTES)?;
        let symbols = Symtab::parse(&bytes, 0, bytes.len() / SIZEOF_SYM, ELF64);
        let symbols = symbols.map_err(|_| SymbolError::Table)?;
        Ok(Self { functions: functions(symbols.iter(), &names, bias, segment_at), names })
    }

    /// The function that holds `la`, and how far in it `la` lies, in bytes.
    #[must_use]
    pub fn lookup(&self, la: LinearAddr) -> Option<(&str, u64)> {
        let (name, range) = self.function_at(la)?;
        Some((name, la.0 - range.start.0))
    }

    /// The function that holds `la`, and where it is.
    #[must_use]
    pub fn function_at(&self, la: LinearAddr) -> Option<(&str, AddrRange)> {
        let after = self.functions.partition_point(|f| f.start <= la.0);
        let function = self.functions[..after].last().filter(|f| la.0 < f.end)?;
        let range = AddrRange { start: LinearAddr(function.start), end: LinearAddr(function.end) };
        Some((name_at(&self.names, function.name)?, range))
    }

    /// How many functions have a name.
    #[must_use]
    pub fn len(&self) -> usize {
        self.functions.len()
    }

    /// Whether there are no names, as in a stripped file.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.functions.is_empty()
    }
}

/// The segment that holds an address.
type SegmentAt<'a> = dyn Fn(LinearAddr) -> Option<AddrRange> + 'a;

fn section_headers(file: &mut dyn ReadAt) -> Result<Vec<SectionHeader>, SymbolError> {
    let head = read::read_up_to(file, 0, format::HEAD_BYTES)?;
    let header = header::raw(&head).ok_or(SymbolError::SectionHeaders)?;
    if header.e_shoff == 0 || header.e_shnum == 0 {
        return Ok(Vec::new());
    }
    let count = usize::from(header.e_shnum);
    if usize::from(header.e_shentsize) != SIZEOF_SHDR {
        return Err(SymbolError::SectionHeaders);
    }
    let bytes = read::read_exact(file, header.e_shoff, count * SIZEOF_SHDR)?.ok_or(SymbolError::SectionHeaders)?;
    SectionHeader::parse_from(&bytes, 0, count, ELF64).map_err(|_| SymbolError::SectionHeaders)
}

/// The bytes of a section, or as many of them as the cap allows.
fn section_bytes(file: &mut dyn ReadAt, section: &SectionHeader, cap: usize) -> Result<Vec<u8>, SymbolError> {
    let in_file = section.sh_offset.checked_add(section.sh_size).is_some_and(|end| end <= file.len());
    if !in_file || section.sh_size == 0 {
        return Err(SymbolError::Table);
    }
    let count = usize::try_from(section.sh_size).unwrap_or(usize::MAX).min(cap);
    read::read_exact(file, section.sh_offset, count)?.ok_or(SymbolError::Table)
}

/// Sorts out what names code: one symbol an address, in ascending order, each with its end.
fn functions(symbols: impl Iterator<Item = Sym>, names: &[u8], bias: u64, segment_at: &SegmentAt<'_>) -> Vec<Function> {
    let mut found: Vec<_> = symbols.filter(is_code).map(|s| (s.st_value.wrapping_add(bias), s)).collect();
    // The sort is stable: what ranks equal stays in the order of the table.
    found.sort_by_key(|(start, s)| (*start, rank(s, names)));
    found.dedup_by_key(|(start, _)| *start);
    let mut functions = Vec::with_capacity(found.len());
    for (i, &(start, symbol)) in found.iter().enumerate() {
        let Some(segment) = segment_at(LinearAddr(start)) else { continue };
        let next = found.get(i + 1).map_or(u64::MAX, |(next, _)| *next);
        let size = if symbol.st_size == 0 { next - start } else { symbol.st_size };
        let end = start.saturating_add(size).min(segment.end.0);
        functions.push(Function { start, end, name: symbol.st_name as u32 });
    }
    functions
}

fn is_code(symbol: &Sym) -> bool {
    let kind = matches!(symbol.st_type(), STT_FUNC | STT_GNU_IFUNC | STT_NOTYPE);
    kind && symbol.st_shndx != SHN_UNDEF as usize && symbol.st_name != 0
}

/// The smaller, the better the name.
fn rank(symbol: &Sym, names: &[u8]) -> impl Ord + use<> {
    let binding = match symbol.st_bind() {
        STB_GLOBAL => 0,
        STB_WEAK => 1,
        _ => 2,
    };
    let underscores = names.iter().skip(symbol.st_name).take(4).take_while(|&&b| b == b'_').count();
    (symbol.st_size == 0, !symbol.is_function(), binding, underscores)
}

/// The name at `offset`, up to its NUL, and cut where it is no UTF-8 or too long.
fn name_at(names: &[u8], offset: u32) -> Option<&str> {
    let rest = names.get(offset as usize..)?;
    let rest = &rest[..rest.len().min(MAX_NAME)];
    let name = rest.split(|&b| b == 0).next()?;
    let valid = match std::str::from_utf8(name) {
        Ok(name) => name,
        Err(e) => std::str::from_utf8(&name[..e.valid_up_to()]).ok()?,
    };
    (!valid.is_empty()).then_some(valid)
}
