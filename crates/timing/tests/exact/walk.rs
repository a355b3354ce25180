//! Rights and the walk of 4- and 5-level paging, over a plain list of entries.

use crate::tables::{Table, entry_bits};
use crate::tlb::{Held, Rights, start_of};
use arch::AccessKind;

pub(crate) const P: u64 = 1;
pub(crate) const RW: u64 = 1 << 1;
pub(crate) const US: u64 = 1 << 2;
pub(crate) const A: u64 = 1 << 5;
pub(crate) const D: u64 = 1 << 6;
pub(crate) const PS: u64 = 1 << 7;
pub(crate) const G: u64 = 1 << 8;
pub(crate) const XD: u64 = 1 << 63;
/// Reserved with the MAXPHYADDR of 46 that the runs have (MMU-063).
pub(crate) const TOO_WIDE: u64 = 1 << 50;
/// The address in an entry.
const ADDRESS: u64 = 0x0003_ffff_ffff_f000;

/// The registers that matter here; CR4.PGE, CR4.PCIDE and EFER.NXE are set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Registers {
    pub(crate) root: u64,
    pub(crate) pcid: u16,
    /// 4 or 5.
    pub(crate) levels: u32,
    pub(crate) wp: bool,
    pub(crate) smep: bool,
    pub(crate) smap: bool,
    /// Whether a walk that faults leaves A in what it has passed (MMU-114).
    pub(crate) accessed_on_fault: bool,
}

/// An access that lies within a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ask {
    pub(crate) la: u64,
    pub(crate) kind: AccessKind,
    pub(crate) user: bool,
}

impl Ask {
    /// MMU-084 to MMU-088.
    pub(crate) fn is_allowed(&self, regs: &Registers, rights: Rights) -> bool {
        match (self.user, self.kind) {
            (true, AccessKind::Read) => rights.user,
            (true, AccessKind::Write) => rights.user && rights.writable,
            (true, AccessKind::Fetch) => rights.user && !rights.no_execute,
            (false, AccessKind::Fetch) => !(rights.no_execute || regs.smep && rights.user),
            (false, AccessKind::Read) => !(regs.smap && rights.user),
            (false, AccessKind::Write) => !(regs.smap && rights.user) && (rights.writable || !regs.wp),
        }
    }
}

/// What a walk has done.
#[derive(Clone, Debug, Default)]
pub(crate) struct Walked {
    /// Entries that it loaded.
    pub(crate) loads: u64,
    /// Entries in which it set A or D.
    pub(crate) updates: u64,
    /// Each entry that led to a table, as it was read, and the table.
    pub(crate) passed: Vec<(u64, Table)>,
    /// The page, unless it ended in a fault.
    pub(crate) found: Option<Held>,
}

/// Where every walk begins that no cache shortens.
pub(crate) fn root(regs: &Registers) -> Table {
    Table { level: regs.levels, at: regs.root, rights: Rights { writable: true, user: true, no_execute: false } }
}

/// Where in memory, in entries of 8 bytes, a table has its entry for `la`.
pub(crate) const fn index_of(table: u64, level: u32, la: u64) -> usize {
    (table / 8 + (la >> entry_bits(level)) % 512) as usize
}

/// True if an entry of that level maps a page.
pub(crate) const fn is_leaf(level: u32, entry: u64) -> bool {
    level == 1 || entry & PS != 0
}

/// The table that an entry references.
pub(crate) const fn table_of(entry: u64) -> u64 {
    entry & ADDRESS
}

/// Walks from a table on. Whatever A and D it calls for is in memory when it returns.
pub(crate) fn walk(regs: &Registers, memory: &mut [u64], ask: Ask, from: Table) -> Walked {
    let mut walked = Walked::default();
    let mut passed_at = Vec::new();
    let mut table = from;
    loop {
        let index = index_of(table.at, table.level, ask.la);
        let entry = memory[index];
        walked.loads += 1;
        let bad = entry & P == 0 || entry & TOO_WIDE != 0; // MMU-060
        let rights = Rights {
            writable: table.rights.writable && entry & RW != 0,
            user: table.rights.user && entry & US != 0,
            no_execute: table.rights.no_execute || entry & XD != 0,
        };
        if !bad && !is_leaf(table.level, entry) {
            table = Table { level: table.level - 1, at: table_of(entry), rights };
            passed_at.push(index);
            walked.passed.push((entry, table));
            continue;
        }
        let fault = bad || !ask.is_allowed(regs, rights);
        if !fault || regs.accessed_on_fault {
            passed_at.into_iter().for_each(|at| walked.set(memory, at, A)); // MMU-110, MMU-114
        }
        if !fault {
            let write = ask.kind == AccessKind::Write;
            walked.set(memory, index, if write { A | D } else { A }); // MMU-111
            walked.found = Some(page(regs, ask.la, table.level, memory[index], rights));
        }
        return walked;
    }
}

impl Walked {
    fn set(&mut self, memory: &mut [u64], at: usize, bits: u64) {
        if memory[at] & bits != bits {
            memory[at] |= bits;
            self.updates += 1;
        }
    }
}

/// The page that a leaf maps, all of it.
fn page(regs: &Registers, la: u64, level: u32, leaf: u64, rights: Rights) -> Held {
    let bits = entry_bits(level);
    Held {
        pcid: regs.pcid,
        from: start_of(la, bits),
        covers: bits,
        page: bits,
        target: start_of(leaf & ADDRESS, bits),
        rights,
        dirty: leaf & D != 0,
        global: leaf & G != 0,
    }
}
