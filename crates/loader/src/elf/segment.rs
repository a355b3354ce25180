//! From `PT_LOAD` headers to segments at their places (Linux: `elf_load`, `elf_map`, `padzero`, `vm_brk_flags`).

use crate::{AddrRange, AnonymousPages, FilePages, Kind, Layout, LoadError, Protection, Segment, ZeroTail};
use arch::{FRAME_SIZE, LinearAddr};
use goblin::elf::ProgramHeader;
use goblin::elf::program_header::{PF_R, PF_W, PF_X, PT_LOAD};

/// Linux's `MAX_LFS_FILESIZE`: no offset in a file reaches 2^63.
const MAX_FILE_OFFSET: u64 = i64::MAX as u64;

/// The segments and what follows from all of them.
pub(crate) struct Mapped {
    pub(crate) bias: u64,
    pub(crate) segments: Vec<Segment>,
    pub(crate) brk_start: LinearAddr,
}

/// Places all `PT_LOAD` segments, or says why they cannot be placed.
pub(crate) fn map(
    headers: &[ProgramHeader],
    kind: Kind,
    file_length: u64,
    layout: &Layout,
) -> Result<Mapped, LoadError> {
    let loads: Vec<_> = headers.iter().enumerate().filter(|(_, h)| h.p_type == PT_LOAD).collect();
    for &(index, header) in &loads {
        check_sizes(index, header)?;
    }
    let bias = match kind {
        Kind::Exec => 0,
        Kind::StaticPie => pie_bias(&loads, layout),
    };
    let mut placed = Vec::new();
    let mut brk_start = LinearAddr(0);
    for &(index, header) in &loads {
        let memory = place(index, header, bias, layout)?;
        brk_start = brk_start.max(memory.end);
        if !memory.is_empty() {
            placed.push((index, segment(index, header, memory, file_length)?));
        }
    }
    if placed.is_empty() {
        return Err(LoadError::NothingToLoad);
    }
    check_overlaps(&placed)?;
    let brk_start = brk_start.page_align_up().expect("segments end below TASK_SIZE");
    Ok(Mapped { bias, segments: placed.into_iter().map(|(_, s)| s).collect(), brk_start })
}

/// The checks that do not depend on the place; Linux makes them on the addresses in the file.
fn check_sizes(index: usize, header: &ProgramHeader) -> Result<(), LoadError> {
    let (start, size) = (header.p_vaddr, header.p_memsz);
    let task_size = Layout::TASK_SIZE.0;
    if header.p_filesz > size {
        return Err(LoadError::FileLargerThanMemory { segment: index, file: header.p_filesz, memory: size });
    }
    if start >= task_size || size > task_size - start {
        return Err(LoadError::BeyondUserMemory { segment: index, start: LinearAddr(start), size });
    }
    if header.p_filesz == 0 {
        return Ok(());
    }
    if header.p_offset > MAX_FILE_OFFSET - header.p_filesz {
        return Err(LoadError::FileOffsetTooLarge { segment: index, offset: header.p_offset, size: header.p_filesz });
    }
    if LinearAddr(start).page_offset() != LinearAddr(header.p_offset).page_offset() {
        return Err(LoadError::Misaligned { segment: index, address: LinearAddr(start), offset: header.p_offset });
    }
    Ok(())
}

/// What is added to each address of a PIE, modulo 2^64, so that its first segment starts at the base; the base respects the
/// largest `p_align` (Linux: `maximum_alignment`, which passes over what is no power of two).
fn pie_bias(loads: &[(usize, &ProgramHeader)], layout: &Layout) -> u64 {
    let align = loads.iter().map(|(_, h)| h.p_align).filter(|a| a.is_power_of_two()).max().unwrap_or(1);
    let base = layout.pie_base.0 & !(align.max(FRAME_SIZE) - 1);
    let first = loads.first().map_or(0, |(_, h)| h.p_vaddr);
    base.wrapping_sub(first) & !(FRAME_SIZE - 1)
}

/// Where the segment's bytes go, checked against the bounds of user memory.
fn place(index: usize, header: &ProgramHeader, bias: u64, layout: &Layout) -> Result<AddrRange, LoadError> {
    let start = LinearAddr(header.p_vaddr).wrapping_add(bias);
    let size = header.p_memsz;
    if start >= Layout::TASK_SIZE || size > Layout::TASK_SIZE.0 - start.0 {
        return Err(LoadError::BeyondUserMemory { segment: index, start, size });
    }
    let range = AddrRange { start, end: start.wrapping_add(size) };
    if size > 0 && start.page_base() < layout.min_addr {
        return Err(LoadError::BelowMinAddr { segment: index, start, limit: layout.min_addr });
    }
    if range.end > layout.stack_floor {
        return Err(LoadError::InStackArea { segment: index, range });
    }
    Ok(range)
}

/// The steps to map one segment (Linux: `elf_load`).
fn segment(index: usize, header: &ProgramHeader, memory: AddrRange, file_length: u64) -> Result<Segment, LoadError> {
    let page_end = |la: LinearAddr| la.page_align_up().expect("segments end below TASK_SIZE");
    let protection = protection(header.p_flags);
    let start = memory.start.page_base();
    let bytes_end = memory.start.wrapping_add(header.p_filesz);
    let mut segment = Segment {
        memory,
        file_bytes: header.p_filesz,
        file_offset: header.p_offset,
        protection,
        file: None,
        zero: None,
        anonymous: None,
    };
    let mut anonymous_start = start;
    if header.p_filesz > 0 {
        anonymous_start = page_end(bytes_end);
        let range = AddrRange { start, end: anonymous_start };
        segment.file = Some(FilePages { range, offset: header.p_offset - memory.start.page_offset(), protection });
        if memory.end > bytes_end && bytes_end.page_offset() != 0 && protection.contains(Protection::WRITE) {
            check_tail_is_in_file(index, header, file_length)?;
            segment.zero = Some(ZeroTail { range: AddrRange { start: bytes_end, end: anonymous_start } });
        }
    }
    let range = AddrRange { start: anonymous_start, end: page_end(memory.end) };
    if !range.is_empty() {
        let protection = Protection::READ | Protection::WRITE | (protection & Protection::EXEC);
        segment.anonymous = Some(AnonymousPages { range, protection });
    }
    Ok(segment)
}

/// Clearing the tail writes to its page; if that lies beyond the end of the file there is none (Linux: `-EFAULT`).
fn check_tail_is_in_file(index: usize, header: &ProgramHeader, file_length: u64) -> Result<(), LoadError> {
    let bytes_end = header.p_offset + header.p_filesz;
    match bytes_end & !(FRAME_SIZE - 1) < file_length {
        true => Ok(()),
        false => Err(LoadError::DataTruncated { segment: index, needed: bytes_end, length: file_length }),
    }
}

fn protection(p_flags: u32) -> Protection {
    let mut protection = Protection::empty();
    protection.set(Protection::READ, p_flags & PF_R != 0);
    protection.set(Protection::WRITE, p_flags & PF_W != 0);
    protection.set(Protection::EXEC, p_flags & PF_X != 0);
    protection
}

fn check_overlaps(placed: &[(usize, Segment)]) -> Result<(), LoadError> {
    let mut order: Vec<_> = placed.iter().map(|(index, s)| (s.memory.start, s.memory.end, *index)).collect();
    order.sort();
    match order.windows(2).find(|w| w[1].0 < w[0].1) {
        Some(w) => Err(LoadError::Overlap { first: w[0].2, second: w[1].2 }),
        None => Ok(()),
    }
}
