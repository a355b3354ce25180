//! mount and umount: file systems of memory and of large pages, at a directory of the guest's (Linux's `do_new_mount`,
//! `do_umount`).
//!
//! The root of what is mounted takes the place of the directory's name in its parent, as the mounts of the view do; what the
//! name was comes back when it goes. Invariant: a root that can be unmounted has one reference of its own, and the directory
//! under it one too.

use super::host::Removal;
use super::inode::{Body, InodeId, MountId, MountPoint, Slot};
use super::layer::New;
use super::namei::{Follow, Last};
use super::tree::FileSystem;
use super::view::MountMode;
use super::{FsCx, Vfs};
use crate::Errno;
use arch::PageSize;
use bitflags::bitflags;

/// Device numbers of what is mounted begin here.
const FIRST_DEV: u64 = 0x100;

bitflags! {
    /// How to unmount (`MNT_*`, `UMOUNT_NOFOLLOW`).
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(crate) struct Umount: u32 {
        const FORCE = 1;
        const DETACH = 2;
        const EXPIRE = 4;
        const NOFOLLOW = 8;
    }
}

/// What to mount.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NewMount {
    pub(crate) kind: FileSystem,
    /// Of the root directory.
    permissions: u32,
    /// The pages of its files, if they are large.
    page: Option<PageSize>,
}

impl NewMount {
    /// Reads the type and the options of a mount.
    ///
    /// # Errors
    /// `ENODEV` for a type that is not to be had, `EINVAL` for an option that cannot be met.
    pub(crate) fn parse(kind: &[u8], options: &[u8]) -> Result<Self, Errno> {
        let mut mount = match kind {
            b"tmpfs" | b"ramfs" => Self { kind: FileSystem::Dev, permissions: 0o1777, page: None },
            b"hugetlbfs" => Self { kind: FileSystem::Hugetlbfs, permissions: 0o755, page: Some(PageSize::Size2M) },
            _ => return Err(Errno::ENODEV),
        };
        for option in options.split(|byte| *byte == b',').filter(|option| !option.is_empty()) {
            let (name, value) = match option.iter().position(|byte| *byte == b'=') {
                Some(at) => (&option[..at], &option[at + 1..]),
                None => (option, &b""[..]),
            };
            mount.set(name, value)?;
        }
        Ok(mount)
    }

    fn set(&mut self, name: &[u8], value: &[u8]) -> Result<(), Errno> {
        let text = std::str::from_utf8(value).map_err(|_| Errno::EINVAL)?;
        match name {
            b"mode" => self.permissions = u32::from_str_radix(text, 8).map_err(|_| Errno::EINVAL)? & 0o7777,
            b"pagesize" if self.page.is_some() => {
                self.page = Some(match text.to_ascii_uppercase().trim_end_matches('B') {
                    "2M" | "2097152" | "2048K" => PageSize::Size2M,
                    "1G" | "1073741824" | "1024M" | "1048576K" => PageSize::Size1G,
                    _ => return Err(Errno::EINVAL),
                });
            }
            // What there is of RAM and of pages is the limit.
            b"size" | b"nr_inodes" | b"nr_blocks" | b"min_size" | b"huge" | b"uid" | b"gid" => {}
            _ => return Err(Errno::EINVAL),
        }
        Ok(())
    }
}

/// What a mount has taken the place of.
pub(super) struct Covered {
    parent: InodeId,
    name: Vec<u8>,
    /// What the layer said of the name before.
    slot: Option<Slot>,
    directory: InodeId,
}

impl Vfs {
    /// Mounts a new file system at a directory.
    ///
    /// # Errors
    /// `ENOTDIR` for what is none, `EBUSY` for the root, `ENOSPC` if the layer's budget is used up.
    pub(crate) fn mount_at(&mut self, start: InodeId, path: &[u8], new: NewMount) -> Result<(), Errno> {
        let directory = self.walk(start, path, Follow::Always)?;
        if !self.inodes.get(directory).is_dir() {
            return Err(Errno::ENOTDIR);
        }
        if directory == self.root {
            return Err(Errno::EBUSY);
        }
        let (parent, name) = (self.inodes.get(directory).parent, self.inodes.get(directory).name.clone());
        let slots = self.inodes.get(parent).slots().ok_or(Errno::EBUSY)?;
        let covered = Covered { parent, slot: slots.get(&name).copied(), name: name.clone(), directory };
        let root = self.new_inode(parent, New::Directory, new.permissions)?;
        let mount = MountId(self.mounts.len() as u32);
        let inode = self.inodes.get_mut(root);
        (inode.mount, inode.dev, inode.refs) = (mount, FIRST_DEV + u64::from(mount.0), 1);
        (inode.name, inode.meta.nlink) = (name.clone(), 2);
        self.inode_get(directory);
        self.set_slot(parent, &name, Slot::Node(root))?;
        self.mounts.push(MountPoint {
            tree: None,
            folder: None,
            mode: MountMode::Layered,
            root,
            kind: Some(new.kind),
            page: new.page,
            covered: Some(covered),
        });
        Ok(())
    }

    /// Takes away what is mounted at a path, and with it all its files; those that are open last until they are closed.
    ///
    /// # Errors
    /// `EINVAL` where nothing is mounted that could go; `EBUSY` if files are open, unless `DETACH` says that it matters not.
    pub(crate) fn umount(&mut self, cx: &mut FsCx<'_>, start: InodeId, path: &[u8], how: Umount) -> Result<(), Errno> {
        let follow = if how.contains(Umount::NOFOLLOW) { Follow::NotLast } else { Follow::Always };
        let found = self.find(start, path, follow)?;
        let root = match (found.inode, found.last) {
            (Some(root), _) => root,
            (None, Last::Name(_)) => return Err(Errno::ENOENT),
            (None, _) => return Err(Errno::EINVAL),
        };
        let at = self.mounts.iter().position(|mount| mount.root == root && mount.covered.is_some());
        let at = at.ok_or(Errno::EINVAL)?;
        let is_busy = self
            .inodes
            .iter_with_ids()
            .any(|(id, inode)| inode.mount == MountId(at as u32) && inode.refs > u32::from(id == root));
        if is_busy && !how.contains(Umount::DETACH) {
            return Err(Errno::EBUSY);
        }
        self.remove_all_below(cx, root)?;
        let covered = self.mounts[at].covered.take().expect("it was just looked for");
        match covered.slot {
            Some(slot) => self.set_slot(covered.parent, &covered.name, slot)?,
            None => self.clear_slot(covered.parent, &covered.name),
        }
        self.inodes.get_mut(root).meta.nlink = 0;
        self.inode_put(cx, root);
        self.inode_put(cx, covered.directory);
        Ok(())
    }

    /// Removes the names in a directory and all below: a stack of what is to be done, as it may be deep.
    fn remove_all_below(&mut self, cx: &mut FsCx<'_>, root: InodeId) -> Result<(), Errno> {
        let mut open = vec![root];
        while let Some(dir) = open.last().copied() {
            let first = self.inodes.get(dir).slots().and_then(|slots| slots.iter().next());
            let Some((name, slot)) = first.map(|(name, slot)| (name.clone(), *slot)) else {
                open.pop();
                continue;
            };
            let Slot::Node(id) = slot else {
                self.clear_slot(dir, &name);
                continue;
            };
            let body = &self.inodes.get(id).body;
            let (is_dir, is_empty) = match body {
                Body::Directory(slots) => (true, slots.is_empty()),
                _ => (false, true),
            };
            if is_empty {
                let removal = if is_dir { Removal::Directory } else { Removal::File };
                self.remove_layered(dir, &name, id, removal)?;
                self.after_lost_name(cx, id);
            } else {
                open.push(id);
            }
        }
        Ok(())
    }

    /// The size of the pages of new files in a directory, if they are large ones.
    pub(super) fn page_of_new_files(&self, dir: InodeId) -> Option<PageSize> {
        self.mounts[self.inodes.get(dir).mount.0 as usize].page
    }
}
