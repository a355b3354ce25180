//! Control registers through the MMU: a decision that the fast table holds ends with the state that it was made under.

use crate::guest::{Guest, Notes, OPEN, RW};
use arch::{Cr0, Cr4, Efer, LinearAddr, Pcid, PhysAddr, Privilege};
use mmu::AlignmentCheck;
use paging::control::InvpcidDescriptor;
use paging::{HardwareModel, Invalidation, PhysMem};

const LA: u64 = 0x7000_1000;
const FRAME: u64 = 0x10_0000;

/// A page that supervisor mode reads and writes through the fast table.
fn warm<H: HardwareModel + Default>(flags: u64) -> Guest<H> {
    let mut g = Guest::new();
    g.map(LA, FRAME | flags);
    g.mmu.set_privilege(Privilege::Supervisor);
    g.mmu.set_alignment_check(AlignmentCheck::Set);
    g.mmu.write_cr0((g.mmu.context().regs.cr0 - Cr0::WP).bits()).unwrap();
    g
}

/// Writes, so that a slot exists; then whether a write is still allowed after a change.
fn survives(flags: u64, change: impl FnOnce(&mut Guest)) -> bool {
    let mut g: Guest = warm(flags);
    g.mmu.store(LinearAddr(LA), 1_u8).expect("open to supervisor mode");
    change(&mut g);
    g.mmu.store(LinearAddr(LA), 2_u8).is_ok()
}

#[test]
fn mmu_007_control_bits_act_when_an_access_is_made() {
    assert!(survives(OPEN, |_| ()));
    assert!(!survives(OPEN, |g| g.mmu.set_alignment_check(AlignmentCheck::Clear)));
    let wp = |g: &mut Guest| g.mmu.write_cr0((g.mmu.context().regs.cr0 | Cr0::WP).bits()).unwrap();
    assert!(!survives(OPEN - RW, wp));
    assert!(survives(OPEN, wp));
}

#[test]
fn mmu_093_a_write_to_pkru_acts_at_once() {
    let keys = |g: &mut Guest| g.mmu.write_cr4((g.mmu.context().regs.cr4 | Cr4::PKE).bits()).unwrap();
    let deny = |g: &mut Guest| g.mmu.write_pkru(1 << 10);
    assert!(survives(OPEN | 5 << 59, keys));
    assert!(survives(OPEN | 5 << 59, deny));
    assert!(!survives(OPEN | 5 << 59, |g| [keys, deny].iter().for_each(|f| f(g))));
    assert!(survives(OPEN | 4 << 59, |g| [keys, deny].iter().for_each(|f| f(g))));
}

#[test]
fn mmu_006_nxe_acts_on_what_is_already_mapped() {
    assert!(!survives(OPEN | 1 << 63, |g| {
        let efer = g.mmu.context().regs.efer - Efer::NXE;
        g.mmu.write_efer(efer.bits()).unwrap();
    }));
}

#[test]
fn mmu_208_mmu_212_the_model_is_told_exactly() {
    let mut g: Guest<Notes> = warm(OPEN);
    g.mmu.model.invalidations.clear();
    let cr4 = g.mmu.context().regs.cr4;
    g.mmu.write_cr4((cr4 | Cr4::PCIDE).bits()).unwrap();
    g.mmu.write_cr3(0x1003).unwrap();
    g.mmu.write_cr3(0x1004 | 1 << 63).unwrap();
    g.mmu.invlpg(LinearAddr(LA));
    g.mmu.invpcid(1, InvpcidDescriptor { pcid: 9, la: LinearAddr(0) }).unwrap();
    assert!(g.mmu.invpcid(4, InvpcidDescriptor::default()).is_err());
    g.mmu.write_cr4(cr4.bits()).unwrap();
    let page = Invalidation::Page { la: LinearAddr(LA), pcid: Pcid::of_word(4) };
    let context = |pcid| Invalidation::Context(Pcid::of_word(pcid));
    assert_eq!(g.mmu.model.invalidations, [context(3), page, context(9), Invalidation::All]);
}

#[test]
fn a_refused_write_changes_nothing() {
    let mut g: Guest<Notes> = warm(OPEN);
    g.mmu.model.invalidations.clear();
    let before = *g.mmu.context();
    assert!(g.mmu.write_cr3(1 << 60).is_err());
    assert!(g.mmu.write_cr4(0).is_err());
    assert!(g.mmu.write_efer(0).is_err());
    assert_eq!(*g.mmu.context(), before);
    assert!(g.mmu.model.invalidations.is_empty());
}

#[test]
fn mmu_207_a_new_root_is_used_at_once() {
    assert!(!survives(OPEN, |g| {
        g.mmu.bus.zero_frame(PhysAddr(0x20_0000).pfn());
        g.mmu.write_cr3(0x20_0000).unwrap();
    }));
}
