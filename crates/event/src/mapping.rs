//! Mappings: what an address belongs to.

use arch::LinearAddr;
use bitflags::bitflags;

/// A file, by the kernel layer's number, which may stand for another once nobody has it open or mapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileId(pub u32);

bitflags! {
    /// What a mapping allows.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    pub struct Rights: u8 {
        /// Read.
        const READ = 1;
        /// Write.
        const WRITE = 2;
        /// Execute.
        const EXEC = 4;
        /// Writes are seen by others, and reach the file (`MAP_SHARED`).
        const SHARED = 8;
    }
}

/// What is in a mapping.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MappingKind {
    /// Zeros.
    Anonymous,
    /// The pages of a program's file that it has no bytes for: its bss.
    Bss(FileId),
    /// The brk area, which begins here.
    Heap(LinearAddr),
    /// The initial stack, which ends here.
    Stack(LinearAddr),
    /// A file, from this byte on.
    File(FileId, u64),
}

/// A mapping. Both ends are page borders.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mapping {
    /// The first address.
    pub start: LinearAddr,
    /// The first address beyond.
    pub end: LinearAddr,
    /// What it allows.
    pub rights: Rights,
    /// What is in it.
    pub kind: MappingKind,
}
