//! Which processes only one of two traces has.
//!
//! Their lines are told together, so that one more `fork` is one finding. Of names only hashes are kept, and of a trace with very many
//! processes none.

use super::tokens::hash;
use crate::line::{Column, Line, NOTHING};
use foldhash::fast::FixedState;
use hashbrown::HashSet;

/// As many processes of a trace are told apart.
const PROCESSES: usize = 4096;
/// As many that one trace alone has are told singly.
const SINGLY: usize = 10;

type Names = HashSet<u64, FixedState>;

/// The processes of a trace, as far as it was read.
pub(super) struct Processes {
    /// None if there are too many.
    names: Option<Names>,
    /// The process of the last line: that of the next one is mostly the same.
    last: String,
}

impl Default for Processes {
    fn default() -> Self {
        Self { names: Some(Names::default()), last: String::new() }
    }
}

impl Processes {
    /// Takes note of a line's process.
    pub(super) fn add(&mut self, line: &Line) {
        let name = line.column(Column::Process);
        if name == self.last {
            return;
        }
        name.clone_into(&mut self.last);
        if let Some(names) = &mut self.names {
            names.insert(hash(name));
            if names.len() > PROCESSES {
                self.names = None;
            }
        }
    }
}

/// Whose lines are told together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Alone {
    /// Those of this line's process.
    Process,
    /// Those of all processes that its trace alone has, as there are so many.
    Processes(usize),
}

/// The processes that only one of two traces has.
#[derive(Default)]
pub(super) struct OneSided {
    old: Names,
    new: Names,
}

impl OneSided {
    /// Compares two traces' processes. Where one trace is empty or has too many, there are none.
    pub(super) fn of(old: Processes, new: Processes) -> Self {
        let (Some(old), Some(new)) = (old.names, new.names) else { return Self::default() };
        if old.is_empty() || new.is_empty() {
            return Self::default();
        }
        let nobody = hash(NOTHING);
        let lacking =
            |of: &Names, other: &Names| of.difference(other).copied().filter(|&name| name != nobody).collect();
        Self { old: lacking(&old, &new), new: lacking(&new, &old) }
    }

    /// True if one trace alone has a line's process.
    pub(super) fn has(&self, line: &Line) -> bool {
        self.alone(line).is_some()
    }

    /// With which lines one is told whose process one trace alone has.
    pub(super) fn alone(&self, line: &Line) -> Option<Alone> {
        if self.old.is_empty() && self.new.is_empty() {
            return None;
        }
        let name = hash(line.column(Column::Process));
        let names = [&self.old, &self.new].into_iter().find(|names| names.contains(&name))?;
        Some(if names.len() > SINGLY { Alone::Processes(names.len()) } else { Alone::Process })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(process: &str) -> Line {
        Line::new([process, "read", "", "", "", ""])
    }

    fn one_sided<'a>(old: impl IntoIterator<Item = &'a str>, new: impl IntoIterator<Item = &'a str>) -> OneSided {
        let mut sides = [Processes::default(), Processes::default()];
        old.into_iter().for_each(|process| sides[0].add(&line(process)));
        new.into_iter().for_each(|process| sides[1].add(&line(process)));
        let [old, new] = sides;
        OneSided::of(old, new)
    }

    #[test]
    fn what_one_trace_has_is_alone() {
        let one_sided = one_sided(["1", "1.1", "1", "1.1"], ["1", "1.2", "-"]);
        let alone = ["1", "1.1", "1.2", "-"].map(|process| one_sided.alone(&line(process)));
        assert_eq!(alone, [None, Some(Alone::Process), Some(Alone::Process), None]);
    }

    #[test]
    fn an_empty_trace_lacks_no_process() {
        assert!(!one_sided([], ["1", "1.1"]).has(&line("1.1")));
    }

    #[test]
    fn many_are_told_together_and_too_many_are_not_told_apart() {
        let names: Vec<String> = (0..=PROCESSES).map(|number| format!("1.{number}")).collect();
        let of = |count: usize| one_sided(["1"], ["1"].into_iter().chain(names[..count].iter().map(String::as_str)));
        assert_eq!(of(SINGLY).alone(&line("1.0")), Some(Alone::Process));
        assert_eq!(of(SINGLY + 1).alone(&line("1.0")), Some(Alone::Processes(SINGLY + 1)));
        assert!(of(PROCESSES - 1).has(&line("1.0")));
        assert!(!of(PROCESSES).has(&line("1.0")));
    }
}
