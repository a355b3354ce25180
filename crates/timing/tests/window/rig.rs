//! A core with a window, and no program: a test says which instructions it executes.

use arch::{ControlRegs, Cr3, FRAME_SIZE, InstrClass, InstrInfo, LinearAddr, Ordering, Pfn, PhysAddr, RegSet};
use mmu::{Mmu, SlotCount};
use pagewalk_timing::config::HardwareFile;
use pagewalk_timing::ledger::{Cause, Charges};
use pagewalk_timing::{Clocked, Cycles, OutOfOrder, Side, Span, Timeline, WalkTime, Walks};
use paging::{BlockId, HardwareModel, PagingContext, PhysMem};
use physmem::{Bus, Ram};

/// Page n of the data begins here, and so does what it holds in memory, 4 MiB on.
const DATA: u64 = 0x40_0000;
const FRAMES: u64 = 1024;
pub(crate) const PAGES: u64 = 512;
/// The page that instructions are in.
const CODE: u64 = 0x7000_0000;

/// An instruction, and what it accesses.
#[derive(Clone, Copy)]
pub(crate) enum Step {
    /// It computes in this unit: from one register, into one.
    Compute(InstrClass, u8, u8),
    /// It loads 8 bytes: at an address that comes from one register, into one.
    Load(u64, u8, u8),
    /// It stores 8 bytes from a register.
    Store(u64, u8),
    /// It is a branch that depends on a register.
    Branch(u8),
    /// It waits for all before it, and those behind it wait for it.
    Fence,
}

/// A place in a page. Places of different pages lie in different sets of the data cache.
pub(crate) const fn page(n: u64) -> u64 {
    DATA + n * FRAME_SIZE + n % 16 * 64
}

/// A register that nothing writes.
pub(crate) const FREE: u8 = 15;

pub(crate) struct Rig {
    core: Mmu<OutOfOrder>,
}

impl Rig {
    /// The processor `classroom`, with these keys set. All pages of data are mapped; A and D are set.
    pub(crate) fn new(set: &[&str]) -> Self {
        let mut file = HardwareFile::open("classroom").expect("a preset");
        set.iter().for_each(|text| file.set(&text.parse().expect("a setting")).expect("a key"));
        let model = OutOfOrder::new(&file.config().expect("a processor")).expect("a processor");
        let mut bus = Bus::new(Ram::new(16 << 20).expect("the host has memory"));
        for (at, entry) in [(0x1000, 0x2000), (0x2000, 0x3000), (0x3010, 0x4000), (0x3018, 0x5000)] {
            bus.store_entry(PhysAddr(at), entry | 0x67);
        }
        for page in 0..PAGES {
            bus.store_entry(PhysAddr(0x4000 + 8 * page), Pfn(FRAMES + page).base().0 | 0x67);
        }
        let ctx = PagingContext::new(ControlRegs::long_mode(Cr3(FRAME_SIZE)));
        Self { core: Mmu::new(bus, ctx, SlotCount::default(), model) }
    }

    /// Executes a block of instructions, which lies this far in its page.
    pub(crate) fn execute_at(&mut self, offset: u16, steps: &[Step]) {
        let infos: Vec<_> = steps.iter().enumerate().map(|(n, step)| step.info(offset + 2 * n as u16)).collect();
        let block = BlockId(u32::from(offset) + 1);
        self.core.model.block(block, PhysAddr(0x9000), &infos);
        self.core.model.enter(block, LinearAddr(CODE + u64::from(offset)));
        for (n, step) in steps.iter().enumerate() {
            self.core.model.instruction(n as u16);
            let done = match *step {
                Step::Load(la, ..) => self.core.load::<u64>(LinearAddr(la)).map(drop),
                Step::Store(la, _) => self.core.store(LinearAddr(la), 0_u64),
                Step::Compute(..) | Step::Branch(_) | Step::Fence => Ok(()),
            };
            done.expect("mapped");
        }
    }

    pub(crate) fn execute(&mut self, steps: &[Step]) {
        self.execute_at(0, steps);
    }

    /// Cycles so far.
    pub(crate) fn now(&mut self) -> u64 {
        self.core.model.finish().0.0
    }

    /// Cycles so far that are exposed.
    pub(crate) fn exposed(&mut self) -> u64 {
        let (all, ledger) = self.core.model.finish();
        (all - ledger.perfect()).0
    }

    /// Cycles so far that walkers were busy: all together, and at least one.
    pub(crate) fn walkers_busy(&mut self) -> (u64, u64) {
        self.core.model.finish();
        let WalkTime { pending, active } = self.core.model.walk_time(Walks::All);
        (pending.0, active.0)
    }

    /// Cycles so far that walkers were busy: with all walks, and with those of loads, stores and fetches.
    pub(crate) fn walk_times(&mut self) -> [Cycles; 4] {
        self.core.model.finish();
        let [load, store, fetch] = Side::ALL.map(Walks::Of);
        [Walks::All, load, store, fetch].map(|of| self.core.model.walk_time(of).pending)
    }

    /// Notes from now on when walks are.
    pub(crate) fn keep_timeline(&mut self) {
        self.core.model.keep_timeline(Timeline::new(usize::MAX));
    }

    /// When walks were, in the order of the program.
    pub(crate) fn walks(&self) -> Vec<Span> {
        let timeline = self.core.model.timeline().expect("it is kept");
        timeline.walks().iter().map(|walk| walk.span).collect()
    }

    pub(crate) fn total(&mut self) -> Charges {
        self.core.model.finish().1.total()
    }

    pub(crate) fn spent_on(&mut self, cause: Cause) -> Cycles {
        self.total().sum_of(|held| held == cause)
    }

    /// What one more time costs in the steady state, and what of that is exposed: the mean of 64, behind 64.
    pub(crate) fn steady(&mut self, steps: &[Step]) -> (f64, f64) {
        (0..64).for_each(|_| self.execute(steps));
        let before = (self.now(), self.exposed());
        (0..64).for_each(|_| self.execute(steps));
        let mean = |from, to| (to - from) as f64 / 64.0;
        (mean(before.0, self.now()), mean(before.1, self.exposed()))
    }
}

impl Step {
    fn info(&self, page_offset: u16) -> InstrInfo {
        let known = InstrInfo { page_offset, length: 2, ..InstrInfo::default() };
        match *self {
            Self::Compute(class, from, to) => {
                InstrInfo { class, reads: RegSet::general(from), writes: RegSet::general(to), ..known }
            }
            Self::Load(_, from, to) => InstrInfo {
                class: InstrClass::Move,
                loads: 1,
                address: RegSet::general(from),
                writes: RegSet::general(to),
                ..known
            },
            Self::Store(_, from) => {
                InstrInfo { class: InstrClass::Move, stores: 1, reads: RegSet::general(from), ..known }
            }
            Self::Fence => InstrInfo { class: InstrClass::System, ordering: Ordering::Serializing, ..known },
            Self::Branch(from) => InstrInfo {
                class: InstrClass::Branch,
                branch: Some(arch::BranchKind::Conditional),
                reads: RegSet::general(from),
                ..known
            },
        }
    }
}
