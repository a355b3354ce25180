//! The daemon that makes large pages of small ones while programs run: every ten seconds of virtual time it looks at the next
//! sixteen MiB of somebody's memory (Linux's `khugepaged`).

use crate::Hw;
use crate::kernel::Kernel;
use crate::mm::{MmCx, ThpMode};
use arch::LinearAddr;
use event::Pid;

/// From one look to the next, in nanoseconds (`scan_sleep_millisecs`).
const SLEEP_NS: u64 = 10_000_000_000;
/// Aligned 2 MiB in one look (`pages_to_scan`).
const RANGES: usize = 8;

/// When the daemon looks, and where it was.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Khugepaged {
    /// When it looked last, in nanoseconds since boot.
    last_ns: u64,
    /// The process that it looks at, and from where on.
    at: (Pid, LinearAddr),
}

impl Default for Khugepaged {
    fn default() -> Self {
        Self { last_ns: 0, at: START }
    }
}

/// Before all processes.
const START: (Pid, LinearAddr) = (Pid(0), LinearAddr(0));

impl Kernel {
    /// Lets the daemon look if it is time.
    pub(crate) fn run_khugepaged(&mut self, hw: &mut Hw<'_>) {
        let now = self.clock.monotonic_ns(hw.instructions);
        if self.frames.thp.mode == ThpMode::Never || now - self.khugepaged.last_ns < SLEEP_NS {
            return;
        }
        self.khugepaged.last_ns = now;
        let mut left = RANGES;
        // Every process once, and the first again for what lies before where it was left.
        let turns = self.pids_where(|process| !process.has_ended()).len() + 1;
        for _ in 0..turns {
            let (pid, from) = self.khugepaged.at;
            let Some(pid) = self.pids_where(|process| !process.has_ended()).into_iter().find(|other| *other >= pid)
            else {
                self.khugepaged.at = START;
                continue;
            };
            let from = if pid == self.khugepaged.at.0 { from } else { LinearAddr(0) };
            let Some(mm) = self.process(pid).map(|process| process.mm) else { return };
            let mut cx = MmCx { hw, frames: &mut self.frames, vfs: &mut self.vfs, pid };
            let (looked_at, next) = self.mms[mm].khugepaged_scan(&mut cx, from, left);
            left -= looked_at;
            self.khugepaged.at = next.map_or((Pid(pid.0 + 1), LinearAddr(0)), |next| (pid, next));
            if left == 0 {
                return;
            }
        }
    }
}
