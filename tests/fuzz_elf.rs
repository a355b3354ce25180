//! Ten thousand mutated programs, run in the whole machine: whatever a file holds, the machine ends in one of its documented
//! ways, without a panic, within its limits, and without a trace on the host.

mod common;

use common::elf;
use pagewalk::{BufferConsole, Ending, ExitStatus, Interrupt, Machine, MachineConfig, ViewConfig};
use rayon::prelude::*;
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// How many, unless `PAGEWALK_FUZZ_CASES` says otherwise: the first ones are always the same.
const CASES: u64 = 10_000;
const MAX_INSTRUCTIONS: u64 = 200_000;
const RAM_BYTES: u64 = 8 << 20;
/// Where the stack is in use.
const STACK: u64 = 0x7fff_ffff_d000;
const DIRECT_MAP: u64 = 0xffff_8880_0000_0000;
/// A case that takes longer is named on standard error; only the test's caller knows how slow its machine is.
const SLOW: Duration = Duration::from_secs(5);

/// A generator whose numbers never change (SplitMix64).
struct Random(u64);

impl Random {
    const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    const fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }

    /// A number that is likely to be at some limit.
    fn awkward(&mut self) -> u64 {
        let near = [0, 3, 1 << 12, 1 << 16, 1 << 31, 1 << 32, 1 << 47, 1 << 63, u64::MAX, elf::BASE, STACK, DIRECT_MAP];
        let value = near[self.below(near.len())];
        match self.below(6) {
            0..3 => value,
            3 => value.wrapping_add(self.next() % 4096),
            4 => value.wrapping_sub(self.next() % 4096),
            _ => self.next() >> self.below(64),
        }
    }
}

/// The programs that are mutated: the samples, and a few that are all code.
fn originals() -> Vec<Vec<u8>> {
    let folder = fs::read_dir(common::samples()).expect("the samples are there");
    let mut paths: Vec<PathBuf> = folder.map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    let files = paths.into_iter().filter_map(|path| fs::read(path).ok());
    let mut originals: Vec<Vec<u8>> = files.filter(|bytes| bytes.starts_with(b"\x7fELF")).collect();
    originals.extend(GENERATED.iter().map(|code| elf::program_with_rights(code, 7)));
    originals
}

const GENERATED: &[&[u8]] = &[
    // exit(0)
    &[0xb8, 60, 0, 0, 0, 0x31, 0xff, 0x0f, 0x05],
    // L: mov rax, rsi; syscall; inc rsi; jmp L: every system call in turn, with what the registers happen to hold
    &[0x48, 0x89, 0xf0, 0x0f, 0x05, 0x48, 0xff, 0xc6, 0xeb, 0xf6],
    // L: push rax; call L: the stack down to its limit
    &[0x50, 0xe8, 0xfa, 0xff, 0xff, 0xff],
    // lea rdi, [rip]; mov ecx, 64; rep stosb: writes over itself
    &[0x48, 0x8d, 0x3d, 0, 0, 0, 0, 0xb9, 64, 0, 0, 0, 0xf3, 0xaa],
    // room for random code
    &[0x90; 2048],
];

/// The file of a case: one of the originals with a few things changed.
fn mutant(originals: &[Vec<u8>], case: u64) -> Vec<u8> {
    let mut random = Random(case);
    let mut file = originals[random.below(originals.len())].clone();
    for _ in 0..=random.below(3) {
        mutate(&mut file, &mut random);
    }
    file
}

fn mutate(file: &mut Vec<u8>, random: &mut Random) {
    if file.len() < 256 {
        file.resize(256, 0x90);
    }
    match random.below(8) {
        // A field of a header, most of which lie at even places.
        0 | 1 => {
            let width = [1, 2, 4, 8][random.below(4)];
            let at = random.below(184 / width) * width;
            elf::set(file, at..at + width, random.awkward());
        }
        // Some bits anywhere.
        2 => {
            for _ in 0..=random.below(40) {
                let at = random.below(file.len());
                file[at] ^= 1 << random.below(8);
            }
        }
        // Some bytes near the entry point, so that they are executed.
        3 | 4 => {
            let start = code_offset(file);
            for _ in 0..=random.below(12) {
                let at = (start + random.below(300)).min(file.len() - 1);
                file[at] = random.next() as u8;
            }
        }
        // A run of random code.
        5 => {
            let start = (code_offset(file) + random.below(64)).min(file.len());
            let end = (start + random.below(200)).min(file.len());
            file[start..end].fill_with(|| random.next() as u8);
        }
        // System calls.
        6 => {
            let code = system_calls(random);
            let start = code_offset(file).min(file.len());
            let end = (start + code.len()).min(file.len());
            file[start..end].copy_from_slice(&code[..end - start]);
        }
        // Another length.
        _ => {
            let length = random.below(file.len() + 5000);
            file.resize(length.max(1), 0);
        }
    }
}

/// The first numbers are the calls that a program makes most: files, memory, signals, time.
const USUAL_CALLS: usize = 39;

/// System calls with awkward arguments: `mov eax, n; mov rdi, a; mov rsi, b; mov rdx, c; mov r10, d; syscall`, repeated.
fn system_calls(random: &mut Random) -> Vec<u8> {
    let mut code = Vec::new();
    for _ in 0..30 {
        let number = if random.below(8) == 0 { random.below(460) } else { random.below(USUAL_CALLS) };
        code.push(0xb8);
        code.extend((number as u32).to_le_bytes());
        for register in [[0x48, 0xbf], [0x48, 0xbe], [0x48, 0xba], [0x49, 0xba]] {
            code.extend(register);
            code.extend(random.awkward().to_le_bytes());
        }
        code.extend([0x0f, 0x05]);
    }
    code
}

/// Where the entry point lies in the file, if the first executable segment still says so.
fn code_offset(file: &[u8]) -> usize {
    let word = |at: usize| file.get(at..at + 8).map_or(0, |bytes| u64::from_le_bytes(bytes.try_into().expect("eight")));
    let entry = word(24);
    let headers = (0..4).map(|index| 64 + index * 56);
    let holds = |at: &usize| entry.wrapping_sub(word(at + 16)) < word(at + 32);
    let offset = headers.filter(holds).map(|at| entry.wrapping_sub(word(at + 16)).wrapping_add(word(at + 8))).next();
    offset.map_or(elf::CODE_OFFSET, |offset| (offset as usize).min(file.len() - 1))
}

/// Runs a case in a folder of its own, which must be left as it was, and says how it ended.
fn run(folder: &Path, file: &[u8]) -> &'static str {
    let program = folder.join("program");
    fs::create_dir(folder).expect("the temporary folder takes a folder");
    fs::write(&program, file).expect("the folder takes a file");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("it is our file");
    let ending = run_in(folder);
    let left: Vec<PathBuf> =
        fs::read_dir(folder).expect("it is there").map(|entry| entry.expect("an entry").path()).collect();
    assert_eq!(left, std::slice::from_ref(&program), "the folder has other files");
    assert!(fs::read(&program).expect("it is there") == file, "the file has other contents");
    fs::remove_dir_all(folder).expect("it is our folder");
    ending
}

fn run_in(root: &Path) -> &'static str {
    let view = ViewConfig { root: Some(root.into()), cwd: "/".into(), ..ViewConfig::default() };
    let config =
        MachineConfig { ram_bytes: RAM_BYTES, max_instructions: Some(MAX_INSTRUCTIONS), ..MachineConfig::new(view) };
    let console = Box::new(BufferConsole::new("some input\n"));
    let mut machine = Machine::new(config, console, Interrupt::new()).expect("there is memory for a machine");
    let argv = [b"program".to_vec(), b"7".to_vec()];
    if machine.exec(b"/program", &argv, &[b"LANG=C".to_vec()]).is_err() {
        return "not loaded";
    }
    let ending = machine.run();
    let _ = machine.stats().to_string();
    match ending {
        Ending::Broken(violation) => panic!("nobody asked for a check: {violation}"),
        Ending::Exit(ExitStatus::Exited(_)) => "exited",
        Ending::Exit(ExitStatus::Killed(death)) => {
            let _ = death.to_string();
            "killed"
        }
        Ending::UnsupportedInstruction(_) => "unsupported instruction",
        Ending::UnsupportedSyscall(_) => "unsupported system call",
        Ending::Deadlock { .. } => "deadlock",
        Ending::Stopped { .. } => "stopped",
        Ending::TimedOut => "timed out",
        Ending::InstructionLimit(_) => "instruction limit",
    }
}

/// Names cases that run for long, from a thread of its own.
struct Watchdog(Mutex<BTreeMap<u64, Instant>>);

impl Watchdog {
    fn watch<T>(&self, case: u64, run: impl FnOnce() -> T) -> T {
        let cases = || self.0.lock().expect("no holder panics");
        cases().insert(case, Instant::now());
        let result = run();
        let took = cases().remove(&case).expect("it was inserted").elapsed();
        if took > SLOW {
            eprintln!("case {case} took {took:?}");
        }
        result
    }

    fn report(&self) {
        for (case, since) in self.0.lock().expect("no holder panics").iter() {
            if since.elapsed() > SLOW {
                eprintln!("case {case} has run for {:?}", since.elapsed());
            }
        }
    }
}

/// What must not change: a folder beside the programs', with a file that they could find by `..`.
fn canary(folder: &Path) -> (Vec<u8>, std::time::SystemTime, usize) {
    let file = folder.join("file");
    let modified = fs::metadata(&file).and_then(|meta| meta.modified()).expect("it is there");
    (fs::read(&file).expect("it is there"), modified, fs::read_dir(folder).expect("it is there").count())
}

#[test]
fn mutated_programs_end_as_documented_and_leave_no_trace() {
    let scratch = tempfile::tempdir().expect("a temporary folder");
    let beside = scratch.path().join("canary");
    fs::create_dir(&beside).expect("the temporary folder takes a folder");
    fs::write(beside.join("file"), "untouched").expect("it takes a file");
    let before = canary(&beside);
    let originals = originals();
    let cases = std::env::var("PAGEWALK_FUZZ_CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(CASES);
    let watchdog = Watchdog(Mutex::default());
    let outcome = |case: u64| {
        let file = mutant(&originals, case);
        let folder = scratch.path().join(format!("case-{case}"));
        let ending = watchdog.watch(case, || catch_unwind(AssertUnwindSafe(|| run(&folder, &file))));
        ending.map_err(|_| case)
    };
    let endings = std::thread::scope(|scope| {
        let (done, stop) = std::sync::mpsc::channel::<()>();
        let watchdog = &watchdog;
        scope.spawn(move || {
            while stop.recv_timeout(SLOW) == Err(std::sync::mpsc::RecvTimeoutError::Timeout) {
                watchdog.report();
            }
        });
        let endings: Vec<Result<&str, u64>> = (0..cases).into_par_iter().map(outcome).collect();
        drop(done);
        endings
    });
    let failed: Vec<u64> = endings.iter().filter_map(|ending| ending.err()).collect();
    assert!(failed.is_empty(), "{} cases failed: {:?}", failed.len(), &failed[..failed.len().min(20)]);
    assert_eq!(canary(&beside), before);
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for ending in endings.into_iter().flatten() {
        *counts.entry(ending).or_default() += 1;
    }
    println!("{counts:?}");
    for kind in ["not loaded", "exited", "killed", "instruction limit", "unsupported system call"] {
        assert!(counts.get(kind).is_some_and(|&count| count >= 50), "hardly any case ended so: {kind} of {counts:?}");
    }
}

/// A case that once went wrong, or that somebody wants to look at: `PAGEWALK_FUZZ_CASE=17` writes it to a file and runs it.
#[test]
fn one_case() {
    let Some(case) = std::env::var("PAGEWALK_FUZZ_CASE").ok().and_then(|text| text.parse().ok()) else { return };
    let file = mutant(&originals(), case);
    let path = std::env::temp_dir().join(format!("pagewalk-fuzz-{case}"));
    fs::write(&path, &file).expect("the temporary folder takes a file");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("it is our file");
    let scratch = tempfile::tempdir().expect("a temporary folder");
    println!("{}: {}", path.display(), run(&scratch.path().join("case"), &file));
}
