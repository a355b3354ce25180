//! The names of the policies, as `--reclaim` takes them.

use std::fmt;
use std::str::FromStr;
use thiserror::Error;

/// A policy, by name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PolicyName {
    /// Linux's active and inactive lists.
    #[default]
    Lru,
    /// Least recently used, by exact times of use.
    LruExact,
    /// A ring with second chances.
    Clock,
    /// First in, first out.
    Fifo,
    /// Any page, by the seed.
    Random,
    /// 2Q: a queue for newcomers, a ghost queue, a queue for pages that came again.
    TwoQ,
    /// Linux's multi-generational LRU.
    Mglru,
    /// Belady's: the page whose next use is farthest off.
    Opt,
}

impl PolicyName {
    /// All policies, the default first.
    pub const ALL: [Self; 8] =
        [Self::Lru, Self::LruExact, Self::Clock, Self::Fifo, Self::Random, Self::TwoQ, Self::Mglru, Self::Opt];

    /// The name that `--reclaim` takes.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Lru => "lru",
            Self::LruExact => "lru-exact",
            Self::Clock => "clock",
            Self::Fifo => "fifo",
            Self::Random => "random",
            Self::TwoQ => "2q",
            Self::Mglru => "mglru",
            Self::Opt => "opt",
        }
    }

    /// Whether it goes by exact references, which a model of the hardware has to report.
    #[must_use]
    pub const fn wants_clock(self) -> bool {
        matches!(self, Self::LruExact | Self::Opt)
    }

    /// Whether it has to know the references to come, from a recording.
    #[must_use]
    pub const fn wants_future(self) -> bool {
        matches!(self, Self::Opt)
    }
}

impl fmt::Display for PolicyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// There is no policy of this name.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("there is no policy `{0}`; the policies are {list}", list = PolicyName::ALL.map(PolicyName::as_str).join(", "))]
pub struct UnknownPolicy(pub String);

impl FromStr for PolicyName {
    type Err = UnknownPolicy;

    fn from_str(text: &str) -> Result<Self, UnknownPolicy> {
        Self::ALL.into_iter().find(|name| name.as_str() == text).ok_or_else(|| UnknownPolicy(text.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_read_as_it_is_written() {
        for name in PolicyName::ALL {
            assert_eq!(name.to_string().parse(), Ok(name));
        }
        let complaint = "LRU".parse::<PolicyName>().unwrap_err().to_string();
        assert!(complaint.contains("`LRU`") && complaint.contains("lru, lru-exact, clock"), "{complaint}");
    }
}
