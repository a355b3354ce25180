//! One line of a case file.

use arch::{ControlRegs, Cr0, Cr3, Cr4, Efer, KeyRights, LinearAddr, PhysAddr, PhysAddrWidth, Privilege};
use paging::{AccessedOnFault, GigabytePages, PagingContext};
use serde::Deserialize;
use std::fmt;

/// A number that the file writes in hexadecimal, of up to 128 bits.
#[derive(Clone, Copy, Deserialize, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[serde(try_from = "String")]
pub struct Hex(pub u128);

impl TryFrom<String> for Hex {
    type Error = std::num::ParseIntError;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        u128::from_str_radix(text.trim_start_matches("0x"), 16).map(Self)
    }
}

impl Hex {
    /// The low 64 bits: addresses and registers have no more.
    #[must_use]
    pub const fn u64(self) -> u64 {
        self.0 as u64
    }
}

impl fmt::Display for Hex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#x}", self.0)
    }
}

/// How an access ended.
#[derive(Deserialize, Clone, Copy, PartialEq, Eq, Debug)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// It was made.
    Ok,
    /// #PF.
    Pf,
    /// Another exception: #GP.
    #[serde(alias = "gp")]
    Exc,
    /// Something that is no answer.
    Other,
}

/// The paging mode of a case.
#[derive(Deserialize, Clone, Copy, PartialEq, Eq, Debug)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// 4-level paging.
    Long4,
    /// 5-level paging.
    Long5,
    /// PAE paging.
    Pae,
    /// 32-bit paging.
    #[serde(rename = "32")]
    Bits32,
}

/// What a case does with memory.
#[derive(Deserialize, Clone, Copy, PartialEq, Eq, Debug)]
#[serde(rename_all = "lowercase")]
pub enum AccessKind {
    /// A read.
    Read,
    /// A write.
    Write,
    /// A read-modify-write: one write access (MMU-094).
    Rmw,
    /// An instruction fetch.
    Fetch,
}

/// How far a recorded answer is to be believed.
#[derive(Deserialize, Clone, Copy, PartialEq, Eq, Debug)]
#[serde(rename_all = "kebab-case")]
pub enum Trust {
    /// Wholly.
    Full,
    /// But for P, which it leaves out of a reserved-bit error code (MMU-066).
    #[serde(rename = "or-P")]
    OrP,
    /// No further than its kind.
    KindOnly,
    /// Not: the write hits its own page table.
    Selfmod,
    /// Not at all.
    Exclude,
}

/// A paging entry in memory: physical address, value, level (1 = PTE).
#[derive(Deserialize, Clone, Copy, Debug)]
pub struct Entry(pub Hex, pub Hex, pub u8);

/// A paging entry that the access changed: physical address, new value.
#[derive(Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change(pub Hex, pub Hex);

/// An access outside RAM: physical address, bytes, 1 for a write.
#[derive(Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mmio(pub Hex, pub u64, pub u8);

/// A physically contiguous part of an access: where, and its bytes.
#[derive(Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece(pub Hex, pub u64);

/// An answer, an oracle's or the rules'.
#[derive(Deserialize, Clone, Debug)]
pub struct Answer {
    /// How the access ended.
    pub kind: Kind,
    /// Error code.
    pub err: Option<u32>,
    /// CR2.
    pub cr2: Option<Hex>,
    /// Vector of an exception that is no #PF.
    pub vec: Option<u8>,
    /// Paging entries that changed.
    #[serde(default)]
    pub chg: Vec<Change>,
    /// The value that was read.
    pub val: Option<Hex>,
    /// First and last byte of RAM that a write changed.
    pub ram: Option<(Hex, Hex)>,
    /// Accesses outside RAM.
    pub mmio: Option<Vec<Mmio>>,
    /// Where the access went, in `hw`.
    pub pa: Option<Vec<Piece>>,
}

/// One recorded access.
#[derive(Deserialize, Clone, Debug)]
pub struct Case {
    /// Number, unique with the seed.
    pub id: u64,
    /// Seed of the run that made it.
    #[serde(default)]
    pub seed: u64,
    /// Paging mode; what decides are the registers.
    pub mode: Mode,
    /// MAXPHYADDR.
    pub maxphy: u8,
    /// 1 if 1 GiB pages are supported.
    pub gb1: u8,
    /// CPL, 0 or 3.
    pub cpl: u8,
    /// CR0.
    pub cr0: Hex,
    /// CR3.
    pub cr3: Hex,
    /// CR4.
    pub cr4: Hex,
    /// IA32_EFER.
    pub efer: Hex,
    /// EFLAGS.AC.
    pub ac: u8,
    /// PKRU; only QEMU's cases have it.
    pub pkru: Option<Hex>,
    /// What is done.
    pub access: AccessKind,
    /// Bytes.
    pub size: usize,
    /// Linear address.
    pub la: Hex,
    /// Every entry that the access can reach.
    pub mem: Vec<Entry>,
    /// What the oracle recorded.
    pub out: Answer,
    /// How far that is to be believed.
    pub trust: Trust,
    /// What the rules give.
    pub hw: Answer,
}

impl Case {
    /// The control state, apart from the PDPTE registers; `None` if MAXPHYADDR is out of range.
    pub(crate) fn context(&self, accessed_on_fault: AccessedOnFault) -> Option<PagingContext> {
        let mut ctx = PagingContext::new(ControlRegs {
            cr0: Cr0::from_bits_truncate(self.cr0.u64()),
            cr4: Cr4::from_bits_truncate(self.cr4.u64()),
            efer: Efer::from_bits_truncate(self.efer.u64()),
            pkru: KeyRights(self.pkru.map_or(0, |pkru| pkru.u64() as u32)),
            ..ControlRegs::long_mode(Cr3(self.cr3.u64()))
        });
        ctx.alignment_check = self.ac != 0;
        ctx.width = PhysAddrWidth::new(self.maxphy)?;
        ctx.gigabyte_pages = if self.gb1 == 0 { GigabytePages::Absent } else { GigabytePages::Supported };
        ctx.accessed_on_fault = accessed_on_fault;
        Some(ctx)
    }

    /// The linear address of the access's first byte.
    #[must_use]
    pub fn la(&self) -> LinearAddr {
        LinearAddr(self.la.u64())
    }

    pub(crate) fn privilege(&self) -> Privilege {
        if self.cpl == 3 { Privilege::User } else { Privilege::Supervisor }
    }

    /// The access as the paging rules see it.
    #[must_use]
    pub fn paging_access(&self) -> arch::Access {
        let kind = match self.access {
            AccessKind::Read => arch::AccessKind::Read,
            AccessKind::Write | AccessKind::Rmw => arch::AccessKind::Write,
            AccessKind::Fetch => arch::AccessKind::Fetch,
        };
        arch::Access::new(kind, self.privilege())
    }

    /// True for QEMU's cases, false for KVM's: they ran in different RAM, and KVM's also report what left it.
    pub(crate) const fn is_qemu(&self) -> bool {
        self.pkru.is_some()
    }

    /// Level of the entry at a physical address, 1 to 5.
    pub(crate) fn level_of(&self, pa: PhysAddr) -> Option<u8> {
        self.mem.iter().find(|entry| entry.0.u64() == pa.0).map(|entry| entry.2)
    }
}
