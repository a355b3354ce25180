//! `--sanitize`: when it is on, and what is said of what it has found.
//!
//! The variable of the environment asks for it in every run that has no model of the hardware, so that a suite of tests can be run so as it is.

use crate::cli::{FAILED, Sanitize, SanitizeArgs};
use crate::error::Error;
use crate::report::say;
use machine::Machine;
use pagewalk::trace::golden::{SANITIZE, is_sanitized};
use pagewalk::trace::{EventKind, entry_flags};
use pagewalk::{EntryStore, Moment, StaleTranslation};
use paging::HardwareModel;
use std::process::ExitCode;

/// So many mistakes are told of.
const MOST: usize = 20;

/// True if translations are to be looked at.
pub(crate) fn is_on(args: &SanitizeArgs) -> bool {
    args.sanitize == Some(Sanitize::Translations) || is_sanitized()
}

/// The same of a trace that is made again.
pub(crate) fn is_on_for(events: &[EventKind]) -> bool {
    events.contains(&EventKind::Stale) || is_sanitized()
}

/// Refuses a variable that asks for something else, as nothing would come of it.
pub(crate) fn check_variable() -> Result<(), Error> {
    match std::env::var_os(SANITIZE) {
        Some(value) if !value.is_empty() && !is_sanitized() => {
            Err(Error::SanitizeVariable { value: value.to_string_lossy().into_owned() })
        }
        _ => Ok(()),
    }
}

/// Says what was found, and gives the exit status that stands for it, or the run's own.
pub(crate) fn report<H: HardwareModel>(machine: &Machine<H>, status: ExitCode) -> ExitCode {
    let all = machine.stale_translations();
    if all.is_empty() {
        return status;
    }
    let mut mistakes: Vec<(&(Moment, StaleTranslation), usize)> = Vec::new();
    for found in all {
        match mistakes.iter_mut().find(|(first, _)| is_same(&first.1, &found.1)) {
            Some((_, count)) => *count += 1,
            None => mistakes.push((found, 1)),
        }
    }
    for ((at, stale), count) in mistakes.iter().take(MOST) {
        say(&text(*at, stale, *count));
    }
    let more = mistakes.len().saturating_sub(MOST);
    if more > 0 {
        say(&format!("pagewalk: {more} more kinds of stale translations\n"));
    }
    ExitCode::from(FAILED)
}

/// True if both come of the same store in the source.
fn is_same(a: &StaleTranslation, b: &StaleTranslation) -> bool {
    let site = |stale: &StaleTranslation| stale.store.map(|store| store.site);
    (a.wrong, a.level, site(a)) == (b.wrong, b.level, site(b))
}

fn text(at: Moment, stale: &StaleTranslation, count: usize) -> String {
    let access = stale.access.name();
    let StaleTranslation { la, rip, wrong, level, entry, held, .. } = stale;
    let mut text = format!(
        "pagewalk: stale translation: {access} of {la} by the instruction at {rip}, after {} instructions: {}\n",
        at.instructions,
        wrong.words()
    );
    text += &match stale.frame {
        Some(frame) => format!("  a processor may still translate it to frame {:#x}", frame.0),
        None => "  a processor may still begin its walk at the old table".into(),
    };
    text += &format!(", as the {} at {entry} was {}\n", level.entry_name(), entry_flags(*level, *held));
    text += &match stale.store {
        Some(EntryStore { before, after, site, instructions }) => format!(
            "  the store that lacks its invalidation: {site}, {} -> {}, after {instructions} instructions\n",
            entry_flags(*level, before),
            entry_flags(*level, after)
        ),
        None => "  the store that lacks its invalidation is not known any more\n".into(),
    };
    if count > 1 {
        text += &format!("  {count} times in this run\n");
    }
    text
}
