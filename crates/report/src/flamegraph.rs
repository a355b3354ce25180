//! A flame graph as SVG, of the folded stacks.

use crate::folded::folded;
use crate::profile::Profile;
use inferno::flamegraph::{Options, from_lines};
use thiserror::Error;

/// Up to so many stacks all are drawn; of more, those that would be seen.
const MOST_EXACT: usize = 20_000;

/// Why there is no flame graph.
#[derive(Debug, Error)]
pub enum FlamegraphError {
    /// No cycle was charged to anything.
    #[error("the profile has no cycles")]
    Empty,
    /// The picture could not be made.
    #[error("the flame graph cannot be drawn")]
    Draw(#[source] std::io::Error),
}

/// The SVG. The same profile gives the same bytes: colours go by name.
///
/// # Errors
/// [`FlamegraphError`].
pub fn flamegraph(profile: &Profile) -> Result<String, FlamegraphError> {
    let stacks = folded(profile);
    if stacks.is_empty() {
        return Err(FlamegraphError::Empty);
    }
    let mut options = Options::default();
    options.title = format!("{} on {}", profile.command_line(), profile.hardware.name);
    options.subtitle = Some("process; mapping; function; inlined functions; cause".into());
    options.count_name = "cycles".into();
    options.deterministic = true;
    if stacks.lines().count() <= MOST_EXACT {
        options.min_width = 0.0;
    }
    let mut svg = Vec::new();
    from_lines(&mut options, stacks.lines(), &mut svg).map_err(FlamegraphError::Draw)?;
    Ok(String::from_utf8_lossy(&svg).into_owned())
}
