//! What a translation costs: the walk, and a hit and a miss of the SoftTlb.
//!
//! Each has beside it what it is to be compared with: a walk loop written by hand for this one case, which looks at P,
//! reserved bits, rights and A of 4-level entries and nothing else; the same with all that registers say as constants; and plain
//! indexed loads of the same pattern.

mod common;

use arch::{Access, AccessKind, Cr4, Efer, LinearAddr, MemoryType, Pat, PatIndex, PhysAddr, Privilege};
use common::{address, mapped};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use mmu::{Mmu, SlotCount};
use paging::{NoModel, PagingContext, PhysMem, Translation};
use physmem::Bus;
use std::hint::black_box;
use std::time::Instant;

/// More pages than the table has slots, so that a miss is a miss.
const PAGES: u64 = 4096;
/// A stride that visits the pages in no simple order.
const STRIDE: u64 = 1597;

fn walk(c: &mut Criterion) {
    let mut mmu = mapped(PAGES, SlotCount::default());
    let ctx = *mmu.context();
    let access = black_box(Access::new(AccessKind::Read, Privilege::User));
    let mut group = c.benchmark_group("translation");
    group.throughput(Throughput::Elements(PAGES));
    group.bench_function("walk", |b| {
        b.iter(|| {
            for i in 0..PAGES {
                let la = address(i * STRIDE % PAGES);
                use_translation(&mmu.translate(la, access.kind).expect("mapped"));
            }
        });
    });
    group.bench_function("walk-by-hand", |b| {
        b.iter(|| {
            for i in 0..PAGES {
                let la = address(i * STRIDE % PAGES);
                use_page(&walk_by_hand(&mmu.bus, &ByRegisters::new(&ctx), la, access).expect("mapped"));
            }
        });
    });
    group.bench_function("walk-by-hand-of-constants", |b| {
        b.iter(|| {
            for i in 0..PAGES {
                let la = address(i * STRIDE % PAGES);
                use_page(&walk_by_hand(&mmu.bus, &Constants(ctx.regs.cr3.0), la, access).expect("mapped"));
            }
        });
    });
    group.finish();
}

/// Uses each part by itself: to hand on the whole would measure how it is copied.
#[inline(always)]
fn use_translation(translation: &Translation) {
    let Translation { frame, size, rights, dirty, global, pat, memory_type } = *translation;
    black_box((frame, size));
    black_box((rights.writable, rights.user));
    black_box((rights.no_execute, rights.key));
    black_box((dirty, global));
    black_box((pat, memory_type));
}

#[inline(always)]
fn use_page(page: &Page) {
    let Page { frame, writable, user, no_execute, global, dirty, key, pat, memory_type } = *page;
    black_box(frame);
    black_box((writable, user));
    black_box((no_execute, key));
    black_box((dirty, global));
    black_box((pat, memory_type));
}

/// Our walk and each of the two in turn, round by round, as this machine's speed changes from one second to the next: the median
/// of the rounds' ratios.
fn walk_in_pairs(_: &mut Criterion) {
    let mut mmu = mapped(PAGES, SlotCount::default());
    let ctx = *mmu.context();
    let access = black_box(Access::new(AccessKind::Read, Privilege::User));
    let rounds = if std::env::args().any(|arg| arg == "--test") { 3 } else { 4_001 };
    let ratio = median(rounds, &mut mmu, |bus, la| {
        use_page(&walk_by_hand(bus, &ByRegisters::new(&ctx), la, access).expect("mapped"));
    });
    println!("translation/walk is x{ratio:.3} of walk-by-hand, the median of {rounds} pairs");
    let ratio = median(rounds, &mut mmu, |bus, la| {
        use_page(&walk_by_hand(bus, &Constants(ctx.regs.cr3.0), la, access).expect("mapped"));
    });
    println!("translation/walk is x{ratio:.3} of walk-by-hand-of-constants, the median of {rounds} pairs");
}

/// The median of what our walk takes over what `by_hand` takes.
#[inline(always)]
fn median(rounds: usize, mmu: &mut Mmu<NoModel>, by_hand: impl Fn(&Bus, LinearAddr)) -> f64 {
    let kind = black_box(AccessKind::Read);
    let pages = || (0..PAGES).map(|i| address(i * STRIDE % PAGES));
    let mut ratios: Vec<f64> = (0..rounds)
        .map(|_| {
            let start = Instant::now();
            for la in pages() {
                use_translation(&mmu.translate(la, kind).expect("mapped"));
            }
            let middle = Instant::now();
            pages().for_each(|la| by_hand(&mmu.bus, la));
            (middle - start).as_secs_f64() / middle.elapsed().as_secs_f64()
        })
        .collect();
    ratios.sort_by(f64::total_cmp);
    ratios[rounds / 2]
}

/// What a TLB keeps of a page.
struct Page {
    frame: u64,
    writable: bool,
    user: bool,
    no_execute: bool,
    global: bool,
    dirty: bool,
    key: u8,
    pat: PatIndex,
    memory_type: MemoryType,
}

/// What a walk has to know besides the entries.
trait Registers {
    fn cr3(&self) -> u64;
    /// The bits that must be 0 in any present entry.
    fn reserved(&self) -> u64;
    fn global_pages(&self) -> bool;
    fn memory_type(&self, pat: PatIndex) -> MemoryType;
}

/// As a processor has it: MAXPHYADDR, NXE, PGE and the page attribute table may change.
struct ByRegisters<'a> {
    ctx: &'a PagingContext,
    reserved: u64,
}

impl<'a> ByRegisters<'a> {
    #[inline(always)]
    fn new(ctx: &'a PagingContext) -> Self {
        let xd = if ctx.regs.efer.contains(Efer::NXE) { 0 } else { 1 << 63 };
        Self { ctx, reserved: ctx.width.reserved_mask() | xd }
    }
}

impl Registers for ByRegisters<'_> {
    #[inline(always)]
    fn cr3(&self) -> u64 {
        self.ctx.regs.cr3.0
    }

    #[inline(always)]
    fn reserved(&self) -> u64 {
        self.reserved
    }

    #[inline(always)]
    fn global_pages(&self) -> bool {
        self.ctx.regs.cr4.contains(Cr4::PGE)
    }

    #[inline(always)]
    fn memory_type(&self, pat: PatIndex) -> MemoryType {
        self.ctx.regs.pat.memory_type(pat)
    }
}

/// 46 address bits, NX, global pages and the page attribute table of a reset, for good: the least that a walk can cost.
struct Constants(u64);

impl Registers for Constants {
    #[inline(always)]
    fn cr3(&self) -> u64 {
        self.0
    }

    #[inline(always)]
    fn reserved(&self) -> u64 {
        0x000f_c000_0000_0000
    }

    #[inline(always)]
    fn global_pages(&self) -> bool {
        true
    }

    #[inline(always)]
    fn memory_type(&self, pat: PatIndex) -> MemoryType {
        Pat::RESET.memory_type(pat)
    }
}

/// A user-mode access through 4-level tables that map 4 KiB pages and have A set, with WP and without keys.
#[inline(always)]
fn walk_by_hand(bus: &Bus, regs: &impl Registers, la: LinearAddr, access: Access) -> Option<Page> {
    const FRAME: u64 = 0x000f_ffff_ffff_f000;
    let (mut table, mut all, mut any, mut leaf) = (regs.cr3() & FRAME, u64::MAX, 0, 0);
    for shift in [39, 30, 21, 12] {
        let entry = bus.load_entry(PhysAddr(table + (la.0 >> shift & 0x1ff) * 8));
        if entry & 1 == 0 || entry & regs.reserved() != 0 || shift != 12 && entry & 0x80 != 0 {
            return None;
        }
        (all, any) = (all & entry, any | entry);
        (table, leaf) = (entry & FRAME, entry);
    }
    let accessed = all & 0x20 != 0;
    let (writable, user, no_execute) = (all & 2 != 0, all & 4 != 0, any >> 63 != 0);
    let dirty = leaf & 0x40 != 0;
    let kind = match access.kind {
        AccessKind::Read => true,
        AccessKind::Write => writable && dirty,
        AccessKind::Fetch => !no_execute,
    };
    let pat = PatIndex::of_leaf(leaf, 7);
    let allowed = accessed && kind && (user || !access.is_user());
    allowed.then(|| Page {
        frame: table >> 12,
        writable,
        user,
        no_execute,
        global: leaf & 0x100 != 0 && regs.global_pages(),
        dirty,
        key: (leaf >> 59 & 15) as u8,
        pat,
        memory_type: regs.memory_type(pat),
    })
}

fn soft_tlb(c: &mut Criterion) {
    let mut group = c.benchmark_group("translation");
    group.throughput(Throughput::Elements(PAGES));
    for (name, pages) in [("soft-tlb-hit", 512), ("soft-tlb-miss", PAGES)] {
        let mut mmu = mapped(PAGES, SlotCount::default());
        group.bench_function(name, |b| {
            b.iter(|| {
                let mut sum = 0_u64;
                for i in 0..PAGES {
                    sum = sum.wrapping_add(mmu.load::<u64>(address(i * STRIDE % pages)).expect("mapped"));
                }
                black_box(sum)
            });
        });
    }
    let words = vec![1_u64; 512 * 512];
    group.bench_function("indexed-load", |b| {
        b.iter(|| {
            let words = black_box(&words[..]);
            let mut sum = 0_u64;
            for i in 0..PAGES {
                sum = sum.wrapping_add(words[(i * STRIDE % 512 * 512) as usize]);
            }
            black_box(sum)
        });
    });
    group.finish();
}

criterion_group!(benches, walk, walk_in_pairs, soft_tlb);
criterion_main!(benches);
