//! Names of addresses, from sound and from hostile symbol tables.

mod common;

use common::{BASE, Counting, ElfFile, Section, la};
use goblin::elf::section_header::{SHT_DYNSYM, SHT_STRTAB, SHT_SYMTAB};
use pagewalk_loader::{LoadPlan, SymbolError, Symbols};

const LOCAL: u8 = 0;
const GLOBAL: u8 = 0x10;
const WEAK: u8 = 0x20;
const FUNC: u8 = 2;
const OBJECT: u8 = 1;
const NAMES: u64 = 0x1000;
const TABLE: u64 = 0x2000;

struct Sym(&'static str, u8, u64, u64);

/// A program with these symbols in section 1, of type `kind`.
fn program(elf: ElfFile, kind: u32, symbols: &[Sym]) -> ElfFile {
    let (mut names, mut table) = (vec![0], vec![0; 24]);
    for Sym(name, info, value, size) in symbols {
        table.extend_from_slice(&(names.len() as u32).to_le_bytes());
        table.extend_from_slice(&[*info, 0, 1, 0]);
        table.extend_from_slice(&[value.to_le_bytes(), size.to_le_bytes()].concat());
        names.extend_from_slice(name.as_bytes());
        names.push(0);
    }
    let mut elf = ElfFile { e_shoff: 0x3000, length: 0x4000, ..elf };
    elf.sections = vec![
        Section::default(),
        Section { kind, offset: TABLE, size: table.len() as u64, link: 2 },
        Section { kind: SHT_STRTAB, offset: NAMES, size: names.len() as u64, link: 0 },
    ];
    elf.content.extend([(NAMES, names), (TABLE, table)]);
    elf
}

fn read(elf: &ElfFile) -> Result<Symbols, SymbolError> {
    let file = elf.build();
    let plan: LoadPlan = elf.load().expect("the program is sound");
    Symbols::read(&mut file.as_slice(), &plan)
}

fn exec(symbols: &[Sym]) -> Symbols {
    read(&program(ElfFile::exec(), SHT_SYMTAB, symbols)).unwrap()
}

#[test]
fn an_address_is_named_by_its_function_and_offset() {
    let s = exec(&[
        Sym("late", GLOBAL | FUNC, BASE + 0x900, 0x10),
        Sym("early", LOCAL | FUNC, BASE + 0x800, 0x20),
        Sym("variable", GLOBAL | OBJECT, BASE + 0xa00, 8),
    ]);
    assert_eq!(s.len(), 2);
    assert_eq!(s.lookup(la(BASE + 0x800)), Some(("early", 0)));
    assert_eq!(s.lookup(la(BASE + 0x81f)), Some(("early", 0x1f)));
    assert_eq!(s.lookup(la(BASE + 0x820)), None, "behind its end");
    assert_eq!(s.lookup(la(BASE + 0x905)), Some(("late", 5)));
    assert_eq!(s.lookup(la(BASE + 0xa00)), None, "a variable is no function");
    assert_eq!(s.lookup(la(BASE + 0x7ff)), None);
    assert_eq!(s.lookup(la(u64::MAX)), None);
}

#[test]
fn a_symbol_without_size_reaches_to_the_next_or_to_the_end_of_its_segment() {
    let s = exec(&[Sym("_start", GLOBAL, BASE + 0x800, 0), Sym("next", GLOBAL | FUNC, BASE + 0x810, 0)]);
    assert_eq!(s.lookup(la(BASE + 0x80f)), Some(("_start", 0xf)));
    assert_eq!(s.lookup(la(BASE + 0xfff)), Some(("next", 0x7ef)));
    assert_eq!(s.lookup(la(BASE + 0x1000)), None);
}

#[test]
fn of_several_names_the_same_one_always_wins() {
    let at = BASE + 0x800;
    let name = |symbols: &[Sym]| exec(symbols).lookup(la(at)).unwrap().0.to_owned();
    let sym = |name, info| Sym(name, info, at, 4);
    assert_eq!(name(&[sym("local", LOCAL | FUNC), sym("weak", WEAK | FUNC), sym("global", GLOBAL | FUNC)]), "global");
    assert_eq!(name(&[sym("__libc_write", GLOBAL | FUNC), sym("write", GLOBAL | FUNC)]), "write");
    assert_eq!(name(&[sym("label", GLOBAL), sym("function", LOCAL | FUNC)]), "function");
    assert_eq!(name(&[Sym("unsized", GLOBAL | FUNC, at, 0), sym("sized", LOCAL)]), "sized");
    assert_eq!(name(&[sym("b", GLOBAL | FUNC), sym("a", GLOBAL | FUNC)]), "b", "the first in the table");
}

#[test]
fn a_pie_is_named_where_it_was_moved_to() {
    let elf = program(ElfFile::pie(), SHT_SYMTAB, &[Sym("main", GLOBAL | FUNC, 0x800, 0x10)]);
    assert_eq!(read(&elf).unwrap().lookup(la(0x5555_5555_4804)), Some(("main", 4)));
}

#[test]
fn dynamic_symbols_serve_where_there_are_no_others() {
    let elf = program(ElfFile::exec(), SHT_DYNSYM, &[Sym("main", GLOBAL | FUNC, BASE + 0x800, 0x10)]);
    assert_eq!(read(&elf).unwrap().len(), 1);
}

#[test]
fn a_stripped_file_has_no_names() {
    let s = read(&ElfFile::exec()).unwrap();
    assert!(s.is_empty());
    assert_eq!(s.lookup(la(BASE)), None);
}

#[test]
fn damaged_tables_are_errors() {
    let base = program(ElfFile::exec(), SHT_SYMTAB, &[Sym("f", GLOBAL | FUNC, BASE + 0x800, 4)]);
    type Change = fn(&mut ElfFile);
    let cases: [(Change, SymbolError); 8] = [
        (|e| e.e_shoff = 1 << 40, SymbolError::SectionHeaders),
        (|e| e.e_shoff = u64::MAX - 3, SymbolError::SectionHeaders),
        (|e| e.e_shentsize = 63, SymbolError::SectionHeaders),
        (|e| e.e_shnum = Some(0xffff), SymbolError::SectionHeaders),
        (|e| e.sections[1].link = 77, SymbolError::SectionHeaders),
        (|e| e.sections[1].size = u64::MAX, SymbolError::Table),
        (|e| e.sections[2].offset = u64::MAX, SymbolError::Table),
        (|e| e.sections[2].size = 0, SymbolError::Table),
    ];
    for (i, (change, expected)) in cases.into_iter().enumerate() {
        let mut elf = base.clone();
        // A section header table that is moved away is built nowhere.
        let file_elf = base.clone();
        change(&mut elf);
        let mut file = if elf.e_shoff == base.e_shoff { elf.build() } else { file_elf.build() };
        file[40..48].copy_from_slice(&elf.e_shoff.to_le_bytes());
        let plan = common::load(&file).unwrap();
        let mut reader = Counting::new(&file);
        assert_eq!(Symbols::read(&mut reader, &plan).unwrap_err(), expected, "case {i}");
        assert!(reader.bytes < 0x4000, "case {i}");
    }
}

#[test]
fn names_that_are_none_are_left_out() {
    let at = BASE + 0x800;
    let mut elf = program(ElfFile::exec(), SHT_SYMTAB, &[Sym("f", GLOBAL | FUNC, at, 4)]);
    elf.content.push((TABLE + 24, 0xffff_ffff_u32.to_le_bytes().to_vec()));
    assert_eq!(read(&elf).unwrap().lookup(la(at)), None, "an offset beyond the names");
    elf.content.push((TABLE + 24, 1u32.to_le_bytes().to_vec()));
    elf.content.push((NAMES + 1, vec![0xff]));
    assert_eq!(read(&elf).unwrap().lookup(la(at)), None, "not UTF-8");
}

#[test]
fn symbols_outside_the_program_are_left_out() {
    let symbols = [Sym("far", GLOBAL | FUNC, 1 << 63, 4), Sym("huge", GLOBAL | FUNC, BASE + 0x800, u64::MAX)];
    let s = exec(&symbols);
    assert_eq!(s.len(), 1);
    assert_eq!(s.lookup(la(BASE + 0xfff)), Some(("huge", 0x7ff)));
    assert_eq!(s.lookup(la(BASE + 0x1000)), None, "cut at the end of its segment");
}
