//! Advisory locks on files (Linux's `fs/locks.c`): record locks of processes and of open files, and `flock`.
//!
//! Invariants. The records of one owner on a file do not overlap, and two that touch differ in kind. Records of different
//! owners overlap only if both are shared. A process's records on a file go when it closes any descriptor of that file;
//! those of an open file go with it. Whatever may let somebody else have a lock wakes [`Channel::Lock`].

use std::collections::BTreeMap;

use super::fdtable::FilesId;
use super::file::OpenFileId;
use super::inode::InodeId;
use super::{FsCx, Vfs};
use crate::Errno;
use crate::wait::Channel;

/// Records of all files together: a bound on the host's memory.
const MAX_RECORDS: usize = 16 << 10;

/// Who has a lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum LockOwner {
    /// A process, known by its descriptors.
    Process(FilesId),
    /// An open file, whoever uses it.
    File(OpenFileId),
}

/// What a lock keeps others from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum LockKind {
    /// From exclusive locks.
    Shared,
    /// From any.
    Exclusive,
}

impl LockKind {
    fn conflicts(self, other: Self) -> bool {
        self == Self::Exclusive || other == Self::Exclusive
    }
}

/// The bytes of a file from `start` to `end`, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct LockRange {
    pub(crate) start: u64,
    pub(crate) end: u64,
}

impl LockRange {
    /// The end of a lock that goes as far as a file can (OFFSET_MAX).
    pub(crate) const MAX: u64 = i64::MAX as u64;

    const fn overlaps(self, other: Self) -> bool {
        self.start <= other.end && other.start <= self.end
    }

    /// True if they overlap or the one begins where the other ends.
    const fn touches(self, other: Self) -> bool {
        self.start <= other.end.saturating_add(1) && other.start <= self.end.saturating_add(1)
    }

    /// What is left of it before and after `hole`, which overlaps it.
    fn without(self, hole: Self) -> impl Iterator<Item = Self> {
        let before = (self.start < hole.start).then(|| Self { start: self.start, end: hole.start - 1 });
        let after = (hole.end < self.end).then(|| Self { start: hole.end + 1, end: self.end });
        before.into_iter().chain(after)
    }
}

/// A record lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Record {
    pub(crate) range: LockRange,
    pub(crate) owner: LockOwner,
    pub(crate) kind: LockKind,
}

/// The locks on one file.
#[derive(Debug, Default)]
struct FileLocks {
    /// Those of an owner stand together and in order; who came first stands first, and is whom F_GETLK tells of.
    records: Vec<Record>,
    whole: Vec<(OpenFileId, LockKind)>,
}

impl FileLocks {
    /// The first record that keeps an owner from a lock.
    fn blocker(&self, wanted: &Record) -> Option<Record> {
        let blocks =
            |r: &&Record| r.owner != wanted.owner && r.range.overlaps(wanted.range) && r.kind.conflicts(wanted.kind);
        self.records.iter().find(blocks).copied()
    }

    /// An owner's first record in a range.
    fn own(&self, owner: LockOwner, range: LockRange) -> Option<Record> {
        self.records.iter().find(|r| r.owner == owner && r.range.overlaps(range)).copied()
    }

    /// Makes a range of an owner's locks this kind, or nothing. Conflicts have been ruled out.
    fn set(&mut self, owner: LockOwner, range: LockRange, kind: Option<LockKind>) {
        let place = self.records.iter().position(|r| r.owner == owner).unwrap_or(self.records.len());
        let mut joined = range;
        let mut own = Vec::new();
        for record in self.records.extract_if(.., |r| r.owner == owner) {
            if !record.range.touches(range) {
                own.push(record);
            } else if Some(record.kind) == kind {
                joined.start = joined.start.min(record.range.start);
                joined.end = joined.end.max(record.range.end);
            } else if record.range.overlaps(range) {
                own.extend(record.range.without(range).map(|range| Record { range, ..record }));
            } else {
                own.push(record);
            }
        }
        own.extend(kind.map(|kind| Record { range: joined, owner, kind }));
        own.sort_unstable();
        self.records.splice(place..place, own);
    }

    fn is_empty(&self) -> bool {
        self.records.is_empty() && self.whole.is_empty()
    }
}

/// The locks on all files.
#[derive(Debug, Default)]
pub(super) struct LockTable {
    files: BTreeMap<InodeId, FileLocks>,
}

impl LockTable {
    fn records(&self) -> usize {
        self.files.values().map(|locks| locks.records.len()).sum()
    }
}

impl Vfs {
    /// What keeps an owner from a lock, for F_GETLK.
    pub(crate) fn lock_blocker(&self, inode: InodeId, wanted: &Record) -> Option<Record> {
        self.locks.files.get(&inode)?.blocker(wanted)
    }

    /// What an owner itself has in a range, for F_OFD_GETLK.
    pub(crate) fn own_lock(&self, inode: InodeId, owner: LockOwner, range: LockRange) -> Option<Record> {
        self.locks.files.get(&inode)?.own(owner, range)
    }

    /// Takes a record lock, replacing what the owner had there (`posix_lock_inode`).
    ///
    /// # Errors
    /// `EAGAIN` if somebody else's is in the way, `ENOLCK` if there are too many.
    pub(crate) fn lock_record(&mut self, inode: InodeId, wanted: Record) -> Result<(), Errno> {
        // A lock in the middle of another makes two more.
        if self.locks.records() + 2 > MAX_RECORDS {
            return Err(Errno::ENOLCK);
        }
        let locks = self.locks.files.entry(inode).or_default();
        if locks.blocker(&wanted).is_some() {
            return Err(Errno::EAGAIN);
        }
        locks.set(wanted.owner, wanted.range, Some(wanted.kind));
        self.wake(Channel::Lock(inode));
        Ok(())
    }

    /// Lets go of a range of an owner's locks.
    pub(crate) fn unlock_record(&mut self, inode: InodeId, owner: LockOwner, range: LockRange) {
        self.change_locks(inode, |locks| locks.set(owner, range, None));
    }

    /// Locks a file as a whole for an open file (`flock`). A lock of another kind that it has is given up first, even if
    /// the new one cannot be had, as on Linux.
    ///
    /// # Errors
    /// `EAGAIN` if another open file's is in the way.
    pub(crate) fn lock_whole(&mut self, inode: InodeId, file: OpenFileId, kind: LockKind) -> Result<(), Errno> {
        let locks = self.locks.files.entry(inode).or_default();
        if locks.whole.contains(&(file, kind)) {
            return Ok(());
        }
        self.unlock_whole(inode, file);
        let locks = self.locks.files.entry(inode).or_default();
        if locks.whole.iter().any(|(_, other)| other.conflicts(kind)) {
            return Err(Errno::EAGAIN);
        }
        locks.whole.push((file, kind));
        Ok(())
    }

    /// Gives up the lock of an open file on the whole.
    pub(crate) fn unlock_whole(&mut self, inode: InodeId, file: OpenFileId) {
        self.change_locks(inode, |locks| locks.whole.retain(|&(owner, _)| owner != file));
    }

    /// An open file is closed for the last time.
    pub(super) fn drop_file_locks(&mut self, inode: InodeId, file: OpenFileId) {
        self.unlock_record(inode, LockOwner::File(file), LockRange { start: 0, end: LockRange::MAX });
        self.unlock_whole(inode, file);
    }

    /// Gives a descriptor's reference back: as [`Vfs::file_put`], and the process loses its records on the file
    /// (`filp_close`).
    pub(crate) fn close_descriptor(&mut self, cx: &mut FsCx<'_>, files: FilesId, file: OpenFileId) {
        if let Some(inode) = self.file_inode(file) {
            let everything = LockRange { start: 0, end: LockRange::MAX };
            self.unlock_record(inode, LockOwner::Process(files), everything);
        }
        self.file_put(cx, file);
    }

    fn change_locks(&mut self, inode: InodeId, change: impl FnOnce(&mut FileLocks)) {
        let Some(locks) = self.locks.files.get_mut(&inode) else { return };
        let before = (locks.records.clone(), locks.whole.len());
        change(locks);
        let is_changed = (&before.0, before.1) != (&locks.records, locks.whole.len());
        if locks.is_empty() {
            self.locks.files.remove(&inode);
        }
        if is_changed {
            self.wake(Channel::Lock(inode));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Bytes of the model.
    const BYTES: u64 = 24;
    const OWNERS: u32 = 3;

    /// What each owner has on each byte.
    type Model = [[Option<LockKind>; BYTES as usize]; OWNERS as usize];

    fn kind() -> impl Strategy<Value = Option<LockKind>> {
        prop_oneof![Just(None), Just(Some(LockKind::Shared)), Just(Some(LockKind::Exclusive))]
    }

    fn model_of(locks: &FileLocks) -> Model {
        let mut model = Model::default();
        for record in &locks.records {
            let LockOwner::File(OpenFileId(owner)) = record.owner else { panic!("only files here") };
            for byte in record.range.start..=record.range.end {
                assert_eq!(model[owner as usize][byte as usize], None, "records of an owner overlap");
                model[owner as usize][byte as usize] = Some(record.kind);
            }
        }
        model
    }

    proptest! {
        #[test]
        fn records_are_as_a_lock_for_each_byte(
            steps in prop::collection::vec((0..OWNERS, 0..BYTES, 0..BYTES, kind()), 1..40),
        ) {
            let mut locks = FileLocks::default();
            let mut model = Model::default();
            for (owner, a, b, kind) in steps {
                let range = LockRange { start: a.min(b), end: a.max(b) };
                let bytes = range.start as usize..=range.end as usize;
                let id = LockOwner::File(OpenFileId(owner));
                let is_free = kind.is_none_or(|kind| {
                    locks.blocker(&Record { range, owner: id, kind }).is_none()
                });
                let in_model = (0..OWNERS).filter(|&other| other != owner).all(|other| {
                    let theirs = &model[other as usize][bytes.clone()];
                    theirs.iter().flatten().all(|t| kind.is_none_or(|kind| !kind.conflicts(*t)))
                });
                prop_assert_eq!(is_free, in_model);
                if is_free {
                    locks.set(id, range, kind);
                    model[owner as usize][bytes].fill(kind);
                }
                prop_assert_eq!(model_of(&locks), model);
                for pair in locks.records.iter().flat_map(|a| locks.records.iter().map(move |b| (a, b))) {
                    let (a, b) = pair;
                    let alike = a != b && a.owner == b.owner && a.kind == b.kind;
                    prop_assert!(!alike || !a.range.touches(b.range), "records that could be one");
                }
            }
        }
    }

    #[test]
    fn the_end_of_all_files_is_no_overflow() {
        let mut locks = FileLocks::default();
        let owner = LockOwner::File(OpenFileId(0));
        let range = LockRange { start: 10, end: LockRange::MAX };
        locks.set(owner, range, Some(LockKind::Exclusive));
        locks.set(owner, LockRange { start: LockRange::MAX, end: LockRange::MAX }, None);
        assert_eq!(locks.records[0].range, LockRange { start: 10, end: LockRange::MAX - 1 });
    }
}
