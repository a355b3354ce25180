//! What a process asks of the schedulers of processor and disk (Linux's `kernel/sched/syscalls.c` and `block/ioprio.c`). It is
//! checked and remembered as Linux does, and has no effect.

use super::{Call, Outcome, SysResult};
use crate::kernel::Kernel;
use crate::process::{Cap, Policy, Process, Scheduling};
use crate::time::NSEC_PER_SEC;
use crate::{Errno, Hw};
use arch::LinearAddr;
use event::Pid;

/// SCHED_RESET_ON_FORK, in the policy of sched_setscheduler.
const RESET_ON_FORK: u32 = 0x4000_0000;
/// SCHED_FLAG_RESET_ON_FORK, SCHED_FLAG_KEEP_POLICY, SCHED_FLAG_KEEP_PARAMS, in `struct sched_attr`.
const FLAG_RESET_ON_FORK: u64 = 1;
const FLAG_KEEP_POLICY: u64 = 8;
const FLAG_KEEP_PARAMS: u64 = 16;
/// The least and the present size of `struct sched_attr`, in bytes.
const ATTR_BYTES: std::ops::RangeInclusive<u32> = 48..=56;
const MAX_PRIORITY: u32 = 99;

/// What is wanted; `nice` only by sched_setattr.
#[derive(Clone, Copy)]
struct Wanted {
    policy: Policy,
    priority: u32,
    resets_on_fork: bool,
    nice: Option<i32>,
}

impl Kernel {
    pub(super) fn scheduling_call(&mut self, hw: &mut Hw<'_>, call: &mut Call<'_>) -> Option<Outcome> {
        let args = call.args;
        Some(Outcome::Return(match call.number {
            142 => self.sys_sched_setscheduler(hw, [args[0], u64::MAX, args[1]]),
            143 => self.sys_sched_getparam(hw, args),
            144 if (args[1] as i32) < 0 => Err(Errno::EINVAL),
            144 => self.sys_sched_setscheduler(hw, [args[0], args[1], args[2]]),
            145 => self.scheduled(args[0]).map(|process| {
                let Scheduling { policy, resets_on_fork, .. } = process.scheduling;
                u64::from(policy as u32 | if resets_on_fork { RESET_ON_FORK } else { 0 })
            }),
            146 | 147 => sched_priority_bound(call.number, args[0]),
            148 => self.sys_sched_rr_get_interval(hw, args),
            251 => self.sys_ioprio_set(args),
            252 => self.sys_ioprio_get(args),
            314 => self.sys_sched_setattr(hw, args),
            315 => self.sys_sched_getattr(hw, args),
            _ => return None,
        }))
    }

    fn scheduled(&self, pid: u64) -> Result<&Process, Errno> {
        if (pid as i32) < 0 { Err(Errno::EINVAL) } else { self.by_id(pid) }
    }

    /// sched_setparam keeps the policy, which is -1 here.
    fn sys_sched_setscheduler(&mut self, hw: &mut Hw<'_>, [pid, policy, param]: [u64; 3]) -> SysResult {
        if param == 0 || (pid as i32) < 0 {
            return Err(Errno::EINVAL);
        }
        let priority = u32::from_le_bytes(self.read_user(hw, LinearAddr(param))?);
        let process = self.scheduled(pid)?;
        let (pid, now) = (process.pid, process.scheduling);
        let (policy, resets_on_fork) = match policy {
            u64::MAX => (now.policy, now.resets_on_fork),
            number => {
                let policy = Policy::by_number(number as u32 & !RESET_ON_FORK).ok_or(Errno::EINVAL)?;
                (policy, number as u32 & RESET_ON_FORK != 0)
            }
        };
        self.set_scheduling(pid, Wanted { policy, priority, resets_on_fork, nice: None })
    }

    fn set_scheduling(&mut self, pid: Pid, wanted: Wanted) -> SysResult {
        if wanted.priority > MAX_PRIORITY || wanted.policy.is_real_time() != (wanted.priority != 0) {
            return Err(Errno::EINVAL);
        }
        let process = self.process(pid).ok_or(Errno::ESRCH)?;
        if !self.current.may(Cap::SysNice) && !self.may_reschedule(process, wanted) {
            return Err(Errno::EPERM);
        }
        let process = self.process_mut(pid).ok_or(Errno::ESRCH)?;
        let Wanted { policy, priority, resets_on_fork, nice } = wanted;
        process.scheduling = Scheduling { policy, priority, resets_on_fork, ..process.scheduling };
        if let Some(nice) = nice.filter(|_| !policy.is_real_time()) {
            process.nice = nice;
        }
        Ok(0)
    }

    /// What a user without the privilege may do: nothing that gives a process of his more than it has
    /// (`user_check_sched_setscheduler`, with RLIMIT_RTPRIO and RLIMIT_NICE of 0).
    fn may_reschedule(&self, process: &Process, wanted: Wanted) -> bool {
        let (me, its, now) = (self.current.credentials.user.effective, process.credentials.user, process.scheduling);
        let gains_priority =
            wanted.policy.is_real_time() && (wanted.policy != now.policy || wanted.priority > now.priority);
        let gains_niceness = wanted.nice.is_some_and(|nice| !wanted.policy.is_real_time() && nice < process.nice);
        let leaves_idle = now.policy == Policy::Idle && wanted.policy != Policy::Idle;
        (me == its.effective || me == its.real)
            && !(gains_priority || gains_niceness || leaves_idle || now.resets_on_fork && !wanted.resets_on_fork)
    }

    fn sys_sched_getparam(&mut self, hw: &mut Hw<'_>, [pid, param, ..]: [u64; 6]) -> SysResult {
        if param == 0 {
            return Err(Errno::EINVAL);
        }
        let priority = self.scheduled(pid)?.scheduling.priority;
        self.copy_to_user(hw, LinearAddr(param), &priority.to_le_bytes()).map(|()| 0)
    }

    /// RR_TIMESLICE; 0 for SCHED_FIFO, which has none, and for the others, whose slice is less than a tick.
    fn sys_sched_rr_get_interval(&mut self, hw: &mut Hw<'_>, [pid, at, ..]: [u64; 6]) -> SysResult {
        let is_round_robin = self.scheduled(pid)?.scheduling.policy == Policy::RoundRobin;
        let mut bytes = [0; 16];
        bytes[8..].copy_from_slice(&if is_round_robin { NSEC_PER_SEC / 10 } else { 0 }.to_le_bytes());
        self.copy_to_user(hw, LinearAddr(at), &bytes).map(|()| 0)
    }

    fn sys_sched_setattr(&mut self, hw: &mut Hw<'_>, [pid, at, flags, ..]: [u64; 6]) -> SysResult {
        if at == 0 || (pid as i32) < 0 || flags as u32 != 0 {
            return Err(Errno::EINVAL);
        }
        let size = match u32::from_le_bytes(self.read_user(hw, LinearAddr(at))?) {
            0 => *ATTR_BYTES.start(),
            size => size,
        };
        let mut bytes = vec![0; size.clamp(*ATTR_BYTES.end(), 4096) as usize];
        let is_known = (*ATTR_BYTES.start()..=4096).contains(&size);
        if is_known {
            self.copy_from_user(hw, LinearAddr(at), &mut bytes[..size as usize])?;
        }
        if !is_known || bytes[*ATTR_BYTES.end() as usize..].iter().any(|&byte| byte != 0) {
            self.copy_to_user(hw, LinearAddr(at), &ATTR_BYTES.end().to_le_bytes())?;
            return Err(Errno::E2BIG);
        }
        let word = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"));
        let (policy, flags) = (word(4), u64::from(word(8)) | u64::from(word(12)) << 32);
        if (policy as i32) < 0 || flags & !(FLAG_RESET_ON_FORK | FLAG_KEEP_POLICY | FLAG_KEEP_PARAMS) != 0 {
            return Err(Errno::EINVAL);
        }
        let process = self.scheduled(pid)?;
        let (pid, now, nice) = (process.pid, process.scheduling, process.nice);
        let keeps = |flag: u64| flags & flag != 0;
        let policy = if keeps(FLAG_KEEP_POLICY) { Some(now.policy) } else { Policy::by_number(policy) };
        let (priority, nice) = match keeps(FLAG_KEEP_PARAMS) {
            true => (now.priority, nice),
            false => (word(20), (word(16) as i32).clamp(-20, 19)),
        };
        let policy = policy.ok_or(Errno::EINVAL)?;
        self.set_scheduling(
            pid,
            Wanted { policy, priority, resets_on_fork: keeps(FLAG_RESET_ON_FORK), nice: Some(nice) },
        )
    }

    fn sys_sched_getattr(&mut self, hw: &mut Hw<'_>, [pid, at, size, flags, ..]: [u64; 6]) -> SysResult {
        let size = size as u32;
        if at == 0 || !(*ATTR_BYTES.start()..=4096).contains(&size) || flags as u32 != 0 {
            return Err(Errno::EINVAL);
        }
        let process = self.scheduled(pid)?;
        let Scheduling { policy, priority, resets_on_fork, .. } = process.scheduling;
        let nice = if policy.is_real_time() { 0 } else { process.nice };
        let size = size.min(*ATTR_BYTES.end());
        let words = [size, policy as u32, u32::from(resets_on_fork), 0, nice as u32, priority];
        let mut bytes = [0; 56];
        for (slot, word) in bytes.chunks_exact_mut(4).zip(words) {
            slot.copy_from_slice(&word.to_le_bytes());
        }
        self.copy_to_user(hw, LinearAddr(at), &bytes[..size as usize]).map(|()| 0)
    }

    fn sys_ioprio_set(&mut self, [which, who, priority, ..]: [u64; 6]) -> SysResult {
        let priority = priority as u32;
        match (priority >> 13, priority & 7) {
            (0, 0) | (2 | 3, _) => {}
            (1, _) if self.current.may(Cap::SysNice) => {}
            (1, _) => return Err(Errno::EPERM),
            _ => return Err(Errno::EINVAL),
        }
        let me = self.current.credentials.user;
        let is_privileged = self.current.may(Cap::SysNice);
        for pid in self.io_priority_targets(which, who)? {
            let Some(process) = self.process_mut(pid) else { continue };
            if !is_privileged && ![me.real, me.effective].contains(&process.credentials.user.real) {
                return Err(Errno::EPERM);
            }
            process.scheduling.io_priority = priority as u16;
        }
        Ok(0)
    }

    /// The best of several: the lowest class and level, where none is best effort at the default level (`ioprio_best`).
    fn sys_ioprio_get(&self, [which, who, ..]: [u64; 6]) -> SysResult {
        const DEFAULT: u16 = 2 << 13 | 4;
        let pids = self.io_priority_targets(which, who)?;
        let all: Vec<u16> =
            pids.into_iter().filter_map(|pid| Some(self.process(pid)?.scheduling.io_priority)).collect();
        let best = |value: u16| if value >> 13 == 0 { DEFAULT } else { value };
        match all[..] {
            [one] if which as u32 == 1 => Ok(one.into()),
            _ => Ok(all.into_iter().map(best).min().unwrap_or_default().into()),
        }
    }

    /// IOPRIO_WHO_PROCESS is 1, where PRIO_PROCESS is 0, and so on.
    fn io_priority_targets(&self, which: u64, who: u64) -> Result<Vec<Pid>, Errno> {
        match which as u32 {
            which @ 1..=3 => self.priority_targets([u64::from(which - 1), who, 0, 0, 0, 0]),
            _ => Err(Errno::EINVAL),
        }
    }
}

/// sched_get_priority_max and _min.
const fn sched_priority_bound(number: u64, policy: u64) -> SysResult {
    match policy as u32 {
        0 | 3 | 5 | 6 => Ok(0),
        1 | 2 => Ok(if number == 146 { MAX_PRIORITY as u64 } else { 1 }),
        _ => Err(Errno::EINVAL),
    }
}
