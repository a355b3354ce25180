//! Rules of order and of addresses that no row covers.

use crate::guest::{CODE, DATA, Fault, Guest, PAGE, Page};
use crate::insns;

fn page_fault(err: u64, cr2: u64) -> Option<Fault> {
    Some(Fault { trap: 14, err, cr2: Some(cr2), rip: CODE })
}

#[test]
fn mmu_152_segment_base_and_offset_are_added_modulo_2_to_the_64() {
    // mov rcx, fs:[rax]
    let mut guest = Guest::new(&[0x64, 0x48, 0x8b, 0x08], &[Page::Ok]);
    guest.put(0, 0x10, &7_u64.to_le_bytes());
    (guest.ctx.fs_base, guest.ctx.gpr[0]) = (0u64.wrapping_sub(0x1000), DATA + 0x1010);
    assert_eq!(guest.run(1), None);
    assert_eq!(guest.cpu.context().gpr[1], 7);
    // An offset that is not canonical by itself is none of its business; a sum that is not, is.
    (guest.ctx.fs_base, guest.ctx.gpr[0]) = (DATA.wrapping_sub(1 << 62), (1 << 62) + 0x10);
    assert_eq!(guest.run(1), None);
    (guest.ctx.fs_base, guest.ctx.gpr[0]) = (0x7000_0000_0000, 0x1000_0000_0000);
    assert_eq!(guest.run(1).map(|fault| fault.trap), Some(13));
}

#[test]
fn mmu_159_an_alignment_check_yields_to_an_address_that_is_not_canonical() {
    let trap = |la: u64| {
        let mut guest = Guest::new(insns::bytes("load"), &[Page::Ok]);
        guest.ctx.rflags |= arch::Rflags::AC;
        guest.ctx.gpr[0] = la;
        guest.run(1).map(|fault| fault.trap)
    };
    assert_eq!(trap(DATA), None);
    assert_eq!(trap(DATA + 1), Some(17));
    assert_eq!(trap((1 << 62) + 1), Some(13));
    assert_eq!(trap((1 << 47) - 4), Some(17), "only the first byte is looked at before");
}

#[test]
fn mmu_159_what_alignment_checks_ask_of_vectors_and_state_images() {
    let trap = |name: &str, offset: u64| {
        let mut guest = Guest::new(insns::bytes(name), &[Page::Ok]);
        guest.ctx.rflags |= arch::Rflags::AC;
        guest.ctx.gpr[0] = DATA + offset;
        guest.ctx.ymm_high = [u128::MAX; 16];
        guest.ctx.xsave.0[arch::XsaveImage::XMM0..][..256].fill(0xff);
        guest.run(1).map(|fault| fault.trap)
    };
    for name in ["vmaskmovps load", "vmaskmovps store", "gather", "movups xmm0,[rax]"] {
        assert_eq!(trap(name, 130), None, "{name}");
    }
    for name in ["fxsave64", "fxrstor64", "xsave64"] {
        assert_eq!(trap(name, 128), None, "{name}");
        assert_eq!([1, 2, 4, 8].map(|by| trap(name, 128 + by)), [Some(17), Some(17), Some(13), Some(13)], "{name}");
    }
}

#[test]
fn mmu_161_of_two_operands_the_source_comes_first() {
    let both = |code: &[u8]| {
        let mut guest = Guest::new(code, &[Page::Absent, Page::Absent]);
        (guest.ctx.gpr[6], guest.ctx.gpr[7]) = (DATA, DATA + PAGE);
        guest.run(1)
    };
    assert_eq!(both(&[0xa4]), page_fault(4, DATA), "movsb: the load");
    let mut guest = Guest::new(insns::bytes("push [rax]"), &[Page::Absent]);
    guest.ctx.gpr[4] = DATA + 8;
    assert_eq!(guest.run(1), page_fault(4, DATA), "push: the load");
    // Silicon reads the second operand of a comparison first, which the rule does not say.
    assert_eq!(both(&[0xa6]), page_fault(4, DATA + PAGE), "cmpsb: the operand at RDI");
}

#[test]
fn mmu_140_a_faulting_instruction_changes_no_register() {
    for name in ["add [rax],rcx", "xchg [rax],rcx", "cmpxchg16b", "pop rcx", "div qword [rax]"] {
        let mut guest = Guest::new(insns::bytes(name), &[Page::Absent]);
        guest.ctx.gpr = std::array::from_fn(|n| 0x1111 * n as u64);
        (guest.ctx.gpr[0], guest.ctx.gpr[4]) = (DATA, DATA);
        let before = guest.ctx.clone();
        assert!(guest.run(1).is_some());
        assert_eq!(guest.cpu.context(), before, "{name}");
    }
}
