//! Locked memory: what counts, what is brought in, and the mark in each entry that keeps a page from being paged out.

use crate::Errno;
use crate::mm::testing::{ANON, FIXED, Guest, PAGE, RW};
use crate::mm::{Advice, MapFlags, MclFlags, MmLimits, Prot, VmFlags};
use arch::LinearAddr;

const AT: u64 = 0x1000_0000;
/// The bit of locked pages in an entry.
const LOCKED: u64 = 1 << 9;

fn mlock(guest: &mut Guest, page: u64, pages: u64, lock: VmFlags) -> Result<(), Errno> {
    guest.run(|mm, cx| mm.mlock(cx, LinearAddr(AT + page * PAGE), pages * PAGE, lock))
}

fn munlock(guest: &mut Guest, page: u64, pages: u64) -> Result<(), Errno> {
    guest.run(|mm, cx| mm.munlock(cx, LinearAddr(AT + page * PAGE), pages * PAGE))
}

/// Of pages from `AT` on: not there, there, locked.
fn marks(guest: &Guest, pages: u64) -> String {
    let mark = |page| match guest.pte(AT + page * PAGE).0 {
        0 => '-',
        pte if pte & LOCKED != 0 => 'L',
        _ => 'p',
    };
    (0..pages).map(mark).collect()
}

#[test]
fn each_entry_of_a_locked_mapping_says_so() {
    let mut guest = Guest::new();
    guest.mmap(AT, 6 * PAGE, RW, FIXED).unwrap();
    guest.write(AT, 1).unwrap();
    assert_eq!(marks(&guest, 6), "p-----");
    mlock(&mut guest, 0, 3, VmFlags::LOCKED).unwrap();
    assert_eq!(marks(&guest, 6), "LLL---");
    mlock(&mut guest, 3, 2, VmFlags::LOCKED | VmFlags::LOCKONFAULT).unwrap();
    assert_eq!(marks(&guest, 6), "LLL---");
    guest.write(AT + 4 * PAGE, 1).unwrap();
    assert_eq!(marks(&guest, 6), "LLL-L-");
    guest.mprotect(AT, 2 * PAGE, Prot::empty()).unwrap();
    assert_eq!(marks(&guest, 6), "LLL-L-", "without rights too");
    guest.mprotect(AT, 2 * PAGE, RW).unwrap();
    munlock(&mut guest, 1, 1).unwrap();
    assert_eq!(marks(&guest, 6), "LpL-L-");
    guest.check_tables();
    guest.exit();
}

#[test]
fn a_child_has_nothing_locked() {
    let mut guest = Guest::new();
    guest.run(|mm, cx| mm.mlockall(cx, MclFlags::FUTURE)).unwrap();
    guest.mmap(AT, 2 * PAGE, RW, FIXED).unwrap();
    assert_eq!(marks(&guest, 2), "LL");
    let child = guest.fork().unwrap();
    guest.as_process(child, |guest| {
        assert_eq!((marks(guest, 2).as_str(), guest.mm().locked_vm_pages()), ("pp", 0));
        guest.mmap(AT + 8 * PAGE, PAGE, RW, FIXED).unwrap();
        assert_eq!(guest.mm().locked_vm_pages(), 0, "what the parent will map is locked, not what the child will");
    });
    guest.exit();
}

#[test]
fn the_limit_is_of_pages_of_mappings() {
    let mut guest = Guest::new();
    guest.limits(MmLimits { locked: 3 * PAGE, ..MmLimits::default() });
    guest.mmap(AT, 8 * PAGE, RW, FIXED).unwrap();
    assert_eq!(mlock(&mut guest, 0, 4, VmFlags::LOCKED), Err(Errno::ENOMEM));
    mlock(&mut guest, 0, 3, VmFlags::LOCKED).unwrap();
    mlock(&mut guest, 1, 2, VmFlags::LOCKED).unwrap();
    assert_eq!(mlock(&mut guest, 3, 1, VmFlags::LOCKED), Err(Errno::ENOMEM));
    let locked = FIXED | MapFlags::LOCKED;
    assert_eq!(guest.mmap(AT + 16 * PAGE, PAGE, RW, locked), Err(Errno::EAGAIN));
    guest.limits(MmLimits { locked: 0, ..MmLimits::default() });
    assert_eq!(mlock(&mut guest, 0, 1, VmFlags::LOCKED), Err(Errno::EPERM));
    assert_eq!(guest.mmap(AT + 16 * PAGE, PAGE, RW, locked), Err(Errno::EPERM));
    assert_eq!(munlock(&mut guest, 0, 8), Ok(()));
    guest.exit();
}

#[test]
fn a_page_that_was_given_up_is_clean_until_it_is_written() {
    let mut guest = Guest::new();
    guest.mmap(AT, 2 * PAGE, RW, ANON | MapFlags::FIXED).unwrap();
    guest.write(AT, 7).unwrap();
    guest.run(|mm, cx| mm.madvise(cx, LinearAddr(AT), 2 * PAGE, Advice::Free)).unwrap();
    let pte = guest.pte(AT);
    assert_eq!((pte.dirty(), pte.accessed(), pte.0 >> 10 & 1), (false, false, 1));
    assert_eq!(guest.read(AT), Ok(7), "nothing was short of memory");
    guest.write(AT, 8).unwrap();
    assert!(guest.pte(AT).dirty());
    guest.exit();
}
