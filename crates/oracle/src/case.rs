//! One case: entries, control bits and an access; and what an access did.

use arch::{AccessKind, ControlRegs, Cr0, Cr3, Cr4, Efer, LinearAddr, PhysAddr, PhysAddrWidth, Privilege};
use paging::{AccessedOnFault, GigabytePages, PagingContext};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Paging entries by physical address, each with its level (4 = PML4E to 1 = PTE).
pub type Entries = BTreeMap<PhysAddr, (u64, u8)>;

/// What KVM and the walk are asked.
#[derive(Clone, Debug)]
pub struct Case {
    /// Its number in its run.
    pub id: u64,
    /// The registers that paging reads.
    pub regs: ControlRegs,
    /// RFLAGS.AC.
    pub alignment_check: bool,
    /// MAXPHYADDR.
    pub width: PhysAddrWidth,
    /// 1 GiB pages.
    pub gigabyte_pages: GigabytePages,
    /// CPL 3 or CPL 0.
    pub privilege: Privilege,
    /// Read, write or fetch.
    pub kind: AccessKind,
    /// Bytes of the access: 1, 2, 4 or 8.
    pub size: u64,
    /// The first byte.
    pub la: LinearAddr,
    /// The entries that the access can reach.
    pub entries: Entries,
}

/// An access to memory that is no RAM.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mmio {
    /// The first byte.
    pub pa: PhysAddr,
    /// Bytes.
    pub len: u64,
    /// Read or write.
    pub kind: AccessKind,
}

/// How an access ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// It was made; a read gave this value.
    Done(Option<u64>),
    /// #PF with this error code and CR2.
    PageFault {
        /// The error code.
        code: u32,
        /// CR2.
        cr2: LinearAddr,
    },
    /// #GP(0).
    GeneralProtection,
    /// Something that no case should give; in words.
    Other(String),
}

/// What an access did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// How it ended.
    pub ending: Ending,
    /// The entries that it changed, with their new values.
    pub changed: BTreeMap<PhysAddr, u64>,
    /// Accesses outside RAM, adjacent ones joined.
    pub mmio: Vec<Mmio>,
    /// The bytes of the data area that hold something else than before.
    pub written: Vec<PhysAddr>,
}

impl Case {
    /// The context of a walk.
    #[must_use]
    pub fn context(&self, accessed_on_fault: AccessedOnFault) -> PagingContext {
        let mut ctx = PagingContext::new(self.regs);
        ctx.alignment_check = self.alignment_check;
        ctx.width = self.width;
        ctx.gigabyte_pages = self.gigabyte_pages;
        ctx.accessed_on_fault = accessed_on_fault;
        ctx
    }

    /// The case as a line of the case files, with the oracle's outcome.
    #[must_use]
    pub fn to_json(&self, outcome: &Outcome) -> Value {
        let kind = match self.kind {
            AccessKind::Read => "read",
            AccessKind::Write => "write",
            AccessKind::Fetch => "fetch",
        };
        let mem: Vec<Value> = self.entries.iter().map(|(pa, (e, level))| json!([hex(pa.0), hex(*e), level])).collect();
        json!({
            "id": self.id,
            "mode": "long4",
            "maxphy": self.width.bits(),
            "gb1": u8::from(self.gigabyte_pages == GigabytePages::Supported),
            "cpl": if self.privilege == Privilege::User { 3 } else { 0 },
            "cr0": hex(self.regs.cr0.bits()),
            "cr3": hex(self.regs.cr3.0),
            "cr4": hex(self.regs.cr4.bits()),
            "efer": hex(self.regs.efer.bits()),
            "ac": u8::from(self.alignment_check),
            "access": kind,
            "size": self.size,
            "lock": 0,
            "la": hex(self.la.0),
            "mem": mem,
            "out": outcome.to_json(),
            "trust": "full",
        })
    }
}

impl Outcome {
    fn to_json(&self) -> Value {
        let mmio = |m: &Mmio| json!([hex(m.pa.0), m.len, u8::from(m.kind == AccessKind::Write)]);
        let mmio: Vec<Value> = self.mmio.iter().map(mmio).collect();
        let chg: Vec<Value> = self.changed.iter().map(|(pa, e)| json!([hex(pa.0), hex(*e)])).collect();
        let mut out = match &self.ending {
            Ending::Done(None) => json!({ "kind": "ok" }),
            Ending::Done(Some(value)) => json!({ "kind": "ok", "val": hex(*value) }),
            Ending::PageFault { code, cr2 } => json!({ "kind": "pf", "err": code, "cr2": hex(cr2.0) }),
            Ending::GeneralProtection => json!({ "kind": "exc", "vec": 13, "err": 0 }),
            Ending::Other(what) => json!({ "kind": "other", "what": what }),
        };
        out["mmio"] = mmio.into();
        out["chg"] = chg.into();
        if let (Some(first), Some(last)) = (self.written.first(), self.written.last()) {
            out["ram"] = json!([hex(first.0), hex(last.0)]);
        }
        out
    }
}

fn hex(value: u64) -> String {
    format!("{value:#x}")
}

/// The registers of 64-bit mode with 4-level paging at `cr3`, and these control bits beside the necessary ones.
#[must_use]
pub fn registers(cr3: PhysAddr, wp: Cr0, rights: Cr4, nxe: Efer) -> ControlRegs {
    let cr0 = Cr0::PE | Cr0::ET | Cr0::NE | Cr0::PG | wp;
    let cr4 = Cr4::PAE | Cr4::OSFXSR | rights;
    let efer = Efer::LME | Efer::LMA | nxe;
    ControlRegs { cr0, cr3: Cr3(cr3.0), cr4, efer, ..ControlRegs::protected_mode() }
}
