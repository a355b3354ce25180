//! The committed samples are what their README says: a source, a program and a row for each, static x86-64 ELF files
//! with no segment that is both writable and executable. Whether they are what their sources give needs the right gcc:
//! `cargo xtask samples --check`.

#![forbid(unsafe_code)]

use std::path::PathBuf;
use xtask::{samples, workspace_root};

const ET_EXEC: u16 = 2;
const ET_DYN: u16 = 3;
const EM_X86_64: u16 = 62;
const PT_INTERP: u32 = 3;
const PF_W_X: u32 = 0b011;

/// The folder of the samples.
fn folder() -> PathBuf {
    let root = workspace_root(&std::env::current_dir().unwrap()).expect("inside the workspace");
    root.join(samples::SAMPLES_FOLDER)
}

/// A little-endian field of a file.
fn field<const N: usize>(bytes: &[u8], offset: usize) -> [u8; N] {
    bytes[offset..offset + N].try_into().unwrap()
}

/// Type and flags of each program header.
fn program_headers(bytes: &[u8]) -> Vec<(u32, u32)> {
    let table = u64::from_le_bytes(field(bytes, 32)) as usize;
    let size = u16::from_le_bytes(field(bytes, 54)) as usize;
    let count = u16::from_le_bytes(field(bytes, 56)) as usize;
    (0..count)
        .map(|i| {
            let header = table + i * size;
            (u32::from_le_bytes(field(bytes, header)), u32::from_le_bytes(field(bytes, header + 4)))
        })
        .collect()
}

#[test]
fn every_sample_is_a_static_elf_file_of_a_few_kib() {
    let names = samples::names(&folder()).unwrap();
    assert!(names.len() >= 13, "{names:?}");
    for name in names {
        let bytes = std::fs::read(folder().join(&name)).expect(&name);
        let kind = if name.ends_with("-pie") { ET_DYN } else { ET_EXEC };
        assert_eq!(bytes[..4], *b"\x7fELF", "{name}");
        assert_eq!(u16::from_le_bytes(field(&bytes, 16)), kind, "{name}");
        assert_eq!(u16::from_le_bytes(field(&bytes, 18)), EM_X86_64, "{name}");
        for (segment, flags) in program_headers(&bytes) {
            assert_ne!(segment, PT_INTERP, "{name} asks for an interpreter");
            assert_ne!(flags & PF_W_X, PF_W_X, "{name} has a writable and executable segment");
        }
        assert!(bytes.len() < 16 * 1024, "{name} has {} bytes", bytes.len());
    }
}

#[test]
fn the_readme_has_a_row_with_the_size_of_each_sample() {
    let readme = std::fs::read_to_string(folder().join("README.md")).unwrap();
    for name in samples::names(&folder()).unwrap() {
        let size = std::fs::metadata(folder().join(&name)).unwrap().len();
        let row = readme
            .lines()
            .find(|line| line.starts_with(&format!("| [`{name}`]")))
            .unwrap_or_else(|| panic!("{name} has no row"));
        assert!(row.ends_with(&format!("| {size} |")), "{name} has {size} bytes, the row says: {row}");
    }
}

/// A program whose source is gone could never be rebuilt.
#[test]
fn there_is_no_program_without_a_source() {
    let names = samples::names(&folder()).unwrap();
    for entry in std::fs::read_dir(folder()).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let other = ["README.md", "src", "toolchain.txt"].contains(&name.as_str());
        assert!(other || names.contains(&name), "{name} has no source");
    }
}
