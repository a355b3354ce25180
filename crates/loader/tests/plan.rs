//! What the plan of a sound file says, and the oddities that Linux loads and so do we.

mod common;

use common::{BASE, CODE, Counting, ElfFile, check_plan, data, header, la, text};
use goblin::elf::program_header::{PF_R, PF_W, PF_X, PT_GNU_RELRO, PT_GNU_STACK, PT_LOAD, PT_TLS};
use pagewalk_loader::{
    AddrRange, AnonymousPages, FilePages, Image, Kind, Layout, LoadPlan, Protection, Segment, StackProtection, ZeroTail,
};
use proptest::prelude::*;

const R: Protection = Protection::READ;
const RW: Protection = Protection::READ.union(Protection::WRITE);
const RX: Protection = Protection::READ.union(Protection::EXEC);
const RWX: Protection = RW.union(Protection::EXEC);

fn range(start: u64, end: u64) -> AddrRange {
    AddrRange { start: la(start), end: la(end) }
}

fn plan(elf: &ElfFile) -> LoadPlan {
    let plan = elf.load().expect("the file is sound");
    check_plan(&plan, elf.length as u64, &Layout::default());
    plan
}

/// The plan's segment for `header`, which comes behind the text.
fn second(header: goblin::elf64::program_header::ProgramHeader) -> Segment {
    plan(&ElfFile::with(header)).segments[1]
}

#[test]
fn a_fixed_program() {
    let plan = plan(&ElfFile::exec());
    assert_eq!((plan.kind, plan.bias), (Kind::Exec, 0));
    assert_eq!(plan.entry, la(BASE + CODE));
    assert_eq!((plan.phdr, plan.phnum, plan.phent), (la(BASE + 64), 1, 56));
    assert_eq!(plan.brk_start, la(BASE + 0x1000));
    assert_eq!(plan.stack, StackProtection::NotExecutable);
    assert_eq!((plan.tls, plan.relro, plan.interpreter, plan.missing_file_bytes), (None, None, None, 0));
    let pages = FilePages { range: range(BASE, BASE + 0x1000), offset: 0, protection: RX };
    let segment = Segment {
        memory: range(BASE, BASE + 0x1000),
        file_bytes: 0x1000,
        file_offset: 0,
        protection: RX,
        file: Some(pages),
        zero: None,
        anonymous: None,
    };
    assert_eq!(plan.segments, [segment]);
}

#[test]
fn a_static_pie_goes_to_its_base() {
    let plan = plan(&ElfFile::pie());
    assert_eq!((plan.kind, plan.bias), (Kind::StaticPie, 0x5555_5555_4000));
    assert_eq!(plan.entry, la(0x5555_5555_4000 + CODE));
    assert_eq!(plan.phdr, la(0x5555_5555_4040));
    assert_eq!(plan.segments[0].memory, range(0x5555_5555_4000, 0x5555_5555_5000));
    assert_eq!(plan.brk_start, la(0x5555_5555_5000));
}

#[test]
fn a_pie_respects_its_largest_alignment() {
    let bias_with = |aligns: [u64; 2]| {
        let mut elf = ElfFile { length: 0x2000, ..ElfFile::pie() };
        elf.headers.push(data(0x1000, 0x20_1000, 0x10, 0x10));
        elf.headers[0].p_align = aligns[0];
        elf.headers[1].p_align = aligns[1];
        plan(&elf).bias
    };
    assert_eq!(bias_with([0x1000, 0x1000]), 0x5555_5555_4000);
    assert_eq!(bias_with([0x1000, 0x20_0000]), 0x5555_5540_0000);
    assert_eq!(bias_with([0x1_0000, 0]), 0x5555_5555_0000);
    assert_eq!(bias_with([0x1000, 0x30_0000]), 0x5555_5555_4000, "no power of two: passed over, as in Linux");
}

/// The base is where the first segment goes, wherever the file was linked and whichever is the lowest.
#[test]
fn the_first_segment_of_a_pie_is_at_the_base() {
    let mut elf = ElfFile { length: 0x2000, e_entry: 0x7000_0000_0000 + CODE, ..ElfFile::pie() };
    elf.headers = vec![text(0, 0x7000_0000_0000, 0x1000, 0x1000), data(0x1000, 0x6fff_ffff_0000, 0x10, 0x10)];
    let plan = plan(&elf);
    assert_eq!(plan.segments[0].memory.start, la(0x5555_5555_4000));
    assert_eq!(plan.segments[1].memory.start, la(0x5555_5554_4000));
    assert_eq!(plan.entry, la(0x5555_5555_4000 + CODE));
}

#[test]
fn data_and_bss() {
    let s = second(data(0x1230, 0x50_0230, 0x100, 0x2345));
    assert_eq!(s.memory, range(0x50_0230, 0x50_2575));
    assert_eq!(s.file, Some(FilePages { range: range(0x50_0000, 0x50_1000), offset: 0x1000, protection: RW }));
    assert_eq!(s.zero, Some(ZeroTail { range: range(0x50_0330, 0x50_1000) }));
    assert_eq!(s.anonymous, Some(AnonymousPages { range: range(0x50_1000, 0x50_3000), protection: RW }));
}

#[test]
fn bss_within_the_last_page_needs_no_other() {
    let s = second(data(0x1000, 0x50_0000, 0x100, 0x200));
    assert_eq!(
        s.zero,
        Some(ZeroTail { range: range(0x50_0100, 0x50_1000) }),
        "to the end of the page, as padzero does"
    );
    assert_eq!(s.anonymous, None);
}

#[test]
fn whole_pages_of_data_leave_nothing_to_clear() {
    let s = second(data(0x1000, 0x50_0000, 0x1000, 0x1001));
    assert_eq!(s.zero, None);
    assert_eq!(s.anonymous, Some(AnonymousPages { range: range(0x50_1000, 0x50_2000), protection: RW }));
}

/// Linux clears only if `p_memsz > p_filesz`: without bss the program sees the file's next bytes.
#[test]
fn no_bss_no_clearing() {
    assert_eq!(second(data(0x1000, 0x50_0000, 0x100, 0x100)).zero, None);
}

/// Linux's `padzero` fails on a page that is not writable, and the failure is ignored.
#[test]
fn the_tail_of_a_read_only_segment_stays_as_in_the_file() {
    let s = second(header(PT_LOAD, PF_R, 0x1000, 0x50_0000, 0x100, 0x1100));
    assert_eq!(s.zero, None);
    assert_eq!(s.file.unwrap().protection, R);
    let anonymous = AnonymousPages { range: range(0x50_1000, 0x50_2000), protection: RW };
    assert_eq!(s.anonymous, Some(anonymous), "bss is writable whatever the segment is");
}

#[test]
fn bss_alone_needs_no_file() {
    let s = second(data(3, 0x50_0010, 0, 0x1000));
    assert_eq!((s.file, s.zero), (None, None), "nor an aligned offset");
    assert_eq!(s.anonymous, Some(AnonymousPages { range: range(0x50_0000, 0x50_2000), protection: RW }));
    let s = second(header(PT_LOAD, PF_R | PF_W | PF_X, 0, 0x50_0000, 0, 0x1000));
    assert_eq!(s.anonymous.unwrap().protection, RWX);
}

#[test]
fn empty_segments_load_nothing_but_move_the_heap() {
    let plan = plan(&ElfFile::with(data(5, 0x50_0300, 0, 0)));
    assert_eq!(plan.segments.len(), 1);
    assert_eq!(plan.brk_start, la(0x50_1000));
}

/// The ELF specification asks for ascending order; Linux does not.
#[test]
fn segments_may_be_out_of_order() {
    let plan = plan(&ElfFile::with(data(0x1000, 0x30_0000, 0x10, 0x3000)));
    assert_eq!(plan.segments[1].memory, range(0x30_0000, 0x30_3000));
    assert_eq!(plan.brk_start, la(BASE + 0x1000), "the highest counts, not the last");
}

#[test]
fn two_segments_may_share_a_page() {
    let mut elf = ElfFile { length: 0x2000, ..ElfFile::exec() };
    elf.headers = vec![text(0, BASE, 0x1800, 0x1800), data(0x1800, BASE + 0x1800, 0x800, 0x900)];
    let plan = plan(&elf);
    let [a, b] = plan.segments[..] else { panic!("two segments") };
    assert!(!a.memory.overlaps(b.memory) && a.pages().overlaps(b.pages()));
    assert_eq!(b.file.unwrap().offset, 0x1000);
}

/// Where segments share the entry's page, the later one has it.
#[test]
fn the_entry_is_judged_by_the_mapping_that_wins() {
    let mut elf = ElfFile { length: 0x2000, ..ElfFile::exec() };
    elf.headers = vec![text(0, BASE, 0x900, 0x900), data(0x900, BASE + 0x900, 0x100, 0x100)];
    assert!(elf.load().is_err(), "the data page is not executable");
    elf.headers.swap(0, 1);
    assert!(elf.load().is_ok());
}

#[test]
fn a_file_may_be_shorter_than_its_segments() {
    let mut elf = ElfFile::with(header(PT_LOAD, PF_R, 0x1000, 0x50_0000, 0x5000, 0x5000));
    assert_eq!(plan(&elf).missing_file_bytes, 0x4000);
    elf.headers[1].p_offset = 1 << 44;
    assert_eq!(plan(&elf).missing_file_bytes, (1 << 44) + 0x5000 - 0x2000);
}

#[test]
fn the_file_offset_of_bss_alone_means_nothing() {
    assert_eq!(plan(&ElfFile::with(data(u64::MAX, 0x50_0000, 0, 0x1000))).missing_file_bytes, 0);
}

#[test]
fn ident_is_not_looked_at_beyond_the_magic() {
    for (byte, value) in [(4, 1), (4, 9), (5, 0), (5, 7), (6, 0), (7, 9), (15, 0xff)] {
        let mut elf = ElfFile::exec();
        elf.ident[byte] = value;
        assert!(elf.load().is_ok(), "e_ident[{byte}] = {value}: Linux runs it");
    }
}

#[test]
fn program_headers_outside_the_segments_have_the_bias_as_address() {
    let mut elf = ElfFile::exec();
    elf.headers[0] = text(0x800, BASE + 0x800, 0x800, 0x800);
    assert_eq!(plan(&elf).phdr, la(0));
    elf.e_phoff = 64;
    elf.headers[0].p_filesz = 0x700;
    assert_eq!(plan(&elf).phdr, la(0));
}

#[test]
fn the_most_program_headers_that_linux_takes() {
    let mut elf = ElfFile { e_phnum: Some(1170), length: 0x2_0000, ..ElfFile::exec() };
    elf.headers[0] = text(0, BASE, 0x2_0000, 0x2_0000);
    (elf.e_entry, elf.content) = (BASE + 0x1_8000, vec![(0x1_8000, common::EXIT_42.to_vec())]);
    assert_eq!(plan(&elf).phnum, 1170);
}

#[test]
fn the_last_gnu_stack_decides() {
    let stack = |flags: &[u32]| {
        let mut elf = ElfFile::exec();
        elf.headers.extend(flags.iter().map(|&f| header(PT_GNU_STACK, f, 0, 0, 0, 0)));
        plan(&elf).stack
    };
    assert_eq!(stack(&[PF_R | PF_W]), StackProtection::NotExecutable);
    assert_eq!(stack(&[PF_R | PF_W | PF_X]), StackProtection::Executable);
    assert_eq!(stack(&[PF_R | PF_W | PF_X, PF_R | PF_W]), StackProtection::NotExecutable);
}

#[test]
fn thread_local_storage() {
    let mut elf = ElfFile { length: 0x2000, ..ElfFile::pie() };
    elf.headers.push(data(0x1000, 0x2000, 0x100, 0x100));
    elf.headers.push(header(PT_TLS, PF_R, 0x1000, 0x2000, 0x20, 0x60));
    elf.headers[2].p_align = 8;
    let tls = plan(&elf).tls.expect("there is a template");
    assert_eq!(tls.start, la(0x5555_5555_6000));
    assert_eq!((tls.file_bytes, tls.memory_bytes, tls.align), (0x20, 0x60, 8));
    elf.headers[2].p_vaddr = 0x9000;
    assert_eq!(plan(&elf).tls, None, "outside the segments");
    elf.headers[2].p_filesz = 0;
    assert!(plan(&elf).tls.is_some(), "nothing to copy, so it lies nowhere");
    elf.headers[2].p_align = 3;
    assert_eq!(plan(&elf).tls, None);
}

#[test]
fn read_only_after_relocation() {
    let relro = |vaddr, size| {
        let mut elf = ElfFile::with(data(0x1000, 0x50_0000, 0x1000, 0x3000));
        elf.headers.push(header(PT_GNU_RELRO, PF_R, 0x1000, vaddr, size, size));
        plan(&elf).relro
    };
    assert_eq!(relro(0x50_0010, 0x1ff0), Some(range(0x50_0000, 0x50_2000)));
    assert_eq!(relro(0x50_0010, 0x1fef), Some(range(0x50_0000, 0x50_1000)), "the end is rounded down");
    assert_eq!(relro(0x50_0010, 0x10), None, "less than a page");
    assert_eq!(relro(0x50_0000, u64::MAX), None);
    assert_eq!(relro(0x60_0000, 0x1000), None);
}

/// Headers are all that is read, however large the file is.
#[test]
fn only_headers_are_read() {
    let file = ElfFile { length: 16 << 20, ..ElfFile::exec() }.build();
    let mut reader = Counting::new(&file);
    assert!(pagewalk_loader::load(&mut reader, &Layout::default()).is_ok());
    assert_eq!(reader.bytes, 256 + 56);
}

proptest! {
    /// Any segment that is accepted keeps the invariants, and one that is sound by the rules is accepted.
    #[test]
    fn segments_of_any_shape(
        flags in 0u32..8,
        page in 0x500u64..0x600,
        within in 0u64..0x1000,
        offset_page in 0u64..4,
        filesz in 0u64..0x4000,
        bss in 0u64..0x4000,
    ) {
        let (vaddr, offset) = (page * 0x1000 + within, offset_page * 0x1000 + within);
        let mut elf = ElfFile::exec();
        elf.length = 0x10000;
        elf.headers.push(header(PT_LOAD, flags, offset, vaddr, filesz, filesz + bss));
        let plan = elf.load().unwrap();
        check_plan(&plan, 0x10000, &Layout::default());
        prop_assert_eq!(plan.segments.len(), if filesz + bss == 0 { 1 } else { 2 });
        prop_assert_eq!(plan.brk_start, la(vaddr + filesz + bss).page_align_up().unwrap());
        if let Some(s) = plan.segments.get(1) {
            let clears = flags & PF_W != 0 && bss > 0 && filesz > 0 && (within + filesz) % 0x1000 != 0;
            prop_assert_eq!(s.zero.is_some(), clears);
        }
    }

    /// Bytes behind the magic are anything: an image or an error in words.
    #[test]
    fn random_headers(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        let file = [b"\x7fELF".as_slice(), &bytes].concat();
        match pagewalk_loader::load(&mut file.as_slice(), &Layout::default()) {
            Ok(Image::Elf(plan)) => check_plan(&plan, file.len() as u64, &Layout::default()),
            Ok(Image::Script { .. }) => prop_assert!(false, "not a script"),
            Err(error) => common::check_error(&error),
        }
    }
}
