//! SysV shared memory: which segments there are (Linux's `ipc/shm.c`, `ipc/util.c`).
//!
//! A segment is a file in memory with a number. Invariant: the segment holds one reference to its inode, and so does each
//! mapping of it; nobody else can, since it has no name and no descriptor. So what Linux counts as `shm_nattch` is the
//! inode's count less one, however the mappings came and went: attached, forked, split, unmapped, left behind by an exit. A
//! segment that is marked to be destroyed goes when that is 0 ([`Kernel::settle_shm`], at the end of every entry).

use crate::fs::InodeId;
use crate::kernel::Kernel;
use crate::process::{Cap, Process};
use crate::time::NSEC_PER_SEC;
use crate::{Errno, Hw};
use arch::{FRAME_SHIFT, FRAME_SIZE};
use event::Pid;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// A key that names no segment (`IPC_PRIVATE`).
pub(crate) const IPC_PRIVATE: i32 = 0;
/// In `mode`: it goes with its last mapping (`SHM_DEST`).
pub(crate) const SHM_DEST: u32 = 0o1000;
/// In `mode`: its pages stay in memory (`SHM_LOCKED`).
pub(crate) const SHM_LOCKED: u32 = 0o2000;
/// The most segments, if nobody says otherwise (`SHMMNI`).
const SHM_MNI: u64 = 4096;
/// The longest segment in bytes, and the most pages of all (`SHMMAX`, `SHMALL`).
const SHM_MAX: u64 = u64::MAX - (1 << 24);
/// See [`SHM_MAX`].
const SHM_ALL: u64 = u64::MAX - (1 << 24);
/// Indices are below this, and a number is an index and how often it was used (`IPCMNI_SHIFT`).
const INDEX_BITS: u32 = 15;
/// Indices are handed out in turn among so many at least (`ipc_min_cycle`).
const MIN_CYCLE: usize = 64;
/// How often an index may be used before its numbers come again (`ipcid_seq_max`).
const SEQ_MAX: u32 = (i32::MAX as u32) >> INDEX_BITS;

/// A segment (`struct shmid_kernel`).
#[derive(Clone, Debug)]
pub(crate) struct Segment {
    pub(crate) key: i32,
    pub(crate) id: i32,
    pub(crate) seq: u32,
    /// Permissions, [`SHM_DEST`], [`SHM_LOCKED`].
    pub(crate) mode: u32,
    pub(crate) owner: (u32, u32),
    pub(crate) creator: (u32, u32),
    pub(crate) bytes: u64,
    /// Seconds since 1970 of the last attach, the last detach, the last change.
    pub(crate) attached: u64,
    pub(crate) detached: u64,
    pub(crate) changed: u64,
    pub(crate) created_by: Pid,
    pub(crate) last_by: Pid,
    pub(crate) inode: InodeId,
    /// Mappings as they were when last looked at.
    nattch: u64,
}

impl Segment {
    fn pages(&self) -> u64 {
        self.bytes.div_ceil(FRAME_SIZE)
    }

    /// Whether a process may use it in this way: `flags` has permission bits (`ipcperms`).
    pub(crate) fn permits(&self, process: &Process, flags: u32) -> bool {
        let (user, group) = (process.credentials.user.effective, process.credentials.group.effective);
        let wanted = flags >> 6 | flags >> 3 | flags;
        let in_group = |gid: u32| gid == group || process.groups.contains(&gid);
        let granted = match self.mode {
            mode if user == self.owner.0 || user == self.creator.0 => mode >> 6,
            mode if in_group(self.owner.1) || in_group(self.creator.1) => mode >> 3,
            mode => mode,
        };
        wanted & !granted & 0o7 == 0 || process.may(Cap::IpcOwner)
    }

    /// Whether a process may change or destroy it (`ipcctl_obtain_check`).
    pub(crate) fn is_ruled_by(&self, process: &Process) -> bool {
        let user = process.credentials.user.effective;
        user == self.owner.0 || user == self.creator.0 || process.may(Cap::SysAdmin)
    }
}

/// All segments, by index.
#[derive(Debug)]
pub(crate) struct ShmTable {
    /// What there may be at most.
    pub(crate) most: ShmMost,
    segments: BTreeMap<usize, Segment>,
    /// Where the search for a free index begins.
    next: usize,
    /// The index handed out last, and how often the indices have come round.
    last: Option<usize>,
    seq: u32,
}

/// What there may be at most: bytes of a segment, pages of all, segments (`kernel.shmmax`, `shmall`, `shmmni`).
#[derive(Clone, Copy, Debug)]
pub(crate) struct ShmMost {
    pub(crate) bytes: u64,
    pub(crate) pages: u64,
    pub(crate) segments: u64,
}

impl Default for ShmTable {
    fn default() -> Self {
        let most = ShmMost { bytes: SHM_MAX, pages: SHM_ALL, segments: SHM_MNI };
        Self { most, segments: BTreeMap::new(), next: 0, last: None, seq: 0 }
    }
}

/// Sums over all segments, in pages.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ShmTotals {
    pub(crate) segments: u64,
    pub(crate) pages: u64,
    pub(crate) resident: u64,
    pub(crate) swapped: u64,
}

impl ShmTable {
    /// The segment with this number.
    ///
    /// # Errors
    /// `EINVAL` if there is none, or its index is another's by now.
    pub(crate) fn by_id(&mut self, id: i32) -> Result<&mut Segment, Errno> {
        let index = usize::try_from(id).map_err(|_| Errno::EINVAL)? & ((1 << INDEX_BITS) - 1);
        let segment = self.segments.get_mut(&index).ok_or(Errno::EINVAL)?;
        if segment.id == id { Ok(segment) } else { Err(Errno::EINVAL) }
    }

    /// The segment at this index.
    pub(crate) fn by_index(&self, index: i32) -> Option<&Segment> {
        self.segments.get(&usize::try_from(index).ok()?)
    }

    /// The segment with this key.
    pub(crate) fn by_key(&self, key: i32) -> Option<&Segment> {
        self.segments.values().find(|segment| key != IPC_PRIVATE && segment.key == key)
    }

    /// The highest index in use; 0 if none is.
    pub(crate) fn highest_index(&self) -> u64 {
        self.segments.keys().next_back().map_or(0, |&index| index as u64)
    }

    /// All segments, by index.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Segment> {
        self.segments.values()
    }

    /// Pages of all segments (`shm_tot`).
    pub(crate) fn pages(&self) -> u64 {
        self.iter().map(Segment::pages).sum()
    }

    /// Whether an inode is a segment's.
    pub(crate) fn holds(&self, inode: InodeId) -> bool {
        self.iter().any(|segment| segment.inode == inode)
    }

    /// Adds a segment and gives its number.
    ///
    /// # Errors
    /// `ENOSPC` if there are too many.
    pub(crate) fn insert(&mut self, segment: Segment) -> Result<i32, Errno> {
        if self.segments.len() as u64 >= self.most.segments {
            return Err(Errno::ENOSPC);
        }
        let cycle = (self.segments.len() * 3 / 2).clamp(MIN_CYCLE, 1 << INDEX_BITS);
        let mut indices = (self.next..cycle).chain(0..cycle);
        let index = indices.find(|index| !self.segments.contains_key(index)).ok_or(Errno::ENOSPC)?;
        if self.last.is_some_and(|last| index <= last) {
            self.seq = if self.seq + 1 >= SEQ_MAX { 0 } else { self.seq + 1 };
        }
        (self.last, self.next) = (Some(index), index + 1);
        let id = (self.seq << INDEX_BITS | index as u32).cast_signed();
        self.segments.insert(index, Segment { id, seq: self.seq, ..segment });
        Ok(id)
    }
}

impl Kernel {
    /// Seconds since 1970.
    pub(crate) fn now_seconds(&self, hw: &Hw<'_>) -> u64 {
        self.clock.realtime_ns(hw.instructions) / NSEC_PER_SEC
    }

    /// A new segment of the current process.
    pub(crate) fn new_segment(&self, hw: &Hw<'_>, key: i32, bytes: u64, mode: u32, inode: InodeId) -> Segment {
        let credentials = self.current.credentials;
        let ids = (credentials.user.effective, credentials.group.effective);
        Segment {
            key,
            id: 0,
            seq: 0,
            mode,
            owner: ids,
            creator: ids,
            bytes,
            attached: 0,
            detached: 0,
            changed: self.now_seconds(hw),
            created_by: self.current.pid,
            last_by: Pid(0),
            inode,
            nattch: 0,
        }
    }

    /// Mappings of a segment.
    pub(crate) fn nattch(&self, segment: &Segment) -> u64 {
        self.vfs.inode_refs(segment.inode).saturating_sub(1)
    }

    /// Notes mappings that came and went since this was last called, and destroys what waits for its last (`shm_close`).
    pub(crate) fn settle_shm(&mut self, hw: &mut Hw<'_>) {
        if self.shm.segments.is_empty() {
            return;
        }
        let (now, pid) = (self.now_seconds(hw), self.current.pid);
        let mut gone = Vec::new();
        for (&index, segment) in &mut self.shm.segments {
            let nattch = self.vfs.inode_refs(segment.inode).saturating_sub(1);
            if nattch < segment.nattch {
                (segment.detached, segment.last_by) = (now, pid);
            } else if nattch > segment.nattch {
                (segment.attached, segment.last_by) = (now, pid);
            }
            segment.nattch = nattch;
            if nattch == 0 && segment.mode & SHM_DEST != 0 {
                gone.push((index, segment.inode));
            }
        }
        for (index, inode) in gone {
            self.shm.segments.remove(&index);
            let (vfs, _, mut cx) = self.fs_cx(hw);
            vfs.inode_put(&mut cx, inode);
        }
    }

    /// Sums over all segments (`shm_get_stat`).
    pub(crate) fn shm_totals(&self) -> ShmTotals {
        ShmTotals {
            segments: self.shm.segments.len() as u64,
            pages: self.shm.pages(),
            resident: self.shm.iter().map(|segment| self.vfs.resident_pages(segment.inode)).sum(),
            swapped: self
                .shm
                .iter()
                .map(|segment| self.vfs.swapped_pages(segment.inode, 0..u64::MAX).len() as u64)
                .sum(),
        }
    }

    /// `/proc/sysvipc/shm` (`sysvipc_shm_proc_show`).
    pub(crate) fn sysvipc_shm(&self) -> String {
        let mut out = String::from(
            "       key      shmid perms                  size  cpid  lpid nattch   uid   gid  cuid  cgid      atime      dtime      ctime                   rss                  swap\n",
        );
        for s in self.shm.iter() {
            let (nattch, resident) = (self.nattch(s), self.vfs.resident_pages(s.inode) << FRAME_SHIFT);
            let swapped = (self.vfs.swapped_pages(s.inode, 0..u64::MAX).len() as u64) << FRAME_SHIFT;
            let _fits = writeln!(
                out,
                "{:>10} {:>10}  {:>4o} {:>21} {:>5} {:>5}  {nattch:>5} {:>5} {:>5} {:>5} {:>5} {:>10} {:>10} {:>10} \
                 {resident:>21} {swapped:>21}",
                s.key,
                s.id,
                s.mode,
                s.bytes,
                s.created_by.0,
                s.last_by.0,
                s.owner.0,
                s.owner.1,
                s.creator.0,
                s.creator.1,
                s.attached,
                s.detached,
                s.changed
            );
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn segment(key: i32) -> Segment {
        Segment {
            key,
            id: 0,
            seq: 0,
            mode: 0o600,
            owner: (1, 1),
            creator: (1, 1),
            bytes: 1,
            attached: 0,
            detached: 0,
            changed: 0,
            created_by: Pid(1),
            last_by: Pid(0),
            inode: InodeId(7),
            nattch: 0,
        }
    }

    #[test]
    fn numbers_go_round_before_an_index_is_used_again() {
        let mut table = ShmTable::default();
        for id in 0..64 {
            assert_eq!(table.insert(segment(id + 1)), Ok(id));
        }
        table.segments.remove(&5);
        assert_eq!(table.insert(segment(100)), Ok(64), "half as many more than there are may be used");
        for index in [3, 9] {
            table.segments.remove(&index);
        }
        table.next = 96;
        assert_eq!(table.insert(segment(101)), Ok(1 << INDEX_BITS | 3), "the second use of index 3");
        assert_eq!(table.by_id(3).map(|s| s.id), Err(Errno::EINVAL));
        assert_eq!(table.by_id(9).map(|s| s.id), Err(Errno::EINVAL));
        assert_eq!(table.by_key(101).map(|s| s.id), Some(1 << INDEX_BITS | 3));
        assert!(table.by_key(IPC_PRIVATE).is_none());
    }
}
