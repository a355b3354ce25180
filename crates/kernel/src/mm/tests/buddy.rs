//! The buddy allocator against a bitmap: `BUDDY_CASES` random sequences.

use crate::mm::buddy::{Buddy, Gfp, NR_ORDERS, Order};
use arch::Pfn;
use proptest::prelude::*;

#[derive(Clone, Debug)]
enum Step {
    Alloc(Order, Gfp),
    /// Frees one of the blocks, chosen by its place.
    Free(usize),
    /// Frees one of the blocks frame by frame.
    FreeFrames(usize),
    Reserve(u64, u64),
    Gigantic(u64),
    Drain,
}

fn order() -> impl Strategy<Value = Order> {
    prop_oneof![4 => Just(0u8), 2 => 1u8..4, 1 => 0u8..=10].prop_map(|order| Order::new(order).unwrap())
}

fn step() -> impl Strategy<Value = Step> {
    let gfp = prop_oneof![Just(Gfp::Kernel), Just(Gfp::Atomic)];
    prop_oneof![
        12 => (order(), gfp).prop_map(|(order, gfp)| Step::Alloc(order, gfp)),
        9 => any::<usize>().prop_map(Step::Free),
        3 => any::<usize>().prop_map(Step::FreeFrames),
        1 => (0u64..8000, 1u64..40).prop_map(|(at, frames)| Step::Reserve(at, frames)),
        1 => prop_oneof![Just(1024u64), Just(2048), Just(4096)].prop_map(Step::Gigantic),
        1 => Just(Step::Drain),
    ]
}

/// What is free, frame by frame.
struct Model {
    free: Vec<bool>,
}

impl Model {
    fn count(&self) -> u64 {
        self.free.iter().filter(|free| **free).count() as u64
    }

    fn has_block(&self, order: Order) -> bool {
        self.free.chunks_exact(order.frames() as usize).any(|block| block.iter().all(|free| *free))
    }

    fn set(&mut self, first: u64, frames: u64, free: bool) {
        for frame in &mut self.free[first as usize..(first + frames) as usize] {
            assert_ne!(*frame, free, "{first:#x}: handed out or freed twice");
            *frame = free;
        }
    }
}

fn blocks(buddy: &Buddy) -> [u64; NR_ORDERS] {
    buddy.zones().fold([0; NR_ORDERS], |sum, (_, blocks)| std::array::from_fn(|i| sum[i] + blocks[i]))
}

fn run(total: u64, steps: Vec<Step>) {
    let mut buddy = Buddy::new(total);
    let mut model = Model { free: vec![true; total as usize] };
    let mut held: Vec<(Pfn, Order)> = Vec::new();
    let mut reserved = false;
    let initial = blocks(&buddy);
    for step in steps {
        match step {
            Step::Alloc(order, gfp) => {
                let mark = if gfp == Gfp::Kernel { buddy.watermarks().min } else { 0 };
                let may = model.count() >= mark + order.frames() && model.has_block(order);
                let got = buddy.alloc(order, gfp);
                assert_eq!(got.is_some(), may, "{order:?} of {:?}", blocks(&buddy));
                if let Some(pfn) = got {
                    assert_eq!(pfn.0 % order.frames(), 0);
                    model.set(pfn.0, order.frames(), false);
                    held.push((pfn, order));
                }
            }
            Step::Free(which) if !held.is_empty() => {
                let (pfn, order) = held.swap_remove(which % held.len());
                model.set(pfn.0, order.frames(), true);
                buddy.free(pfn, order);
            }
            Step::FreeFrames(which) if !held.is_empty() => {
                let (pfn, order) = held.swap_remove(which % held.len());
                model.set(pfn.0, order.frames(), true);
                (pfn.0..pfn.0 + order.frames()).for_each(|pfn| buddy.free(Pfn(pfn), Order::ZERO));
            }
            Step::Reserve(at, frames) => {
                let end = (at + frames).min(total);
                let free = (at.min(end)..end).filter(|&pfn| std::mem::take(&mut model.free[pfn as usize])).count();
                assert_eq!(buddy.reserve(Pfn(at)..Pfn(at + frames)), free as u64);
                reserved |= free > 0;
            }
            Step::Gigantic(frames) => {
                if let Some(pfn) = buddy.alloc_gigantic(frames) {
                    assert_eq!(pfn.0 % frames, 0);
                    model.set(pfn.0, frames, false);
                    held.extend((pfn.0..pfn.0 + frames).step_by(1024).map(|pfn| (Pfn(pfn), Order::MAX)));
                }
            }
            Step::Drain => buddy.drain_all(),
            Step::Free(_) | Step::FreeFrames(_) => {}
        }
        assert_eq!(buddy.free_frames(), model.count());
        let in_blocks: u64 = blocks(&buddy).iter().enumerate().map(|(order, count)| count << order).sum();
        assert_eq!(in_blocks, model.count());
    }
    held.into_iter().for_each(|(pfn, order)| buddy.free(pfn, order));
    buddy.drain_all();
    if !reserved {
        assert_eq!(blocks(&buddy), initial, "all is free and joined");
    }
}

fn cases() -> u32 {
    std::env::var("BUDDY_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(200)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(cases()))]
    #[test]
    fn it_hands_out_what_is_free(total in 1u64..9000, steps in prop::collection::vec(step(), 1..200)) {
        run(total, steps);
    }
}

#[test]
fn untouched_memory_is_handed_out_from_the_lowest_frame_and_what_was_freed_last_comes_first() {
    let mut buddy = Buddy::new(3000);
    buddy.reserve(Pfn(0)..Pfn(1));
    let got: Vec<u64> = (0..1500).map(|_| buddy.alloc(Order::ZERO, Gfp::Kernel).unwrap().0).collect();
    assert_eq!(got, (1..=1500).collect::<Vec<_>>());
    for pfn in [7, 900, 3] {
        buddy.free(Pfn(pfn), Order::ZERO);
    }
    assert_eq!(
        [(); 4].map(|()| buddy.alloc(Order::ZERO, Gfp::Kernel)),
        [Some(Pfn(3)), Some(Pfn(900)), Some(Pfn(7)), Some(Pfn(1501))]
    );
}

#[test]
fn blocks_are_split_and_joined() {
    let mut buddy = Buddy::new(1024);
    let order = |n| Order::new(n).unwrap();
    let [a, b] = [order(3), order(3)].map(|order| buddy.alloc(order, Gfp::Kernel).unwrap());
    assert_eq!((a, b), (Pfn(0), Pfn(8)));
    assert_eq!(blocks(&buddy), [0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 0]);
    buddy.free(a, order(3));
    assert_eq!(blocks(&buddy), [0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 0]);
    buddy.free(b, order(3));
    assert_eq!(blocks(&buddy), [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
}

#[test]
fn a_tebibyte_costs_what_is_touched() {
    let mut buddy = Buddy::new(1 << 28);
    let zones: Vec<_> = buddy.zones().map(|(zone, blocks)| (zone.name, zone.spanned, blocks[10])).collect();
    assert_eq!(zones, [("DMA32", 1 << 20, 1024), ("Normal", (1 << 28) - (1 << 20), (1 << 18) - 1024)]);
    assert_eq!(buddy.alloc_gigantic(1 << 18), Some(Pfn(0)));
    assert_eq!(buddy.alloc(Order::PMD, Gfp::Kernel), Some(Pfn(1 << 18)));
    assert_eq!(buddy.alloc_gigantic(1 << 18), Some(Pfn(2 << 18)));
    assert_eq!(buddy.alloc_gigantic(1 << 18), Some(Pfn(3 << 18)));
    let normal = buddy.alloc_gigantic(1 << 18).unwrap();
    assert_eq!(normal, Pfn(1 << 20), "beyond 4 GiB");
    buddy.free(normal, Order::MAX);
    while buddy.alloc(Order::MAX, Gfp::Kernel).is_some_and(|pfn| pfn.0 < 1 << 20) {}
    assert!(buddy.alloc(Order::ZERO, Gfp::Kernel).is_some());
}

/// `min`, `low` and `high` that Linux gives a zone.
#[test]
fn watermarks_are_those_of_linux() {
    let marks = |gib: u64| {
        let marks = Buddy::new(gib << 18).watermarks();
        (marks.min, marks.low, marks.high)
    };
    assert_eq!(marks(1), (1024, 1286, 1548), "4 MiB; a thousandth of RAM is more than a quarter of that");
    let buddy = Buddy::new(16 << 18);
    assert_eq!(buddy.min_free_kbytes(), 16_384);
    let of_zones: Vec<_> = buddy.zones().map(|(zone, _)| zone.watermarks.min).collect();
    assert_eq!(of_zones, [1024, 3072], "by their size");
    let tiny = Buddy::new(256);
    assert_eq!((tiny.watermarks().min, tiny.free_frames()), (4, 256));
}
