//! The inode table: every file that the guest has met, numbered by first sight.
//!
//! Invariants. A host file is known by its mount and the host's device and inode number, so that its hard links are one
//! inode here too; its number never changes. An inode whose [`Truth`] is the layer, or that somebody refers to, stays;
//! the rest may be dropped and met again. An inode in a directory's slots belongs to the layer or is the root of a mount.

use std::collections::{BTreeMap, BTreeSet};
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::rc::Rc;

use arch::{PageSize, Pfn};
use event::FileId;

use super::device::Device;
use super::host::{HostStat, HostTree};
use super::hugetlbfs::HugeFile;
use super::meta::{Kind, Meta};
use super::mounting::Covered;
use super::pipe::PipeId;
use super::procfs::ProcNode;
use super::seals::Seals;
use super::tree::FileSystem;
use super::view::MountMode;
use crate::Errno;
use crate::mm::frames::FrameTable;
use crate::mm::reclaim::policy::Shadow;
use crate::mm::slab::{Cache, DENTRY, INODE, Object, Pool};
use crate::mm::swap::SwapEntry;

/// The number of an inode.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InodeId(pub u32);

impl InodeId {
    /// The number by which events name it.
    #[must_use]
    pub const fn file_id(self) -> FileId {
        FileId(self.0)
    }

    /// The number as `st_ino` shows it: the root's is 2, as on most file systems of Linux.
    #[must_use]
    pub const fn ino(self) -> u64 {
        self.0 as u64 + 2
    }
}

/// The number of a mount; 0 is the base of the view.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct MountId(pub(super) u32);

/// A mounted folder.
pub(super) struct MountPoint {
    /// The host's folder; `None` if all of it is made here, as /dev is.
    pub(super) tree: Option<Rc<HostTree>>,
    /// Where that is, if the host says.
    pub(super) folder: Option<PathBuf>,
    pub(super) mode: MountMode,
    pub(super) root: InodeId,
    /// What it is, if the guest has mounted it.
    pub(super) kind: Option<FileSystem>,
    /// The pages of its files, if they are large.
    pub(super) page: Option<PageSize>,
    /// What it covers, as long as it is mounted by the guest.
    pub(super) covered: Option<Covered>,
}

impl MountPoint {
    /// One that is there from the start and stays.
    pub(super) const fn of_view(
        tree: Option<Rc<HostTree>>,
        folder: Option<PathBuf>,
        mode: MountMode,
        root: InodeId,
    ) -> Self {
        Self { tree, folder, mode, root, kind: None, page: None, covered: None }
    }
}

/// Where the truth about a file's attributes is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Truth {
    /// On the host.
    Host,
    /// Here: the guest has made or changed the file.
    Layer,
}

/// A file.
pub(super) struct Inode {
    /// Open files, mappings, working directories.
    pub(super) refs: u32,
    pub(super) truth: Truth,
    pub(super) meta: Meta,
    pub(super) mount: MountId,
    /// The device number that the guest sees.
    pub(super) dev: u64,
    /// The path of a host file in the mount's folder; empty for the folder itself.
    pub(super) origin: Option<Vec<u8>>,
    /// The device and inode number of a host file.
    pub(super) key: Option<(u64, u64)>,
    /// The directory and the name by which it was met or to which it was moved. A directory's parent is in memory; that
    /// of a file may be gone if the file has further names.
    pub(super) parent: InodeId,
    pub(super) name: Vec<u8>,
    pub(super) body: Body,
    /// The parent to which a file without a name holds a reference, so that `..` leads somewhere.
    pub(super) held_parent: Option<InodeId>,
}

/// What is in a file.
pub(super) enum Body {
    Regular(Contents),
    /// A file of large pages.
    Huge(HugeFile),
    /// The names that differ from the host's directory.
    Directory(BTreeMap<Vec<u8>, Slot>),
    /// The target, if the link was made here.
    Symlink(Option<Vec<u8>>),
    Device(Device),
    /// A FIFO, and the pipe that it is while it is open.
    Fifo(Option<PipeId>),
    /// Something in /proc.
    Proc(ProcNode),
}

/// A name in a directory, where the layer says something of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Slot {
    /// It is this file.
    Node(InodeId),
    /// It is not there, whatever the host says.
    Whiteout,
}

/// A page of a file that is in memory, or that only the swap device has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PageOfFile {
    /// In this frame, of which the cache holds a reference.
    Frame(Pfn),
    /// In this slot, which counts the cache.
    Swapped(SwapEntry),
}

impl PageOfFile {
    /// The frame, if it is in memory.
    pub(super) const fn frame(self) -> Option<Pfn> {
        match self {
            Self::Frame(pfn) => Some(pfn),
            Self::Swapped(_) => None,
        }
    }
}

/// The contents of a regular file.
#[derive(Default)]
pub(super) struct Contents {
    /// The page cache of this file. A layered file's changes are here and nowhere else.
    pub(super) pages: BTreeMap<u64, PageOfFile>,
    /// Pages that fallocate has taken a frame for and that nobody has used since: they are not up to date, so that mincore
    /// does not know them.
    pub(super) unwritten: BTreeSet<u64>,
    /// What reclaim remembers of pages that it took out of the cache.
    pub(super) shadows: BTreeMap<u64, Shadow>,
    /// Bytes below this offset that are in no page yet are the host's; above it they are 0.
    pub(super) host_len: u64,
    /// The host's file, open for reading, while somebody refers to the inode.
    pub(super) reader: Option<OwnedFd>,
    /// Pages that are promised to it, whether it has them or not.
    pub(super) committed_pages: u64,
    /// What can no longer be done to a file in memory.
    pub(super) seals: Seals,
    /// The host's file, open for writing; writable mounts only.
    pub(super) writer: Option<OwnedFd>,
}

impl Contents {
    /// Takes a page out of the cache; what is to become of its frame or slot is the caller's matter.
    pub(super) fn remove_page(&mut self, index: u64) -> Option<PageOfFile> {
        self.unwritten.remove(&index);
        self.pages.remove(&index)
    }
}

impl Inode {
    pub(super) fn is_dir(&self) -> bool {
        self.meta.kind == Kind::Directory
    }

    pub(super) fn contents(&mut self) -> Option<&mut Contents> {
        match &mut self.body {
            Body::Regular(contents) => Some(contents),
            _ => None,
        }
    }

    pub(super) fn slots(&self) -> Option<&BTreeMap<Vec<u8>, Slot>> {
        match &self.body {
            Body::Directory(slots) => Some(slots),
            _ => None,
        }
    }

    pub(super) fn slots_mut(&mut self) -> Option<&mut BTreeMap<Vec<u8>, Slot>> {
        match &mut self.body {
            Body::Directory(slots) => Some(slots),
            _ => None,
        }
    }

    fn whiteouts(&self) -> usize {
        self.slots().map_or(0, |slots| slots.values().filter(|slot| **slot == Slot::Whiteout).count())
    }

    /// True if dropping it would lose something.
    fn is_needed(&self) -> bool {
        let holds = match &self.body {
            Body::Regular(contents) => !contents.pages.is_empty(),
            Body::Directory(slots) => !slots.is_empty(),
            _ => false,
        };
        self.refs > 0 || self.truth == Truth::Layer || holds
    }
}

/// Files that can be numbered: a bound on the host's memory.
const MAX_INODES: usize = 1 << 22;
/// Clean inodes that are kept; above it the unneeded ones are dropped between system calls.
const KEPT_INODES: usize = 16 << 10;

/// An inode in memory, and its room in a slab, unless it is one of those that take none.
struct Held {
    inode: Box<Inode>,
    object: Option<Object>,
}

/// All inodes.
pub(super) struct InodeTable {
    /// By number; `None` for a host file that was dropped and for a number to be used again.
    inodes: Vec<Option<Held>>,
    /// The numbers of host files.
    numbers: BTreeMap<(MountId, u64, u64), InodeId>,
    /// Numbers of files that are gone for good.
    unused: Vec<InodeId>,
    /// Inodes in memory, and how many of them the last trim had to leave.
    live: usize,
    floor: usize,
    /// Inodes in memory that take no room.
    free_of_charge: usize,
    /// The host's devices, in order of first sight.
    devices: Vec<(MountId, u64)>,
    /// Names of which the layer says that they are not there.
    whiteouts: usize,
    objects: Cache,
    dentries: Cache,
    /// A name for each inode in memory, and the whiteouts.
    names: Pool,
}

impl Default for InodeTable {
    fn default() -> Self {
        Self {
            inodes: Vec::new(),
            numbers: BTreeMap::new(),
            unused: Vec::new(),
            live: 0,
            floor: 0,
            free_of_charge: 0,
            devices: Vec::new(),
            whiteouts: 0,
            objects: Cache::new(&INODE),
            dentries: Cache::new(&DENTRY),
            names: Pool::default(),
        }
    }
}

impl InodeTable {
    /// The inode, if it is in memory.
    pub(super) fn find(&self, id: InodeId) -> Option<&Inode> {
        self.inodes.get(id.0 as usize)?.as_ref().map(|held| &*held.inode)
    }

    /// The inode.
    pub(super) fn get(&self, id: InodeId) -> &Inode {
        self.find(id).expect("an inode in use is in memory")
    }

    /// The inode, to be changed.
    pub(super) fn get_mut(&mut self, id: InodeId) -> &mut Inode {
        let held = self.inodes[id.0 as usize].as_mut();
        &mut held.expect("an inode in use is in memory").inode
    }

    /// A number for a file that is not the host's.
    pub(super) fn new_number(&mut self) -> Result<InodeId, Errno> {
        if let Some(id) = self.unused.pop() {
            return Ok(id);
        }
        if self.inodes.len() == MAX_INODES {
            return Err(Errno::ENOSPC);
        }
        self.inodes.push(None);
        Ok(InodeId(self.inodes.len() as u32 - 1))
    }

    /// The number of a host file: a new one if it was never seen.
    pub(super) fn number_of(&mut self, mount: MountId, (dev, ino): (u64, u64)) -> Result<InodeId, Errno> {
        if let Some(&id) = self.numbers.get(&(mount, dev, ino)) {
            return Ok(id);
        }
        let id = self.new_number()?;
        self.numbers.insert((mount, dev, ino), id);
        Ok(id)
    }

    /// The device number shown for a host device: 8:1, 8:2 and so on by first sight.
    pub(super) fn device_of(&mut self, mount: MountId, dev: u64) -> u64 {
        let key = (mount, dev);
        let index = self.devices.iter().position(|&d| d == key).unwrap_or_else(|| {
            self.devices.push(key);
            self.devices.len() - 1
        });
        0x801 + index as u64
    }

    /// Puts an inode in its place.
    pub(super) fn insert(&mut self, id: InodeId, inode: Inode) {
        let (place, inode) = (&mut self.inodes[id.0 as usize], Box::new(inode));
        match place {
            Some(held) => held.inode = inode,
            None => {
                *place = Some(Held { inode, object: Some(self.objects.alloc()) });
                self.live += 1;
            }
        }
    }

    /// Takes out an inode whose file is gone for good; its number may be used again.
    pub(super) fn remove(&mut self, id: InodeId) -> Option<Box<Inode>> {
        let Held { inode, object } = self.inodes[id.0 as usize].take()?;
        self.gone(object);
        self.whiteouts -= inode.whiteouts();
        self.forget(id, &inode);
        self.unused.push(id);
        Some(inode)
    }

    fn gone(&mut self, object: Option<Object>) {
        self.live -= 1;
        match object {
            Some(object) => self.objects.free(object),
            None => self.free_of_charge -= 1,
        }
    }

    /// The folders from the root to this one take no room from now on: how deep the working directory lies on the host is not the program's
    /// doing, so its pages must not leave memory for it.
    pub(super) fn make_free_of_charge(&mut self, mut folder: InodeId) {
        while let Some(held) = self.inodes[folder.0 as usize].as_mut() {
            let parent = held.inode.parent;
            if let Some(object) = held.object.take() {
                self.objects.free(object);
                self.free_of_charge += 1;
            }
            if parent == folder {
                return;
            }
            folder = parent;
        }
    }

    /// The host may use the number of this file for another one from now on.
    pub(super) fn forget_number_of(&mut self, id: InodeId) {
        if let Some(held) = self.inodes[id.0 as usize].take() {
            self.forget(id, &held.inode);
            self.inodes[id.0 as usize] = Some(held);
        }
    }

    fn forget(&mut self, id: InodeId, inode: &Inode) {
        if let Some((dev, ino)) = inode.key
            && self.numbers.get(&(inode.mount, dev, ino)) == Some(&id)
        {
            self.numbers.remove(&(inode.mount, dev, ino));
        }
    }

    /// All inodes in memory with their numbers.
    pub(super) fn iter_with_ids(&self) -> impl Iterator<Item = (InodeId, &Inode)> {
        let all = self.inodes.iter().enumerate();
        all.filter_map(|(index, inode)| Some((InodeId(index as u32), &*inode.as_ref()?.inode)))
    }

    /// All inodes in memory, by number.
    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Inode> {
        self.inodes.iter_mut().filter_map(|held| Some(&mut *held.as_mut()?.inode))
    }

    /// Says in a directory what a name is: `None` if nothing differs from the host.
    pub(super) fn set_slot(&mut self, dir: InodeId, name: &[u8], slot: Option<Slot>) -> Result<Option<Slot>, Errno> {
        let slots = self.get_mut(dir).slots_mut().ok_or(Errno::ENOTDIR)?;
        let old = match slot {
            Some(slot) => slots.insert(name.to_vec(), slot),
            None => slots.remove(name),
        };
        self.whiteouts += usize::from(slot == Some(Slot::Whiteout));
        self.whiteouts -= usize::from(old == Some(Slot::Whiteout));
        Ok(old)
    }

    /// Takes note of how many names there are, and gives slabs their frames or takes them.
    pub(super) fn settle(&mut self, frames: &mut FrameTable) {
        let names = self.live - self.free_of_charge + self.whiteouts;
        if self.names.len() != names {
            self.names.set(&mut self.dentries, names);
        }
        self.objects.settle(frames);
        self.dentries.settle(frames);
    }

    pub(super) const fn caches(&self) -> [&Cache; 2] {
        [&self.objects, &self.dentries]
    }

    /// Drops inodes that are not needed, once there are many. To be called between system calls, when nobody holds an
    /// [`InodeId`] without a reference.
    pub(super) fn trim(&mut self, roots: &[InodeId]) {
        if self.live >= self.floor + KEPT_INODES {
            self.drop_unneeded(roots);
        }
    }

    /// As [`Self::trim`], at once.
    pub(super) fn drop_unneeded(&mut self, roots: &[InodeId]) {
        let needed =
            (0..self.inodes.len() as u32).map(InodeId).filter(|&id| self.find(id).is_some_and(Inode::is_needed));
        let mut keep: BTreeSet<InodeId> = BTreeSet::new();
        for mut id in needed.chain(roots.iter().copied()).collect::<Vec<_>>() {
            while let Some(inode) = self.find(id)
                && keep.insert(id)
            {
                id = inode.parent;
            }
        }
        let mut gone = Vec::new();
        for (index, place) in self.inodes.iter_mut().enumerate() {
            if !keep.contains(&InodeId(index as u32))
                && let Some(held) = place.take()
            {
                gone.push(held.object);
            }
        }
        gone.into_iter().for_each(|object| self.gone(object));
        self.floor = self.live;
    }
}

impl Inode {
    /// A host file just met.
    pub(super) fn of_host(stat: &HostStat, mount: MountId, dev: u64, path: Vec<u8>, at: (InodeId, &[u8])) -> Self {
        let body = match stat.meta.kind {
            Kind::Directory => Body::Directory(BTreeMap::new()),
            Kind::Symlink => Body::Symlink(None),
            _ => Body::Regular(Contents { host_len: stat.meta.size, ..Contents::default() }),
        };
        let (origin, key) = (Some(path), Some(stat.key));
        let (parent, name) = (at.0, at.1.to_vec());
        Self {
            refs: 0,
            truth: Truth::Host,
            meta: stat.meta,
            mount,
            dev,
            origin,
            key,
            parent,
            name,
            body,
            held_parent: None,
        }
    }

    /// A look-up has found the host file again, perhaps under another of its names.
    pub(super) fn met_again(&mut self, stat: &HostStat, path: Vec<u8>, at: (InodeId, &[u8])) {
        self.refresh(stat);
        if self.truth == Truth::Host && !self.is_dir() && self.origin.as_ref() != Some(&path) {
            (self.origin, self.parent, self.name) = (Some(path), at.0, at.1.to_vec());
        }
    }

    /// The host's file, if it is open.
    pub(super) fn host_fd(&self) -> Option<&OwnedFd> {
        match &self.body {
            Body::Regular(contents) => contents.reader.as_ref().or(contents.writer.as_ref()),
            _ => None,
        }
    }

    /// Takes over what the host says now.
    pub(super) fn refresh(&mut self, stat: &HostStat) {
        if self.truth == Truth::Host {
            self.meta = stat.meta;
            if let Body::Regular(contents) = &mut self.body {
                contents.host_len = stat.meta.size;
            }
        }
    }
}
