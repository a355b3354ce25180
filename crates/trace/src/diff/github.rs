//! A difference as workflow commands, which GitHub shows beside the golden's lines.

use super::difference::{Difference, Finding};
use std::fmt::Write;

/// As many annotations GitHub shows of one step.
const ANNOTATIONS: usize = 10;

impl Difference {
    /// Commands that annotate the golden's file, in which the first event is at a line, from 1; nothing if nothing is different.
    #[must_use]
    pub fn github(&self, file: &str, first_event_line: u64) -> String {
        let mut out = String::new();
        if self.is_empty() {
            return out;
        }
        let file = escaped(file, true);
        let title = escaped(&self.summary(), true);
        let mut annotate = |line: u64, message: &str| {
            // A string takes everything.
            let _ = writeln!(out, "::error file={file},line={line},title={title}::{}", escaped(message, false));
        };
        let line = |finding: &Finding| first_event_line.saturating_add(finding.old_event.saturating_sub(1));
        // The last annotation is for what does not fit.
        let fitting = if self.findings.len() > ANNOTATIONS { ANNOTATIONS - 1 } else { self.findings.len() };
        let (told, more) = self.findings.split_at(fitting);
        for finding in told {
            annotate(line(finding), &finding.text);
        }
        if let Some(first) = more.first() {
            annotate(line(first), &format!("and {} more findings, the first: {}", more.len(), first.text));
        }
        out
    }
}

/// A command's text, or one of its properties, in which more characters have a meaning.
fn escaped(text: &str, is_property: bool) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '%' => out.push_str("%25"),
            '\r' => out.push_str("%0D"),
            '\n' => out.push_str("%0A"),
            ':' if is_property => out.push_str("%3A"),
            ',' if is_property => out.push_str("%2C"),
            c => out.push(c),
        }
    }
    out
}
