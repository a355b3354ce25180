//! Process ids, process groups and sessions (Linux's `kernel/sys.c`).

use super::{Call, Outcome, SysResult};
use crate::kernel::Kernel;
use crate::process::Process;
use crate::{Errno, Hw};
use event::Pid;

impl Kernel {
    pub(super) fn job_call(&mut self, _: &mut Hw<'_>, call: &mut Call<'_>) -> Option<Outcome> {
        let args = call.args;
        Some(Outcome::Return(match call.number {
            // getpid, gettid
            39 | 186 => Ok(self.current.pid.0.into()),
            109 => self.sys_setpgid(args),
            110 => Ok(self.parent_or_init(self.current.parent).0.into()),
            111 => Ok(self.current.pgrp.0.into()),
            112 => self.sys_setsid(),
            121 => self.by_id(args[0]).map(|process| process.pgrp.0.into()),
            124 => self.by_id(args[0]).map(|process| process.session.0.into()),
            _ => return None,
        }))
    }

    /// The process of an id from a register; 0 is the caller.
    pub(super) fn by_id(&self, id: u64) -> Result<&Process, Errno> {
        match id as u32 {
            0 => Ok(&self.current),
            id => self.process(Pid(id)).ok_or(Errno::ESRCH),
        }
    }

    fn sys_setpgid(&mut self, [pid, pgrp, ..]: [u64; 6]) -> SysResult {
        let me = self.current.pid;
        let pid = if pid as u32 == 0 { me } else { Pid(pid as u32) };
        let pgrp = if pgrp as u32 == 0 { pid } else { Pid(pgrp as u32) };
        if (pgrp.0 as i32) < 0 {
            return Err(Errno::EINVAL);
        }
        let process = self.process(pid).ok_or(Errno::ESRCH)?;
        if pid != me {
            match process {
                child if child.parent != me => return Err(Errno::ESRCH),
                child if child.session != self.current.session => return Err(Errno::EPERM),
                child if child.has_executed => return Err(Errno::EACCES),
                _ => {}
            }
        }
        if process.session == pid {
            return Err(Errno::EPERM); // the leader of a session stays where it is
        }
        let session = process.session;
        if pgrp != pid && self.pids_where(|p| p.pgrp == pgrp && p.session == session).is_empty() {
            return Err(Errno::EPERM);
        }
        if let Some(process) = self.process_mut(pid) {
            process.pgrp = pgrp;
        }
        Ok(0)
    }

    fn sys_setsid(&mut self) -> SysResult {
        let me = self.current.pid;
        if !self.pids_where(|process| process.pgrp == me).is_empty() {
            return Err(Errno::EPERM);
        }
        (self.current.session, self.current.pgrp) = (me, me);
        Ok(me.0.into())
    }
}
