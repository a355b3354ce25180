//! Which rules decide a walk.

use super::{Outcome, Shown};
use arch::{AccessKind, Level, PageSize, PagingMode};

/// The rules behind what is shown, in ascending order.
pub(super) fn of(shown: &Shown) -> Vec<&'static str> {
    let mut rules = match &shown.outcome {
        Outcome::NotCanonical => vec!["MMU-150"],
        Outcome::Fault(_, reason) => reason.rules(),
        Outcome::Allowed(_) if shown.end.entries().is_empty() => vec!["MMU-001"],
        Outcome::Allowed(translation) => allowed(shown, translation.size),
    };
    rules.sort_unstable();
    rules.dedup();
    rules
}

/// How each entry is read, how the rights combine, what they allow, and what is set.
fn allowed(shown: &Shown, size: PageSize) -> Vec<&'static str> {
    let mode = shown.ctx.mode();
    let entries = shown.end.entries().iter().enumerate();
    let mut rules: Vec<_> = entries.map(|(n, entry)| layout(mode, entry.level, shown.maps_page(n))).collect();
    rules.extend(["MMU-081", "MMU-110", "MMU-220", "MMU-222"]);
    rules.extend((size != PageSize::Size4K).then_some("MMU-049"));
    rules.push(match (shown.access.is_user(), shown.access.kind) {
        (true, _) => "MMU-088",
        (false, AccessKind::Read) => "MMU-084",
        (false, AccessKind::Write) if shown.ctx.regs.cr0.contains(arch::Cr0::WP) => "MMU-086",
        (false, AccessKind::Write) => "MMU-085",
        (false, AccessKind::Fetch) => "MMU-087",
    });
    rules.push(if shown.access.is_write() { "MMU-111" } else { "MMU-112" });
    rules
}

/// The rule that lays out an entry of a level, which maps a page or references a table.
fn layout(mode: PagingMode, level: Level, maps_page: bool) -> &'static str {
    match (mode, level) {
        (PagingMode::Bits32, Level::Pt) => "MMU-024",
        (PagingMode::Bits32, _) if maps_page => "MMU-023",
        (PagingMode::Bits32, _) => "MMU-021",
        (PagingMode::Pae, Level::Pt) => "MMU-034",
        (PagingMode::Pae, _) if maps_page => "MMU-033",
        (PagingMode::Pae, _) => "MMU-032",
        (_, Level::Pt) => "MMU-046",
        (_, Level::Pd) if maps_page => "MMU-045",
        (_, Level::Pd) => "MMU-044",
        (_, Level::Pdpt) if maps_page => "MMU-042",
        (_, Level::Pdpt) => "MMU-041",
        (_, Level::Pml4 | Level::Pml5) => "MMU-040",
    }
}
