//! A profile's cycles, grouped: by function, source line, page, mapping, cause or process.
//!
//! Invariant: the rows of every table sum to the cycles of the run. Where a grouping says nothing of some cycles (a page is charged with its
//! translation alone), a last row has them.

mod csv;
mod group;
mod json;
mod text;

use crate::measures::Measures;
use crate::profile::{Profile, bare};

/// What a table has a row for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// Each function.
    Function,
    /// Each line of the source.
    Line,
    /// Each page that was accessed.
    Page,
    /// Each mapping that was accessed.
    Mapping,
    /// Each cause.
    Cause,
    /// Each address space.
    Process,
}

/// A number that a row has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Column {
    /// All cycles.
    Cycles,
    /// Those that a core with perfect translation would not have spent.
    Exposed,
    /// Those that are charged to translation.
    Translation,
    /// Those of walks.
    WalkCycles,
    /// Walks.
    Walks,
    /// Translations that the second-level TLB had.
    StlbHits,
    /// Instructions that retired.
    Executions,
    /// Charges.
    Times,
}

impl Column {
    /// Every column, in the order of reports.
    pub const ALL: [Self; 8] = [
        Self::Cycles,
        Self::Exposed,
        Self::Translation,
        Self::WalkCycles,
        Self::Walks,
        Self::StlbHits,
        Self::Executions,
        Self::Times,
    ];

    /// Its name, in reports and in files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Cycles => "cycles",
            Self::Exposed => "exposed",
            Self::Translation => "translation",
            Self::WalkCycles => "walk-cycles",
            Self::Walks => "walks",
            Self::StlbHits => "stlb-hits",
            Self::Executions => "executions",
            Self::Times => "times",
        }
    }

    /// Its value. Counts that are consistent have a sign to spare.
    #[must_use]
    pub const fn of(self, measures: &Measures) -> i64 {
        match self {
            Self::Cycles => measures.cycles as i64,
            Self::Exposed => measures.exposed(),
            Self::Translation => measures.translation as i64,
            Self::WalkCycles => measures.walk_cycles as i64,
            Self::Walks => measures.walks as i64,
            Self::StlbHits => measures.stlb_hits as i64,
            Self::Executions => measures.executions as i64,
            Self::Times => measures.times as i64,
        }
    }
}

impl By {
    /// Every grouping.
    pub const ALL: [Self; 6] = [Self::Function, Self::Line, Self::Page, Self::Mapping, Self::Cause, Self::Process];

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Function => "function",
            Self::Line => "line",
            Self::Page => "page",
            Self::Mapping => "mapping",
            Self::Cause => "cause",
            Self::Process => "process",
        }
    }

    /// The names of the texts that a row begins with.
    const fn keys(self) -> &'static [&'static str] {
        match self {
            Self::Function => &["function", "file"],
            Self::Line => &["line", "function"],
            Self::Page => &["page", "pid", "mapping"],
            Self::Mapping => &["mapping", "pid", "addresses", "rights"],
            Self::Cause => &["cause"],
            Self::Process => &["pid", "program"],
        }
    }

    /// The numbers that mean something. The twin spends nothing on pages and causes.
    const fn columns(self) -> &'static [Column] {
        use Column::{Cycles, Executions, Exposed, StlbHits, Times, Translation, WalkCycles, Walks};
        match self {
            Self::Function | Self::Line | Self::Process => {
                &[Cycles, Exposed, Translation, WalkCycles, Walks, StlbHits, Executions]
            }
            Self::Page | Self::Mapping => &[Cycles, WalkCycles, Walks, StlbHits],
            Self::Cause => &[Cycles, Times],
        }
    }
}

/// A row of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableRow {
    /// What it stands for, a text for each of the table's keys.
    pub names: Vec<String>,
    /// What it came to.
    pub measures: Measures,
}

/// A table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    by: By,
    rows: Vec<TableRow>,
    /// What no row of the grouping has, or what was cut off.
    rest: Option<TableRow>,
    total: Measures,
}

impl Table {
    /// Groups a profile. The row with the most cycles comes first.
    #[must_use]
    pub fn new(profile: &Profile, by: By) -> Self {
        let rows = group::rows(profile, by);
        let total = Measures::of_run(profile);
        let grouped: Measures = rows.iter().map(|row| row.measures).sum();
        let is_part = matches!(by, By::Page | By::Mapping);
        let rest = is_part.then(|| TableRow {
            names: named_alone(by, "[not translation of a page]".into()),
            measures: total - grouped,
        });
        let mut table = Self { by, rows, rest, total };
        table.sort(Column::Cycles);
        table
    }

    /// Puts the rows with the most of something first; those with as much, by name.
    pub fn sort(&mut self, column: Column) {
        self.rows.sort_by(|a, b| {
            let most_first = column.of(&b.measures).cmp(&column.of(&a.measures));
            most_first.then_with(|| a.names.cmp(&b.names))
        });
    }

    /// Leaves so many rows, and one that has all others.
    pub fn keep(&mut self, top: usize) {
        if self.rows.len() <= top {
            return;
        }
        let others = self.rows.split_off(top);
        let mut measures: Measures = others.iter().map(|row| row.measures).sum();
        let what = match self.rest.take() {
            Some(rest) => {
                measures += rest.measures;
                format!("[{} others, and {}]", others.len(), bare(&rest.names[0]))
            }
            None => format!("[{} others]", others.len()),
        };
        self.rest = Some(TableRow { names: named_alone(self.by, what), measures });
    }

    /// All rows, with that of the rest.
    pub fn rows(&self) -> impl Iterator<Item = &TableRow> {
        self.rows.iter().chain(&self.rest)
    }

    /// What the run came to, which is what the rows sum to.
    #[must_use]
    pub const fn total(&self) -> &Measures {
        &self.total
    }
}

/// The first text, and the others empty.
fn named_alone(by: By, name: String) -> Vec<String> {
    let mut names = vec![String::new(); by.keys().len()];
    names[0] = name;
    names
}
