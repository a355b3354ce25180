//! The processor of the naive statement: its mode, its features, its control bits.

use super::wrong::Wrong;

/// How linear addresses are translated (MMU-002).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Mode {
    Bits32,
    Pae,
    Long4,
    Long5,
}

/// Who makes the access (MMU-082, MMU-083).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Who {
    User,
    Kernel,
    KernelImplicit,
}

/// What the access does. A read-modify-write is a write (MMU-094).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum What {
    Read,
    Write,
    Fetch,
}

pub(crate) const WHO: [Who; 3] = [Who::User, Who::Kernel, Who::KernelImplicit];
pub(crate) const WHAT: [What; 3] = [What::Read, What::Write, What::Fetch];

/// All that decides beside the entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cpu {
    pub(crate) mode: Mode,
    /// MAXPHYADDR.
    pub(crate) m: u32,
    /// 1 GiB pages exist.
    pub(crate) gb: bool,
    /// AMD's reserved bits instead of Intel's.
    pub(crate) amd: bool,
    pub(crate) wp: bool,
    pub(crate) pse: bool,
    pub(crate) smep: bool,
    pub(crate) smap: bool,
    pub(crate) ac: bool,
    pub(crate) nxe: bool,
    pub(crate) pke: bool,
    pub(crate) pks: bool,
    pub(crate) pkru: u32,
    pub(crate) pkrs: u32,
    /// A faulting walk sets no A at all (the other choice of MMU-114).
    pub(crate) on_success_only: bool,
    /// The one rule that this processor has wrong, if any.
    pub(crate) wrong: Option<Wrong>,
}

impl Cpu {
    /// A processor with all control bits clear.
    pub(crate) const fn new(mode: Mode) -> Self {
        Self {
            mode,
            m: 46,
            gb: true,
            amd: false,
            wp: false,
            pse: false,
            smep: false,
            smap: false,
            ac: false,
            nxe: false,
            pke: false,
            pks: false,
            pkru: 0,
            pkrs: 0,
            on_success_only: false,
            wrong: None,
        }
    }

    /// Whether it has this rule wrong.
    pub(crate) fn has(&self, wrong: Wrong) -> bool {
        self.wrong == Some(wrong)
    }

    /// 4-level or 5-level paging.
    pub(crate) const fn long(&self) -> bool {
        matches!(self.mode, Mode::Long4 | Mode::Long5)
    }

    /// How many entries the longest path has; for PAE with its PDPTE register.
    pub(crate) const fn levels(&self) -> usize {
        match self.mode {
            Mode::Bits32 => 2,
            Mode::Pae => 3,
            Mode::Long4 => 4,
            Mode::Long5 => 5,
        }
    }
}

/// Bit `n` of a value.
pub(crate) const fn bit(value: u64, n: u32) -> bool {
    value >> n & 1 == 1
}

/// The mask of bits `high:low`, both included; nothing if `high` is below `low`.
pub(crate) const fn field(high: u32, low: u32) -> u64 {
    let mut mask = 0;
    let mut n = low;
    while n <= high {
        mask |= 1 << n;
        n += 1;
    }
    mask
}
