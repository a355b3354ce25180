//! The texts about the whole system: what shells and small tools (`ps`, `free`, `uptime`) look at.

use super::USER_HZ;
use crate::Hw;
use crate::fs::SystemFile;
use crate::kernel::Kernel;
use crate::process::FIRST_PID;
use crate::random::Random;
use crate::syscall::identity::UTSNAME;
use crate::time::NSEC_PER_SEC;
use arch::Features;

impl Kernel {
    pub(super) fn system_text(&mut self, hw: &Hw<'_>, file: SystemFile) -> String {
        let [ostype, hostname, release, version, _, domain] = UTSNAME;
        match file {
            SystemFile::Cmdline => "root=pagewalk ro\n".to_owned(),
            SystemFile::Cpuinfo => cpuinfo(self.features),
            SystemFile::Filesystems => {
                "nodev\tsysfs\nnodev\ttmpfs\nnodev\tproc\nnodev\tdevtmpfs\nnodev\thugetlbfs\n\text4\n".to_owned()
            }
            SystemFile::Loadavg => self.loadavg(),
            SystemFile::Meminfo => self.meminfo(),
            SystemFile::Buddyinfo => self.buddyinfo(),
            SystemFile::Slabinfo => self.slabinfo(),
            SystemFile::Vmstat => self.vmstat(),
            SystemFile::Zoneinfo => self.zoneinfo(),
            SystemFile::Stat => self.system_stat(hw),
            SystemFile::Swaps => self.frames.swap.table.proc_swaps(),
            SystemFile::Uptime => self.uptime(hw),
            SystemFile::Version => format!("{ostype} version {release} (pagewalk@pagewalk) {version}\n"),
            SystemFile::Ostype => format!("{ostype}\n"),
            SystemFile::Osrelease => format!("{release}\n"),
            SystemFile::Hostname => format!("{hostname}\n"),
            SystemFile::Domainname => format!("{domain}\n"),
            SystemFile::KernelVersion => format!("{version}\n"),
            SystemFile::NgroupsMax => "65536\n".to_owned(),
            SystemFile::FileMax => "65536\n".to_owned(),
            SystemFile::NrOpen => "1048576\n".to_owned(),
            SystemFile::SysvShm => self.sysvipc_shm(),
            SystemFile::PipeMaxSize => "1048576\n".to_owned(),
            SystemFile::Kpagecount | SystemFile::Kpageflags => String::new(), // they are read where they lie
            SystemFile::Cgroups => "#subsys_name\thierarchy\tnum_cgroups\tenabled\n".to_owned(),
            SystemFile::LastPid => format!("{}\n", self.processes.last_pid().max(FIRST_PID.0)),
            SystemFile::ThreadsMax => format!("{}\n", self.max_processes),
            SystemFile::BootId => uuid(&mut Random::new(self.clock.realtime_of(0))),
            SystemFile::Uuid => uuid(&mut self.random),
            SystemFile::NodeMeminfo => self.node_meminfo(),
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

/// A random name of version 4 (`proc_do_uuid`).
fn uuid(random: &mut Random) -> String {
    let mut bytes = [0; 16];
    random.fill(&mut bytes);
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let mut text = String::new();
    for (index, byte) in bytes.iter().enumerate() {
        text += if matches!(index, 4 | 6 | 8 | 10) { "-" } else { "" };
        text += &format!("{byte:02x}");
    }
    text + "\n"
}

/// One processor, as CPUID describes it (`show_cpuinfo`).
fn cpuinfo(features: Features) -> String {
    let flags: Vec<&str> = features.names().collect();
    let flags = flags.join(" ");
    format!(
        "processor\t: 0\nvendor_id\t: GenuineIntel\ncpu family\t: 6\nmodel\t\t: 42\nmodel name\t: pagewalk x86-64 machine\n\
         stepping\t: 7\ncpu MHz\t\t: 1000.000\nphysical id\t: 0\nsiblings\t: 1\ncore id\t\t: 0\ncpu cores\t: 1\nfpu\t\t: yes\n\
         fpu_exception\t: yes\ncpuid level\t: 24\nwp\t\t: yes\nflags\t\t: {flags}\nclflush size\t: 64\n\
         address sizes\t: 46 bits physical, 48 bits virtual\n\n"
    )
}
