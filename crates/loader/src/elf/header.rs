//! The ELF header and the program headers, with the checks that Linux makes before the point of no return.
//!
//! As Linux does, this judges a file by `e_machine`, `e_type`, `e_phentsize` and `e_phnum`; class, byte order and version
//! in `e_ident` are looked at only to name what a refused file is.

use super::machine;
use crate::{Kind, LoadError, ReadAt, read};
use goblin::container::{Container, Ctx, Endian};
use goblin::elf::ProgramHeader;
use goblin::elf::header::{
    EI_CLASS, EI_DATA, ELFCLASS32, ELFDATA2LSB, ELFDATA2MSB, EM_X86_64, ET_CORE, ET_DYN, ET_EXEC, ET_REL,
};
use goblin::elf64::header::{Header, SIZEOF_EHDR};
use goblin::elf64::program_header::SIZEOF_PHDR;

/// Little-endian ELF64.
pub(crate) const ELF64: Ctx = Ctx { container: Container::Big, le: Endian::Little };
/// `AT_PHENT`.
pub(crate) const PHENT: u16 = SIZEOF_PHDR as u16;
/// Linux reads at most 64 KiB of program headers.
const MAX_PHNUM: usize = 65536 / SIZEOF_PHDR;

/// What of the header counts once it has been judged.
pub(crate) struct ElfHeader {
    pub(crate) kind: Kind,
    pub(crate) entry: u64,
    pub(crate) phoff: u64,
    pub(crate) phnum: u16,
}

/// Judges the ELF header in `head`, the first bytes of a file of `length` bytes.
pub(crate) fn parse(head: &[u8], length: u64) -> Result<ElfHeader, LoadError> {
    let truncated = LoadError::HeaderTruncated { length };
    let big_endian = head.get(EI_DATA) == Some(&ELFDATA2MSB);
    let machine = match head.get(18..20) {
        Some(&[a, b]) if big_endian => u16::from_be_bytes([a, b]),
        Some(&[a, b]) => u16::from_le_bytes([a, b]),
        _ => return Err(truncated),
    };
    if machine != EM_X86_64 || big_endian {
        return Err(foreign(head[EI_CLASS], machine));
    }
    let header = raw(head).ok_or(truncated)?;
    let kind = match header.e_type {
        ET_EXEC => Kind::Exec,
        ET_DYN => Kind::StaticPie,
        ET_REL => return Err(LoadError::ObjectFile),
        ET_CORE => return Err(LoadError::CoreDump),
        other => return Err(LoadError::UnknownType(other)),
    };
    if header.e_phentsize != PHENT {
        return Err(match head[EI_CLASS] {
            ELFCLASS32 => LoadError::Not64Bit { machine: "x32" },
            _ if header.e_phnum == 0 => LoadError::NoProgramHeaders,
            _ => LoadError::ProgramHeaderSize(header.e_phentsize),
        });
    }
    Ok(ElfHeader { kind, entry: header.e_entry, phoff: header.e_phoff, phnum: header.e_phnum })
}

/// The header as goblin reads it. It insists on a valid class and byte order, which Linux does not look at.
pub(crate) fn raw(head: &[u8]) -> Option<Header> {
    let mut bytes: [u8; SIZEOF_EHDR] = head.get(..SIZEOF_EHDR)?.try_into().ok()?;
    bytes[EI_DATA] = ELFDATA2LSB;
    Header::parse(&bytes).ok()
}

fn foreign(class: u8, number: u16) -> LoadError {
    let machine = machine::name(number);
    match (class, machine) {
        (ELFCLASS32, "i386" | "x86-64") => LoadError::Not64Bit { machine },
        _ => LoadError::ForeignMachine { machine, number },
    }
}

/// Reads the program headers (Linux: `load_elf_phdrs`).
pub(crate) fn program_headers(file: &mut dyn ReadAt, header: &ElfHeader) -> Result<Vec<ProgramHeader>, LoadError> {
    let count = usize::from(header.phnum);
    match count {
        0 => return Err(LoadError::NoProgramHeaders),
        1..=MAX_PHNUM => {}
        _ => return Err(LoadError::TooManyProgramHeaders(header.phnum)),
    }
    let truncated = LoadError::ProgramHeadersTruncated { offset: header.phoff, length: file.len() };
    let bytes = read::read_exact(file, header.phoff, count * SIZEOF_PHDR)?.ok_or(truncated)?;
    Ok(ProgramHeader::parse(&bytes, 0, count, ELF64).expect("the bytes of `count` headers have been read"))
}
