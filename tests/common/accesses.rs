//! A trace of accesses that no run has written.

use std::path::{Path, PathBuf};

/// A trace of a program with this name, made by hand: there are registers and no paging entries, and one read was translated.
pub(crate) fn made_up(folder: &Path, name: &str) -> PathBuf {
    let registers = [
        &[10][..],
        &[0xb3, 0x80, 0x94, 0x80, 0x08],                         // CR0
        &[0x80, 0x20, 0xb0, 0x8d, 0xc0, 0x01, 0x81, 0x1a, 0, 0], // CR3, CR4, EFER, PKRU, PKRS
        &[0x86, 0x88, 0x9c, 0x80, 0xe0, 0x80, 0xc1, 0x03],       // PAT
        &[6, 46, 0, 0, 1, 0, 0],
    ];
    let header = [&[1, name.len() as u8], name.as_bytes()].concat();
    let events = [&header, &registers.concat(), &[1, 0, 0][..], &[17]].concat();
    let [low, high] = (events.len() as u16 * 8 + 1).to_le_bytes();
    // A frame of one block, the last, that is not compressed.
    let frame = [0x28, 0xb5, 0x2f, 0xfd, 0x20, events.len() as u8, low, high, 0];
    let path = folder.join("made-up");
    std::fs::write(&path, [&b"pagewalk accesses 1\n"[..], &frame, &events].concat()).expect("a file");
    path
}
