//! Random cases. Most bits of an entry are as a working page table has them, so that all depths and all rules are reached.

use crate::case::{Case, registers};
use crate::layout::{DATA_AREA, FETCH_AREA, HOST_SLOT, SUPPORT_SLOT, TABLES};
use arch::{AccessKind, Cr0, Cr4, Efer, LinearAddr, PhysAddr, PhysAddrWidth, Privilege};
use paging::GigabytePages;
use std::collections::BTreeMap;

const FRAME: u64 = 0x1000;
/// Frames that one case may need: a root, and three tables for each of two pages.
const MOST_TABLES: u64 = 7;

/// What the processor under the guest offers.
#[derive(Clone, Copy, Debug)]
pub struct Features {
    /// MAXPHYADDR.
    pub width: PhysAddrWidth,
    /// 1 GiB pages.
    pub gigabyte_pages: GigabytePages,
    /// The bits of CR4 that cases may set.
    pub cr4: Cr4,
    /// Execute-disable.
    pub efer: Efer,
}

/// SplitMix64.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// The sequence of this seed.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    /// 0 to `n` - 1.
    fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }

    fn percent(&mut self, chance: u64) -> bool {
        self.below(100) < chance
    }

    /// `bits`, all or none.
    fn maybe(&mut self, chance: u64, bits: u64) -> u64 {
        if self.percent(chance) { bits } else { 0 }
    }

    fn one_of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len() as u64) as usize]
    }
}

/// Makes cases one after another, each with its tables in fresh frames: KVM need not notice that a table was written from
/// outside the guest.
#[derive(Debug)]
pub struct Generator {
    random: Random,
    features: Features,
    next_frame: u64,
}

impl Generator {
    /// Cases for a processor with these features, with frames from the beginning.
    #[must_use]
    pub const fn new(random: Random, features: Features) -> Self {
        Self { random, features, next_frame: TABLES.start }
    }

    /// The random sequence, to go on with another processor.
    #[must_use]
    pub fn into_random(self) -> Random {
        self.random
    }

    /// The next case; `None` when the frames are used up.
    pub fn case(&mut self, id: u64) -> Option<Case> {
        if TABLES.end - self.next_frame < MOST_TABLES * FRAME {
            return None;
        }
        let kind = self.random.one_of(&[AccessKind::Read, AccessKind::Write, AccessKind::Fetch]);
        let size = if kind == AccessKind::Fetch { 1 } else { self.random.one_of(&[1, 2, 4, 8]) };
        let root = self.frame();
        let regs = registers(
            PhysAddr(root),
            Cr0::from_bits_retain(self.random.maybe(50, Cr0::WP.bits())),
            Cr4::from_bits_retain(self.random.next() & self.features.cr4.bits()),
            Efer::from_bits_retain(self.random.maybe(65, self.features.efer.bits())),
        );
        let privilege = self.random.one_of(&[Privilege::User, Privilege::Supervisor]);
        let mut case = Case {
            id,
            regs,
            // At CPL 3 it means nothing to paging, and where the host sets CR0.AM, software KVM lets #AC through.
            alignment_check: privilege == Privilege::Supervisor && self.random.percent(50),
            width: self.features.width,
            gigabyte_pages: self.features.gigabyte_pages,
            privilege,
            kind,
            size,
            la: self.address(kind, size),
            entries: BTreeMap::new(),
        };
        self.build(&mut case, root);
        Some(case)
    }

    fn frame(&mut self) -> u64 {
        let frame = self.next_frame;
        self.next_frame += FRAME;
        frame
    }

    /// An address whose PML4 slot is not the guest's own, nor next to it, nor the host's; sometimes one where the access crosses pages, and
    /// sometimes not canonical. Its low 30 bits are good as an offset in a 1 GiB page.
    fn address(&mut self, kind: AccessKind, size: u64) -> LinearAddr {
        let random = &mut self.random;
        if random.percent(2) {
            return LinearAddr((random.next() | 1 << 63) & !(1 << 47));
        }
        let slot = random.below(SUPPORT_SLOT - 2);
        let slot = slot + u64::from(slot >= HOST_SLOT);
        let mut la = slot << 39 | random.below(512) << 30 | place_in(random, kind);
        if size > 1 && random.percent(25) {
            la = (la | 0xfff) - random.below(size - 1);
        }
        LinearAddr(((la << 16) as i64 >> 16) as u64)
    }

    /// Fills in the entries for the page of each end of the access.
    fn build(&mut self, case: &mut Case, root: u64) {
        if !case.context(paging::AccessedOnFault::default()).is_canonical(case.la, case.size) {
            return;
        }
        let mut tables = BTreeMap::new();
        for la in [case.la.0, case.la.0.wrapping_add(case.size - 1)] {
            let mut table = root;
            for level in (1..=4_u8).rev() {
                let shift = 3 + 9 * u64::from(level);
                let place = PhysAddr(table + 8 * (la >> shift & 0x1ff));
                let prefix = la >> shift;
                if !case.entries.contains_key(&place) {
                    let below = if level > 1 { self.frame() } else { 0 };
                    tables.insert((level, prefix), below);
                    let entry = self.entry(level, below, case.kind);
                    case.entries.insert(place, (entry, level));
                }
                let (entry, _) = case.entries[&place];
                if level == 1 || entry & 1 << 7 != 0 {
                    break;
                }
                table = tables[&(level, prefix)];
            }
        }
    }

    /// An entry of a level, for the table at `below` or for a page.
    fn entry(&mut self, level: u8, below: u64, kind: AccessKind) -> u64 {
        let random = &mut self.random;
        let large = match level {
            1 => true,
            2 => random.percent(25),
            3 => random.percent(if self.features.gigabyte_pages == GigabytePages::Supported { 12 } else { 3 }),
            _ => random.percent(3),
        };
        let flags = random.maybe(93, 1) | random.maybe(78, 2) | random.maybe(72, 4); // P, R/W, U/S
        let flags = flags | random.maybe(8, 0x8) | random.maybe(8, 0x10); // PWT, PCD
        let flags = flags | random.maybe(50, 0x20) | random.maybe(50, 0x40); // A, D
        let ignored = random.next() & random.next() & 0x7ff0_0000_0000_0f00;
        let beyond = (1_u64 << 52) - (1_u64 << self.features.width.bits());
        let reserved = if random.percent(5) { random.next() & beyond } else { 0 };
        let xd = random.maybe(12, 1 << 63);
        let bit_7 = if level == 1 { random.maybe(30, 1 << 7) } else { u64::from(large) << 7 }; // PAT, PS
        let base = if large { self.page(level, kind) } else { below };
        flags | ignored | reserved | xd | bit_7 | base
    }

    /// Where a page lies: where the access can be made out, or for data sometimes outside RAM.
    fn page(&mut self, level: u8, kind: AccessKind) -> u64 {
        let random = &mut self.random;
        let size = 1_u64 << (3 + 9 * u64::from(level.min(3)));
        let low = match level {
            1 => 0,
            _ => random.maybe(15, 1 << 12) | random.maybe(6, 1 << 13) | random.maybe(3, 1 << 20), // PAT, two reserved bits
        };
        let outside = kind != AccessKind::Fetch && random.percent(8);
        let frame = if outside {
            1 << 32 | random.next() & ((1 << self.features.width.bits()) - 1)
        } else {
            place_in(random, kind)
        };
        frame & !(size - 1) | low
    }
}

/// A physical address where an access of this kind can be made out.
fn place_in(random: &mut Random, kind: AccessKind) -> u64 {
    let area = if kind == AccessKind::Fetch { FETCH_AREA } else { DATA_AREA };
    area.start + random.below(area.end - area.start)
}
