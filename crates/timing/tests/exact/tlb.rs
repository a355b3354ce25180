//! One TLB: an array for each group of page sizes, and what is cached of a page in it.

use crate::array::Array;
use arch::PageSize;
use paging::tlb::TlbConfig;

/// R/W, U/S and XD of a path (MMU-081).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rights {
    pub(crate) writable: bool,
    pub(crate) user: bool,
    pub(crate) no_execute: bool,
}

/// What a TLB entry says (MMU-180): `2^covers` bytes from `from` on lie at `target`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Held {
    pub(crate) pcid: u16,
    pub(crate) from: u64,
    pub(crate) covers: u32,
    /// log2 of the bytes of the whole page, of which this may be a piece (MMU-186).
    pub(crate) page: u32,
    pub(crate) target: u64,
    pub(crate) rights: Rights,
    pub(crate) dirty: bool,
    pub(crate) global: bool,
}

/// A TLB.
#[derive(Clone, Debug)]
pub(crate) struct Tlb {
    arrays: Vec<(Vec<u32>, Array<Held>)>,
    /// log2 of the bytes of the largest piece that is cached.
    largest: u32,
}

/// log2 of the bytes of a page.
pub(crate) fn bits_of(size: PageSize) -> u32 {
    match size {
        PageSize::Size4K => 12,
        PageSize::Size2M => 21,
        PageSize::Size4M => 22,
        PageSize::Size1G => 30,
    }
}

/// The first address of the `2^bits` bytes around `la`.
pub(crate) const fn start_of(la: u64, bits: u32) -> u64 {
    la >> bits << bits
}

impl Held {
    /// True if an access by `pcid` to `la` may use it (MMU-190).
    fn serves(&self, pcid: u16, la: u64) -> bool {
        start_of(la, self.covers) == self.from && (self.pcid == pcid || self.global)
    }

    /// True if the whole page that it is, or is a piece of, holds `la`.
    pub(crate) fn is_of_page_at(&self, la: u64) -> bool {
        start_of(la, self.page) == start_of(self.from, self.page)
    }

    /// The physical address of `la`.
    pub(crate) fn apply(&self, la: u64) -> u64 {
        self.target + (la - self.from)
    }

    /// The piece of `2^bits` bytes around `la`, or all if it is no larger.
    fn piece(&self, la: u64, bits: u32) -> Self {
        let covers = bits.min(self.covers);
        let from = start_of(la, covers);
        Self { from, covers, target: self.apply(from), ..*self }
    }
}

impl Tlb {
    pub(crate) fn new(config: &TlbConfig) -> Self {
        let sizes = |sizes: &[PageSize]| sizes.iter().map(|&size| bits_of(size)).collect();
        Self {
            arrays: config.arrays.iter().map(|a| (sizes(&a.sizes), Array::new(a.geometry))).collect(),
            largest: config.splinter.map_or(64, bits_of),
        }
    }

    /// The first entry that serves the access and is usable, looked for size by size.
    pub(crate) fn look_up(&mut self, pcid: u16, la: u64, usable: impl Fn(&Held) -> bool) -> Option<Held> {
        for (sizes, array) in &mut self.arrays {
            for &bits in sizes.iter() {
                let wanted = |e: &Held| e.covers == bits && e.serves(pcid, la) && usable(e);
                if let Some(found) = array.hit(la >> bits, wanted) {
                    return Some(found);
                }
            }
        }
        None
    }

    /// Caches what is known about `la`, for an access by `pcid`, as far as there is an array for it.
    pub(crate) fn fill(&mut self, pcid: u16, la: u64, known: &Held) {
        let piece = Held { pcid, ..known.piece(la, self.largest) };
        for (sizes, array) in &mut self.arrays {
            if sizes.contains(&piece.covers) {
                array.put(la >> piece.covers, piece, |e| e.covers == piece.covers && e.serves(pcid, la));
            }
        }
    }

    pub(crate) fn drop_if(&mut self, covered: impl Fn(&Held) -> bool) {
        self.arrays.iter_mut().for_each(|(_, array)| array.drop_if(&covered));
    }

    /// All entries, array by array, set by set and way by way.
    pub(crate) fn entries(&self) -> impl Iterator<Item = &Held> {
        self.arrays.iter().flat_map(|(_, array)| array.entries())
    }

    /// For each array, how many entries had to go because their set was full.
    pub(crate) fn evicted(&self) -> impl Iterator<Item = u64> {
        self.arrays.iter().map(|(_, array)| array.evicted)
    }
}
