//! 50 states for every instruction form, this machine's processor against the core; a test for each feature.
//!
//! `missing.txt` lists the forms that the core does not execute yet. It has to be exact. Where the processor is not Intel's, or
//! lacks a feature, its tests are *ignored*.

#![forbid(unsafe_code)]

use libtest_mimic::{Arguments, Trial};

fn main() {
    libtest_mimic::run(&Arguments::from_args(), trials()).exit();
}

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
fn trials() -> Vec<Trial> {
    use pagewalk_oracle::isa::forms::{self, Form};
    use std::collections::BTreeMap;

    let mut features: BTreeMap<String, Vec<Form>> = BTreeMap::new();
    for form in forms::all() {
        features.entry(forms::feature(form.code)).or_default().push(form);
    }
    let mut trials: Vec<Trial> = features.into_iter().map(|(name, forms)| judge::trial(name, forms)).collect();
    trials.push(Trial::test("the list of missing forms names forms", judge::names_forms));
    trials
}

#[cfg(not(all(target_os = "linux", target_arch = "x86_64")))]
fn trials() -> Vec<Trial> {
    vec![Trial::test("needs Linux on an x86-64 processor", || Ok(())).with_ignored_flag(true)]
}

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod judge {
    use libtest_mimic::{Failed, Trial};
    use pagewalk_oracle::isa::forms::{self, Form};
    use pagewalk_oracle::isa::host;
    use pagewalk_oracle::isa::report;
    use pagewalk_oracle::isa::run::{Options, run};
    use pagewalk_oracle::isa::state::Alignment;

    const MISSING: &str = include_str!("missing.txt");
    const OPTIONS: Options = Options { states: 50, seed: 1, jobs: 1, alignment: Alignment::Sometimes, only: None };

    pub(crate) fn trial(feature: String, forms: Vec<Form>) -> Trial {
        let obstacle = forms.iter().find_map(|form| host::obstacle(form.code));
        let name = match &obstacle {
            None => format!("{feature}: {} forms", forms.len()),
            Some(why) => format!("{feature}: {why}"),
        };
        Trial::test(name, move || judge(&forms)).with_ignored_flag(obstacle.is_some())
    }

    fn judge(forms: &[Form]) -> Result<(), Failed> {
        let results = run(forms, &OPTIONS).map_err(|error| Failed::from(error.to_string()))?;
        let mut complaints = report::details(&results);
        for result in &results {
            let name = format!("{:?}", result.form.code);
            let listed = MISSING.lines().any(|line| line == name);
            if listed != result.is_missing() {
                let what = if listed { "listed as missing, but executed" } else { "missing, but not listed" };
                complaints.push_str(&format!("{name}: {what}\n"));
            }
        }
        if complaints.is_empty() { Ok(()) } else { Err(complaints.into()) }
    }

    pub(crate) fn names_forms() -> Result<(), Failed> {
        let names: Vec<String> = forms::all().map(|form| format!("{:?}", form.code)).collect();
        match MISSING.lines().find(|line| !names.iter().any(|name| name == line)) {
            None => Ok(()),
            Some(line) => Err(format!("{line} is no form").into()),
        }
    }
}
