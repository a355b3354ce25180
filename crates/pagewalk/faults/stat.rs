//! `pagewalk trace stat`: how many events of each kind a trace has.

use super::args::StatArgs;
use super::{open, unusable};
use crate::error::Error;
use crate::report;
use pagewalk::trace::Column;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::process::ExitCode;

/// Prints the counts, by event and by what came of it.
pub(super) fn stat(args: &StatArgs) -> Result<ExitCode, Error> {
    let mut trace = open(&args.trace)?;
    let filter = args.filters.rule();
    let mut counts: BTreeMap<String, BTreeMap<String, u64>> = BTreeMap::new();
    let mut all = 0_u64;
    while let Some(line) = trace.next_line().map_err(|cause| unusable(&args.trace, cause))? {
        if filter.matches(line) {
            let outcomes = counts.entry(line.column(Column::Event).to_owned()).or_default();
            *outcomes.entry(line.column(Column::Outcome).to_owned()).or_default() += 1;
            all += 1;
        }
    }
    let mut text = format!("{all:>12}  events\n");
    for (event, outcomes) in counts {
        let _ = writeln!(text, "{:>12}  {event}", outcomes.values().sum::<u64>());
        for (outcome, count) in outcomes.into_iter().filter(|(outcome, _)| outcome != pagewalk::trace::NOTHING) {
            let _ = writeln!(text, "{count:>12}    {outcome}");
        }
    }
    report::print(&text)?;
    Ok(ExitCode::SUCCESS)
}
