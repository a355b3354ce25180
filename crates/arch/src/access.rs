//! What an access is, and what a page fault says about it (SDM "Access Rights", "Page-Fault Exceptions").

use crate::LinearAddr;
use bitflags::bitflags;
use std::fmt;

/// What an access does with memory. A read-modify-write instruction makes one write access (MMU-094).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AccessKind {
    /// A data read.
    Read,
    /// A data write, or a read-modify-write.
    Write,
    /// An instruction fetch.
    Fetch,
}

/// On whose behalf an access is made (MMU-082, MMU-083, MMU-090).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Privilege {
    /// An explicit access at CPL 3.
    User,
    /// An explicit access at CPL 0 to 2.
    Supervisor,
    /// An access to a system structure (GDT, IDT, TSS, ...) at any CPL: EFLAGS.AC does not open it.
    SupervisorImplicit,
}

impl AccessKind {
    /// Its name in words.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Fetch => "fetch",
            Self::Read => "read",
            Self::Write => "write",
        }
    }
}

/// One access as the paging rules see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Access {
    /// Read, write or fetch.
    pub kind: AccessKind,
    /// User or supervisor, explicit or implicit.
    pub privilege: Privilege,
}

impl Access {
    /// An access of this kind at this privilege.
    #[must_use]
    pub const fn new(kind: AccessKind, privilege: Privilege) -> Self {
        Self { kind, privilege }
    }

    /// True for a user-mode access (MMU-082).
    #[must_use]
    pub const fn is_user(self) -> bool {
        matches!(self.privilege, Privilege::User)
    }

    /// True for writes and read-modify-writes.
    #[must_use]
    pub const fn is_write(self) -> bool {
        matches!(self.kind, AccessKind::Write)
    }

    /// True for instruction fetches.
    #[must_use]
    pub const fn is_fetch(self) -> bool {
        matches!(self.kind, AccessKind::Fetch)
    }
}

bitflags! {
    /// The error code that a #PF pushes (MMU-130; SDM "Page-Fault Exceptions").
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    pub struct PageFaultCode: u32 {
        /// Some right or reserved bit was violated; clear when an entry was not present.
        const P = 1 << 0;
        /// The access was a write.
        const WR = 1 << 1;
        /// The access was a user-mode access.
        const US = 1 << 2;
        /// A reserved bit was set in an entry.
        const RSVD = 1 << 3;
        /// The access was an instruction fetch.
        const ID = 1 << 4;
        /// A protection key denied the access.
        const PK = 1 << 5;
        /// The access was a shadow-stack access.
        const SS = 1 << 6;
        /// The fault came from SGX's own checks.
        const SGX = 1 << 15;
    }
}

impl PageFaultCode {
    /// What the access was that faulted.
    #[must_use]
    pub const fn access_kind(self) -> AccessKind {
        if self.contains(Self::WR) {
            AccessKind::Write
        } else if self.contains(Self::ID) {
            AccessKind::Fetch
        } else {
            AccessKind::Read
        }
    }
}

impl fmt::Display for PageFaultCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        bitflags::parser::to_writer(self, f)
    }
}

bitflags! {
    /// The flags that a processor sets in a paging-structure entry, at their places in it (SDM "Accessed and Dirty Flags").
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    pub struct AccessedDirty: u8 {
        /// A: the entry was used.
        const A = 1 << 5;
        /// D: the page was written.
        const D = 1 << 6;
    }
}

/// A page-fault exception: the value of CR2 and the error code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PageFault {
    /// What CR2 holds: the lowest byte of the access that lies in the faulting page (MMU-135).
    pub cr2: LinearAddr,
    /// The error code.
    pub code: PageFaultCode,
}
