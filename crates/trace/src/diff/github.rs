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
        let file = property(file);
        let title = property(&self.summary());
        let mut annotate = |line: u64, text: &str| {
            // A string takes everything.
            let _ = writeln!(out, "::error file={file},line={line},title={title}::{}", message(text));
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

/// A command's text.
pub(super) fn message(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// One of a command's properties, in which more characters have a meaning.
pub(super) fn property(text: &str) -> String {
    message(text).replace(':', "%3A").replace(',', "%2C")
}
