//! What is different about two fault traces, in words.
//!
//! A trace is read three times at most, and none of its lines is kept: first for what it is made of ([`tokens`]), from which follows which lines
//! stay ([`align`]); then for which of the others are the same event, changed ([`pair`]); at last to tell of those that are not
//! ([`findings`]). Equal traces give an empty difference, and the counts of a difference add up to both lengths.

mod align;
mod anchors;
mod changes;
mod difference;
mod excerpts;
mod findings;
mod fronts;
mod github;
mod groups;
mod junit;
mod lines;
mod moves;
mod near;
mod not_compared;
mod notes;
mod pair;
mod processes;
mod rest;
mod text;
mod tokens;
mod words;

pub use difference::{Counts, Difference, Example, Excerpt, ExcerptLine, ExcerptSide, Finding, FindingKind};
pub use lines::{InMemory, Lines};
pub use not_compared::NotCompared;
pub use pair::Event;

use align::{Alignment, Mark};
use findings::Findings;
use lines::{Lost, Side};
use processes::OneSided;
use rest::Rest;
use std::panic::resume_unwind;
use std::thread;
use thiserror::Error;
use tokens::Read;

/// As many lines both sides may have together.
const MOST_LINES: usize = i32::MAX as usize;

/// Why two traces cannot be compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum CompareError<A, B> {
    /// The old trace cannot be read.
    #[error("the old trace cannot be read")]
    Old(#[source] A),
    /// The new trace cannot be read.
    #[error("the new trace cannot be read")]
    New(#[source] B),
    /// Together they are too long.
    #[error("the traces have {0} events together, more than can be compared")]
    TooLong(usize),
    /// A trace has other lines when it is read again.
    #[error("a trace has changed while it was compared")]
    Unsteady,
}

impl<A, B> CompareError<A, B> {
    fn of_old(lost: Lost<A>) -> Self {
        match lost {
            Lost::Unreadable(error) => Self::Old(error),
            Lost::AtEnd => Self::Unsteady,
        }
    }

    fn of_new(lost: Lost<B>) -> Self {
        match lost {
            Lost::Unreadable(error) => Self::New(error),
            Lost::AtEnd => Self::Unsteady,
        }
    }
}

/// The result of a comparison, or why there is none.
pub type Compared<T, A, B> = Result<T, CompareError<<A as Lines>::Error, <B as Lines>::Error>>;

/// Compares an old trace, the golden, with a new one, by the golden's rules.
///
/// # Errors
/// [`CompareError`].
pub fn compare<A, B>(old: &mut A, new: &mut B) -> Compared<Difference, A, B>
where
    A: Lines<Error: Send> + Send,
    B: Lines,
{
    let notes = notes::notes(old.header(), new.header());
    let rules = old.header().clone();
    let (mut old, mut new) = (Side::new(old, &rules), Side::new(new, &rules));
    rewind(&mut old, &mut new)?;
    let (in_old, in_new) = thread::scope(|scope| {
        let in_old = scope.spawn(|| tokens::read(&mut old));
        let in_new = tokens::read(&mut new);
        (in_old.join().unwrap_or_else(|panic| resume_unwind(panic)), in_new)
    });
    let Read { mut hashes, last: last_old, processes: of_old } = in_old.map_err(CompareError::Old)?;
    let Read { hashes: hashes_of_new, last: last_new, processes: of_new } = in_new.map_err(CompareError::New)?;
    let (old_length, new_length) = (hashes.len(), hashes_of_new.len());
    hashes.extend(hashes_of_new);
    if hashes.len() > MOST_LINES {
        return Err(CompareError::TooLong(hashes.len()));
    }
    let (mut alignment, tokens) = Alignment::of(hashes, old_length);
    rewind(&mut old, &mut new)?;
    let findings = Findings::new(OneSided::of(of_old, of_new));
    let findings = changes::changes(&mut old, &mut new, &mut alignment, findings)?;
    let moves = moves::find(&mut alignment, &tokens);
    drop(tokens);
    rewind(&mut old, &mut new)?;
    let rest = Rest::new(&alignment, &moves, findings);
    let counts = counts(&alignment, old_length, new_length);
    Ok(Difference { counts, notes, ..rest::rest(&mut old, &mut new, rest, (last_old, last_new))? })
}

fn rewind<A: Lines, B: Lines>(old: &mut Side<'_, A>, new: &mut Side<'_, B>) -> Compared<(), A, B> {
    old.rewind().map_err(CompareError::Old)?;
    new.rewind().map_err(CompareError::New)
}

/// What the marks add up to.
fn counts(alignment: &Alignment, old: usize, new: usize) -> Counts {
    let marked = |marks: &[Mark], mark: Mark| marks.iter().filter(|&&other| other == mark).count() as u64;
    let outside = (alignment.prefix + alignment.suffix) as u64;
    Counts {
        old: old as u64,
        new: new as u64,
        same: outside + marked(&alignment.old, Mark::Same),
        changed: marked(&alignment.old, Mark::Changed),
        moved: marked(&alignment.old, Mark::Moved),
        removed: marked(&alignment.old, Mark::Alone),
        added: marked(&alignment.new, Mark::Alone),
    }
}
