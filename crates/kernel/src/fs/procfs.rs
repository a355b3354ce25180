//! /proc as a tree: which names there are, and where its links lead. The texts are made in [`crate::proc`].
//!
//! Invariants. What is in a directory is worked out when it is looked at, from the registry of processes; an inode is made
//! for a node when it is first met and goes with its process. Links to files lead to the file itself, whether or not it
//! still has a name: a walk that follows one jumps ([`Jump`]).

use std::collections::BTreeMap;

use super::console::Stream;
use super::fdtable::FilesId;
use super::file::{FileKind, OpenFileId};
use super::inode::{Body, Inode, InodeId, Truth};
use super::io::At;
use super::meta::{Kind, Meta};
use super::tree::DirEntry;
use super::{FdTable, Vfs};
use crate::Errno;
use std::rc::Rc;

/// A text about the whole system.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum SystemFile {
    Cmdline,
    Cpuinfo,
    Filesystems,
    Loadavg,
    Meminfo,
    Stat,
    Swaps,
    Uptime,
    Version,
    Ostype,
    Osrelease,
    Hostname,
    Domainname,
    KernelVersion,
    PidMax,
    NgroupsMax,
    OvercommitMemory,
    Swappiness,
    MaxMapCount,
    FileMax,
    NrOpen,
    PipeMaxSize,
}

/// A text about a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum ProcessFile {
    Cgroup,
    Cmdline,
    Comm,
    Environ,
    Limits,
    Maps,
    Mounts,
    OomScoreAdj,
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

const ROOT: [(&str, ProcNode); 13] = {
    use SystemFile as S;
    [
        ("cmdline", system(S::Cmdline)),
        ("cpuinfo", system(S::Cpuinfo)),
        ("filesystems", system(S::Filesystems)),
        ("loadavg", system(S::Loadavg)),
        ("meminfo", system(S::Meminfo)),
        ("mounts", ProcNode::MountsLink),
        ("self", ProcNode::SelfLink),
        ("stat", system(S::Stat)),
        ("swaps", system(S::Swaps)),
        ("sys", ProcNode::Sys),
        ("thread-self", ProcNode::ThreadSelf),
        ("uptime", system(S::Uptime)),
        ("version", system(S::Version)),
    ]
};
const SYS: [(&str, ProcNode); 3] = [("fs", ProcNode::SysFs), ("kernel", ProcNode::SysKernel), ("vm", ProcNode::SysVm)];
const SYS_FS: [(&str, ProcNode); 3] = [
    ("file-max", system(SystemFile::FileMax)),
    ("nr_open", system(SystemFile::NrOpen)),
    ("pipe-max-size", system(SystemFile::PipeMaxSize)),
];
const SYS_KERNEL: [(&str, ProcNode); 7] = [
    ("domainname", system(SystemFile::Domainname)),
    ("hostname", system(SystemFile::Hostname)),
    ("ngroups_max", system(SystemFile::NgroupsMax)),
    ("osrelease", system(SystemFile::Osrelease)),
    ("ostype", system(SystemFile::Ostype)),
    ("pid_max", system(SystemFile::PidMax)),
    ("version", system(SystemFile::KernelVersion)),
];
const SYS_VM: [(&str, ProcNode); 3] = [
    ("max_map_count", system(SystemFile::MaxMapCount)),
    ("overcommit_memory", system(SystemFile::OvercommitMemory)),
    ("swappiness", system(SystemFile::Swappiness)),
];

const fn system(file: SystemFile) -> ProcNode {
    ProcNode::File(ProcFile::System(file))
}

/// What the directory of a process has.
fn of_process(pid: u32) -> [(&'static str, ProcNode); 17] {
    use ProcessFile as P;
    let text = |file| ProcNode::File(ProcFile::Process(pid, file));
    [
        ("cgroup", text(P::Cgroup)),
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
        ("oom_score_adj", text(P::OomScoreAdj)),
        ("root", ProcNode::RootLink(pid)),
        ("stat", text(P::Stat)),
        ("statm", text(P::Statm)),
        ("status", text(P::Status)),
        ("task", ProcNode::Tasks(pid)),
    ]
}

impl ProcNode {
    pub(super) const fn kind(self) -> Kind {
        match self {
            Self::Root | Self::Sys | Self::SysFs | Self::SysKernel | Self::SysVm => Kind::Directory,
            Self::Process(_) | Self::Tasks(_) | Self::Task(_) | Self::Fds(_) | Self::FdInfos(_) => Kind::Directory,
            Self::SelfLink | Self::ThreadSelf | Self::MountsLink => Kind::Symlink,
            Self::Exe(_) | Self::Cwd(_) | Self::RootLink(_) | Self::Fd(..) => Kind::Symlink,
            Self::File(_) => Kind::Regular,
        }
    }

    pub(super) const fn file(self) -> Option<ProcFile> {
        if let Self::File(file) = self { Some(file) } else { None }
    }

    const fn permissions(self) -> u32 {
        match self {
            Self::Fds(_) | Self::FdInfos(_) => 0o500,
            Self::File(ProcFile::Process(_, ProcessFile::Environ)) => 0o400,
            Self::File(_) => 0o444,
            _ if matches!(self.kind(), Kind::Directory) => 0o555,
            _ => 0o777,
        }
    }

    /// The process that it is about.
    const fn pid(self) -> Option<u32> {
        match self {
            Self::File(ProcFile::Process(pid, _) | ProcFile::FdInfo(pid, _)) => Some(pid),
            Self::Process(pid) | Self::Tasks(pid) | Self::Task(pid) | Self::Exe(pid) | Self::Cwd(pid) => Some(pid),
            Self::RootLink(pid) | Self::Fds(pid) | Self::Fd(pid, _) | Self::FdInfos(pid) => Some(pid),
            _ => None,
        }
    }
}

/// What /proc shows of a process beside its texts.
#[derive(Clone, Debug)]
pub(crate) struct ProcLinks {
    /// Its descriptors.
    pub(crate) files: FilesId,
    /// The guest path of its program.
    pub(crate) exe: Vec<u8>,
    /// Its working directory, to which it holds a reference.
    pub(crate) cwd: InodeId,
}

/// A process in /proc.
#[derive(Clone, Debug)]
struct Shown {
    links: ProcLinks,
    /// Whether it has its files still: a zombie has none.
    life: Life,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Life {
    Alive,
    Zombie,
}

/// The state of /proc.
#[derive(Debug)]
pub(super) struct ProcFs {
    procs: BTreeMap<u32, Shown>,
    /// The process on whose behalf files are used.
    current: u32,
    /// The inodes of nodes that have been met.
    ids: BTreeMap<ProcNode, InodeId>,
    pub(super) root: InodeId,
}

impl ProcFs {
    pub(super) const fn new() -> Self {
        Self { procs: BTreeMap::new(), current: 0, ids: BTreeMap::new(), root: InodeId(0) }
    }

    fn alive(&self, pid: u32) -> Option<&ProcLinks> {
        self.procs.get(&pid).filter(|shown| shown.life == Life::Alive).map(|shown| &shown.links)
    }

    /// Descriptors are gone, and with them what their process showed of its files.
    pub(super) fn forget_files(&mut self, files: FilesId) {
        for shown in self.procs.values_mut().filter(|shown| shown.links.files == files) {
            shown.life = Life::Zombie;
        }
    }
}

/// Where a link of /proc leads that is more than a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Jump {
    Inode(InodeId),
    /// A stream, a pipe, an eventfd: an open file without an inode.
    File(OpenFileId),
}

/// The registry: which processes there are.
impl Vfs {
    /// A process begins: it is in /proc from now on.
    pub(crate) fn proc_add(&mut self, pid: u32, links: ProcLinks) {
        self.proc.procs.insert(pid, Shown { links, life: Life::Alive });
    }

    /// A process has been waited for: it leaves /proc.
    pub(crate) fn proc_remove(&mut self, pid: u32) {
        self.proc.procs.remove(&pid);
        let of_pid = |(node, &id): (&ProcNode, &InodeId)| (node.pid() == Some(pid)).then_some((*node, id));
        let gone: Vec<_> = self.proc.ids.iter().filter_map(of_pid).collect();
        for (node, id) in gone {
            self.proc.ids.remove(&node);
            let inode = self.inodes.get_mut(id);
            if inode.refs == 0 {
                drop(self.inodes.remove(id));
            } else {
                // Somebody has it open. It goes with the last reference; what was above it may be gone before.
                (inode.meta.nlink, inode.parent, inode.held_parent) = (0, self.proc.root, None);
            }
        }
    }

    /// The program that a process runs: a guest path.
    pub(crate) fn proc_exe(&self, pid: u32) -> Vec<u8> {
        self.proc.procs.get(&pid).map(|shown| shown.links.exe.clone()).unwrap_or_default()
    }

    /// A process executes another program.
    pub(crate) fn proc_set_exe(&mut self, pid: u32, exe: Vec<u8>) {
        if let Some(shown) = self.proc.procs.get_mut(&pid) {
            shown.links.exe = exe;
        }
    }

    /// A process has another working directory.
    pub(crate) fn proc_set_cwd(&mut self, pid: u32, cwd: InodeId) {
        if let Some(shown) = self.proc.procs.get_mut(&pid) {
            shown.links.cwd = cwd;
        }
    }

    /// From now on files are used on behalf of this process.
    pub(crate) const fn proc_set_current(&mut self, pid: u32) {
        self.proc.current = pid;
    }

    /// The process on whose behalf files are used.
    pub(crate) const fn proc_current(&self) -> u32 {
        self.proc.current
    }

    /// The processes in /proc, in order.
    pub(crate) fn proc_pids(&self) -> impl Iterator<Item = u32> {
        self.proc.procs.keys().copied()
    }

    /// The descriptors of a process, unless it has ended.
    pub(crate) fn proc_fds(&self, pid: u32) -> Option<&FdTable> {
        self.proc.alive(pid).map(|links| self.fds(links.files))
    }

    /// The process whose descriptors these are.
    pub(crate) fn proc_of_files(&self, files: FilesId) -> Option<u32> {
        let mut alive = self.proc.procs.iter().filter(|(_, shown)| shown.life == Life::Alive);
        alive.find(|(_, shown)| shown.links.files == files).map(|(&pid, _)| pid)
    }
}

/// The tree.
impl Vfs {
    /// The node called `name` in a directory.
    pub(super) fn proc_lookup(&mut self, dir: InodeId, node: ProcNode, name: &[u8]) -> Result<Option<InodeId>, Errno> {
        let Ok(name) = str::from_utf8(name) else { return Ok(None) };
        match self.proc_child(node, name) {
            Some(child) => self.proc_inode(child, (dir, name)).map(Some),
            None => Ok(None),
        }
    }

    fn proc_child(&self, node: ProcNode, name: &str) -> Option<ProcNode> {
        // As Linux does, only the plain form of a number.
        let number = || name.parse::<u32>().ok().filter(|n| n.to_string() == name);
        let has_fd = |pid, &fd: &u32| self.proc_fds(pid).is_some_and(|fds| fds.get(fd.into()).is_ok());
        let known = self.proc_fixed(node).into_iter().find(|(known, _)| *known == name).map(|(_, child)| child);
        known.or_else(|| match node {
            ProcNode::Root => number().filter(|pid| self.proc.procs.contains_key(pid)).map(ProcNode::Process),
            ProcNode::Tasks(pid) => number().filter(|&n| n == pid).map(ProcNode::Task),
            ProcNode::Fds(pid) => number().filter(|fd| has_fd(pid, fd)).map(|fd| ProcNode::Fd(pid, fd)),
            ProcNode::FdInfos(pid) => {
                number().filter(|fd| has_fd(pid, fd)).map(|fd| ProcNode::File(ProcFile::FdInfo(pid, fd)))
            }
            _ => None,
        })
    }

    /// The names that a directory always has.
    fn proc_fixed(&self, node: ProcNode) -> Vec<(&'static str, ProcNode)> {
        match node {
            ProcNode::Root => ROOT.to_vec(),
            ProcNode::Sys => SYS.to_vec(),
            ProcNode::SysFs => SYS_FS.to_vec(),
            ProcNode::SysKernel => SYS_KERNEL.to_vec(),
            ProcNode::SysVm => SYS_VM.to_vec(),
            ProcNode::Process(pid) | ProcNode::Task(pid) if !self.proc.procs.contains_key(&pid) => Vec::new(),
            ProcNode::Process(pid) => of_process(pid).to_vec(),
            ProcNode::Task(pid) => of_process(pid).into_iter().filter(|(name, _)| *name != "task").collect(),
            _ => Vec::new(),
        }
    }

    /// The names of a directory: fixed ones first, then numbers in their order.
    pub(super) fn proc_list(&mut self, dir: InodeId, node: ProcNode) -> Result<Vec<DirEntry>, Errno> {
        let mut names: Vec<String> = self.proc_fixed(node).into_iter().map(|(name, _)| name.to_owned()).collect();
        match node {
            ProcNode::Root => names.extend(self.proc_pids().map(|pid| pid.to_string())),
            ProcNode::Tasks(pid) => names.push(pid.to_string()),
            ProcNode::Fds(pid) | ProcNode::FdInfos(pid) => {
                names.extend(self.proc_fds(pid).into_iter().flat_map(FdTable::iter).map(|(fd, _)| fd.to_string()));
            }
            _ => {}
        }
        let mut entries = Vec::with_capacity(names.len());
        for name in names {
            if let Some(id) = self.proc_lookup(dir, node, name.as_bytes())? {
                let kind = self.inodes.get(id).meta.kind;
                entries.push(DirEntry { name: name.into_bytes(), ino: id.ino(), kind });
            }
        }
        Ok(entries)
    }

    /// The inode of a node.
    fn proc_inode(&mut self, node: ProcNode, (parent, name): (InodeId, &str)) -> Result<InodeId, Errno> {
        let permissions = self.proc_permissions(node);
        if let Some(&id) = self.proc.ids.get(&node) {
            let meta = &mut self.inodes.get_mut(id).meta;
            meta.permissions = permissions;
            if node.pid() == Some(self.proc.current) {
                (meta.uid, meta.gid) = (self.credentials.uid, self.credentials.gid);
            }
            return Ok(id);
        }
        let id = self.inodes.new_number()?;
        let is_dir = node.kind() == Kind::Directory;
        let own = node.pid().is_some();
        let meta = Meta {
            kind: node.kind(),
            permissions,
            uid: if own { self.credentials.uid } else { 0 },
            gid: if own { self.credentials.gid } else { 0 },
            nlink: if is_dir { 2 } else { 1 },
            size: if matches!(node, ProcNode::Fd(..)) { 64 } else { 0 },
            blocks: 0,
            atime: self.now,
            mtime: self.now,
            ctime: self.now,
            rdev: 0,
        };
        let root = self.inodes.get(self.proc.root);
        let inode = Inode {
            refs: 0,
            truth: Truth::Layer,
            meta,
            mount: root.mount,
            dev: root.dev,
            origin: None,
            key: None,
            parent,
            name: name.as_bytes().to_vec(),
            body: Body::Proc(node),
            held_parent: None,
        };
        self.inodes.insert(id, inode);
        self.proc.ids.insert(node, id);
        Ok(id)
    }

    /// A link to a descriptor shows by its permissions what the file is open for.
    fn proc_permissions(&self, node: ProcNode) -> u32 {
        let ProcNode::Fd(pid, fd) = node else { return node.permissions() };
        let Some(Ok(file)) = self.proc_fds(pid).map(|fds| fds.get(fd.into())) else { return 0o100 };
        let flags = self.file_flags(file);
        0o100 | if flags.reads() { 0o400 } else { 0 } | if flags.writes() { 0o200 } else { 0 }
    }

    /// Where a link leads that is more than a path; `None` for one that is a path.
    ///
    /// # Errors
    /// `ENOENT` if what it is about is gone.
    pub(super) fn proc_jump(&self, node: ProcNode) -> Result<Option<Jump>, Errno> {
        match node {
            ProcNode::Cwd(pid) => Ok(Some(Jump::Inode(self.proc.alive(pid).ok_or(Errno::ENOENT)?.cwd))),
            ProcNode::RootLink(pid) => self.proc.alive(pid).ok_or(Errno::ENOENT).map(|_| Some(Jump::Inode(self.root))),
            ProcNode::Fd(pid, fd) => {
                let file = self.proc_file(pid, fd)?;
                Ok(Some(self.file_inode(file).map_or(Jump::File(file), Jump::Inode)))
            }
            _ => Ok(None),
        }
    }

    fn proc_file(&self, pid: u32, fd: u32) -> Result<OpenFileId, Errno> {
        self.proc_fds(pid).and_then(|fds| fds.get(fd.into()).ok()).ok_or(Errno::ENOENT)
    }

    /// What `readlink` says of a link.
    pub(super) fn proc_read_link(&mut self, node: ProcNode) -> Result<Vec<u8>, Errno> {
        let current = self.proc.current;
        match node {
            ProcNode::SelfLink => Ok(current.to_string().into_bytes()),
            ProcNode::ThreadSelf => Ok(format!("{current}/task/{current}").into_bytes()),
            ProcNode::MountsLink => Ok(b"self/mounts".to_vec()),
            ProcNode::Exe(pid) => Ok(self.proc.alive(pid).ok_or(Errno::ENOENT)?.exe.clone()),
            ProcNode::Fd(pid, fd) => {
                let file = self.proc_file(pid, fd)?;
                Ok(self.file_name(file))
            }
            ProcNode::Cwd(_) | ProcNode::RootLink(_) => match self.proc_jump(node)? {
                Some(Jump::Inode(id)) => Ok(self.inode_name(id)),
                _ => Err(Errno::ENOENT),
            },
            _ => Err(Errno::EINVAL),
        }
    }

    /// True if the text of an open file must be made before it is read there.
    pub(crate) fn needs_text(&self, file: OpenFileId, at: At) -> bool {
        let open = self.files.get(file);
        open.text.is_none() || self.place(file, at) == 0
    }

    /// Sets the text that an open file shows until it is read from its start again.
    pub(crate) fn set_text(&mut self, file: OpenFileId, text: Vec<u8>) {
        self.files.get_mut(file).text = Some(Rc::new(text));
    }

    /// The name of an open file as links in /proc give it (`d_path`).
    fn file_name(&mut self, file: OpenFileId) -> Vec<u8> {
        let open = self.files.get(file);
        match (open.inode, open.kind) {
            (Some(inode), _) => self.inode_name(inode),
            (None, FileKind::Pipe(id)) => format!("pipe:[{}]", id.ino()).into_bytes(),
            (None, FileKind::Stream(stream)) => self.stream_name(stream),
            _ => b"anon_inode:[eventfd]".to_vec(),
        }
    }

    fn stream_name(&mut self, stream: Stream) -> Vec<u8> {
        let ino = stream as u64 + 3;
        let kind = self.console.stat(stream).map(|(meta, _)| meta.kind);
        let name = match kind {
            _ if self.console.terminal(stream).is_ok() => "/dev/pts/0".to_owned(),
            Ok(Kind::CharDevice) => "/dev/null".to_owned(),
            Ok(Kind::Fifo) => format!("pipe:[{ino}]"),
            Ok(Kind::Socket) => format!("socket:[{ino}]"),
            // The host does not say what a file is called that it has open.
            _ => format!("/dev/std{}", ["in", "out", "err"][stream as usize]),
        };
        name.into_bytes()
    }
}
