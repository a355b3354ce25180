//! Ten thousand damaged ELF files, the same each time: none makes the loader panic, read or work beyond its bounds, or
//! give a plan that contradicts itself.

mod common;

use common::{BASE, CODE, Counting, ElfFile, Section, check_error, check_plan, data, header};
use goblin::elf::program_header::{PF_R, PF_W, PT_GNU_RELRO, PT_GNU_STACK, PT_INTERP, PT_TLS};
use goblin::elf::section_header::{SHT_STRTAB, SHT_SYMTAB};
use pagewalk_loader::{Image, Layout, LoadPlan, Symbols};
use std::collections::BTreeMap;

const ROUNDS: usize = 10_000;

/// splitmix64: small, and the same on every machine.
struct Rng(u64);

impl Rng {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }
}

/// A program with all that the loader looks at: bss, TLS, RELRO, stack, symbols.
fn rich(mut elf: ElfFile, base: u64) -> ElfFile {
    elf.length = 0x5000;
    elf.headers.push(data(0x1230, base + 0x3230, 0x200, 0x3000));
    elf.headers.push(header(PT_TLS, PF_R, 0x1230, base + 0x3230, 0x20, 0x40));
    elf.headers.push(header(PT_GNU_RELRO, PF_R, 0x1230, base + 0x3230, 0xdd0, 0xdd0));
    elf.headers.push(header(PT_GNU_STACK, PF_R | PF_W, 0, 0, 0, 0));
    elf.e_shoff = 0x4000;
    elf.sections = vec![
        Section::default(),
        Section { kind: SHT_SYMTAB, offset: 0x2000, size: 24 * 4, link: 2 },
        Section { kind: SHT_STRTAB, offset: 0x3000, size: 16, link: 0 },
    ];
    elf.content.push((0x3000, b"\0_start\0main\0f\0\0".to_vec()));
    for (i, (name, offset)) in [(1u32, 0), (8, 4), (13, 8)].into_iter().enumerate() {
        let at = 0x2018 + 24 * i as u64;
        elf.content.push((at, [&name.to_le_bytes()[..], &[0x12, 0, 1, 0]].concat()));
        elf.content.push((at + 8, [(base + CODE + offset).to_le_bytes(), 4u64.to_le_bytes()].concat()));
    }
    elf
}

/// What most mutations start from: programs made here, so that the outcomes do not depend on any compiler.
fn generated() -> Vec<Vec<u8>> {
    let mut dynamic = rich(ElfFile::pie(), 0);
    dynamic.headers.push(header(PT_INTERP, PF_R, 0x1800, 0x800, 12, 12));
    dynamic.content.push((0x1800, b"/lib/ld.so.1\0"[1..].to_vec()));
    let programs = [ElfFile::exec(), ElfFile::pie(), rich(ElfFile::exec(), BASE), rich(ElfFile::pie(), 0), dynamic];
    let seeds: Vec<_> = programs.iter().map(ElfFile::build).collect();
    for seed in &seeds {
        pagewalk_loader::load(&mut seed.as_slice(), &Layout::default()).expect("a seed is sound");
    }
    seeds
}

/// The binaries of `elf-samples`, if they are there.
fn samples() -> Vec<Vec<u8>> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../elf-samples");
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut paths: Vec<_> = entries.flatten().map(|e| e.path()).filter(|p| p.is_file()).collect();
    paths.sort();
    paths.iter().filter_map(|p| std::fs::read(p).ok()).filter(|f| f.starts_with(b"\x7fELF")).collect()
}

/// Values on which arithmetic breaks, if any does.
const EDGES: [u64; 21] = [
    0,
    1,
    2,
    55,
    56,
    0xfff,
    0x1000,
    0x1001,
    0xffff,
    0x1_0000,
    0x7fff_ffff,
    0xffff_ffff,
    0x7fff_ffff_b000,
    0x7fff_ffff_efff,
    0x7fff_ffff_f000,
    0x7fff_ffff_ffff,
    1 << 63,
    (1 << 63) - 1,
    (1 << 63) - 0x1000,
    u64::MAX - 0xfff,
    u64::MAX,
];

/// The fields of the ELF header behind the magic: offset and width.
const HEADER_FIELDS: [(usize, usize); 13] =
    [(4, 1), (5, 1), (16, 2), (18, 2), (20, 4), (24, 8), (32, 8), (40, 8), (52, 2), (54, 2), (56, 2), (58, 2), (60, 2)];
const PROGRAM_HEADER_FIELDS: [(usize, usize); 8] =
    [(0, 4), (4, 4), (8, 8), (16, 8), (24, 8), (32, 8), (40, 8), (48, 8)];
const SECTION_FIELDS: [(usize, usize); 5] = [(4, 4), (24, 8), (32, 8), (40, 4), (56, 8)];

fn word(file: &[u8], at: usize, width: usize) -> Option<u64> {
    let mut bytes = [0; 8];
    bytes[..width].copy_from_slice(file.get(at..at.checked_add(width)?)?);
    Some(u64::from_le_bytes(bytes))
}

/// Changes one field: to an edge, near its old value, by a bit, or to anything.
fn change(file: &mut [u8], at: usize, width: usize, rng: &mut Rng) {
    let Some(old) = word(file, at, width) else { return };
    let new = match rng.below(5) {
        0 => rng.pick(&EDGES),
        1 => old.wrapping_add(rng.pick(&EDGES)),
        2 => old ^ 1 << rng.below(8 * width),
        3 => old.wrapping_add(rng.pick(&[1, 0x1000, u64::MAX, 0x1000_u64.wrapping_neg()])),
        _ => rng.next() >> rng.below(64),
    };
    file[at..at + width].copy_from_slice(&new.to_le_bytes()[..width]);
}

fn mutate(file: &mut Vec<u8>, rng: &mut Rng) {
    let phnum = word(file, 56, 2).unwrap_or(0).clamp(1, 16) as usize;
    let header = |i: usize| 64 + 56 * i;
    let sections = word(file, 40, 8).unwrap_or(0) as usize;
    match rng.below(16) {
        0..=2 => {
            let (at, width) = rng.pick(&HEADER_FIELDS);
            change(file, at, width, rng);
        }
        3..=9 => {
            let (at, width) = rng.pick(&PROGRAM_HEADER_FIELDS);
            change(file, header(rng.below(phnum)) + at, width, rng);
        }
        10 => {
            let (from, to) = (header(rng.below(phnum)), header(rng.below(phnum)));
            if from.max(to) + 56 <= file.len() {
                file.copy_within(from..from + 56, to);
            }
        }
        11 => {
            let length = if rng.below(2) == 0 { rng.below(0x400) } else { rng.below(file.len() + 1) };
            file.truncate(length);
        }
        12 => file.extend((0..rng.below(0x3000)).map(|i| i as u8)),
        13 => {
            let (at, width) = rng.pick(&SECTION_FIELDS);
            change(file, sections.saturating_add(64 * rng.below(3) + at), width, rng);
        }
        14 => change(file, 0x2018 + 8 * rng.below(9), 8, rng),
        _ => {
            let at = rng.below(0x400);
            change(file, at, 1, rng);
        }
    }
}

/// Symbols of a damaged file: an answer or an error, within bounds.
fn check_symbols(file: &[u8], plan: &LoadPlan) {
    let mut reader = Counting::new(file);
    if let Ok(symbols) = Symbols::read(&mut reader, plan) {
        for probe in [plan.entry.0, plan.bias, 0, u64::MAX, plan.brk_start.0, plan.entry.0 + 9] {
            if let Some((name, offset)) = symbols.lookup(arch::LinearAddr(probe)) {
                assert!(!name.is_empty() && offset <= probe);
            }
        }
    }
    assert!(reader.bytes <= 256 + 3 * file.len() as u64, "tables are read once");
}

/// What became of one file, as a word.
fn outcome(file: &[u8]) -> String {
    let layout = Layout::default();
    let mut reader = Counting::new(file);
    let result = pagewalk_loader::load(&mut reader, &layout);
    assert!(reader.bytes <= 256 + 0x1_0000 + 0x1000, "only headers are read");
    assert!(reader.calls <= 8, "and each once");
    match result {
        Ok(Image::Elf(plan)) => {
            check_plan(&plan, file.len() as u64, &layout);
            check_symbols(file, &plan);
            if plan.interpreter.is_some() { "dynamic" } else { "loads" }.to_owned()
        }
        Ok(Image::Script { .. }) => "script".to_owned(),
        Err(error) => {
            check_error(&error);
            let debug = format!("{error:?}");
            debug.split([' ', '(']).next().unwrap_or_default().to_owned()
        }
    }
}

fn run(seeds: &[Vec<u8>], rounds: usize, seed: u64) -> BTreeMap<String, usize> {
    let mut rng = Rng(seed);
    let mut outcomes = BTreeMap::new();
    for round in 0..rounds {
        let mut file = seeds[round % seeds.len()].clone();
        for _ in 0..=rng.below(4) {
            mutate(&mut file, &mut rng);
        }
        *outcomes.entry(outcome(&file)).or_insert(0) += 1;
    }
    outcomes
}

#[test]
fn ten_thousand_damaged_files() {
    let outcomes = run(&generated(), ROUNDS, 0x7061_6765);
    assert_eq!(outcomes.values().sum::<usize>(), ROUNDS);
    // The mutations are of use only if they reach every part of the loader and leave enough files alive.
    assert!(outcomes["loads"] > ROUNDS / 5 && outcomes["loads"] < ROUNDS * 4 / 5, "{outcomes:#?}");
    for kind in [
        "BelowMinAddr",
        "BeyondUserMemory",
        "DataTruncated",
        "EntryNotExecutable",
        "EntryTruncated",
        "FileLargerThanMemory",
        "FileOffsetTooLarge",
        "ForeignMachine",
        "HeaderTruncated",
        "InStackArea",
        "InterpreterDamaged",
        "Misaligned",
        "NoProgramHeaders",
        "NotAProgram",
        "NothingToLoad",
        "Overlap",
        "ProgramHeaderSize",
        "ProgramHeadersTruncated",
        "TooManyProgramHeaders",
        "UnknownType",
        "dynamic",
    ] {
        assert!(outcomes.contains_key(kind), "no file ended in {kind}: {outcomes:#?}");
    }
}

#[test]
fn damaged_samples() {
    let samples = samples();
    let outcomes = run(&samples, 200 * samples.len(), 0x7761_6c6b);
    assert_eq!(outcomes.values().sum::<usize>(), 200 * samples.len());
}

#[test]
fn the_same_seed_gives_the_same_outcomes() {
    let seeds = generated();
    assert_eq!(run(&seeds, 500, 1), run(&seeds, 500, 1));
    assert_ne!(run(&seeds, 500, 1), run(&seeds, 500, 2));
}
