//! A walk drawn for people.
//!
//! ```text
//! read of 0x4010c2 by user code, 4-level paging, CR3 0x3000
//! linear address = PML4E 0x000, PDPTE 0x000, PDE 0x002, PTE 0x001, offset 0x0c2
//!
//!   entry  index  at           value               flags                   rights so far
//!   PML4E  0x000  0x3000       0x0000000000004027  P RW US A               r w x  user
//!   ...
//! allowed: physical address 0x70c2, in a page of 4 KiB, WB
//! rules: MMU-040 ...
//! ```

use super::{Outcome, Shown, privilege_name, rules};
use arch::{AccessKind, AccessedDirty, Level, PageSize, PagingMode};
use paging::EntryUse;
use std::fmt::Write;

/// What a walk gives, as text that ends in a line break.
pub(super) fn of(shown: &Shown) -> String {
    let mut text = title(shown);
    let entries = shown.end.entries();
    if !entries.is_empty() {
        text += &parts(shown);
        text += "\n  entry  index  at              value               flags                     rights so far\n";
    }
    let mut path = Path::new();
    for (n, entry) in entries.iter().enumerate() {
        path.add(entry);
        let index = entry.size.index(entry.level, shown.la);
        let (name, at) = (entry.level.entry_name(), entry.pa.to_string());
        let value = format!("{:#0width$x}", entry.seen, width = 2 + (2 << entry.size.shift()));
        let flags = flags(shown, n).join(" ");
        let rights = if entry.seen & 1 == 0 { String::new() } else { path.in_words() };
        let line = format!("  {name:<5}  {index:#05x}  {at:<14}  {value:<18}  {flags:<24}  {rights}");
        let _ = writeln!(text, "{}", line.trim_end());
    }
    text + "\n" + &verdict(shown)
}

fn title(shown: &Shown) -> String {
    let (kind, who) = (kind_name(shown.access.kind), privilege_name(shown.access.privilege));
    let mode = shown.ctx.mode();
    let mut title = format!("{kind} {} by {who} code, {mode}", shown.la);
    let _ = match mode {
        PagingMode::Off => Ok(()),
        PagingMode::Pae => {
            let n = (shown.la.0 >> 30 & 3) as usize;
            write!(title, ", PDPTE register {n} {:#x}", shown.ctx.regs.pdptes.0[n])
        }
        _ => write!(title, ", CR3 {:#x}", shown.ctx.regs.cr3.0),
    };
    title + "\n"
}

/// The linear address, taken apart as the walk does.
fn parts(shown: &Shown) -> String {
    let mode = shown.ctx.mode();
    let mut parts = Vec::new();
    let (mut level, size) = (mode.first_level(), mode.entry_size());
    let last = shown.end.entries().last().map(|entry| entry.level);
    while let Some(now) = level {
        parts.push(format!("{} {:#05x}", now.entry_name(), size.index(now, shown.la)));
        level = if Some(now) == last && maps_larger(shown) { None } else { now.below() };
    }
    let page = match (maps_larger(shown), last) {
        (true, Some(last)) => mode.leaf_size(last),
        _ => PageSize::Size4K,
    };
    let digits = 2 + (page.offset_mask().count_ones() as usize).div_ceil(4);
    format!("linear address = {}, offset {:#0digits$x}\n", parts.join(", "), shown.la.0 & page.offset_mask())
}

fn maps_larger(shown: &Shown) -> bool {
    let last = shown.end.entries().len() - 1;
    shown.maps_page(last) && shown.end.entries()[last].level != Level::Pt
}

fn verdict(shown: &Shown) -> String {
    let rules = rules::of(shown).join(" ");
    match &shown.outcome {
        Outcome::NotCanonical => {
            format!("no walk: the address is not canonical, so #GP(0), or #SS(0) for a stack address\nrules: {rules}\n")
        }
        Outcome::Allowed(translation) => {
            let mut text = format!(
                "allowed: physical address {}, in a page of {}, {}\n",
                translation.apply(shown.la),
                size_name(translation.size),
                translation.memory_type
            );
            if shown.end.entries().iter().any(|entry| !newly_set(entry).is_empty()) {
                text += "+A, +D: the access sets this flag\n";
            }
            format!("{text}rules: {rules}\n")
        }
        Outcome::Fault(fault, reason) => format!(
            "page fault: {reason}\nerror code {:#x} ({}), CR2 {}\nrules: {rules}\n",
            fault.code.bits(),
            names(fault.code),
            fault.cr2,
        ),
    }
}

/// The rights of the path so far.
struct Path {
    write: bool,
    user: bool,
    execute: bool,
}

impl Path {
    const fn new() -> Self {
        Self { write: true, user: true, execute: true }
    }

    const fn add(&mut self, entry: &EntryUse) {
        self.write &= entry.seen & 1 << 1 != 0;
        self.user &= entry.seen & 1 << 2 != 0;
        self.execute &= entry.seen >> 63 == 0;
    }

    fn in_words(&self) -> String {
        let right = |right: bool, name| if right { name } else { "-" };
        let who = if self.user { "user" } else { "supervisor" };
        format!("r {} {}  {who}", right(self.write, "w"), right(self.execute, "x"))
    }
}

/// What the access sets in an entry and is not set yet.
fn newly_set(entry: &EntryUse) -> AccessedDirty {
    entry.set - AccessedDirty::from_bits_truncate(entry.seen as u8)
}

/// The flags of entry `n` that are set, by name, then those that the access sets.
pub(super) fn flags(shown: &Shown, n: usize) -> Vec<String> {
    let entry = &shown.end.entries()[n];
    let leaf = shown.maps_page(n);
    let small = entry.level == Level::Pt;
    let names = [
        (0, "P"),
        (1, "RW"),
        (2, "US"),
        (3, "PWT"),
        (4, "PCD"),
        (5, "A"),
        (6, if leaf { "D" } else { "" }),
        (7, if small { "PAT" } else { "PS" }),
        (8, if leaf { "G" } else { "" }),
        (12, if leaf && !small { "PAT" } else { "" }),
        (63, "XD"),
    ];
    let set = names.into_iter().filter(|&(bit, name)| entry.seen >> bit & 1 != 0 && !name.is_empty());
    let mut flags: Vec<String> = set.map(|(_, name)| name.to_owned()).collect();
    let key = entry.seen >> 59 & 15;
    if leaf && key != 0 && matches!(shown.ctx.mode(), PagingMode::Level4 | PagingMode::Level5) {
        flags.push(format!("key={key}"));
    }
    let new = newly_set(entry);
    flags.extend(new.contains(AccessedDirty::A).then(|| "+A".to_owned()));
    flags.extend(new.contains(AccessedDirty::D).then(|| "+D".to_owned()));
    flags
}

pub(super) const fn size_name(size: PageSize) -> &'static str {
    match size {
        PageSize::Size4K => "4 KiB",
        PageSize::Size2M => "2 MiB",
        PageSize::Size4M => "4 MiB",
        PageSize::Size1G => "1 GiB",
    }
}

const fn kind_name(kind: AccessKind) -> &'static str {
    match kind {
        AccessKind::Read => "read of",
        AccessKind::Write => "write to",
        AccessKind::Fetch => "fetch from",
    }
}

/// The bits of an error code by name; those of a supervisor's read of an absent page are all 0.
fn names(code: arch::PageFaultCode) -> String {
    let set: Vec<String> = code.iter_names().map(|(name, _)| name.to_owned()).collect();
    if set.is_empty() { "all bits 0".to_owned() } else { set.join(" ") }
}
