//! How much the pages of each tier are missed once they are gone (mm/vmscan.c, "PID controller").
//!
//! The feedback is the part of pages that came again among those that went or were spared, in this period (since the
//! kind's oldest generation closed) and, with half the weight of each period that has passed, before.

use super::super::{ByKind, PageKind, Swappiness};

/// Tiers of a generation.
const MAX_NR_TIERS: usize = 4;

/// Fewer pages than these that came again say nothing (`MIN_LRU_BATCH`).
const MIN_LRU_BATCH: u64 = 64;

/// Pages of a generation that were accessed about as often through descriptors.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tier(u8);

impl Tier {
    /// The tier of so many accesses: 0 up to one, then one more each time that the number doubles (`lru_tier_from_refs`).
    pub(super) fn of(accesses: u8) -> Self {
        let tier = u32::from(accesses.max(1)).next_power_of_two().trailing_zeros();
        Self(tier.min(MAX_NR_TIERS as u32 - 1) as u8)
    }

    pub(super) const fn bits(self) -> u64 {
        self.0 as u64
    }

    pub(super) const fn from_bits(bits: u64) -> Self {
        Self((bits % MAX_NR_TIERS as u64) as u8)
    }

    const fn index(self) -> usize {
        self.0 as usize
    }
}

/// Pages that came again, and all that they are a part of.
#[derive(Clone, Copy, Debug, Default)]
struct Feedback {
    refaulted: u64,
    total: u64,
}

impl Feedback {
    /// Whether `other` is missed no more than `self`, each weighed by its gain (`positive_ctrl_err`).
    const fn tolerates(self, gain: u64, other: Self, other_gain: u64) -> bool {
        other.refaulted < MIN_LRU_BATCH
            || other.refaulted as u128 * (self.total + MIN_LRU_BATCH) as u128 * gain as u128
                <= (self.refaulted + 1) as u128 * other.total as u128 * other_gain as u128
    }
}

/// The feedback of all tiers of both kinds.
#[derive(Debug, Default)]
pub(super) struct Tiers {
    now: ByKind<[Feedback; MAX_NR_TIERS]>,
    past: ByKind<[Feedback; MAX_NR_TIERS]>,
}

impl Tiers {
    /// A page went.
    pub(super) fn evicted(&mut self, kind: PageKind, tier: Tier) {
        self.now[kind][tier.index()].total += 1;
    }

    /// A page was spared.
    pub(super) fn protected(&mut self, kind: PageKind, tier: Tier) {
        self.now[kind][tier.index()].total += 1;
    }

    /// A page came again.
    pub(super) fn refaulted(&mut self, kind: PageKind, tier: Tier) {
        self.now[kind][tier.index()].refaulted += 1;
    }

    /// The oldest generation of a kind has closed (`reset_ctrl_pos`).
    pub(super) fn next_period(&mut self, kind: PageKind) {
        for tier in 0..MAX_NR_TIERS {
            let sum = self.read(kind, tier);
            self.past[kind][tier] = Feedback { refaulted: sum.refaulted / 2, total: sum.total / 2 };
        }
        self.now[kind] = Default::default();
    }

    fn read(&self, kind: PageKind, tier: usize) -> Feedback {
        let (now, past) = (self.now[kind][tier], self.past[kind][tier]);
        Feedback { refaulted: now.refaulted + past.refaulted, total: now.total + past.total }
    }

    /// Whether pages of the tier are to be spared: those of it or a lower one are missed more than twice as much as those of tier 0
    /// (`get_tier_idx`).
    pub(super) fn protects(&self, kind: PageKind, tier: Tier) -> bool {
        let base = self.read(kind, 0);
        (1..=tier.index()).any(|tier| !base.tolerates(1, self.read(kind, tier), 2))
    }

    /// The kind that is missed less (`get_type_to_scan`).
    pub(super) fn cheaper_kind(&self, swappiness: Swappiness) -> PageKind {
        let (anon, file) = (self.read(PageKind::Anon, 0), self.read(PageKind::File, 0));
        let (anon_gain, file_gain) = (swappiness.get(), Swappiness::MAX.get() - swappiness.get());
        if anon.tolerates(anon_gain, file, file_gain) { PageKind::File } else { PageKind::Anon }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tier_is_a_power_of_two_of_accesses() {
        let tiers: Vec<u8> = (0..=6).chain([255]).map(|accesses| Tier::of(accesses).0).collect();
        assert_eq!(tiers, [0, 0, 1, 2, 2, 3, 3, 3]);
        assert_eq!(Tier::from_bits(Tier(3).bits() | 4), Tier(3));
    }

    #[test]
    fn a_tier_that_is_missed_is_protected_with_those_above_it() {
        let mut tiers = Tiers::default();
        for _ in 0..200 {
            tiers.evicted(PageKind::File, Tier(0));
            tiers.evicted(PageKind::File, Tier(1));
        }
        (0..150).for_each(|_| tiers.refaulted(PageKind::File, Tier(1)));
        assert_eq!([0, 1, 2].map(|tier| tiers.protects(PageKind::File, Tier(tier))), [false, true, true]);
        assert!(!tiers.protects(PageKind::Anon, Tier(1)));
        // Long after, nothing is left of it.
        (0..2).for_each(|_| tiers.next_period(PageKind::File));
        assert!(!tiers.protects(PageKind::File, Tier(1)));
    }

    #[test]
    fn the_kind_that_is_missed_is_spared() {
        let mut tiers = Tiers::default();
        let even = Swappiness::new(100).unwrap();
        assert_eq!(tiers.cheaper_kind(even), PageKind::File);
        for kind in PageKind::ALL {
            (0..1000).for_each(|_| tiers.evicted(kind, Tier(0)));
        }
        (0..500).for_each(|_| tiers.refaulted(PageKind::File, Tier(0)));
        assert_eq!(tiers.cheaper_kind(even), PageKind::Anon);
        (0..900).for_each(|_| tiers.refaulted(PageKind::Anon, Tier(0)));
        assert_eq!(tiers.cheaper_kind(even), PageKind::File);
    }
}
