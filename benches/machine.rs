//! The whole machine on samples: instructions a second, the path of a page fault, and a loop that patches what it calls.

mod common;

use common::{machine, run};
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};

/// Elements are instructions: millions of elements a second are MIPS.
fn interpreter(c: &mut Criterion) {
    let mut group = c.benchmark_group("interpreter");
    group.sample_size(10);
    for (sample, argument) in [("sieve", "1000000"), ("crc", "100"), ("matrix", "96")] {
        let instructions = run(machine(sample, argument)).instructions;
        group.throughput(Throughput::Elements(instructions));
        group.bench_function(sample, |b| {
            b.iter_batched(|| machine(sample, argument), run, BatchSize::PerIteration);
        });
    }
    group.finish();
}

/// Elements are page faults: alloca that touches a new page of the stack at each step does little else.
fn fault_path(c: &mut Criterion) {
    let mut group = c.benchmark_group("fault");
    group.sample_size(20);
    group.throughput(Throughput::Elements(run(machine("stack-alloca", "7000")).page_faults()));
    group.bench_function("stack-page", |b| {
        b.iter_batched(|| machine("stack-alloca", "7000"), run, BatchSize::PerIteration);
    });
    group.finish();
}

/// Elements are rounds of storing into the page that is called next.
fn self_modifying(c: &mut Criterion) {
    let mut group = c.benchmark_group("self-modifying");
    group.sample_size(10);
    group.throughput(Throughput::Elements(10_000));
    group.bench_function("patch-and-call", |b| {
        b.iter_batched(|| machine("smc", "10000"), run, BatchSize::PerIteration);
    });
    group.finish();
}

criterion_group!(benches, interpreter, fault_path, self_modifying);
criterion_main!(benches);
