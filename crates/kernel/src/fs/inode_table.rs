//! The inode table: every file that the guest has met, numbered by first sight, and the room that inodes and names take in slabs.

use super::inode::{Inode, InodeId, MountId, Slot};
use crate::Errno;
use crate::mm::frames::FrameTable;
use crate::mm::slab::{Cache, DENTRY, INODE, Object, Pool};
use std::collections::{BTreeMap, BTreeSet};

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
