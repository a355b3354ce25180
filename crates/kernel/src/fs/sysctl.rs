//! What is in /proc/sys.
//!
//! Numbers that mean something here can be written, and are in force then. The rest is shown with the value that it has on a
//! Linux just started, or that is true of this kernel layer, and takes no other.

use super::knob::{Knob, Value};
use super::procfs::SystemFile as S;
use crate::mm::sysctl::Setting;

const fn fixed(path: &'static str, permissions: u32, text: &'static str) -> Knob {
    Knob { path, permissions, value: Value::Fixed(text) }
}

const fn system(path: &'static str, permissions: u32, file: S) -> Knob {
    Knob { path, permissions, value: Value::System(file) }
}

const fn setting(path: &'static str, setting: Setting) -> Knob {
    let permissions = if matches!(setting, Setting::DropCaches) { 0o200 } else { 0o644 };
    Knob { path, permissions, value: Value::Setting(setting) }
}

/// In the order of their paths, name by name.
pub(super) const KNOBS: &[Knob] = &[
    system("fs/file-max", 0o644, S::FileMax),
    fixed("fs/lease-break-time", 0o644, "45"),
    fixed("fs/leases-enable", 0o644, "1"),
    fixed("fs/mount-max", 0o644, "100000"),
    system("fs/nr_open", 0o644, S::NrOpen),
    fixed("fs/overflowgid", 0o644, "65534"),
    fixed("fs/overflowuid", 0o644, "65534"),
    system("fs/pipe-max-size", 0o644, S::PipeMaxSize),
    fixed("fs/suid_dumpable", 0o644, "0"),
    fixed("kernel/arch", 0o444, "x86_64"),
    fixed("kernel/cap_last_cap", 0o444, "40"),
    fixed("kernel/core_pattern", 0o644, "core"),
    fixed("kernel/core_pipe_limit", 0o644, "0"),
    fixed("kernel/core_uses_pid", 0o644, "0"),
    fixed("kernel/dmesg_restrict", 0o644, "0"),
    system("kernel/domainname", 0o644, S::Domainname),
    system("kernel/hostname", 0o644, S::Hostname),
    fixed("kernel/kptr_restrict", 0o644, "0"),
    fixed("kernel/msg_next_id", 0o444, "-1"),
    fixed("kernel/msgmax", 0o644, "8192"),
    fixed("kernel/msgmnb", 0o644, "16384"),
    fixed("kernel/msgmni", 0o644, "32000"),
    system("kernel/ngroups_max", 0o444, S::NgroupsMax),
    system("kernel/ns_last_pid", 0o444, S::LastPid),
    fixed("kernel/numa_balancing", 0o644, "0"),
    system("kernel/osrelease", 0o444, S::Osrelease),
    system("kernel/ostype", 0o444, S::Ostype),
    fixed("kernel/overflowgid", 0o644, "65534"),
    fixed("kernel/overflowuid", 0o644, "65534"),
    fixed("kernel/panic", 0o644, "0"),
    fixed("kernel/panic_on_oops", 0o644, "0"),
    fixed("kernel/panic_on_warn", 0o644, "0"),
    setting("kernel/pid_max", Setting::PidMax),
    fixed("kernel/print-fatal-signals", 0o644, "0"),
    fixed("kernel/printk", 0o644, "4\t4\t1\t7"),
    system("kernel/random/boot_id", 0o444, S::BootId),
    fixed("kernel/random/entropy_avail", 0o444, "256"),
    fixed("kernel/random/poolsize", 0o444, "256"),
    system("kernel/random/uuid", 0o444, S::Uuid),
    fixed("kernel/randomize_va_space", 0o644, "0"),
    fixed("kernel/sched_rr_timeslice_ms", 0o644, "100"),
    fixed("kernel/sched_rt_period_us", 0o644, "1000000"),
    fixed("kernel/sched_rt_runtime_us", 0o644, "950000"),
    fixed("kernel/sem", 0o644, "32000\t1024000000\t500\t32000"),
    fixed("kernel/sem_next_id", 0o444, "-1"),
    fixed("kernel/shm_next_id", 0o444, "-1"),
    fixed("kernel/shm_rmid_forced", 0o644, "0"),
    setting("kernel/shmall", Setting::ShmAll),
    setting("kernel/shmmax", Setting::ShmMax),
    setting("kernel/shmmni", Setting::ShmMni),
    fixed("kernel/sysctl_writes_strict", 0o644, "1"),
    fixed("kernel/tainted", 0o644, "0"),
    system("kernel/threads-max", 0o644, S::ThreadsMax),
    system("kernel/version", 0o444, S::KernelVersion),
    setting("vm/admin_reserve_kbytes", Setting::AdminReserveKbytes),
    fixed("vm/dirty_background_bytes", 0o644, "0"),
    fixed("vm/dirty_background_ratio", 0o644, "10"),
    fixed("vm/dirty_bytes", 0o644, "0"),
    fixed("vm/dirty_expire_centisecs", 0o644, "3000"),
    fixed("vm/dirty_ratio", 0o644, "20"),
    fixed("vm/dirty_writeback_centisecs", 0o644, "500"),
    fixed("vm/dirtytime_expire_seconds", 0o644, "43200"),
    setting("vm/drop_caches", Setting::DropCaches),
    setting("vm/hugetlb_shm_group", Setting::HugetlbShmGroup),
    fixed("vm/laptop_mode", 0o644, "0"),
    fixed("vm/legacy_va_layout", 0o644, "0"),
    fixed("vm/lowmem_reserve_ratio", 0o644, "256\t256\t32\t0\t0"),
    setting("vm/max_map_count", Setting::MaxMapCount),
    fixed("vm/memfd_noexec", 0o644, "0"),
    setting("vm/min_free_kbytes", Setting::MinFreeKbytes),
    setting("vm/mmap_min_addr", Setting::MmapMinAddr),
    fixed("vm/mmap_rnd_bits", 0o600, "28"),
    fixed("vm/mmap_rnd_compat_bits", 0o600, "8"),
    setting("vm/nr_hugepages", Setting::NrHugepages),
    setting("vm/nr_hugepages_mempolicy", Setting::NrHugepages),
    setting("vm/nr_overcommit_hugepages", Setting::NrOvercommitHugepages),
    fixed("vm/oom_dump_tasks", 0o644, "1"),
    fixed("vm/oom_kill_allocating_task", 0o644, "0"),
    setting("vm/overcommit_kbytes", Setting::OvercommitKbytes),
    setting("vm/overcommit_memory", Setting::OvercommitMemory),
    setting("vm/overcommit_ratio", Setting::OvercommitRatio),
    setting("vm/page-cluster", Setting::PageCluster),
    fixed("vm/page_lock_unfairness", 0o644, "5"),
    fixed("vm/panic_on_oom", 0o644, "0"),
    fixed("vm/percpu_pagelist_high_fraction", 0o644, "0"),
    fixed("vm/stat_interval", 0o644, "1"),
    setting("vm/swappiness", Setting::Swappiness),
    fixed("vm/unprivileged_userfaultfd", 0o644, "0"),
    setting("vm/user_reserve_kbytes", Setting::UserReserveKbytes),
    setting("vm/vfs_cache_pressure", Setting::VfsCachePressure),
    fixed("vm/watermark_boost_factor", 0o644, "0"),
    fixed("vm/watermark_scale_factor", 0o644, "10"),
    fixed("vm/zone_reclaim_mode", 0o644, "0"),
];
