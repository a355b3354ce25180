//! Protection keys: MMU-007, MMU-091 to MMU-093, MMU-133, MMU-134.

use crate::tables::{EVERY_ACCESS, P, PDE, PTE, Path, RSVD, US, USER_READ};
use arch::{Access, Cr0, Cr4, Efer, KeyRights};

const KEY: u64 = 11;
const AD: u32 = 1 << (2 * KEY);
const WD: u32 = 2 << (2 * KEY);
const PK: u32 = 1 << 5;

/// A page with key 11, open to all but its key.
fn keyed() -> Path {
    Path::open().toggle(PTE, KEY << 59).under(|ctx| {
        ctx.regs.cr4 |= Cr4::PKE | Cr4::PKS;
        ctx.regs.cr4 -= Cr4::SMAP | Cr4::SMEP;
    })
}

/// What the rules say of a data access by key.
fn denied(access: Access, rights: u32, wp: bool) -> bool {
    !access.is_fetch() && (rights & AD != 0 || access.is_write() && rights & WD != 0 && (access.is_user() || wp))
}

#[test]
fn mmu_091_pkru_judges_data_accesses_to_user_pages() {
    for rights in [0, AD, WD, AD | WD, !(AD | WD)] {
        for wp in [false, true] {
            let path = keyed().under(|ctx| {
                (ctx.regs.pkru, ctx.regs.pkrs) = (KeyRights(rights), KeyRights(!0));
                ctx.regs.cr0.set(Cr0::WP, wp);
            });
            for access in EVERY_ACCESS {
                assert_eq!(!path.allows(access), denied(access, rights, wp), "{access:?} {rights:#x}");
            }
        }
    }
}

#[test]
fn mmu_092_pkrs_judges_supervisor_accesses_to_supervisor_pages() {
    for rights in [0, AD, WD, AD | WD, !(AD | WD)] {
        for wp in [false, true] {
            let path = keyed().toggle(PDE, US).under(|ctx| {
                (ctx.regs.pkrs, ctx.regs.pkru) = (KeyRights(rights), KeyRights(!0));
                ctx.regs.cr0.set(Cr0::WP, wp);
            });
            for access in EVERY_ACCESS {
                let by_key = denied(access, rights, wp) && !access.is_user();
                assert_eq!(!path.allows(access), by_key || access.is_user(), "{access:?} {rights:#x}");
                if !path.allows(access) {
                    assert_eq!(path.error(access) & PK != 0, by_key);
                }
            }
        }
    }
}

#[test]
fn mmu_093_keys_are_judged_when_a_translation_is_used() {
    let path = keyed();
    let cached = path.access(USER_READ).result.unwrap();
    let mut ctx = path.ctx;
    assert!(cached.rights.allow(&ctx, USER_READ));
    ctx.regs.pkru = KeyRights(AD);
    assert!(!cached.rights.allow(&ctx, USER_READ));
    assert_eq!(u64::from(cached.rights.key.number()), KEY);
}

#[test]
fn mmu_091_keys_need_their_bit_of_cr4_and_long_mode() {
    let denying = |path: Path| path.under(|ctx| (ctx.regs.pkru, ctx.regs.pkrs) = (KeyRights(!0), KeyRights(!0)));
    assert!(denying(keyed()).under(|ctx| ctx.regs.cr4 -= Cr4::PKE).allows(USER_READ));
    let supervisor = denying(keyed().toggle(PTE, US)).under(|ctx| ctx.regs.cr4 -= Cr4::PKS);
    assert!(supervisor.allows(crate::tables::SUPER_WRITE));
    let rights = keyed().access(USER_READ).result.unwrap().rights;
    let mut pae = denying(keyed()).ctx;
    assert!(!rights.allow(&pae, USER_READ));
    pae.regs.efer -= Efer::LMA;
    assert!(rights.allow(&pae, USER_READ));
}

#[test]
fn mmu_133_pk_is_reported_beside_another_violation() {
    let path = keyed().under(|ctx| {
        ctx.regs.pkru = KeyRights(AD);
        ctx.regs.cr4 |= Cr4::SMAP;
    });
    assert_eq!(path.error(crate::tables::SUPER_READ), P_PK);
    assert_eq!(keyed().toggle(PDE, US).under(|ctx| ctx.regs.pkru = KeyRights(!0)).error(USER_READ), 0b101);
    assert_eq!(path.error(crate::tables::USER_WRITE), 0b111 | PK);
}

const P_PK: u32 = 1 | PK;

#[test]
fn mmu_134_pk_is_clear_without_a_valid_translation() {
    let path = keyed().under(|ctx| ctx.regs.pkru = KeyRights(!0));
    assert_eq!(path.clone().toggle(PTE, P).error(USER_READ), 0b100);
    assert_eq!(path.toggle(PTE, RSVD).error(USER_READ), 0b1101);
}
