//! What needs other tools, and is ignored without them: `callgrind_annotate` sums as we do, a browser draws the flame graph and
//! searches it, gcc's line tables are read, and on a processor without AVX, as QEMU has it, pagewalk writes the same bytes.
#![forbid(unsafe_code)]

mod common;

use libtest_mimic::{Arguments, Failed, Trial};
use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, ExitCode};
use tempfile::TempDir;

fn main() -> ExitCode {
    let trial = |name: &str, tool: &str, run: fn() -> Result<(), Failed>| {
        let is_there = Command::new(tool).arg("--version").output().is_ok();
        Trial::test(name, run).with_ignored_flag(!is_there)
    };
    let trials = vec![
        trial("callgrind_annotate_sums_as_we_do", "callgrind_annotate", callgrind_annotate),
        trial("a_browser_opens_the_flame_graph", BROWSER, browser),
        trial("source_lines_and_inlined_functions_of_gcc", "gcc", source_lines),
        trial("nothing_is_said_beside_the_bar", "script", beside_the_bar),
        trial("a_program_built_again_with_padding_has_the_same_trace", "gcc", built_again),
        trial("the_same_bytes_twice_and_on_a_nehalem", "qemu-x86_64", another_processor),
        trial("golden_traces_on_a_nehalem", "qemu-x86_64", golden_traces),
    ];
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

/// Chromium without a window.
const BROWSER: &str = "chromium-headless-shell";

/// What a command prints that goes well.
fn printed(command: &mut Command) -> Result<String, Failed> {
    let output = command.output()?;
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    if output.status.success() && !errors.contains("WARNING") {
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    } else {
        Err(format!("{command:?}: {errors}").into())
    }
}

fn pagewalk() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pagewalk"));
    command.current_dir(env!("CARGO_MANIFEST_DIR"));
    command
}

fn record(folder: &Path, program: &[&str]) -> Result<String, Failed> {
    let profile = folder.join("profile").display().to_string();
    printed(pagewalk().args(["record", "-q", "--hw", "classroom", "-o", &profile]).args(program))?;
    Ok(profile)
}

fn digits(cell: &str) -> Option<u64> {
    cell.replace(',', "").parse().ok()
}

/// The numbers of a line, with the percentages left out.
fn numbers(line: &str) -> Vec<u64> {
    line.split_whitespace().filter_map(digits).collect()
}

fn callgrind_annotate() -> Result<(), Failed> {
    let folder = TempDir::new()?;
    let profile = record(folder.path(), &["elf-samples/sieve", "20000"])?;
    let file = folder.path().join("callgrind.out").display().to_string();
    printed(pagewalk().args(["report", &profile, "--format", "callgrind", "-o", &file]))?;
    let annotated = printed(Command::new("callgrind_annotate").args(["--threshold=100", "--auto=no", &file]))?;
    let totals = annotated.lines().find(|line| line.ends_with("PROGRAM TOTALS")).ok_or("no totals")?;
    let table = printed(pagewalk().args(["report", &profile, "--format", "json"]))?;
    let table: serde_json::Value = serde_json::from_str(&table)?;
    let total = |column: &str| table["total"][column].as_u64().ok_or("no such column");
    let cycles = total("cycles")?;
    let perfect = cycles - total("exposed")?;
    let ours = [
        cycles,
        perfect,
        total("translation")?,
        total("walk-cycles")?,
        total("walks")?,
        total("stlb-hits")?,
        total("executions")?,
    ];
    if numbers(totals) != ours {
        return Err(format!("{ours:?}, and: {totals}").into());
    }
    // Each function, as it lists them.
    for row in table["rows"].as_array().ok_or("no rows")? {
        let name = format!("???:{} ", row["function"].as_str().ok_or("no name")?);
        let line = annotated.lines().find(|line| line.contains(&name)).ok_or(format!("no {name} in {annotated}"))?;
        if numbers(line).first() != row["cycles"].as_u64().as_ref() {
            return Err(format!("{row}, and: {line}").into());
        }
    }
    Ok(())
}

const SOURCE: &str = "\
static inline __attribute__((always_inline)) long twice(long x) {
    return x * 2 + 1;
}
__attribute__((noinline)) long sum(const long *words, long count) {
    long sum = 0;
    for (long i = 0; i < count; i++)
        sum += twice(words[i]);
    return sum;
}
static long words[1000];
int main(void) {
    return sum(words, 1000) != 1000;
}
";

fn source_lines() -> Result<(), Failed> {
    let folder = TempDir::new()?;
    let (source, program) = (folder.path().join("sum.c"), folder.path().join("sum"));
    std::fs::write(&source, SOURCE)?;
    printed(Command::new("gcc").args(["-g", "-O1", "-static", "-o"]).arg(&program).arg(&source))?;
    let profile = record(folder.path(), &[&program.display().to_string()])?;
    let lines = printed(pagewalk().args(["report", &profile, "--by", "line", "--format", "csv"]))?;
    for line in [format!("{}:2,twice", source.display()), format!("{}:6,sum", source.display())] {
        if !lines.contains(&line) {
            return Err(format!("no {line} in {lines}").into());
        }
    }
    let folded = printed(pagewalk().args(["report", &profile, "--format", "folded"]))?;
    let annotated = printed(pagewalk().args(["annotate", &profile, "sum"]))?;
    match (folded.contains(";sum;twice;data.l1 "), annotated.contains("; sum.c:2      return x * 2 + 1;")) {
        (true, true) => Ok(()),
        _ => Err(format!("{folded}\n{annotated}").into()),
    }
}

/// The text behind `before`, up to a character.
fn between<'a>(text: &'a str, before: &str, end: char) -> Option<&'a str> {
    text.split_once(before)?.1.split(end).next()
}

/// The page as the browser has it once its script has run, with a search for frames of walks.
fn drawn(svg: &Path) -> Result<String, Failed> {
    let mut browser = Command::new(BROWSER);
    let output = browser
        .args(["--no-sandbox", "--disable-gpu", "--dump-dom"])
        .arg(format!("file://{}?s=^walk", svg.display()))
        .output()?;
    Ok(String::from_utf8(output.stdout)?)
}

fn browser() -> Result<(), Failed> {
    let folder = TempDir::new()?;
    let profile = record(folder.path(), &["elf-samples/sieve", "20000"])?;
    let svg = folder.path().join("flames.svg");
    printed(pagewalk().args(["report", &profile, "--format", "flamegraph", "-o"]).arg(&svg))?;
    let table = printed(pagewalk().args(["report", &profile, "--format", "json"]))?;
    let table: serde_json::Value = serde_json::from_str(&table)?;
    let cycles = table["total"]["cycles"].as_u64().ok_or("no cycles")?;
    let page = drawn(&svg)?;
    let mut rows = BTreeMap::<&str, u64>::new();
    for frame in page.split("<title>").skip(1) {
        let (title, frame) = frame.split_once("</title>").ok_or("no title")?;
        let weight = title.rsplit_once(" (").and_then(|(_, weight)| digits(weight.split(' ').next()?));
        let weight = weight.ok_or(format!("no weight in {title}"))?;
        *rows.entry(between(frame, " y=\"", '"').ok_or("no place")?).or_default() += weight;
    }
    if rows.len() < 5 || rows.values().any(|sum| *sum != cycles) {
        return Err(format!("each row should sum to {cycles}: {rows:?}").into());
    }
    let causes = printed(pagewalk().args(["report", &profile, "--by", "cause", "--format", "csv"]))?;
    let of_walks = causes.lines().filter(|line| line.contains(",walk."));
    let walks: u64 = of_walks.filter_map(|line| digits(line.split(',').next()?)).sum();
    let share = format!("Matched: {:.1}%", 100.0 * walks as f64 / cycles as f64);
    let found = between(&page, "id=\"matched\"", '<').ok_or("no search")?;
    if walks == 0 || !found.ends_with(&share) {
        return Err(format!("the search should say {share}: {found}").into());
    }
    Ok(())
}

/// What a command line of pagewalk's writes to its file.
fn written(mut pagewalk: Command, folder: &Path, args: &[&str]) -> Result<Vec<u8>, Failed> {
    let file = folder.join("written");
    let (sample, command) = args.split_last().ok_or("no command")?;
    printed(pagewalk.args(command).args(["-q", "-o"]).arg(&file).arg(sample))?;
    Ok(std::fs::read(&file)?)
}

/// pagewalk on a processor without most of what compilers and libraries look for.
fn on_nehalem() -> Command {
    let mut qemu = Command::new("qemu-x86_64");
    qemu.args(["-cpu", "Nehalem", env!("CARGO_BIN_EXE_pagewalk")]).current_dir(env!("CARGO_MANIFEST_DIR"));
    qemu
}

/// The bytes that are kept, made again there.
fn golden_traces() -> Result<(), Failed> {
    let folder = TempDir::new()?;
    for golden in std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/faults"))? {
        let golden = golden?.path();
        let made = folder.path().join("made.faults");
        std::fs::copy(&golden, &made)?;
        printed(on_nehalem().args(["trace", "bless"]).arg(&made))?;
        if std::fs::read(&made)? != std::fs::read(&golden)? {
            return Err(format!("{} is not the same", golden.display()).into());
        }
    }
    Ok(())
}

fn another_processor() -> Result<(), Failed> {
    let folder = TempDir::new()?;
    for sample in ["elf-samples/fp", "elf-samples/fork-cow", "elf-samples/smc"] {
        let commands: [&[&str]; 9] = [
            &["stat", "--core", "none", sample],
            &["stat", "--core", "in-order", sample],
            &["stat", "--core", "out-of-order", sample],
            &["record", sample],
            &["record", "--accesses", sample],
            &["trace", "record", sample],
            &["trace", "record", "--packed", "--events", "fault,map,process,page-out,swap,tlb", sample],
            &["trace", "record", "--packed", "--events", "walk,accessed-dirty", "--hw", "zen2", sample],
            &["trace", "record", "--packed", "--sanitize", "translations", sample],
        ];
        for args in commands {
            let first = written(pagewalk(), folder.path(), args)?;
            if first.is_empty() || written(pagewalk(), folder.path(), args)? != first {
                return Err(format!("{args:?} again is not the same").into());
            }
            if written(on_nehalem(), folder.path(), args)? != first {
                return Err(format!("{args:?} on another processor is not the same").into());
            }
        }
    }
    Ok(())
}

/// `script` gives the terminal that the bar is drawn on.
fn beside_the_bar() -> Result<(), Failed> {
    let folder = TempDir::new()?;
    let trace = common::accesses::made_up(folder.path(), "x");
    let line = format!("{} replay -q --core none {}", env!("CARGO_BIN_EXE_pagewalk"), trace.display());
    let output = Command::new("script").args(["-qec", &line, "/dev/null"]).output()?;
    let shown = String::from_utf8_lossy(&output.stdout);
    let (before, _) = shown.split_once("pagewalk: 1 of 1 translations").ok_or("it does not say so")?;
    let (bar, beside) = before.rsplit_once("\x1b[2K").ok_or("the bar was not cleared")?;
    if bar.contains('%') && beside.trim().is_empty() { Ok(()) } else { Err(format!("{shown:?}").into()) }
}

/// The same source, with bytes before all its functions that move none to another page.
fn built_again() -> Result<(), Failed> {
    let folder = TempDir::new()?;
    let padding = folder.path().join("padding.s");
    std::fs::write(&padding, ".text\n.fill 48, 1, 0x90\n.section .rodata\n.fill 16, 1, 1\n.section .note.GNU-stack\n")?;
    let sources = common::samples().join("src");
    let build = |name: &str, first: Option<&Path>| -> Result<String, Failed> {
        let folder = folder.path().join(name);
        std::fs::create_dir(&folder)?;
        let mut gcc = Command::new("gcc");
        gcc.args([
            "-O2",
            "-static",
            "-nostdlib",
            "-ffreestanding",
            "-fno-stack-protector",
            "-fcf-protection=none",
            "-o",
        ]);
        gcc.arg(folder.join("program")).args(first).args([sources.join("fork-cow.c"), sources.join("rt.c")]);
        printed(&mut gcc)?;
        let trace = folder.join("trace").display().to_string();
        printed(pagewalk().args(["trace", "record", "-q", "-o", &trace]).arg(folder.join("program")))?;
        Ok(trace)
    };
    let (one, other) = (build("one", None)?, build("other", Some(&padding))?);
    let [plain, padded] = ["one", "other"].map(|name| std::fs::read(folder.path().join(name).join("program")));
    if plain? == padded? {
        return Err("the padding is not in the program".into());
    }
    let difference = printed(pagewalk().args(["trace", "diff", &one, &other]))?;
    if difference.starts_with("the same: ") { Ok(()) } else { Err(difference.into()) }
}
