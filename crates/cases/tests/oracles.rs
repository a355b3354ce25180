//! Section N: where the oracles are known to be wrong, seen in their recorded answers. Each is something that the judge
//! forgives, so it has to be there, and the rules' own answer must not have it.

use pagewalk_cases::{AccessKind, Answer, Case, Kind, Mode, Trust, read};
use std::path::PathBuf;

const P: u32 = 1;
const WR: u32 = 2;
const RSVD: u32 = 8;
const PS: u64 = 1 << 7;

fn cases(name: &str) -> Vec<Case> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/data").join(name);
    read(&path).expect("the case file").collect::<Result<_, _>>().expect("every line is a case")
}

fn kvm() -> Vec<Case> {
    cases("kvm-cases.jsonl.gz")
}

fn qemu() -> Vec<Case> {
    cases("qemu-cases.jsonl.gz")
}

/// True if the answer changes an entry of level 3 that `which` holds for.
fn changes_level_3(case: &Case, answer: &Answer, which: impl Fn(u64) -> bool) -> bool {
    let entry = |pa| case.mem.iter().find(|entry| entry.0 == pa);
    answer.chg.iter().any(|change| entry(change.0).is_some_and(|entry| entry.2 == 3 && which(entry.1.u64())))
}

fn one_page(case: &&Case) -> bool {
    case.la.u64() % 4096 + case.size as u64 <= 4096
}

#[test]
fn mmu_230_qemu_leaves_p_out_of_a_reserved_bit_error_code() {
    let reserved = |case: &&Case| case.hw.err.is_some_and(|err| err & RSVD != 0);
    let (kvm, qemu) = (kvm(), qemu());
    assert!(qemu.iter().filter(reserved).count() > 3_000);
    assert!(qemu.iter().filter(reserved).all(|case| case.out.err.is_some_and(|err| err & P == 0)));
    assert!(qemu.iter().chain(&kvm).filter(reserved).all(|case| case.hw.err.is_some_and(|err| err & P != 0)));
    assert!(kvm.iter().filter(reserved).all(|case| case.out.err.is_some_and(|err| err & P != 0)));
}

#[test]
fn mmu_231_mmu_234_read_modify_write_is_read_first_by_the_oracles() {
    for cases in [kvm(), qemu()] {
        let artefacts: Vec<_> = cases.iter().filter(|case| case.trust == Trust::KindOnly).collect();
        assert!(!artefacts.is_empty() && artefacts.iter().all(|case| case.access == AccessKind::Rmw));
        let written = |err: Option<u32>| err.is_some_and(|err| err & WR != 0);
        assert!(artefacts.iter().filter(|case| case.hw.kind == Kind::Pf).all(|case| written(case.hw.err)));
        assert!(artefacts.iter().any(|case| case.out.err != case.hw.err || case.out.chg != case.hw.chg));
    }
}

#[test]
fn mmu_232_qemu_sets_a_in_a_1g_page_before_it_checks_the_rights() {
    let early = |case: &&Case, answer: &Answer| {
        case.hw.kind == Kind::Pf
            && one_page(case)
            && case.mode != Mode::Pae
            && changes_level_3(case, answer, |entry| entry & PS != 0)
    };
    let cases = qemu();
    assert!(cases.iter().filter(|case| early(case, &case.out)).count() > 100);
    assert_eq!(cases.iter().filter(|case| early(case, &case.hw)).count(), 0);
}

#[test]
fn mmu_233_kvm_sets_no_a_on_a_faulting_walk() {
    let cases = kvm();
    let faults = || cases.iter().filter(one_page).filter(|case| case.trust == Trust::Full && case.hw.kind == Kind::Pf);
    assert!(faults().all(|case| case.out.chg.is_empty()));
    assert!(faults().any(|case| !case.hw.chg.is_empty()), "the rules let the walk set A as it goes");
}

#[test]
fn mmu_235_every_table_of_a_case_lies_in_ram() {
    for (cases, ram) in [(kvm(), 64_u64 << 20), (qemu(), 128 << 20)] {
        assert!(cases.iter().flat_map(|case| &case.mem).all(|entry| entry.0.u64() < ram));
    }
}

#[test]
fn mmu_238_qemu_writes_a_into_pdptes_of_pae_paging() {
    let written = |case: &&Case, answer: &Answer| case.mode == Mode::Pae && changes_level_3(case, answer, |_| true);
    let cases = qemu();
    assert!(cases.iter().filter(|case| written(case, &case.out)).count() > 2_000);
    assert_eq!(cases.iter().filter(|case| written(case, &case.hw)).count(), 0);
}
