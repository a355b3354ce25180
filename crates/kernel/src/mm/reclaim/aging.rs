//! What becomes of translations when reclaim clears an accessed bit.

use std::fmt;
use std::str::FromStr;

/// What becomes of cached translations when an accessed bit is cleared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AgingFlush {
    /// They go: the next use sets the bit again, so what is paged out does not depend on any TLB.
    #[default]
    Eager,
    /// They stay, as on Linux for x86: a page that is used through a cached translation looks unused, and what is paged out
    /// depends on the processor's TLB.
    Lazy,
}

impl fmt::Display for AgingFlush {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Eager => "eager",
            Self::Lazy => "lazy",
        })
    }
}

impl FromStr for AgingFlush {
    type Err = String;

    fn from_str(s: &str) -> Result<Self, String> {
        [Self::Eager, Self::Lazy].into_iter().find(|flush| flush.to_string() == s).ok_or("eager or lazy".into())
    }
}
