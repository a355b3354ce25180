//! Which mappings may share anonymous pages (Linux's `anon_vma`), as far as it decides which mappings become one.
//!
//! A mapping gets its identity with its first anonymous page: that of a neighbour that it could be joined with, or a new one. It
//! keeps it when it is split, moved, or loses its pages. Two that have different ones are never joined; one that a fork has
//! copied is joined with none that has no page yet, as the search for a page's mappings would visit the parent's too.

use super::Mm;
use super::flags::VmFlags;
use super::vma::Vma;
use arch::LinearAddr;

/// The identity of a mapping that has had an anonymous page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct AnonVma {
    id: u64,
    /// Its pages may be the parent's too (`vma_had_uncowed_parents`).
    inherited: bool,
}

/// Gives the identities of one address space.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct AnonVmas {
    made: u64,
}

impl AnonVmas {
    fn next(&mut self, inherited: bool) -> AnonVma {
        self.made += 1;
        AnonVma { id: self.made, inherited }
    }

    /// The identity of a child's copy (`anon_vma_fork`).
    pub(super) fn fork(&mut self) -> AnonVma {
        self.next(true)
    }
}

/// True if two neighbours' identities let them be one (`is_mergeable_anon_vma`).
pub(super) fn are_mergeable(one: Option<AnonVma>, other: Option<AnonVma>) -> bool {
    match (one, other) {
        (None, None) => true,
        (Some(one), Some(other)) => one.id == other.id,
        (Some(known), None) | (None, Some(known)) => !known.inherited,
    }
}

impl Mm {
    /// The mapping that starts at `start` is about to have an anonymous page (`__anon_vma_prepare`).
    pub(super) fn anon_vma_prepare(&mut self, start: LinearAddr) {
        let Some(vma) = self.vmas.containing(start).filter(|vma| vma.anon_vma.is_none()).copied() else { return };
        let above = self.vmas.containing(vma.end).filter(|above| is_compatible(&vma, above));
        let below = || self.vmas.starting_below(vma.start).filter(|below| is_compatible(below, &vma));
        let reusable = |near: &Vma| near.anon_vma.filter(|near| !near.inherited);
        let near = above.and_then(reusable).or_else(|| below().and_then(reusable));
        let anon_vma = near.unwrap_or_else(|| self.anon_vmas.next(false));
        self.vmas.change(vma.start, |vma| vma.anon_vma = Some(anon_vma));
    }
}

/// True if the two could be one but for their rights (`anon_vma_compatible`).
fn is_compatible(lower: &Vma, upper: &Vma) -> bool {
    let differ = lower.flags ^ upper.flags;
    VmFlags::ACCESS.contains(differ) && lower.pages_continue_in(upper)
}
