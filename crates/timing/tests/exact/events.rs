//! What happens to a core: accesses above all, to few pages often and to many seldom, and what software does in between.

use crate::processor::Drop;
use crate::random::SplitMix;
use crate::walk::{A, Ask, D, G, P, PS, RW, Registers, TOO_WIDE, US, XD};
use crate::world::{PCIDS, Page, Software, World};
use arch::AccessKind;

/// One event.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Event {
    Access(Ask),
    /// Software writes a paging entry.
    Edit {
        at: usize,
        value: u64,
    },
    Invalidate(Drop),
    /// CR3, CR0.WP, CR4.SMEP or CR4.SMAP change; by itself this invalidates nothing (MMU-208, MMU-210).
    Load(Registers),
}

/// Where events come from.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    random: SplitMix,
    /// The page of the last access.
    last: Page,
    /// What follows of itself: the invalidation after an edit or a CR3 write.
    next: Option<Event>,
    /// What an entry was before it was first edited.
    originals: std::collections::HashMap<usize, u64>,
}

impl Source {
    pub(crate) fn new(world: &World, random: SplitMix) -> Self {
        Self { random, last: world.pages[0][0], next: None, originals: std::collections::HashMap::new() }
    }

    /// The next event, in view of the memory and registers that the ones before have left.
    pub(crate) fn next(&mut self, world: &World, memory: &[u64], regs: &Registers) -> Event {
        if let Some(event) = self.next.take() {
            return event;
        }
        // Flushes of everything are seldom enough for a large second level to become full in between.
        match self.random.below(24_000) {
            0..600 => self.edit(world, memory),
            600..604 => self.swap(world, memory),
            604..930 => Event::Invalidate(Drop::Page(self.address(world))),
            930..990 => Event::Invalidate(Drop::Address(*self.random.pick(&PCIDS), self.address(world))),
            990..996 => Event::Invalidate(Drop::Context(*self.random.pick(&PCIDS))),
            996 => Event::Invalidate(Drop::NonGlobal),
            997 => Event::Invalidate(Drop::All),
            998..1170 => self.switch(world, regs),
            1170..1250 => self.control(regs),
            _ => Event::Access(self.ask(world)),
        }
    }

    fn ask(&mut self, world: &World) -> Ask {
        let la = self.address(world);
        let kind = match self.random.below(20) {
            0..11 => AccessKind::Read,
            11..16 => AccessKind::Write,
            _ => AccessKind::Fetch,
        };
        Ask { la, kind, user: self.last.user != self.random.once_in(25) }
    }

    /// An address in some page, which is then the last one.
    fn address(&mut self, world: &World) -> u64 {
        if !self.random.once_in(4) {
            self.last = self.page(world);
        }
        let page = self.last;
        let within = if self.random.once_in(4) {
            self.random.next()
        } else {
            (self.random.below(4) << 12) | (self.random.below(4) << 21) | self.random.below(4096)
        };
        page.la + within % (1 << page.bits)
    }

    fn page(&mut self, world: &World) -> Page {
        let size = match self.random.below(20) {
            0..14 => 0,
            14..18 => 1,
            _ => 2,
        };
        let (pages, hot) = (&world.pages[size], world.hot[size].min(world.pages[size].len()));
        let all = pages.len() as u64;
        match self.random.below(20) {
            0..10 => *self.random.pick(&pages[..hot]),
            10..15 => pages[(self.random.below(all) * self.random.below(all) / all) as usize],
            15..18 => pages[(self.random.below(all) / 32 * 32) as usize], // these crowd one set of a plain index
            _ => *self.random.pick(pages),
        }
    }

    /// Changes one bit of an entry on the way to a page, or takes the change back. INVLPG follows, or it is forgotten.
    fn edit(&mut self, world: &World, memory: &[u64]) -> Event {
        let la = self.address(world);
        let path = world.path(memory, self.random.below(3) as usize, la);
        let leaf = !self.random.once_in(10);
        let at = if leaf { path[path.len() - 1] } else { *self.random.pick(&path) };
        let first = *self.originals.entry(at).or_insert(memory[at]);
        let original = if (first ^ memory[at]) & PS == 0 { first } else { memory[at] }; // a swap changes sizes
        let value = match self.random.below(20) {
            0..10 => memory[at] & !self.random.pick(&[A, D, A | D]),
            10..15 => original,
            15 if !leaf => original ^ self.random.pick(&[P, RW, US, XD]),
            15..20 if leaf => original ^ self.random.pick(leaf_flips(world.software)),
            _ => memory[at] & !A,
        };
        if self.random.once_in(2) {
            self.next = Some(Event::Invalidate(Drop::Page(la)));
        }
        Event::Edit { at, value }
    }

    /// Makes a large page smaller ones, or smaller ones a large page.
    fn swap(&mut self, world: &World, memory: &[u64]) -> Event {
        let &(at, table) = self.random.pick(&world.swaps);
        let original = *self.originals.entry(at).or_insert(memory[at]);
        if world.software == Software::Careful || self.random.once_in(2) {
            self.next = Some(Event::Invalidate(Drop::All));
        }
        Event::Edit { at, value: if self.random.once_in(2) { original } else { table } }
    }

    /// Another process; bit 63 of CR3's source decides what that drops (MMU-208).
    fn switch(&mut self, world: &World, regs: &Registers) -> Event {
        let process = self.random.below(3) as usize;
        let pcid = PCIDS[process];
        if self.random.once_in(8) {
            self.next = Some(Event::Invalidate(Drop::Context(pcid)));
        }
        Event::Load(Registers { root: world.roots[process], pcid, ..*regs })
    }

    fn control(&mut self, regs: &Registers) -> Event {
        let [wp, smap] = [2, 4].map(|times| self.random.once_in(times));
        Event::Load(Registers { wp, smap, smep: regs.smep, ..*regs })
    }
}

/// What may change in a leaf.
const fn leaf_flips(software: Software) -> &'static [u64] {
    match software {
        Software::Careful => &[P, RW, RW, US, XD, TOO_WIDE],
        Software::Careless => &[P, RW, RW, US, XD, TOO_WIDE, G],
    }
}
