//! Locks on files: `flock` and the record locks of `fcntl`.

use super::{Args, SysResult};
use crate::fs::{InodeId, LockKind, LockOwner, LockRange, OpenFileId, OpenFlags, Record};
use crate::kernel::Kernel;
use crate::wait::{Channel, Wait};
use crate::{Errno, Hw};
use arch::LinearAddr;
use event::Pid;

/// LOCK_NB of `flock`.
const LOCK_NB: u64 = 4;

/// What `fcntl` is to do about a lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LockCommand {
    /// Say who is in the way (F_GETLK).
    Get,
    /// Take it or fail (F_SETLK).
    Set,
    /// Take it, waiting if need be (F_SETLKW).
    SetWait,
}

/// Whose lock it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LockScope {
    Process,
    /// F_OFD_GETLK and its kin.
    OpenFile,
}

/// A `struct flock`: `l_type` and `l_whence` at 0 and 2, `l_start` and `l_len` at 8 and 16, `l_pid` at 24.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Flock {
    /// `None` for F_UNLCK.
    kind: Option<LockKind>,
    whence: u16,
    start: i64,
    len: i64,
    pid: u32,
}

impl Flock {
    fn decode(raw: &[u8; 32]) -> Result<Self, Errno> {
        let short = |at: usize| u16::from_le_bytes([raw[at], raw[at + 1]]);
        let long = |at: usize| i64::from_le_bytes(raw[at..at + 8].try_into().expect("eight bytes"));
        let kind = match short(0) {
            0 => Some(LockKind::Shared),
            1 => Some(LockKind::Exclusive),
            2 => None,
            _ => return Err(Errno::EINVAL),
        };
        let pid = u32::from_le_bytes(raw[24..28].try_into().expect("four bytes"));
        Ok(Self { kind, whence: short(2), start: long(8), len: long(16), pid })
    }

    fn encode(kind: LockKind, range: LockRange, pid: i32) -> [u8; 32] {
        let mut out = [0; 32];
        out[0] = kind as u8;
        let len = if range.end == LockRange::MAX { 0 } else { range.end - range.start + 1 };
        out[8..16].copy_from_slice(&range.start.to_le_bytes());
        out[16..24].copy_from_slice(&len.to_le_bytes());
        out[24..28].copy_from_slice(&pid.to_le_bytes());
        out
    }

    /// The bytes it means, counted from `base` (`flock64_to_posix_lock`).
    fn range(&self, base: u64) -> Result<LockRange, Errno> {
        let start = base.cast_signed().checked_add(self.start).ok_or(Errno::EOVERFLOW)?;
        let (start, end) = match self.len {
            0 => (start, i64::MAX),
            len if len > 0 => (start, start.checked_add(len - 1).ok_or(Errno::EOVERFLOW)?),
            len => (start.checked_add(len).ok_or(Errno::EINVAL)?, start - 1),
        };
        let start = u64::try_from(start).map_err(|_| Errno::EINVAL)?;
        Ok(LockRange { start, end: end as u64 })
    }
}

impl Kernel {
    pub(super) fn sys_flock(&mut self, _: &mut Hw<'_>, [fd, operation, ..]: Args) -> SysResult {
        let file = self.file(fd)?;
        let kind = match operation & 0xffff_ffff & !LOCK_NB {
            1 => Some(LockKind::Shared),
            2 => Some(LockKind::Exclusive),
            8 => None,
            _ => return Err(Errno::EINVAL),
        };
        if self.vfs.file_flags(file).contains(OpenFlags::PATH) {
            return Err(Errno::EBADF);
        }
        // Nobody else can have opened what has no inode.
        let Some(inode) = self.vfs.file_inode(file) else { return Ok(0) };
        let Some(kind) = kind else {
            self.vfs.unlock_whole(inode, file);
            return Ok(0);
        };
        match self.vfs.lock_whole(inode, file, kind) {
            Err(Errno::EAGAIN) if operation & LOCK_NB == 0 => Err(self.wait(Wait::on(Channel::Lock(inode)))),
            result => result.map(|()| 0),
        }
    }

    /// The lock commands of `fcntl`; `lock` points to a `struct flock`.
    pub(super) fn record_lock(
        &mut self,
        hw: &mut Hw<'_>,
        file: OpenFileId,
        (command, scope): (LockCommand, LockScope),
        lock: u64,
    ) -> SysResult {
        let flock = Flock::decode(&self.read_user(hw, LinearAddr(lock))?)?;
        let range = flock.range(self.lock_base(file, flock.whence)?)?;
        let owner = match scope {
            LockScope::OpenFile if flock.pid != 0 => return Err(Errno::EINVAL),
            LockScope::OpenFile => LockOwner::File(file),
            LockScope::Process => LockOwner::Process(self.current.files),
        };
        if command == LockCommand::Get {
            let inode = self.vfs.file_inode(file);
            let found = match flock.kind {
                Some(kind) => inode.and_then(|i| self.vfs.lock_blocker(i, &Record { range, owner, kind })),
                // Which of the open file's own locks are there.
                None if scope == LockScope::OpenFile => inode.and_then(|i| self.vfs.own_lock(i, owner, range)),
                None => return Err(Errno::EINVAL),
            };
            return self.tell_lock(hw, found, lock);
        }
        let flags = self.vfs.file_flags(file);
        match flock.kind {
            Some(LockKind::Shared) if !flags.reads() => return Err(Errno::EBADF),
            Some(LockKind::Exclusive) if !flags.writes() => return Err(Errno::EBADF),
            _ => {}
        }
        let Some(inode) = self.vfs.file_inode(file) else { return Ok(0) };
        match flock.kind {
            None => self.vfs.unlock_record(inode, owner, range),
            Some(kind) => self.take_lock(inode, Record { range, owner, kind }, command)?,
        }
        Ok(0)
    }

    fn take_lock(&mut self, inode: InodeId, wanted: Record, command: LockCommand) -> Result<(), Errno> {
        match self.vfs.lock_record(inode, wanted) {
            Err(Errno::EAGAIN) if command == LockCommand::SetWait => {
                if self.closes_a_circle(inode, wanted) {
                    return Err(Errno::EDEADLK);
                }
                Err(self.wait(Wait::for_lock(inode, wanted)))
            }
            result => result,
        }
    }

    /// Whether a process that waits for a lock would, in the end, wait for itself (`posix_locks_deadlock`). Open files are not
    /// looked at, as nobody knows who will unlock them.
    fn closes_a_circle(&self, mut inode: InodeId, mut wanted: Record) -> bool {
        const MAX_DEADLK_ITERATIONS: usize = 10;
        let me = wanted.owner;
        for _ in 0..=MAX_DEADLK_ITERATIONS {
            let Some(blocker) = self.vfs.lock_blocker(inode, &wanted).map(|record| record.owner) else { return false };
            if blocker == me {
                return matches!(me, LockOwner::Process(_));
            }
            let waits_for = |&pid: &Pid| {
                let process = self.process(pid).filter(|process| LockOwner::Process(process.files) == blocker)?;
                let wait = process.wait.as_ref()?;
                match (wait.lock, &wait.channels[..]) {
                    (Some(lock), &[Channel::Lock(inode)]) => Some((inode, lock)),
                    _ => None,
                }
            };
            let Some(next) = self.sched.waiting().iter().find_map(waits_for) else { return false };
            (inode, wanted) = next;
        }
        false
    }

    /// Where the start of a lock is counted from.
    fn lock_base(&self, file: OpenFileId, whence: u16) -> Result<u64, Errno> {
        match whence {
            0 => Ok(0),
            1 => Ok(self.vfs.file(file).offset),
            2 => Ok(self.vfs.file_inode(file).map_or(0, |inode| self.vfs.inode_size(inode))),
            _ => Err(Errno::EINVAL),
        }
    }

    /// Stores a lock as F_GETLK does.
    fn tell_lock(&mut self, hw: &mut Hw<'_>, found: Option<Record>, lock: u64) -> SysResult {
        match found {
            None => self.copy_to_user(hw, LinearAddr(lock), &2u16.to_le_bytes())?,
            Some(Record { range, owner, kind }) => {
                let pid = match owner {
                    LockOwner::Process(files) => self.vfs.proc_of_files(files).map_or(0, u32::cast_signed),
                    LockOwner::File(_) => -1,
                };
                self.copy_to_user(hw, LinearAddr(lock), &Flock::encode(kind, range, pid))?;
            }
        }
        Ok(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_counted_as_linux_counts_them() {
        let range = |start, len, base| Flock { kind: None, whence: 0, start, len, pid: 0 }.range(base);
        assert_eq!(range(5, 0, 10), Ok(LockRange { start: 15, end: LockRange::MAX }));
        assert_eq!(range(5, 1, 0), Ok(LockRange { start: 5, end: 5 }));
        assert_eq!(range(5, -5, 0), Ok(LockRange { start: 0, end: 4 }));
        assert_eq!(range(5, -6, 0), Err(Errno::EINVAL));
        assert_eq!(range(-1, 1, 0), Err(Errno::EINVAL));
        assert_eq!(range(i64::MAX, 2, 0), Err(Errno::EOVERFLOW));
        assert_eq!(range(i64::MAX, 1, 0), Ok(LockRange { start: LockRange::MAX, end: LockRange::MAX }));
        assert_eq!(range(1, 0, i64::MAX as u64), Err(Errno::EOVERFLOW));
        assert_eq!(range(-5, i64::MIN, 0), Err(Errno::EINVAL));
    }
}
