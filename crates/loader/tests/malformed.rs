//! Files that are no programs, or broken ones: each ends in the diagnosis that fits, with help.
//!
//! What Linux does with each is in `on_linux`; it was tried on Linux 6.18.

mod common;

use common::{BASE, CODE, ElfFile, TASK_SIZE, check_error, data, header, la, load, text};
use goblin::elf::header::{EM_386, EM_AARCH64, ET_CORE, ET_REL};
use goblin::elf::program_header::{PF_R, PT_INTERP, PT_LOAD, PT_NULL};
use pagewalk_loader::{AddrRange, Foreign, LoadError, OnLinux};

const ENOEXEC: OnLinux = OnLinux::Errno(8);

/// The file ends in `expected`, which says something and knows what Linux does.
fn refused(file: impl AsRef<[u8]>, expected: LoadError, on_linux: OnLinux) {
    let error = load(file.as_ref()).expect_err("the file is malformed");
    assert_eq!(error, expected);
    assert_eq!(error.on_linux(), on_linux);
    check_error(&error);
}

macro_rules! refused {
    ($($name:ident: $file:expr => $expected:expr, $on_linux:expr;)*) => {
        $(#[test]
        fn $name() {
            refused(&$file, $expected, $on_linux);
        })*
    };
}

fn with(header: goblin::elf64::program_header::ProgramHeader) -> Vec<u8> {
    ElfFile::with(header).build()
}

fn changed(change: impl FnOnce(&mut ElfFile)) -> Vec<u8> {
    let mut elf = ElfFile::exec();
    change(&mut elf);
    elf.build()
}

fn first(change: impl FnOnce(&mut goblin::elf64::program_header::ProgramHeader)) -> Vec<u8> {
    changed(|e| change(&mut e.headers[0]))
}

/// An ELF32 header is laid out otherwise; only ident, type and machine are where they are in ELF64.
fn elf32(machine: u16) -> Vec<u8> {
    let mut file = vec![0; 52];
    file[..7].copy_from_slice(b"\x7fELF\x01\x01\x01");
    file[16] = 2;
    file[18..20].copy_from_slice(&machine.to_le_bytes());
    file[42] = 32;
    file[44] = 1;
    file
}

fn interpreter(path: &[u8], filesz: u64) -> Vec<u8> {
    let mut elf = ElfFile::with(header(PT_INTERP, PF_R, 0x1000, BASE, filesz, filesz));
    elf.content.push((0x1000, path.to_vec()));
    elf.build()
}

fn many_headers(count: u16) -> Vec<u8> {
    let mut elf = ElfFile { e_phnum: Some(count), length: 0x2_0000, ..ElfFile::exec() };
    elf.headers[0] = text(0, BASE, 0x2_0000, 0x2_0000);
    (elf.e_entry, elf.content) = (BASE + 0x1_8000, vec![(0x1_8000, common::EXIT_42.to_vec())]);
    elf.build()
}

// Not ELF.
refused! {
    empty_file: b"" => LoadError::NotAProgram(Foreign::Empty), ENOEXEC;
    text_file: b"echo hello\n" => LoadError::NotAProgram(Foreign::Text), ENOEXEC;
    windows_program: b"MZ\x90\0\x03\0" => LoadError::NotAProgram(Foreign::Windows), ENOEXEC;
    macos_program: b"\xcf\xfa\xed\xfe\x07\0\0\x01" => LoadError::NotAProgram(Foreign::MacOs), ENOEXEC;
    compressed_program: b"\x1f\x8b\x08\0\0\0" => LoadError::NotAProgram(Foreign::Compressed), ENOEXEC;
    random_bytes: [0x17, 0x03, 0xe5, 0x00] => LoadError::NotAProgram(Foreign::Unknown), ENOEXEC;
    magic_cut_off: b"\x7fEL" => LoadError::NotAProgram(Foreign::Unknown), ENOEXEC;
    script_without_interpreter: b"#!\n" => LoadError::ScriptWithoutInterpreter, ENOEXEC;
    script_where_a_program_is_asked_for: b"#!/bin/sh\n"
        => LoadError::Script { interpreter: "/bin/sh".into() }, OnLinux::Loads;
}

// The ELF header.
refused! {
    magic_alone: b"\x7fELF" => LoadError::HeaderTruncated { length: 4 }, ENOEXEC;
    header_cut_off: ElfFile::exec().build()[..63] => LoadError::HeaderTruncated { length: 63 }, ENOEXEC;
    program_of_32_bits: elf32(EM_386) => LoadError::Not64Bit { machine: "i386" }, ENOEXEC;
    program_of_32_bits_long_file: [elf32(EM_386), vec![0; 200]].concat()
        => LoadError::Not64Bit { machine: "i386" }, ENOEXEC;
    x32_program: [elf32(62), vec![0; 200]].concat() => LoadError::Not64Bit { machine: "x32" }, ENOEXEC;
    arm_program_of_32_bits: elf32(40) => LoadError::ForeignMachine { machine: "arm", number: 40 }, ENOEXEC;
    aarch64_program: changed(|e| e.e_machine = EM_AARCH64)
        => LoadError::ForeignMachine { machine: "aarch64", number: 183 }, ENOEXEC;
    unheard_of_machine: changed(|e| e.e_machine = 0xabcd)
        => LoadError::ForeignMachine { machine: "an unknown machine", number: 0xabcd }, ENOEXEC;
    big_endian_s390x: {
        let mut file = changed(|e| e.ident[5] = 2);
        file[18..20].copy_from_slice(&[0, 22]);
        file
    } => LoadError::ForeignMachine { machine: "s390x", number: 22 }, ENOEXEC;
    object_file: changed(|e| e.e_type = ET_REL) => LoadError::ObjectFile, ENOEXEC;
    core_dump: changed(|e| e.e_type = ET_CORE) => LoadError::CoreDump, ENOEXEC;
    type_none: changed(|e| e.e_type = 0) => LoadError::UnknownType(0), ENOEXEC;
    type_of_an_operating_system: changed(|e| e.e_type = 0xfe00) => LoadError::UnknownType(0xfe00), ENOEXEC;
    program_headers_of_the_wrong_size: changed(|e| e.e_phentsize = 55) => LoadError::ProgramHeaderSize(55), ENOEXEC;
}

// The program header table.
refused! {
    no_program_headers: changed(|e| e.e_phnum = Some(0)) => LoadError::NoProgramHeaders, ENOEXEC;
    one_program_header_too_many: many_headers(1171) => LoadError::TooManyProgramHeaders(1171), ENOEXEC;
    extended_numbering: many_headers(0xffff) => LoadError::TooManyProgramHeaders(0xffff), ENOEXEC;
    program_headers_cut_off: ElfFile::exec().build()[..119]
        => LoadError::ProgramHeadersTruncated { offset: 64, length: 119 }, ENOEXEC;
    program_headers_beyond_the_file: changed(|e| e.e_phoff = 0x1_0000)
        => LoadError::ProgramHeadersTruncated { offset: 0x1_0000, length: 0x1000 }, ENOEXEC;
    program_headers_that_wrap: changed(|e| e.e_phoff = u64::MAX - 7)
        => LoadError::ProgramHeadersTruncated { offset: u64::MAX - 7, length: 0x1000 }, ENOEXEC;
    nothing_to_load: first(|h| h.p_type = PT_NULL) => LoadError::NothingToLoad, OnLinux::Loads;
    only_an_empty_segment: first(|h| (h.p_filesz, h.p_memsz) = (0, 0)) => LoadError::NothingToLoad, OnLinux::Loads;
}

// Segments: sizes.
refused! {
    file_larger_than_memory: first(|h| h.p_memsz = 0x900)
        => LoadError::FileLargerThanMemory { segment: 0, file: 0x1000, memory: 0x900 }, OnLinux::Killed;
    memory_of_2_to_the_63: first(|h| h.p_memsz = 1 << 63)
        => LoadError::BeyondUserMemory { segment: 0, start: la(BASE), size: 1 << 63 }, OnLinux::Killed;
    memory_near_2_to_the_64: first(|h| h.p_memsz = u64::MAX)
        => LoadError::BeyondUserMemory { segment: 0, start: la(BASE), size: u64::MAX }, OnLinux::Killed;
    file_and_memory_near_2_to_the_64: first(|h| (h.p_filesz, h.p_memsz) = (u64::MAX, u64::MAX))
        => LoadError::BeyondUserMemory { segment: 0, start: la(BASE), size: u64::MAX }, OnLinux::Killed;
    memory_that_wraps_exactly_to_zero: first(|h| h.p_memsz = BASE.wrapping_neg())
        => LoadError::BeyondUserMemory { segment: 0, start: la(BASE), size: BASE.wrapping_neg() }, OnLinux::Killed;
    one_byte_beyond_task_size: with(data(0x1000, TASK_SIZE - 0x1000, 0x1000, 0x1001))
        => LoadError::BeyondUserMemory { segment: 1, start: la(TASK_SIZE - 0x1000), size: 0x1001 }, OnLinux::Killed;
    empty_segment_at_task_size: with(data(0, TASK_SIZE, 0, 0))
        => LoadError::BeyondUserMemory { segment: 1, start: la(TASK_SIZE), size: 0 }, OnLinux::Killed;
    kernel_address: with(data(0x1000, 0xffff_8000_0000_0000, 0x1000, 0x1000))
        => LoadError::BeyondUserMemory { segment: 1, start: la(0xffff_8000_0000_0000), size: 0x1000 }, OnLinux::Killed;
    last_page_of_the_address_space: with(data(0x1000, u64::MAX - 0xfff, 0x1000, 0x1000))
        => LoadError::BeyondUserMemory { segment: 1, start: la(u64::MAX - 0xfff), size: 0x1000 }, OnLinux::Killed;
}

// Segments: places.
refused! {
    null_page: with(data(0x1000, 0, 0x1000, 0x1000))
        => LoadError::BelowMinAddr { segment: 1, start: la(0), limit: la(0x1_0000) }, OnLinux::Killed;
    in_the_stack: with(data(0x1000, TASK_SIZE - 0x1000, 0x1000, 0x1000))
        => LoadError::InStackArea {
            segment: 1,
            range: AddrRange { start: la(TASK_SIZE - 0x1000), end: la(TASK_SIZE) },
        }, OnLinux::Loads;
    all_of_user_memory: first(|h| h.p_memsz = TASK_SIZE - BASE)
        => LoadError::InStackArea { segment: 0, range: AddrRange { start: la(BASE), end: la(TASK_SIZE) } }, OnLinux::Loads;
    misaligned: first(|h| h.p_vaddr += 0x10)
        => LoadError::Misaligned { segment: 0, address: la(BASE + 0x10), offset: 0 }, OnLinux::Killed;
    the_same_segment_twice: with(text(0, BASE, 0x1000, 0x1000))
        => LoadError::Overlap { first: 0, second: 1 }, OnLinux::Loads;
    overlap_by_one_byte: with(data(0x1fff, BASE + 0xfff, 1, 1))
        => LoadError::Overlap { first: 0, second: 1 }, OnLinux::Loads;
    overlap_of_bss_out_of_order: with(data(0x1000, BASE - 0x1000, 0x10, 0x1001))
        => LoadError::Overlap { first: 1, second: 0 }, OnLinux::Loads;
    pie_too_large: {
        let mut elf = ElfFile::pie();
        elf.headers.push(data(0, 0x7f00_0000_0000, 0x10, 0x10));
        elf.build()
    } => LoadError::BeyondUserMemory { segment: 1, start: la(0xd455_5555_4000), size: 0x10 }, OnLinux::Killed;
    pie_that_is_too_large_only_at_its_base: {
        let mut elf = ElfFile::pie();
        elf.headers[0].p_memsz = 0x3000_0000_0000;
        elf.build()
    } => LoadError::BeyondUserMemory { segment: 0, start: la(0x5555_5555_4000), size: 0x3000_0000_0000 }, OnLinux::Killed;
    pie_with_a_segment_below_zero: {
        let mut elf = ElfFile::pie();
        elf.headers.insert(0, data(0, 0x6000_0000_0000, 0x10, 0x10));
        elf.build()
    } => LoadError::BeyondUserMemory { segment: 1, start: la(0xffff_f555_5555_4000), size: 0x1000 }, OnLinux::Killed;
    pie_alignment_of_2_to_the_63: {
        let mut elf = ElfFile::pie();
        elf.headers[0].p_align = 1 << 63;
        elf.build()
    } => LoadError::BelowMinAddr { segment: 0, start: la(0), limit: la(0x1_0000) }, OnLinux::Killed;
}

// Segments and the file.
refused! {
    file_offset_of_2_to_the_63: with(data(1 << 63, 0x50_0000, 0x1000, 0x1000))
        => LoadError::FileOffsetTooLarge { segment: 1, offset: 1 << 63, size: 0x1000 }, OnLinux::Killed;
    file_offset_that_wraps: with(data(u64::MAX - 0xfff, 0x50_0000, 0x1000, 0x1000))
        => LoadError::FileOffsetTooLarge { segment: 1, offset: u64::MAX - 0xfff, size: 0x1000 }, OnLinux::Killed;
    data_cut_off: with(data(0x10_0000, 0x50_0000, 0x1010, 0x2000))
        => LoadError::DataTruncated { segment: 1, needed: 0x10_1010, length: 0x2000 }, OnLinux::Killed;
    entry_outside: changed(|e| e.e_entry = 0x70_0000)
        => LoadError::EntryNotExecutable(la(0x70_0000)), OnLinux::Loads;
    entry_in_the_kernel: changed(|e| e.e_entry = 1 << 63)
        => LoadError::EntryNotExecutable(la(1 << 63)), OnLinux::Loads;
    entry_not_executable: first(|h| h.p_flags = PF_R)
        => LoadError::EntryNotExecutable(la(BASE + CODE)), OnLinux::Loads;
    code_beyond_the_file: first(|h| h.p_offset = 0x10_0000)
        => LoadError::EntryTruncated { entry: la(BASE + CODE), length: 0x1000 }, OnLinux::Loads;
    cut_off_before_the_entry: ElfFile::exec().build()[..CODE as usize]
        => LoadError::EntryTruncated { entry: la(BASE + CODE), length: CODE }, OnLinux::Loads;
}

// Dynamic programs.
refused! {
    interpreter_too_short: interpreter(b"\0", 1) => LoadError::InterpreterDamaged, ENOEXEC;
    interpreter_too_long: interpreter(&[0], 4097) => LoadError::InterpreterDamaged, ENOEXEC;
    interpreter_near_2_to_the_64: interpreter(&[0], u64::MAX) => LoadError::InterpreterDamaged, ENOEXEC;
    interpreter_without_an_end: interpreter(b"/lib/ld.so", 10) => LoadError::InterpreterDamaged, ENOEXEC;
    interpreter_beyond_the_file: interpreter(b"/lib", 4096)[..0x1800] => LoadError::InterpreterTruncated, OnLinux::Errno(5);
}

/// Cut anywhere, the file loads only where Linux loads it too: when the code at the entry is there.
#[test]
fn every_truncation_is_an_error_until_the_entry_is_there() {
    let file = ElfFile::exec().build();
    for length in 0..file.len() {
        match load(&file[..length]) {
            Ok(plan) => {
                assert!(length as u64 > CODE);
                assert_eq!(plan.missing_file_bytes, (file.len() - length) as u64);
            }
            Err(error) => {
                assert!(length as u64 <= CODE, "{length}: {error}");
                check_error(&error);
            }
        }
    }
}

#[test]
fn a_read_error_is_passed_on() {
    struct Broken;
    impl pagewalk_loader::ReadAt for Broken {
        fn len(&self) -> u64 {
            4096
        }
        fn read_at(&mut self, _: u64, _: &mut [u8]) -> Result<usize, pagewalk_loader::ReadError> {
            Err(pagewalk_loader::ReadError { errno: 5 })
        }
    }
    let error = pagewalk_loader::load(&mut Broken, &pagewalk_loader::Layout::default()).unwrap_err();
    assert_eq!(error.on_linux(), OnLinux::Errno(5));
    check_error(&error);
}

#[test]
fn the_type_of_a_segment_that_is_not_loaded_does_not_matter() {
    let absurd = header(PT_NULL, 0, u64::MAX, u64::MAX, u64::MAX, u64::MAX);
    assert!(ElfFile::with(absurd).load().is_ok());
    assert!(ElfFile::with(header(PT_LOAD, 0, 0x1000, 0x50_0000, 1, 1)).load().is_ok());
}
