//! Random edits, invalidations, register writes and accesses, over many shapes of the caches: every answer is one that the
//! naive lists allow, and with an invalidation before each access it is that of a plain walk.

use crate::naive::{self, Ask, Cpu, Naive, What};
use crate::world::*;
use arch::{Access, AccessKind, Cr0, Cr4, LinearAddr, PageSize, Pcid, PhysAddr, Privilege};
use paging::tlb::{
    Flush, Geometry, HierarchyConfig, Indexing, Prefetch, Replacement, SecondLevel, SpuriousFaults, TableCacheConfig,
    TlbConfig,
};
use paging::{AccessedOnFault, PhysMem};
use proptest::prelude::*;

/// Two tables of each level; the low one of level 4 is at 0x1_0000.
const fn table(level: u64, which: u64) -> u64 {
    0x1_0000 * (5 - level) + 0x1000 * which
}

/// An address whose indices are 0 or 1 at every level, so that tables and slots are shared.
fn address() -> impl Strategy<Value = u64> {
    (0_u64..2, 0_u64..2, 0_u64..2, 0_u64..3, prop_oneof![Just(0), 0_u64..4096])
        .prop_map(|(a, b, c, d, offset)| a << 39 | b << 30 | c << 21 | d << 12 | offset)
}

/// An entry of a level: a table below or a page, mostly present and open.
fn entry(level: u64) -> impl Strategy<Value = u64> {
    let bit = |likely: f64, bit: u32| prop::bool::weighted(likely).prop_map(move |b| u64::from(b) << bit);
    let bits =
        (bit(0.9, 0), bit(0.75, 1), bit(0.75, 2), bit(0.3, 5), bit(0.3, 6), bit(0.3, 8), bit(0.1, 63), bit(0.03, 51));
    let flags = bits.prop_map(|(p, rw, us, a, d, g, xd, reserved)| p | rw | us | a | d | g | xd | reserved);
    let target = prop_oneof![
        4 => (0_u64..2).prop_map(move |which| if level > 1 { table(level - 1, which) } else { (0x50 + which) << 12 }),
        1 => (0_u64..2).prop_map(move |which| match level {
            1 => (0x60 + which) << 12,
            2 => PS | which << 21 | 1 << 32,
            3 => PS | which << 30 | 1 << 33,
            _ => table(3, which),
        }),
    ];
    (target, flags).prop_map(|(target, flags)| target | flags)
}

/// What happens to a core.
#[derive(Clone, Debug)]
enum Op {
    Access(Ask),
    Edit {
        level: u64,
        which: u64,
        index: u64,
        value: u64,
    },
    Invlpg(u64),
    InvpcidAddress(u16, u64),
    InvpcidContext(u16),
    InvpcidAllButGlobal,
    Everything,
    /// MOV to CR3: root, PCID, and whether bit 63 keeps what is cached.
    Cr3 {
        root: u64,
        pcid: u16,
        keep: bool,
    },
    Smep(bool),
    Smap(bool),
    Wp(bool),
}

fn ask() -> impl Strategy<Value = Ask> {
    let what = prop_oneof![4 => Just(What::Read), 3 => Just(What::Write), 2 => Just(What::Fetch)];
    (address(), prop::bool::weighted(0.7), what).prop_map(|(la, user, what)| Ask { la, user, what })
}

fn op() -> impl Strategy<Value = Op> {
    let edit = (1_u64..5, 0_u64..2, 0_u64..3).prop_flat_map(|(level, which, index)| {
        entry(level).prop_map(move |value| Op::Edit { level, which, index, value })
    });
    let cr3 = (0_u64..2, 1_u16..3, any::<bool>());
    prop_oneof![
        24 => ask().prop_map(Op::Access),
        10 => edit,
        2 => address().prop_map(Op::Invlpg),
        1 => (1_u16..3, address()).prop_map(|(pcid, la)| Op::InvpcidAddress(pcid, la)),
        1 => (1_u16..3).prop_map(Op::InvpcidContext),
        1 => Just(Op::InvpcidAllButGlobal),
        1 => Just(Op::Everything),
        2 => cr3.prop_map(|(root, pcid, keep)| Op::Cr3 { root: table(4, root), pcid, keep }),
        1 => any::<bool>().prop_map(Op::Smep),
        1 => any::<bool>().prop_map(Op::Smap),
        1 => any::<bool>().prop_map(Op::Wp),
    ]
}

fn geometry() -> impl Strategy<Value = Geometry> {
    let policy = prop_oneof![
        Just(Replacement::Lru),
        Just(Replacement::TreePlru),
        Just(Replacement::Nru),
        Just(Replacement::Fifo),
        Just(Replacement::Srrip),
        any::<u64>().prop_map(|seed| Replacement::Random { seed }),
    ];
    let index = prop_oneof![Just(Indexing::Plain), Just(Indexing::Hashed)];
    (0_u32..4, 1_u32..8, index, policy)
        .prop_map(|(sets, ways, index, policy)| Geometry::new(1 << sets, ways).indexed(index).replacing(policy))
}

fn tlb() -> impl Strategy<Value = TlbConfig> {
    let unified = geometry().prop_map(|g| TlbConfig::unified(g, &SIZES));
    let split = (geometry(), geometry(), geometry())
        .prop_map(|(a, b, c)| TlbConfig::split(&[(a, SIZES[0]), (b, SIZES[1]), (c, SIZES[2])]));
    let small = geometry().prop_map(|g| TlbConfig::unified(g, &SIZES[..1]));
    let splinter = prop_oneof![Just(None), Just(Some(PageSize::Size4K)), Just(Some(PageSize::Size2M))];
    (prop_oneof![unified, split, small], splinter).prop_map(|(tlb, splinter)| TlbConfig { splinter, ..tlb })
}

fn config() -> impl Strategy<Value = HierarchyConfig> {
    let maybe = || prop::option::weighted(0.8, geometry());
    let second = prop_oneof![
        Just(SecondLevel::Absent),
        tlb().prop_map(SecondLevel::Shared),
        (tlb(), tlb()).prop_map(|(instruction, data)| SecondLevel::Split { instruction, data }),
    ];
    let tables =
        (maybe(), maybe(), maybe()).prop_map(|(pml4e, pdpte, pde)| TableCacheConfig { pml5e: None, pml4e, pdpte, pde });
    let spurious = prop_oneof![Just(SpuriousFaults::Never), Just(SpuriousFaults::Allowed)];
    (tlb(), tlb(), prop::option::of(tlb()), second, tables, spurious).prop_map(
        |(instruction, data, store, second, tables, spurious_faults)| HierarchyConfig {
            instruction,
            data,
            store,
            second,
            tables,
            spurious_faults,
            prefetch: Prefetch::None,
        },
    )
}

/// Also with pages that were not asked for: what they may bring before an edit, the lists do not know.
fn prefetching() -> impl Strategy<Value = HierarchyConfig> {
    let prefetch = prop_oneof![Just(Prefetch::None), Just(Prefetch::NextPage)];
    (config(), prefetch).prop_map(|(config, prefetch)| HierarchyConfig { prefetch, ..config })
}

/// The caches under test beside the lists.
struct Pair {
    world: World,
    naive: Naive,
    cpu: Cpu,
}

impl Pair {
    fn new(config: &HierarchyConfig, on_fault: AccessedOnFault) -> Self {
        let mut world = World::new(config);
        for level in 1..5 {
            for (which, index) in [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2)] {
                let target = if level > 1 { table(level - 1, index & 1) } else { (0x50 + index + which * 4) << 12 };
                world.mem.0.insert(table(level, which) + index * 8, target | OPEN);
            }
        }
        world.ctx.accessed_on_fault = on_fault;
        let cpu = Cpu {
            wp: true,
            smep: true,
            smap: true,
            pcid: 1,
            root: table(4, 0),
            accessed_on_fault: on_fault == AccessedOnFault::AsTraversed,
            spurious: config.spurious_faults == SpuriousFaults::Allowed,
        };
        let mut pair = Self { world, naive: Naive::default(), cpu };
        pair.load_registers();
        pair
    }

    fn load_registers(&mut self) {
        let regs = &mut self.world.ctx.regs;
        *regs = registers(self.cpu.root, self.cpu.pcid);
        regs.cr0.set(Cr0::WP, self.cpu.wp);
        regs.cr4.set(Cr4::SMEP, self.cpu.smep);
        regs.cr4.set(Cr4::SMAP, self.cpu.smap);
    }

    fn current(&self) -> Pcid {
        Pcid::of_word(self.cpu.pcid.into())
    }

    fn flush(&mut self, what: Flush) {
        self.world.model.caches.flush(what);
    }

    /// Carries out all but accesses.
    fn change(&mut self, op: &Op) {
        match *op {
            Op::Access(_) => unreachable!("accesses are judged"),
            Op::Edit { level, which, index, value } => {
                self.world.mem.0.insert(table(level, which) + index * 8, value);
            }
            Op::Invlpg(la) => {
                self.flush(Flush::Page { pcid: self.current(), la: LinearAddr(la) });
                self.naive.invlpg(self.cpu.pcid, la);
            }
            Op::InvpcidAddress(pcid, la) => {
                self.flush(Flush::Address { pcid: Pcid::of_word(pcid.into()), la: LinearAddr(la) });
                self.naive.invpcid_address(pcid, la);
            }
            Op::InvpcidContext(pcid) => {
                self.flush(Flush::Context(Pcid::of_word(pcid.into())));
                self.naive.context(pcid);
            }
            Op::InvpcidAllButGlobal => {
                self.flush(Flush::NonGlobal);
                self.naive.all_but_global();
            }
            Op::Everything => {
                self.flush(Flush::All);
                self.naive.everything();
            }
            Op::Cr3 { root, pcid, keep } => {
                (self.cpu.root, self.cpu.pcid) = (root, pcid);
                if !keep {
                    self.flush(Flush::Context(Pcid::of_word(pcid.into())));
                    self.naive.context(pcid);
                }
            }
            Op::Smep(on) => {
                if on && !self.cpu.smep {
                    self.flush(Flush::ContextAndGlobal(self.current()));
                    self.naive.context_and_global(self.cpu.pcid);
                }
                self.cpu.smep = on;
            }
            Op::Smap(on) => self.cpu.smap = on,
            Op::Wp(on) => self.cpu.wp = on,
        }
        self.load_registers();
    }

    /// Makes the access; gives what is wrong with its answer.
    fn access(&mut self, ask: Ask) -> Result<(), String> {
        let before = self.world.mem.clone();
        let old = |pa| before.load_entry(PhysAddr(pa));
        let possible = self.naive.possible(self.cpu, &old, ask);
        let may_set = self.naive.may_set(self.cpu, &old, ask);
        let answer = self.answer(ask);
        for (&pa, &value) in &self.world.mem.0 {
            let may = may_set.iter().filter(|s| s.0 == pa).fold(0, |bits, s| bits | s.1);
            if (value ^ old(pa)) & !may != 0 {
                return Err(format!("{pa:#x} went from {:#x} to {value:#x}", old(pa)));
            }
        }
        let listed = format!("{possible:x?}");
        let new = |pa| self.world.mem.load_entry(PhysAddr(pa));
        if self.naive.answered(self.cpu, &new, ask, possible, |a| *a == answer) {
            Ok(())
        } else {
            Err(format!("{ask:x?} gave {answer:x?}, not one of {listed}"))
        }
    }

    fn answer(&mut self, ask: Ask) -> naive::Answer {
        let kind = match ask.what {
            What::Read => AccessKind::Read,
            What::Write => AccessKind::Write,
            What::Fetch => AccessKind::Fetch,
        };
        let privilege = if ask.user { Privilege::User } else { Privilege::Supervisor };
        let rights = |t: paging::Translation| naive::Rights {
            writable: t.rights.writable,
            user: t.rights.user,
            no_execute: t.rights.no_execute,
        };
        let result = self.world.access(ask.la, Access::new(kind, privilege));
        result.map(|t| (t.frame.base().0, rights(t))).map_err(|f| f.code.bits())
    }

    /// What a plain walk gives, and the memory that it leaves.
    fn plain(&self, ask: Ask) -> (naive::Answer, Mem) {
        let mut mem = self.world.mem.clone();
        let (answer, sets) = naive::plain(self.cpu, &|pa| mem.load_entry(PhysAddr(pa)), ask);
        for (pa, bits) in sets {
            *mem.0.entry(pa).or_default() |= bits;
        }
        (answer, mem)
    }
}

fn on_fault() -> impl Strategy<Value = AccessedOnFault> {
    prop_oneof![Just(AccessedOnFault::AsTraversed), Just(AccessedOnFault::OnSuccessOnly)]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 384, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_answer_is_one_that_the_naive_lists_allow(
        config in config(), on_fault in on_fault(), ops in prop::collection::vec(op(), 1..250),
    ) {
        let mut pair = Pair::new(&config, on_fault);
        for op in &ops {
            match op {
                Op::Access(ask) => prop_assert_eq!(pair.access(*ask), Ok(())),
                other => pair.change(other),
            }
        }
    }

    #[test]
    fn with_an_invalidation_before_each_access_it_is_a_plain_walk(
        config in prefetching(), on_fault in on_fault(), ops in prop::collection::vec(op(), 1..250), all in any::<bool>(),
    ) {
        let mut pair = Pair::new(&config, on_fault);
        for op in &ops {
            let Op::Access(ask) = op else { pair.change(op); continue };
            pair.change(&if all { Op::Everything } else { Op::Invlpg(ask.la) });
            let (answer, memory) = pair.plain(*ask);
            prop_assert_eq!(pair.answer(*ask), answer);
            prop_assert_eq!(&pair.world.mem.0, &memory.0);
        }
    }

    #[test]
    fn the_same_access_again_changes_nothing(
        config in prefetching(), ops in prop::collection::vec(op(), 1..250),
    ) {
        let mut pair = Pair::new(&config, AccessedOnFault::AsTraversed);
        for op in &ops {
            let Op::Access(ask) = op else { pair.change(op); continue };
            let holds_all = config.instruction.holds_all() && config.data.holds_all()
                && config.store.as_ref().is_none_or(TlbExt::holds_all);
            if pair.answer(*ask).is_ok() && holds_all {
                pair.drain();
                let caches = pair.world.model.caches.clone();
                prop_assert!(pair.answer(*ask).is_ok());
                prop_assert_eq!(&pair.world.model.caches, &caches);
                prop_assert_eq!(pair.world.walked(), 0);
            }
        }
    }
}

impl Pair {
    /// Takes the displaced pages, as the table in front would.
    fn drain(&mut self) {
        while paging::TranslationCache::displaced(&mut self.world.model).is_some() {}
    }
}

/// Whether a first level has room for pages of every size.
trait TlbExt {
    fn holds_all(&self) -> bool;
}

impl TlbExt for TlbConfig {
    fn holds_all(&self) -> bool {
        let holds = |size: PageSize| {
            let piece = self.splinter.map_or(size, |limit| size.min(limit));
            self.arrays.iter().any(|a| a.sizes.contains(&piece))
        };
        SIZES.into_iter().all(holds)
    }
}
