//! An ELF file as it was linked, for reports: which of its bytes lie at which of its own addresses.
//!
//! A report meets a file by its mappings, and a dynamic loader places libraries by itself, so there is no plan to ask. From a
//! mapping a place in the file is known; the program headers give the address that symbols and line tables use.

use crate::elf::header;
use crate::{AddrRange, LoadError, ReadAt, format, read};
use arch::{FRAME_SIZE, LinearAddr};
use goblin::elf::ProgramHeader;
use goblin::elf::program_header::{PF_X, PT_LOAD};

/// The loadable segments of a program or a library, at the addresses that it was linked for.
#[derive(Clone, Debug, Default)]
pub struct Linked {
    segments: Vec<LinkedSegment>,
}

#[derive(Clone, Copy, Debug)]
struct LinkedSegment {
    memory: AddrRange,
    offset: u64,
    file_bytes: u64,
    is_code: bool,
}

impl LinkedSegment {
    fn of(header: &ProgramHeader) -> Self {
        let start = LinearAddr(header.p_vaddr);
        Self {
            memory: AddrRange { start, end: LinearAddr(header.p_vaddr.saturating_add(header.p_memsz)) },
            offset: header.p_offset,
            file_bytes: header.p_filesz.min(header.p_memsz),
            is_code: header.p_flags & PF_X != 0,
        }
    }

    /// The address of a byte of the file, if the segment's pages hold it.
    fn address_of(&self, offset: u64) -> Option<LinearAddr> {
        let first = self.offset - self.offset % FRAME_SIZE;
        let end = self.offset.checked_add(self.file_bytes)?.checked_next_multiple_of(FRAME_SIZE)?;
        (first..end)
            .contains(&offset)
            .then(|| LinearAddr(self.memory.start.0.wrapping_add(offset.wrapping_sub(self.offset))))
    }

    fn offset_of(&self, la: LinearAddr) -> Option<u64> {
        let within = la.0.checked_sub(self.memory.start.0)?;
        (within < self.file_bytes).then(|| self.offset.checked_add(within))?
    }
}

impl Linked {
    /// Reads the program headers.
    ///
    /// # Errors
    /// [`LoadError`] for what is no ELF file for x86-64, or is damaged.
    pub fn read(file: &mut dyn ReadAt) -> Result<Self, LoadError> {
        let head = read::read_up_to(file, 0, format::HEAD_BYTES)?;
        let header = header::parse(&head, file.len())?;
        let headers = header::program_headers(file, &header)?;
        let loadable = headers.iter().filter(|header| header.p_type == PT_LOAD);
        let mut segments: Vec<_> = loadable.map(LinkedSegment::of).collect();
        // A page of the file may be mapped for two segments; whoever asks asks for code.
        segments.sort_by_key(|segment| !segment.is_code);
        Ok(Self { segments })
    }

    /// The address of a byte of the file.
    #[must_use]
    pub fn address_of(&self, offset: u64) -> Option<LinearAddr> {
        self.segments.iter().find_map(|segment| segment.address_of(offset))
    }

    /// The place in the file of an address.
    #[must_use]
    pub fn offset_of(&self, la: LinearAddr) -> Option<u64> {
        self.segments.iter().find_map(|segment| segment.offset_of(la))
    }

    /// The segment that holds an address.
    pub(crate) fn segment_at(&self, la: LinearAddr) -> Option<AddrRange> {
        self.segments.iter().map(|segment| segment.memory).find(|memory| memory.contains(la))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn segment(vaddr: u64, offset: u64, file_bytes: u64, flags: u32) -> LinkedSegment {
        let header = ProgramHeader {
            p_type: PT_LOAD,
            p_flags: flags,
            p_offset: offset,
            p_vaddr: vaddr,
            p_filesz: file_bytes,
            p_memsz: file_bytes + 0x100,
            ..ProgramHeader::default()
        };
        LinkedSegment::of(&header)
    }

    #[test]
    fn addresses_and_offsets_are_each_others_inverse() {
        let linked =
            Linked { segments: vec![segment(0x40_1020, 0x1020, 0x500, PF_X), segment(0x40_3e00, 0x2e00, 0x80, 0)] };
        for (la, offset) in [(0x40_1020, 0x1020), (0x40_151f, 0x151f), (0x40_3e00, 0x2e00)] {
            assert_eq!(linked.address_of(offset), Some(LinearAddr(la)));
            assert_eq!(linked.offset_of(LinearAddr(la)), Some(offset));
        }
        assert_eq!(linked.address_of(0x1000), Some(LinearAddr(0x40_1000)), "the rest of the segment's first page");
        assert_eq!(linked.address_of(0x9000), None);
        assert_eq!(linked.offset_of(LinearAddr(0x40_1520)), None, "zeros are not in the file");
    }

    #[test]
    fn what_overflows_is_nowhere() {
        let linked = Linked { segments: vec![segment(u64::MAX - 8, u64::MAX - 8, 0x40, PF_X)] };
        assert_eq!(linked.address_of(u64::MAX - 4), None);
        assert_eq!(linked.offset_of(LinearAddr(u64::MAX - 4)), Some(u64::MAX - 4));
        assert_eq!(linked.offset_of(LinearAddr(0)), None);
    }
}
