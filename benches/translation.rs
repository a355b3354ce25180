//! What a translation costs: the walk, and a hit and a miss of the SoftTlb.

mod common;

use arch::{Access, AccessKind, Privilege};
use common::{address, mapped};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use mmu::SlotCount;
use paging::NoModel;
use std::hint::black_box;

/// More pages than the table has slots, so that a miss is a miss.
const PAGES: u64 = 4096;
/// A stride that visits the pages in no simple order.
const STRIDE: u64 = 1597;

fn walk(c: &mut Criterion) {
    let mut mmu = mapped(PAGES, SlotCount::default());
    let ctx = *mmu.context();
    let access = Access::new(AccessKind::Read, Privilege::User);
    let mut group = c.benchmark_group("translation");
    group.throughput(Throughput::Elements(PAGES));
    group.bench_function("walk", |b| {
        b.iter(|| {
            for i in 0..PAGES {
                let la = address(i * STRIDE % PAGES);
                black_box(paging::translate(&mut NoModel, &mut mmu.bus, &ctx, la, access).expect("mapped"));
            }
        });
    });
    group.finish();
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
    group.finish();
}

criterion_group!(benches, walk, soft_tlb);
criterion_main!(benches);
