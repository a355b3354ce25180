//! What an address space costs: to fork it, to end it, and to get an empty one as exec does.

use arch::LinearAddr;
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use event::{Event, EventSink, Pid};
use kernel::Hw;
use kernel::fs::{BufferConsole, Vfs, ViewConfig};
use kernel::mm::frames::FrameTable;
use kernel::mm::{KernelHalf, MapFlags, MapSource, Mm, MmCx, MmLimits, Prot};
use paging::Shootdown;
use physmem::{Bus, Ram};
use std::cell::RefCell;

/// RAM enough for the largest process and tables of its child.
const RAM_BYTES: u64 = 512 << 20;

struct Silence;

impl EventSink for Silence {
    fn record(&mut self, _: &Event) {}
}

/// The kernel layer's side of a machine. Setting up and measuring take turns with it.
struct Host {
    bus: Bus,
    frames: FrameTable,
    vfs: Vfs,
    half: KernelHalf,
}

impl Host {
    fn new() -> RefCell<Self> {
        let bus = Bus::new(Ram::new(RAM_BYTES).expect("the host has memory"));
        let vfs = Vfs::new(ViewConfig::default(), Box::new(BufferConsole::new(""))).expect("the host has a root");
        let mut host = Self { bus, frames: FrameTable::new(RAM_BYTES), vfs, half: KernelHalf::default() };
        host.half = host.enter(|cx, _| KernelHalf::build(cx.hw, cx.frames)).expect("RAM holds its tables");
        RefCell::new(host)
    }

    fn enter<R>(&mut self, f: impl FnOnce(&mut MmCx<'_, '_>, &KernelHalf) -> R) -> R {
        let mut shootdown = Shootdown::none();
        let mut hw = Hw { mem: &mut self.bus, sink: &mut Silence, shootdown: &mut shootdown, instructions: 0 };
        let (frames, vfs) = (&mut self.frames, &mut self.vfs);
        let result = f(&mut MmCx { hw: &mut hw, frames, vfs, pid: Pid(1) }, &self.half);
        shootdown.drain(arch::Pcid::default()).for_each(drop);
        result
    }

    fn empty(&mut self) -> Mm {
        self.enter(|cx, half| Mm::new(cx, half, MmLimits::default())).expect("RAM is large enough")
    }

    /// An address space with so many written pages.
    fn process(&mut self, pages: u64) -> Mm {
        let mut mm = self.empty();
        let (prot, len) = (Prot::READ | Prot::WRITE, pages << arch::FRAME_SHIFT);
        let flags = MapFlags::PRIVATE | MapFlags::ANONYMOUS | MapFlags::POPULATE;
        self.enter(|cx, _| mm.mmap(cx, LinearAddr(0), len, prot, flags, MapSource::Anonymous)).expect("there is room");
        assert_eq!(mm.resident_pages(), pages);
        mm
    }

    fn fork(&mut self, mm: &mut Mm) -> Mm {
        self.enter(|cx, half| mm.fork(cx, half)).expect("RAM is large enough")
    }

    fn end(&mut self, mm: Mm) {
        self.enter(|cx, _| mm.drop_all(cx));
    }
}

/// Elements are pages. `first` takes R/W from the parent, `again` finds that done; both end the child, and `end` only that.
fn fork(c: &mut Criterion) {
    let mut group = c.benchmark_group("fork");
    group.sample_size(20);
    for pages in [1_000, 100_000] {
        group.throughput(Throughput::Elements(pages));
        let host = Host::new();
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
    let host = Host::new();
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
