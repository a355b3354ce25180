//! The fast table in front of a model never shows: an MMU that asks the model only for what that table has not gives the same
//! answers, counts and caches as one that asks for every access.
//!
//! Software has to be careful for that. Where two translations of one address are held, of which either may be used (MMU-187), a
//! slot stands for the one that was found when it was filled, though another may have come since that a look-up would find first.

use crate::events::{Event, Source};
use crate::pair::context;
use crate::processor::Drop;
use crate::random::SplitMix;
use crate::walk::{Ask, Registers};
use crate::world::{Frames, PCIDS, Software, World};
use crate::{COMPARE_EVERY, event_count, shapes};
use arch::{AccessKind, LinearAddr, PhysAddr, Privilege};
use mmu::{MemFault, Mmu, SlotCount};
use pagewalk_timing::{Counting, EveryLookup, Filtered};
use paging::control::InvpcidDescriptor;
use paging::tlb::{HierarchyConfig, Replacement};
use paging::{HardwareModel, PhysMem};
use physmem::{Bus, Ram};

/// Tables below 1 GiB, pages above: of 4 KiB few, since they are written.
const FRAMES: Frames = Frames { first: [1 << 30, 3 << 29, 2 << 30], count: [4096, 256, 2] };
const RAM_BYTES: u64 = 4 << 30;
/// Bit 63 of CR3's source: nothing is to be dropped (MMU-208).
const NO_FLUSH: u64 = 1 << 63;

/// One kind of MMU.
struct Core<T> {
    mmu: Mmu<Counting<T>>,
}

impl<T> Core<T>
where
    Counting<T>: HardwareModel,
{
    fn new(model: Counting<T>, world: &World, regs: &Registers, slots: usize) -> Self {
        let mut bus = Bus::new(Ram::new(RAM_BYTES).expect("4 GiB that hardly any of is used"));
        let entries = world.memory.iter().enumerate().filter(|(_, entry)| **entry != 0);
        entries.for_each(|(at, &entry)| bus.store_entry(PhysAddr(at as u64 * 8), entry));
        Self { mmu: Mmu::new(bus, context(regs), SlotCount::new(slots).expect("a power of two"), model) }
    }

    /// Carries an event out; gives what can be seen of it. `was` are the registers before.
    fn happen(&mut self, event: Event, was: &Registers) -> Result<u64, MemFault> {
        match event {
            Event::Access(ask) => return self.access(ask),
            Event::Edit { at, value } => self.mmu.bus.store_entry(PhysAddr(at as u64 * 8), value),
            Event::Invalidate(what) => self.invalidate(what, was),
            Event::Load(regs) => self.load(&regs, was),
        }
        Ok(0)
    }

    fn access(&mut self, ask: Ask) -> Result<u64, MemFault> {
        let la = LinearAddr(ask.la);
        self.mmu.set_privilege(if ask.user { Privilege::User } else { Privilege::Supervisor });
        let result = match ask.kind {
            AccessKind::Read => self.mmu.load::<u64>(la),
            AccessKind::Write if ask.la & 1 == 1 => self.mmu.load_for_write::<u64>(la),
            AccessKind::Write => self.mmu.store(la, ask.la).map(|()| 0),
            AccessKind::Fetch => self.mmu.fetch_frame(la).map(|frame| frame.0),
        };
        result.map_err(|_| self.mmu.fault)
    }

    fn invalidate(&mut self, what: Drop, regs: &Registers) {
        let address = |pcid: u16, la| InvpcidDescriptor { pcid: u64::from(pcid), la: LinearAddr(la) };
        let (kind, descriptor) = match what {
            Drop::Page(la) => return self.mmu.invlpg(LinearAddr(la)),
            Drop::Context(pcid) if pcid == regs.pcid => {
                return self.mmu.write_cr3(regs.root | u64::from(pcid)).expect("CR3 is sound");
            }
            Drop::Address(pcid, la) => (0, address(pcid, la)),
            Drop::Context(pcid) => (1, address(pcid, 0)),
            Drop::All => (2, address(0, 0)),
            Drop::NonGlobal => (3, address(0, 0)),
        };
        self.mmu.invpcid(kind, descriptor).expect("the descriptor is sound");
    }

    fn load(&mut self, regs: &Registers, was: &Registers) {
        let control = context(regs).regs;
        if regs.root != was.root {
            self.mmu.write_cr3(control.cr3.0 | NO_FLUSH).expect("CR3 is sound");
        }
        self.mmu.write_cr0(control.cr0.bits()).expect("CR0 is sound");
        self.mmu.write_cr4(control.cr4.bits()).expect("CR4 is sound");
    }
}

/// What happens, in a form that gives a fast table something to do: who makes the accesses changes seldom, as that empties it, and
/// few accesses cross a page.
struct Script {
    source: Source,
    random: SplitMix,
    user: bool,
    /// The tables, as far as software has written them.
    memory: Vec<u64>,
}

impl Script {
    fn next(&mut self, world: &World, regs: &Registers) -> Event {
        loop {
            match self.source.next(world, &self.memory, regs) {
                Event::Access(ask) if ask.user != self.user && !self.random.once_in(20) => {}
                Event::Access(ask) => {
                    self.user = ask.user;
                    let crosses = ask.la % 4096 > 4088 && !self.random.once_in(8);
                    return Event::Access(Ask { la: if crosses { ask.la - 8 } else { ask.la }, ..ask });
                }
                Event::Edit { at, value } => {
                    self.memory[at] = value;
                    return Event::Edit { at, value };
                }
                event => return event,
            }
        }
    }
}

/// Lets the same happen to both. Gives how many loads the fast table has answered.
fn check(name: &str, config: &HierarchyConfig, seed: u64, slots: usize, events: u64) -> u64 {
    let mut random = SplitMix(seed);
    let world = World::new(config, 4, FRAMES, Software::Careful, &mut random);
    let (root, pcid) = (world.roots[0], PCIDS[0]);
    let mut regs =
        Registers { root, pcid, levels: 4, wp: true, smep: true, smap: false, accessed_on_fault: random.once_in(2) };
    let model = "a possible configuration";
    let mut filtered = Core::new(Counting::<Filtered>::new(config).expect(model), &world, &regs, slots);
    let mut every = Core::new(Counting::<EveryLookup>::new(config).expect(model), &world, &regs, slots);
    let (source, memory) = (Source::new(&world, SplitMix(random.next())), world.memory.clone());
    let mut script = Script { source, random, user: true, memory };
    let mut answered = 0;
    for number in 1..=events {
        let event = script.next(&world, &regs);
        if let Event::Access(ask) = event {
            let hit = ask.kind == AccessKind::Read && filtered.mmu.load_hit::<u64>(LinearAddr(ask.la)).is_some();
            answered += u64::from(hit);
        }
        let results = [filtered.happen(event, &regs), every.happen(event, &regs)];
        if let Event::Load(loaded) = event {
            regs = loaded;
        }
        let at = || format!("{name}, seed {seed:#x}, {slots} slots, event {number}, {event:x?}");
        assert_eq!(results[0], results[1], "{}", at());
        assert_eq!(filtered.mmu.model.counters(), every.mmu.model.counters(), "{}", at());
        if number % COMPARE_EVERY == 0 || number == events {
            assert!(filtered.mmu.model.caches() == every.mmu.model.caches(), "{}: the caches differ", at());
        }
    }
    answered
}

fn check_presets(policy: Option<Replacement>) {
    for (i, (name, config)) in shapes::presets().into_iter().enumerate() {
        let config = policy.map_or(config.clone(), |policy| shapes::replacing(config, policy));
        let name = format!("{name} {policy:?}");
        let answered = check(&name, &config, i as u64, [1024, 16][i % 2], event_count() / 2);
        assert!(answered * 100 > event_count(), "{name}: the table has answered only {answered} loads");
    }
}

#[test]
fn filtered_presets_as_they_are() {
    check_presets(None);
}

#[test]
fn filtered_presets_with_each_policy() {
    shapes::POLICIES.into_iter().for_each(|policy| check_presets(Some(policy)));
}

/// Small shapes of any form. What they hold is seldom settled for long, so that the fast table has little to say.
#[test]
fn filtered_small_caches() {
    let answered = |seed| {
        let config = shapes::any(&mut SplitMix(seed));
        check(&format!("{config:?}"), &config, seed, 64, event_count() / 4)
    };
    let answered: u64 = (1..=100).map(answered).sum();
    assert!(answered > event_count() / 4, "the table has answered only {answered} loads");
}
