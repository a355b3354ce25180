//! What a fault says of itself, against the rule that the entries break.

use crate::tables::{
    EVERY_ACCESS, IMPLICIT_READ, P, PDE, PDPTE, PML4E, PS, PTE, Path, RSVD, RW, SUPER_FETCH, SUPER_READ, SUPER_WRITE,
    US, USER_FETCH, USER_READ, USER_WRITE, XD,
};
use arch::{Access, Cr4, Efer, KeyRights, Level};
use paging::{Denials, GigabytePages, Reason, Step, inspect};

fn reason(path: &Path, access: Access) -> Reason {
    match inspect(&path.memory(), &path.ctx, crate::tables::LA, access).1 {
        Step::Fault(_, reason) => reason,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_fault_names_its_level_and_bits() {
    let levels = [Level::Pml4, Level::Pdpt, Level::Pd, Level::Pt];
    for (entry, level) in [PML4E, PDPTE, PDE, PTE].into_iter().zip(levels) {
        assert_eq!(reason(&Path::open().toggle(entry, P), USER_READ), Reason::NotPresent { level });
        let Reason::Reserved { level: found, bits, .. } = reason(&Path::open().toggle(entry, RSVD), USER_READ) else {
            panic!("bit 51 is reserved");
        };
        assert_eq!((found, bits), (level, RSVD));
    }
}

#[test]
fn each_right_that_is_missing_has_its_rule() {
    let keyed = |access: u32| {
        move |ctx: &mut paging::PagingContext| {
            (ctx.regs.pkru, ctx.regs.pkrs) = (KeyRights(access), KeyRights(access));
            ctx.regs.cr4 |= Cr4::PKE | Cr4::PKS;
        }
    };
    for (path, access, denials, rules) in [
        (Path::open().toggle(PDE, US), USER_READ, Denials::SUPERVISOR_PAGE, &["MMU-088"][..]),
        (Path::open().toggle(PDE, RW), USER_WRITE, Denials::READ_ONLY, &["MMU-088"]),
        (Path::open().toggle(PTE, RW | US), SUPER_WRITE, Denials::READ_ONLY, &["MMU-086"]),
        (Path::open().toggle(PDE, XD), USER_FETCH, Denials::EXECUTE_DISABLE, &["MMU-088"]),
        (Path::open(), SUPER_FETCH, Denials::SMEP, &["MMU-087"]),
        (Path::open(), SUPER_READ, Denials::SMAP, &["MMU-084"]),
        (Path::open(), IMPLICIT_READ, Denials::SMAP, &["MMU-090"]),
        (Path::open().under(keyed(1)), USER_READ, Denials::KEY_ACCESS, &["MMU-091"]),
        (Path::open().toggle(PTE, US).under(keyed(2)), SUPER_WRITE, Denials::KEY_WRITE, &["MMU-092"]),
        (Path::open().under(keyed(1)), SUPER_READ, Denials::SMAP | Denials::KEY_ACCESS, &["MMU-084", "MMU-091"]),
    ] {
        let reason = reason(&path, access);
        assert!(matches!(reason, Reason::Denied { denials: found, .. } if found == denials), "{reason:?}");
        assert_eq!(reason.rules(), rules, "{reason}");
        assert!(!reason.to_string().is_empty());
    }
}

#[test]
fn reserved_bits_have_their_rules() {
    let no_gigabytes = |ctx: &mut paging::PagingContext| ctx.gigabyte_pages = GigabytePages::Absent;
    for (path, rules) in [
        (Path::open().toggle(PML4E, PS), &["MMU-040", "MMU-060"][..]),
        (Path::open().toggle(PTE, RSVD), &["MMU-060", "MMU-063"]),
        (Path::large_1g().under(no_gigabytes), &["MMU-043", "MMU-060"]),
        (Path::large_2m().toggle(PDE, 1 << 13), &["MMU-060", "MMU-065"]),
        (Path::open().toggle(PTE, XD).under(|ctx| ctx.regs.efer -= Efer::NXE), &["MMU-060", "MMU-064"]),
    ] {
        assert_eq!(reason(&path, USER_READ).rules(), rules);
    }
}

#[test]
fn a_reason_is_given_exactly_with_a_fault() {
    for toggled in [0, P, RW, US, XD, RSVD, P | RSVD] {
        let path = Path::open().toggle(PTE, toggled);
        for access in EVERY_ACCESS {
            let (_, step) = inspect(&path.memory(), &path.ctx, crate::tables::LA, access);
            let fault = path.access(access).result.err();
            assert_eq!(matches!(step, Step::Fault(found, _) if Some(found) == fault), fault.is_some());
        }
    }
}
