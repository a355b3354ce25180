//! What is promised: the sum over mappings, children and shared memory, and what is refused.

use crate::Errno;
use crate::mm::testing::{FIXED, Guest, PAGE, RW};
use crate::mm::{MapFlags, MmLimits, Overcommit, Prot};
use arch::LinearAddr;

const AT: u64 = 0x1000_0000;
const SHARED: MapFlags = MapFlags::SHARED.union(MapFlags::ANONYMOUS).union(MapFlags::FIXED);

fn committed(guest: &Guest) -> u64 {
    guest.frames.commit.pages
}

#[test]
fn the_sum_follows_the_mappings() {
    let mut guest = Guest::new();
    guest.mmap(AT, 8 * PAGE, RW, FIXED).unwrap();
    guest.mmap(AT + 16 * PAGE, 8 * PAGE, Prot::READ, FIXED).unwrap();
    guest.mmap(AT + 32 * PAGE, 8 * PAGE, RW, FIXED | MapFlags::NORESERVE).unwrap();
    assert_eq!(committed(&guest), 8, "what can be written, and was not made without a promise");
    guest.mprotect(AT + 16 * PAGE, 4 * PAGE, RW).unwrap();
    assert_eq!(committed(&guest), 12);
    guest.mprotect(AT, 2 * PAGE, Prot::READ).unwrap();
    assert_eq!(committed(&guest), 10, "what has no pages and can have none needs none");
    guest.write(AT + 2 * PAGE, 1).unwrap();
    guest.mprotect(AT + 2 * PAGE, 2 * PAGE, Prot::READ).unwrap();
    assert_eq!(committed(&guest), 10, "what has pages keeps them");
    guest.mmap(AT + 64 * PAGE, 5 * PAGE, RW, SHARED).unwrap();
    assert_eq!(committed(&guest), 15);
    let child = guest.fork().unwrap();
    assert_eq!(committed(&guest), 25, "the child's own, and what it shares only once");
    guest.munmap(AT + 64 * PAGE, 5 * PAGE).unwrap();
    assert_eq!(committed(&guest), 25);
    guest.kill(child);
    assert_eq!(committed(&guest), 10);
    guest.munmap(AT, 64 * PAGE).unwrap();
    assert_eq!(committed(&guest), 0);
    guest.exit();
}

#[test]
fn without_overcommit_what_goes_beyond_the_limit_is_refused() {
    let mut guest = Guest::new();
    guest.limits(MmLimits { locked: u64::MAX, ..MmLimits::default() });
    guest.frames.commit.overcommit = Overcommit::Never;
    guest.frames.commit.ratio = 1;
    let limit = guest.frames.commit_limit_pages();
    guest.mmap(AT, (limit - 1) * PAGE, RW, FIXED).unwrap();
    let beyond = AT + 2 * limit * PAGE;
    for flags in [FIXED, FIXED | MapFlags::NORESERVE, SHARED] {
        assert_eq!(guest.mmap(beyond, PAGE, RW, flags), Err(Errno::ENOMEM));
    }
    assert_eq!(guest.mmap(beyond, PAGE, Prot::READ, FIXED), Ok(beyond));
    assert_eq!(guest.mprotect(beyond, PAGE, RW), Err(Errno::ENOMEM));
    assert_eq!(guest.fork().map(|_| ()), Err(Errno::ENOMEM));
    assert_eq!(guest.mmap(AT, limit / 2 * PAGE, RW, FIXED), Ok(AT), "in the place of what was promised");
    guest.exit();
}

#[test]
fn a_guess_refuses_only_what_can_never_be() {
    let mut guest = Guest::with_ram(2 << 20);
    let pages = guest.frames.managed();
    assert_eq!(guest.mmap(AT, (pages + 1) * PAGE, RW, FIXED), Err(Errno::ENOMEM));
    assert_eq!(guest.mmap(AT, (pages + 1) * PAGE, RW, FIXED | MapFlags::NORESERVE), Ok(AT));
    for at in [1, 2, 3].map(|n| AT + (n << 30)) {
        assert_eq!(guest.mmap(at, pages * PAGE, RW, FIXED), Ok(at));
    }
    guest.fork().unwrap();
    guest.run(|mm, cx| {
        mm.set_brk_start(LinearAddr(AT + (1 << 40)));
        let end = LinearAddr(AT + (1 << 40) + (pages + 1) * PAGE);
        assert_eq!(mm.brk(cx, end), mm.start_brk());
    });
    guest.exit();
}
