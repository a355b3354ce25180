//! The columns of a line: their names, and how wide they are written.

/// The columns, from the left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Column {
    /// Which process, by descent: the first is 1, its second child 1.2.
    Process,
    /// What happened: `read`, `write` or `fetch` for a fault, or another event's name.
    Event,
    /// The page, relative to its mapping: `[heap]+0x3000`, `/bin/true+0x1000`.
    Address,
    /// What came of it.
    Outcome,
    /// The entry that maps the page, before and behind: `none->P+US+A+XD`.
    Entries,
    /// The code: a function and the distance from its first byte.
    Place,
}

impl Column {
    /// All of them.
    pub const ALL: [Self; 6] = [Self::Process, Self::Event, Self::Address, Self::Outcome, Self::Entries, Self::Place];

    /// Its name in rules and filters.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Process => "process",
            Self::Event => "event",
            Self::Address => "address",
            Self::Outcome => "outcome",
            Self::Entries => "entries",
            Self::Place => "place",
        }
    }

    /// The column of this name.
    #[must_use]
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|column| column.name() == name)
    }

    /// As wide as it is padded to.
    pub(crate) const fn width(self) -> usize {
        match self {
            Self::Process => 5,
            Self::Event => 8,
            Self::Address => 28,
            Self::Outcome => 16,
            Self::Entries => 34,
            Self::Place => 0,
        }
    }
}
