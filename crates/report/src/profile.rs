//! What a profile is: plain data, complete in itself, so that a report needs neither the program nor its source.
//!
//! Invariant of every profile that was collected or read: each number of another entry is in range, and the charges of all rows sum
//! to the cycles of the run ([`Profile::check`]).

mod check;
mod index;
mod wire;

pub use check::Inconsistency;
pub use index::{CauseNo, FunctionNo, PlaceNo, SpaceNo};

use arch::LinearAddr;
use serde::{Deserialize, Serialize};
use timing::Cycles;
use timing::ledger::CauseKind;

/// All that is known of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profile {
    /// The program and its arguments.
    pub command: Vec<String>,
    /// The processor that was modelled.
    pub hardware: Hardware,
    /// What the run came to.
    pub totals: Totals,
    /// The counters, under perf's names.
    pub events: Vec<EventCount>,
    /// The address spaces that code ran in.
    pub spaces: Vec<Space>,
    /// The functions that ran.
    pub functions: Vec<Function>,
    /// The instructions that ran, each once for all address spaces.
    pub places: Vec<Place>,
    /// What cycles were charged to.
    pub causes: Vec<CauseEntry>,
    /// What each instruction has cost in each address space.
    pub rows: Vec<Row>,
    /// What the translation of each page has cost; this is part of what the rows have.
    pub pages: Vec<PageCost>,
}

/// The processor that was modelled.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hardware {
    /// Its name.
    pub name: String,
    /// Its file, as `pagewalk hw show` prints it.
    pub text: String,
    /// The kind of core.
    pub core: String,
}

/// What a run came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    /// Instructions that retired.
    pub instructions: u64,
    /// Cycles.
    pub cycles: Cycles,
    /// Those of the twin, which translates for nothing.
    pub perfect: Cycles,
}

/// A counter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventCount {
    /// Its name.
    pub name: String,
    /// What it came to.
    pub count: u64,
}

/// An address space.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Space {
    /// Its number in the run.
    pub number: u32,
    /// The process that had it last.
    pub pid: u32,
    /// The program that it was made for.
    pub program: String,
    /// Its mappings. Of several that hold an address, the last one was there last.
    pub mappings: Vec<Mapping>,
}

/// A mapping, as `/proc/<pid>/maps` shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mapping {
    /// The first address.
    #[serde(with = "wire::linear")]
    pub start: LinearAddr,
    /// The first address beyond.
    #[serde(with = "wire::linear")]
    pub end: LinearAddr,
    /// Such as `r-xp`.
    pub rights: String,
    /// Where in its file it starts, in bytes.
    pub offset: u64,
    /// A path, `[heap]`, `[stack]`, or nothing for other anonymous memory.
    pub name: String,
}

/// A function; where a file names none, the page of code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Function {
    /// Its name. `None` for a page of code without names.
    pub name: Option<String>,
    /// The file that it was loaded from; what else it was in, such as `[heap]`; or nothing.
    pub file: String,
    /// Its first byte, at the address that the file was linked for.
    #[serde(with = "wire::linear")]
    pub start: LinearAddr,
    /// Its length in bytes.
    pub length: u64,
    /// Its bytes, or as many of them as are known.
    #[serde(with = "wire::hex")]
    pub code: Vec<u8>,
}

/// An instruction that ran.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// The function that it is in.
    pub function: FunctionNo,
    /// Its address, as that of the function.
    #[serde(with = "wire::linear")]
    pub address: LinearAddr,
    /// Where in the source it comes from; the innermost inlined function first.
    pub frames: Vec<Frame>,
}

/// A place in the source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Frame {
    /// The function there.
    pub function: Option<String>,
    /// The source file.
    pub file: String,
    /// The line, from 1; 0 if it is not known.
    pub line: u32,
}

/// What cycles were charged to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CauseEntry {
    /// Its name.
    pub name: String,
    /// What it is a part of.
    pub kind: CauseKind,
}

/// What an instruction has cost in an address space.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    /// The address space.
    pub space: SpaceNo,
    /// Where it was there.
    #[serde(with = "wire::linear")]
    pub la: LinearAddr,
    /// Which instruction it is.
    pub place: PlaceNo,
    /// How often it has retired.
    pub executions: u64,
    /// What the twin has spent on it.
    pub perfect: Cycles,
    /// What it was charged with.
    pub charges: Vec<Charged>,
}

/// What one cause has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Charged {
    /// The cause.
    pub cause: CauseNo,
    /// How often it was charged.
    pub times: u64,
    /// What it has cost in all.
    pub cycles: Cycles,
}

/// What the translation of a page has cost.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PageCost {
    /// The address space.
    pub space: SpaceNo,
    /// The page's first byte.
    #[serde(with = "wire::linear")]
    pub page: LinearAddr,
    /// What was charged.
    pub charges: Vec<Charged>,
}

impl Space {
    /// The mapping that held an address last.
    #[must_use]
    pub fn mapping_at(&self, la: LinearAddr) -> Option<&Mapping> {
        self.mappings.iter().rev().find(|mapping| (mapping.start..mapping.end).contains(&la))
    }
}

impl Mapping {
    /// What reports call it: anonymous memory has a name too.
    #[must_use]
    pub fn label(&self) -> &str {
        if self.name.is_empty() { "[anonymous]" } else { &self.name }
    }
}

impl Function {
    /// What reports call it: a page of code without names is called after its file and its place there.
    #[must_use]
    pub fn label(&self) -> String {
        let of_page = || format!("[{}+{:#x}]", bare(self.file_label()), self.start.0);
        self.name.clone().unwrap_or_else(of_page)
    }

    /// The last part of the file's name.
    #[must_use]
    pub fn file_label(&self) -> &str {
        match self.file.rsplit('/').next() {
            Some(name) if !name.is_empty() => name,
            _ => "[unknown]",
        }
    }
}

/// A name without the brackets of what is no file.
pub(crate) fn bare(name: &str) -> &str {
    name.trim_matches(['[', ']'])
}

impl Profile {
    /// The address space of that number.
    #[must_use]
    pub fn space(&self, number: SpaceNo) -> &Space {
        &self.spaces[number.at()]
    }

    /// The instruction of that number.
    #[must_use]
    pub fn place(&self, number: PlaceNo) -> &Place {
        &self.places[number.at()]
    }

    /// The function of that number.
    #[must_use]
    pub fn function(&self, number: FunctionNo) -> &Function {
        &self.functions[number.at()]
    }

    /// The cause of that number.
    #[must_use]
    pub fn cause(&self, number: CauseNo) -> &CauseEntry {
        &self.causes[number.at()]
    }

    /// The program and its arguments in one line.
    #[must_use]
    pub fn command_line(&self) -> String {
        self.command.join(" ")
    }
}
