//! A function's disassembly, with what each instruction has cost.
//!
//! Addresses are those that the function's file was linked for; costs are summed over all address spaces that ran it. Instructions that did not run are
//! there too, where the bytes of the function are known.

mod csv;
mod json;
mod text;

pub use csv::csv;
pub use json::json;

use crate::measures::Measures;
use crate::profile::{Frame, Function, FunctionNo, PlaceNo, Profile};
use crate::text::printable;
use arch::LinearAddr;
use std::collections::BTreeMap;
use thiserror::Error;

/// Why there is nothing to annotate.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum NoFunction {
    /// No function of this name ran.
    #[error("no function `{name}` ran")]
    Unknown {
        /// What was asked for.
        name: String,
        /// The functions with the most cycles.
        hottest: Vec<String>,
    },
    /// Nothing ran.
    #[error("the profile has no instruction")]
    Empty,
}

/// An instruction of a function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instruction {
    /// Its address.
    pub address: LinearAddr,
    /// Its bytes, if they are known.
    pub bytes: Vec<u8>,
    /// Its text.
    pub text: String,
    /// Where in the source it comes from, if that is known and it ran.
    pub frame: Option<Frame>,
    /// What it has cost. `None` if it did not run.
    pub measures: Option<Measures>,
}

/// A function with what its instructions have cost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Annotation {
    /// The function.
    pub function: Function,
    /// What it has cost.
    pub measures: Measures,
    /// The cycles of the run.
    pub cycles: u64,
    /// Its instructions, in the order of their addresses.
    pub instructions: Vec<Instruction>,
}

/// Annotates the functions of that name, or, without one, the function with the most cycles.
///
/// # Errors
/// [`NoFunction`] if none of that name ran.
pub fn annotate(profile: &Profile, name: Option<&str>) -> Result<Vec<Annotation>, NoFunction> {
    let mut of_functions: BTreeMap<FunctionNo, Measures> = BTreeMap::new();
    let mut of_places: BTreeMap<PlaceNo, Measures> = BTreeMap::new();
    for row in &profile.rows {
        let measures = Measures::of_row(profile, row);
        *of_places.entry(row.place).or_default() += measures;
        *of_functions.entry(profile.place(row.place).function).or_default() += measures;
    }
    let mut hottest: Vec<(FunctionNo, Measures)> = of_functions.into_iter().collect();
    hottest.sort_by_key(|(number, measures)| (std::cmp::Reverse(measures.cycles), *number));
    let chosen = choose(profile, &hottest, name)?;
    let cycles = hottest.iter().map(|(_, measures)| measures.cycles).sum();
    let annotation = |(number, measures): (FunctionNo, Measures)| {
        let function = profile.function(number).clone();
        let instructions = instructions(profile, number, &of_places);
        Annotation { function, measures, cycles, instructions }
    };
    Ok(chosen.into_iter().map(annotation).collect())
}

/// The functions that are meant, the one with the most cycles first.
fn choose(
    profile: &Profile,
    hottest: &[(FunctionNo, Measures)],
    name: Option<&str>,
) -> Result<Vec<(FunctionNo, Measures)>, NoFunction> {
    const SUGGESTIONS: usize = 5;
    let label = |number: &FunctionNo| profile.function(*number).label();
    let Some(name) = name else {
        return hottest.first().map(|first| vec![*first]).ok_or(NoFunction::Empty);
    };
    let meant: Vec<_> = hottest.iter().filter(|(number, _)| label(number) == name).copied().collect();
    if meant.is_empty() {
        let hottest = hottest.iter().take(SUGGESTIONS).map(|(number, _)| printable(&label(number))).collect();
        return Err(NoFunction::Unknown { name: name.into(), hottest });
    }
    Ok(meant)
}

/// The instructions of a function: from each one that ran, decoding goes on to the next that ran.
fn instructions(profile: &Profile, number: FunctionNo, of_places: &BTreeMap<PlaceNo, Measures>) -> Vec<Instruction> {
    let function = profile.function(number);
    let ran = of_places.iter().filter(|(place, _)| profile.place(**place).function == number);
    let ran: BTreeMap<LinearAddr, (PlaceNo, Measures)> =
        ran.map(|(place, measures)| (profile.place(*place).address, (*place, *measures))).collect();
    let mut starts: Vec<LinearAddr> = ran.keys().copied().collect();
    // What lies before the first one that ran may be anything, unless a function begins there.
    if function.name.is_some() && starts.first().is_some_and(|first| function.start < *first) {
        starts.insert(0, function.start);
    }
    let end = function.start.wrapping_add(function.length);
    let mut all = Vec::new();
    for (i, &start) in starts.iter().enumerate() {
        let next = starts.get(i + 1).copied().unwrap_or(end);
        let stretch = Stretch { function, start, end: next.max(start) };
        let mut decoded = stretch.decode();
        if let (Some(first), Some((place, measures))) = (decoded.first_mut(), ran.get(&start)) {
            first.measures = Some(*measures);
            first.frame = profile.place(*place).frames.first().cloned();
        }
        all.extend(decoded);
    }
    all
}

/// A part of a function that begins with an instruction.
struct Stretch<'a> {
    function: &'a Function,
    start: LinearAddr,
    end: LinearAddr,
}

impl Stretch<'_> {
    /// Its instructions, at least one. In a page without names only the first is one for certain.
    fn decode(&self) -> Vec<Instruction> {
        let mut all = vec![self.at(self.start)];
        while let Some(last) = all.last() {
            let next = last.address.wrapping_add(last.bytes.len() as u64);
            if self.function.name.is_none() || last.bytes.is_empty() || next >= self.end {
                break;
            }
            let instruction = self.at(next);
            if instruction.bytes.is_empty() {
                break;
            }
            all.push(instruction);
        }
        all
    }

    fn at(&self, address: LinearAddr) -> Instruction {
        let offset = address.0.saturating_sub(self.function.start.0);
        let room = self.end.0.saturating_sub(address.0).min(decode::MAX_INSN_BYTES as u64) as usize;
        let known = usize::try_from(offset).ok().and_then(|offset| self.function.code.get(offset..));
        let bytes = known.map(|known| &known[..known.len().min(room)]).unwrap_or_default();
        let (text, length) = match bytes {
            [] => ("(bytes not known)".to_owned(), 0),
            bytes => decode::disassemble(bytes, address),
        };
        Instruction { address, bytes: bytes[..length].to_vec(), text, frame: None, measures: None }
    }
}

/// The numbers of an instruction, as the reports name them.
const COLUMNS: [&str; 6] = ["executions", "cycles", "exposed", "misses", "walks", "walk-cycles"];

fn columns(measures: &Measures) -> [i64; COLUMNS.len()] {
    let Measures { executions, cycles, walks, walk_cycles, .. } = *measures;
    [executions as i64, cycles as i64, measures.exposed(), measures.misses() as i64, walks as i64, walk_cycles as i64]
}
