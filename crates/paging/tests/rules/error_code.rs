//! Section G: the error code and CR2.

use crate::tables::{
    EVERY_ACCESS, LA, P, PDE, PDPTE, PML4E, PTE, Path, RSVD, RW, SUPER_READ, SUPER_WRITE, SUPERVISOR, US, USER,
    USER_FETCH, USER_READ, USER_WRITE, XD,
};
use arch::{Cr4, Efer, LinearAddr};
use paging::{NoModel, PagingContext, translate};

#[test]
fn mmu_130_p_tells_absence_from_violation() {
    for entry in [PML4E, PDPTE, PDE, PTE] {
        assert_eq!(USER.map(|a| Path::open().toggle(entry, P).error(a)), [0b00100, 0b00110, 0b10100]);
        assert_eq!(SUPERVISOR.map(|a| Path::open().toggle(entry, P).error(a)), [0b00000, 0b00010, 0b10000]);
        assert_eq!(USER.map(|a| Path::open().toggle(entry, US).error(a)), [0b00101, 0b00111, 0b10101]);
        assert_eq!(USER.map(|a| Path::open().toggle(entry, RSVD).error(a)), [0b01101, 0b01111, 0b11101]);
    }
    assert_eq!(SUPERVISOR.map(|a| Path::open().error(a)), [0b00001, 0b00011, 0b10001], "SMAP and SMEP");
}

/// The control bits that decide about I/D.
fn with(nxe: bool, smep: bool) -> impl Fn(&mut PagingContext) {
    move |ctx| {
        ctx.regs.efer.set(Efer::NXE, nxe);
        ctx.regs.cr4.set(Cr4::SMEP, smep);
    }
}

#[test]
fn mmu_131_i_d_is_reported_where_fetches_can_be_denied() {
    for (nxe, smep, reported) in [(true, true, 1), (true, false, 1), (false, true, 1), (false, false, 0)] {
        let absent = Path::open().toggle(PTE, P).under(with(nxe, smep));
        assert_eq!(absent.error(USER_FETCH), 0b100 | reported << 4, "NXE={nxe} SMEP={smep}");
        let supervisor = Path::open().toggle(PDE, US).under(with(nxe, smep));
        assert_eq!(supervisor.error(USER_FETCH), 0b101 | reported << 4);
        assert_eq!(supervisor.error(USER_READ), 0b101, "only for fetches");
    }
}

#[test]
fn mmu_132_w_r_and_u_s_describe_the_access() {
    // The page is read-only or not, user or supervisor: the bits stay the access's.
    for page in [0, RW, US, RW | US] {
        let absent = Path::open().toggle(PTE, page | P);
        assert_eq!(EVERY_ACCESS.map(|a| absent.error(a)), [0b100, 0b110, 0b10100, 0b000, 0b010, 0b10000]);
        let reserved = Path::open().toggle(PTE, page | RSVD);
        assert_eq!(EVERY_ACCESS.map(|a| reserved.error(a)), [0b1101, 0b1111, 0b11101, 0b1001, 0b1011, 0b11001]);
    }
}

#[test]
fn mmu_133_no_key_fault_without_pke() {
    for key in 0..16 {
        let path = Path::open().toggle(PTE, key << 59);
        assert!(path.access(USER_READ).result.is_ok() && path.access(USER_WRITE).result.is_ok());
        let denied = path.toggle(PTE, RW | US);
        assert_eq!(denied.error(USER_WRITE), 0b111);
    }
}

#[test]
fn mmu_134_pk_is_clear_for_absent_and_reserved() {
    for offence in [P, RSVD] {
        for key in 0..16 {
            let path = Path::open().toggle(PTE, key << 59 | offence).under(|c| c.regs.cr4 |= Cr4::PKE);
            for access in EVERY_ACCESS {
                assert_eq!(path.error(access) & 0b100000, 0);
            }
        }
    }
}

#[test]
fn mmu_135_cr2_is_the_address_with_its_low_bits() {
    let faulting = [
        (Path::open().toggle(PTE, P), USER_READ),
        (Path::open().toggle(PML4E, P), USER_WRITE),
        (Path::open().toggle(PDE, RSVD), USER_FETCH),
        (Path::open().toggle(PDPTE, RW), USER_WRITE),
        (Path::large_2m().toggle(PDE, XD), USER_FETCH),
        (Path::open(), SUPER_READ),
        (Path::large_1g(), SUPER_WRITE),
    ];
    for (path, access) in faulting {
        assert_eq!(path.access(access).result.unwrap_err().cr2, LA);
    }
    let path = Path::open();
    let high = LinearAddr(0xffff_ffff_ffff_f123);
    let fault = translate(&mut NoModel, &mut path.memory(), &path.ctx, high, USER_READ).unwrap_err();
    assert_eq!(fault.cr2, high, "all 64 bits");
}

#[test]
fn mmu_136_a_32_bit_address_leaves_the_upper_half_of_cr2_clear() {
    let path = Path::open();
    let la = LinearAddr(0xffff_f123);
    let fault = translate(&mut NoModel, &mut path.memory(), &path.ctx, la, USER_READ).unwrap_err();
    assert_eq!(fault.cr2.0 >> 32, 0);
    assert_eq!(fault.cr2, la);
}
