//! `pagewalk trace why`: the life of a page, as a trace has it.

use super::args::WhyArgs;
use super::{open, unusable};
use crate::error::Error;
use crate::report;
use pagewalk::trace::{Column, Line, NOTHING};
use std::fmt::Write;
use std::process::ExitCode;

const PAGE: u64 = 4096;

/// A page, or a range of pages, of a mapping.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Pages {
    label: String,
    first: i64,
    count: u64,
}

impl Pages {
    /// Reads a column: `[heap]+0x3000`, `[stack]-0x2000,4p`, `0x1000`.
    fn parse(text: &str) -> Option<Self> {
        let (place, count) = match text.rsplit_once(',') {
            Some((place, count)) => (place, count.strip_suffix('p')?.parse().ok()?),
            None => (text, 1),
        };
        let at = place.rfind("0x")?;
        let digits = &place[at + 2..];
        let address = || u64::from_str_radix(digits, 16).map(u64::cast_signed);
        let offset = i64::from_str_radix(digits, 16).or_else(|_| address()).ok()?;
        let (label, first) = match place[..at].strip_suffix('-') {
            Some(label) => (label, offset.saturating_neg()),
            None => (place[..at].strip_suffix('+').unwrap_or(&place[..at]), offset),
        };
        Some(Self { label: label.to_owned(), first: first & -(PAGE as i64), count })
    }

    fn hold(&self, page: &Self) -> bool {
        let distance = page.first.checked_sub(self.first).and_then(|bytes| u64::try_from(bytes).ok());
        self.label == page.label && distance.is_some_and(|bytes| bytes / PAGE < self.count)
    }
}

/// Prints what happened to a page.
pub(super) fn why(args: &WhyArgs) -> Result<ExitCode, Error> {
    let page = Pages::parse(&args.address).ok_or(Error::NoPage { text: args.address.clone() })?;
    let mut trace = open(&args.trace)?;
    let (mut text, mut number) = (String::new(), 0);
    while let Some(line) = trace.next_line().map_err(|cause| unusable(&args.trace, cause))? {
        number += 1;
        if Pages::parse(line.column(Column::Address)).is_some_and(|pages| pages.hold(&page)) {
            let _ = writeln!(text, "{}", sentence(number, line));
        }
    }
    if text.is_empty() {
        text = format!("nothing happened to {}\n", args.address);
    }
    report::print(&text)?;
    Ok(ExitCode::SUCCESS)
}

/// An event in words.
fn sentence(number: u64, line: &Line) -> String {
    let [process, event, outcome, place, entries] =
        [Column::Process, Column::Event, Column::Outcome, Column::Place, Column::Entries].map(|c| line.column(c));
    let place = if place == NOTHING { String::new() } else { format!(", {place}") };
    let entry = if entries == NOTHING { String::new() } else { format!("; its entry: {entries}") };
    format!("event {number}: process {process}{place}: {}{entry}", what(event, outcome))
}

fn what(event: &str, outcome: &str) -> String {
    let (kind, grew) = match outcome.strip_suffix("+grew") {
        Some(kind) => (kind, ", and the stack grew for it"),
        None => (outcome, ""),
    };
    let came = match (event, kind) {
        ("map", rights) => return format!("mapped {rights}"),
        ("unmap", _) => return "unmapped".into(),
        ("remap", how) => return format!("its mapping has {how}"),
        ("protect", rights) => return format!("may be used as {rights} from now on"),
        ("advise", advice) => return format!("advice: {advice}"),
        ("flush", _) => return "its translation was dropped".into(),
        ("set-accessed", level) => return format!("A was set in its {}", level.to_uppercase()),
        ("set-dirty", level) => return format!("D was set in its {}", level.to_uppercase()),
        ("walk-read" | "walk-write" | "walk-fetch", how) => {
            return format!("a {} was walked: {how}", event.replace("walk-", ""));
        }
        ("stale-read" | "stale-write" | "stale-fetch", wrong) => {
            let (wrong, file) = wrong.split_once('@').unwrap_or((wrong, "an unknown store"));
            return format!(
                "a {} may have used a stale translation ({wrong}), left by {file}",
                event.replace("stale-", "")
            );
        }
        ("page-out", how) => return format!("taken out of memory ({how})"),
        (_, "demand-zero") => "a zeroed frame was mapped",
        (_, "demand-zero-huge") => "a zeroed page of 2 MiB was mapped",
        (_, "zero-page") => "the shared zero page was mapped",
        (_, "file-cached") => "the page cache had it",
        (_, "file-read") => "it was read from its file",
        (_, "swapped-in") => "it was read from the swap device",
        (_, "swap-cached") => "it was on the swap device and still in memory",
        (_, "copied-on-write") => "it was copied, as others have it too",
        (_, "reused-on-write") => "it was made writable, as nobody else has it",
        (_, "spurious") => "its entry allowed that already",
        (_, "sigsegv-maperr") => "there is no mapping: SIGSEGV",
        (_, "sigsegv-accerr") => "its mapping forbids that: SIGSEGV",
        (_, "sigbus") => "its file ends before it: SIGBUS",
        (_, other) => other,
    };
    let access = match event {
        "read" => "read",
        "write" => "written to",
        "fetch" => "executed",
        other => other,
    };
    format!("{access}: {came}{grew}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_processor_does_is_told_in_words() {
        assert_eq!(what("set-dirty", "pte"), "D was set in its PTE");
        assert_eq!(what("walk-fetch", "1-load/4K"), "a fetch was walked: 1-load/4K");
        let stale = "a write may have used a stale translation (forbidden), left by mm/mprotect.rs";
        assert_eq!(what("stale-write", "forbidden@mm/mprotect.rs"), stale);
    }

    #[test]
    fn pages_are_read_from_a_column() {
        let pages = |text| Pages::parse(text).expect("pages");
        assert_eq!(pages("[heap]+0x3000"), Pages { label: "[heap]".into(), first: 0x3000, count: 1 });
        assert_eq!(pages("[stack]-0x1800"), Pages { label: "[stack]".into(), first: -0x2000, count: 1 });
        assert_eq!(pages("a-b+0x0,4p"), Pages { label: "a-b".into(), first: 0, count: 4 });
        assert_eq!(pages("0x1000"), Pages { label: String::new(), first: 0x1000, count: 1 });
        assert_eq!(pages("0xffffffff81000000"), Pages { label: String::new(), first: -0x7f00_0000, count: 1 });
        assert_eq!(Pages::parse("-"), None);
        assert_eq!(pages("a-0x-8000000000000000").first, i64::MAX & !0xfff, "whatever is in a file");
        let all = pages("a+0x0,18446744073709551615p");
        assert!(all.hold(&pages("a+0x7fffffffffffffff")) && !all.hold(&pages("a-0x1")));
        assert!(pages("a-b+0x0,4p").hold(&pages("a-b+0x3fff")) && !pages("a-b+0x0,4p").hold(&pages("a-b+0x4000")));
    }
}
