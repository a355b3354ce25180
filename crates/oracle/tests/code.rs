//! 2,000 random byte strings as code: each ends, and none in a panic. *Ignored* where there is no Intel processor to compare
//! their first instructions with.

#![forbid(unsafe_code)]

use libtest_mimic::{Arguments, Trial};

const NAME: &str = "2,000 random strings end, and begin as on the processor";

fn main() {
    libtest_mimic::run(&Arguments::from_args(), vec![trial()]).exit();
}

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
fn trial() -> Trial {
    use pagewalk_oracle::isa::{forms, host};
    let comparable = forms::all().all(|form| host::obstacle(form.code).is_none());
    let run = || {
        let report = pagewalk_oracle::code::run(2_000, 1).map_err(|error| error.to_string())?;
        if report.failures.is_empty() { Ok(()) } else { Err(report.failures.join("\n").into()) }
    };
    Trial::test(NAME, run).with_ignored_flag(!comparable)
}

#[cfg(not(all(target_os = "linux", target_arch = "x86_64")))]
fn trial() -> Trial {
    Trial::test(NAME, || Ok(())).with_ignored_flag(true)
}
