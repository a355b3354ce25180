//! What a recording is to become.

use crate::recorder::Notes;
use packing::Codec;

/// The form of a trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Lines, which wait in the compact form until their names are known.
    Text,
    /// The compact form, packed so.
    Packed(Codec),
}

impl Form {
    /// Whether it has what a line does not say.
    #[must_use]
    pub const fn notes(self) -> Notes {
        match self {
            Self::Text => Notes::Left,
            Self::Packed(_) => Notes::Kept,
        }
    }

    /// How it is packed while it is made.
    #[must_use]
    pub const fn codec(self) -> Codec {
        match self {
            Self::Text => Codec::Lz4,
            Self::Packed(codec) => codec,
        }
    }
}
