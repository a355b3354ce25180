//! 2,000 random cases, answered by KVM and by the walk. *Ignored* where /dev/kvm cannot be opened.

#![forbid(unsafe_code)]

use libtest_mimic::{Arguments, Trial};

fn main() {
    libtest_mimic::run(&Arguments::from_args(), trials()).exit();
}

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
fn trials() -> Vec<Trial> {
    use libtest_mimic::Failed;
    use pagewalk_oracle::run::compare;

    let usable = kvm_ioctls::Kvm::new().is_ok();
    let trial = Trial::test("kvm agrees with the walk in 2,000 cases", || {
        let kvm = kvm_ioctls::Kvm::new().map_err(|error| Failed::from(error.to_string()))?;
        let report = compare(&kvm, 2_000, 1).map_err(|error| Failed::from(error.to_string()))?;
        if report.cases != 2_000 || report.done < 200 {
            return Err(format!("{} cases, {} made", report.cases, report.done).into());
        }
        match report.disagreements.first() {
            None => Ok(()),
            Some(first) => Err(format!("{} disagree, the first: {first:#x?}", report.disagreements.len()).into()),
        }
    });
    vec![trial.with_ignored_flag(!usable)]
}

#[cfg(not(all(target_os = "linux", target_arch = "x86_64")))]
fn trials() -> Vec<Trial> {
    vec![Trial::test("kvm agrees with the walk in 2,000 cases", || Ok(())).with_ignored_flag(true)]
}
