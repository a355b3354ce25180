//! shmget, shmat, shmdt, shmctl (Linux's `ipc/shm.c`).

use super::{Call, Outcome, SysResult};
use crate::fs::InodeId;
use crate::kernel::Kernel;
use crate::mm::hugetlb::{OutOfPool, huge_page_size};
use crate::mm::{CommitRights, FileMode, MapFlags, MapSource, Prot};
use crate::process::{Cap, Resource};
use crate::shm::{IPC_PRIVATE, SHM_DEST, SHM_LOCKED, Segment};
use crate::{Errno, Hw};
use arch::{FRAME_SIZE, LinearAddr};

const IPC_CREAT: u64 = 0o1000;
const IPC_EXCL: u64 = 0o2000;
const SHM_HUGETLB: u64 = 0o4000;
const SHM_NORESERVE: u64 = 0o10000;
/// Flags of shmat.
const SHM_RDONLY: u64 = 0o10000;
const SHM_RND: u64 = 0o20000;
const SHM_REMAP: u64 = 0o40000;
const SHM_EXEC: u64 = 0o100000;

impl Kernel {
    pub(super) fn shm_call(&mut self, hw: &mut Hw<'_>, call: &mut Call<'_>) -> Option<Outcome> {
        let args = call.args;
        Some(Outcome::Return(match call.number {
            29 => self.sys_shmget(hw, args),
            30 => self.sys_shmat(hw, args),
            31 => self.sys_shmctl(hw, args),
            67 => self.sys_shmdt(hw, LinearAddr(args[0])),
            _ => return None,
        }))
    }

    fn sys_shmget(&mut self, hw: &mut Hw<'_>, [key, bytes, flags, ..]: [u64; 6]) -> SysResult {
        let (key, flags) = (key as i32, flags & 0xffff_ffff);
        match self.shm.by_key(key) {
            None if key != IPC_PRIVATE && flags & IPC_CREAT == 0 => Err(Errno::ENOENT),
            None => self.new_shm(hw, key, bytes, flags),
            Some(_) if flags & IPC_CREAT != 0 && flags & IPC_EXCL != 0 => Err(Errno::EEXIST),
            Some(segment) if segment.bytes < bytes => Err(Errno::EINVAL),
            Some(segment) if !segment.permits(&self.current, flags as u32) => Err(Errno::EACCES),
            Some(segment) => Ok(segment.id as u64),
        }
    }

    fn new_shm(&mut self, hw: &mut Hw<'_>, key: i32, bytes: u64, flags: u64) -> SysResult {
        let most = self.shm.most;
        if bytes == 0 || bytes > most.bytes {
            return Err(Errno::EINVAL);
        }
        let pages = bytes.div_ceil(FRAME_SIZE);
        if self.shm.pages().saturating_add(pages) > most.pages || self.shm.iter().count() as u64 >= most.segments {
            return Err(Errno::ENOSPC);
        }
        let name = format!("SYSV{:08x}", key.cast_unsigned());
        if flags & SHM_HUGETLB != 0 {
            let inode = self.huge_segment_file(hw, name.as_bytes(), bytes, flags)?;
            let segment = self.new_segment(hw, key, bytes, flags as u32 & 0o777, inode);
            return self.shm.insert(segment).map(|id| id as u64);
        }
        if bytes > i64::MAX as u64 {
            return Err(Errno::ENOMEM);
        }
        let rights = if self.current.may(Cap::SysAdmin) { CommitRights::Admin } else { CommitRights::User };
        self.frames.vm_enough_memory(self.mm().total_vm_pages(), pages, rights)?;
        let (vfs, _, mut cx) = self.fs_cx(hw);
        let inode = vfs.shmem_file_setup(&mut cx, name.as_bytes(), bytes)?;
        let segment = self.new_segment(hw, key, bytes, flags as u32 & 0o777, inode);
        self.shm.insert(segment).map(|id| id as u64)
    }

    /// The file of a segment of large pages, which are promised to it unless it says otherwise.
    fn huge_segment_file(&mut self, hw: &mut Hw<'_>, name: &[u8], bytes: u64, flags: u64) -> Result<InodeId, Errno> {
        let size = huge_page_size(flags).ok_or(Errno::EINVAL)?;
        let group = self.frames.sysctl.hugetlb_shm_group;
        let in_group = self.current.credentials.group.fs == group || self.current.groups.contains(&group);
        if !self.current.may(Cap::IpcLock) && !in_group {
            return Err(Errno::EPERM);
        }
        let len = bytes.checked_next_multiple_of(size.bytes()).ok_or(Errno::ENOMEM)?;
        let (vfs, _, mut cx) = self.fs_cx(hw);
        let inode = vfs.hugetlb_file_setup(name, size, len)?;
        if flags & SHM_NORESERVE == 0
            && let Err(OutOfPool) = vfs.reserve_huge_pages(&mut cx, inode, 0, len)
        {
            vfs.inode_put(&mut cx, inode);
            return Err(Errno::ENOMEM);
        }
        Ok(inode)
    }

    fn sys_shmat(&mut self, hw: &mut Hw<'_>, [id, addr, flags, ..]: [u64; 6]) -> SysResult {
        let fixed = Self::attach_address(addr, flags)?;
        let (read_only, exec) = (flags & SHM_RDONLY != 0, flags & SHM_EXEC != 0);
        let segment = self.shm.by_id(id as i32)?.clone();
        let access = 0o444 | if read_only { 0 } else { 0o222 } | if exec { 0o111 } else { 0 };
        if !segment.permits(&self.current, access) {
            return Err(Errno::EACCES);
        }
        let mut prot = Prot::READ;
        prot.set(Prot::WRITE, !read_only);
        prot.set(Prot::EXEC, exec);
        let mode = if read_only { FileMode::READ } else { FileMode::READ | FileMode::WRITE };
        let mut map = MapFlags::SHARED;
        map.set(MapFlags::FIXED, fixed.is_some());
        let place = fixed.unwrap_or(LinearAddr(0));
        let limits = self.mm_limits();
        let (mm, mut cx) = self.mm_cx(hw);
        mm.set_limits(limits);
        if fixed.is_some() && flags & SHM_REMAP == 0 {
            let end = place.0.checked_add(segment.bytes).ok_or(Errno::EINVAL)?;
            if mm.find_vma(place).is_some_and(|next| next.start.0 < end) {
                return Err(Errno::EINVAL);
            }
        }
        let source = MapSource::File { inode: segment.inode, offset: 0, mode };
        let at = mm.mmap(&mut cx, place, segment.bytes, prot, map, source)?;
        Ok(at.0)
    }

    /// Where shmat is told to attach, if anywhere.
    fn attach_address(addr: u64, flags: u64) -> Result<Option<LinearAddr>, Errno> {
        let remap = flags & SHM_REMAP != 0;
        match addr {
            0 if remap => Err(Errno::EINVAL),
            0 => Ok(None),
            _ if addr.is_multiple_of(FRAME_SIZE) => Ok(Some(LinearAddr(addr))),
            _ if flags & SHM_RND != 0 => match LinearAddr(addr).page_base() {
                LinearAddr(0) if remap => Err(Errno::EINVAL),
                place => Ok(Some(place)),
            },
            _ => Err(Errno::EINVAL),
        }
    }

    /// Unmaps the attachment that starts at `addr`, all parts of it.
    fn sys_shmdt(&mut self, hw: &mut Hw<'_>, addr: LinearAddr) -> SysResult {
        if addr.page_offset() != 0 {
            return Err(Errno::EINVAL);
        }
        let parts = self.parts_of_attachment(addr);
        if parts.is_empty() {
            return Err(Errno::EINVAL);
        }
        let (mm, mut cx) = self.mm_cx(hw);
        for (start, len) in parts {
            mm.munmap(&mut cx, start, len)?;
        }
        Ok(0)
    }

    /// The mappings of a segment that lie where an attachment at `addr` has them.
    fn parts_of_attachment(&self, addr: LinearAddr) -> Vec<(LinearAddr, u64)> {
        let mut found: Option<(InodeId, u64)> = None;
        let mut parts = Vec::new();
        for vma in self.mm().vmas().filter(|vma| vma.start >= addr) {
            if found.is_some_and(|(_, size)| vma.start.0 - addr.0 >= size) {
                break;
            }
            let Some((inode, offset)) = vma.file() else { continue };
            let in_place = vma.start.0 - addr.0 == offset && self.shm.holds(inode);
            if in_place && found.is_none_or(|(known, _)| known == inode) {
                found = Some((inode, self.vfs.inode_size(inode).next_multiple_of(FRAME_SIZE)));
                parts.push((vma.start, vma.len()));
            }
        }
        parts
    }

    fn sys_shmctl(&mut self, hw: &mut Hw<'_>, [id, command, buf, ..]: [u64; 6]) -> SysResult {
        const IPC_RMID: i32 = 0;
        const IPC_SET: i32 = 1;
        const IPC_STAT: i32 = 2;
        const IPC_INFO: i32 = 3;
        const SHM_LOCK: i32 = 11;
        const SHM_UNLOCK: i32 = 12;
        const SHM_STAT: i32 = 13;
        const SHM_INFO: i32 = 14;
        const SHM_STAT_ANY: i32 = 15;
        let (id, command, buf) = (id as i32, command as i32, LinearAddr(buf));
        if command < 0 || id < 0 {
            return Err(Errno::EINVAL);
        }
        match command {
            IPC_INFO => {
                let most = self.shm.most;
                let values = [most.bytes, 1, most.segments, most.segments, most.pages, 0, 0, 0, 0];
                self.copy_to_user(hw, buf, &words(&values)).map(|()| self.shm.highest_index())
            }
            SHM_INFO => {
                let totals = self.shm_totals();
                let values = [totals.segments, totals.pages, totals.resident, totals.swapped, 0, 0];
                self.copy_to_user(hw, buf, &words(&values)).map(|()| self.shm.highest_index())
            }
            IPC_STAT => {
                let segment = self.shm.by_id(id)?.clone();
                self.shm_stat(hw, &segment, 0o444, buf).map(|()| 0)
            }
            SHM_STAT | SHM_STAT_ANY => {
                let segment = self.shm.by_index(id).ok_or(Errno::EINVAL)?.clone();
                let access = if command == SHM_STAT { 0o444 } else { 0 };
                self.shm_stat(hw, &segment, access, buf).map(|()| segment.id as u64)
            }
            IPC_SET => self.shm_set(hw, id, buf),
            IPC_RMID => self.shm_remove(id),
            SHM_LOCK | SHM_UNLOCK => self.shm_lock(id, command == SHM_LOCK),
            _ => Err(Errno::EINVAL),
        }
    }

    /// `struct shmid64_ds`.
    fn shm_stat(&mut self, hw: &mut Hw<'_>, segment: &Segment, access: u32, buf: LinearAddr) -> Result<(), Errno> {
        if !segment.permits(&self.current, access) {
            return Err(Errno::EACCES);
        }
        let mut out = [0; 112];
        let mut put = |at: usize, bytes: &[u8]| out[at..at + bytes.len()].copy_from_slice(bytes);
        put(0, &segment.key.to_le_bytes());
        let ids = [segment.owner.0, segment.owner.1, segment.creator.0, segment.creator.1, segment.mode];
        for (index, value) in ids.iter().enumerate() {
            put(4 + 4 * index, &value.to_le_bytes());
        }
        put(24, &(segment.seq as u16).to_le_bytes());
        put(48, &words(&[segment.bytes, segment.attached, segment.detached, segment.changed]));
        put(80, &segment.created_by.0.to_le_bytes());
        put(84, &segment.last_by.0.to_le_bytes());
        put(88, &self.nattch(segment).to_le_bytes());
        self.copy_to_user(hw, buf, &out)
    }

    fn shm_set(&mut self, hw: &mut Hw<'_>, id: i32, buf: LinearAddr) -> SysResult {
        let perm: [u8; 24] = self.read_user(hw, buf)?;
        let word = |at: usize| u32::from_le_bytes(perm[at..at + 4].try_into().expect("four bytes"));
        let now = self.now_seconds(hw);
        let segment = self.shm.by_id(id)?;
        if !segment.is_ruled_by(&self.current) {
            return Err(Errno::EPERM);
        }
        if word(4) == u32::MAX || word(8) == u32::MAX {
            return Err(Errno::EINVAL);
        }
        segment.owner = (word(4), word(8));
        segment.mode = segment.mode & !0o777 | word(20) & 0o777;
        segment.changed = now;
        Ok(0)
    }

    /// Destroys a segment, or lets it go with its last mapping: then nobody finds it by its key any more.
    fn shm_remove(&mut self, id: i32) -> SysResult {
        let segment = self.shm.by_id(id)?;
        if !segment.is_ruled_by(&self.current) {
            return Err(Errno::EPERM);
        }
        segment.mode |= SHM_DEST;
        segment.key = IPC_PRIVATE;
        Ok(0)
    }

    /// Keeps a segment's pages in memory, or no longer.
    fn shm_lock(&mut self, id: i32, locks: bool) -> SysResult {
        let limit = self.current.limits.get(Resource::Memlock).soft;
        let segment = self.shm.by_id(id)?;
        let is_privileged = self.current.may(Cap::IpcLock);
        let ruled = segment.is_ruled_by(&self.current);
        if !is_privileged && (!ruled || locks && limit == 0) {
            return Err(Errno::EPERM);
        }
        if locks && !is_privileged && segment.bytes > limit {
            return Err(Errno::ENOMEM);
        }
        let mode = if locks { segment.mode | SHM_LOCKED } else { segment.mode & !SHM_LOCKED };
        segment.mode = mode;
        Ok(0)
    }
}

fn words(values: &[u64]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}
