//! Why an access faults, for people: what the error code alone does not say.

use crate::{Denials, Rights};
use arch::{Access, Level, PagingMode};
use std::fmt;

const PS: u64 = 1 << 7;
const G: u64 = 1 << 8;
const XD: u64 = 1 << 63;

/// Why a walk ended in a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// P is 0 in the entry of this level; in PAE paging [`Level::Pdpt`] is a PDPTE register.
    NotPresent {
        /// The level.
        level: Level,
    },
    /// Reserved bits are set in the entry of this level.
    Reserved {
        /// The paging mode, which decides what is reserved.
        mode: PagingMode,
        /// The level.
        level: Level,
        /// Those reserved bits that are set.
        bits: u64,
    },
    /// The path is complete and denies the access.
    Denied {
        /// What was asked.
        access: Access,
        /// What the path allows.
        rights: Rights,
        /// Every right that is missing.
        denials: Denials,
    },
}

impl Reason {
    /// The rules that the fault follows from, in ascending order.
    #[must_use]
    pub fn rules(self) -> Vec<&'static str> {
        match self {
            Self::NotPresent { level: Level::Pdpt } => vec!["MMU-020", "MMU-031", "MMU-061"],
            Self::NotPresent { .. } => vec!["MMU-020", "MMU-061"],
            Self::Reserved { mode, level, bits } => reserved_rules(mode, level, bits),
            Self::Denied { access, rights, denials } => {
                let mut rules: Vec<_> = denials.iter().map(|denial| denial_rule(access, rights, denial)).collect();
                rules.sort_unstable();
                rules.dedup();
                rules
            }
        }
    }
}

fn reserved_rules(mode: PagingMode, level: Level, bits: u64) -> Vec<&'static str> {
    let mut rules = Vec::new();
    let mut cite = |rule, broken: bool| rules.extend(broken.then_some(rule));
    let address = bits & 0x000f_ffff_ffff_f000;
    let beyond = address >> 36 != 0; // no large page's low bits reach so far, no MAXPHYADDR lies below
    let upper = level <= Level::Pml4;
    cite("MMU-023", mode == PagingMode::Bits32);
    cite("MMU-034", mode == PagingMode::Pae && (bits & !XD) >> 52 != 0);
    cite("MMU-040", upper && bits & PS != 0);
    cite("MMU-043", level == Level::Pdpt && bits & PS != 0);
    cite("MMU-048", upper && bits & G != 0);
    cite("MMU-060", true);
    cite("MMU-063", beyond);
    cite("MMU-064", bits & XD != 0);
    cite("MMU-065", address & 0x3fff_e000 != 0);
    rules
}

fn denial_rule(access: Access, rights: Rights, denial: Denials) -> &'static str {
    let user = access.is_user();
    match denial {
        Denials::SUPERVISOR_PAGE => "MMU-088",
        Denials::READ_ONLY | Denials::EXECUTE_DISABLE if user => "MMU-088",
        Denials::READ_ONLY => "MMU-086",
        Denials::EXECUTE_DISABLE | Denials::SMEP => "MMU-087",
        Denials::SMAP if access.privilege == arch::Privilege::SupervisorImplicit => "MMU-090",
        Denials::SMAP => "MMU-084",
        _ if rights.user => "MMU-091",
        _ => "MMU-092",
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::NotPresent { level } => write!(f, "the {} is not present", level.entry_name()),
            Self::Reserved { level, bits, .. } => write!(f, "reserved bits {bits:#x} of the {}", level.entry_name()),
            Self::Denied { denials, .. } => {
                for (i, denial) in denials.iter().enumerate() {
                    f.write_str(if i == 0 { "" } else { ", " })?;
                    f.write_str(denial_text(denial))?;
                }
                Ok(())
            }
        }
    }
}

fn denial_text(denial: Denials) -> &'static str {
    match denial {
        Denials::SUPERVISOR_PAGE => "user access to a supervisor page",
        Denials::READ_ONLY => "write to a read-only page",
        Denials::EXECUTE_DISABLE => "fetch from an execute-disabled page",
        Denials::SMEP => "supervisor fetch from a user page (SMEP)",
        Denials::SMAP => "supervisor access to a user page (SMAP)",
        Denials::KEY_ACCESS => "the protection key disables access",
        _ => "the protection key disables writes",
    }
}
