//! What an instruction or a fault drops from the caches, with process-context identifiers (SDM "Operations that Invalidate
//! TLBs and Paging-Structure Caches").

use crate::Invalidation;
use arch::{LinearAddr, Pcid};

/// What to drop. Paging-structure-cache entries are never global (MMU-200).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flush {
    /// INVLPG (MMU-202): the page, of this PCID or global, and every paging-structure-cache entry of the PCID.
    Page {
        /// The current identifier.
        pcid: Pcid,
        /// An address in the page.
        la: LinearAddr,
    },
    /// INVPCID type 0 (MMU-212): the page of this PCID unless global, and every paging-structure-cache entry of the PCID.
    Address {
        /// The identifier in the descriptor.
        pcid: Pcid,
        /// The address in the descriptor.
        la: LinearAddr,
    },
    /// A page fault (MMU-204): the page, of this PCID or global, and the paging-structure-cache entries that lead to it.
    Fault {
        /// The current identifier.
        pcid: Pcid,
        /// The address that faulted.
        la: LinearAddr,
    },
    /// MOV to CR3 without the no-flush bit (MMU-207, MMU-208), and INVPCID type 1: all of this PCID that is not global.
    Context(Pcid),
    /// MOV to CR4 that changes PAE or sets SMEP (MMU-209): all of this PCID, global or not.
    ContextAndGlobal(Pcid),
    /// INVPCID type 3: all that is not global, of every PCID.
    NonGlobal,
    /// INVPCID type 2, a change of CR4.PGE, CR4.PCIDE or CR0.PG from 1 to 0 (MMU-209, MMU-210): everything.
    All,
}

impl From<Invalidation> for Flush {
    fn from(what: Invalidation) -> Self {
        match what {
            Invalidation::Page { la, pcid } => Self::Page { pcid, la },
            Invalidation::Address { la, pcid } => Self::Address { pcid, la },
            Invalidation::Context(pcid) => Self::Context(pcid),
            Invalidation::NonGlobal => Self::NonGlobal,
            Invalidation::All => Self::All,
        }
    }
}

/// Which pages and contexts a flush covers, apart from where it applies.
impl Flush {
    /// The only address whose page is to go; `None` for all pages.
    pub(super) const fn page(self) -> Option<LinearAddr> {
        match self {
            Self::Page { la, .. } | Self::Address { la, .. } | Self::Fault { la, .. } => Some(la),
            Self::Context(_) | Self::ContextAndGlobal(_) | Self::NonGlobal | Self::All => None,
        }
    }

    /// True if a translation of `owner` is covered.
    #[must_use]
    pub fn covers_translation(self, owner: Pcid, global: bool) -> bool {
        match self {
            Self::Page { pcid, .. } | Self::Fault { pcid, .. } | Self::ContextAndGlobal(pcid) => {
                global || owner == pcid
            }
            Self::Address { pcid, .. } | Self::Context(pcid) => !global && owner == pcid,
            Self::NonGlobal => !global,
            Self::All => true,
        }
    }

    /// True if a paging-structure-cache entry of `owner` is covered.
    #[must_use]
    pub fn covers_table(self, owner: Pcid) -> bool {
        match self {
            Self::Page { pcid, .. } | Self::Address { pcid, .. } | Self::Fault { pcid, .. } => owner == pcid,
            Self::Context(pcid) | Self::ContextAndGlobal(pcid) => owner == pcid,
            Self::NonGlobal | Self::All => true,
        }
    }
}
