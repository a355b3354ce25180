//! A small memory with the page tables of a few processes, whose pages are chosen to crowd the caches under test.

use crate::random::SplitMix;
use crate::tlb::bits_of;
use crate::walk::{A, D, G, P, PS, RW, US, XD, index_of, is_leaf, table_of};
use arch::PageSize;
use paging::tlb::{HierarchyConfig, SecondLevel, TlbConfig};

/// The identifiers of the processes.
pub(crate) const PCIDS: [u16; 3] = [1, 2, 0xabc];

/// A page, mapped in every process.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Page {
    pub(crate) la: u64,
    /// log2 of its bytes.
    pub(crate) bits: u32,
    /// The process's own level: U/S=1.
    pub(crate) user: bool,
}

impl Page {
    /// True if careful software sets G in its leaf.
    const fn is_global(&self) -> bool {
        (self.la >> 12).is_multiple_of(5)
    }
}

/// Whether software keeps the caches from holding two translations for one address, as it should: with a flush where a page's size
/// changes, and with G the same in every process and the sizes of global pages too. If it does not, either may be used (MMU-187).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Software {
    Careful,
    Careless,
}

/// Memory, and what is mapped in it.
#[derive(Clone, Debug)]
pub(crate) struct World {
    /// Physical memory from address 0 on, in entries; only tables are in it.
    pub(crate) memory: Vec<u64>,
    pub(crate) levels: u32,
    pub(crate) software: Software,
    pub(crate) roots: [u64; 3],
    /// Pages of 4 KiB, 2 MiB, 1 GiB; the first few of each are the most used.
    pub(crate) pages: [Vec<Page>; 3],
    /// How many of each are used all the time.
    pub(crate) hot: [usize; 3],
    /// Large pages that may become a table of smaller ones, and back: the place of the entry, and its other value.
    pub(crate) swaps: Vec<(usize, u64)>,
    frames: Frames,
    /// How many frames of each size were given away.
    given: [u64; 3],
}

/// Where pages of 4 KiB, 2 MiB and 1 GiB lie.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Frames {
    /// The first of each size.
    pub(crate) first: [u64; 3],
    /// After so many of a size the first is given away again.
    pub(crate) count: [u64; 3],
}

impl Frames {
    /// A frame for each page.
    pub(crate) const OWN: Self = Self { first: [1 << 32, 1 << 36, 1 << 40], count: [1 << 20, 1 << 14, 1 << 14] };
}

impl World {
    /// A memory for these caches, with 4 or 5 levels of tables.
    pub(crate) fn new(
        config: &HierarchyConfig,
        levels: u32,
        frames: Frames,
        software: Software,
        random: &mut SplitMix,
    ) -> Self {
        let small = largest_array(config, PageSize::Size4K).clamp(24, 3072);
        let large = largest_array(config, PageSize::Size2M).clamp(8, 160);
        let user = |random: &mut SplitMix| !random.once_in(5);
        let mut page = |la, bits| Page { la: wide(la, levels), bits, user: user(random) };
        let pages = [
            (0..small).map(|i| page(small_at(i), 12)).collect::<Vec<_>>(),
            (0..large).map(|i| page(large_at(i), 21)).collect(),
            (0..24).map(|i| page(huge_at(i), 30)).collect(),
        ];
        let first = array_for(&config.data, PageSize::Size4K);
        let hot = [(first * 3 / 4).clamp(2, small) as usize, (large / 4) as usize, 4];
        let (memory, roots, given) = (vec![0; 512], [0; 3], [0; 3]);
        let mut world = Self { memory, levels, software, roots, pages, hot, swaps: Vec::new(), frames, given };
        for process in 0..PCIDS.len() {
            world.roots[process] = world.table();
            world.map_all(process, random);
        }
        world
    }

    fn map_all(&mut self, process: usize, random: &mut SplitMix) {
        let all: Vec<Page> = self.pages.iter().flatten().copied().collect();
        for (i, page) in all.into_iter().enumerate() {
            let leaf = self.leaf(page, random);
            let at = self.map(process, page, leaf);
            let splits = page.bits > 12 && i % 4 == 0;
            if splits && (self.software == Software::Careless || !page.is_global()) {
                let table = self.table_of_smaller(page, random);
                self.swaps.push((at, table));
            }
        }
    }

    /// Maps a page, with the tables that it needs; gives the place of its leaf.
    fn map(&mut self, process: usize, page: Page, leaf: u64) -> usize {
        let (mut table, mut level) = (self.roots[process], self.levels);
        while level > (page.bits - 3) / 9 {
            let at = index_of(table, level, page.la);
            if self.memory[at] == 0 {
                self.memory[at] = self.table() | P | RW | US;
            }
            table = table_of(self.memory[at]);
            level -= 1;
        }
        let at = index_of(table, level, page.la);
        self.memory[at] = leaf;
        at
    }

    /// An entry for a table of smaller pages, in place of a large one.
    fn table_of_smaller(&mut self, page: Page, random: &mut SplitMix) -> u64 {
        let table = self.table();
        for i in 0..512 {
            let smaller = Page { bits: page.bits - 9, ..page };
            self.memory[table as usize / 8 + i] = self.leaf(smaller, random);
        }
        table | P | RW | US
    }

    /// An entry for a page, in the next frame: mostly present, writable and executable.
    fn leaf(&mut self, page: Page, random: &mut SplitMix) -> u64 {
        let size = (page.bits as usize - 12) / 9;
        let frame = self.frames.first[size] + ((self.given[size] % self.frames.count[size]) << page.bits);
        self.given[size] += 1;
        let flag = |likely: bool, bit: u64| if likely { bit } else { 0 };
        let odd = self.software == Software::Careless && random.once_in(20);
        let global = page.is_global() != odd;
        frame
            | flag(!random.once_in(30), P)
            | flag(!random.once_in(8), RW)
            | flag(page.user, US)
            | flag(random.once_in(2), A)
            | flag(random.once_in(2), D)
            | flag(page.bits > 12, PS)
            | flag(global, G)
            | flag(random.once_in(8), XD)
    }

    /// A new table, empty.
    fn table(&mut self) -> u64 {
        let at = self.memory.len() as u64 * 8;
        self.memory.resize(self.memory.len() + 512, 0);
        at
    }

    /// Where the entries on the way to an address lie in a memory that may have changed since, from the root down.
    pub(crate) fn path(&self, memory: &[u64], process: usize, la: u64) -> Vec<usize> {
        let (mut table, mut path) = (self.roots[process], Vec::new());
        for level in (1..=self.levels).rev() {
            let at = index_of(table, level, la);
            path.push(at);
            if is_leaf(level, memory[at]) {
                break;
            }
            table = table_of(memory[at]);
        }
        path
    }
}

/// Eight pages to a table, 16 tables to a directory, 8 directories to a PDPT; the pages of a table are in few sets.
const fn small_at(i: u64) -> u64 {
    let (table, page) = (i / 8, i % 8 * 16 + i / 8 % 16);
    address([table / 128, table / 16 % 8, table % 16, page])
}

/// In the same directories, above the page tables.
const fn large_at(i: u64) -> u64 {
    address([0, i / 64 % 8, 64 + i % 64, 0])
}

/// 128 GiB apart, so that a plain index puts them all in one set; four to a PDPT.
const fn huge_at(i: u64) -> u64 {
    address([8 + i / 4, i % 4 * 128, 0, 0])
}

/// The address that these entries translate, of the PML4 to the page table.
const fn address([pml4e, pdpte, pde, pte]: [u64; 4]) -> u64 {
    (pml4e << 39) | (pdpte << 30) | (pde << 21) | (pte << 12)
}

/// With a fifth level, every second GiB is under another entry of the root.
const fn wide(la: u64, levels: u32) -> u64 {
    if levels == 5 { la | ((la >> 30 & 1) << 48) | ((la >> 39 & 1) << 49) } else { la }
}

/// The entries of the array that holds pages of a size.
fn array_for(tlb: &TlbConfig, size: PageSize) -> u64 {
    let piece = tlb.splinter.map_or(size, |limit| if bits_of(limit) < bits_of(size) { limit } else { size });
    let array = tlb.arrays.iter().find(|a| a.sizes.contains(&piece));
    array.map_or(0, |a| u64::from(a.geometry.sets * a.geometry.ways))
}

/// The same of the largest such array.
fn largest_array(config: &HierarchyConfig, size: PageSize) -> u64 {
    let second = match &config.second {
        SecondLevel::Absent => [None, None],
        SecondLevel::Shared(tlb) => [Some(tlb), None],
        SecondLevel::Split { instruction, data } => [Some(instruction), Some(data)],
    };
    let first = [&config.instruction, &config.data];
    let all = first.into_iter().chain(&config.store).chain(second.into_iter().flatten());
    all.map(|tlb| array_for(tlb, size)).max().unwrap_or_default()
}
