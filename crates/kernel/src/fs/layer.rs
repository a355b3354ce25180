//! The layer in memory: what the guest changed where it may not change the host.
//!
//! A change first makes the layer the truth about the inode (copy-up of the attributes; the contents follow page by page
//! in the page cache). A name that the host has and the guest removed is a whiteout. Names and attributes are paid for
//! from a budget of host memory; the contents of files are in simulated frames.

use std::collections::BTreeMap;

use super::Vfs;
use super::host::Removal;
use super::hugetlbfs::HugeFile;
use super::inode::{Body, Contents, Inode, InodeId, Slot, Truth};
use super::meta::{Kind, Meta};
use super::tree::join;
use crate::Errno;

/// Host memory for names and attributes of the layer, in bytes: beyond it the guest's disk is full.
const BUDGET_BYTES: usize = 64 << 20;
/// What an inode costs.
const INODE_COST: usize = 512;
/// What a name costs, beside its bytes.
const NAME_COST: usize = 96;
/// The size of a new directory, as ext4 has it.
const DIR_SIZE: u64 = 4096;

/// What is to be made.
#[derive(Clone, Debug)]
pub(crate) enum New {
    File,
    Directory,
    Symlink(Vec<u8>),
    Device(super::Device),
    Fifo,
}

impl New {
    const fn kind(&self) -> Kind {
        match self {
            Self::File => Kind::Regular,
            Self::Directory => Kind::Directory,
            Self::Symlink(_) => Kind::Symlink,
            Self::Device(_) => Kind::CharDevice,
            Self::Fifo => Kind::Fifo,
        }
    }
}

impl Vfs {
    fn charge(&mut self, bytes: usize) -> Result<(), Errno> {
        if self.layer_bytes + bytes > BUDGET_BYTES {
            return Err(Errno::ENOSPC);
        }
        self.layer_bytes += bytes;
        Ok(())
    }

    const fn refund(&mut self, bytes: usize) {
        self.layer_bytes = self.layer_bytes.saturating_sub(bytes);
    }

    /// What an inode of the layer has been charged.
    fn cost_of(inode: &Inode) -> usize {
        match (&inode.body, inode.truth) {
            (Body::Symlink(Some(target)), _) => INODE_COST + target.len(),
            // They are as many as the processes, and a few for each.
            (Body::Proc(_), _) => 0,
            (_, Truth::Layer) => INODE_COST,
            (_, Truth::Host) => 0,
        }
    }

    /// Gives the budget back what an inode took that is gone.
    pub(super) fn refund_inode(&mut self, inode: &Inode) {
        self.refund(Self::cost_of(inode));
        let names = inode.slots().map_or(0, |slots| slots.keys().map(|n| NAME_COST + n.len()).sum());
        self.refund(names);
    }

    /// Makes the layer the truth about an inode.
    pub(super) fn copy_up(&mut self, id: InodeId) -> Result<&mut Inode, Errno> {
        if self.inodes.get(id).truth == Truth::Host {
            self.charge(INODE_COST)?;
            self.inodes.get_mut(id).truth = Truth::Layer;
        }
        Ok(self.inodes.get_mut(id))
    }

    /// Marks a change of the contents.
    pub(super) fn touch(&mut self, id: InodeId) -> Result<&mut Inode, Errno> {
        let now = self.now;
        let inode = self.copy_up(id)?;
        (inode.meta.mtime, inode.meta.ctime) = (now, now);
        Ok(inode)
    }

    /// Marks a change of the contents by a store to a mapping. The file was opened to be written, so the layer has it already; a
    /// file of the host's gets its time with its bytes.
    pub(crate) fn update_time(&mut self, id: InodeId) {
        let now = self.now;
        let meta = &mut self.inodes.get_mut(id).meta;
        (meta.mtime, meta.ctime) = (now, now);
    }

    /// Marks a change of the attributes.
    pub(super) fn touch_attributes(&mut self, id: InodeId) -> Result<&mut Inode, Errno> {
        let now = self.now;
        let inode = self.copy_up(id)?;
        inode.meta.ctime = now;
        Ok(inode)
    }

    /// Makes a file without a name.
    pub(super) fn new_inode(&mut self, dir: InodeId, new: New, permissions: u32) -> Result<InodeId, Errno> {
        let extra = if let New::Symlink(target) = &new { target.len() } else { 0 };
        self.charge(INODE_COST + extra)?;
        let id = self.inodes.new_number()?;
        let parent = self.inodes.get(dir);
        let (mount, dev, set_gid) = (parent.mount, parent.dev, parent.meta.permissions & 0o2000 != 0);
        let gid = if set_gid { parent.meta.gid } else { self.credentials.gid };
        let inherited = if set_gid && matches!(new, New::Directory) { 0o2000 } else { 0 };
        let meta = Meta {
            kind: new.kind(),
            permissions: permissions & 0o7777 | inherited,
            uid: self.credentials.uid,
            gid,
            nlink: 0,
            size: match &new {
                New::Directory => DIR_SIZE,
                New::Symlink(target) => target.len() as u64,
                New::File | New::Device(_) | New::Fifo => 0,
            },
            blocks: if matches!(new, New::Directory) { DIR_SIZE / 512 } else { 0 },
            atime: self.now,
            mtime: self.now,
            ctime: self.now,
            rdev: if let New::Device(device) = &new { device.rdev() } else { 0 },
        };
        let body = match new {
            New::File => match self.page_of_new_files(dir) {
                Some(size) => Body::Huge(HugeFile::new(size)),
                None => Body::Regular(Contents::default()),
            },
            New::Directory => Body::Directory(BTreeMap::new()),
            New::Symlink(target) => Body::Symlink(Some(target)),
            New::Device(device) => Body::Device(device),
            New::Fifo => Body::Fifo(None),
        };
        let (origin, key, name) = (None, None, Vec::new());
        let inode = Inode {
            refs: 0,
            truth: Truth::Layer,
            meta,
            mount,
            dev,
            origin,
            key,
            parent: dir,
            name,
            body,
            held_parent: None,
        };
        self.inodes.insert(id, inode);
        Ok(id)
    }

    /// Makes a file with a name.
    pub(super) fn make_layered(
        &mut self,
        dir: InodeId,
        name: &[u8],
        new: New,
        permissions: u32,
    ) -> Result<InodeId, Errno> {
        self.copy_up(dir)?;
        let id = self.new_inode(dir, new, permissions)?;
        if let Err(e) = self.attach(dir, name, id) {
            if let Some(inode) = self.inodes.remove(id) {
                self.refund_inode(&inode);
            }
            return Err(e);
        }
        Ok(id)
    }

    /// Gives a file a further name.
    pub(super) fn link_layered(&mut self, dir: InodeId, name: &[u8], id: InodeId) -> Result<(), Errno> {
        self.copy_up(dir)?;
        self.touch_attributes(id)?;
        self.attach(dir, name, id)
    }

    /// Takes a name away; the file goes with its last one, once nobody refers to it.
    pub(super) fn remove_layered(
        &mut self,
        dir: InodeId,
        name: &[u8],
        id: InodeId,
        removal: Removal,
    ) -> Result<(), Errno> {
        self.copy_up(dir)?;
        self.touch_attributes(id)?;
        self.detach(dir, name, id)?;
        if removal == Removal::Directory {
            self.inodes.get_mut(id).meta.nlink = 0;
        }
        Ok(())
    }

    /// Moves a file from one name to another, which is free.
    pub(super) fn move_layered(
        &mut self,
        from: (InodeId, &[u8]),
        to: (InodeId, &[u8]),
        id: InodeId,
    ) -> Result<(), Errno> {
        self.copy_up(from.0)?;
        self.copy_up(to.0)?;
        self.touch_attributes(id)?;
        self.attach(to.0, to.1, id)?;
        self.detach(from.0, from.1, id)?;
        let inode = self.inodes.get_mut(id);
        (inode.parent, inode.name) = (to.0, to.1.to_vec());
        Ok(())
    }

    /// Exchanges the files of two names.
    pub(super) fn exchange_layered(
        &mut self,
        a: (InodeId, &[u8], InodeId),
        b: (InodeId, &[u8], InodeId),
    ) -> Result<(), Errno> {
        for (dir, name, id) in [a, b] {
            self.copy_up(dir)?;
            self.touch_attributes(id)?;
            self.set_slot(dir, name, Slot::Node(id))?;
        }
        self.detach(a.0, a.1, a.2)?;
        self.detach(b.0, b.1, b.2)?;
        self.attach(a.0, a.1, b.2)?;
        self.attach(b.0, b.1, a.2)?;
        for ((dir, name, _), (_, _, id)) in [(a, b), (b, a)] {
            let inode = self.inodes.get_mut(id);
            (inode.parent, inode.name) = (dir, name.to_vec());
        }
        Ok(())
    }

    /// Sets a name to a file, counting the link.
    fn attach(&mut self, dir: InodeId, name: &[u8], id: InodeId) -> Result<(), Errno> {
        self.set_slot(dir, name, Slot::Node(id))?;
        let inode = self.inodes.get_mut(id);
        let is_dir = inode.is_dir();
        if inode.meta.nlink == 0 {
            (inode.parent, inode.name) = (dir, name.to_vec());
            inode.meta.nlink = if is_dir { 2 } else { 1 };
        } else if !is_dir {
            inode.meta.nlink += 1;
        }
        self.touch(dir)?.meta.nlink += u32::from(is_dir);
        Ok(())
    }

    /// Takes a name from a file, counting the link.
    fn detach(&mut self, dir: InodeId, name: &[u8], id: InodeId) -> Result<(), Errno> {
        let hides_host = match self.host_place(dir) {
            Some((tree, path)) => tree.stat(&join(&path, name))?.is_some(),
            None => false,
        };
        if hides_host {
            self.set_slot(dir, name, Slot::Whiteout)?;
        } else {
            self.clear_slot(dir, name);
        }
        let inode = self.inodes.get_mut(id);
        let is_dir = inode.is_dir();
        if !is_dir {
            inode.meta.nlink = inode.meta.nlink.saturating_sub(1);
        }
        let meta = &mut self.touch(dir)?.meta;
        meta.nlink = meta.nlink.saturating_sub(u32::from(is_dir));
        Ok(())
    }

    /// Says in the layer what a name is.
    pub(super) fn set_slot(&mut self, dir: InodeId, name: &[u8], slot: Slot) -> Result<(), Errno> {
        if !self.inodes.get(dir).slots().ok_or(Errno::ENOTDIR)?.contains_key(name) {
            self.charge(NAME_COST + name.len())?;
        }
        self.inodes.set_slot(dir, name, Some(slot)).map(|_| ())
    }

    pub(super) fn clear_slot(&mut self, dir: InodeId, name: &[u8]) {
        if let Ok(Some(_)) = self.inodes.set_slot(dir, name, None) {
            self.refund(NAME_COST + name.len());
        }
    }
}
