//! Files: what a guest sees of the host, what it changes, and what it has open.
//!
//! Map. `view` says what the guest is given. `host` is the only way to the host's files and cannot leave their folder;
//! `tree` merges them with the layer in memory (`layer`) or, in a writable mount, passes changes on (`passthrough`);
//! `change` holds the checks common to both. `namei` walks paths, `inode` numbers files, `cache` holds their pages in
//! simulated frames (`read_write`, `truncate`, `fallocate` and `writeback` work on them), `open`, `file` and `io` are open files, `fdtable` the descriptors, `console` the standard streams.
//!
//! Invariants. The host's files outside writable mounts never change. Everything that the guest can tell (numbers, order,
//! times of its own changes) follows from its actions and from the files themselves, not from the host's state. What the
//! guest stores takes simulated frames or a bounded budget of host memory.

mod attr;
mod cache;
mod change;
mod console;
mod device;
mod epoll;
mod eventfd;
mod fallocate;
mod fdtable;
mod file;
mod holes;
mod host;
mod host_console;
mod hugetlbfs;
mod inode;
mod inode_table;
mod io;
mod knob;
mod layer;
mod lock;
mod map_files;
mod meta;
mod mounting;
mod namei;
mod open;
mod passthrough;
mod pidfd;
mod pipe;
mod pipe_file;
mod proc_access;
mod proc_tree;
mod procfs;
mod read_write;
mod seals;
mod shmem;
mod signalfd;
mod slabs;
mod socket;
mod socket_file;
mod sysctl;
mod sysfs;
mod timerfd;
mod tree;
mod truncate;
mod view;
mod write_access;
mod writeback;

#[cfg(test)]
mod tests;

use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::rc::Rc;

use paging::PhysMem;

pub(crate) use attr::SetTime;
pub use cache::{CachedPage, PageError, PageSource};
pub(crate) use change::Rename;
pub use console::{BufferConsole, Captured, Console, Ready, Seek, SettingsWhen, Stream, TerminalSettings, WindowSize};
pub use device::Device;
pub(crate) use epoll::EpollEvent;
pub(crate) use eventfd::EventSemantics;
pub use fdtable::{Descriptor, FdTable, FilesId, OnExec};
pub(crate) use file::FileKind;
pub use file::{Mappable, OpenFileId, OpenFlags};
pub use host_console::{ClearTerminal, HostConsole};
pub(crate) use hugetlbfs::KeepSize;
pub use inode::InodeId;
pub(crate) use inode::PageOfFile;
pub(crate) use io::At;
pub(crate) use knob::Value;
pub(crate) use layer::New;
pub(crate) use lock::{LockKind, LockOwner, LockRange, Record};
pub(crate) use meta::BLOCK_BYTES;
pub use meta::{Credentials, FileStat, Kind, May, Meta, Timestamp};
pub(crate) use mounting::{NewMount, Umount};
pub(crate) use namei::Follow;
pub(crate) use pidfd::Fate;
pub(crate) use pipe::PipeId;
pub(crate) use proc_access::ProcOwner;
pub(crate) use proc_tree::ProcLinks;
pub(crate) use procfs::{ProcFile, ProcessFile, SystemFile};
pub(crate) use seals::Seals;
pub(crate) use socket::{PeerCredentials, SEND_BUFFER, STREAM_PIECE, Shut, SocketId, Style};
pub(crate) use timerfd::{TimerClock, TimerFd};
pub(crate) use tree::FileSystem;
pub(crate) use truncate::MAX_FILE_BYTES;
pub use view::{FsError, Mount, MountMode, ViewConfig};

use crate::Errno;
use crate::mm::frames::FrameTable;
use crate::process::CapSet;
use crate::signal::SigSet;
use crate::wait::Channel;
use device::RandomBytes;
use epoll::Epoll;
use eventfd::EventFd;
use file::FileTable;
use host::HostTree;
use inode::{Body, Inode, MountId, MountPoint, Slot};
use inode_table::InodeTable;
use knob::Tree;
use lock::LockTable;
use map_files::Mappings;
use pidfd::PidFile;
use pipe::PipeTable;
use proc_tree::ProcFs;
use procfs::ProcNode;
use socket::SocketTable;
use std::collections::BTreeMap;
use write_access::WriteAccess;

/// What an operation on files works with besides the files.
pub struct FsCx<'a> {
    /// Physical memory, which holds the page cache.
    pub mem: &'a mut dyn PhysMem,
    /// Its frames.
    pub frames: &'a mut FrameTable,
}

/// All files of a guest.
pub struct Vfs {
    mounts: Vec<MountPoint>,
    inodes: InodeTable,
    files: FileTable,
    fd_tables: Vec<Option<FdTable>>,
    pipes: PipeTable,
    sockets: SocketTable,
    events: BTreeMap<OpenFileId, EventFd>,
    timers: BTreeMap<OpenFileId, TimerFd>,
    signal_masks: BTreeMap<OpenFileId, SigSet>,
    epolls: BTreeMap<OpenFileId, Epoll>,
    pid_files: BTreeMap<OpenFileId, PidFile>,
    locks: LockTable,
    write_access: WriteAccess,
    proc: ProcFs,
    mappings: Mappings,
    /// Files that have become shorter.
    truncated: Vec<(InodeId, u64)>,
    /// What has been woken since the scheduler last asked.
    woken: Vec<Channel>,
    console: Box<dyn Console>,
    /// What somebody waits for of each stream.
    stream_wants: [Ready; 3],
    credentials: Credentials,
    random: RandomBytes,
    /// The time that changes get.
    now: Timestamp,
    root: InodeId,
    /// A directory that has a name in the root beside its own.
    named: Option<(InodeId, String)>,
    /// The guest's /dev, where files without a name belong.
    dev_root: InodeId,
    /// The guest's /dev/shm.
    shm_dir: InodeId,
    /// The guest's /sys.
    sysfs_root: InodeId,
    /// The root of files without a name, once there was one.
    shm_root: Option<InodeId>,
    /// The root of files of large pages, once there was one.
    hugetlbfs_root: Option<InodeId>,
    /// Host memory that the layer takes, in bytes.
    layer_bytes: usize,
}

/// The host's directories that the default view leaves out, beside those that are made here instead: /dev, /proc, /sys.
const LEFT_OUT: [&[u8]; 1] = [b"run"];

impl Vfs {
    /// The files of a view, and the standard streams.
    ///
    /// # Errors
    /// A host folder that cannot be opened, a mount point or working directory that is not one.
    pub fn new(view: ViewConfig, console: Box<dyn Console>) -> Result<Self, FsError> {
        let none = InodeId(0);
        let mut vfs = Self {
            mounts: Vec::new(),
            inodes: InodeTable::default(),
            files: FileTable::default(),
            fd_tables: Vec::new(),
            pipes: PipeTable::default(),
            sockets: SocketTable::default(),
            events: BTreeMap::new(),
            timers: BTreeMap::new(),
            signal_masks: BTreeMap::new(),
            epolls: BTreeMap::new(),
            pid_files: BTreeMap::new(),
            locks: LockTable::default(),
            write_access: WriteAccess::default(),
            proc: ProcFs::new(),
            mappings: Mappings::default(),
            truncated: Vec::new(),
            woken: Vec::new(),
            console,
            stream_wants: [Ready::empty(); 3],
            credentials: Credentials::of_host(),
            random: RandomBytes(view.seed),
            now: Timestamp::default(),
            root: none,
            named: None,
            dev_root: none,
            shm_dir: none,
            sysfs_root: none,
            shm_root: None,
            hugetlbfs_root: None,
            layer_bytes: 0,
        };
        let base = view.root.clone().unwrap_or_else(|| "/".into());
        vfs.root = vfs.mount_folder(&base, MountMode::Layered, (none, b""))?;
        vfs.inode_get(vfs.root);
        let at = |path: &str| {
            let path = path.into();
            move |errno| FsError::MountPoint { path, errno }
        };
        if view.root.is_none() {
            for name in LEFT_OUT {
                vfs.set_slot(vfs.root, name, Slot::Whiteout).map_err(at("/"))?;
            }
        }
        vfs.make_dev().map_err(at("/dev"))?;
        vfs.make_proc().map_err(at("/proc"))?;
        vfs.make_sys().map_err(at("/sys"))?;
        for mount in view.mounts {
            vfs.mount(&mount)?;
        }
        let cwd = vfs.directory(vfs.root, view.cwd.as_os_str().as_bytes());
        let cwd = cwd.map_err(|errno| FsError::WorkingDirectory { path: view.cwd, errno })?;
        vfs.inodes.make_free_of_charge(cwd);
        if let Some(name) = view.cwd_name {
            vfs.name_in_root(cwd, &name).map_err(|errno| FsError::WorkingName { name, errno })?;
        }
        Ok(vfs)
    }

    /// Gives a directory a name in the root, by which it is told of. Its parent stays what it is.
    fn name_in_root(&mut self, dir: InodeId, name: &str) -> Result<(), Errno> {
        if dir == self.root {
            return Ok(());
        }
        if self.lookup(self.root, name.as_bytes())?.is_some_and(|there| there != dir) {
            return Err(Errno::EEXIST);
        }
        self.inode_get(dir);
        self.set_slot(self.root, name.as_bytes(), Slot::Node(dir))?;
        self.named = Some((dir, name.into()));
        Ok(())
    }

    /// The guest's root directory.
    #[must_use]
    pub const fn root(&self) -> InodeId {
        self.root
    }

    /// The directory at a path, to become somebody's working directory: the caller takes a reference.
    ///
    /// # Errors
    /// Those of `chdir(2)`.
    pub fn directory(&mut self, cwd: InodeId, path: &[u8]) -> Result<InodeId, Errno> {
        let id = self.walk(cwd, path, Follow::Always)?;
        if !self.inodes.get(id).is_dir() {
            return Err(Errno::ENOTDIR);
        }
        self.may(id, May::EXEC)?;
        Ok(id)
    }

    /// The regular file at a path, to be executed. It holds one reference, which the caller gives back.
    ///
    /// # Errors
    /// Those of `execve(2)`: `EACCES` for what is not a regular file or not executable, `ETXTBSY` for what is being written.
    pub fn open_exec(&mut self, cwd: InodeId, path: &[u8]) -> Result<InodeId, Errno> {
        let id = self.walk(cwd, path, Follow::Always)?;
        if self.inodes.get(id).meta.kind != Kind::Regular {
            return Err(Errno::EACCES);
        }
        self.may(id, May::EXEC)?;
        self.may_be_executed(id)?;
        self.open_reader(id)?;
        self.inode_get(id);
        Ok(id)
    }

    /// The regular file at a path from the root, to be looked at from outside of the guest, whatever its rights. It holds one
    /// reference, which the caller gives back.
    pub(crate) fn open_to_inspect(&mut self, path: &[u8]) -> Result<InodeId, Errno> {
        let id = self.walk(self.root, path, Follow::Always)?;
        if self.inodes.get(id).meta.kind != Kind::Regular {
            return Err(Errno::EACCES);
        }
        self.open_reader(id)?;
        self.inode_get(id);
        Ok(id)
    }

    /// Says that what a channel stands for has changed.
    pub(crate) fn wake(&mut self, channel: Channel) {
        self.wake_for(channel, Ready::all());
    }

    /// The same, if the change can only have made files ready for this.
    fn wake_for(&mut self, channel: Channel, event: Ready) {
        self.note_event(channel, event);
        if !self.woken.contains(&channel) {
            self.woken.push(channel);
        }
    }

    /// The channels that were woken since this was last called, each once, in order.
    pub(crate) fn take_woken(&mut self) -> Vec<Channel> {
        std::mem::take(&mut self.woken)
    }

    /// Prepares for a system call: changes made from now on have this time and are made by this user.
    pub(crate) fn enter(&mut self, now: Timestamp, uid: u32, gid: u32) {
        self.now = now;
        (self.credentials.uid, self.credentials.gid) = (uid, gid);
        self.credentials.capabilities = CapSet::of_user(uid);
        self.forget_mappings();
        self.inodes.trim(&[self.root]);
    }

    /// The further groups of who makes the changes, and what it may do if that is not what goes with the user.
    pub(crate) fn set_rights(&mut self, groups: &Rc<[u32]>, capabilities: CapSet) {
        self.credentials.groups = Rc::clone(groups);
        self.credentials.capabilities = capabilities;
    }

    /// Judges by these ids until the next call.
    pub(crate) const fn act_as(&mut self, uid: u32, gid: u32, capabilities: CapSet) {
        (self.credentials.uid, self.credentials.gid) = (uid, gid);
        self.credentials.capabilities = capabilities;
    }

    /// The user on whose behalf files are used.
    #[must_use]
    pub const fn credentials(&self) -> &Credentials {
        &self.credentials
    }

    /// The standard streams.
    pub(crate) fn console(&mut self) -> &mut dyn Console {
        &mut *self.console
    }

    /// Takes a reference to an inode.
    pub fn inode_get(&mut self, id: InodeId) {
        self.inodes.get_mut(id).refs += 1;
    }

    /// Gives a reference back. With the last one the host's file is closed, and a file without a name is freed.
    pub fn inode_put(&mut self, cx: &mut FsCx<'_>, id: InodeId) {
        // A directory that was removed before its parent, and so on upwards: a loop, as the chain may be long.
        let mut next = Some(id);
        while let Some(id) = next {
            let inode = self.inodes.get_mut(id);
            debug_assert!(inode.refs > 0, "{id:?} has no references");
            inode.refs -= 1;
            if inode.refs > 0 {
                return;
            }
            self.close_host_file(cx, id);
            next = self.free_if_gone(cx, id);
        }
    }

    /// Closes the host's file; in a writable mount the pages go too, as the host may change it unseen from now on.
    fn close_host_file(&mut self, cx: &mut FsCx<'_>, id: InodeId) {
        let is_writable = self.writable_place(id).is_some();
        if let Some(contents) = self.inodes.get_mut(id).contents() {
            (contents.reader, contents.writer) = (None, None);
            if is_writable {
                self.drop_pages(cx, id, 0);
            }
        }
    }

    /// A guest path of an inode, for maps and reports; with ` (deleted)` as Linux has it if the name is gone.
    #[must_use]
    pub fn inode_name(&self, id: InodeId) -> Vec<u8> {
        self.path_of(id).unwrap_or_else(|| {
            let inode = self.inodes.get(id);
            let dir = self.path_of(inode.parent).unwrap_or_default();
            let slash: &[u8] = if dir == b"/" { b"" } else { b"/" };
            [&dir, slash, &inode.name, b" (deleted)"].concat()
        })
    }

    /// The size of a file in bytes.
    #[must_use]
    pub fn inode_size(&self, id: InodeId) -> u64 {
        self.inodes.get(id).meta.size
    }

    /// Opens a host folder as the root of a new mount.
    fn mount_folder(&mut self, folder: &Path, mode: MountMode, at: (InodeId, &[u8])) -> Result<InodeId, FsError> {
        let failed = |errno| FsError::HostFolder { path: folder.to_owned(), errno };
        let tree = HostTree::open(folder).map_err(failed)?;
        let stat = tree.stat(b"").and_then(|s| s.ok_or(Errno::ENOENT)).map_err(failed)?;
        let mount = MountId(self.mounts.len() as u32);
        let id = self.inodes.number_of(mount, stat.key).map_err(failed)?;
        let dev = self.inodes.device_of(mount, stat.key.0);
        self.inodes.insert(id, Inode::of_host(&stat, mount, dev, Vec::new(), at));
        let folder = std::fs::canonicalize(folder).ok();
        self.mounts.push(MountPoint::of_view(Some(Rc::new(tree)), folder, mode, id));
        Ok(id)
    }

    /// Mounts a host folder; directories that its guest path lacks are made in the layer.
    fn mount(&mut self, mount: &Mount) -> Result<(), FsError> {
        let failed = |errno| FsError::MountPoint { path: mount.guest.clone(), errno };
        let mut dir = self.root;
        let names = mount.guest.as_os_str().as_bytes().split(|&b| b == b'/').filter(|n| !n.is_empty() && *n != b".");
        let names: Vec<&[u8]> = names.collect();
        let Some((last, above)) = names.split_last() else { return Err(failed(Errno::EBUSY)) };
        if names.contains(&&b".."[..]) {
            return Err(failed(Errno::EINVAL));
        }
        for name in above {
            dir = self.mount_parent(dir, name).map_err(failed)?;
        }
        let root = self.mount_folder(&mount.host, mount.mode, (dir, last))?;
        self.inode_get(root);
        self.set_slot(dir, last, Slot::Node(root)).map_err(failed)
    }

    /// A directory on the way to a mount point.
    fn mount_parent(&mut self, dir: InodeId, name: &[u8]) -> Result<InodeId, Errno> {
        match self.find(dir, name, Follow::Always)?.inode {
            Some(id) if self.inodes.get(id).is_dir() => Ok(id),
            Some(_) => Err(Errno::ENOTDIR),
            None if self.writable_place(dir).is_some() => Err(Errno::ENOENT),
            None => self.make_layered(dir, name, New::Directory, 0o755),
        }
    }

    /// A directory that has nothing of the host.
    fn mount_empty(&mut self, dir: InodeId, name: &[u8], permissions: u32) -> Result<InodeId, Errno> {
        let id = self.new_inode(dir, New::Directory, permissions)?;
        let mount = MountId(self.mounts.len() as u32);
        let inode = self.inodes.get_mut(id);
        (inode.mount, inode.dev, inode.name) = (mount, 0x5 + u64::from(mount.0), name.to_vec());
        inode.meta.nlink = 2;
        self.mounts.push(MountPoint::of_view(None, None, MountMode::Layered, id));
        self.set_slot(dir, name, Slot::Node(id))?;
        Ok(id)
    }

    fn make_dev(&mut self) -> Result<(), Errno> {
        self.dev_root = self.mount_empty(self.root, b"dev", 0o755)?;
        for (name, device) in Device::NAMES {
            self.make_layered(self.dev_root, name.as_bytes(), New::Device(device), 0o666)?;
        }
        let links = [
            ("fd", "/proc/self/fd"),
            ("stdin", "/proc/self/fd/0"),
            ("stdout", "/proc/self/fd/1"),
            ("stderr", "/proc/self/fd/2"),
        ];
        for (name, target) in links {
            self.make_layered(self.dev_root, name.as_bytes(), New::Symlink(target.into()), 0o777)?;
        }
        self.shm_dir = self.mount_empty(self.dev_root, b"shm", 0o1777)?;
        Ok(())
    }

    fn make_proc(&mut self) -> Result<(), Errno> {
        self.proc.root = self.mount_empty(self.root, b"proc", 0o555)?;
        self.inodes.get_mut(self.proc.root).body = Body::Proc(ProcNode::Root);
        Ok(())
    }

    fn make_sys(&mut self) -> Result<(), Errno> {
        self.sysfs_root = self.mount_empty(self.root, b"sys", 0o555)?;
        self.inodes.get_mut(self.sysfs_root).body = Body::Proc(ProcNode::Knobs(Tree::Sysfs, ""));
        Ok(())
    }
}
