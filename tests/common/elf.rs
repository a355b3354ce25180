//! The smallest static programs, as bytes: an ELF header, one program header, and code.

use std::ops::Range;

/// Where the file is mapped, its headers first.
pub(crate) const BASE: u64 = 0x40_0000;
/// Where the code is in the file: after the headers.
pub(crate) const CODE_OFFSET: usize = 64 + 56;

/// The fields of the headers, by their place in the file.
pub(crate) mod field {
    use super::Range;
    pub(crate) const CLASS: Range<usize> = 4..5;
    pub(crate) const DATA: Range<usize> = 5..6;
    pub(crate) const IDENT_VERSION: Range<usize> = 6..7;
    pub(crate) const TYPE: Range<usize> = 16..18;
    pub(crate) const MACHINE: Range<usize> = 18..20;
    pub(crate) const PHOFF: Range<usize> = 32..40;
    pub(crate) const PHENTSIZE: Range<usize> = 54..56;
    pub(crate) const PHNUM: Range<usize> = 56..58;
    pub(crate) const P_TYPE: Range<usize> = 64..68;
    pub(crate) const P_OFFSET: Range<usize> = 72..80;
    pub(crate) const P_VADDR: Range<usize> = 80..88;
    pub(crate) const P_FILESZ: Range<usize> = 96..104;
    pub(crate) const P_MEMSZ: Range<usize> = 104..112;
}

/// A program that runs `code`, in one segment with these rights (the bits of `p_flags`).
pub(crate) fn program_with_rights(code: &[u8], flags: u32) -> Vec<u8> {
    let size = (CODE_OFFSET + code.len()) as u64;
    let mut file = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0".to_vec();
    file.extend([2u16, 62].iter().flat_map(|half| half.to_le_bytes())); // ET_EXEC, EM_X86_64
    file.extend(1u32.to_le_bytes());
    file.extend([BASE + CODE_OFFSET as u64, 64, 0].iter().flat_map(|word| word.to_le_bytes())); // entry, phoff, shoff
    file.extend(0u32.to_le_bytes());
    file.extend([64u16, 56, 1, 0, 0, 0].iter().flat_map(|half| half.to_le_bytes()));
    file.extend([1, flags].iter().flat_map(|half| half.to_le_bytes())); // PT_LOAD
    file.extend([0, BASE, BASE, size, size, 4096].iter().flat_map(|word| word.to_le_bytes()));
    file.extend(code);
    file
}

/// A program that runs `code`, which it may read and execute.
pub(crate) fn program(code: &[u8]) -> Vec<u8> {
    program_with_rights(code, 5)
}

/// Writes `value` into a field of a file, as wide as the field is.
pub(crate) fn set(file: &mut [u8], field: Range<usize>, value: u64) {
    let width = field.len();
    file[field].copy_from_slice(&value.to_le_bytes()[..width]);
}
