//! Which address space.

use std::fmt;

/// The number of an address space: linear addresses mean something only within one. No number is used again, so that what is
/// noted under one stays that address space's after its end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SpaceId(pub u32);

impl fmt::Display for SpaceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
