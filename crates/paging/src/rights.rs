//! Access rights on a complete translation (SDM "Determination of Access Rights").

use crate::PagingContext;
use arch::{Access, AccessKind, PageFaultCode, Privilege, ProtectionKey};
use bitflags::bitflags;

/// The rights that all entries of a path give together (MMU-081), and the key of its leaf: stored with a cached
/// translation, judged at each use (MMU-007).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Rights {
    /// R/W of every entry.
    pub writable: bool,
    /// U/S of every entry: a user-mode address (MMU-082).
    pub user: bool,
    /// XD of any entry, with EFER.NXE=1.
    pub no_execute: bool,
    /// The protection key of the leaf; 0 outside long mode.
    pub key: ProtectionKey,
}

bitflags! {
    /// The rights that an access lacks. Any one of them raises the same fault (MMU-160).
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    pub struct Denials: u8 {
        /// A user-mode access to a supervisor-mode address (MMU-088).
        const SUPERVISOR_PAGE = 1 << 0;
        /// A write where R/W is 0: by user mode (MMU-088), or with CR0.WP=1 (MMU-086).
        const READ_ONLY = 1 << 1;
        /// A fetch through XD (MMU-087, MMU-088).
        const EXECUTE_DISABLE = 1 << 2;
        /// A supervisor-mode fetch from a user-mode address (MMU-087).
        const SMEP = 1 << 3;
        /// A supervisor-mode data access to a user-mode address (MMU-084, MMU-090).
        const SMAP = 1 << 4;
        /// The key's AD (MMU-091, MMU-092).
        const KEY_ACCESS = 1 << 5;
        /// The key's WD (MMU-091, MMU-092).
        const KEY_WRITE = 1 << 6;
    }
}

impl Denials {
    /// What a protection key denies, which the error code reports (MMU-133).
    pub const KEY: Self = Self::KEY_ACCESS.union(Self::KEY_WRITE);

    /// The error code's P, and PK if a key is among what denies (MMU-130, MMU-133).
    #[must_use]
    pub const fn code(self) -> PageFaultCode {
        if self.intersects(Self::KEY) { PageFaultCode::P.union(PageFaultCode::PK) } else { PageFaultCode::P }
    }

    #[inline(always)]
    const fn when(self, denied: bool) -> Self {
        if denied { self } else { Self::empty() }
    }
}

impl Rights {
    /// True if `access` is allowed (MMU-084 to MMU-092).
    #[inline(always)]
    #[must_use]
    pub const fn allow(self, ctx: &PagingContext, access: Access) -> bool {
        // What nearly every access is: by user mode, with no keys in force. The rest of the rules cannot apply to it.
        if access.is_user() && !ctx.user_keys() {
            return self.user
                && match access.kind {
                    AccessKind::Read => true,
                    AccessKind::Write => self.writable,
                    AccessKind::Fetch => !self.no_execute,
                };
        }
        self.denials(ctx, access).is_empty()
    }

    /// Every right that `access` lacks.
    #[inline(always)]
    #[must_use]
    pub const fn denials(self, ctx: &PagingContext, access: Access) -> Denials {
        let denied = match access.privilege {
            Privilege::User => Denials::SUPERVISOR_PAGE.when(!self.user),
            _ if !self.user || !ctx.paging() => Denials::empty(),
            _ if access.is_fetch() => Denials::SMEP.when(ctx.smep()),
            privilege => Denials::SMAP.when(ctx.smap() && !opened(ctx, privilege)),
        };
        denied.union(match access.kind {
            AccessKind::Fetch => Denials::EXECUTE_DISABLE.when(self.no_execute),
            AccessKind::Read => self.key_denials(ctx, access),
            AccessKind::Write => {
                let read_only = !self.writable && obeys_writes(ctx, access);
                Denials::READ_ONLY.when(read_only).union(self.key_denials(ctx, access))
            }
        })
    }

    /// What the protection key denies to a data access: PKRU judges user-mode addresses, whoever accesses them, IA32_PKRS
    /// supervisor accesses to supervisor-mode addresses.
    #[inline(always)]
    const fn key_denials(self, ctx: &PagingContext, access: Access) -> Denials {
        let keys = if self.user { ctx.user_keys() } else { ctx.supervisor_keys() && !access.is_user() };
        if !keys {
            return Denials::empty();
        }
        let rights = if self.user { ctx.regs.pkru } else { ctx.regs.pkrs };
        let write = access.is_write() && rights.write_disabled(self.key) && obeys_writes(ctx, access);
        Denials::KEY_ACCESS.when(rights.access_disabled(self.key)).union(Denials::KEY_WRITE.when(write))
    }
}

/// AC opens user pages to explicit accesses alone (MMU-084, MMU-090).
const fn opened(ctx: &PagingContext, privilege: Privilege) -> bool {
    matches!(privilege, Privilege::Supervisor) && ctx.alignment_check
}

/// A user write always obeys R/W and WD, a supervisor write with CR0.WP=1 (MMU-085, MMU-086).
const fn obeys_writes(ctx: &PagingContext, access: Access) -> bool {
    access.is_user() || ctx.wp()
}
