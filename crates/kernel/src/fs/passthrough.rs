//! Changes in a writable mount: they go to the host's folder, and the inode table follows.
//!
//! The guest believes that a name is free when the host has nothing there that it may see. So names are made and moved
//! with the forms of the calls that refuse to replace anything: a hidden socket or device is never opened or lost.

use std::rc::Rc;

use rustix::fs::RenameFlags;

use super::Vfs;
use super::host::{HostTree, Removal};
use super::inode::InodeId;
use super::layer::New;
use super::tree::join;
use crate::Errno;

/// A path that no file has.
const NOWHERE: &[u8] = b"\0";

/// A name in a directory of a writable mount.
pub(super) struct HostName {
    tree: Rc<HostTree>,
    path: Vec<u8>,
}

impl Vfs {
    /// The host's side of a name, if changes of its directory go to the host.
    pub(super) fn host_name(&self, dir: InodeId, name: &[u8]) -> Option<HostName> {
        let (tree, dir_path) = self.writable_place(dir)?;
        Some(HostName { tree, path: join(&dir_path, name) })
    }

    /// Makes a file on the host. A regular file is open there afterwards.
    pub(super) fn make_on_host(
        &mut self,
        at: &HostName,
        (dir, name): (InodeId, &[u8]),
        new: &New,
        permissions: u32,
    ) -> Result<InodeId, Errno> {
        match new {
            New::File => {
                let writer = at.tree.create(&at.path, permissions)?;
                let id = self.lookup(dir, name)?.ok_or(Errno::EIO)?;
                let contents = self.inodes.get_mut(id).contents().ok_or(Errno::EIO)?;
                contents.reader = Some(writer.try_clone().map_err(|_| Errno::ENFILE)?);
                contents.writer = Some(writer);
                return Ok(id);
            }
            New::Directory => at.tree.make_dir(&at.path, permissions)?,
            New::Symlink(target) => at.tree.make_symlink(target, &at.path)?,
            // A FIFO of the host would be shown to nobody.
            New::Device(_) | New::Fifo => return Err(Errno::EPERM),
        }
        self.lookup(dir, name)?.ok_or(Errno::EIO)
    }

    /// Gives a host file a further name.
    pub(super) fn link_on_host(&mut self, from: InodeId, to: &HostName) -> Result<(), Errno> {
        let (tree, path) = self.host_place(from).ok_or(Errno::EXDEV)?;
        tree.make_link(&path, &to.path)?;
        self.inodes.get_mut(from).meta.nlink += 1;
        Ok(())
    }

    /// Takes a name away on the host.
    pub(super) fn remove_on_host(&mut self, at: &HostName, id: InodeId, removal: Removal) -> Result<(), Errno> {
        at.tree.remove(&at.path, removal)?;
        self.lost_name(id, &at.path);
        Ok(())
    }

    /// Moves a name on the host; `replaced` is the file that had the new name.
    pub(super) fn rename_on_host(
        &mut self,
        from: (&HostName, InodeId),
        to: (&HostName, (InodeId, &[u8])),
        replaced: Option<InodeId>,
    ) -> Result<(), Errno> {
        let flags = if replaced.is_some() { RenameFlags::empty() } else { RenameFlags::NOREPLACE };
        from.0.tree.rename(&from.0.path, &to.0.path, flags)?;
        if let Some(old) = replaced {
            self.lost_name(old, &to.0.path);
        }
        self.follow_move(from.1, &from.0.path, &to.0.path);
        let inode = self.inodes.get_mut(from.1);
        (inode.parent, inode.name) = (to.1.0, to.1.1.to_vec());
        Ok(())
    }

    /// Exchanges the files of two names on the host: directory, name and file of each.
    pub(super) fn exchange_on_host(
        &mut self,
        (host_a, a): (&HostName, (InodeId, &[u8], InodeId)),
        (host_b, b): (&HostName, (InodeId, &[u8], InodeId)),
    ) -> Result<(), Errno> {
        host_a.tree.rename(&host_a.path, &host_b.path, RenameFlags::EXCHANGE)?;
        self.follow_move(a.2, &host_a.path, NOWHERE);
        self.follow_move(b.2, &host_b.path, &host_a.path);
        self.follow_move(a.2, NOWHERE, &host_b.path);
        for ((dir, name, _), (_, _, id)) in [(a, b), (b, a)] {
            let inode = self.inodes.get_mut(id);
            (inode.parent, inode.name) = (dir, name.to_vec());
        }
        Ok(())
    }

    /// A name of the inode is gone on the host. If it was the one by which the inode was met, a look-up by another one
    /// must come before the next use of its path.
    fn lost_name(&mut self, id: InodeId, path: &[u8]) {
        let inode = self.inodes.get_mut(id);
        if inode.is_dir() {
            inode.meta.nlink = 0;
            return;
        }
        inode.meta.nlink = inode.meta.nlink.saturating_sub(1);
        if inode.origin.as_deref() == Some(path) {
            inode.origin = Some(NOWHERE.to_vec());
        }
    }

    /// Everything met below a path that has moved is below the new one now.
    fn follow_move(&mut self, moved: InodeId, from: &[u8], to: &[u8]) {
        let mount = self.inodes.get(moved).mount;
        for inode in self.inodes.iter_mut().filter(|i| i.mount == mount && i.meta.nlink > 0) {
            let Some(path) = &mut inode.origin else { continue };
            match path.strip_prefix(from) {
                Some([]) => *path = to.to_vec(),
                Some(below @ [b'/', ..]) => *path = [to, below].concat(),
                _ => {}
            }
        }
    }
}
