//! A machine of nothing but frames, for tests of policies: pages are named by letters or numbers, and each use of a page that
//! is not there is a fault.

use super::*;
use std::collections::BTreeMap;

/// The name of a page's content.
pub(super) type Name = u32;

/// What the mock knows of a frame.
#[derive(Clone, Copy, Debug)]
struct Resident {
    name: Name,
    accessed: bool,
    last_use: RefTime,
}

/// Frames with pages in them, and the string of uses.
#[derive(Debug, Default)]
pub(super) struct Memory {
    string: Vec<Name>,
    now: usize,
    frames: BTreeMap<Pfn, Resident>,
}

impl Pages for Memory {
    fn referenced(&mut self, page: Pfn) -> u32 {
        let resident = self.frames.get_mut(&page).expect("policies ask only for pages in their lists");
        u32::from(std::mem::take(&mut resident.accessed))
    }

    fn is_executable(&self, page: Pfn) -> bool {
        self.frames[&page].name % 8 == 7
    }

    fn now(&self) -> RefTime {
        RefTime(self.now as u64)
    }

    fn last_use(&self, page: Pfn) -> RefTime {
        self.frames[&page].last_use
    }

    fn next_use(&self, page: Pfn) -> Option<RefTime> {
        let name = self.frames[&page].name;
        let ahead = self.string[self.now..].iter().position(|&used| used == name)?;
        Some(RefTime((self.now + ahead) as u64))
    }
}

/// Pages with odd numbers are of files.
pub(super) const fn kind_of(name: Name) -> PageKind {
    if name % 2 == 1 { PageKind::File } else { PageKind::Anon }
}

/// A memory under a policy.
pub(super) struct Simulator {
    pub(super) policy: Box<dyn Policy>,
    pub(super) memory: Memory,
    capacity: usize,
    free: Vec<Pfn>,
    shadows: BTreeMap<Name, Shadow>,
    kind: fn(Name) -> PageKind,
    pub(super) faults: usize,
}

impl Simulator {
    /// So many frames, and a string of uses to come.
    pub(super) fn new(name: PolicyName, capacity: usize, string: &[Name], kind: fn(Name) -> PageKind) -> Self {
        let config = PolicyConfig { frames: capacity as u64, seed: 1, swappiness: Swappiness::default() };
        Self {
            policy: build(name, config),
            memory: Memory { string: string.to_vec(), ..Memory::default() },
            capacity,
            free: (1..=capacity as u64).map(|frame| Pfn(1000 * frame)).rev().collect(),
            shadows: BTreeMap::new(),
            kind,
            faults: 0,
        }
    }

    /// The frame that holds a page.
    pub(super) fn frame_of(&self, name: Name) -> Option<Pfn> {
        self.memory.frames.iter().find(|(_, resident)| resident.name == name).map(|(&pfn, _)| pfn)
    }

    /// The names of the resident pages, sorted.
    pub(super) fn resident(&self) -> Vec<Name> {
        let mut names: Vec<Name> = self.memory.frames.values().map(|resident| resident.name).collect();
        names.sort_unstable();
        names
    }

    /// Evicts a page; what it was.
    pub(super) fn evict(&mut self, from: Candidates) -> Option<Name> {
        let victim = self.policy.select(&mut self.memory, from)?;
        let resident = self.memory.frames.remove(&victim).expect("a victim was inserted and not removed");
        let kind = (self.kind)(resident.name);
        assert!(from.include(kind), "{} may not be chosen", resident.name);
        let departure = if kind == PageKind::Anon { Departure::Written } else { Departure::Dropped };
        let shadow = self.policy.evicted(victim, kind, departure);
        self.shadows.insert(resident.name, shadow);
        self.free.push(victim);
        Some(resident.name)
    }

    /// A page is unmapped.
    pub(super) fn free(&mut self, name: Name) {
        let Some(pfn) = self.frame_of(name) else { return };
        self.policy.remove(pfn);
        self.memory.frames.remove(&pfn);
        self.free.push(pfn);
    }

    /// Uses the next page of the string; the page that went for it.
    pub(super) fn step(&mut self) -> Option<Name> {
        let name = self.memory.string[self.memory.now];
        let mut evicted = None;
        if self.frame_of(name).is_none() {
            self.faults += 1;
            if self.memory.frames.len() == self.capacity {
                evicted = Some(self.evict(Candidates::All).expect("some page can always go"));
            }
            let pfn = self.free.pop().expect("there is a free frame");
            let resident = Resident { name, accessed: false, last_use: self.memory.now() };
            self.memory.frames.insert(pfn, resident);
            self.policy.insert(pfn, (self.kind)(name), Arrival::Fault, self.shadows.remove(&name));
        }
        self.memory.now += 1;
        let now = self.memory.now();
        let used = self.memory.frames.values_mut().find(|resident| resident.name == name);
        let used = used.expect("the page is there");
        (used.accessed, used.last_use) = (true, now);
        evicted
    }
}

/// Faults of a string of pages of one kind.
pub(super) fn faults(name: PolicyName, capacity: usize, string: &[Name], kind: fn(Name) -> PageKind) -> usize {
    let mut simulator = Simulator::new(name, capacity, string, kind);
    (0..string.len()).for_each(|_| {
        simulator.step();
    });
    simulator.faults
}
