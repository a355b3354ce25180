//! Models that watch a run's translations and tell of them as events: [`Sanitizer`] looks for those that are stale, [`Walks`] tells of the walks of a
//! processor.
//!
//! A model has no sink. It puts what it has to tell into a queue ([`Told`]), which the machine empties each time that the core has
//! stopped, before anything else happens; so the events of a run stay in order.
#![forbid(unsafe_code)]

mod edits;
mod path;
mod progress;
mod reference;
mod sanitizer;
mod told;
mod walks;

pub use sanitizer::Sanitizer;
pub use told::Told;
pub use walks::Walks;
