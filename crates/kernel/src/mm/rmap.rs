//! The reverse map: from a frame to the entries of page tables that map it (Linux's `rmap.c`; in form the chains of
//! entries of Linux 2.5 rather than the trees of mappings of today).
//!
//! Invariant: a frame's chain holds the physical address of each entry of a user page table that maps the frame, once,
//! whether the entry is present or keeps a page without rights; `Frame::maps` is the length of the chain. Which address
//! space an entry belongs to and which page it serves is said by the descriptor of the table that it lies in
//! ([`super::frames::Owner::Table`]). So a page can be taken from every process that maps it through physical memory alone.

use arch::{Pfn, PhysAddr};

/// The chains of all frames.
#[derive(Debug, Default)]
pub(super) struct Rmap {
    /// By frame: its first link plus one; 0 without one.
    heads: Vec<u32>,
    links: Vec<Link>,
    /// The first link that is not used, plus one.
    unused: u32,
}

#[derive(Clone, Copy, Debug)]
struct Link {
    slot: PhysAddr,
    /// The next link plus one; 0 at the end.
    next: u32,
}

impl Rmap {
    /// One more entry maps the frame.
    pub(super) fn add(&mut self, pfn: Pfn, slot: PhysAddr) {
        let index = pfn.0 as usize;
        if index >= self.heads.len() {
            self.heads.resize((index + 1).next_power_of_two(), 0);
        }
        let link = Link { slot, next: self.heads[index] };
        self.heads[index] = self.place(link);
    }

    /// The entry does not map the frame any more. The newest entries are found first.
    pub(super) fn remove(&mut self, pfn: Pfn, slot: PhysAddr) {
        let mut at = self.heads[pfn.0 as usize];
        let mut before = 0;
        while self.link(at).slot != slot {
            (before, at) = (at, self.link(at).next);
        }
        let next = self.link(at).next;
        match before {
            0 => self.heads[pfn.0 as usize] = next,
            before => self.links[before as usize - 1].next = next,
        }
        self.links[at as usize - 1].next = self.unused;
        self.unused = at;
    }

    /// The frame is mapped by an entry at another place.
    pub(super) fn replace(&mut self, pfn: Pfn, old: PhysAddr, new: PhysAddr) {
        let mut at = self.heads[pfn.0 as usize];
        while self.link(at).slot != old {
            at = self.link(at).next;
        }
        self.links[at as usize - 1].slot = new;
    }

    /// The entries that map a frame, the newest first.
    pub(super) fn slots(&self, pfn: Pfn) -> impl Iterator<Item = PhysAddr> {
        let mut at = self.heads.get(pfn.0 as usize).copied().unwrap_or_default();
        std::iter::from_fn(move || {
            let link = (at != 0).then(|| self.link(at))?;
            at = link.next;
            Some(link.slot)
        })
    }

    fn link(&self, at: u32) -> Link {
        *self.links.get((at as usize).wrapping_sub(1)).expect("the chain of a frame holds all entries that map it")
    }

    /// Stores a link and gives its number plus one.
    fn place(&mut self, link: Link) -> u32 {
        match self.unused {
            0 => {
                self.links.push(link);
                u32::try_from(self.links.len()).expect("fewer than 2^32 pages are mapped")
            }
            at => {
                self.unused = self.link(at).next;
                self.links[at as usize - 1] = link;
                at
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    #[derive(Clone, Debug)]
    enum Step {
        Add(u64),
        Remove(u64, prop::sample::Index),
        Replace(u64, prop::sample::Index),
    }

    fn step() -> impl Strategy<Value = Step> {
        let at = (0_u64..6, any::<prop::sample::Index>());
        prop_oneof![
            3 => (0_u64..6).prop_map(Step::Add),
            2 => at.clone().prop_map(|(pfn, which)| Step::Remove(pfn, which)),
            1 => at.prop_map(|(pfn, which)| Step::Replace(pfn, which)),
        ]
    }

    proptest! {
        /// The chains hold what lists would hold.
        #[test]
        fn chains_are_sets(steps in prop::collection::vec(step(), 1..200)) {
            let mut rmap = Rmap::default();
            let mut naive: BTreeMap<u64, Vec<PhysAddr>> = BTreeMap::new();
            for (number, step) in steps.into_iter().enumerate() {
                let fresh = PhysAddr(8 * number as u64);
                match step {
                    Step::Add(pfn) => {
                        rmap.add(Pfn(pfn), fresh);
                        naive.entry(pfn).or_default().push(fresh);
                    }
                    Step::Remove(pfn, which) => {
                        let slots = naive.entry(pfn).or_default();
                        if !slots.is_empty() {
                            let slot = slots.remove(which.index(slots.len()));
                            rmap.remove(Pfn(pfn), slot);
                        }
                    }
                    Step::Replace(pfn, which) => {
                        let slots = naive.entry(pfn).or_default();
                        if !slots.is_empty() {
                            let at = which.index(slots.len());
                            rmap.replace(Pfn(pfn), slots[at], fresh);
                            slots[at] = fresh;
                        }
                    }
                }
                for (pfn, slots) in &naive {
                    let mut chain: Vec<_> = rmap.slots(Pfn(*pfn)).collect();
                    let mut slots = slots.clone();
                    chain.sort_unstable();
                    slots.sort_unstable();
                    prop_assert_eq!(chain, slots);
                }
            }
        }
    }
}
