//! ELF64 programs (Linux: `load_elf_binary`).

pub(crate) mod header;
mod machine;
mod notes;
mod segment;

use crate::{Image, Layout, LoadError, LoadPlan, Protection, ReadAt, Segment};
use arch::LinearAddr;
use goblin::elf::ProgramHeader;
use goblin::elf::program_header::PT_LOAD;
use header::ElfHeader;

/// Makes a plan of an ELF file. `head` holds its first bytes.
pub(crate) fn load(file: &mut dyn ReadAt, head: &[u8], layout: &Layout) -> Result<Image, LoadError> {
    let header = header::parse(head, file.len())?;
    let headers = header::program_headers(file, &header)?;
    let interpreter = notes::interpreter(file, &headers)?;
    let mapped = segment::map(&headers, header.kind, file.len(), layout)?;
    let entry = LinearAddr(header.entry).wrapping_add(mapped.bias);
    check_entry(&mapped.segments, entry, file.len())?;
    Ok(Image::Elf(Box::new(LoadPlan {
        kind: header.kind,
        bias: mapped.bias,
        entry,
        phdr: phdr_address(&header, &headers).wrapping_add(mapped.bias),
        phnum: header.phnum,
        phent: header::PHENT,
        brk_start: mapped.brk_start,
        stack: notes::stack(&headers),
        tls: notes::tls(&headers, &mapped),
        relro: notes::relro(&headers, &mapped),
        interpreter,
        missing_file_bytes: missing_file_bytes(&mapped.segments, file.len()),
        segments: mapped.segments,
    })))
}

/// Linux would start the program and it would die at its first fetch; a reason is worth more.
fn check_entry(segments: &[Segment], entry: LinearAddr, file_length: u64) -> Result<(), LoadError> {
    let (protection, offset) = mapping_at(segments, entry).ok_or(LoadError::EntryNotExecutable(entry))?;
    if !protection.contains(Protection::EXEC) {
        return Err(LoadError::EntryNotExecutable(entry));
    }
    match offset {
        Some(offset) if offset >= file_length => Err(LoadError::EntryTruncated { entry, length: file_length }),
        _ => Ok(()),
    }
}

/// How the page of `la` ends up mapped, and which offset of the file `la` shows, if any: the last mapping wins.
fn mapping_at(segments: &[Segment], la: LinearAddr) -> Option<(Protection, Option<u64>)> {
    segments.iter().rev().find_map(|segment| {
        let anonymous = segment.anonymous.filter(|p| p.range.contains(la)).map(|p| (p.protection, None));
        anonymous.or_else(|| {
            let pages = segment.file.filter(|p| p.range.contains(la))?;
            Some((pages.protection, Some(pages.offset + (la.0 - pages.range.start.0))))
        })
    })
}

/// Where the program headers lie in memory, without the bias: in the last segment that holds their file offset, else 0.
fn phdr_address(header: &ElfHeader, headers: &[ProgramHeader]) -> LinearAddr {
    let holds = |h: &&ProgramHeader| h.p_type == PT_LOAD && header.phoff.wrapping_sub(h.p_offset) < h.p_filesz;
    let address = headers.iter().rev().find(holds).map_or(0, |h| h.p_vaddr + (header.phoff - h.p_offset));
    LinearAddr(address)
}

fn missing_file_bytes(segments: &[Segment], file_length: u64) -> u64 {
    let from_file = segments.iter().filter(|s| s.file_bytes > 0);
    let needed = from_file.map(|s| s.file_offset + s.file_bytes).max().unwrap_or(0);
    needed.saturating_sub(file_length)
}
