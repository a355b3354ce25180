//! What a translation costs: the walk, and a hit and a miss of the SoftTlb.
//!
//! Each has beside it what it is to be compared with: a walk loop written by hand for this one case, which looks at P,
//! reserved bits, rights and A of 4-level entries and nothing else; and plain indexed loads of the same pattern.

mod common;

use arch::{Access, AccessKind, LinearAddr, MemoryType, PhysAddr, Privilege};
use common::{address, mapped};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use mmu::SlotCount;
use paging::{NoModel, PhysMem, Translation};
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
                use_translation(&paging::translate(&mut NoModel, &mut mmu.bus, &ctx, la, access).expect("mapped"));
            }
        });
    });
    group.bench_function("walk-by-hand", |b| {
        b.iter(|| {
            for i in 0..PAGES {
                let la = address(i * STRIDE % PAGES);
                use_page(&walk_by_hand(&mmu.bus, ctx.regs.cr3.0, la, access).expect("mapped"));
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

/// The same two in turn, round by round, as this machine's speed changes from one second to the next: the median of the rounds'
/// ratios.
fn walk_in_pairs(_: &mut Criterion) {
    let mut mmu = mapped(PAGES, SlotCount::default());
    let ctx = *mmu.context();
    let access = black_box(Access::new(AccessKind::Read, Privilege::User));
    let pages = || (0..PAGES).map(|i| address(i * STRIDE % PAGES));
    let rounds = if std::env::args().any(|arg| arg == "--test") { 3 } else { 4_001 };
    let mut ratios: Vec<f64> = (0..rounds)
        .map(|_| {
            let ours = Instant::now();
            for la in pages() {
                use_translation(&paging::translate(&mut NoModel, &mut mmu.bus, &ctx, la, access).expect("mapped"));
            }
            let by_hand = Instant::now();
            for la in pages() {
                use_page(&walk_by_hand(&mmu.bus, ctx.regs.cr3.0, la, access).expect("mapped"));
            }
            let end = Instant::now();
            (by_hand - ours).as_secs_f64() / (end - by_hand).as_secs_f64()
        })
        .collect();
    ratios.sort_by(f64::total_cmp);
    println!("translation/walk is x{:.3} of walk-by-hand, the median of {rounds} pairs", ratios[rounds / 2]);
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
    pat: u8,
    memory_type: MemoryType,
}

/// An access through 4-level tables that map 4 KiB pages and have A set, on a processor with 46 address bits, WP, NX, no keys and the
/// page attribute table of a reset.
#[inline(always)]
fn walk_by_hand(bus: &Bus, cr3: u64, la: LinearAddr, access: Access) -> Option<Page> {
    const FRAME: u64 = 0x3fff_ffff_f000;
    const PAT: [MemoryType; 8] = {
        use MemoryType::{Uncacheable, UncacheableMinus, WriteBack, WriteThrough};
        [WriteBack, WriteThrough, UncacheableMinus, Uncacheable, WriteBack, WriteThrough, UncacheableMinus, Uncacheable]
    };
    const RESERVED: u64 = 0x000f_c000_0000_0000;
    let (mut table, mut all, mut any, mut leaf) = (cr3 & FRAME, u64::MAX, 0, 0);
    for shift in [39, 30, 21, 12] {
        let entry = bus.load_entry(PhysAddr(table + (la.0 >> shift & 0x1ff) * 8));
        if entry & 1 == 0 || entry & RESERVED != 0 || shift != 12 && entry & 0x80 != 0 {
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
    let pat = (leaf >> 3 & 3 | leaf >> 5 & 4) as usize;
    let allowed = accessed && kind && (user || !access.is_user());
    allowed.then_some(Page {
        frame: table >> 12,
        writable,
        user,
        no_execute,
        global: leaf & 0x100 != 0,
        dirty,
        key: (leaf >> 59 & 15) as u8,
        pat: pat as u8,
        memory_type: PAT[pat],
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
