//! What an address space costs: to fork it, to end it, and to get an empty one as exec does.

mod common;

use common::Host;
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use kernel::mm::Mm;
use std::cell::RefCell;

/// RAM enough for the largest process and tables of its child.
const RAM_BYTES: u64 = 512 << 20;

/// Elements are pages. `first` takes R/W from the parent, `again` finds that done; both end the child, and `end` only that.
fn fork(c: &mut Criterion) {
    let mut group = c.benchmark_group("fork");
    group.sample_size(20);
    for pages in [1_000, 10_000, 100_000] {
        group.throughput(Throughput::Elements(pages));
        let host = Host::new(RAM_BYTES);
        group.bench_function(format!("first-{pages}"), |b| {
            let parent = || host.borrow_mut().process(pages);
            let fork = |mut parent: Mm| {
                let mut host = host.borrow_mut();
                let child = host.fork(&mut parent);
                host.end(parent);
                host.end(child);
            };
            b.iter_batched(parent, fork, BatchSize::PerIteration);
        });
        let mut parent = host.borrow_mut().process(pages);
        group.bench_function(format!("again-{pages}"), |b| {
            b.iter(|| {
                let mut host = host.borrow_mut();
                let child = host.fork(&mut parent);
                host.end(child);
            });
        });
        group.bench_function(format!("end-{pages}"), |b| {
            let child = |host: &RefCell<Host>, parent: &mut Mm| host.borrow_mut().fork(parent);
            b.iter_batched(|| child(&host, &mut parent), |child| host.borrow_mut().end(child), BatchSize::PerIteration);
        });
    }
    group.finish();
}

/// An empty address space, made and ended: what exec does besides loading.
fn exec(c: &mut Criterion) {
    let host = Host::new(RAM_BYTES);
    c.bench_function("exec/empty", |b| {
        b.iter(|| {
            let mut host = host.borrow_mut();
            let mm = host.empty();
            host.end(mm);
        });
    });
}

criterion_group!(benches, fork, exec);
criterion_main!(benches);
