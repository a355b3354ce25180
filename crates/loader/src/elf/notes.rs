//! The program headers that load nothing: interpreter, stack, thread-local storage, read-only after relocation.

use super::segment::Mapped;
use crate::{AddrRange, LoadError, ReadAt, StackProtection, TlsSegment, read};
use arch::LinearAddr;
use goblin::elf::ProgramHeader;
use goblin::elf::program_header::{PF_X, PT_GNU_RELRO, PT_GNU_STACK, PT_INTERP, PT_TLS};

/// Linux's `PATH_MAX`, with the final NUL.
const PATH_MAX: u64 = 4096;

/// The path in the first `PT_INTERP`, up to its first NUL.
pub(crate) fn interpreter(file: &mut dyn ReadAt, headers: &[ProgramHeader]) -> Result<Option<Vec<u8>>, LoadError> {
    let Some(header) = headers.iter().find(|h| h.p_type == PT_INTERP) else { return Ok(None) };
    if !(2..=PATH_MAX).contains(&header.p_filesz) {
        return Err(LoadError::InterpreterDamaged);
    }
    let path = read::read_exact(file, header.p_offset, header.p_filesz as usize)?;
    let mut path = path.ok_or(LoadError::InterpreterTruncated)?;
    if path.last() != Some(&0) {
        return Err(LoadError::InterpreterDamaged);
    }
    path.truncate(path.iter().position(|&b| b == 0).expect("the last byte is NUL"));
    Ok(Some(path))
}

/// What the last `PT_GNU_STACK` says. Without one the stack of an x86-64 program is not executable (Linux:
/// `elf_read_implies_exec` of arch/x86).
pub(crate) fn stack(headers: &[ProgramHeader]) -> StackProtection {
    match headers.iter().rev().find(|h| h.p_type == PT_GNU_STACK) {
        Some(h) if h.p_flags & PF_X != 0 => StackProtection::Executable,
        _ => StackProtection::NotExecutable,
    }
}

/// The template of thread-local storage. Its zero-initialised part lies in no segment, so only the rest is checked.
pub(crate) fn tls(headers: &[ProgramHeader], mapped: &Mapped) -> Option<TlsSegment> {
    let header = headers.iter().rev().find(|h| h.p_type == PT_TLS)?;
    let start = LinearAddr(header.p_vaddr).wrapping_add(mapped.bias);
    let align = header.p_align.max(1);
    let template_is_mapped = header.p_filesz == 0 || within(header.p_vaddr, header.p_filesz, mapped).is_some();
    let is_sound = header.p_filesz <= header.p_memsz && align.is_power_of_two();
    (template_is_mapped && is_sound).then_some(TlsSegment {
        start,
        file_bytes: header.p_filesz,
        memory_bytes: header.p_memsz,
        align,
    })
}

/// The pages that start-up code makes read-only.
pub(crate) fn relro(headers: &[ProgramHeader], mapped: &Mapped) -> Option<AddrRange> {
    let header = headers.iter().rev().find(|h| h.p_type == PT_GNU_RELRO)?;
    let range = within(header.p_vaddr, header.p_memsz, mapped)?;
    let pages = AddrRange { start: range.start.page_base(), end: range.end.page_base() };
    (!pages.is_empty()).then_some(pages)
}

/// The bytes `vaddr .. vaddr + size` with the bias, if one segment's pages hold them all.
fn within(vaddr: u64, size: u64, mapped: &Mapped) -> Option<AddrRange> {
    let start = LinearAddr(vaddr).wrapping_add(mapped.bias);
    let range = AddrRange { start, end: LinearAddr(start.0.checked_add(size)?) };
    let holds = |pages: AddrRange| pages.start <= range.start && range.end <= pages.end;
    mapped.segments.iter().any(|s| holds(s.pages())).then_some(range)
}
