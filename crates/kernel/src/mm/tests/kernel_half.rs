//! The kernel half: what is mapped there, and that a program cannot have it.

use crate::mm::testing::{Guest, PAGE};
use crate::mm::{DIRECT_MAP, SEGV_MAPERR, SignalKind};
use arch::{Access, AccessKind, LinearAddr, PageFaultCode, PageSize, Pfn, Privilege};
use paging::probe;

const MIB: u64 = 1 << 20;

#[test]
fn a_user_access_to_the_direct_map_faults_with_p_and_u() {
    let guest = Guest::new();
    let la = DIRECT_MAP.wrapping_add(0x12_3456);
    for (kind, code) in [
        (AccessKind::Read, PageFaultCode::empty()),
        (AccessKind::Write, PageFaultCode::WR),
        (AccessKind::Fetch, PageFaultCode::ID),
    ] {
        let fault = probe(&guest.bus, &guest.ctx(), la, Access::new(kind, Privilege::User)).unwrap_err();
        assert_eq!((fault.cr2, fault.code), (la, code | PageFaultCode::P | PageFaultCode::US));
    }
}

#[test]
fn such_an_access_is_segv_maperr_at_its_address() {
    let mut guest = Guest::new();
    for la in [DIRECT_MAP.0 + 5, 0xffff_c000_0000_0123, 0x7fff_ffff_f000, 0xffff_ffff_ffff_ffff] {
        let signal = guest.read(la).unwrap_err();
        assert_eq!((signal.signal, signal.code, signal.addr.0), (SignalKind::Segv, SEGV_MAPERR, la));
    }
}

#[test]
fn every_frame_is_mapped_by_the_largest_leaves_that_fit() {
    for (ram, tables) in [(16 * MIB, 2), (2 * MIB, 2), (3 * MIB, 3), (1024 * MIB, 1), (1024 * MIB + 2 * MIB + PAGE, 3)]
    {
        let guest = Guest::with_ram(ram);
        let supervisor = |pa: u64| {
            let access = Access::new(AccessKind::Write, Privilege::Supervisor);
            probe(&guest.bus, &guest.ctx(), LinearAddr(DIRECT_MAP.0 + pa), access)
        };
        let mut pa = 0;
        while pa < ram {
            let leaf = supervisor(pa).unwrap();
            assert_eq!(leaf.frame, Pfn(pa / PAGE));
            assert!(leaf.global && leaf.dirty && leaf.rights.no_execute && !leaf.rights.user && leaf.rights.writable);
            let fits = |size: PageSize| pa % size.bytes() == 0 && pa + size.bytes() <= ram;
            let best = [PageSize::Size1G, PageSize::Size2M].into_iter().find(|s| fits(*s)).unwrap_or(PageSize::Size4K);
            assert_eq!(leaf.size, best, "at {pa:#x} of {ram:#x}");
            pa += leaf.size.bytes();
        }
        assert!(!supervisor(ram).unwrap_err().code.contains(PageFaultCode::P), "beyond RAM");
        let zero_page_and_root = 2;
        assert_eq!(guest.frames.in_use(), tables + zero_page_and_root, "{ram:#x}");
    }
}
