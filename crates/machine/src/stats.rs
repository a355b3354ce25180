//! What a run amounted to, counted from the events that the kernel layer tells of.
//!
//! Every figure is the guest's: it is the same on each run and for every size of the MMU's fast table.

use event::{Event, EventSink, Moment, Resolution};
use std::fmt;

/// The figures of `--stat`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Instructions retired; a repeated string instruction counts as one.
    pub instructions: u64,
    /// System calls.
    pub syscalls: u64,
    /// Signals that reached a handler.
    pub signals: u64,
    /// Processes that were made, the first one not included.
    pub forks: u64,
    /// Programs that were executed, the first one included.
    pub execs: u64,
    /// Times that another process came to run.
    pub context_switches: u64,
    /// Page faults by what came of them, in the order of [`Resolution::ALL`].
    pub faults: [u64; Resolution::ALL.len()],
    /// Faults that made the stack grow; they are also counted by what came of them.
    pub stack_growths: u64,
    /// Loads of CR3.
    pub cr3_writes: u64,
    /// Flushes of all translations that are not global, CR3 writes not counted.
    pub full_flushes: u64,
    /// Invalidations of a single page.
    pub page_flushes: u64,
    /// The most user pages that were resident at once.
    pub peak_resident_pages: u64,
    /// The most frames that were in use at once, for any purpose.
    pub peak_frames: u64,
}

impl EventSink for Stats {
    fn record(&mut self, _: Moment, event: &Event) {
        match event {
            Event::Fault(fault) => {
                self.faults[fault.resolution as usize] += 1;
                self.stack_growths += u64::from(fault.stack_grew);
            }
            Event::Syscall { .. } => self.syscalls += 1,
            Event::Signal { .. } => self.signals += 1,
            Event::Fork { .. } => self.forks += 1,
            Event::Exec { .. } => self.execs += 1,
            Event::Switch { .. } => self.context_switches += 1,
            _ => {}
        }
    }
}

impl Stats {
    /// All page faults.
    #[must_use]
    pub fn page_faults(&self) -> u64 {
        self.faults.iter().sum()
    }

    /// Page faults that ended so.
    #[must_use]
    pub const fn faults_resolved_as(&self, resolution: Resolution) -> u64 {
        self.faults[resolution as usize]
    }
}

impl fmt::Display for Stats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut line = |value: u64, name: &str| writeln!(f, "{value:>16}  {name}");
        line(self.instructions, "instructions")?;
        line(self.syscalls, "system-calls")?;
        line(self.signals, "signals-handled")?;
        line(self.forks, "forks")?;
        line(self.execs, "execs")?;
        line(self.context_switches, "context-switches")?;
        line(self.page_faults(), "page-faults")?;
        for resolution in Resolution::ALL {
            let count = self.faults_resolved_as(resolution);
            if count > 0 {
                line(count, &format!("  {}", resolution.name()))?;
            }
        }
        line(self.stack_growths, "stack-growths")?;
        line(self.cr3_writes, "cr3-writes")?;
        line(self.full_flushes, "tlb-flushes-all")?;
        line(self.page_flushes, "tlb-flushes-page")?;
        line(self.peak_resident_pages, "peak-resident-pages")?;
        line(self.peak_frames, "peak-frames")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The array is indexed by the enum, so both must keep one order.
    #[test]
    fn resolutions_are_counted_in_their_order() {
        for (index, resolution) in Resolution::ALL.into_iter().enumerate() {
            assert_eq!(resolution as usize, index);
        }
    }

    #[test]
    fn only_what_happened_is_listed() {
        let mut stats = Stats { instructions: 12, ..Stats::default() };
        stats.faults[Resolution::DemandZero as usize] = 3;
        let text = stats.to_string();
        assert!(text.contains("              12  instructions\n"));
        assert!(text.contains("               3    demand-zero\n"));
        assert!(!text.contains("sigbus"));
    }
}
