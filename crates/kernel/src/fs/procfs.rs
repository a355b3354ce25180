//! /proc: what can be in it, under which names. [`super::proc_tree`] says what is.

use super::meta::Kind;
use crate::mm::sysctl::Setting;

/// A text about the whole system.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum SystemFile {
    Buddyinfo,
    Cmdline,
    Cpuinfo,
    Filesystems,
    Loadavg,
    Meminfo,
    Slabinfo,
    Stat,
    Swaps,
    Uptime,
    Version,
    Vmstat,
    Zoneinfo,
    Ostype,
    Osrelease,
    Hostname,
    Domainname,
    KernelVersion,
    PidMax,
    NgroupsMax,
    MaxMapCount,
    /// A setting in /proc/sys/vm.
    Vm(Setting),
    FileMax,
    NrOpen,
    PipeMaxSize,
    ShmAll,
    ShmMax,
    ShmMni,
    SysvShm,
}

/// A text about a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum ProcessFile {
    Cgroup,
    ClearRefs,
    Cmdline,
    Comm,
    Environ,
    Limits,
    Maps,
    Mounts,
    OomScore,
    OomScoreAdj,
    Pagemap,
    Smaps,
    SmapsRollup,
    Stat,
    Statm,
    Status,
}

/// A text in /proc.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum ProcFile {
    System(SystemFile),
    /// Of the process with this id.
    Process(u32, ProcessFile),
    /// Of a descriptor of the process with this id.
    FdInfo(u32, u32),
}

/// Something in /proc; the first number is a process id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum ProcNode {
    Root,
    Sys,
    SysFs,
    SysKernel,
    SysVm,
    SysvIpc,
    /// The links `self`, `thread-self` and `mounts`.
    SelfLink,
    ThreadSelf,
    MountsLink,
    File(ProcFile),
    Process(u32),
    Tasks(u32),
    Task(u32),
    Exe(u32),
    Cwd(u32),
    RootLink(u32),
    Fds(u32),
    Fd(u32, u32),
    FdInfos(u32),
}

const ROOT: [(&str, ProcNode); 18] = {
    use SystemFile as S;
    [
        ("buddyinfo", system(S::Buddyinfo)),
        ("cmdline", system(S::Cmdline)),
        ("cpuinfo", system(S::Cpuinfo)),
        ("filesystems", system(S::Filesystems)),
        ("loadavg", system(S::Loadavg)),
        ("meminfo", system(S::Meminfo)),
        ("mounts", ProcNode::MountsLink),
        ("self", ProcNode::SelfLink),
        ("slabinfo", system(S::Slabinfo)),
        ("stat", system(S::Stat)),
        ("swaps", system(S::Swaps)),
        ("sys", ProcNode::Sys),
        ("sysvipc", ProcNode::SysvIpc),
        ("thread-self", ProcNode::ThreadSelf),
        ("uptime", system(S::Uptime)),
        ("version", system(S::Version)),
        ("vmstat", system(S::Vmstat)),
        ("zoneinfo", system(S::Zoneinfo)),
    ]
};
const SYSV_IPC: [(&str, ProcNode); 1] = [("shm", system(SystemFile::SysvShm))];
const SYS: [(&str, ProcNode); 3] = [("fs", ProcNode::SysFs), ("kernel", ProcNode::SysKernel), ("vm", ProcNode::SysVm)];
const SYS_FS: [(&str, ProcNode); 3] = [
    ("file-max", system(SystemFile::FileMax)),
    ("nr_open", system(SystemFile::NrOpen)),
    ("pipe-max-size", system(SystemFile::PipeMaxSize)),
];
const SYS_KERNEL: [(&str, ProcNode); 10] = [
    ("domainname", system(SystemFile::Domainname)),
    ("hostname", system(SystemFile::Hostname)),
    ("ngroups_max", system(SystemFile::NgroupsMax)),
    ("osrelease", system(SystemFile::Osrelease)),
    ("ostype", system(SystemFile::Ostype)),
    ("pid_max", system(SystemFile::PidMax)),
    ("shmall", system(SystemFile::ShmAll)),
    ("shmmax", system(SystemFile::ShmMax)),
    ("shmmni", system(SystemFile::ShmMni)),
    ("version", system(SystemFile::KernelVersion)),
];
const SYS_VM: [(&str, ProcNode); 10] = [
    ("drop_caches", setting(Setting::DropCaches)),
    ("max_map_count", system(SystemFile::MaxMapCount)),
    ("min_free_kbytes", setting(Setting::MinFreeKbytes)),
    ("nr_hugepages", setting(Setting::NrHugepages)),
    ("nr_overcommit_hugepages", setting(Setting::NrOvercommitHugepages)),
    ("overcommit_memory", setting(Setting::OvercommitMemory)),
    ("overcommit_ratio", setting(Setting::OvercommitRatio)),
    ("page-cluster", setting(Setting::PageCluster)),
    ("swappiness", setting(Setting::Swappiness)),
    ("vfs_cache_pressure", setting(Setting::VfsCachePressure)),
];

const fn setting(setting: Setting) -> ProcNode {
    system(SystemFile::Vm(setting))
}

const fn system(file: SystemFile) -> ProcNode {
    ProcNode::File(ProcFile::System(file))
}

/// What the directory of a process has.
fn of_process(pid: u32) -> [(&'static str, ProcNode); 22] {
    use ProcessFile as P;
    let text = |file| ProcNode::File(ProcFile::Process(pid, file));
    [
        ("cgroup", text(P::Cgroup)),
        ("clear_refs", text(P::ClearRefs)),
        ("cmdline", text(P::Cmdline)),
        ("comm", text(P::Comm)),
        ("cwd", ProcNode::Cwd(pid)),
        ("environ", text(P::Environ)),
        ("exe", ProcNode::Exe(pid)),
        ("fd", ProcNode::Fds(pid)),
        ("fdinfo", ProcNode::FdInfos(pid)),
        ("limits", text(P::Limits)),
        ("maps", text(P::Maps)),
        ("mounts", text(P::Mounts)),
        ("oom_score", text(P::OomScore)),
        ("oom_score_adj", text(P::OomScoreAdj)),
        ("pagemap", text(P::Pagemap)),
        ("root", ProcNode::RootLink(pid)),
        ("smaps", text(P::Smaps)),
        ("smaps_rollup", text(P::SmapsRollup)),
        ("stat", text(P::Stat)),
        ("statm", text(P::Statm)),
        ("status", text(P::Status)),
        ("task", ProcNode::Tasks(pid)),
    ]
}

impl ProcNode {
    /// The names that a directory has whatever happens, but for that of a process that is gone.
    pub(super) fn fixed_names(self) -> Vec<(&'static str, Self)> {
        match self {
            Self::Root => ROOT.to_vec(),
            Self::Sys => SYS.to_vec(),
            Self::SysFs => SYS_FS.to_vec(),
            Self::SysKernel => SYS_KERNEL.to_vec(),
            Self::SysVm => SYS_VM.to_vec(),
            Self::SysvIpc => SYSV_IPC.to_vec(),
            Self::Process(pid) => of_process(pid).to_vec(),
            Self::Task(pid) => of_process(pid).into_iter().filter(|(name, _)| *name != "task").collect(),
            _ => Vec::new(),
        }
    }

    pub(super) const fn kind(self) -> Kind {
        match self {
            Self::Root | Self::Sys | Self::SysFs | Self::SysKernel | Self::SysVm => Kind::Directory,
            Self::SysvIpc => Kind::Directory,
            Self::Process(_) | Self::Tasks(_) | Self::Task(_) | Self::Fds(_) | Self::FdInfos(_) => Kind::Directory,
            Self::SelfLink | Self::ThreadSelf | Self::MountsLink => Kind::Symlink,
            Self::Exe(_) | Self::Cwd(_) | Self::RootLink(_) | Self::Fd(..) => Kind::Symlink,
            Self::File(_) => Kind::Regular,
        }
    }

    pub(super) const fn file(self) -> Option<ProcFile> {
        if let Self::File(file) = self { Some(file) } else { None }
    }

    /// Permission bits; a link to a descriptor has its own.
    pub(super) const fn permissions(self) -> u32 {
        match self {
            Self::Fds(_) => 0o500,
            Self::File(ProcFile::Process(_, ProcessFile::Environ | ProcessFile::Pagemap)) => 0o400,
            Self::File(ProcFile::Process(_, ProcessFile::ClearRefs)) => 0o200,
            Self::File(ProcFile::Process(_, ProcessFile::OomScoreAdj | ProcessFile::Comm)) => 0o644,
            Self::File(ProcFile::System(SystemFile::Slabinfo)) => 0o400,
            Self::File(ProcFile::System(SystemFile::Vm(Setting::DropCaches))) => 0o200,
            Self::File(ProcFile::System(SystemFile::Vm(_))) => 0o644,
            Self::File(_) => 0o444,
            _ if matches!(self.kind(), Kind::Directory) => 0o555,
            _ => 0o777,
        }
    }

    /// The process that it is about.
    pub(super) const fn pid(self) -> Option<u32> {
        match self {
            Self::File(ProcFile::Process(pid, _) | ProcFile::FdInfo(pid, _)) => Some(pid),
            Self::Process(pid) | Self::Tasks(pid) | Self::Task(pid) | Self::Exe(pid) | Self::Cwd(pid) => Some(pid),
            Self::RootLink(pid) | Self::Fds(pid) | Self::Fd(pid, _) | Self::FdInfos(pid) => Some(pid),
            _ => None,
        }
    }
}
