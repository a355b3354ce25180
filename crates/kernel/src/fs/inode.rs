//! Inodes: files, as the guest knows them. [`super::inode_table`] has them all.
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
use crate::mm::reclaim::policy::Shadow;
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

    pub(super) fn whiteouts(&self) -> usize {
        self.slots().map_or(0, |slots| slots.values().filter(|slot| **slot == Slot::Whiteout).count())
    }

    /// True if dropping it would lose something.
    pub(super) fn is_needed(&self) -> bool {
        let holds = match &self.body {
            Body::Regular(contents) => !contents.pages.is_empty(),
            Body::Directory(slots) => !slots.is_empty(),
            _ => false,
        };
        self.refs > 0 || self.truth == Truth::Layer || holds
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
