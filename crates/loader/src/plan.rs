//! What to map where: the loader's answer for an ELF file.
//!
//! The plan is a list of segments in the order of the file, and each segment is up to three steps, to be carried out in
//! that order, as Linux's `elf_load` does (a later mapping replaces what it covers of an earlier one, as `MAP_FIXED`
//! does: two segments may share a page, and the later one has it):
//!
//! ```text
//!   start.page_base()      start              file ends           pages from the file end      memory ends
//!        |---- file bytes --|--- p_filesz -------|--- zero ----------------|--- anonymous pages ----|
//!        \______________________ FilePages ______________________________/ \____ AnonymousPages ___/
//!                                                 \____ ZeroTail ________/
//! ```
//!
//! 1. [`FilePages`]: map the pages of the file, private, to be read on first touch. What lies beyond the end of the
//!    file gives SIGBUS when touched.
//! 2. [`ZeroTail`]: write zeros over the rest of the last page. This is the one write at load time, and it needs the page,
//!    as in Linux; it is there only if the segment is writable. In a segment that is not, Linux's `padzero` fails, the
//!    failure is ignored, and the program sees the file's bytes there.
//! 3. [`AnonymousPages`]: map demand-zero pages. Linux maps them readable and writable whatever the segment's flags are
//!    (`vm_brk_flags`), and executable if the segment is.

use arch::LinearAddr;

bitflags::bitflags! {
    /// What a mapping allows, with Linux's `PROT_*` values.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    pub struct Protection: u32 {
        /// `PROT_READ`
        const READ = 1;
        /// `PROT_WRITE`
        const WRITE = 2;
        /// `PROT_EXEC`
        const EXEC = 4;
    }
}

/// What kind of program it is, by where it goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `ET_EXEC`: at the addresses in the file.
    Exec,
    /// `ET_DYN`: moved by [`LoadPlan::bias`].
    StaticPie,
}

/// A range of linear addresses, `start..end`, not empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AddrRange {
    /// The first address.
    pub start: LinearAddr,
    /// The first address beyond.
    pub end: LinearAddr,
}

impl AddrRange {
    /// Bytes in the range.
    #[must_use]
    pub const fn len(self) -> u64 {
        self.end.0 - self.start.0
    }

    /// Whether there is no address in the range.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.end.0 <= self.start.0
    }

    /// Whether `la` lies in the range.
    #[must_use]
    pub const fn contains(self, la: LinearAddr) -> bool {
        self.start.0 <= la.0 && la.0 < self.end.0
    }

    /// Whether the ranges have an address in common.
    #[must_use]
    pub const fn overlaps(self, other: Self) -> bool {
        self.start.0 < other.end.0 && other.start.0 < self.end.0
    }
}

/// Pages of the file, mapped private at a fixed address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FilePages {
    /// Whole pages.
    pub range: AddrRange,
    /// Offset of the first page in the file, in bytes, a multiple of the page size. It may lie beyond the end of the file.
    pub offset: u64,
    /// The segment's flags.
    pub protection: Protection,
}

/// The rest of a segment's last file page, to be written with zeros. Never a whole page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ZeroTail {
    /// From the end of the segment's bytes to the end of their page.
    pub range: AddrRange,
}

/// Demand-zero pages at a fixed address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AnonymousPages {
    /// Whole pages.
    pub range: AddrRange,
    /// Always readable and writable; executable as the segment is.
    pub protection: Protection,
}

/// One `PT_LOAD` segment: what it says, and the steps to map it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    /// The bytes of the segment in memory: `p_vaddr .. p_vaddr + p_memsz`, with the bias.
    pub memory: AddrRange,
    /// How many bytes of it come from the file: `p_filesz`.
    pub file_bytes: u64,
    /// Where in the file they start: `p_offset`.
    pub file_offset: u64,
    /// The segment's own flags.
    pub protection: Protection,
    /// Step 1; `None` if nothing comes from the file.
    pub file: Option<FilePages>,
    /// Step 2; `None` if there is nothing to clear, or the segment is not writable.
    pub zero: Option<ZeroTail>,
    /// Step 3; `None` if the file's pages are all there is.
    pub anonymous: Option<AnonymousPages>,
}

impl Segment {
    /// The whole pages that the segment occupies.
    #[must_use]
    pub fn pages(&self) -> AddrRange {
        let end = self.memory.end.page_align_up().expect("segments end below TASK_SIZE");
        AddrRange { start: self.memory.start.page_base(), end }
    }
}

/// What `PT_GNU_STACK` says of the stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StackProtection {
    /// Readable and writable: what x86-64 programs have, also those without `PT_GNU_STACK`.
    NotExecutable,
    /// `PT_GNU_STACK` asks for an executable stack.
    Executable,
}

/// `PT_TLS`: the template of thread-local storage. The program's own start-up code copies it; the kernel does nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TlsSegment {
    /// Where the initialised part lies in memory.
    pub start: LinearAddr,
    /// Bytes of the initialised part.
    pub file_bytes: u64,
    /// Bytes of a thread's block.
    pub memory_bytes: u64,
    /// Its alignment in bytes.
    pub align: u64,
}

/// All that `execve` needs to know of an ELF program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadPlan {
    /// Fixed or moved.
    pub kind: Kind,
    /// What was added to each address of the file, modulo 2^64; 0 for [`Kind::Exec`].
    pub bias: u64,
    /// The segments, in the order in which they are to be mapped. At least one.
    pub segments: Vec<Segment>,
    /// The first instruction (`AT_ENTRY`), in executable pages of a segment.
    pub entry: LinearAddr,
    /// `AT_PHDR`: the program headers in memory. If no segment holds them this is [`Self::bias`], as in Linux.
    pub phdr: LinearAddr,
    /// `AT_PHNUM`.
    pub phnum: u16,
    /// `AT_PHENT`, in bytes.
    pub phent: u16,
    /// Where the heap starts: the first page above the highest segment (`mm->start_brk`).
    pub brk_start: LinearAddr,
    /// Executable stack or not.
    pub stack: StackProtection,
    /// Thread-local storage, if the program has any. `None` also if it lies outside the segments.
    pub tls: Option<TlsSegment>,
    /// `PT_GNU_RELRO`: what start-up code makes read-only after it has relocated, in whole pages (rounded down at both
    /// ends, as the C libraries do). The kernel does nothing. `None` also if it lies outside the segments.
    pub relro: Option<AddrRange>,
    /// `PT_INTERP`: the program is dynamically linked and this is its loader's path, without the final NUL.
    pub interpreter: Option<Vec<u8>>,
    /// How many bytes the file lacks at its end for what the segments map of it. Linux loads such a file, and so do we;
    /// a touch of a page that is wholly missing is SIGBUS.
    pub missing_file_bytes: u64,
}

impl LoadPlan {
    /// From the first page to the last, with what lies between (`total_mapping_size`).
    #[must_use]
    pub fn span(&self) -> AddrRange {
        let pages = || self.segments.iter().map(Segment::pages);
        let start = pages().map(|range| range.start).min().unwrap_or(self.entry);
        let end = pages().map(|range| range.end).max().unwrap_or(self.entry);
        AddrRange { start, end }
    }

    /// The segment whose bytes hold `la`.
    #[must_use]
    pub fn segment_at(&self, la: LinearAddr) -> Option<&Segment> {
        self.segments.iter().rev().find(|s| s.memory.contains(la))
    }
}
