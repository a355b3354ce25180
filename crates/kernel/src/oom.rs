//! When memory is short: the daemon that frees it in time, and who is killed if it cannot (Linux's `kswapd`, `oom_kill.c`).

use crate::Hw;
use crate::kernel::Kernel;
use crate::mm::invariants::{self, Violation};
use crate::mm::reclaim::{self, Reclaimer};
use crate::mm::sysctl::DropCaches;
use crate::mm::{MmCx, RssKind};
use crate::process::Process;
use crate::signal::{SigInfo, Signal, Target};
use arch::{FRAME_SIZE, LinearAddr, UserContext};
use event::Pid;
use paging::PhysMem;
use std::fmt;

/// Runs in a row that freed nothing, after which kswapd gives up until memory comes back by itself.
const MAX_RECLAIM_RETRIES: u32 = 16;

/// How often a page may come again for an instruction that does not retire.
const MAX_FRUITLESS_FAULTS: u32 = 16;

/// Watches for an instruction that never gets all its pages at once, because too little memory is left to hold them: they
/// go as fast as they come. Linux would try for ever.
#[derive(Debug, Default)]
pub(crate) struct Thrashing {
    /// Instructions so far and the registers, which tell whether there was any progress.
    at: (u64, u64, [u64; 16]),
    /// The page that was missed first.
    page: LinearAddr,
    /// How often it was missed again.
    fruitless: u32,
}

impl Thrashing {
    /// Notes a fault; true if it is one too many.
    pub(crate) fn note_fault(&mut self, instructions: u64, ctx: &UserContext, page: LinearAddr) -> bool {
        let at = (instructions, ctx.rip, ctx.gpr);
        if at != self.at {
            *self = Self { at, page, fruitless: 0 };
        } else if page == self.page {
            self.fruitless += 1;
        }
        self.fruitless >= MAX_FRUITLESS_FAULTS
    }
}

/// A process that was killed for its memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OomKill {
    /// Which.
    pub pid: Pid,
    /// Its name.
    pub comm: String,
    /// Whose it was.
    pub uid: u32,
    /// Pages that it had mapped, resident or not.
    pub total_vm_pages: u64,
    /// Its anonymous pages in memory.
    pub anon_pages: u64,
    /// Its pages of files in memory.
    pub file_pages: u64,
    /// Its pages of shared memory in memory.
    pub shmem_pages: u64,
    /// Its pages on the swap device.
    pub swap_pages: u64,
    /// What it was adjusted by (`oom_score_adj`).
    pub score_adj: i16,
}

impl fmt::Display for OomKill {
    /// As Linux prints it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kb = |pages: u64| pages * FRAME_SIZE / 1024;
        write!(
            f,
            "Out of memory: Killed process {} ({}) total-vm:{}kB, anon-rss:{}kB, file-rss:{}kB, shmem-rss:{}kB, swap:{}kB, \
             UID:{} oom_score_adj:{}",
            self.pid.0,
            self.comm,
            kb(self.total_vm_pages),
            kb(self.anon_pages),
            kb(self.file_pages),
            kb(self.shmem_pages),
            kb(self.swap_pages),
            self.uid,
            self.score_adj
        )
    }
}

/// Who was chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Victim {
    /// The process that needs the frame.
    Current,
    /// Another, whose memory is free now.
    Other,
}

impl Kernel {
    /// Reclaims up to the high watermark if fewer frames are free than the low one (`balance_pgdat`), and hands on the
    /// invalidations that reclaim calls for. From one time to the next some instruction has to retire, lest pages that one
    /// instruction needs go in turn for ever.
    pub(crate) fn balance_memory(&mut self, hw: &mut Hw<'_>) {
        if let Some(what) = self.frames.sysctl.drop_caches.take() {
            self.drop_caches(hw, what);
        }
        let marks = self.frames.watermarks();
        let free = self.frames.free_frames();
        if free >= marks.low {
            self.kswapd_failures = 0;
        } else if self.kswapd_failures < MAX_RECLAIM_RETRIES && self.kswapd_ran_at != hw.instructions {
            self.kswapd_ran_at = hw.instructions;
            self.frames.stat.pageoutrun += 1;
            let (vfs, _, mut cx) = self.fs_cx(hw);
            let freed = reclaim::shrink(&mut cx, vfs, marks.high - free, Reclaimer::Kswapd);
            self.kswapd_failures = if freed > 0 { 0 } else { self.kswapd_failures + 1 };
        }
        hw.shootdown.merge(std::mem::take(&mut self.frames.pending));
    }

    /// `/proc/sys/vm/drop_caches` was written.
    fn drop_caches(&mut self, hw: &mut Hw<'_>, what: DropCaches) {
        let (vfs, _, mut cx) = self.fs_cx(hw);
        if what != DropCaches::Slab {
            vfs.drop_clean_pages(&mut cx);
            cx.frames.stat.drop_pagecache += 1;
        }
        if what != DropCaches::PageCache {
            cx.frames.stat.drop_slab += 1;
        }
    }

    /// Nothing can be taken out of memory any more: kills the process that has most (`out_of_memory`). Another than the
    /// current one loses its anonymous memory at once (`oom_reap_task_mm`), and its life when its turn comes.
    pub(crate) fn out_of_memory(&mut self, hw: &mut Hw<'_>) -> Victim {
        let living = self.pids_where(|process| !process.has_ended() && !process.is_oom_victim);
        let scored = living.into_iter().filter_map(|pid| Some((self.oom_badness(self.process(pid)?)?, pid)));
        // Of equals, the youngest.
        let Some((_, pid)) = scored.max() else { return Victim::Current };
        self.frames.stat.oom_kill += 1;
        self.record_oom_kill(pid);
        let Some(victim) = self.process_mut(pid) else { return Victim::Current };
        victim.is_oom_victim = true;
        let mm = victim.mm;
        if pid == self.current.pid || mm == self.current.mm {
            return Victim::Current;
        }
        self.raise(pid, Target::Process, SigInfo::kernel(Signal::KILL));
        let mut cx = MmCx { hw, frames: &mut self.frames, vfs: &mut self.vfs, pid };
        self.mms[mm].oom_reap(&mut cx);
        Victim::Other
    }

    /// How much would be won by killing a process, in pages (`oom_badness`); `None` if it must not be killed.
    pub(crate) fn oom_badness(&self, process: &Process) -> Option<i64> {
        const OOM_SCORE_ADJ_MIN: i16 = -1000;
        if process.has_ended() || process.oom_score_adj == OOM_SCORE_ADJ_MIN {
            return None;
        }
        let rss = self.mms[process.mm].rss();
        let points = (rss.resident() + rss.get(RssKind::Swap)).cast_signed();
        Some(points + i64::from(process.oom_score_adj) * (self.pages_in_all() / 1000).cast_signed())
    }

    /// Pages that memory and the swap device hold together.
    pub(crate) fn pages_in_all(&self) -> u64 {
        self.frames.total() + u64::from(self.frames.swap.table.total())
    }

    fn record_oom_kill(&mut self, pid: Pid) {
        let Some(process) = self.process(pid) else { return };
        let mm = &self.mms[process.mm];
        let comm = process.comm.split(|&byte| byte == 0).next().unwrap_or_default();
        let kill = OomKill {
            pid,
            comm: String::from_utf8_lossy(comm).into_owned(),
            uid: process.credentials.user.real,
            total_vm_pages: mm.total_vm_pages(),
            anon_pages: mm.rss().get(RssKind::Anon),
            file_pages: mm.rss().get(RssKind::File),
            shmem_pages: mm.rss().get(RssKind::Shmem),
            swap_pages: mm.rss().get(RssKind::Swap),
            score_adj: process.oom_score_adj,
        };
        self.oom_kills.push(kill);
    }

    /// Checks everything that [`invariants`] says of memory.
    ///
    /// # Errors
    /// The first thing that does not hold.
    pub fn check_invariants(&self, mem: &dyn PhysMem) -> Result<(), Violation> {
        invariants::check(mem, &self.frames, &self.vfs, self.mms.iter())
    }

    /// The processes that were killed for their memory.
    #[must_use]
    pub fn oom_kills(&self) -> &[OomKill] {
        &self.oom_kills
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_that_come_and_go_for_one_instruction_are_noticed() {
        let mut thrashing = Thrashing::default();
        let mut ctx = UserContext::at_entry(LinearAddr(0x40_0000), LinearAddr(0x7fff_0000));
        let pages = [0x1000, 0x2000, 0x3000].map(LinearAddr);
        let mut rounds = |instructions: u64, ctx: &UserContext, rounds: usize| {
            (0..3 * rounds).any(|i| thrashing.note_fault(instructions, ctx, pages[i % 3]))
        };
        assert!(!rounds(5, &ctx, 16), "the first time is no repetition");
        assert!(!rounds(6, &ctx, 16), "an instruction has retired");
        ctx.gpr[1] += 8;
        assert!(!rounds(6, &ctx, 16), "a string instruction got on");
        assert!(rounds(6, &ctx, 1));
    }
}
