//! The texts about the whole system: what shells and small tools (`ps`, `free`, `uptime`) look at.

use super::USER_HZ;
use crate::Hw;
use crate::fs::SystemFile;
use crate::kernel::Kernel;
use crate::mm::MAX_MAP_COUNT;
use crate::syscall::identity::UTSNAME;
use crate::time::NSEC_PER_SEC;
use arch::FRAME_SIZE;

impl Kernel {
    pub(super) fn system_text(&self, hw: &Hw<'_>, file: SystemFile) -> String {
        let [ostype, hostname, release, version, _, domain] = UTSNAME;
        match file {
            SystemFile::Cmdline => "root=pagewalk ro\n".to_owned(),
            SystemFile::Cpuinfo => cpuinfo(),
            SystemFile::Filesystems => "nodev\ttmpfs\nnodev\tproc\n\text4\n".to_owned(),
            SystemFile::Loadavg => self.loadavg(),
            SystemFile::Meminfo => self.meminfo(),
            SystemFile::Stat => self.system_stat(hw),
            SystemFile::Swaps => "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n".to_owned(),
            SystemFile::Uptime => self.uptime(hw),
            SystemFile::Version => format!("{ostype} version {release} (pagewalk@pagewalk) {version}\n"),
            SystemFile::Ostype => format!("{ostype}\n"),
            SystemFile::Osrelease => format!("{release}\n"),
            SystemFile::Hostname => format!("{hostname}\n"),
            SystemFile::Domainname => format!("{domain}\n"),
            SystemFile::KernelVersion => format!("{version}\n"),
            SystemFile::PidMax => "32768\n".to_owned(),
            SystemFile::NgroupsMax => "65536\n".to_owned(),
            SystemFile::OvercommitMemory => "0\n".to_owned(),
            SystemFile::Swappiness => "60\n".to_owned(),
            SystemFile::MaxMapCount => format!("{MAX_MAP_COUNT}\n"),
            SystemFile::FileMax => "65536\n".to_owned(),
            SystemFile::NrOpen => "1048576\n".to_owned(),
            SystemFile::PipeMaxSize => "1048576\n".to_owned(),
        }
    }

    fn loadavg(&self) -> String {
        let (count, last) = (self.vfs.proc_pids().count(), self.vfs.proc_pids().last().unwrap_or(0));
        format!("0.00 0.00 0.00 1/{count} {last}\n")
    }

    /// Seconds up and seconds idle, with hundredths (`uptime_proc_show`).
    fn uptime(&self, hw: &Hw<'_>) -> String {
        let up = self.clock.monotonic_ns(hw.instructions);
        let idle = up - self.clock.cpu_ns(hw.instructions).min(up);
        let show = |ns: u64| format!("{}.{:02}", ns / NSEC_PER_SEC, ns % NSEC_PER_SEC / (NSEC_PER_SEC / 100));
        format!("{} {}\n", show(up), show(idle))
    }

    fn meminfo(&self) -> String {
        let total = self.frames.total();
        let free = total - self.frames.in_use().min(total);
        let fields = [
            ("MemTotal:", total),
            ("MemFree:", free),
            ("MemAvailable:", free),
            ("Buffers:", 0),
            ("Cached:", 0),
            ("SwapCached:", 0),
            ("Active:", 0),
            ("Inactive:", 0),
            ("SwapTotal:", 0),
            ("SwapFree:", 0),
            ("Dirty:", 0),
            ("Writeback:", 0),
            ("Mapped:", 0),
            ("Shmem:", 0),
            ("Slab:", 0),
            ("SReclaimable:", 0),
        ];
        fields.iter().map(|(name, pages)| format!("{name:<16}{:>8} kB\n", pages * (FRAME_SIZE / 1024))).collect()
    }

    fn system_stat(&self, hw: &Hw<'_>) -> String {
        let ticks = |ns: u64| ns / (NSEC_PER_SEC / USER_HZ);
        let (user, system) = (ticks(hw.instructions), ticks(self.clock.system_ns()));
        let idle = ticks(self.clock.monotonic_ns(hw.instructions)).saturating_sub(user + system);
        let times = format!("{user} 0 {system} {idle} 0 0 0 0 0 0");
        let boot = self.clock.realtime_of(0) / NSEC_PER_SEC;
        let last = self.vfs.proc_pids().last().unwrap_or(0);
        format!(
            "cpu  {times}\ncpu0 {times}\nintr 0\nctxt 0\nbtime {boot}\nprocesses {last}\nprocs_running 1\n\
             procs_blocked 0\nsoftirq 0 0 0 0 0 0 0 0 0 0 0\n"
        )
    }
}

/// One processor, as CPUID describes it: the baseline and nothing more.
fn cpuinfo() -> String {
    "processor\t: 0\nvendor_id\t: GenuineIntel\nmodel name\t: pagewalk\ncpu MHz\t\t: 1000.000\nphysical id\t: 0\nsiblings\t: 1\n\
     core id\t\t: 0\ncpu cores\t: 1\nfpu\t\t: yes\nfpu_exception\t: yes\nwp\t\t: yes\n\
     flags\t\t: fpu cx8 cmov mmx fxsr sse sse2 syscall nx lm\nclflush size\t: 64\naddress sizes\t: 46 bits physical, 48 bits virtual\n\n"
        .to_owned()
}
