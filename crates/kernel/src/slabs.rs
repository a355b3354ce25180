//! The slabs of the kernel layer's own objects, all together.
//!
//! Each table of objects has the caches of what it holds; here they are settled at the end of each entry into the kernel
//! layer, when nothing is half done, and gathered for /proc. A process takes a `task_struct` and a kernel stack.

use crate::kernel::Kernel;
use crate::mm::OutOfFrames;
use crate::mm::frames::{FrameTable, FrameUse};
use crate::mm::slab::{Cache, Object, PAGE_PTL, Pool, Reclaim, TASK_STRUCT, THREAD_STACK};
use event::Pid;
use std::collections::BTreeMap;

/// What processes take of RAM beside their pages, and paging structures beside their frames.
#[derive(Debug)]
pub(crate) struct TaskSlabs {
    tasks: Cache,
    stacks: Cache,
    ptls: Cache,
    of_tasks: BTreeMap<Pid, [Object; 2]>,
    of_tables: Pool,
    /// How many processes there were when this was last looked at, and the id handed out last.
    seen: (usize, u32),
}

impl Default for TaskSlabs {
    fn default() -> Self {
        Self {
            tasks: Cache::new(&TASK_STRUCT),
            stacks: Cache::new(&THREAD_STACK),
            ptls: Cache::new(&PAGE_PTL),
            of_tasks: BTreeMap::new(),
            of_tables: Pool::default(),
            seen: (0, 0),
        }
    }
}

impl TaskSlabs {
    /// Sees to it that there is room for another process (`dup_task_struct`).
    ///
    /// # Errors
    /// [`OutOfFrames`] if there is none.
    pub(crate) fn prepare(&mut self, frames: &mut FrameTable) -> Result<(), OutOfFrames> {
        self.tasks.prepare(frames)?;
        self.stacks.prepare(frames)
    }

    /// Takes note of which processes there are: their ids, in order.
    fn note(&mut self, pids: &[Pid]) {
        let gone: Vec<Pid> = self.of_tasks.keys().copied().filter(|pid| pids.binary_search(pid).is_err()).collect();
        for [task, stack] in gone.into_iter().filter_map(|pid| self.of_tasks.remove(&pid)) {
            self.tasks.free(task);
            self.stacks.free(stack);
        }
        for &pid in pids {
            self.of_tasks.entry(pid).or_insert_with(|| [self.tasks.alloc(), self.stacks.alloc()]);
        }
    }

    fn settle(&mut self, frames: &mut FrameTable) {
        let tables = frames.used_for(FrameUse::PageTable) as usize;
        if self.of_tables.len() != tables {
            self.of_tables.set(&mut self.ptls, tables);
        }
        self.tasks.settle(frames);
        self.stacks.settle(frames);
        self.ptls.settle(frames);
    }
}

impl Kernel {
    /// Makes what slabs take of RAM true again.
    pub(crate) fn settle_slabs(&mut self) {
        let seen = (self.processes.len(), self.processes.last_pid());
        if self.tasks.seen != seen || self.tasks.of_tasks.is_empty() {
            self.tasks.seen = seen;
            self.tasks.note(&self.pids_where(|_| true));
        }
        self.mms.count_vmas(self.current.mm);
        self.mms.settle(&mut self.frames);
        self.vfs.settle_slabs(&mut self.frames);
        self.tasks.settle(&mut self.frames);
    }

    /// The same once all processes have ended, and nobody will wait for them.
    pub(crate) fn settle_last_slabs(&mut self) {
        self.settle_slabs();
        self.tasks.note(&[]);
        self.tasks.settle(&mut self.frames);
    }

    /// The caches that /proc/slabinfo shows, by name.
    pub(crate) fn slab_caches(&self) -> Vec<&Cache> {
        let mut caches = self.vfs.slab_caches();
        caches.extend(self.mms.caches());
        caches.extend([&self.tasks.tasks, &self.tasks.ptls]);
        caches.sort_by_key(|cache| cache.kind().name);
        caches
    }

    /// Frames of slabs whose objects reclaim could free, or could not.
    pub(crate) fn slab_frames(&self, reclaim: Reclaim) -> u64 {
        let caches = self.slab_caches().into_iter().filter(|cache| cache.kind().reclaim == reclaim);
        caches.map(|cache| cache.slabs() * cache.kind().order().frames()).sum()
    }
}
