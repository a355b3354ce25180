//! A difference for people, and for programs in JSON.

use super::difference::{Counts, Difference, Excerpt, ExcerptSide, Finding};
use serde::Serialize;
use std::fmt::{self, Write};

/// As many findings are told.
const FINDINGS: usize = 40;
/// Of as many of them examples are told.
const WITH_EXAMPLES: usize = 10;

impl Difference {
    /// One line that says whether anything is different, and how much.
    #[must_use]
    pub fn summary(&self) -> String {
        let Counts { old, changed, moved, removed, added, .. } = self.counts;
        let events = |count| if count == 1 { "event" } else { "events" };
        if self.is_empty() {
            return format!("the same: {old} {}", events(old));
        }
        let moved = if moved == 0 { String::new() } else { format!("{moved} moved, ") };
        format!("differs: {changed} changed, {moved}{added} added, {removed} removed of {old} {}", events(old))
    }

    /// What is different for people: in one line, then what explains it and the findings, then a few of the events that they are about, then lines of both traces.
    #[must_use]
    pub fn text(&self) -> String {
        let mut out = String::new();
        // A string takes everything.
        let _ = self.write(&mut out);
        out
    }

    fn write(&self, out: &mut String) -> fmt::Result {
        writeln!(out, "{}", self.summary())?;
        for note in &self.notes {
            writeln!(out, "  note: {note}")?;
        }
        let told = &self.findings[..self.findings.len().min(FINDINGS)];
        for finding in told {
            writeln!(out, "  {}", finding.text)?;
        }
        if self.findings.len() > told.len() {
            writeln!(out, "  and {} more findings", self.findings.len() - told.len())?;
        }
        for finding in told.iter().filter(|finding| finding.has_details()).take(WITH_EXAMPLES) {
            writeln!(out, "\n{}:", finding.text)?;
            for example in &finding.examples {
                writeln!(out, "  {}", example.text)?;
            }
            let more = finding.count - finding.examples.len() as u64;
            if more > 0 {
                writeln!(out, "  and {more} more")?;
            }
        }
        self.excerpts.iter().try_for_each(|excerpt| excerpt.write(out))?;
        if self.more_excerpts > 0 {
            writeln!(out, "\n{} more places differ", self.more_excerpts)?;
        }
        Ok(())
    }

    /// All of it in JSON.
    #[must_use]
    pub fn json(&self) -> String {
        // Nothing in it can fail: all keys are texts.
        serde_json::to_string_pretty(&Json { same: self.is_empty(), difference: self }).unwrap_or_default()
    }
}

/// A difference with its verdict.
#[derive(Serialize)]
struct Json<'a> {
    same: bool,
    #[serde(flatten)]
    difference: &'a Difference,
}

impl Finding {
    /// True if its examples say more than it does.
    fn has_details(&self) -> bool {
        self.examples.first().is_some_and(|example| example.text != self.text)
    }
}

impl Excerpt {
    fn write(&self, out: &mut String) -> fmt::Result {
        let number = self.lines.first().map_or(0, |line| line.number);
        writeln!(out, "\n@@ event {number} @@")?;
        for line in &self.lines {
            let sign = match line.side {
                ExcerptSide::Both => ' ',
                ExcerptSide::Old => '-',
                ExcerptSide::New => '+',
            };
            writeln!(out, "{sign}{:>6}  {}", line.number, line.line)?;
        }
        if self.left_out > 0 {
            writeln!(out, "        and {} more lines that differ", self.left_out)?;
        }
        Ok(())
    }
}
