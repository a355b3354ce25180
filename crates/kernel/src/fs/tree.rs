//! The merged tree: the host's directories with the layer's names on top.
//!
//! A name is looked up in the directory's slots first; a whiteout hides the host's name; without a slot the host is
//! asked. What the host has but the guest must not see (sockets, FIFOs, devices) is not there; a file system of the
//! kernel's own state, such as another /proc, is an empty directory.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::host::{HostStat, HostTree};
use super::inode::{Body, Inode, InodeId, MountId, Slot, Truth};
use super::meta::{Kind, May};
use super::view::MountMode;
use super::{BLOCK_BYTES, FileStat, Vfs};
use crate::Errno;

/// A name in a directory, as `getdents64` gives it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DirEntry {
    pub(crate) name: Vec<u8>,
    pub(crate) ino: u64,
    pub(crate) kind: Kind,
}

/// `dir/name`, where `dir` may be empty.
pub(super) fn join(dir: &[u8], name: &[u8]) -> Vec<u8> {
    if dir.is_empty() { name.to_vec() } else { [dir, b"/", name].concat() }
}

/// What kind of file system a file is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FileSystem {
    /// One of the host's folders.
    Disk,
    Dev,
    Proc,
    Sys,
    /// Files in memory: /dev/shm, and what has no name.
    Shm,
    /// Files of large pages.
    Hugetlbfs,
}

impl Vfs {
    /// The file system that an inode is in.
    pub(crate) fn file_system(&self, id: InodeId) -> FileSystem {
        let mount = |id| self.inodes.get(id).mount;
        if let Some(kind) = self.mounts[mount(id).0 as usize].kind {
            return kind;
        }
        match mount(id) {
            at if at == mount(self.dev_root) => FileSystem::Dev,
            at if at == mount(self.shm_dir) => FileSystem::Shm,
            at if self.shm_root.is_some_and(|root| at == mount(root)) => FileSystem::Shm,
            at if self.hugetlbfs_root.is_some_and(|root| at == mount(root)) => FileSystem::Hugetlbfs,
            at if at == mount(self.proc.root) => FileSystem::Proc,
            at if at == mount(self.sysfs_root) => FileSystem::Sys,
            _ => FileSystem::Disk,
        }
    }

    /// Where something is mounted, and what, in the order of mounting.
    pub(crate) fn mount_points(&self) -> Vec<(Vec<u8>, FileSystem)> {
        let is_there = |mount: &&super::inode::MountPoint| mount.kind.is_none() || mount.covered.is_some();
        let at = |mount: &super::inode::MountPoint| Some((self.path_of(mount.root)?, self.file_system(mount.root)));
        self.mounts.iter().filter(is_there).filter_map(at).collect()
    }

    /// The device number of a mount, by its place in [`Self::mount_points`].
    pub(crate) fn mount_device(&self, index: usize) -> u64 {
        let mut shown = self.mounts.iter().filter(|mount| self.path_of(mount.root).is_some());
        shown.nth(index).map_or(0, |mount| self.inodes.get(mount.root).dev)
    }

    /// The host folder behind an inode's mount, and the inode's path in it.
    pub(super) fn host_place(&self, id: InodeId) -> Option<(Rc<HostTree>, Vec<u8>)> {
        let inode = self.inodes.get(id);
        let tree = self.mounts[inode.mount.0 as usize].tree.clone()?;
        Some((tree, inode.origin.clone()?))
    }

    /// The host folder and path, if changes go to the host.
    pub(super) fn writable_place(&self, id: InodeId) -> Option<(Rc<HostTree>, Vec<u8>)> {
        let mode = self.mounts[self.inodes.get(id).mount.0 as usize].mode;
        if mode == MountMode::Writable { self.host_place(id) } else { None }
    }

    /// The file called `name` in a directory; `None` if there is none.
    pub(super) fn lookup(&mut self, dir: InodeId, name: &[u8]) -> Result<Option<InodeId>, Errno> {
        if let Body::Proc(node) = self.inodes.get(dir).body {
            return self.proc_lookup(dir, node, name);
        }
        match self.inodes.get(dir).slots().ok_or(Errno::ENOTDIR)?.get(name) {
            Some(&Slot::Node(id)) => return Ok(Some(id)),
            Some(Slot::Whiteout) => return Ok(None),
            None => {}
        }
        let Some((tree, dir_path)) = self.host_place(dir) else { return Ok(None) };
        let path = join(&dir_path, name);
        match tree.stat(&path)? {
            Some(stat) if stat.meta.kind.is_shown() => self.meet(&tree, path, &stat, (dir, name)).map(Some),
            _ => Ok(None),
        }
    }

    /// The inode of a host file that a look-up has found.
    fn meet(
        &mut self,
        tree: &HostTree,
        path: Vec<u8>,
        stat: &HostStat,
        at: (InodeId, &[u8]),
    ) -> Result<InodeId, Errno> {
        let dir = self.inodes.get(at.0);
        let (mount, dir_dev) = (dir.mount, dir.key.map(|(dev, _)| dev));
        let id = self.inodes.number_of(mount, stat.key)?;
        if let Some(known) = self.inodes.find(id)
            && (known.truth == Truth::Layer || known.meta.kind == stat.meta.kind)
        {
            self.inodes.get_mut(id).met_again(stat, path, at);
            return Ok(id);
        }
        let dev = self.inodes.device_of(mount, stat.key.0);
        let crosses = stat.meta.kind == Kind::Directory && dir_dev != Some(stat.key.0);
        let hidden = crosses && tree.is_kernel_state(&path);
        let mut inode = Inode::of_host(stat, mount, dev, path, at);
        if hidden {
            inode.truth = Truth::Layer;
            inode.origin = None;
        }
        self.inodes.insert(id, inode);
        Ok(id)
    }

    /// The names in a directory, sorted, after `.` and `..`.
    pub(crate) fn list(&mut self, dir: InodeId) -> Result<Vec<DirEntry>, Errno> {
        let inode = self.inodes.get(dir);
        let parent = inode.parent;
        let dots = [(b".".to_vec(), (dir, Kind::Directory)), (b"..".to_vec(), (parent, Kind::Directory))];
        let entry = |(name, (id, kind)): (Vec<u8>, (InodeId, Kind))| DirEntry { name, ino: id.ino(), kind };
        if let Body::Proc(node) = inode.body {
            let entries = self.proc_list(dir, node)?;
            return Ok(dots.into_iter().map(entry).chain(entries).collect());
        }
        let slots = inode.slots().ok_or(Errno::ENOTDIR)?.clone();
        let mut names = self.host_names(dir, inode.mount, &slots)?;
        for (name, slot) in slots {
            if let Slot::Node(id) = slot {
                names.insert(name, (id, self.inodes.get(id).meta.kind));
            }
        }
        Ok(dots.into_iter().chain(names).map(entry).collect())
    }

    /// The host's names in a directory that no slot speaks of.
    fn host_names(
        &mut self,
        dir: InodeId,
        mount: MountId,
        slots: &BTreeMap<Vec<u8>, Slot>,
    ) -> Result<BTreeMap<Vec<u8>, (InodeId, Kind)>, Errno> {
        let Some((tree, dir_path)) = self.host_place(dir) else { return Ok(BTreeMap::new()) };
        let dev = self.inodes.get(dir).key.map_or(0, |(dev, _)| dev);
        let mut entries = tree.list(&dir_path)?;
        entries.retain(|e| !slots.contains_key(&e.name));
        entries.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        let mut names = BTreeMap::new();
        for entry in entries {
            let kind = match entry.kind {
                Some(kind) => Some(kind),
                None => tree.stat(&join(&dir_path, &entry.name))?.map(|s| s.meta.kind),
            };
            if let Some(kind) = kind.filter(|k| k.is_shown()) {
                let id = self.inodes.number_of(mount, (dev, entry.ino))?;
                names.insert(entry.name, (id, kind));
            }
        }
        Ok(names)
    }

    /// The target of a symbolic link.
    pub(crate) fn read_link(&mut self, id: InodeId) -> Result<Vec<u8>, Errno> {
        match &self.inodes.get(id).body {
            Body::Symlink(Some(target)) => Ok(target.clone()),
            Body::Proc(node) => self.proc_read_link(*node),
            Body::Symlink(None) => {
                let (tree, path) = self.host_place(id).ok_or(Errno::EIO)?;
                tree.read_link(&path)
            }
            _ => Err(Errno::EINVAL),
        }
    }

    /// The guest path of an inode: for a file one of its names; `None` if it has no name any more.
    pub(crate) fn path_of(&self, id: InodeId) -> Option<Vec<u8>> {
        let mut names = Vec::new();
        let mut at = id;
        while at != self.root {
            let inode = self.inodes.find(at)?;
            if inode.meta.nlink == 0 {
                return None;
            }
            if let Some((_, name)) = self.named.as_ref().filter(|(dir, _)| *dir == at) {
                names.push(name.as_bytes());
                break;
            }
            names.push(&inode.name[..]);
            at = inode.parent;
        }
        names.push(b"");
        names.reverse();
        Some(if names.len() == 1 { b"/".to_vec() } else { names.join(&b'/') })
    }

    /// True if `id` is `dir` or lies below it.
    pub(super) fn is_below(&self, id: InodeId, dir: InodeId) -> bool {
        let mut at = id;
        while at != dir {
            if at == self.root {
                return false;
            }
            at = self.inodes.get(at).parent;
        }
        true
    }

    /// True if a mount has its root there.
    pub(super) fn is_mount_root(&self, id: InodeId) -> bool {
        self.mounts.iter().any(|m| m.root == id)
    }

    /// Judges an access by the permission bits.
    pub(crate) fn may(&self, id: InodeId, access: May) -> Result<(), Errno> {
        let inode = self.inodes.get(id);
        self.credentials.may(&inode.meta, access)?;
        match inode.body {
            Body::Proc(node) if node.is_strict() && !node.grants(access) => Err(Errno::EACCES),
            _ => Ok(()),
        }
    }

    /// What `stat` says of an inode.
    pub(crate) fn stat(&mut self, id: InodeId) -> Result<FileStat, Errno> {
        self.refresh_from_host(id)?;
        let inode = self.inodes.get(id);
        let mut meta = inode.meta;
        if let (Truth::Layer, Body::Regular(contents)) = (inode.truth, &inode.body) {
            // As many blocks as the pages take, beside what is still the host's.
            let host_pages = contents.host_len.min(meta.size).div_ceil(arch::FRAME_SIZE);
            let own_pages = contents.pages.range(host_pages..).count() as u64;
            meta.blocks = meta.blocks.min(8 * host_pages) + 8 * own_pages;
        }
        let block_bytes = self.huge_page_size(id).map_or(BLOCK_BYTES, |size| size.bytes() as u32);
        Ok(FileStat { dev: inode.dev, ino: id.ino(), block_bytes, meta })
    }

    /// In a writable mount the host is asked anew.
    pub(super) fn refresh_from_host(&mut self, id: InodeId) -> Result<(), Errno> {
        let Some((tree, path)) = self.writable_place(id) else { return Ok(()) };
        let inode = self.inodes.get_mut(id);
        let has_name = inode.meta.nlink > 0;
        let stat = match inode.host_fd() {
            Some(fd) => Some(super::host::stat_fd(fd)?),
            // Should the way there be barred by now, what was seen last must do.
            None if has_name => tree.stat(&path).unwrap_or(None),
            None => None,
        };
        if let Some(stat) = stat.filter(|s| Some(s.key) == inode.key) {
            inode.refresh(&stat);
        }
        Ok(())
    }
}
