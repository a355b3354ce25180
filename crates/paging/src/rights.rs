//! Access rights on a complete translation (SDM "Determination of Access Rights").

use crate::PagingContext;
use arch::{Access, AccessKind, Privilege};

/// The rights that all entries of a path give together (MMU-081): stored with a cached translation, judged at each use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Rights {
    /// R/W of every entry.
    pub writable: bool,
    /// U/S of every entry: a user-mode address (MMU-082).
    pub user: bool,
    /// XD of any entry, with EFER.NXE=1.
    pub no_execute: bool,
}

impl Rights {
    /// True if `access` is allowed (MMU-084 to MMU-089).
    #[must_use]
    pub const fn allow(self, ctx: &PagingContext, access: Access) -> bool {
        match (access.privilege, access.kind) {
            (Privilege::User, AccessKind::Read) => self.user,
            (Privilege::User, AccessKind::Write) => self.user && self.writable,
            (Privilege::User, AccessKind::Fetch) => self.user && !self.no_execute,
            (_, AccessKind::Fetch) => !(self.no_execute || self.user && ctx.smep()),
            (_, AccessKind::Read) => self.open_to_supervisor(ctx, access.privilege),
            (_, AccessKind::Write) => self.open_to_supervisor(ctx, access.privilege) && (self.writable || !ctx.wp()),
        }
    }

    /// SMAP closes user pages to supervisor data accesses, unless they are explicit and AC is set (MMU-084, MMU-090).
    const fn open_to_supervisor(self, ctx: &PagingContext, privilege: Privilege) -> bool {
        let explicit = matches!(privilege, Privilege::Supervisor);
        !(self.user && ctx.smap()) || (explicit && ctx.alignment_check)
    }
}
