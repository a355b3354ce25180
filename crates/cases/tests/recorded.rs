//! 20,000 accesses that KVM answered and 21,332 that QEMU answered, made again through the MMU: result, error code, CR2,
//! A and D, and the bytes that were read and written. Both answers of each are checked.

use pagewalk_cases::{Case, Expect, Judge, Trust, Verdict, read};
use paging::AccessedOnFault;
use std::collections::BTreeMap;
use std::path::PathBuf;

fn cases(name: &str) -> Vec<Case> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/data").join(name);
    read(&path).expect("the case file").collect::<Result<_, _>>().expect("every line is a case")
}

/// How many cases of each trust agreed; panics on the first that disagree.
fn agreed(cases: &[Case], expect: Expect, policy: AccessedOnFault) -> BTreeMap<String, u32> {
    let mut judge = Judge::new();
    let (mut agreed, mut differ) = (BTreeMap::new(), Vec::new());
    for case in cases {
        match judge.run(case, expect, policy) {
            Verdict::Agreed => *agreed.entry(format!("{:?}", case.trust)).or_default() += 1,
            Verdict::NotUsable(_) => *agreed.entry("not usable".into()).or_default() += 1,
            Verdict::Disagreed(differences) => differ.push((case.seed, case.id, case.mode, differences)),
        }
    }
    assert_eq!(judge.astray(), None, "a byte was written astray");
    assert!(differ.is_empty(), "{} cases differ, the first: {:#x?}", differ.len(), &differ[..differ.len().min(5)]);
    agreed
}

fn counts<const N: usize>(list: [(&str, u32); N]) -> BTreeMap<String, u32> {
    list.map(|(name, count)| (name.to_owned(), count)).into()
}

#[test]
fn kvm_agrees_where_it_is_to_be_trusted() {
    let expected = counts([("Full", 19_075), ("KindOnly", 924), ("not usable", 1)]);
    assert_eq!(agreed(&cases("kvm-cases.jsonl.gz"), Expect::Out, AccessedOnFault::OnSuccessOnly), expected);
}

#[test]
fn qemu_agrees_where_it_is_to_be_trusted() {
    let expected = counts([("Full", 16_281), ("KindOnly", 2_331), ("OrP", 2_720)]);
    assert_eq!(agreed(&cases("qemu-cases.jsonl.gz"), Expect::Out, AccessedOnFault::AsTraversed), expected);
}

#[test]
fn the_rules_agree_with_every_case() {
    for (name, count) in [("kvm-cases.jsonl.gz", 20_000), ("qemu-cases.jsonl.gz", 21_332)] {
        let agreed = agreed(&cases(name), Expect::Hw, AccessedOnFault::AsTraversed);
        assert_eq!(agreed.values().sum::<u32>(), count);
        assert_eq!(agreed.get("not usable"), None);
    }
}

#[test]
fn a_wrong_answer_is_noticed() {
    let case = |kind: &str| {
        let found = cases("kvm-cases.jsonl.gz").into_iter().find(|c| {
            c.trust == Trust::Full && format!("{:?}", c.out.kind) == kind && c.out.chg.is_empty() && c.out.ram.is_none()
        });
        found.expect("the file has such a case")
    };
    let mut judge = Judge::new();
    let mut verdict = |case: &Case| judge.run(case, Expect::Out, AccessedOnFault::OnSuccessOnly);
    let fault = case("Pf");
    assert_eq!(verdict(&fault), Verdict::Agreed);
    let mut wrong = Vec::new();
    for change in [
        |c: &mut Case| c.out.err = c.out.err.map(|e| e ^ 4),
        |c: &mut Case| c.out.cr2 = c.out.cr2.map(|a| pagewalk_cases::Hex(a.0 ^ 1)),
        |c: &mut Case| c.out.chg.push(pagewalk_cases::Change(c.mem[0].0, c.mem[0].1)),
        |c: &mut Case| c.out.kind = pagewalk_cases::Kind::Ok,
    ] {
        let mut case = fault.clone();
        change(&mut case);
        match verdict(&case) {
            Verdict::Disagreed(differences) => wrong.extend(differences.iter().map(|d| format!("{:?}", d.aspect))),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(wrong, ["ErrorCode", "Cr2", "Entries", "Kind"]);
}
