//! The daemon that makes large pages of small ones while programs run: every ten seconds of virtual time it looks at the next
//! sixteen MiB of somebody's memory (Linux's `khugepaged`), or as its settings say.

use crate::Hw;
use crate::kernel::Kernel;
use crate::mm::{MmCx, ThpMode};
use arch::{FRAME_SIZE, LinearAddr, PageSize};
use event::Pid;

const NS_PER_MS: u64 = 1_000_000;
/// Aligned 2 MiB in one look, whatever is set: more than RAM has.
const MOST_RANGES: u64 = 4096;
/// Looks that are made up for after a time in which nothing else happened either.
const MOST_LOOKS: u64 = 64;

/// When the daemon looks, and where it was.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Khugepaged {
    /// When it looked last, in nanoseconds since boot.
    last_ns: u64,
    /// Whether it lacked a block then: it waits for memory to become free (`khugepaged_alloc_sleep`).
    lacked_block: bool,
    /// The process that it looks at, and from where on.
    at: (Pid, LinearAddr),
}

impl Default for Khugepaged {
    fn default() -> Self {
        Self { last_ns: 0, lacked_block: false, at: START }
    }
}

/// Before all processes.
const START: (Pid, LinearAddr) = (Pid(0), LinearAddr(0));

impl Kernel {
    /// Lets the daemon look as often as its time has come since it looked last.
    pub(crate) fn run_khugepaged(&mut self, hw: &mut Hw<'_>) {
        let now = self.clock.monotonic_ns(hw.instructions);
        if self.frames.thp.mode == ThpMode::Never {
            self.khugepaged.last_ns = now;
            return;
        }
        for _ in 0..MOST_LOOKS {
            let settings = &self.frames.thp.settings;
            let sleep_ms =
                if self.khugepaged.lacked_block { settings.alloc_sleep_ms } else { settings.scan_sleep_ms }.max(1);
            if now - self.khugepaged.last_ns < sleep_ms * NS_PER_MS {
                return;
            }
            self.khugepaged.last_ns += sleep_ms * NS_PER_MS;
            self.khugepaged_do_scan(hw);
        }
        self.khugepaged.last_ns = now;
    }

    /// One look: at so many pages, or at everything.
    fn khugepaged_do_scan(&mut self, hw: &mut Hw<'_>) {
        let pages = self.frames.thp.settings.pages_to_scan;
        let ranges = pages.div_ceil(PageSize::Size2M.bytes() / FRAME_SIZE);
        let mut left = ranges.min(MOST_RANGES) as usize;
        self.khugepaged.lacked_block = false;
        // Every process once, and the first again for what lies before where it was left.
        let turns = self.pids_where(|process| !process.has_ended()).len() + 1;
        for _ in 0..=turns {
            let (pid, from) = self.khugepaged.at;
            let Some(pid) = self.pids_where(|process| !process.has_ended()).into_iter().find(|other| *other >= pid)
            else {
                self.khugepaged.at = START;
                self.frames.thp.settings.full_scans += 1;
                continue;
            };
            let from = if pid == self.khugepaged.at.0 { from } else { LinearAddr(0) };
            let Some(mm) = self.process(pid).map(|process| process.mm) else { return };
            let mut cx = MmCx { hw, frames: &mut self.frames, vfs: &mut self.vfs, pid };
            let looked = self.mms[mm].khugepaged_scan(&mut cx, from, left);
            left -= looked.ranges;
            self.khugepaged.lacked_block |= looked.lacked_block;
            self.khugepaged.at = looked.next.map_or((Pid(pid.0 + 1), LinearAddr(0)), |next| (pid, next));
            if left == 0 || looked.lacked_block {
                return;
            }
        }
    }
}
