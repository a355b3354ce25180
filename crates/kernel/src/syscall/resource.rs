//! What the process may use and has used: limits, usage, priority, the size of the system; random bytes.

use super::{Call, Outcome, SysResult};
use crate::kernel::Kernel;
use crate::process::{Cap, Ids, Limits, Process, Resource, Rlimit, Usage};
use crate::time::NSEC_PER_SEC;
use crate::{Errno, Hw};
use arch::{FRAME_SIZE, LinearAddr};
use event::Pid;

/// The most open files that a limit may allow (`fs.nr_open`).
const NR_OPEN: u64 = 1 << 20;

impl Kernel {
    pub(super) fn resource_call(&mut self, hw: &mut Hw<'_>, call: &mut Call<'_>) -> Option<Outcome> {
        let args = call.args;
        Some(Outcome::Return(match call.number {
            97 => self.prlimit(hw, args[0], 0, args[1]),
            98 => self.sys_getrusage(hw, args),
            99 => self.sys_sysinfo(hw, args[0]),
            140 => self.sys_getpriority(args),
            141 => self.sys_setpriority(args),
            160 => self.prlimit(hw, args[0], args[1], 0),
            302 => self.sys_prlimit64(hw, args),
            318 => self.sys_getrandom(hw, args),
            _ => return None,
        }))
    }

    fn sys_prlimit64(&mut self, hw: &mut Hw<'_>, [pid, resource, new, old, ..]: [u64; 6]) -> SysResult {
        let process = self.by_id(pid)?;
        if !self.may_use_limits(process) {
            return Err(Errno::EPERM);
        }
        self.prlimit_of(hw, process.pid, [resource, new, old])
    }

    /// Whether the limits of a process may be looked at: it is oneself, or has one's ids and no others
    /// (`check_prlimit_permission`).
    fn may_use_limits(&self, process: &Process) -> bool {
        let (mine, its) = (self.current.credentials, process.credentials);
        let same = |id: u32, ids: Ids| [ids.real, ids.effective, ids.saved].into_iter().all(|other| other == id);
        process.pid == self.current.pid
            || self.current.may(Cap::SysResource)
            || same(mine.user.real, its.user) && same(mine.group.real, its.group)
    }

    fn prlimit(&mut self, hw: &mut Hw<'_>, resource: u64, new: u64, old: u64) -> SysResult {
        self.prlimit_of(hw, self.current.pid, [resource, new, old])
    }

    fn prlimit_of(&mut self, hw: &mut Hw<'_>, pid: Pid, [resource, new, old]: [u64; 3]) -> SysResult {
        let resource = u64::from(resource as u32);
        let wanted = match new {
            0 => None,
            at => Some(Rlimit::from_bytes(self.read_user(hw, LinearAddr(at))?)),
        };
        let limits = |process: &mut Process| process.limits.by_number(resource).copied();
        let before = self.process_mut(pid).and_then(limits).ok_or(Errno::EINVAL)?;
        if let Some(wanted) = wanted {
            self.set_limit(pid, resource, before, wanted)?;
        }
        if old != 0 {
            self.copy_to_user(hw, LinearAddr(old), &before.to_bytes())?;
        }
        Ok(0)
    }

    fn set_limit(&mut self, pid: Pid, resource: u64, before: Rlimit, wanted: Rlimit) -> Result<(), Errno> {
        if wanted.soft > wanted.hard {
            return Err(Errno::EINVAL);
        }
        let too_many_files = resource == Resource::Nofile as u64 && wanted.hard > NR_OPEN;
        if too_many_files || wanted.hard > before.hard && !self.current.may(Cap::SysResource) {
            return Err(Errno::EPERM);
        }
        let process = self.process_mut(pid).ok_or(Errno::ESRCH)?;
        *process.limits.by_number(resource).ok_or(Errno::EINVAL)? = wanted;
        // A zombie has no memory any more.
        if !process.has_ended() {
            let (mm, limits) = (process.mm, process.mm_limits());
            self.mms[mm].set_limits(limits);
        }
        Ok(())
    }

    fn sys_getrusage(&mut self, hw: &mut Hw<'_>, [who, at, ..]: [u64; 6]) -> SysResult {
        const RUSAGE_CHILDREN: i32 = -1;
        let usage = match who as i32 {
            RUSAGE_CHILDREN => self.current.children_usage,
            0 | 1 => self.usage_of_current(hw),
            _ => return Err(Errno::EINVAL),
        };
        self.copy_to_user(hw, LinearAddr(at), &usage.to_bytes()).map(|()| 0)
    }

    fn usage_of_current(&self, hw: &Hw<'_>) -> Usage {
        let process = &self.current;
        Usage {
            user_ns: process.times.user_ns(hw.instructions),
            system_ns: process.times.system_ns(),
            max_resident_pages: process.usage.max_resident_pages.max(self.mm().peak_resident_pages()),
            ..process.usage
        }
    }

    fn sys_sysinfo(&mut self, hw: &mut Hw<'_>, at: u64) -> SysResult {
        let mut info = [0_u8; 112];
        let total = self.frames.managed() * FRAME_SIZE;
        let free = self.frames.free_frames() * FRAME_SIZE;
        let uptime = self.clock.monotonic_ns(hw.instructions) / NSEC_PER_SEC;
        let [swap, free_swap] =
            [self.frames.swap.table.total(), self.frames.swap.table.free()].map(|pages| u64::from(pages) * FRAME_SIZE);
        for (at, value) in [(0, uptime), (32, total), (40, free), (64, swap), (72, free_swap)] {
            info[at..at + 8].copy_from_slice(&value.to_le_bytes());
        }
        info[80..82].copy_from_slice(&(self.pids_where(|_| true).len() as u16).to_le_bytes()); // procs
        info[104] = 1; // mem_unit, in bytes
        self.copy_to_user(hw, LinearAddr(at), &info).map(|()| 0)
    }

    /// The processes that getpriority and setpriority are about: one, a group, or a user's.
    pub(super) fn priority_targets(&self, [which, who, ..]: [u64; 6]) -> Result<Vec<Pid>, Errno> {
        let who = who as u32;
        let or_own = |own: u32| if who == 0 { own } else { who };
        let (pid, pgrp) = (or_own(self.current.pid.0), or_own(self.current.pgrp.0));
        let uid = or_own(self.current.credentials.user.real);
        let pids = match which as u32 {
            0 => self.pids_where(|process| process.pid.0 == pid),
            1 => self.pids_where(|process| process.pgrp.0 == pgrp),
            2 => self.pids_where(|process| process.credentials.user.real == uid),
            _ => return Err(Errno::EINVAL),
        };
        if pids.is_empty() { Err(Errno::ESRCH) } else { Ok(pids) }
    }

    /// The highest priority among them, as 20 less the niceness.
    fn sys_getpriority(&self, args: [u64; 6]) -> SysResult {
        let pids = self.priority_targets(args)?;
        let niceness = pids.into_iter().filter_map(|pid| Some(self.process(pid)?.nice)).min().unwrap_or_default();
        Ok((20 - i64::from(niceness)) as u64)
    }

    fn sys_setpriority(&mut self, args: [u64; 6]) -> SysResult {
        let nice = (args[2] as i32).clamp(-20, 19);
        let is_privileged = self.current.may(Cap::SysNice);
        for pid in self.priority_targets(args)? {
            let Some(process) = self.process_mut(pid) else { continue };
            if nice < process.nice && !is_privileged {
                return Err(Errno::EACCES);
            }
            process.nice = nice;
        }
        Ok(0)
    }

    fn sys_getrandom(&mut self, hw: &mut Hw<'_>, [buf, len, flags, ..]: [u64; 6]) -> SysResult {
        const GRND_RANDOM: u64 = 2;
        const GRND_INSECURE: u64 = 4;
        /// No call gives more (the greatest entropy count).
        const MAX_BYTES: u64 = 0x1ff_ffff;
        const CHUNK: usize = 4096;
        let flags = u64::from(flags as u32);
        if flags & !7 != 0 || flags & GRND_RANDOM != 0 && flags & GRND_INSECURE != 0 {
            return Err(Errno::EINVAL);
        }
        let len = len.min(MAX_BYTES);
        let mut done = 0;
        while done < len {
            let mut bytes = [0; CHUNK];
            let piece = &mut bytes[..(len - done).min(CHUNK as u64) as usize];
            self.random.fill(piece);
            match self.copy_to_user(hw, LinearAddr(buf.wrapping_add(done)), piece) {
                Ok(()) => done += piece.len() as u64,
                Err(errno) if done == 0 => return Err(errno),
                Err(_) => break,
            }
        }
        Ok(done)
    }
}

impl Rlimit {
    fn from_bytes(bytes: [u8; 16]) -> Self {
        let word = |at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"));
        Self { soft: word(0), hard: word(8) }
    }

    fn to_bytes(self) -> [u8; 16] {
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&self.soft.to_le_bytes());
        bytes[8..].copy_from_slice(&self.hard.to_le_bytes());
        bytes
    }
}

impl Limits {
    /// The limits that an address space obeys, as they are for those without `CAP_IPC_LOCK`.
    pub(crate) const fn of_mm(&self) -> crate::mm::MmLimits {
        crate::mm::MmLimits {
            stack: self.get(Resource::Stack).soft,
            address_space: self.get(Resource::As).soft,
            data: self.get(Resource::Data).soft,
            locked: self.get(Resource::Memlock).soft,
            min_addr: crate::mm::MMAP_MIN_ADDR,
            raw_io: false,
        }
    }
}

impl Process {
    /// The limits of its address space: root may lock as much as it likes and map what is low (`CAP_IPC_LOCK`, `CAP_SYS_RAWIO`).
    pub(crate) const fn mm_limits(&self) -> crate::mm::MmLimits {
        let limits = self.limits.of_mm();
        let locked = if self.may(Cap::IpcLock) { u64::MAX } else { limits.locked };
        crate::mm::MmLimits { locked, raw_io: self.may(Cap::SysRawio), ..limits }
    }
}

impl Kernel {
    /// The limits that the address space of the current process obeys.
    pub(crate) const fn mm_limits(&self) -> crate::mm::MmLimits {
        crate::mm::MmLimits { min_addr: self.frames.sysctl.mmap_min_addr, ..self.current.mm_limits() }
    }
}
