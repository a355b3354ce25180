//! QEMU's user mode with the plugin, on programs of `elf-samples`: they run as without it, and the counters make sense.
//!
//! Where there is no `qemu-x86_64`, or one that speaks another version of the interface, the tests are *ignored*.

#![forbid(unsafe_code)]

use libtest_mimic::{Arguments, Trial};

fn main() {
    libtest_mimic::run(&Arguments::from_args(), trials()).exit();
}

#[cfg(not(all(target_os = "linux", target_arch = "x86_64")))]
fn trials() -> Vec<Trial> {
    vec![Trial::test("needs Linux on an x86-64 processor", || Ok(())).with_ignored_flag(true)]
}

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
fn trials() -> Vec<Trial> {
    let obstacle = qemu::obstacle();
    let trial = |(name, test): (&str, qemu::Test)| match &obstacle {
        None => Trial::test(name, test),
        Some(why) => Trial::test(format!("{name}: {why}"), || Ok(())).with_ignored_flag(true),
    };
    qemu::TESTS.iter().copied().map(trial).collect()
}

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod program;

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod qemu {
    use crate::program::{self, CODE};
    use libtest_mimic::Failed;
    use std::collections::BTreeMap;
    use std::ffi::OsString;
    use std::path::{Path, PathBuf};
    use std::process::{Command, Output, Stdio};

    pub(crate) type Test = fn() -> Result<(), Failed>;

    pub(crate) const TESTS: &[(&str, Test)] = &[
        ("programs run as they do without the plugin", programs_are_unchanged),
        ("all events are there, and the counts are plausible", counts_are_plausible),
        ("two runs count the same", runs_are_the_same),
        ("a smaller data TLB misses more", a_smaller_tlb_misses_more),
        ("a program of ten instructions counts to the last of them", ten_instructions_count_exactly),
        ("a forked child reports nothing", forked_children_report_nothing),
        ("what makes no sense is refused before the program runs", nonsense_is_refused),
    ];

    const QEMU: &str = "qemu-x86_64";

    /// Why nothing can be tested here.
    pub(crate) fn obstacle() -> Option<&'static str> {
        let here = Command::new(QEMU).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
        if !here.is_ok_and(|status| status.success()) {
            return Some("qemu-x86_64 is not here");
        }
        let first = run(Some(""), "hello", &[]);
        let said = String::from_utf8_lossy(&first.stderr).into_owned();
        if said.contains("API version") {
            return Some("this QEMU speaks another version of the plugin interface");
        }
        (!first.status.success() && said.contains("-plugin")).then_some("this QEMU knows no plugins")
    }

    /// The library: cargo puts it beside the tests' programs, and what `cargo build` has made one folder up.
    fn plugin() -> PathBuf {
        let test = std::env::current_exe().expect("a test has a path");
        let folders = test.ancestors().skip(1).take(2);
        let mut libraries = folders.map(|folder| folder.join("libpagewalk_qemu_plugin.so"));
        libraries.find(|library| library.exists()).expect("cargo builds the library before its tests")
    }

    /// A sample under QEMU, with the plugin and these options of it, or without.
    fn run(options: Option<&str>, sample: &str, args: &[&str]) -> Output {
        let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../elf-samples");
        let mut command = Command::new(QEMU);
        if let Some(options) = options {
            let mut plugin = OsString::from(plugin());
            plugin.push(if options.is_empty() { "" } else { "," });
            plugin.push(options);
            command.arg("-plugin").arg(plugin);
        }
        // By its name alone, so that what it prints of itself says nothing of this machine.
        command.current_dir(samples).arg(sample).args(args).output().expect("qemu-x86_64 runs")
    }

    /// The counters of a run that ends well, by event.
    fn counters(options: &str, sample: &str, args: &[&str]) -> Result<BTreeMap<String, u64>, Failed> {
        let folder = tempfile::tempdir()?;
        let file = folder.path().join("counters.csv");
        let output = run(Some(&format!("{options},out={}", file.display())), sample, args);
        check(output.status.success(), || format!("{sample}: {output:?}"))?;
        parse(&std::fs::read_to_string(file)?)
    }

    fn parse(csv: &str) -> Result<BTreeMap<String, u64>, Failed> {
        let mut lines = csv.lines();
        check(lines.next() == Some("event,count"), || format!("no heading: {csv}"))?;
        let row = |line: &str| {
            let (event, count) = line.split_once(',').ok_or_else(|| Failed::from(format!("no row: {line}")))?;
            Ok((event.to_owned(), count.parse()?))
        };
        lines.map(row).collect()
    }

    fn check(holds: bool, what: impl FnOnce() -> String) -> Result<(), Failed> {
        if holds { Ok(()) } else { Err(what().into()) }
    }

    /// Not among them: what prints its page faults, as those are QEMU's own.
    fn programs_are_unchanged() -> Result<(), Failed> {
        let programs: &[(&str, &[&str])] = &[
            ("hello", &[]),
            ("sieve", &["20000"]),
            ("fp", &[]),
            ("matrix", &["16"]),
            ("mmap-file", &[]),
            ("mprotect-repair", &[]),
            ("smc", &["10"]),
            ("same-address", &[]),
            ("pipe", &[]),
            ("altstack", &["1"]),
            ("oob", &[]),
        ];
        let folder = tempfile::tempdir()?;
        let options = format!("out={}", folder.path().join("counters.csv").display());
        for (sample, args) in programs {
            let (plain, counted) = (run(None, sample, args), run(Some(&options), sample, args));
            check(plain == counted, || format!("{sample}: {plain:?}, with the plugin {counted:?}"))?;
        }
        Ok(())
    }

    fn counts_are_plausible() -> Result<(), Failed> {
        let output = run(Some("hw=classroom"), "hello", &[]);
        let found = parse(&String::from_utf8(output.stderr)?)?;
        let expected: Vec<_> = timing::Counters::default().events().map(|(event, _)| event).collect();
        check(expected.iter().all(|event| found.contains_key(event)), || format!("events are missing: {found:?}"))?;
        check(found.len() == expected.len() + 1, || format!("events are too many: {found:?}"))?;
        check((1_000..20_000).contains(&found["instructions"]), || format!("{found:?}"))?;
        check(found["itlb_misses.walk_completed_4k"] > 0, || format!("{found:?}"))?;
        check(found["dtlb_store_misses.walk_updates"] > 0, || format!("no page became dirty: {found:?}"))?;
        check(found["dtlb_load_misses.walk_faulted"] == 0, || format!("no access faults: {found:?}"))
    }

    fn runs_are_the_same() -> Result<(), Failed> {
        let count = || counters("hw=golden-cove", "sieve", &["100000"]);
        let (first, second) = (count()?, count()?);
        check(first == second, || format!("{first:?}, then {second:?}"))
    }

    fn a_smaller_tlb_misses_more() -> Result<(), Failed> {
        // 200,000 bytes are 49 pages, gone through again and again.
        let misses = |options: &str| -> Result<u64, Failed> {
            let found = counters(options, "sieve", &["200000"])?;
            let of = |event: &str| found[&format!("dtlb_store_misses.{event}")];
            Ok(of("stlb_hit") + of("walk_completed"))
        };
        let large = misses("hw=skylake-server")?;
        let small = misses("hw=skylake-server,set=dtlb.4k.entries=4")?;
        check(small > 10 * large, || format!("{large} misses with 64 entries, and {small} with 4"))
    }

    fn ten_instructions_count_exactly() -> Result<(), Failed> {
        let folder = tempfile::tempdir()?;
        let program = folder.path().join("program");
        program::write(&program, CODE)?;
        let found = counters("hw=golden-cove", program.to_str().ok_or("a path of another kind")?, &[])?;
        for (event, count) in program::COUNTS {
            check(found[*event] == *count, || format!("{event} is {}, not {count}: {found:?}", found[*event]))?;
        }
        Ok(())
    }

    fn forked_children_report_nothing() -> Result<(), Failed> {
        let output = run(Some("hw=classroom"), "fork-cow", &[]);
        let reports = String::from_utf8(output.stderr)?.matches("event,count").count();
        check(reports == 1, || format!("{reports} reports"))
    }

    fn nonsense_is_refused() -> Result<(), Failed> {
        let nonsense = [
            ("hw=pentium", "there is no processor `pentium`"),
            ("set=dtlb.4k.ways=7", "dtlb.4k"),
            ("set=dtlb", "`dtlb` is not KEY=VALUE"),
            ("trace=x", "there is no option `trace=x`"),
            ("out=/nowhere/at/all", "cannot write `/nowhere/at/all`"),
        ];
        for (options, message) in nonsense {
            let output = run(Some(options), "hello", &[]);
            let said = String::from_utf8_lossy(&output.stderr);
            check(!output.status.success() && output.stdout.is_empty(), || format!("{options}: {output:?}"))?;
            check(said.contains(message), || format!("{options}: {said}"))?;
        }
        Ok(())
    }
}
