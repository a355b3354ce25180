//! `pagewalk record`, `report` and `annotate` on the samples: what they print, that their sums are those of `pagewalk stat`, and that the same
//! run gives the same bytes.

mod common;

use common::{golden, repository};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use tempfile::TempDir;

/// Runs pagewalk where the samples are.
fn pagewalk(args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pagewalk"));
    command.args(args).current_dir(repository()).output().expect("pagewalk starts")
}

/// What a command prints that goes well.
fn printed(args: &[&str]) -> String {
    let output = pagewalk(args);
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("it prints text")
}

/// The repository is the guest's `/repository`, so that no profile depends on where it lies.
fn guest() -> Vec<String> {
    let mount = format!("{}:/repository", repository().display());
    ["--hw", "classroom", "--mount", &mount, "--cwd", "/repository"].map(str::to_owned).to_vec()
}

/// Records a sample with its arguments.
fn record(folder: &Path, name: &str, command: &str) -> PathBuf {
    let profile = folder.join(name);
    let guest = guest();
    let mut args = vec!["record", "-q", "-o", profile.to_str().expect("a path in UTF-8")];
    args.extend(guest.iter().map(String::as_str));
    args.extend(command.split(' '));
    printed(&args);
    profile
}

/// `report` of a profile with options.
fn report(profile: &Path, options: &[&str]) -> String {
    let args = [&["report", profile.to_str().expect("a path in UTF-8")], options].concat();
    printed(&args)
}

/// The sum of the first column of a table in CSV.
fn sum(csv: &str) -> i64 {
    let first = |line: &str| line.split(',').next().expect("a cell").parse::<i64>().expect("a number");
    csv.lines().skip(1).map(first).sum()
}

/// The cycles that `stat` counts, and those of the twin.
fn stat(command: &str) -> [i64; 2] {
    let guest = guest();
    let mut args = vec!["stat", "--format", "csv"];
    args.extend(guest.iter().map(String::as_str));
    args.extend(command.split(' '));
    let counters = String::from_utf8(pagewalk(&args).stderr).expect("it prints text");
    ["cycles,", "cycles.perfect,"].map(|name| {
        let count = counters.lines().find_map(|line| line.strip_prefix(name)).expect("it counts cycles");
        count.parse().expect("a number")
    })
}

#[test]
fn tables_of_a_sample() {
    let folder = TempDir::new().expect("a folder");
    let profile = record(folder.path(), "crc", "elf-samples/crc 1");
    let mut all = String::new();
    for by in ["function", "line", "page", "mapping", "cause", "process"] {
        all += &format!("-- {by}\n{}", report(&profile, &["--by", by]));
    }
    golden("profile-crc", &all);
    golden("profile-crc-top", &report(&profile, &["--top", "3", "--sort", "walks"]));
}

#[test]
fn an_annotated_function_of_a_sample() {
    let folder = TempDir::new().expect("a folder");
    let profile = record(folder.path(), "crc", "elf-samples/crc 1");
    let profile = profile.to_str().expect("a path in UTF-8");
    golden("profile-crc-annotate", &printed(&["annotate", profile]));
    let refused = pagewalk(&["annotate", profile, "nothing"]);
    assert_eq!(refused.status.code(), Some(125));
    let text = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(text.contains("no function `nothing` ran") && text.contains("those with the most cycles are"), "{text}");
}

#[test]
fn every_table_sums_to_what_stat_counts() {
    let folder = TempDir::new().expect("a folder");
    for command in ["elf-samples/sieve 20000", "elf-samples/fork-cow", "elf-samples/hello-pie", "elf-samples/smc 3"] {
        let [cycles, perfect] = stat(command);
        let profile = record(folder.path(), "sums", command);
        for by in ["function", "line", "page", "mapping", "cause", "process"] {
            assert_eq!(sum(&report(&profile, &["--format", "csv", "--by", by])), cycles, "{command}: {by}");
        }
        let exposed = report(&profile, &["--format", "csv"]);
        let exposed = exposed
            .lines()
            .skip(1)
            .map(|line| line.split(',').nth(1).expect("a cell").parse::<i64>().expect("a number"));
        assert_eq!(exposed.sum::<i64>(), cycles - perfect, "{command}");
        let folded = report(&profile, &["--format", "folded"]);
        let of_stack = |line: &str| line.rsplit(' ').next().expect("a number").parse::<i64>().expect("a number");
        assert_eq!(folded.lines().map(of_stack).sum::<i64>(), cycles, "{command}");
        let callgrind = report(&profile, &["--format", "callgrind"]);
        assert!(callgrind.contains(&format!("\ntotals: {cycles} {perfect} ")), "{command}");
    }
}

#[test]
fn processes_are_told_apart() {
    let folder = TempDir::new().expect("a folder");
    let profile = record(folder.path(), "exec", "elf-samples/exec");
    let processes = report(&profile, &["--by", "process", "--format", "csv"]);
    let names: Vec<&str> = processes.lines().skip(1).map(|line| line.rsplit('/').next().expect("a program")).collect();
    assert!(names.contains(&"exec") && names.contains(&"hello"), "{processes}");
}

#[test]
fn the_same_run_gives_the_same_bytes() {
    let folder = TempDir::new().expect("a folder");
    let [first, second] = ["first", "second"].map(|name| record(folder.path(), name, "elf-samples/pipe"));
    let bytes = |path: &Path| std::fs::read(path).expect("it was written");
    assert!(bytes(&first) == bytes(&second));
    for format in ["text", "json", "csv", "callgrind", "folded", "flamegraph"] {
        assert!(report(&first, &["--format", format]) == report(&second, &["--format", format]), "{format}");
    }
}

#[test]
fn what_is_written_to_a_file_is_what_is_printed() {
    let folder = TempDir::new().expect("a folder");
    let profile = record(folder.path(), "hello", "elf-samples/hello");
    let file = folder.path().join("hello.svg");
    let path = file.to_str().expect("a path in UTF-8");
    assert_eq!(report(&profile, &["--format", "flamegraph", "-o", path]), "");
    assert!(std::fs::read_to_string(&file).expect("it was written") == report(&profile, &["--format", "flamegraph"]));
}

#[test]
fn a_timeline_has_every_fault_and_walk_in_order_and_by_kind() {
    let folder = TempDir::new().expect("a folder");
    let [profile, timeline] = ["profile", "timeline.json"].map(|name| folder.path().join(name).display().to_string());
    let guest = guest();
    let mut args = vec!["record", "-q", "-o", &profile, "--timeline", &timeline];
    args.extend(guest.iter().map(String::as_str));
    args.push("elf-samples/mprotect-repair");
    printed(&args);
    let text = std::fs::read_to_string(&timeline).expect("it was written");
    let trace: serde_json::Value = serde_json::from_str(&text).expect("it is JSON");
    let events = trace["traceEvents"].as_array().expect("a list");
    let lane = |tid: u64| events.iter().filter(move |event| event["ph"] == "X" && event["tid"] == tid);
    let mut kinds: Vec<&str> = lane(1).map(|event| event["name"].as_str().expect("a name")).collect();
    kinds.sort_unstable();
    kinds.dedup();
    assert_eq!(kinds, ["copied-on-write", "demand-zero", "file-read", "sigsegv-accerr", "zero-page"]);
    assert_eq!(
        lane(1).count(),
        14 - 2,
        "as --stat counts them, less those of the kernel layer's own as it loads the program"
    );
    let walks = report(Path::new(&profile), &["--by", "cause", "--format", "csv"]);
    let walks = walks.lines().find_map(|line| line.strip_suffix(",walk.start")).expect("there are walks");
    assert_eq!(lane(2).count().to_string(), walks.split(',').nth(1).expect("times"));
    for tid in [1, 2] {
        let times = |event: &serde_json::Value| ["ts", "dur"].map(|key| event[key].as_f64().expect("a number"));
        let spans: Vec<[f64; 2]> = lane(tid).map(times).collect();
        assert!(spans.iter().all(|[_, length]| *length > 0.0), "{spans:?}");
        assert!(spans.windows(2).all(|pair| pair[0][0] + pair[0][1] <= pair[1][0] + 1e-6), "{spans:?}");
    }
}
