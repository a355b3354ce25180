//! Edits of the tables without any invalidation: what the MMU then gives is still what some processor could give.
//!
//! The naive lists say which answers are possible; the fast table alone, and in front of an architectural hierarchy, never
//! gives another. In front of one it also changes nothing of it: the hierarchy ends in the same state as without it.

#[allow(dead_code, reason = "the lists also serve the tests of the hierarchy itself")]
#[path = "../../paging/tests/tlb/naive.rs"]
mod naive;

use arch::{Access, AccessKind, ControlRegs, Cr0, Cr3, Cr4, LinearAddr, PageSize, Pcid, Pfn, PhysAddr, Privilege};
use naive::{Ask, Cpu, Naive, What};
use pagewalk_mmu::{Fault, MemFault, Mmu, SlotCount};
use paging::tlb::{
    Geometry, HierarchyConfig, Prefetch, Replacement, SecondLevel, SpuriousFaults, TableCacheConfig, TlbConfig,
    TlbHierarchy,
};
use paging::{HardwareModel, Invalidation, NoModel, PagingContext, PhysMem, TranslationCache, translate};
use physmem::{Bus, Ram};
use proptest::prelude::*;

const OPEN: u64 = 7;
const PS: u64 = 1 << 7;
const ROOT: u64 = 0x1000;
const PDPT: u64 = 0x2000;
const PD: u64 = 0x3000;
/// Two page tables for two PDEs.
const PT: u64 = 0x4000;
const RAM_BYTES: u64 = 4 << 20;
/// Frames of small pages, and of a 2 MiB page. Each holds its own number in every 8 bytes.
const SMALL: std::ops::Range<u64> = 0x10..0x18;
const LARGE: std::ops::Range<u64> = 0x200..0x400;
/// 1 and 17 share a slot in a table of 16.
const PAGES: [u64; 4] = [0, 1, 16, 17];

#[derive(Clone, Debug)]
enum Op {
    Access(Ask),
    /// A store into an entry, and whether its invalidation follows.
    SetPte(u64, u64, Then),
    SetPde(u64, u64, Then),
    Invlpg(u64),
    Registers {
        wp: bool,
        smap: bool,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Then {
    Nothing,
    Invalidate,
}

fn page() -> impl Strategy<Value = u64> {
    (0_u64..2, prop::sample::select(&PAGES)).prop_map(|(pd, pt)| pd << 21 | pt << 12)
}

fn flags() -> impl Strategy<Value = u64> {
    let bit = |likely: f64, bit: u32| prop::bool::weighted(likely).prop_map(move |b| u64::from(b) << bit);
    let bits = (bit(0.9, 0), bit(0.75, 1), bit(0.75, 2), bit(0.3, 5), bit(0.3, 6), bit(0.2, 8), bit(0.15, 63));
    bits.prop_map(|(p, rw, us, a, d, g, xd)| p | rw | us | a | d | g | xd)
}

fn pde() -> impl Strategy<Value = u64> {
    let table = (0_u64..2, flags()).prop_map(|(i, f)| (PT + (i << 12)) | f);
    prop_oneof![table, flags().prop_map(|f| LARGE.start << 12 | PS | f)]
}

fn op(then: &'static [Then]) -> impl Strategy<Value = Op> {
    let what = prop::sample::select(&[What::Read, What::Write, What::Fetch][..]);
    let ask = (page(), 0_u64..512, prop::bool::weighted(0.8), what).prop_map(|(page, word, user, what)| Ask {
        la: page | word << 3,
        user,
        what,
    });
    let then = move || prop::sample::select(then);
    let pte = (SMALL, flags()).prop_map(|(frame, flags)| frame << 12 | flags);
    prop_oneof![
        20 => ask.prop_map(Op::Access),
        6 => (page(), pte, then()).prop_map(|(la, entry, then)| Op::SetPte(la, entry, then)),
        3 => (0_u64..2, pde(), then()).prop_map(|(i, entry, then)| Op::SetPde(i, entry, then)),
        2 => page().prop_map(Op::Invlpg),
        1 => (any::<bool>(), any::<bool>()).prop_map(|(wp, smap)| Op::Registers { wp, smap }),
    ]
}

fn place_of_pte(la: u64) -> PhysAddr {
    PhysAddr(PT + (la >> 21 << 12) + (la >> 12 & 0x1ff) * 8)
}

fn registers(wp: bool, smap: bool) -> ControlRegs {
    let mut regs = ControlRegs::long_mode(Cr3(ROOT));
    regs.cr0.set(Cr0::WP, wp);
    regs.cr4.set(Cr4::SMAP, smap);
    regs
}

fn memory() -> Bus {
    let mut bus = Bus::new(Ram::new(RAM_BYTES).expect("4 MiB"));
    bus.store_entry(PhysAddr(ROOT), PDPT | OPEN);
    bus.store_entry(PhysAddr(PDPT), PD | OPEN);
    for i in 0..2 {
        bus.store_entry(PhysAddr(PD + i * 8), (PT + (i << 12)) | OPEN);
        for (n, page) in PAGES.iter().enumerate() {
            bus.store_entry(place_of_pte(i << 21 | page << 12), (SMALL.start + n as u64 + i) << 12 | OPEN);
        }
    }
    for frame in SMALL.chain(LARGE) {
        bus.write(Pfn(frame).base(), &frame.to_le_bytes().repeat(512));
    }
    bus
}

/// An MMU beside the lists.
struct Pair<H> {
    mmu: Mmu<H>,
    naive: Naive,
    cpu: Cpu,
}

impl<H: HardwareModel> Pair<H> {
    fn new(model: H, slots: SlotCount) -> Self {
        let mmu = Mmu::new(memory(), PagingContext::new(registers(true, true)), slots, model);
        let on = true;
        let cpu = Cpu { wp: on, smep: on, smap: on, pcid: 0, root: ROOT, accessed_on_fault: on, spurious: false };
        Self { mmu, naive: Naive::default(), cpu }
    }

    /// Carries out one operation; gives what is wrong with its answer.
    fn step(&mut self, op: &Op) -> Result<(), String> {
        match *op {
            Op::Access(ask) => return self.access(ask),
            Op::SetPte(la, entry, then) => {
                self.mmu.bus.store_entry(place_of_pte(la), entry);
                self.follow(then);
            }
            Op::SetPde(index, entry, then) => {
                self.mmu.bus.store_entry(PhysAddr(PD + index * 8), entry);
                self.follow(then);
            }
            Op::Invlpg(la) => {
                self.mmu.invlpg(LinearAddr(la));
                self.naive.invlpg(0, la);
            }
            Op::Registers { wp, smap } => {
                (self.cpu.wp, self.cpu.smap) = (wp, smap);
                self.mmu.load_control(registers(wp, smap));
                self.naive.context(0);
            }
        }
        Ok(())
    }

    /// Drops all after an edit, if it is to be, as a change of CR4.PGE to and fro does.
    fn follow(&mut self, then: Then) {
        if then == Then::Nothing {
            return;
        }
        let regs = registers(self.cpu.wp, self.cpu.smap);
        let mut without = regs;
        without.cr4.remove(Cr4::PGE);
        self.mmu.load_control(without);
        self.mmu.load_control(regs);
        self.naive.everything();
    }

    fn access(&mut self, ask: Ask) -> Result<(), String> {
        let entry = |bus: &Bus, pa| bus.load_entry(PhysAddr(pa));
        let possible = self.naive.possible(self.cpu, &|pa| entry(&self.mmu.bus, pa), ask);
        let listed = format!("{possible:x?}");
        let answer = self.frame(ask);
        let bus = &self.mmu.bus;
        let fits = |possible: &naive::Answer| possible.map(|(pa, _)| pa >> 12) == answer;
        match self.naive.answered(self.cpu, &|pa| entry(bus, pa), ask, possible, fits) {
            true => Ok(()),
            false => Err(format!("{ask:x?} gave {answer:x?}, not one of {listed}")),
        }
    }

    /// The frame that an access reaches, or the error code.
    fn frame(&mut self, ask: Ask) -> Result<u64, u32> {
        self.mmu.set_privilege(if ask.user { Privilege::User } else { Privilege::Supervisor });
        let la = LinearAddr(ask.la);
        let reached = match ask.what {
            What::Read => self.mmu.load::<u64>(la),
            What::Fetch => self.mmu.fetch_frame(la).map(|frame| frame.0),
            What::Write => self.mmu.store(la, u64::MAX).map(|()| self.marked(la.page_offset())),
        };
        reached.map_err(|Fault| match self.mmu.fault {
            MemFault::Page(fault) => fault.code.bits(),
            other => panic!("{other:?}"),
        })
    }

    /// The frame that has just been written at this offset; it gets its number back.
    fn marked(&mut self, offset: u64) -> u64 {
        let at = |frame: u64| PhysAddr(Pfn(frame).base().0 | offset);
        let written = |frame: &u64| self.mmu.bus.load_entry(at(*frame)) == u64::MAX;
        let frame = SMALL.chain(LARGE).find(written).expect("the store has reached a page");
        self.mmu.bus.write(at(frame), &frame.to_le_bytes());
        frame
    }
}

fn geometry() -> impl Strategy<Value = Geometry> {
    let policies = [
        Replacement::Lru,
        Replacement::TreePlru,
        Replacement::Nru,
        Replacement::Fifo,
        Replacement::Srrip,
        Replacement::Random { seed: 7 },
    ];
    let shape = (0_u32..3, 1_u32..5, prop::sample::select(policies.to_vec()));
    shape.prop_map(|(sets, ways, policy)| Geometry::new(1 << sets, ways).replacing(policy))
}

/// Loads and stores share the first level, or have one each.
fn hierarchy() -> impl Strategy<Value = HierarchyConfig> {
    let sizes = [PageSize::Size4K, PageSize::Size2M, PageSize::Size1G];
    let tlb = move || {
        let splinter = prop::sample::select(vec![None, Some(PageSize::Size4K)]);
        (geometry(), splinter).prop_map(move |(g, splinter)| TlbConfig { splinter, ..TlbConfig::unified(g, &sizes) })
    };
    let tables =
        prop::option::of(geometry()).prop_map(|g| TableCacheConfig { pml5e: None, pml4e: g, pdpte: g, pde: g });
    let all = (tlb(), tlb(), prop::option::of(tlb()), prop::option::of(tlb()), tables);
    all.prop_map(|(instruction, data, store, second, tables)| HierarchyConfig {
        instruction,
        data,
        store,
        second: second.map_or(SecondLevel::Absent, SecondLevel::Shared),
        tables,
        spurious_faults: SpuriousFaults::Never,
        // The lists know nothing of pages that were not asked for.
        prefetch: Prefetch::None,
    })
}

fn slots() -> impl Strategy<Value = SlotCount> {
    prop::sample::select(&[1_usize, 16, 1024][..]).prop_map(|n| SlotCount::new(n).expect("a power of two"))
}

const ANY: &[Then] = &[Then::Nothing, Then::Nothing, Then::Invalidate];
const ALWAYS: &[Then] = &[Then::Invalidate];

/// The hierarchy without a fast table in front.
struct Unfiltered {
    caches: TlbHierarchy,
    bus: Bus,
    regs: ControlRegs,
}

impl Unfiltered {
    fn step(&mut self, op: &Op) {
        match *op {
            Op::Access(ask) => self.access(ask),
            Op::SetPte(la, entry, _) => {
                self.bus.store_entry(place_of_pte(la), entry);
                self.caches.invalidate(Invalidation::All);
            }
            Op::SetPde(index, entry, _) => {
                self.bus.store_entry(PhysAddr(PD + index * 8), entry);
                self.caches.invalidate(Invalidation::All);
            }
            Op::Invlpg(la) => self.caches.invalidate(Invalidation::Page { la: LinearAddr(la), pcid: Pcid::default() }),
            Op::Registers { wp, smap } => {
                self.regs = registers(wp, smap);
                self.caches.invalidate(Invalidation::Context(Pcid::default()));
            }
        }
    }

    fn access(&mut self, ask: Ask) {
        let kind = match ask.what {
            What::Read => AccessKind::Read,
            What::Write => AccessKind::Write,
            What::Fetch => AccessKind::Fetch,
        };
        let access = Access::new(kind, if ask.user { Privilege::User } else { Privilege::Supervisor });
        let ctx = PagingContext::new(self.regs);
        let _ = translate(&mut self.caches, &mut self.bus, &ctx, LinearAddr(ask.la), access);
        while self.caches.displaced().is_some() {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_fast_table_gives_nothing_that_the_naive_lists_do_not(
        slots in slots(), ops in prop::collection::vec(op(ANY), 1..250),
    ) {
        let mut pair = Pair::new(NoModel, slots);
        for op in &ops {
            prop_assert_eq!(pair.step(op), Ok(()));
        }
    }

    #[test]
    fn neither_does_it_in_front_of_a_hierarchy(
        slots in slots(), config in hierarchy(), ops in prop::collection::vec(op(ANY), 1..250),
    ) {
        let mut pair = Pair::new(TlbHierarchy::new(&config).expect("a possible configuration"), slots);
        for op in &ops {
            prop_assert_eq!(pair.step(op), Ok(()));
        }
    }

    #[test]
    fn it_changes_nothing_of_the_hierarchy_behind_it(
        slots in slots(), config in hierarchy(), ops in prop::collection::vec(op(ALWAYS), 1..250),
    ) {
        let caches = || TlbHierarchy::new(&config).expect("a possible configuration");
        let mut pair = Pair::new(caches(), slots);
        let mut unfiltered = Unfiltered { caches: caches(), bus: memory(), regs: registers(true, true) };
        for op in &ops {
            prop_assert_eq!(pair.step(op), Ok(()));
            unfiltered.step(op);
            prop_assert_eq!(&pair.mmu.model, &unfiltered.caches, "{:x?}", op);
        }
    }
}
