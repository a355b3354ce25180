//! Numbers of entries in the lists of a profile.

use serde::{Deserialize, Serialize};

macro_rules! numbers {
    ($($name:ident, $doc:literal;)*) => {$(
        #[doc = $doc]
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub u32);

        impl $name {
            pub(crate) const fn at(self) -> usize {
                self.0 as usize
            }
        }
    )*};
}

numbers! {
    SpaceNo, "The number of an address space in the profile.";
    FunctionNo, "The number of a function.";
    PlaceNo, "The number of an instruction.";
    CauseNo, "The number of a cause.";
}
