//! A program of ten instructions, of which every count is known: it has no C library, and so nothing but these.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// Where the file is loaded: its headers, zeros, and the code; behind them 15 pages of zeros.
const BASE: u64 = 0x40_0000;

/// Where the code begins: its first instruction goes on in the next page.
const CODE_AT: u64 = 0xffd;

/// The bytes of the two headers.
const HEADERS: usize = 64 + 56;

/// The code, an instruction a line.
#[rustfmt::skip]
pub(crate) const CODE: &[u8] = &[
    0xbf, 0x00, 0x20, 0x40, 0x00,                   // mov edi, 0x402000
    0xb9, 0x00, 0x20, 0x00, 0x00,                   // mov ecx, 0x2000
    0xf3, 0xaa,                                     // rep stosb: two pages
    0x83, 0x04, 0x25, 0x00, 0x40, 0x40, 0x00, 0x01, // add dword ptr [0x404000], 1: one, for writing
    0x8b, 0x04, 0x25, 0xfe, 0x5f, 0x40, 0x00,       // mov eax, [0x405ffe]: two, for reading
    0xb9, 0x00, 0x00, 0x00, 0x00,                   // mov ecx, 0
    0xf3, 0xaa,                                     // rep stosb: none
    0xb8, 0x3c, 0x00, 0x00, 0x00,                   // mov eax, 60
    0x31, 0xff,                                     // xor edi, edi
    0x0f, 0x05,                                     // syscall: exit(0)
];

/// What its run comes to on a processor with more entries than pages, by event.
pub(crate) const COUNTS: &[(&str, u64)] = &[
    ("instructions", 10),
    ("itlb_misses.walk_completed_4k", 2),
    ("dtlb_store_misses.walk_completed_4k", 3),
    ("dtlb_load_misses.walk_completed_4k", 2),
    // Four entries on the first way, and then the PDE is cached.
    ("itlb_misses.walk_loads", 5),
    ("itlb_misses.walk_updates", 5),
    ("dtlb_store_misses.walk_loads", 3),
    ("dtlb_store_misses.walk_updates", 3),
    ("dtlb_load_misses.walk_loads", 2),
    ("dtlb_load_misses.walk_updates", 2),
    ("paging_structure.pde_hit", 6),
];

/// Writes an ELF file of the code: one segment that may be read, written and executed.
pub(crate) fn write(path: &Path, code: &[u8]) -> io::Result<()> {
    let mut file = headers(CODE_AT + code.len() as u64);
    assert_eq!(file.len(), HEADERS, "the sizes that the headers say of themselves");
    file.resize(CODE_AT as usize, 0);
    file.extend_from_slice(code);
    OpenOptions::new().write(true).create_new(true).mode(0o755).open(path)?.write_all(&file)
}

/// The ELF header and one program header.
fn headers(file_bytes: u64) -> Vec<u8> {
    const MEMORY_BYTES: u64 = 0x1_0000;
    let mut bytes = b"\x7fELF\x02\x01\x01".to_vec();
    bytes.resize(16, 0);
    let mut put = |size: usize, values: &[u64]| {
        for value in values {
            bytes.extend_from_slice(&value.to_le_bytes()[..size]);
        }
    };
    put(2, &[2, 62]); // ET_EXEC, EM_X86_64
    put(4, &[1]);
    put(8, &[BASE + CODE_AT, 64, 0]); // entry, program headers, no section headers
    put(4, &[0]);
    put(2, &[64, 56, 1, 64, 0, 0]);
    put(4, &[1, 7]); // PT_LOAD, PF_R | PF_W | PF_X
    put(8, &[0, BASE, BASE, file_bytes, MEMORY_BYTES, 0x1000]);
    bytes
}
