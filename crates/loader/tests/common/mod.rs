//! ELF files made from parts, a reader that counts, and the invariants that every plan keeps.
#![allow(dead_code, reason = "each test uses its own part of this")]

use arch::{FRAME_SIZE, LinearAddr};
use goblin::elf::header::{ELFMAG, EM_X86_64, ET_DYN, ET_EXEC};
use goblin::elf::program_header::{PF_R, PF_W, PF_X, PT_LOAD};
pub(crate) use goblin::elf64::program_header::ProgramHeader;
use pagewalk_loader::{AddrRange, Image, Layout, LoadError, LoadPlan, Protection, ReadAt, ReadError};

/// `mov edi, 42; mov eax, 60; syscall`
pub(crate) const EXIT_42: [u8; 12] = [0xbf, 42, 0, 0, 0, 0xb8, 60, 0, 0, 0, 0x0f, 0x05];
/// Where [`ElfFile::exec`] has its code, in the file and above the base.
pub(crate) const CODE: u64 = 0x800;
/// Where the segments of [`ElfFile::exec`] start.
pub(crate) const BASE: u64 = 0x40_0000;
pub(crate) const TASK_SIZE: u64 = Layout::TASK_SIZE.0;

/// A section header, as far as symbols need it.
#[derive(Clone, Copy, Default)]
pub(crate) struct Section {
    pub(crate) kind: u32,
    pub(crate) offset: u64,
    pub(crate) size: u64,
    pub(crate) link: u32,
}

/// The parts of an ELF file. Every field can be set to anything.
#[derive(Clone)]
pub(crate) struct ElfFile {
    pub(crate) ident: [u8; 16],
    pub(crate) e_type: u16,
    pub(crate) e_machine: u16,
    pub(crate) e_entry: u64,
    pub(crate) e_phoff: u64,
    pub(crate) e_phentsize: u16,
    /// `None`: as many as there are.
    pub(crate) e_phnum: Option<u16>,
    pub(crate) e_shoff: u64,
    pub(crate) e_shentsize: u16,
    pub(crate) e_shnum: Option<u16>,
    pub(crate) headers: Vec<ProgramHeader>,
    pub(crate) sections: Vec<Section>,
    /// Bytes at offsets.
    pub(crate) content: Vec<(u64, Vec<u8>)>,
    pub(crate) length: usize,
}

pub(crate) fn header(
    p_type: u32,
    p_flags: u32,
    p_offset: u64,
    p_vaddr: u64,
    p_filesz: u64,
    p_memsz: u64,
) -> ProgramHeader {
    ProgramHeader { p_type, p_flags, p_offset, p_vaddr, p_paddr: p_vaddr, p_filesz, p_memsz, p_align: FRAME_SIZE }
}

/// A `PT_LOAD` with flags R, W.
pub(crate) fn data(p_offset: u64, p_vaddr: u64, p_filesz: u64, p_memsz: u64) -> ProgramHeader {
    header(PT_LOAD, PF_R | PF_W, p_offset, p_vaddr, p_filesz, p_memsz)
}

/// A `PT_LOAD` with flags R, X.
pub(crate) fn text(p_offset: u64, p_vaddr: u64, p_filesz: u64, p_memsz: u64) -> ProgramHeader {
    header(PT_LOAD, PF_R | PF_X, p_offset, p_vaddr, p_filesz, p_memsz)
}

impl ElfFile {
    /// A fixed program of one page of text that exits with 42. Natively it runs.
    pub(crate) fn exec() -> Self {
        let mut ident = [0; 16];
        ident[..4].copy_from_slice(ELFMAG);
        ident[4..7].copy_from_slice(&[2, 1, 1]);
        Self {
            ident,
            e_type: ET_EXEC,
            e_machine: EM_X86_64,
            e_entry: BASE + CODE,
            e_phoff: 64,
            e_phentsize: 56,
            e_phnum: None,
            e_shoff: 0,
            e_shentsize: 64,
            e_shnum: None,
            headers: vec![text(0, BASE, 0x1000, 0x1000)],
            sections: Vec::new(),
            content: vec![(CODE, EXIT_42.to_vec())],
            length: 0x1000,
        }
    }

    /// The same as a static PIE, linked at 0.
    pub(crate) fn pie() -> Self {
        let headers = vec![text(0, 0, 0x1000, 0x1000)];
        Self { e_type: ET_DYN, e_entry: CODE, headers, ..Self::exec() }
    }

    /// [`Self::exec`] with one more program header and a file long enough for two pages.
    pub(crate) fn with(header: ProgramHeader) -> Self {
        let mut elf = Self { length: 0x2000, ..Self::exec() };
        elf.headers.push(header);
        elf
    }

    pub(crate) fn build(&self) -> Vec<u8> {
        let mut out = Vec::new();
        put(&mut out, 0, &self.ident);
        let half = |v: u16| v.to_le_bytes().to_vec();
        let wide = |v: u64| v.to_le_bytes().to_vec();
        let count = |given: Option<u16>, len: usize| given.unwrap_or(len as u16);
        let fields = [
            half(self.e_type),
            half(self.e_machine),
            1u32.to_le_bytes().to_vec(),
            wide(self.e_entry),
            wide(self.e_phoff),
            wide(self.e_shoff),
            vec![0; 4],
            half(64),
            half(self.e_phentsize),
            half(count(self.e_phnum, self.headers.len())),
            half(self.e_shentsize),
            half(count(self.e_shnum, self.sections.len())),
            half(0),
        ];
        put(&mut out, 16, &fields.concat());
        for (i, h) in self.headers.iter().enumerate() {
            let words = [h.p_offset, h.p_vaddr, h.p_paddr, h.p_filesz, h.p_memsz, h.p_align].map(u64::to_le_bytes);
            let bytes = [&h.p_type.to_le_bytes()[..], &h.p_flags.to_le_bytes(), &words.concat()].concat();
            put(&mut out, 64 + 56 * i, &bytes);
        }
        for (offset, bytes) in &self.content {
            put(&mut out, *offset as usize, bytes);
        }
        for (i, s) in self.sections.iter().enumerate() {
            let at = self.e_shoff as usize + 64 * i;
            put(&mut out, at + 4, &s.kind.to_le_bytes());
            put(&mut out, at + 24, &[s.offset.to_le_bytes(), s.size.to_le_bytes()].concat());
            put(&mut out, at + 40, &s.link.to_le_bytes());
            put(&mut out, at + 63, &[0]);
        }
        out.resize(self.length, 0);
        out
    }

    pub(crate) fn load(&self) -> Result<LoadPlan, LoadError> {
        load(&self.build())
    }
}

fn put(out: &mut Vec<u8>, at: usize, bytes: &[u8]) {
    out.resize(out.len().max(at + bytes.len()), 0);
    out[at..at + bytes.len()].copy_from_slice(bytes);
}

/// Loads a file that should be a static program.
pub(crate) fn load(file: &[u8]) -> Result<LoadPlan, LoadError> {
    pagewalk_loader::load(&mut { file }, &Layout::default()).and_then(Image::into_elf)
}

/// A reader that keeps account of what is read.
pub(crate) struct Counting<'a> {
    pub(crate) file: &'a [u8],
    pub(crate) bytes: u64,
    pub(crate) calls: u64,
}

impl<'a> Counting<'a> {
    pub(crate) fn new(file: &'a [u8]) -> Self {
        Self { file, bytes: 0, calls: 0 }
    }
}

impl ReadAt for Counting<'_> {
    fn len(&self) -> u64 {
        self.file.len() as u64
    }

    fn read_at(&mut self, offset: u64, buf: &mut [u8]) -> Result<usize, ReadError> {
        self.calls += 1;
        let count = self.file.read_at(offset, buf)?;
        self.bytes += count as u64;
        Ok(count)
    }
}

/// What holds for every plan, whatever the file.
pub(crate) fn check_plan(plan: &LoadPlan, file_length: u64, layout: &Layout) {
    let whole = |r: AddrRange| r.start.page_offset() == 0 && r.end.page_offset() == 0 && r.start < r.end;
    assert!(!plan.segments.is_empty());
    for s in &plan.segments {
        assert!(s.memory.start < s.memory.end, "empty segment");
        assert!(layout.min_addr <= s.pages().start && s.memory.end <= layout.stack_floor, "out of bounds");
        assert!(s.file_bytes <= s.memory.len());
        assert!(s.file_offset.checked_add(s.file_bytes).is_some() || s.file_bytes == 0);
        // The pieces cover the segment's pages exactly, file pages first.
        let pieces: Vec<_> = s.file.iter().map(|f| f.range).chain(s.anonymous.iter().map(|a| a.range)).collect();
        assert!(pieces.iter().all(|&r| whole(r)), "pieces are whole pages");
        assert_eq!(pieces.first().unwrap().start, s.pages().start);
        assert_eq!(pieces.last().unwrap().end, s.pages().end);
        assert!(pieces.windows(2).all(|w| w[0].end == w[1].start), "no gap");
        assert_eq!(s.file.is_some(), s.file_bytes > 0);
        if let Some(f) = s.file {
            assert_eq!(f.offset % FRAME_SIZE, 0);
            assert_eq!(f.offset + s.memory.start.page_offset(), s.file_offset, "the bytes land where they should");
            assert_eq!(f.protection, s.protection);
            assert!(f.offset.checked_add(f.range.len()).is_some_and(|end| end <= 1 << 63));
            let bytes_end = s.memory.start.wrapping_add(s.file_bytes);
            assert!(bytes_end <= f.range.end && f.range.end.0 - bytes_end.0 < FRAME_SIZE);
        }
        if let Some(z) = s.zero {
            let f = s.file.unwrap();
            assert!(s.protection.contains(Protection::WRITE) && !z.range.is_empty());
            assert_eq!(z.range, AddrRange { start: s.memory.start.wrapping_add(s.file_bytes), end: f.range.end });
            assert!(f.offset + f.range.len() - FRAME_SIZE < file_length, "the page to clear is there");
        }
        if let Some(a) = s.anonymous {
            assert!(a.protection.contains(Protection::READ | Protection::WRITE));
        }
        assert!(plan.brk_start >= s.memory.end);
    }
    for (i, a) in plan.segments.iter().enumerate().take(64) {
        assert!(plan.segments[i + 1..].iter().all(|b| !a.memory.overlaps(b.memory)), "overlap");
    }
    assert!(plan.brk_start.page_offset() == 0 && plan.brk_start.0 <= TASK_SIZE);
    assert!(plan.segments.iter().any(|s| s.pages().contains(plan.entry)));
    assert_eq!(plan.phent, 56);
    assert!((1..=1170).contains(&plan.phnum));
    assert_eq!(plan.bias % FRAME_SIZE, 0);
    if let Some(r) = plan.relro {
        assert!(whole(r) && plan.segments.iter().any(|s| s.pages().contains(r.start)));
    }
    if let Some(t) = plan.tls {
        assert!(t.align.is_power_of_two() && t.file_bytes <= t.memory_bytes);
        assert!(t.file_bytes == 0 || plan.segments.iter().any(|s| s.pages().contains(t.start)));
    }
}

/// Says what is wrong and what to do, in words.
pub(crate) fn check_error(error: &LoadError) {
    assert!(error.to_string().len() > 10, "{error:?}");
    assert!(error.help().len() > 10, "{error:?}");
}

pub(crate) const fn la(address: u64) -> LinearAddr {
    LinearAddr(address)
}
