//! A process and its one thread: names, FS and GS, on which processor it runs.

use super::{Call, Outcome, SysResult};
use crate::kernel::Kernel;
use crate::mm::TASK_SIZE_MAX;
use crate::{Errno, Hw};
use arch::{LinearAddr, UserContext};

/// Bytes of a processor set with one bit: Linux counts in whole longs.
const CPUSET_BYTES: u64 = 8;

impl Kernel {
    pub(super) fn task_call(&mut self, hw: &mut Hw<'_>, call: &mut Call<'_>) -> Option<Outcome> {
        let args = call.args;
        Some(Outcome::Return(match call.number {
            // sched_yield
            24 => {
                self.yield_turn(hw);
                Ok(0)
            }
            135 => Ok(self.sys_personality(args[0] as u32)),
            157 => self.sys_prctl(hw, args),
            158 => self.sys_arch_prctl(hw, call.ctx, args),
            203 => self.exists(args[0]).and_then(|()| self.sys_sched_setaffinity(hw, args)),
            204 => self.exists(args[0]).and_then(|()| self.sys_sched_getaffinity(hw, args)),
            218 => {
                self.current.clear_child_tid = LinearAddr(args[0]);
                Ok(self.current.pid.0.into())
            }
            273 => self.sys_set_robust_list(args),
            274 => self.exists(args[0]).and_then(|()| self.sys_get_robust_list(hw, args)),
            309 => self.sys_getcpu(hw, args),
            324 => self.sys_membarrier(args),
            _ => return None,
        }))
    }

    pub(super) fn put_u32(&mut self, hw: &mut Hw<'_>, at: u64, value: u32) -> SysResult {
        self.copy_to_user(hw, LinearAddr(at), &value.to_le_bytes()).map(|()| 0)
    }

    fn exists(&self, id: u64) -> Result<(), Errno> {
        self.by_id(id).map(|_| ())
    }

    /// Only remembered; all ones asks.
    const fn sys_personality(&mut self, persona: u32) -> u64 {
        let before = self.current.personality;
        if persona != u32::MAX {
            self.current.personality = persona;
        }
        before as u64
    }

    fn sys_arch_prctl(&mut self, hw: &mut Hw<'_>, ctx: &mut UserContext, [option, addr, ..]: [u64; 6]) -> SysResult {
        const ARCH_SET_GS: u32 = 0x1001;
        const ARCH_SET_FS: u32 = 0x1002;
        const ARCH_GET_FS: u32 = 0x1003;
        const ARCH_GET_GS: u32 = 0x1004;
        match option as u32 {
            ARCH_SET_GS | ARCH_SET_FS if addr >= TASK_SIZE_MAX => Err(Errno::EPERM),
            ARCH_SET_GS => {
                ctx.gs_base = addr;
                Ok(0)
            }
            ARCH_SET_FS => {
                ctx.fs_base = addr;
                Ok(0)
            }
            ARCH_GET_FS => self.copy_to_user(hw, LinearAddr(addr), &ctx.fs_base.to_le_bytes()).map(|()| 0),
            ARCH_GET_GS => self.copy_to_user(hw, LinearAddr(addr), &ctx.gs_base.to_le_bytes()).map(|()| 0),
            _ => Err(Errno::EINVAL),
        }
    }

    /// A set without processor 0 has no processor that exists.
    fn sys_sched_setaffinity(&mut self, hw: &mut Hw<'_>, [_, len, mask, ..]: [u64; 6]) -> SysResult {
        if len as u32 == 0 {
            return Err(Errno::EINVAL);
        }
        let [first] = self.read_user(hw, LinearAddr(mask))?;
        if first & 1 == 0 { Err(Errno::EINVAL) } else { Ok(0) }
    }

    fn sys_sched_getaffinity(&mut self, hw: &mut Hw<'_>, [_, len, mask, ..]: [u64; 6]) -> SysResult {
        let len = u64::from(len as u32);
        if len < CPUSET_BYTES || len % CPUSET_BYTES != 0 {
            return Err(Errno::EINVAL);
        }
        self.copy_to_user(hw, LinearAddr(mask), &1_u64.to_le_bytes()).map(|()| CPUSET_BYTES)
    }

    /// Processor 0 of node 0.
    fn sys_getcpu(&mut self, hw: &mut Hw<'_>, [cpu, node, ..]: [u64; 6]) -> SysResult {
        for at in [cpu, node] {
            if at != 0 {
                self.put_u32(hw, at, 0)?;
            }
        }
        Ok(0)
    }

    /// One processor: every barrier holds already. A process must have said that it means to use the private ones.
    fn sys_membarrier(&mut self, [command, flags, ..]: [u64; 6]) -> SysResult {
        const GLOBAL: u64 = 1;
        const GLOBAL_EXPEDITED: u64 = 2;
        const REGISTER_GLOBAL_EXPEDITED: u64 = 4;
        const PRIVATE_EXPEDITED: u64 = 8;
        const REGISTER_PRIVATE_EXPEDITED: u64 = 0x10;
        const PRIVATE_SYNC_CORE: u64 = 0x20;
        const REGISTER_PRIVATE_SYNC_CORE: u64 = 0x40;
        const PRIVATE_RSEQ: u64 = 0x80;
        const REGISTER_PRIVATE_RSEQ: u64 = 0x100;
        const GET_REGISTRATIONS: u64 = 0x200;
        const ALL: u64 = 0x3ff;
        /// MEMBARRIER_CMD_FLAG_CPU: the barrier is for the processor that the third argument names.
        const FLAG_CPU: u32 = 1;
        if flags as u32 != 0 && (command as u32 != PRIVATE_RSEQ as u32 || flags as u32 != FLAG_CPU) {
            return Err(Errno::EINVAL);
        }
        let registered = &mut self.mm_mut().membarrier;
        match command & 0xffff_ffff {
            0 => Ok(ALL),
            GLOBAL | GLOBAL_EXPEDITED => Ok(0),
            register @ (REGISTER_GLOBAL_EXPEDITED
            | REGISTER_PRIVATE_EXPEDITED
            | REGISTER_PRIVATE_SYNC_CORE
            | REGISTER_PRIVATE_RSEQ) => {
                *registered |= register;
                Ok(0)
            }
            private @ (PRIVATE_EXPEDITED | PRIVATE_SYNC_CORE | PRIVATE_RSEQ) => {
                if *registered & private << 1 == 0 {
                    Err(Errno::EPERM)
                } else {
                    Ok(0)
                }
            }
            GET_REGISTRATIONS => Ok(*registered),
            _ => Err(Errno::EINVAL),
        }
    }

    const fn sys_set_robust_list(&mut self, [head, len, ..]: [u64; 6]) -> SysResult {
        if len != ROBUST_LIST_HEAD_BYTES {
            return Err(Errno::EINVAL);
        }
        self.current.robust_list = LinearAddr(head);
        Ok(0)
    }

    fn sys_get_robust_list(&mut self, hw: &mut Hw<'_>, [_, head, len, ..]: [u64; 6]) -> SysResult {
        self.copy_to_user(hw, LinearAddr(len), &ROBUST_LIST_HEAD_BYTES.to_le_bytes())?;
        let list = self.current.robust_list.0;
        self.copy_to_user(hw, LinearAddr(head), &list.to_le_bytes()).map(|()| 0)
    }
}

/// sizeof(struct robust_list_head).
const ROBUST_LIST_HEAD_BYTES: u64 = 24;
