//! The inode table: every file that the guest has met, numbered by first sight.
//!
//! Invariants. A host file is known by its mount and the host's device and inode number, so that its hard links are one
//! inode here too; its number never changes. An inode whose [`Truth`] is the layer, or that somebody refers to, stays;
//! the rest may be dropped and met again. An inode in a directory's slots belongs to the layer or is the root of a mount.

use std::collections::{BTreeMap, BTreeSet};
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::rc::Rc;

use arch::Pfn;

use super::device::Device;
use super::host::{HostStat, HostTree};
use super::meta::{Kind, Meta};
use super::pipe::PipeId;
use super::procfs::ProcNode;
use super::view::MountMode;
use crate::Errno;

/// The number of an inode.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InodeId(pub u32);

impl InodeId {
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

/// The contents of a regular file.
#[derive(Default)]
pub(super) struct Contents {
    /// The page cache of this file. A layered file's changes are here and nowhere else.
    pub(super) pages: BTreeMap<u64, Pfn>,
    /// Bytes below this offset that are in no page yet are the host's; above it they are 0.
    pub(super) host_len: u64,
    /// The host's file, open for reading, while somebody refers to the inode.
    pub(super) reader: Option<OwnedFd>,
    /// The host's file, open for writing; writable mounts only.
    pub(super) writer: Option<OwnedFd>,
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

/// All inodes.
#[derive(Default)]
pub(super) struct InodeTable {
    /// By number; `None` for a host file that was dropped and for a number to be used again.
    inodes: Vec<Option<Box<Inode>>>,
    /// The numbers of host files.
    numbers: BTreeMap<(MountId, u64, u64), InodeId>,
    /// Numbers of files that are gone for good.
    unused: Vec<InodeId>,
    /// Inodes in memory, and how many of them the last trim had to leave.
    live: usize,
    floor: usize,
    /// The host's devices, in order of first sight.
    devices: Vec<(MountId, u64)>,
}

impl InodeTable {
    /// The inode, if it is in memory.
    pub(super) fn find(&self, id: InodeId) -> Option<&Inode> {
        self.inodes.get(id.0 as usize)?.as_deref()
    }

    /// The inode.
    pub(super) fn get(&self, id: InodeId) -> &Inode {
        self.find(id).expect("an inode in use is in memory")
    }

    /// The inode, to be changed.
    pub(super) fn get_mut(&mut self, id: InodeId) -> &mut Inode {
        self.inodes[id.0 as usize].as_deref_mut().expect("an inode in use is in memory")
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
        let place = &mut self.inodes[id.0 as usize];
        self.live += usize::from(place.is_none());
        *place = Some(Box::new(inode));
    }

    /// Takes out an inode whose file is gone for good; its number may be used again.
    pub(super) fn remove(&mut self, id: InodeId) -> Option<Box<Inode>> {
        let inode = self.inodes[id.0 as usize].take()?;
        self.live -= 1;
        self.forget(id, &inode);
        self.unused.push(id);
        Some(inode)
    }

    /// The host may use the number of this file for another one from now on.
    pub(super) fn forget_number_of(&mut self, id: InodeId) {
        if let Some(inode) = self.inodes[id.0 as usize].take() {
            self.forget(id, &inode);
            self.inodes[id.0 as usize] = Some(inode);
        }
    }

    fn forget(&mut self, id: InodeId, inode: &Inode) {
        if let Some((dev, ino)) = inode.key
            && self.numbers.get(&(inode.mount, dev, ino)) == Some(&id)
        {
            self.numbers.remove(&(inode.mount, dev, ino));
        }
    }

    /// All inodes in memory, by number.
    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Inode> {
        self.inodes.iter_mut().filter_map(|i| i.as_deref_mut())
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
        for (index, place) in self.inodes.iter_mut().enumerate() {
            if place.is_some() && !keep.contains(&InodeId(index as u32)) {
                *place = None;
                self.live -= 1;
            }
        }
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
