//! How long comparing long traces takes, and how much memory: `diff_scale [LINES [CASE]]`, by default 10 million lines a side and all cases,
//! each in a process of its own.
//!
//! The traces are made up while they are read, so that what is measured is the comparison and, given beside it, the making. With a folder,
//! `diff_scale LINES CASE FOLDER`, they are written there instead, for `pagewalk trace diff`.

mod files;

use pagewalk_trace::{Header, Line, Lines, compare};
use std::convert::Infallible;
use std::env;
use std::process::Command;
use std::time::Instant;

/// The numbers of a trace's lines: line `at` of `length`; equal numbers are equal lines.
type Numbers = fn(u64, u64) -> u64;

/// Traces to compare: the old one, the new one, and by how many lines the new one is longer.
struct Case {
    name: &'static str,
    old: Numbers,
    new: Numbers,
    longer: u64,
}

/// Makes another line of a number.
const OTHER: u64 = 1 << 40;
/// Makes the line of a number an event that came to something else.
const CHANGED: u64 = 1 << 60;

const CASES: [Case; 11] = [
    Case { name: "identical", old: |at, _| at, new: |at, _| at, longer: 0 },
    Case {
        name: "1-percent-changed",
        old: |at, _| at,
        new: |at, _| if noise(at).is_multiple_of(100) { at + CHANGED } else { at },
        longer: 0,
    },
    Case { name: "one-block-added", old: |at, _| at, new: block, longer: 100_000 },
    Case { name: "unrelated", old: |at, _| at, new: |at, _| at + OTHER, longer: 0 },
    Case {
        name: "every-100th-changed",
        old: |at, _| at,
        new: |at, _| if at % 100 == 0 { at + OTHER } else { at },
        longer: 0,
    },
    Case { name: "every-2nd-changed", old: |at, _| at, new: |at, _| at + OTHER * (at & 1), longer: 0 },
    Case { name: "other-order", old: |at, _| at, new: |at, length| (at * 7_368_787 + 12_345) % length, longer: 0 },
    Case {
        name: "loops-1-percent-changed",
        old: loops,
        new: |at, length| {
            if noise(at).is_multiple_of(100) { noise(at + 7) % 10_000 } else { loops(at, length) }
        },
        longer: 0,
    },
    Case {
        name: "loops-two-blocks-added",
        old: loops,
        new: |at, length| match (at / 1000) * 1000 * 10 / length {
            0..3 => loops(at, length),
            3 => noise(at) % 10_000,
            4..7 => loops(at - length / 10, length),
            7 => noise(at) % 10_000,
            _ => loops(at - length / 5, length),
        },
        longer: 0,
    },
    Case {
        name: "unrelated-of-1000-kinds",
        old: |at, _| noise(at) % 1000,
        new: |at, _| noise(at + OTHER) % 1000,
        longer: 0,
    },
    Case { name: "unrelated-of-5-kinds", old: |at, _| noise(at) % 5, new: |at, _| noise(at + OTHER) % 5, longer: 0 },
];

/// A block of 100 000 lines in the middle.
fn block(at: u64, length: u64) -> u64 {
    let middle = (length - 100_000) / 2;
    match at {
        at if at < middle => at,
        at if at < middle + 100_000 => at + OTHER,
        at => at - 100_000,
    }
}

/// The lines of a program that goes through its pages in another order each time.
fn loops(at: u64, _: u64) -> u64 {
    noise(at / 16) % 625 * 16 + at % 16
}

/// A number that looks random.
fn noise(number: u64) -> u64 {
    let mixed = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9).wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// A trace that is made up.
struct Synthetic {
    header: Header,
    numbers: Numbers,
    length: u64,
    at: u64,
    line: Line,
    address: String,
    place: String,
}

impl Synthetic {
    fn new(numbers: Numbers, length: u64) -> Self {
        let (address, place) = (String::new(), String::new());
        Self { header: Header::default(), numbers, length, at: 0, line: Line::default(), address, place }
    }
}

impl Lines for Synthetic {
    type Error = Infallible;

    fn header(&self) -> &Header {
        &self.header
    }

    fn rewind(&mut self) -> Result<(), Infallible> {
        self.at = 0;
        Ok(())
    }

    fn next_line(&mut self) -> Result<Option<&Line>, Infallible> {
        const MAPPINGS: [&str; 4] = ["[heap]+0x", "[anon]+0x", "/usr/bin/program+0x", "/usr/lib/libc.so.6+0x"];
        const OUTCOMES: [[&str; 3]; 4] = [
            ["write", "demand-zero", "none->P+RW+US+A+D+XD"],
            ["read", "zero-page", "none->P+US+A+XD"],
            ["fetch", "file-cached", "none->P+US+A"],
            ["write", "copied-on-write", "P+US+A+XD->P+RW+US+A+D+XD"],
        ];
        if self.at == self.length {
            return Ok(None);
        }
        let number = (self.numbers)(self.at, self.length);
        self.at += 1;
        let [event, outcome, entries] = OUTCOMES[(number + (number >> 60)) as usize % 4];
        self.address.clear();
        self.address.push_str(MAPPINGS[number as usize / 4 % 4]);
        push_hex(&mut self.address, (number & (CHANGED - 1)) >> 4 << 12);
        self.place.clear();
        self.place.push_str("function+0x");
        push_hex(&mut self.place, number % 509);
        self.line.set(["1", event, &self.address, outcome, entries, &self.place]);
        Ok(Some(&self.line))
    }
}

/// Writes a number, quicker than `write!` does.
fn push_hex(out: &mut String, number: u64) {
    let digits = (67 - (number | 1).leading_zeros()) / 4;
    out.extend((0..digits).rev().map(|digit| char::from(b"0123456789abcdef"[(number >> (4 * digit)) as usize & 15])));
}

/// Compares one case's traces.
fn run(case: &Case, lines: u64) {
    let (mut old, mut new) = (Synthetic::new(case.old, lines), Synthetic::new(case.new, lines + case.longer));
    let start = Instant::now();
    while let Ok(Some(_)) = old.next_line() {}
    while let Ok(Some(_)) = new.next_line() {}
    let making = start.elapsed();
    let start = Instant::now();
    let Ok(difference) = compare(&mut old, &mut new) else { return println!("{}: cannot be compared", case.name) };
    let took = start.elapsed();
    let name = case.name;
    println!("{name:24} {took:6.1?}, peak {:4} MiB, making once {making:.1?}: {}", peak_mib(), difference.summary());
    if env::var_os("SHOW").is_some() {
        println!("{}", difference.text());
    }
}

/// The most memory that this process has had.
fn peak_mib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
    peak.trim().trim_end_matches(" kB").parse::<u64>().unwrap_or(0) / 1024
}

fn main() {
    let mut arguments = env::args().skip(1);
    let lines = arguments.next().map_or(10_000_000, |lines| lines.parse().expect("a number of lines"));
    if let Some(name) = arguments.next() {
        let cases = CASES.iter().filter(|case| case.name == name);
        return match arguments.next() {
            None => cases.for_each(|case| run(case, lines)),
            Some(folder) => cases.for_each(|case| files::write(case, lines, folder.as_ref()).expect("there is room")),
        };
    }
    let program = env::current_exe().expect("this program");
    for case in &CASES {
        let status = Command::new(&program).args([&lines.to_string(), case.name]).status().expect("this program again");
        assert!(status.success(), "{} fails", case.name);
    }
}
