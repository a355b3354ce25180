//! `pagewalk record`, `report` and `annotate`: where the cycles of a run went.

mod accesses;
mod args;
mod record;
mod show;

pub(crate) use args::{AnnotateArgs, RecordArgs, ReportArgs};
pub(crate) use record::record;
pub(crate) use show::{annotate, report};
