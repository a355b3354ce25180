//! A case file held against the MMU, or one of its cases drawn.

use super::{Shown, WalkArgs};
use crate::error::Error;
use crate::report;
use arch::FRAME_SIZE;
use cases::{Aspect, Case, CaseError, Cases, Difference, Judge, Kind, Verdict};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;
use std::process::ExitCode;

/// So many disagreements are shown.
const SHOWN: usize = 10;

/// Serves `--cases`.
pub(super) fn run(args: &WalkArgs, file: &Path) -> Result<ExitCode, Error> {
    let failed = |cause| Error::Cases { file: file.display().to_string(), cause };
    let mut cases = cases::read(file).map_err(failed)?;
    if let Some(line) = args.case {
        let case = find(&mut cases, line).map_err(failed)?.ok_or(Error::NoSuchCase { line })?;
        return super::print(args, &walks(args, line, &case)?);
    }
    let tally = judge(args, &mut cases).map_err(failed)?;
    report::print(&if args.json { format!("{}\n", tally.json()) } else { tally.text() })?;
    Ok(ExitCode::from(u8::from(tally.disagreed > 0)))
}

/// The case in a line.
fn find(cases: &mut Cases, line: usize) -> Result<Option<Case>, CaseError> {
    while let Some(case) = cases.next() {
        if cases.line() == line {
            return case.map(Some);
        }
    }
    Ok(None)
}

/// The walks of a case: one for each page that its access touches.
fn walks(args: &WalkArgs, line: usize, case: &Case) -> Result<Vec<Shown>, Error> {
    let first = case.la();
    let in_page = FRAME_SIZE - first.page_offset();
    let second = (case.size as u64 > in_page).then(|| first.wrapping_add(in_page));
    let seen = Judge::new().inspect(case, args.accessed_on_fault.into(), |bus, ctx| {
        let walk = |la| Shown::new(bus, ctx, la, case.paging_access());
        std::iter::once(first).chain(second).map(walk).collect()
    });
    seen.map_err(|why| Error::CaseNotUsable { line, why })
}

/// What became of the cases of a file.
#[derive(Default)]
struct Tally {
    agreed: usize,
    disagreed: usize,
    /// The first disagreements: line, number of the case, and differences.
    first: Vec<(usize, Case, Vec<Difference>)>,
    not_usable: BTreeMap<&'static str, usize>,
    /// Disagreements in nothing but the A bits that a faulting walk leaves.
    only_accessed_on_fault: usize,
}

fn judge(args: &WalkArgs, cases: &mut Cases) -> Result<Tally, CaseError> {
    let (expect, policy) = (args.expect.into(), args.accessed_on_fault.into());
    let mut judge = Judge::new();
    let mut tally = Tally::default();
    while let Some(case) = cases.next() {
        let case = case?;
        match judge.run(&case, expect, policy) {
            Verdict::Agreed => tally.agreed += 1,
            Verdict::NotUsable(why) => *tally.not_usable.entry(why).or_default() += 1,
            Verdict::Disagreed(differences) => tally.disagree(cases.line(), case, differences),
        }
    }
    Ok(tally)
}

impl Tally {
    fn disagree(&mut self, line: usize, case: Case, differences: Vec<Difference>) {
        self.disagreed += 1;
        let faulted = case.out.kind == Kind::Pf;
        self.only_accessed_on_fault += usize::from(faulted && differences.iter().all(|d| d.aspect == Aspect::Entries));
        if self.first.len() < SHOWN {
            self.first.push((line, case, differences));
        }
    }

    fn not_usable(&self) -> usize {
        self.not_usable.values().sum()
    }

    fn text(&self) -> String {
        let mut text = format!("{:>10}  agreed\n{:>10}  disagreed\n", self.agreed, self.disagreed);
        let _ = writeln!(text, "{:>10}  not usable", self.not_usable());
        for (why, count) in &self.not_usable {
            let _ = writeln!(text, "{count:>10}    {why}");
        }
        for (line, case, differences) in &self.first {
            let _ = writeln!(text, "\nline {line}, {}:", title(case));
            for difference in differences {
                let _ = writeln!(text, "  {difference}");
            }
        }
        if self.disagreed > self.first.len() {
            let _ = writeln!(text, "\n{} more disagree", self.disagreed - self.first.len());
        }
        if self.only_accessed_on_fault > 0 && self.only_accessed_on_fault == self.disagreed {
            text += "\nhelp: all differ only in the A bits after a fault, which --accessed-on-fault chooses\n";
        }
        text
    }

    fn json(&self) -> Value {
        let disagreement = |(line, case, differences): &(usize, Case, Vec<Difference>)| {
            let difference = |d: &Difference| {
                json!({
                    "aspect": format!("{:?}", d.aspect),
                    "expected": d.expected,
                    "given": d.given,
                    "rules": d.rules,
                })
            };
            let differences: Vec<_> = differences.iter().map(difference).collect();
            json!({ "line": line, "id": case.id, "seed": case.seed, "differences": differences })
        };
        json!({
            "agreed": self.agreed,
            "disagreed": self.disagreed,
            "not_usable": self.not_usable(),
            "reasons": self.not_usable,
            "disagreements": self.first.iter().map(disagreement).collect::<Vec<_>>(),
        })
    }
}

/// A case in words.
fn title(case: &Case) -> String {
    let access = format!("{:?}", case.access).to_lowercase();
    let seed = if case.seed == 0 { String::new() } else { format!(" of seed {}", case.seed) };
    format!("case {}{seed}, {access} of {} bytes at {} by CPL {}", case.id, case.size, case.la(), case.cpl)
}
