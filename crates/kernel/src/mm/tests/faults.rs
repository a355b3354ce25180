//! Page faults of anonymous memory and of the stack.

use crate::Errno;
use crate::mm::testing::{ANON, FIXED, Guest, PAGE, RW};
use crate::mm::{
    Advice, BUS_ADRERR, MapFlags, MmLimits, Partial, Prot, SEGV_ACCERR, SEGV_MAPERR, STACK_TOP, SignalKind, ZERO_PAGE,
};
use arch::{AccessKind, LinearAddr, PageFault, PageFaultCode};
use event::Resolution::{
    CopiedOnWrite, DemandZero, OutOfMemory, ReusedOnWrite, SegvAccErr, SegvMapErr, Spurious, ZeroPage,
};

const AT: u64 = 0x10_0000;

#[test]
fn a_read_maps_the_zero_page_and_a_write_copies_it() {
    let mut guest = Guest::new();
    guest.mmap(AT, PAGE, RW, FIXED).unwrap();
    assert_eq!(guest.read(AT + 9), Ok(0));
    assert_eq!(guest.pte(AT).0, 0x8000_0000_0000_0025); // P US A XD, frame 0
    assert_eq!(guest.mm().resident_pages(), 0);
    guest.write(AT, 3).unwrap();
    assert_eq!(guest.read(AT), Ok(3));
    assert_eq!(guest.faults(), [ZeroPage, CopiedOnWrite]);
    assert_eq!(guest.mm().resident_pages(), 1);
    guest.exit();
}

#[test]
fn a_write_gets_a_zeroed_frame_of_its_own() {
    let mut guest = Guest::new();
    guest.mmap(AT, 2 * PAGE, RW | Prot::EXEC, FIXED).unwrap();
    guest.write(AT + 1, 1).unwrap();
    guest.fetch(AT).unwrap();
    let pte = guest.pte(AT);
    assert_eq!(pte.0 & 0x8000_0000_0000_0fff, 0x67); // P RW US A D
    guest.munmap(AT, PAGE).unwrap();
    guest.write(AT + PAGE, 1).unwrap();
    assert_eq!((guest.pte(AT + PAGE).frame(), guest.read(AT + PAGE + 1)), (pte.frame(), Ok(0)), "reused, and zeroed");
    assert_eq!(guest.faults(), [DemandZero, DemandZero]);
    guest.exit();
}

#[test]
fn forbidden_accesses_get_the_codes_of_linux() {
    let mut guest = Guest::new();
    guest.mmap(AT, PAGE, Prot::READ, FIXED).unwrap();
    guest.mmap(AT + PAGE, PAGE, Prot::empty(), FIXED).unwrap();
    let code = |signal: crate::mm::MemSignal| (signal.signal, signal.code, signal.addr.0);
    let accerr = |la| (SignalKind::Segv, SEGV_ACCERR, la);
    assert_eq!(guest.write(AT + 7, 1).map_err(code), Err(accerr(AT + 7)));
    assert_eq!(guest.read(AT + PAGE).map_err(code), Err(accerr(AT + PAGE)));
    assert_eq!(guest.read(AT - 1).map_err(code), Err((SignalKind::Segv, SEGV_MAPERR, AT - 1)));
    assert_eq!(guest.faults(), [SegvAccErr, SegvAccErr, SegvMapErr]);
    assert_eq!(guest.fetch(AT).map_err(code), Err(accerr(AT)));
    assert_eq!(guest.faults(), [ZeroPage, SegvAccErr], "the page comes, then its XD is found");
    assert_eq!(BUS_ADRERR, 2);
    guest.exit();
}

#[test]
fn pages_without_rights_keep_their_bytes() {
    let mut guest = Guest::new();
    guest.mmap(AT, 3 * PAGE, RW, FIXED).unwrap();
    guest.write(AT, 4).unwrap();
    guest.read(AT + PAGE).unwrap();
    guest.mprotect(AT, 3 * PAGE, Prot::empty()).unwrap();
    guest.check_tables();
    assert!(guest.read(AT).is_err() && guest.read(AT + PAGE).is_err());
    guest.mprotect(AT, 3 * PAGE, RW).unwrap();
    guest.faults();
    assert_eq!(guest.read(AT), Ok(4));
    guest.write(AT, 5).unwrap();
    assert_eq!(guest.faults(), [], "the frame is the process's own: writable again at once");
    guest.write(AT + PAGE, 6).unwrap();
    assert_eq!(guest.faults(), [CopiedOnWrite], "the zero page is not");
    guest.exit();
}

#[test]
fn a_frame_with_one_user_is_reused_and_a_shared_one_copied() {
    let mut guest = Guest::new();
    guest.mmap(AT, PAGE, RW, FIXED).unwrap();
    guest.write(AT, 4).unwrap();
    let write_protect = |guest: &mut Guest| {
        guest.run(|mm, cx| {
            let entry = mm.table.entry(cx.hw.mem, LinearAddr(AT)).unwrap();
            let mut pte = entry.pte;
            pte.set_writable(false);
            let shootdown = mm.table.set_pte(cx.hw.mem, entry, pte);
            cx.flush(shootdown);
        });
    };
    let old = guest.access(AT, AccessKind::Read).unwrap();
    write_protect(&mut guest);
    guest.faults();
    guest.write(AT, 5).unwrap();
    assert_eq!((guest.faults(), guest.access(AT, AccessKind::Read)), (vec![ReusedOnWrite], Ok(old)));
    write_protect(&mut guest);
    let child = guest.fork().unwrap();
    guest.write(AT, 6).unwrap();
    assert_eq!(guest.faults(), [CopiedOnWrite]);
    let frame = guest.frames.get(old);
    assert_eq!((guest.read(AT), frame.refs, frame.maps), (Ok(6), 1, 1));
    guest.kill(child);
    guest.exit();
}

#[test]
fn an_entry_that_allows_the_access_is_flushed() {
    let mut guest = Guest::new();
    guest.mmap(AT, PAGE, RW, FIXED).unwrap();
    guest.write(AT, 4).unwrap();
    guest.faults();
    let codes = [PageFaultCode::empty(), PageFaultCode::P, PageFaultCode::P | PageFaultCode::WR, PageFaultCode::WR];
    for code in codes {
        let fault = PageFault { cr2: LinearAddr(AT), code: code | PageFaultCode::US };
        let outcome = guest.run(|mm, cx| {
            let outcome = mm.handle_mm_fault(cx, LinearAddr(0), fault);
            assert!(!cx.hw.shootdown.is_empty());
            outcome
        });
        assert_eq!(outcome, Ok(Spurious));
    }
    guest.exit();
}

#[test]
fn without_frames_the_process_is_killed() {
    let mut guest = Guest::with_ram(1 << 20);
    let p = guest.mmap(0, (1 << 20) - PAGE, RW, ANON).unwrap();
    let died = (0..255).find_map(|i| guest.write(p + i * PAGE, 1).err()).expect("RAM has an end");
    assert_eq!(died.signal, SignalKind::Kill);
    assert_eq!(guest.faults().last(), Some(&OutOfMemory));
    guest.check_tables();
    guest.exit();
}

#[test]
fn madvise_dontneed_makes_anonymous_memory_zero_again() {
    let mut guest = Guest::new();
    guest.mmap(AT, 3 * PAGE, RW, FIXED).unwrap();
    for i in 0..3 {
        guest.write(AT + i * PAGE, 9).unwrap();
    }
    guest.run(|mm, cx| mm.madvise(cx, LinearAddr(AT + PAGE), PAGE, Advice::DontNeed)).unwrap();
    assert_eq!([0, 1, 2].map(|i| guest.read(AT + i * PAGE).unwrap()), [9, 0, 9]);
    assert_eq!(guest.mm().resident_pages(), 2);
    guest.exit();
}

#[test]
fn populate_fills_at_once_and_without_faults() {
    let mut guest = Guest::new();
    let p = guest.mmap(0, 4 * PAGE, RW, ANON | MapFlags::POPULATE).unwrap();
    let q = guest.mmap(0, 4 * PAGE, Prot::READ, ANON | MapFlags::POPULATE).unwrap();
    guest.write(p + PAGE, 1).unwrap();
    assert_eq!(guest.access(q, AccessKind::Read), Ok(ZERO_PAGE));
    assert_eq!((guest.faults(), guest.mm().resident_pages()), (vec![], 4));
    let none = guest.mmap(0, PAGE, Prot::empty(), ANON | MapFlags::POPULATE).unwrap();
    let populate = |guest: &mut Guest, at, advice| guest.run(|mm, cx| mm.madvise(cx, LinearAddr(at), PAGE, advice));
    assert_eq!(populate(&mut guest, none, Advice::PopulateRead), Err(Errno::EINVAL));
    assert_eq!(populate(&mut guest, q, Advice::PopulateWrite), Err(Errno::EINVAL));
    guest.exit();
}

#[test]
fn the_stack_grows_to_its_limit() {
    let mut guest = Guest::new();
    guest.run(|mm, cx| mm.setup_arg_pages(cx, 1, RW)).unwrap();
    let lowest = STACK_TOP.0 - (8 << 20);
    guest.write(STACK_TOP.0 - (1 << 20), 1).unwrap();
    assert_eq!(guest.maps(), ["7fffffeff000-7ffffffff000 rw-p"]);
    assert!(guest.events()[0].stack_grew);
    guest.write(lowest, 1).unwrap();
    let beyond = guest.write(lowest - 1, 1).unwrap_err();
    assert_eq!((beyond.code, beyond.addr.0), (SEGV_MAPERR, lowest - 1));
    assert_eq!(guest.maps(), ["7fffff7ff000-7ffffffff000 rw-p"]);
    assert_eq!(
        guest.events().iter().map(|e| (e.resolution, e.stack_grew)).collect::<Vec<_>>(),
        [(DemandZero, true), (SegvMapErr, false)]
    );
    guest.limits(MmLimits { stack: 9 << 20, ..MmLimits::default() });
    guest.write(lowest - 1, 1).unwrap();
    guest.exit();
}

#[test]
fn a_growing_stack_keeps_its_distance() {
    let mut guest = Guest::new();
    let base = 0x1000_0000;
    guest.mmap(base, 16 * PAGE, RW, FIXED | MapFlags::GROWSDOWN).unwrap();
    guest.mmap(base - 300 * PAGE, PAGE, RW, FIXED).unwrap();
    guest.write(base - PAGE, 1).unwrap();
    guest.write(base - 43 * PAGE, 1).unwrap();
    assert_eq!(guest.maps()[1], "ffd5000-10010000 rw-p");
    assert_eq!(guest.write(base - 44 * PAGE, 1).unwrap_err().code, SEGV_MAPERR, "256 pages stay free");
    assert_eq!(guest.mmap(base - 50 * PAGE, PAGE, RW, ANON), Ok(0x7fff_f7ff_e000), "mmap keeps it too");
    guest.mprotect(base - 300 * PAGE, PAGE, Prot::empty()).unwrap();
    guest.write(base - 299 * PAGE, 1).unwrap();
    assert_eq!(guest.maps().len(), 3, "what cannot be accessed is a guard itself");
    guest.exit();
}

#[test]
fn the_kernel_layer_copies_as_the_program_would() {
    let mut guest = Guest::new();
    guest.mmap(AT, 2 * PAGE, RW, FIXED).unwrap();
    guest.mmap(AT + 2 * PAGE, PAGE, Prot::READ, FIXED).unwrap();
    let bytes: Vec<u8> = (0..=255).cycle().take(5000).collect();
    guest.run(|mm, cx| mm.copy_to_user(cx, LinearAddr(AT + 100), &bytes)).unwrap();
    assert!(guest.pte(AT).dirty() && guest.pte(AT).accessed());
    let events = guest.events();
    assert_eq!(events.iter().map(|e| e.resolution).collect::<Vec<_>>(), [DemandZero, DemandZero]);
    assert!(events.iter().all(|e| e.rip.0 == 0 && !e.fault.code.contains(PageFaultCode::US)));
    let mut back = vec![0; 5000];
    guest.run(|mm, cx| mm.copy_from_user(cx, LinearAddr(AT + 100), &mut back)).unwrap();
    assert_eq!(back, bytes);
    let copy =
        |guest: &mut Guest, at, len: usize| guest.run(|mm, cx| mm.copy_to_user(cx, LinearAddr(at), &vec![1; len]));
    assert_eq!(copy(&mut guest, AT + 2 * PAGE - 10, 20), Err(Partial { copied: 10 }));
    guest.mmap(0x7fff_ffff_e000, PAGE, RW, FIXED).unwrap();
    assert_eq!(copy(&mut guest, 0x7fff_ffff_efff, 1), Ok(()));
    assert_eq!(copy(&mut guest, 0x7fff_ffff_efff, 2), Err(Partial { copied: 0 }), "refused unseen");
    assert_eq!(copy(&mut guest, u64::MAX, 2), Err(Partial { copied: 0 }));
    let frame = guest.access(AT, AccessKind::Read).unwrap();
    assert_eq!(guest.frames.get(frame).refs, 1, "no pin is left");
    guest.exit();
}

#[test]
fn strings_end_at_their_nul() {
    let mut guest = Guest::new();
    guest.mmap(AT, 2 * PAGE, RW, FIXED).unwrap();
    guest.run(|mm, cx| mm.copy_to_user(cx, LinearAddr(AT + PAGE - 3), b"hello\0")).unwrap();
    let string = |guest: &mut Guest, at, max| guest.run(|mm, cx| mm.copy_cstr_from_user(cx, LinearAddr(at), max));
    assert_eq!(string(&mut guest, AT + PAGE - 3, 6), Ok(b"hello".to_vec()));
    assert_eq!(string(&mut guest, AT + PAGE - 3, 5), Err(Errno::ENAMETOOLONG));
    guest.run(|mm, cx| mm.copy_to_user(cx, LinearAddr(AT + 2 * PAGE - 2), b"xy")).unwrap();
    assert_eq!(string(&mut guest, AT + 2 * PAGE - 2, 2), Err(Errno::ENAMETOOLONG));
    assert_eq!(string(&mut guest, AT + 2 * PAGE - 2, 3), Err(Errno::EFAULT));
    guest.exit();
}

#[test]
fn a_freed_table_is_flushed_from_the_paging_structure_caches() {
    let mut guest = Guest::new();
    guest.mmap(AT, PAGE, RW, FIXED).unwrap();
    guest.write(AT, 1).unwrap();
    guest.mprotect(AT, PAGE, Prot::empty()).unwrap(); // its entry is not present any more, but its table may be cached
    let in_use = guest.frames.in_use();
    guest.run(|mm, cx| {
        mm.munmap(cx, LinearAddr(AT), PAGE).unwrap();
        assert!(!cx.hw.shootdown.is_empty());
    });
    assert_eq!(guest.frames.in_use(), in_use - 4);
    guest.exit();
}
