//! Slab caches: the small objects of the kernel layer in frames of RAM (Linux's `mm/slub.c`).
//!
//! The objects themselves live in host structures; what is here is the room that they would take. An [`Object`] is that
//! room, kept with what it is for; its number says its slab.
//!
//! Protocol. Many objects are made where nobody has frames at hand. So [`Cache::alloc`] and [`Cache::free`] only count, and
//! [`Cache::settle`], at the end of each entry into the kernel layer, gives frames to slabs that got their first object
//! and takes back those of slabs that lost their last. A slab that finds no frames is tried again the next time;
//! whoever would rather fail asks [`Cache::prepare`] first. Once settled, a slab has frames exactly if it has an object.

use super::buddy::{Gfp, Order};
use super::frames::{FrameTable, FrameUse};
use super::pgtable::OutOfFrames;
use arch::{FRAME_SIZE, Pfn};
use std::collections::BTreeSet;

/// What the objects of a cache are.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Kind {
    /// The name that /proc/slabinfo shows.
    pub(crate) name: &'static str,
    /// Bytes of an object, as in Linux 6.18 on x86-64.
    pub(crate) object_bytes: u64,
    /// The size of a slab.
    pub(crate) order: u8,
    /// What its frames count as.
    pub(crate) usage: FrameUse,
    /// Whether reclaim could free objects (`SLAB_RECLAIM_ACCOUNT`).
    pub(crate) reclaim: Reclaim,
}

/// Whether a cache's objects can be made again, and so be dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reclaim {
    /// They can: `SReclaimable`.
    Reclaimable,
    /// They cannot: `SUnreclaim`.
    Unreclaimable,
}

impl Kind {
    const fn slab(name: &'static str, object_bytes: u64, order: u8, reclaim: Reclaim) -> Self {
        Self { name, object_bytes, order, usage: FrameUse::Slab, reclaim }
    }

    /// Whole frames that count as something else, each object a block of its own.
    const fn block(name: &'static str, order: u8, usage: FrameUse) -> Self {
        Self { name, object_bytes: FRAME_SIZE << order, order, usage, reclaim: Reclaim::Unreclaimable }
    }

    /// Objects in a slab: at most 64.
    pub(crate) const fn per_slab(&self) -> u64 {
        self.order().frames() * FRAME_SIZE / self.object_bytes
    }

    /// Frames of a slab.
    pub(crate) const fn order(&self) -> Order {
        Order::new(self.order).expect("a slab is no larger than a block")
    }

    /// The bits of the objects of a full slab.
    const fn full(&self) -> u64 {
        u64::MAX >> (64 - self.per_slab())
    }
}

/// A process (`struct task_struct`).
pub(crate) static TASK_STRUCT: Kind = Kind::slab("task_struct", 5952, 3, Reclaim::Unreclaimable);
/// The kernel stack of a process: 16 KiB (`THREAD_SIZE`).
pub(crate) static THREAD_STACK: Kind = Kind::block("thread_stack", 2, FrameUse::KernelStack);
/// An address space.
pub(crate) static MM_STRUCT: Kind = Kind::slab("mm_struct", 1600, 3, Reclaim::Unreclaimable);
/// A mapping.
pub(crate) static VM_AREA_STRUCT: Kind = Kind::slab("vm_area_struct", 192, 0, Reclaim::Unreclaimable);
/// What is kept of a paging structure beside its frame: its lock, as large as in kernels that keep it apart.
pub(crate) static PAGE_PTL: Kind = Kind::slab("page->ptl", 72, 0, Reclaim::Unreclaimable);
/// A file in memory (`struct inode`).
pub(crate) static INODE: Kind = Kind::slab("inode_cache", 624, 1, Reclaim::Reclaimable);
/// A name in a directory, or that there is no such name.
pub(crate) static DENTRY: Kind = Kind::slab("dentry", 192, 0, Reclaim::Reclaimable);
/// An open file (`struct file`).
pub(crate) static FILP: Kind = Kind::slab("filp", 192, 0, Reclaim::Unreclaimable);
/// Part of a pipe's array of `struct pipe_buffer`, 40 bytes for each slot.
pub(crate) static PIPE_BUFFERS: Kind = Kind::slab("kmalloc-cg-1k", 1024, 2, Reclaim::Unreclaimable);
/// A page of what is in a pipe.
pub(crate) static PIPE_PAGE: Kind = Kind::block("pipe page", 0, FrameUse::Pipe);

/// The room of one object. Whoever has it gives it back to its cache.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Object(u32);

#[derive(Debug, Default)]
struct Slab {
    /// A bit for each object.
    used: u64,
    frames: Option<SlabFrames>,
}

/// Where a slab is. Linux falls back to smaller slabs where there is no block, and keeps kernel stacks, which are slabs of one object here, in
/// virtually contiguous memory.
#[derive(Debug)]
enum SlabFrames {
    Block(Pfn),
    Apart(Vec<Pfn>),
}

impl SlabFrames {
    fn alloc(frames: &mut FrameTable, kind: &Kind) -> Result<Self, OutOfFrames> {
        if let Some((block, _)) = frames.alloc_order(kind.usage, kind.order(), Gfp::Kernel) {
            return Ok(Self::Block(block));
        }
        let mut apart = Vec::new();
        for _ in 0..kind.order().frames() {
            match frames.alloc_order(kind.usage, Order::ZERO, Gfp::Kernel) {
                Some((frame, _)) => apart.push(frame),
                None => {
                    apart.into_iter().for_each(|frame| frames.put(frame));
                    return Err(OutOfFrames);
                }
            }
        }
        Ok(Self::Apart(apart))
    }

    fn free(self, frames: &mut FrameTable, kind: &Kind) {
        match self {
            Self::Block(block) => frames.free_order(block, kind.order()),
            Self::Apart(apart) => apart.into_iter().for_each(|frame| frames.put(frame)),
        }
    }
}

/// All objects of one kind.
#[derive(Debug)]
pub(crate) struct Cache {
    kind: &'static Kind,
    slabs: Vec<Slab>,
    /// Slabs with room; the lowest is filled first.
    partial: BTreeSet<u32>,
    /// Slabs that may have objects and no frames, or frames and no object.
    unsettled: Vec<u32>,
    objects: u64,
    backed: u64,
}

impl Cache {
    pub(crate) const fn new(kind: &'static Kind) -> Self {
        Self { kind, slabs: Vec::new(), partial: BTreeSet::new(), unsettled: Vec::new(), objects: 0, backed: 0 }
    }

    pub(crate) const fn kind(&self) -> &'static Kind {
        self.kind
    }

    /// Objects there are.
    pub(crate) const fn objects(&self) -> u64 {
        self.objects
    }

    /// Slabs that have frames.
    pub(crate) const fn slabs(&self) -> u64 {
        self.backed
    }

    /// Room for an object, in the first slab that has some.
    pub(crate) fn alloc(&mut self) -> Object {
        let at = self.first_with_room();
        let slab = &mut self.slabs[at as usize];
        let bit = slab.used.trailing_ones();
        if slab.used == 0 {
            self.unsettled.push(at);
        }
        slab.used |= 1 << bit;
        if slab.used == self.kind.full() {
            self.partial.remove(&at);
        }
        self.objects += 1;
        Object(at * self.kind.per_slab() as u32 + bit)
    }

    /// Takes an object back.
    pub(crate) fn free(&mut self, object: Object) {
        let per_slab = self.kind.per_slab() as u32;
        let (at, bit) = (object.0 / per_slab, 1 << (object.0 % per_slab));
        let slab = &mut self.slabs[at as usize];
        debug_assert!(slab.used & bit != 0, "{object:?} of {} is free", self.kind.name);
        slab.used &= !bit;
        if slab.used == 0 {
            self.unsettled.push(at);
        }
        self.partial.insert(at);
        self.objects -= 1;
    }

    /// Sees to it that the next object has a slab with frames.
    ///
    /// # Errors
    /// [`OutOfFrames`] if that needs a slab and there are no frames for it.
    pub(crate) fn prepare(&mut self, frames: &mut FrameTable) -> Result<(), OutOfFrames> {
        let at = self.first_with_room();
        self.unsettled.push(at);
        self.back(frames, at)
    }

    /// Gives slabs with objects their frames, and takes those of empty ones.
    pub(crate) fn settle(&mut self, frames: &mut FrameTable) {
        for at in std::mem::take(&mut self.unsettled) {
            let slab = &mut self.slabs[at as usize];
            if slab.used != 0 {
                if self.back(frames, at).is_err() {
                    self.unsettled.push(at);
                }
            } else if let Some(of_slab) = slab.frames.take() {
                of_slab.free(frames, self.kind);
                self.backed -= 1;
            }
        }
    }

    fn back(&mut self, frames: &mut FrameTable, at: u32) -> Result<(), OutOfFrames> {
        let slab = &mut self.slabs[at as usize];
        if slab.frames.is_none() {
            slab.frames = Some(SlabFrames::alloc(frames, self.kind)?);
            self.backed += 1;
        }
        Ok(())
    }

    fn first_with_room(&mut self) -> u32 {
        if let Some(&at) = self.partial.first() {
            return at;
        }
        let at = self.slabs.len() as u32;
        self.slabs.push(Slab::default());
        self.partial.insert(at);
        at
    }
}

/// Objects that are kept by number only: the last that came goes first.
#[derive(Debug, Default)]
pub(crate) struct Pool(Vec<Object>);

impl Pool {
    /// Makes it so many.
    pub(crate) fn set(&mut self, cache: &mut Cache, count: usize) {
        while self.0.len() < count {
            self.0.push(cache.alloc());
        }
        for object in self.0.drain(count..) {
            cache.free(object);
        }
    }

    /// How many there are.
    pub(crate) const fn len(&self) -> usize {
        self.0.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const RAM: u64 = 16 << 20;

    #[test]
    fn objects_fill_a_slab_before_the_next_and_the_last_one_gives_its_frames_back() {
        let (mut frames, mut cache) = (FrameTable::new(RAM), Cache::new(&MM_STRUCT));
        let mut objects: Vec<Object> = (0..21).map(|_| cache.alloc()).collect();
        assert_eq!((cache.slabs(), frames.used_for(FrameUse::Slab)), (0, 0), "nothing is settled");
        cache.settle(&mut frames);
        assert_eq!((cache.objects(), cache.slabs(), frames.used_for(FrameUse::Slab)), (21, 2, 16));
        cache.free(objects.pop().unwrap());
        cache.settle(&mut frames);
        assert_eq!(frames.used_for(FrameUse::Slab), 8);
        cache.free(objects.remove(3));
        assert_eq!(cache.alloc(), Object(3), "there is room in the first");
    }

    #[test]
    fn a_slab_waits_for_frames_or_fails() {
        let (mut frames, mut cache) = (FrameTable::new(8 * FRAME_SIZE), Cache::new(&TASK_STRUCT));
        assert_eq!(cache.prepare(&mut frames), Err(OutOfFrames), "7 frames, and it takes 8");
        let object = cache.alloc();
        cache.settle(&mut frames);
        assert_eq!((cache.objects(), cache.slabs()), (1, 0));
        frames = FrameTable::new(RAM);
        cache.settle(&mut frames);
        assert_eq!(cache.slabs(), 1);
        cache.free(object);
        assert_eq!(cache.prepare(&mut frames), Ok(()));
        cache.settle(&mut frames);
        assert_eq!((cache.slabs(), frames.in_use()), (0, 1), "what was prepared in vain goes too");
    }

    #[test]
    fn sizes_are_those_of_linux() {
        let shape = |kind: &Kind| (kind.per_slab(), kind.order().frames());
        let kinds = [&TASK_STRUCT, &MM_STRUCT, &VM_AREA_STRUCT, &INODE, &DENTRY, &FILP, &PIPE_BUFFERS];
        assert_eq!(kinds.map(shape), [(5, 8), (20, 8), (21, 1), (13, 2), (21, 1), (21, 1), (16, 4)]);
    }

    proptest! {
        #[test]
        fn once_settled_a_slab_has_frames_exactly_if_it_has_an_object(
            steps in prop::collection::vec((0u8..8, any::<usize>()), 1..300),
        ) {
            let (mut frames, mut cache) = (FrameTable::new(RAM), Cache::new(&INODE));
            let mut held: Vec<Object> = Vec::new();
            for (step, which) in steps {
                match step {
                    0..=3 => held.push(cache.alloc()),
                    4..=6 if !held.is_empty() => cache.free(held.swap_remove(which % held.len())),
                    _ => {
                        cache.settle(&mut frames);
                        let slabs: BTreeSet<u32> = held.iter().map(|object| object.0 / 13).collect();
                        prop_assert_eq!(slabs.len() as u64, cache.slabs());
                        prop_assert_eq!(frames.used_for(FrameUse::Slab), 2 * cache.slabs());
                    }
                }
                let distinct: BTreeSet<u32> = held.iter().map(|object| object.0).collect();
                prop_assert_eq!(distinct.len() as u64, cache.objects());
            }
            held.into_iter().for_each(|object| cache.free(object));
            cache.settle(&mut frames);
            prop_assert_eq!(frames.in_use(), 1);
        }
    }
}
