//! Which kind of page to look at next: Linux's `get_scan_count` and `lru_note_cost`.
//!
//! The cost of a kind is what its reclaim has done in vain of late: pages written or read again (each as much as 32) and
//! pages that were looked at and stayed. The more a kind has cost, the less of it is looked at.

use super::super::{ByKind, Candidates, PageKind, Swappiness};
use super::SWAP_CLUSTER_MAX;

/// Files are enough as long as one in so many inactive pages of files is a page at all (`DEF_PRIORITY`, a shift).
const DEF_PRIORITY: u32 = 12;

/// Shares are of this whole.
const WHOLE: u64 = 1 << 16;

/// Pages in the lists.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sizes {
    pub(super) inactive: ByKind,
    pub(super) active: ByKind,
}

impl Sizes {
    pub(super) fn of_kind(&self, kind: PageKind) -> u64 {
        self.inactive[kind] + self.active[kind]
    }

    pub(super) fn total(&self) -> u64 {
        self.of_kind(PageKind::Anon) + self.of_kind(PageKind::File)
    }

    /// Whether active pages should become inactive (`inactive_is_low`): below 1 GiB of a kind, when fewer than half of it are
    /// inactive; with more memory a smaller part is enough.
    pub(super) fn inactive_is_low(&self, kind: PageKind) -> bool {
        let gib = self.of_kind(kind) >> 18;
        let ratio = (10 * gib).isqrt().max(1);
        self.inactive[kind] * ratio < self.active[kind]
    }
}

/// How hard reclaim tries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Effort {
    /// The kinds in proportion to their sizes, swappiness and costs.
    Balanced,
    /// Both kinds alike, as nothing else has helped.
    Equal,
}

/// What to look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Choice {
    pub(super) kind: PageKind,
    /// It was just chosen, for as many pages as make a batch.
    pub(super) is_new: bool,
}

/// The costs, and the batch under way.
#[derive(Debug)]
pub(super) struct Balance {
    pub(super) swappiness: Swappiness,
    costs: ByKind,
    /// The kind of the batch, and how many pages of it are still to be looked at.
    batch: (PageKind, u64),
    /// What is owed to anonymous pages, as a part of [`WHOLE`].
    owed_to_anon: u64,
    /// Activated refaults of files when a batch was last chosen.
    seen_activations: u64,
}

impl Balance {
    pub(super) fn new(swappiness: Swappiness) -> Self {
        Self { swappiness, costs: ByKind::default(), batch: (PageKind::File, 0), owed_to_anon: 0, seen_activations: 0 }
    }

    /// A page was written to be evicted, or was read again.
    pub(super) fn note_io(&mut self, kind: PageKind, sizes: Sizes) {
        self.note(kind, SWAP_CLUSTER_MAX, sizes);
    }

    /// A page was looked at and stayed.
    pub(super) fn note_rotated(&mut self, kind: PageKind, sizes: Sizes) {
        self.note(kind, 1, sizes);
    }

    /// Costs of long ago fade.
    fn note(&mut self, kind: PageKind, cost: u64, sizes: Sizes) {
        self.costs[kind] += cost;
        if self.costs.anon + self.costs.file > sizes.total() / 4 {
            self.costs.anon /= 2;
            self.costs.file /= 2;
        }
    }

    /// The kind of the next page to look at, if there is any. `activations` counts refaults of files that became active.
    pub(super) fn next_kind(
        &mut self,
        sizes: Sizes,
        from: Candidates,
        effort: Effort,
        activations: u64,
    ) -> Option<Choice> {
        let (kind, left) = self.batch;
        if left > 0 && from.include(kind) && sizes.of_kind(kind) > 0 && effort == Effort::Balanced {
            self.batch.1 = left - 1;
            return Some(Choice { kind, is_new: false });
        }
        let has = |kind| from.include(kind) && sizes.of_kind(kind) > 0;
        let kind = match (has(PageKind::Anon), has(PageKind::File)) {
            (false, false) => return None,
            (true, false) => PageKind::Anon,
            (false, true) => PageKind::File,
            (true, true) if effort == Effort::Equal => self.draw(WHOLE / 2),
            (true, true) if self.files_are_enough(sizes, activations) => PageKind::File,
            (true, true) => self.draw(self.anon_share(sizes)),
        };
        self.seen_activations = activations;
        self.batch = (kind, SWAP_CLUSTER_MAX - 1);
        Some(Choice { kind, is_new: true })
    }

    /// Plenty of files that nobody has missed since the last look (`cache_trim_mode`).
    fn files_are_enough(&self, sizes: Sizes, activations: u64) -> bool {
        sizes.inactive.file >> DEF_PRIORITY > 0
            && !sizes.inactive_is_low(PageKind::File)
            && activations == self.seen_activations
    }

    /// The part of anonymous pages in what is to be looked at (`SCAN_FRACT`).
    fn anon_share(&self, sizes: Sizes) -> u64 {
        // Each cost counts half for the other kind too, so that no kind is left alone altogether.
        let sum = self.costs.anon + self.costs.file;
        let (anon_cost, file_cost) = (sum + self.costs.anon, sum + self.costs.file);
        let total = u128::from(anon_cost + file_cost + 1);
        let weight = |pressure: u64, cost: u64, pages: u64| {
            u128::from(pressure) * total * u128::from(pages) / u128::from(cost + 1)
        };
        let anon = weight(self.swappiness.get(), anon_cost, sizes.of_kind(PageKind::Anon));
        let file = weight(Swappiness::MAX.get() - self.swappiness.get(), file_cost, sizes.of_kind(PageKind::File));
        (u128::from(WHOLE) * anon).checked_div(anon + file).unwrap_or_default() as u64
    }

    /// Gives anonymous pages their share over time, without chance.
    fn draw(&mut self, anon_share: u64) -> PageKind {
        self.owed_to_anon += anon_share;
        if self.owed_to_anon >= WHOLE {
            self.owed_to_anon -= WHOLE;
            return PageKind::Anon;
        }
        PageKind::File
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVEN: Sizes = Sizes { inactive: ByKind { anon: 500, file: 500 }, active: ByKind { anon: 500, file: 500 } };

    /// Batches of anonymous pages among so many.
    fn anon_batches(balance: &mut Balance, batches: usize) -> usize {
        let mut choose = || balance.next_kind(EVEN, Candidates::All, Effort::Balanced, 0);
        let choices = std::iter::from_fn(&mut choose).filter(|choice| choice.is_new).take(batches);
        choices.filter(|choice| choice.kind == PageKind::Anon).count()
    }

    #[test]
    fn swappiness_divides_the_scan() {
        for (swappiness, expected) in [(0, 0), (60, 30), (100, 50), (200, 100)] {
            let swappiness = Swappiness::new(swappiness).unwrap();
            let batches = anon_batches(&mut Balance::new(swappiness), 100);
            assert!(batches.abs_diff(expected) <= 1, "{swappiness:?}: {batches}");
        }
        assert_eq!(Swappiness::new(201), None);
    }

    #[test]
    fn what_costs_is_scanned_less() {
        let mut balance = Balance::new(Swappiness::new(100).unwrap());
        (0..10).for_each(|_| balance.note_io(PageKind::Anon, EVEN));
        let share = anon_batches(&mut balance, 100);
        assert!((30..40).contains(&share), "{share}");
    }

    #[test]
    fn a_kind_that_may_not_go_is_never_chosen() {
        let mut balance = Balance::new(Swappiness::MAX);
        for effort in [Effort::Balanced, Effort::Equal] {
            let choice = balance.next_kind(EVEN, Candidates::FileOnly, effort, 0).unwrap();
            assert_eq!(choice.kind, PageKind::File);
        }
        let none = Sizes { inactive: ByKind { anon: 9, file: 0 }, active: ByKind::default() };
        assert_eq!(balance.next_kind(none, Candidates::FileOnly, Effort::Equal, 0), None);
    }

    #[test]
    fn the_ratio_grows_with_the_memory() {
        let sizes = |inactive, active| Sizes {
            inactive: ByKind { anon: inactive, file: 0 },
            active: ByKind { anon: active, file: 0 },
        };
        assert!(sizes(49, 51).inactive_is_low(PageKind::Anon));
        assert!(!sizes(50, 50).inactive_is_low(PageKind::Anon));
        // 4 GiB: isqrt(40) = 6.
        assert!(!sizes(150_000, 900_000).inactive_is_low(PageKind::Anon));
        assert!(sizes(149_000, 901_000).inactive_is_low(PageKind::Anon));
    }
}
