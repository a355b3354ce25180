//! /proc: what can be in it, under which names. [`super::proc_tree`] says what is.

use super::knob::{Knob, Tree};
use super::meta::{Kind, May};
use arch::LinearAddr;

/// A text about the whole system.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum SystemFile {
    Buddyinfo,
    Cmdline,
    Cpuinfo,
    Filesystems,
    Kpagecount,
    Kpageflags,
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
    NgroupsMax,
    FileMax,
    NrOpen,
    PipeMaxSize,
    SysvShm,
    Cgroups,
    LastPid,
    ThreadsMax,
    BootId,
    Uuid,
    /// In /sys: /proc/meminfo of the one node.
    NodeMeminfo,
}

/// A text about a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum ProcessFile {
    Auxv,
    Cgroup,
    ClearRefs,
    Cmdline,
    Comm,
    CoredumpFilter,
    Environ,
    /// Of user ids and of group ids, which are the same inside and outside.
    IdMap,
    Limits,
    Maps,
    Mem,
    Mountinfo,
    Mounts,
    NumaMaps,
    OomAdj,
    OomScore,
    OomScoreAdj,
    Pagemap,
    Personality,
    Schedstat,
    Setgroups,
    Smaps,
    SmapsRollup,
    Stat,
    Statm,
    Status,
    Syscall,
    TimerslackNs,
    Wchan,
}

/// A text in /proc or /sys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum ProcFile {
    System(SystemFile),
    /// Of the process with this id.
    Process(u32, ProcessFile),
    /// Of a descriptor of the process with this id.
    FdInfo(u32, u32),
    /// In /proc/sys or /sys.
    Knob(Tree, &'static Knob),
}

/// Something in /proc or /sys; the first number is a process id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum ProcNode {
    Root,
    /// A directory of /proc/sys or /sys, by its path from there.
    Knobs(Tree, &'static str),
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
    /// The files that it maps, and one of them by its first address and the one beyond.
    MapFiles(u32),
    MapFile(u32, LinearAddr, LinearAddr),
}

const ROOT: [(&str, ProcNode); 21] = {
    use SystemFile as S;
    [
        ("buddyinfo", system(S::Buddyinfo)),
        ("cgroups", system(S::Cgroups)),
        ("cmdline", system(S::Cmdline)),
        ("cpuinfo", system(S::Cpuinfo)),
        ("filesystems", system(S::Filesystems)),
        ("kpagecount", system(S::Kpagecount)),
        ("kpageflags", system(S::Kpageflags)),
        ("loadavg", system(S::Loadavg)),
        ("meminfo", system(S::Meminfo)),
        ("mounts", ProcNode::MountsLink),
        ("self", ProcNode::SelfLink),
        ("slabinfo", system(S::Slabinfo)),
        ("stat", system(S::Stat)),
        ("swaps", system(S::Swaps)),
        ("sys", ProcNode::Knobs(Tree::Sysctl, "")),
        ("sysvipc", ProcNode::SysvIpc),
        ("thread-self", ProcNode::ThreadSelf),
        ("uptime", system(S::Uptime)),
        ("version", system(S::Version)),
        ("vmstat", system(S::Vmstat)),
        ("zoneinfo", system(S::Zoneinfo)),
    ]
};
const SYSV_IPC: [(&str, ProcNode); 1] = [("shm", system(SystemFile::SysvShm))];

const fn system(file: SystemFile) -> ProcNode {
    ProcNode::File(ProcFile::System(file))
}

/// What the directory of a process has.
fn of_process(pid: u32) -> [(&'static str, ProcNode); 37] {
    use ProcessFile as P;
    let text = |file| ProcNode::File(ProcFile::Process(pid, file));
    [
        ("auxv", text(P::Auxv)),
        ("cgroup", text(P::Cgroup)),
        ("clear_refs", text(P::ClearRefs)),
        ("cmdline", text(P::Cmdline)),
        ("comm", text(P::Comm)),
        ("coredump_filter", text(P::CoredumpFilter)),
        ("cwd", ProcNode::Cwd(pid)),
        ("environ", text(P::Environ)),
        ("exe", ProcNode::Exe(pid)),
        ("fd", ProcNode::Fds(pid)),
        ("fdinfo", ProcNode::FdInfos(pid)),
        ("gid_map", text(P::IdMap)),
        ("limits", text(P::Limits)),
        ("map_files", ProcNode::MapFiles(pid)),
        ("maps", text(P::Maps)),
        ("mem", text(P::Mem)),
        ("mountinfo", text(P::Mountinfo)),
        ("mounts", text(P::Mounts)),
        ("numa_maps", text(P::NumaMaps)),
        ("oom_adj", text(P::OomAdj)),
        ("oom_score", text(P::OomScore)),
        ("oom_score_adj", text(P::OomScoreAdj)),
        ("pagemap", text(P::Pagemap)),
        ("personality", text(P::Personality)),
        ("root", ProcNode::RootLink(pid)),
        ("schedstat", text(P::Schedstat)),
        ("setgroups", text(P::Setgroups)),
        ("smaps", text(P::Smaps)),
        ("smaps_rollup", text(P::SmapsRollup)),
        ("stat", text(P::Stat)),
        ("statm", text(P::Statm)),
        ("status", text(P::Status)),
        ("syscall", text(P::Syscall)),
        ("task", ProcNode::Tasks(pid)),
        ("timerslack_ns", text(P::TimerslackNs)),
        ("uid_map", text(P::IdMap)),
        ("wchan", text(P::Wchan)),
    ]
}

impl ProcessFile {
    const fn permissions(self) -> u32 {
        match self {
            Self::ClearRefs => 0o200,
            Self::Auxv | Self::Environ | Self::Pagemap | Self::Personality | Self::Syscall => 0o400,
            Self::Mem => 0o600,
            Self::Comm | Self::CoredumpFilter | Self::IdMap | Self::OomAdj | Self::OomScoreAdj => 0o644,
            Self::Setgroups => 0o644,
            Self::TimerslackNs => 0o666,
            _ => 0o444,
        }
    }
}

impl ProcNode {
    /// The names that a directory has whatever happens, but for that of a process that is gone.
    pub(super) fn fixed_names(self) -> Vec<(&'static str, Self)> {
        match self {
            Self::Root => ROOT.to_vec(),
            Self::Knobs(tree, dir) => tree.names(dir),
            Self::SysvIpc => SYSV_IPC.to_vec(),
            Self::Process(pid) => of_process(pid).to_vec(),
            Self::Task(pid) => of_process(pid).into_iter().filter(|(name, _)| *name != "task").collect(),
            _ => Vec::new(),
        }
    }

    pub(super) const fn kind(self) -> Kind {
        match self {
            Self::Root | Self::Knobs(..) | Self::SysvIpc => Kind::Directory,
            Self::Process(_) | Self::Tasks(_) | Self::Task(_) => Kind::Directory,
            Self::Fds(_) | Self::FdInfos(_) | Self::MapFiles(_) => Kind::Directory,
            Self::SelfLink | Self::ThreadSelf | Self::MountsLink => Kind::Symlink,
            Self::Exe(_) | Self::Cwd(_) | Self::RootLink(_) | Self::Fd(..) | Self::MapFile(..) => Kind::Symlink,
            Self::File(_) => Kind::Regular,
        }
    }

    /// The size that `stat` shows: the contents are made when they are read.
    pub(super) const fn shown_size(self) -> u64 {
        match self {
            Self::Fd(..) | Self::MapFile(..) => 64,
            Self::File(ProcFile::Knob(tree, _)) => tree.file_size(),
            _ => 0,
        }
    }

    pub(super) const fn file(self) -> Option<ProcFile> {
        if let Self::File(file) = self { Some(file) } else { None }
    }

    /// Permission bits; a link to a descriptor has its own.
    pub(super) const fn permissions(self) -> u32 {
        match self {
            Self::Fds(_) | Self::MapFiles(_) => 0o500,
            Self::MapFile(..) => 0o400,
            Self::File(ProcFile::Process(_, file)) => file.permissions(),
            Self::File(ProcFile::System(SystemFile::Kpagecount | SystemFile::Kpageflags | SystemFile::Slabinfo)) => {
                0o400
            }
            Self::File(ProcFile::Knob(_, knob)) => knob.permissions,
            Self::File(_) => 0o444,
            Self::Knobs(Tree::Sysfs, dir) if !dir.is_empty() => 0o755,
            _ if matches!(self.kind(), Kind::Directory) => 0o555,
            _ => 0o777,
        }
    }

    /// Whether the permissions of a file hold for root too.
    pub(super) const fn is_strict(self) -> bool {
        matches!(self, Self::File(ProcFile::Knob(..)))
    }

    /// Whether its owner may do this.
    pub(super) const fn grants(self, access: May) -> bool {
        May::from_bits_truncate(self.permissions() >> 6).contains(access)
    }

    /// The process that it is about.
    pub(super) const fn pid(self) -> Option<u32> {
        match self {
            Self::File(ProcFile::Process(pid, _) | ProcFile::FdInfo(pid, _)) => Some(pid),
            Self::Process(pid) | Self::Tasks(pid) | Self::Task(pid) | Self::Exe(pid) | Self::Cwd(pid) => Some(pid),
            Self::RootLink(pid) | Self::Fds(pid) | Self::Fd(pid, _) | Self::FdInfos(pid) => Some(pid),
            Self::MapFiles(pid) | Self::MapFile(pid, ..) => Some(pid),
            _ => None,
        }
    }
}
