//! /proc as a tree: which processes there are, and where links lead. The texts are made in [`crate::proc`].
//!
//! Invariants. What is in a directory is worked out when it is looked at, from the registry of processes; an inode is made
//! for a node when it is first met and goes with its process. Links to files lead to the file itself, whether or not it
//! still has a name: a walk that follows one jumps ([`Jump`]).

use std::collections::BTreeMap;
use std::os::unix::ffi::OsStrExt;
use std::rc::Rc;

use super::console::Stream;
use super::fdtable::FilesId;
use super::file::{FileKind, OpenFileId};
use super::inode::{Body, Inode, InodeId, MountPoint, Truth};
use super::io::At;
use super::map_files::map_file_name;
use super::meta::{Kind, Meta};
use super::namei::Follow;
use super::proc_access::ProcOwner;
use super::procfs::{ProcFile, ProcNode};
use super::tree::DirEntry;
use super::{FdTable, Vfs};
use crate::Errno;

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
pub(super) struct Shown {
    links: ProcLinks,
    pub(super) owner: ProcOwner,
    /// The number of the program that it executes, which no other has.
    program: u64,
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
    /// The number that a program was given last.
    last_program: u64,
    /// The inodes of nodes that have been met.
    ids: BTreeMap<ProcNode, InodeId>,
    pub(super) root: InodeId,
}

impl ProcFs {
    pub(super) const fn new() -> Self {
        Self { procs: BTreeMap::new(), current: 0, last_program: 0, ids: BTreeMap::new(), root: InodeId(0) }
    }

    pub(super) fn shown_mut(&mut self, pid: u32) -> Option<&mut Shown> {
        self.procs.get_mut(&pid)
    }

    pub(super) fn owner(&self, pid: u32) -> Option<ProcOwner> {
        self.procs.get(&pid).map(|shown| shown.owner)
    }

    pub(super) const fn current(&self) -> u32 {
        self.current
    }

    /// Which of its programs a process has now.
    pub(super) fn program(&self, pid: u32) -> Option<u64> {
        self.procs.get(&pid).map(|shown| shown.program)
    }

    const fn new_program(&mut self) -> u64 {
        self.last_program += 1;
        self.last_program
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
        let (user, group) = (self.credentials.uid, self.credentials.gid);
        let owner = ProcOwner { user, group, sole: Some((user, group)) };
        let program = self.proc.new_program();
        self.proc.procs.insert(pid, Shown { links, owner, program, life: Life::Alive });
    }

    /// A process has a child, with the same program and working directory and with these descriptors.
    pub(crate) fn proc_fork(&mut self, parent: u32, child: u32, files: FilesId) {
        let program = self.proc.new_program();
        if let Some(shown) = self.proc.procs.get(&parent) {
            let links = ProcLinks { files, ..shown.links.clone() };
            let shown = Shown { links, program, ..shown.clone() };
            self.proc.procs.insert(child, shown);
        }
    }

    /// A process has been waited for: it leaves /proc.
    pub(crate) fn proc_remove(&mut self, pid: u32) {
        self.proc.procs.remove(&pid);
        self.proc_forget(|node| node.pid() == Some(pid));
    }

    /// Drops the inodes of nodes that are no more.
    pub(super) fn proc_forget(&mut self, is_gone: impl Fn(&ProcNode) -> bool) {
        let gone = |(node, &id): (&ProcNode, &InodeId)| is_gone(node).then_some((*node, id));
        let gone: Vec<_> = self.proc.ids.iter().filter_map(gone).collect();
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

    /// A process executes another program.
    pub(crate) fn proc_set_exe(&mut self, pid: u32, exe: Vec<u8>) {
        let program = self.proc.new_program();
        if let Some(shown) = self.proc.procs.get_mut(&pid) {
            (shown.links.exe, shown.program) = (exe, program);
        }
    }

    /// A process has another working directory.
    pub(crate) fn proc_set_cwd(&mut self, pid: u32, cwd: InodeId) {
        if let Some(shown) = self.proc.procs.get_mut(&pid) {
            shown.links.cwd = cwd;
        }
    }

    /// The current process has other descriptors.
    pub(super) fn proc_set_files(&mut self, files: FilesId) {
        if let Some(shown) = self.proc.procs.get_mut(&self.proc.current) {
            shown.links.files = files;
        }
    }

    /// The current process has ended, but others have its descriptors.
    pub(super) fn proc_end_current(&mut self) {
        if let Some(shown) = self.proc.procs.get_mut(&self.proc.current) {
            shown.life = Life::Zombie;
        }
    }

    /// The process on whose behalf files are used.
    pub(super) const fn proc_current(&self) -> u32 {
        self.proc.current
    }

    /// From now on files are used on behalf of this process.
    pub(crate) const fn proc_set_current(&mut self, pid: u32) {
        self.proc.current = pid;
    }

    /// The processes in /proc, in order.
    pub(crate) fn proc_pids(&self) -> impl Iterator<Item = u32> {
        self.proc.procs.keys().copied()
    }

    /// What /proc shows of a process, unless it has ended.
    pub(super) fn proc_links(&self, pid: u32) -> Option<&ProcLinks> {
        self.proc.alive(pid)
    }

    /// The descriptors of a process, unless it has ended.
    pub(crate) fn proc_fds(&self, pid: u32) -> Option<&FdTable> {
        self.proc_links(pid).map(|links| self.fds(links.files))
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
        let child = match node {
            ProcNode::MapFiles(pid) if self.proc_links(pid).is_some() => {
                self.may_look_into(pid)?;
                self.map_file(pid, name)?
            }
            _ => self.proc_child(node, name),
        };
        match child {
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
        let is_gone = node.pid().is_some_and(|pid| !self.proc.procs.contains_key(&pid));
        if is_gone { Vec::new() } else { node.fixed_names() }
    }

    /// The names of a directory: fixed ones first, then numbers in their order.
    pub(super) fn proc_list(&mut self, dir: InodeId, node: ProcNode) -> Result<Vec<DirEntry>, Errno> {
        let mut names: Vec<String> = self.proc_fixed(node).into_iter().map(|(name, _)| name.to_owned()).collect();
        match node {
            ProcNode::Root => names.extend(self.proc_pids().map(|pid| pid.to_string())),
            ProcNode::Tasks(pid) => names.push(pid.to_string()),
            ProcNode::MapFiles(pid) if self.proc_links(pid).is_some() => {
                self.may_look_into(pid)?;
                names.extend(self.mappings_of(pid)?.iter().map(|(range, _)| map_file_name(*range)));
            }
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
        // What a process without memory has is root's, but for directories that everybody may see (`task_dump_owner`).
        let is_open = node.kind() == Kind::Directory && permissions == 0o555;
        let owned = node.pid().filter(|&pid| is_open || self.proc_links(pid).is_some());
        let owner = owned.and_then(|pid| self.proc.owner(pid));
        let (uid, gid) = owner.map_or((0, 0), |owner| (owner.user, owner.group));
        if let Some(&id) = self.proc.ids.get(&node) {
            let meta = &mut self.inodes.get_mut(id).meta;
            (meta.permissions, meta.uid, meta.gid) = (permissions, uid, gid);
            return Ok(id);
        }
        let id = self.inodes.new_number()?;
        let is_dir = node.kind() == Kind::Directory;
        let meta = Meta {
            kind: node.kind(),
            permissions,
            uid,
            gid,
            nlink: if is_dir { 2 } else { 1 },
            size: node.shown_size(),
            blocks: 0,
            atime: self.now,
            mtime: self.now,
            ctime: self.now,
            rdev: 0,
        };
        let root = self.inodes.get(parent);
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
    /// `ENOENT` if what it is about is gone, `EACCES` if it is somebody else's.
    pub(super) fn proc_jump(&mut self, node: ProcNode) -> Result<Option<Jump>, Errno> {
        self.may_follow(node)?;
        match node {
            ProcNode::Cwd(pid) => Ok(Some(Jump::Inode(self.proc_links(pid).ok_or(Errno::ENOENT)?.cwd))),
            ProcNode::RootLink(pid) => self.proc_links(pid).ok_or(Errno::ENOENT).map(|_| Some(Jump::Inode(self.root))),
            ProcNode::Fd(pid, fd) => {
                let file = self.proc_file(pid, fd)?;
                Ok(Some(self.file_inode(file).map_or(Jump::File(file), Jump::Inode)))
            }
            ProcNode::MapFile(pid, start, end) => self.map_file_jump(pid, (start, end)).map(Some),
            _ => Ok(None),
        }
    }

    fn may_follow(&self, node: ProcNode) -> Result<(), Errno> {
        match node.pid() {
            Some(pid) if node.kind() == Kind::Symlink => self.may_look_into(pid),
            _ => Ok(()),
        }
    }

    fn proc_file(&self, pid: u32, fd: u32) -> Result<OpenFileId, Errno> {
        self.proc_fds(pid).and_then(|fds| fds.get(fd.into()).ok()).ok_or(Errno::ENOENT)
    }

    /// What `readlink` says of a link.
    pub(super) fn proc_read_link(&mut self, node: ProcNode) -> Result<Vec<u8>, Errno> {
        self.may_follow(node)?;
        let current = self.proc.current;
        match node {
            ProcNode::SelfLink => Ok(current.to_string().into_bytes()),
            ProcNode::ThreadSelf => Ok(format!("{current}/task/{current}").into_bytes()),
            ProcNode::MountsLink => Ok(b"self/mounts".to_vec()),
            ProcNode::Exe(pid) => Ok(self.proc_links(pid).ok_or(Errno::ENOENT)?.exe.clone()),
            ProcNode::Fd(pid, fd) => {
                let file = self.proc_file(pid, fd)?;
                Ok(self.file_name(file))
            }
            ProcNode::MapFile(pid, start, end) => {
                let inode = self.mapped_file(pid, (start, end))?;
                Ok(self.inode_name(inode))
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
            (None, FileKind::Socket(id)) => format!("socket:[{}]", id.ino()).into_bytes(),
            (None, FileKind::Stream(stream)) => self.stream_name(stream),
            (None, kind) => anonymous_name(kind).to_vec(),
        }
    }

    /// The guest's name of the file that a stream is: known if a mount shows this very file.
    fn stream_path(&mut self, stream: Stream) -> Option<Vec<u8>> {
        let (_, key) = self.console.stat(stream).ok()?;
        let (key, path) = (key?, self.console.path(stream)?);
        let below = |mount: &MountPoint| Some((mount.root, path.strip_prefix(mount.folder.as_ref()?).ok()?.to_owned()));
        // What is mounted later lies deeper.
        let places: Vec<_> = self.mounts.iter().rev().filter_map(below).collect();
        for (root, rest) in places {
            let Ok(id) = self.walk(root, rest.as_os_str().as_bytes(), Follow::NotLast) else { continue };
            if self.inodes.get(id).key == Some(key) {
                return self.path_of(id);
            }
        }
        None
    }

    pub(super) fn stream_name(&mut self, stream: Stream) -> Vec<u8> {
        if let Some(path) = self.stream_path(stream) {
            return path;
        }
        let ino = stream as u64 + 3;
        let kind = self.console.stat(stream).map(|(meta, _)| meta.kind);
        let name = match kind {
            _ if self.console.terminal(stream).is_ok() => "/dev/pts/0".to_owned(),
            Ok(Kind::CharDevice) => "/dev/null".to_owned(),
            Ok(Kind::Fifo) => format!("pipe:[{ino}]"),
            Ok(Kind::Socket) => format!("socket:[{ino}]"),
            // A file that the guest cannot see, or not by this name.
            _ => format!("/dev/std{}", ["in", "out", "err"][stream as usize]),
        };
        name.into_bytes()
    }
}

/// What links in /proc call a file that has no file system (`anon_inode_getfile`).
const fn anonymous_name(kind: FileKind) -> &'static [u8] {
    match kind {
        FileKind::Timer => b"anon_inode:[timerfd]",
        FileKind::Signal => b"anon_inode:[signalfd]",
        FileKind::Epoll => b"anon_inode:[eventpoll]",
        FileKind::Pid => b"anon_inode:[pidfd]",
        _ => b"anon_inode:[eventfd]",
    }
}
