//! Changes of names: make, link, remove, rename. Checks in Linux's order, then either the layer or the host.

use std::collections::BTreeMap;

use super::host::Removal;
use super::inode::{Body, InodeId, Truth};
use super::knob::Tree;
use super::layer::New;
use super::meta::{Kind, May};
use super::namei::{Follow, Found, Last};
use super::procfs::ProcNode;
use super::{FsCx, Vfs};
use crate::Errno;

/// Links that a file may have (ext4's EXT4_LINK_MAX).
const LINK_MAX: u32 = 65_000;

bitflags::bitflags! {
    /// Flags of `renameat2`.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(crate) struct Rename: u32 {
        /// The new name must be free.
        const NOREPLACE = 1;
        /// The two names exchange their files.
        const EXCHANGE = 2;
    }
}

/// A name whose directory has been found.
struct Named<'a> {
    dir: InodeId,
    name: &'a [u8],
}

impl Vfs {
    /// Makes a directory or a symbolic link at a path (`mkdirat`, `symlinkat`, `mknodat`).
    pub(crate) fn make(&mut self, start: InodeId, path: &[u8], new: New, permissions: u32) -> Result<InodeId, Errno> {
        let found = self.find(start, path, Follow::Never)?;
        let name = self.free_name(&found, matches!(new, New::Directory))?;
        let id = self.make_at(found.dir, &name, new, permissions)?;
        if let Some(contents) = self.inodes.get_mut(id).contents() {
            (contents.reader, contents.writer) = (None, None);
        }
        Ok(id)
    }

    /// The last name of a path at which something is to be made (Linux's `filename_create`).
    fn free_name(&self, found: &Found, makes_dir: bool) -> Result<Vec<u8>, Errno> {
        let refusal = self.proc_refusal(found.dir, Errno::EPERM);
        match &found.last {
            Last::Name(_) if found.inode.is_some() => Err(Errno::EEXIST),
            Last::Name(name) => match refusal {
                Some(refusal) => Err(refusal),
                None if found.slash && !makes_dir => Err(Errno::ENOENT),
                None => Ok(name.clone()),
            },
            Last::Dot | Last::DotDot | Last::Root => Err(Errno::EEXIST),
        }
    }

    /// Makes a file in a directory, under a free name.
    pub(super) fn make_at(&mut self, dir: InodeId, name: &[u8], new: New, permissions: u32) -> Result<InodeId, Errno> {
        self.may_make_in(dir)?;
        match self.host_name(dir, name) {
            Some(at) => self.make_on_host(&at, (dir, name), &new, permissions),
            None => self.make_layered(dir, name, new, permissions),
        }
    }

    /// Why nothing can be made in a directory: in /proc no other name can be, and /sys has an error of its own.
    fn proc_refusal(&self, dir: InodeId, in_sysfs: Errno) -> Option<Errno> {
        match self.inodes.get(dir).body {
            Body::Proc(ProcNode::Knobs(Tree::Sysfs, _)) => {
                Some(self.may(dir, May::WRITE | May::EXEC).err().unwrap_or(in_sysfs))
            }
            Body::Proc(_) => Some(Errno::ENOENT),
            _ => None,
        }
    }

    /// Linux's `may_create`.
    fn may_make_in(&self, dir: InodeId) -> Result<(), Errno> {
        if let Some(refusal) = self.proc_refusal(dir, Errno::EACCES) {
            return Err(refusal);
        }
        // A directory that has been removed but is still somebody's working directory takes no names.
        if self.inodes.get(dir).meta.nlink == 0 {
            return Err(Errno::ENOENT);
        }
        self.may(dir, May::WRITE | May::EXEC)
    }

    /// Linux's `may_delete`: takes a name from `dir`.
    fn may_remove_from(&self, dir: InodeId, id: InodeId) -> Result<(), Errno> {
        self.may(dir, May::WRITE | May::EXEC)?;
        if matches!(self.inodes.get(dir).body, Body::Proc(_)) {
            return Err(Errno::EPERM);
        }
        let (dir, file) = (&self.inodes.get(dir).meta, &self.inodes.get(id).meta);
        let sticky = dir.permissions & 0o1000 != 0;
        if sticky && !self.credentials.owns(dir.uid) && !self.credentials.owns(file.uid) {
            return Err(Errno::EPERM);
        }
        Ok(())
    }

    /// `linkat`: gives an existing file a further name.
    pub(crate) fn link(&mut self, id: InodeId, start: InodeId, path: &[u8]) -> Result<(), Errno> {
        let found = self.find(start, path, Follow::Never)?;
        let name = self.free_name(&found, false)?;
        let (dir, meta) = (found.dir, self.inodes.get(id).meta);
        if self.inodes.get(id).mount != self.inodes.get(dir).mount {
            return Err(Errno::EXDEV);
        }
        self.may_make_in(dir)?;
        if meta.kind == Kind::Directory {
            return Err(Errno::EPERM);
        }
        match meta.nlink {
            // Only a file that never had a name can get its first one now: O_TMPFILE.
            0 if !self.inodes.get(id).name.is_empty() => return Err(Errno::ENOENT),
            n if n >= LINK_MAX => return Err(Errno::EMLINK),
            _ => {}
        }
        match self.host_name(dir, &name) {
            Some(to) => self.link_on_host(id, &to),
            None => self.link_layered(dir, &name, id),
        }
    }

    /// `unlinkat` without AT_REMOVEDIR.
    pub(crate) fn unlink(&mut self, cx: &mut FsCx<'_>, start: InodeId, path: &[u8]) -> Result<(), Errno> {
        let found = self.find(start, path, Follow::Never)?;
        let Last::Name(name) = &found.last else { return Err(Errno::EISDIR) };
        let id = found.existing()?;
        let is_dir = self.inodes.get(id).is_dir();
        if found.slash {
            return Err(if is_dir { Errno::EISDIR } else { Errno::ENOTDIR });
        }
        self.may_remove_from(found.dir, id)?;
        if is_dir {
            return Err(Errno::EISDIR);
        }
        self.remove(cx, &Named { dir: found.dir, name }, id, Removal::File)
    }

    /// `rmdir`.
    pub(crate) fn rmdir(&mut self, cx: &mut FsCx<'_>, start: InodeId, path: &[u8]) -> Result<(), Errno> {
        let found = self.find(start, path, Follow::Never)?;
        let name = match &found.last {
            Last::Name(name) => name,
            Last::Dot => return Err(Errno::EINVAL),
            Last::DotDot => return Err(Errno::ENOTEMPTY),
            Last::Root => return Err(Errno::EBUSY),
        };
        let id = found.existing()?;
        self.may_remove_from(found.dir, id)?;
        if !self.inodes.get(id).is_dir() {
            return Err(Errno::ENOTDIR);
        }
        if self.is_mount_root(id) {
            return Err(Errno::EBUSY);
        }
        self.must_be_empty(id)?;
        self.remove(cx, &Named { dir: found.dir, name }, id, Removal::Directory)
    }

    /// In a writable mount the host sees to it, which needs no right to read the directory; only mount points in it are
    /// known here alone.
    fn must_be_empty(&mut self, dir: InodeId) -> Result<(), Errno> {
        let is_empty = match self.writable_place(dir) {
            Some(_) => self.inodes.get(dir).slots().is_none_or(BTreeMap::is_empty),
            None => self.list(dir)?.len() <= 2,
        };
        if is_empty { Ok(()) } else { Err(Errno::ENOTEMPTY) }
    }

    fn remove(&mut self, cx: &mut FsCx<'_>, at: &Named<'_>, id: InodeId, removal: Removal) -> Result<(), Errno> {
        match self.host_name(at.dir, at.name) {
            Some(host) => self.remove_on_host(&host, id, removal)?,
            None => self.remove_layered(at.dir, at.name, id, removal)?,
        }
        self.after_lost_name(cx, id);
        Ok(())
    }

    /// A file has lost a name: it goes if that was the last one.
    pub(super) fn after_lost_name(&mut self, cx: &mut FsCx<'_>, id: InodeId) {
        // One that held its parent had a reference itself, and is freed when that is given back.
        let _nothing_held = self.free_if_gone(cx, id);
    }

    /// `renameat2`.
    pub(crate) fn rename(
        &mut self,
        cx: &mut FsCx<'_>,
        (old_start, old_path): (InodeId, &[u8]),
        (new_start, new_path): (InodeId, &[u8]),
        flags: Rename,
    ) -> Result<(), Errno> {
        let old = self.find(old_start, old_path, Follow::Never)?;
        let new = self.find(new_start, new_path, Follow::Never)?;
        if self.inodes.get(old.dir).mount != self.inodes.get(new.dir).mount {
            return Err(Errno::EXDEV);
        }
        let Last::Name(old_name) = &old.last else { return Err(Errno::EBUSY) };
        let Last::Name(new_name) = &new.last else {
            return Err(if flags.contains(Rename::NOREPLACE) { Errno::EEXIST } else { Errno::EBUSY });
        };
        let id = old.existing()?;
        self.check_rename(&old, &new, id, flags)?;
        if new.inode == Some(id) {
            return Ok(());
        }
        self.may_rename(&old, &new, id, flags)?;
        let (from, to) = (Named { dir: old.dir, name: old_name }, Named { dir: new.dir, name: new_name });
        match (new.inode, flags.contains(Rename::EXCHANGE)) {
            (Some(other), true) => self.exchange(&from, &to, id, other),
            (replaced, _) => self.move_name(cx, &from, &to, id, replaced),
        }
    }

    /// The checks of Linux's `do_renameat2`.
    fn check_rename(&self, old: &Found, new: &Found, id: InodeId, flags: Rename) -> Result<(), Errno> {
        let is_dir = |id| self.inodes.get(id).is_dir();
        if flags.contains(Rename::NOREPLACE) && new.inode.is_some() {
            return Err(Errno::EEXIST);
        }
        if flags.contains(Rename::EXCHANGE) {
            let other = new.existing()?;
            if new.slash && !is_dir(other) {
                return Err(Errno::ENOTDIR);
            }
        }
        let new_slash = new.slash && !flags.contains(Rename::EXCHANGE);
        if !is_dir(id) && (old.slash || new_slash) {
            return Err(Errno::ENOTDIR);
        }
        if is_dir(id) && self.is_below(new.dir, id) {
            return Err(Errno::EINVAL);
        }
        match new.inode {
            Some(target) if is_dir(target) && self.is_below(old.dir, target) => {
                Err(if flags.contains(Rename::EXCHANGE) { Errno::EINVAL } else { Errno::ENOTEMPTY })
            }
            _ => Ok(()),
        }
    }

    /// The checks of Linux's `vfs_rename`.
    fn may_rename(&mut self, old: &Found, new: &Found, id: InodeId, flags: Rename) -> Result<(), Errno> {
        let exchange = flags.contains(Rename::EXCHANGE);
        let is_dir = self.inodes.get(id).is_dir();
        self.may_remove_from(old.dir, id)?;
        let Some(target) = new.inode else {
            self.may_make_in(new.dir)?;
            return self.may_change_parent(old, new, id);
        };
        self.may_remove_from(new.dir, target)?;
        let target_is_dir = self.inodes.get(target).is_dir();
        match (is_dir, target_is_dir) {
            (true, false) if !exchange => return Err(Errno::ENOTDIR),
            (false, true) if !exchange => return Err(Errno::EISDIR),
            _ => {}
        }
        self.may_change_parent(old, new, id)?;
        if exchange {
            self.may_change_parent(old, new, target)?;
        }
        if self.is_mount_root(id) || self.is_mount_root(target) {
            return Err(Errno::EBUSY);
        }
        if target_is_dir && !exchange { self.must_be_empty(target) } else { Ok(()) }
    }

    /// A directory that comes under another parent gets another `..`: a change of the directory itself.
    fn may_change_parent(&self, old: &Found, new: &Found, id: InodeId) -> Result<(), Errno> {
        let is_changed = old.dir != new.dir && self.inodes.get(id).is_dir();
        if is_changed { self.may(id, May::WRITE) } else { Ok(()) }
    }

    fn move_name(
        &mut self,
        cx: &mut FsCx<'_>,
        from: &Named<'_>,
        to: &Named<'_>,
        id: InodeId,
        replaced: Option<InodeId>,
    ) -> Result<(), Errno> {
        if self.is_mount_root(id) {
            return Err(Errno::EBUSY);
        }
        match (self.host_name(from.dir, from.name), self.host_name(to.dir, to.name)) {
            (Some(host_from), Some(host_to)) => {
                self.rename_on_host((&host_from, id), (&host_to, (to.dir, to.name)), replaced)?;
            }
            (None, None) => {
                for needed in [from.dir, to.dir, id] {
                    self.copy_up(needed)?;
                }
                if let Some(old) = replaced {
                    let removal = if self.inodes.get(old).is_dir() { Removal::Directory } else { Removal::File };
                    self.remove_layered(to.dir, to.name, old, removal)?;
                }
                self.move_layered((from.dir, from.name), (to.dir, to.name), id)?;
            }
            _ => return Err(Errno::EXDEV),
        }
        if let Some(old) = replaced {
            self.after_lost_name(cx, old);
        }
        Ok(())
    }

    fn exchange(&mut self, a: &Named<'_>, b: &Named<'_>, a_id: InodeId, b_id: InodeId) -> Result<(), Errno> {
        let (a, b) = ((a.dir, a.name, a_id), (b.dir, b.name, b_id));
        match (self.host_name(a.0, a.1), self.host_name(b.0, b.1)) {
            (Some(host_a), Some(host_b)) => self.exchange_on_host((&host_a, a), (&host_b, b)),
            (None, None) => self.exchange_layered(a, b),
            _ => Err(Errno::EXDEV),
        }
    }

    /// Frees a file that has neither a name nor anybody who refers to it. Returns the parent to which it held a reference,
    /// which the caller gives back.
    #[must_use]
    pub(super) fn free_if_gone(&mut self, cx: &mut FsCx<'_>, id: InodeId) -> Option<InodeId> {
        let inode = self.inodes.get_mut(id);
        if inode.meta.nlink > 0 {
            return None;
        }
        if inode.refs == 0 {
            self.drop_pages(cx, id, 0);
            self.remove_huge_pages(cx, id, 0..u64::MAX);
            let mut inode = self.inodes.remove(id)?;
            cx.frames.commit.pages -= inode.contents().map_or(0, |contents| contents.committed_pages);
            self.refund_inode(&inode);
            return inode.held_parent;
        }
        let (parent, is_first, truth) = (inode.parent, inode.held_parent.is_none(), inode.truth);
        if is_first {
            inode.held_parent = Some(parent);
            self.inode_get(parent);
        }
        if truth == Truth::Host {
            // The host may give its inode number to another file now.
            self.inodes.forget_number_of(id);
        }
        None
    }
}
