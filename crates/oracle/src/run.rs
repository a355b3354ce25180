//! The comparison: cases from a seed, each answered by KVM and by the walk.

use crate::case::{Case, Ending, Outcome};
use crate::expect;
use crate::generate::{Generator, Random};
use crate::guest::{Guest, GuestError};
use arch::{PhysAddrWidth, Privilege};
use kvm_ioctls::Kvm;
use paging::AccessedOnFault;

/// What KVM and the walk said about a case on which they differ.
#[derive(Debug)]
pub struct Disagreement {
    /// The case.
    pub case: Case,
    /// What KVM's guest did.
    pub kvm: Outcome,
    /// What the walk says.
    pub walk: Outcome,
}

/// What a run found.
#[derive(Debug, Default)]
pub struct Report {
    /// Cases compared.
    pub cases: u64,
    /// Cases in which the access was made.
    pub done: u64,
    /// Where KVM and the walk differ.
    pub disagreements: Vec<Disagreement>,
}

/// How this machine's KVM translates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Walker {
    /// In software: any width of physical addresses, A on success only.
    Software,
    /// The processor walks the guest's tables, with the host's width.
    Processor,
}

impl Walker {
    /// Asks the modules whether nested paging is on.
    #[must_use]
    pub fn detect() -> Self {
        let on = |path: &str| std::fs::read_to_string(path).is_ok_and(|text| matches!(text.trim(), "Y" | "1"));
        let nested = ["/sys/module/kvm_intel/parameters/ept", "/sys/module/kvm_amd/parameters/npt"];
        if nested.into_iter().any(on) { Self::Processor } else { Self::Software }
    }

    fn widths(self) -> &'static [Option<u8>] {
        match self {
            Self::Software => &[Some(36), Some(40), Some(46), Some(52)],
            Self::Processor => &[None],
        }
    }

    const fn policies(self) -> &'static [AccessedOnFault] {
        match self {
            Self::Software => &[AccessedOnFault::OnSuccessOnly],
            Self::Processor => &[AccessedOnFault::AsTraversed, AccessedOnFault::OnSuccessOnly],
        }
    }
}

/// Compares `cases` cases of a seed.
///
/// # Errors
/// What KVM refuses.
pub fn compare(kvm: &Kvm, cases: u64, seed: u64) -> Result<Report, GuestError> {
    let walker = Walker::detect();
    let mut report = Report::default();
    let mut random = Random::new(seed);
    for width in walker.widths().iter().cycle() {
        if report.cases == cases {
            break;
        }
        let mut guest = Guest::new(kvm, width.and_then(PhysAddrWidth::new))?;
        let mut generator = Generator::new(random, guest.features());
        let most = cases.div_ceil(walker.widths().len() as u64).min(cases - report.cases);
        for _ in 0..most {
            let Some(case) = generator.case(report.cases + 1) else { break };
            judge(walker, &mut guest, case, &mut report)?;
        }
        random = generator.into_random();
    }
    Ok(report)
}

fn judge(walker: Walker, guest: &mut Guest, case: Case, report: &mut Report) -> Result<(), GuestError> {
    let mut kvm = guest.perform(&case)?;
    if walker == Walker::Software && case.privilege == Privilege::Supervisor && kvm.ending != Ending::Done(None) {
        kvm.written.clear(); // a split store that faults may have written its first piece (MMU-234)
    }
    let mut walks = walker.policies().iter().map(|policy| expect::outcome(&case, *policy));
    let first = walks.next().expect("there is a policy");
    report.cases += 1;
    report.done += u64::from(matches!(kvm.ending, Ending::Done(_)));
    if first != kvm && walks.all(|walk| walk != kvm) {
        report.disagreements.push(Disagreement { case, kvm, walk: first });
    }
    Ok(())
}
