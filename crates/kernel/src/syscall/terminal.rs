//! The terminal's side of job control: which process group is in its foreground, and which session it belongs to (Linux's
//! `tty_jobctrl_ioctl`).

use super::SysResult;
use crate::kernel::Kernel;
use crate::process::Cap;
use crate::signal::Signal;
use crate::{Errno, Hw};
use arch::LinearAddr;
use event::Pid;

const TIOCSCTTY: u32 = 0x540e;
const TIOCGPGRP: u32 = 0x540f;
const TIOCSPGRP: u32 = 0x5410;
const TIOCNOTTY: u32 = 0x5422;
const TIOCGSID: u32 = 0x5429;

impl Kernel {
    /// Serves a request about job control; `None` if it is about something else. The caller has seen that the file is a
    /// terminal.
    pub(crate) fn job_control_request(&mut self, hw: &mut Hw<'_>, request: u32, arg: u64) -> Option<SysResult> {
        Some(match request {
            TIOCGPGRP => self.put_terminal_id(hw, arg, |terminal| terminal.foreground),
            TIOCGSID => self.put_terminal_id(hw, arg, |terminal| terminal.session.unwrap_or(Pid(0))),
            TIOCSPGRP => self.tiocspgrp(hw, arg),
            TIOCSCTTY => self.tiocsctty(arg),
            TIOCNOTTY => self.tiocnotty(),
            _ => return None,
        })
    }

    fn put_terminal_id(&mut self, hw: &mut Hw<'_>, arg: u64, id: impl Fn(&crate::job::Terminal) -> Pid) -> SysResult {
        if !self.has_terminal() {
            return Err(Errno::ENOTTY);
        }
        let id = id(&self.terminal);
        self.copy_to_user(hw, LinearAddr(arg), &id.0.to_le_bytes()).map(|()| 0)
    }

    /// Puts a group of the caller's session into the foreground.
    fn tiocspgrp(&mut self, hw: &mut Hw<'_>, arg: u64) -> SysResult {
        self.check_foreground(Signal::TTOU)?;
        if !self.has_terminal() {
            return Err(Errno::ENOTTY);
        }
        let pgrp = i32::from_le_bytes(self.read_user(hw, LinearAddr(arg))?);
        let pgrp = Pid(u32::try_from(pgrp).map_err(|_| Errno::EINVAL)?);
        let members = self.pids_where(|process| process.pgrp == pgrp);
        let Some(member) = members.first().and_then(|&pid| self.process(pid)) else { return Err(Errno::ESRCH) };
        if member.session != self.current.session {
            return Err(Errno::EPERM);
        }
        self.set_foreground(pgrp);
        Ok(0)
    }

    /// Makes the terminal that of the caller's session. Root may take it from another (`arg` 1).
    fn tiocsctty(&mut self, arg: u64) -> SysResult {
        let me = self.current.pid;
        if self.current.session != me || self.has_terminal() {
            return if self.has_terminal() && self.current.session == me { Ok(0) } else { Err(Errno::EPERM) };
        }
        if self.terminal.session.is_some() && !(arg == 1 && self.current.may(Cap::SysAdmin)) {
            return Err(Errno::EPERM);
        }
        self.terminal.session = Some(me);
        self.set_foreground(self.current.pgrp);
        Ok(0)
    }

    fn tiocnotty(&mut self) -> SysResult {
        if !self.has_terminal() {
            return Err(Errno::ENOTTY);
        }
        self.leave_session();
        Ok(0)
    }
}
