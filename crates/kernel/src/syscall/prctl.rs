//! prctl: what a process says of itself, and asks (`kernel/sys.c`, `security/commoncap.c`).

use super::SysResult;
use crate::kernel::Kernel;
use crate::mm::Mdwe;
use crate::process::{Capabilities, Credentials, MceKill};
use crate::signal::Signal;
use crate::{Errno, Hw};
use arch::LinearAddr;

/// Bytes that PR_GET_AUXV says a vector has room for (`saved_auxv`): 28 entries.
const SAVED_AUXV_BYTES: usize = 448;

impl Kernel {
    pub(super) fn sys_prctl(&mut self, hw: &mut Hw<'_>, [option, a, b, c, d, _]: [u64; 6]) -> SysResult {
        const PR_GET_DUMPABLE: u32 = 3;
        const PR_SET_DUMPABLE: u32 = 4;
        const PR_GET_TIMING: u32 = 13;
        const PR_SET_TIMING: u32 = 14;
        const PR_SET_NAME: u32 = 15;
        const PR_GET_NAME: u32 = 16;
        const PR_GET_SECCOMP: u32 = 21;
        const PR_GET_TSC: u32 = 25;
        const PR_SET_TIMERSLACK: u32 = 29;
        const PR_GET_TIMERSLACK: u32 = 30;
        const PR_MCE_KILL: u32 = 33;
        const PR_MCE_KILL_GET: u32 = 34;
        const PR_GET_TID_ADDRESS: u32 = 40;
        const PR_SET_THP_DISABLE: u32 = 41;
        const PR_GET_THP_DISABLE: u32 = 42;
        const PR_SET_MDWE: u32 = 65;
        const PR_GET_MDWE: u32 = 66;
        const PR_GET_AUXV: u32 = 0x4155_5856;
        let unused = [b, c, d] == [0; 3];
        match option as u32 {
            PR_GET_DUMPABLE => Ok(self.mm().prctl.dumpable.into()),
            PR_SET_DUMPABLE if a <= 1 => {
                self.mm_mut().prctl.dumpable = a == 1;
                Ok(0)
            }
            PR_GET_TIMING => Ok(0),
            PR_SET_TIMING if a == 0 => Ok(0),
            PR_SET_NAME => self.set_name(hw, a),
            PR_GET_NAME => self.copy_to_user(hw, LinearAddr(a), &self.current.comm.clone()).map(|()| 0),
            PR_GET_SECCOMP => Ok(0),
            PR_GET_TSC => self.put_u32(hw, a, 1), // PR_TSC_ENABLE
            PR_SET_TIMERSLACK => {
                self.current.timer_slack.set(a.cast_signed());
                Ok(0)
            }
            PR_GET_TIMERSLACK => Ok(self.current.timer_slack.get()),
            PR_MCE_KILL if [c, d] == [0; 2] => self.set_mce_kill(a, b),
            PR_MCE_KILL_GET if a == 0 && unused => Ok(self.current.mce_kill as u64),
            PR_GET_TID_ADDRESS => {
                let at = self.current.clear_child_tid.0;
                self.copy_to_user(hw, LinearAddr(a), &at.to_le_bytes()).map(|()| 0)
            }
            PR_SET_THP_DISABLE if unused => {
                self.mm_mut().set_thp_disabled(a != 0);
                Ok(0)
            }
            PR_GET_THP_DISABLE if a == 0 && unused => Ok(self.mm().thp_disabled().into()),
            PR_SET_MDWE if unused => self.set_mdwe(a),
            PR_GET_MDWE if a == 0 && unused => Ok(self.mm().prctl.mdwe.bits()),
            PR_GET_AUXV if [c, d] == [0; 2] => self.get_auxv(hw, a, b),
            option => self.prctl_rights(hw, option, [a, b, c, d]),
        }
    }

    /// What is about parents, children and privileges.
    fn prctl_rights(&mut self, hw: &mut Hw<'_>, option: u32, [a, b, c, d]: [u64; 4]) -> SysResult {
        const PR_SET_PDEATHSIG: u32 = 1;
        const PR_GET_PDEATHSIG: u32 = 2;
        const PR_GET_KEEPCAPS: u32 = 7;
        const PR_SET_KEEPCAPS: u32 = 8;
        const PR_CAPBSET_READ: u32 = 23;
        const PR_CAPBSET_DROP: u32 = 24;
        const PR_GET_SECUREBITS: u32 = 27;
        const PR_SET_SECUREBITS: u32 = 28;
        const PR_SET_CHILD_SUBREAPER: u32 = 36;
        const PR_GET_CHILD_SUBREAPER: u32 = 37;
        const PR_SET_NO_NEW_PRIVS: u32 = 38;
        const PR_GET_NO_NEW_PRIVS: u32 = 39;
        const PR_CAP_AMBIENT: u32 = 47;
        let unused = [b, c, d] == [0; 3];
        let caps = &mut self.current.capabilities;
        match option {
            PR_SET_PDEATHSIG => {
                let signal = if a == 0 { None } else { Some(Signal::new(a).ok_or(Errno::EINVAL)?) };
                self.current.parent_death_signal = signal;
                Ok(0)
            }
            PR_GET_PDEATHSIG => {
                let number = self.current.parent_death_signal.map_or(0, |signal| signal.number().into());
                self.put_u32(hw, a, number)
            }
            PR_GET_KEEPCAPS => Ok(caps.keeps().into()),
            PR_SET_KEEPCAPS => caps.set_keep(a).map(|()| 0),
            PR_CAPBSET_READ => caps.bounding.has_number(a).map(u64::from).ok_or(Errno::EINVAL),
            PR_CAPBSET_DROP => caps.drop_from_bounding(a).map(|()| 0),
            PR_GET_SECUREBITS => Ok(caps.secure.bits()),
            PR_SET_SECUREBITS => caps.set_secure(a).map(|()| 0),
            PR_CAP_AMBIENT => caps.prctl_ambient(a, b, [c, d]),
            PR_SET_CHILD_SUBREAPER => {
                self.current.is_subreaper = a != 0;
                Ok(0)
            }
            PR_GET_CHILD_SUBREAPER => self.put_u32(hw, a, self.current.is_subreaper.into()),
            PR_SET_NO_NEW_PRIVS if a == 1 && unused => {
                self.current.no_new_privs = 1;
                Ok(0)
            }
            PR_GET_NO_NEW_PRIVS if a == 0 && unused => Ok(self.current.no_new_privs),
            _ => Err(Errno::EINVAL),
        }
    }

    fn set_name(&mut self, hw: &mut Hw<'_>, at: u64) -> SysResult {
        let mut name = [0; 16];
        for (offset, slot) in name[..15].iter_mut().enumerate() {
            let [byte] = self.read_user(hw, LinearAddr(at.wrapping_add(offset as u64)))?;
            if byte == 0 {
                break;
            }
            *slot = byte;
        }
        self.current.comm = name;
        Ok(0)
    }

    const fn set_mce_kill(&mut self, what: u64, policy: u64) -> SysResult {
        const CLEAR: u64 = 0;
        const SET: u64 = 1;
        self.current.mce_kill = match (what, policy) {
            (CLEAR, 0) | (SET, 2) => MceKill::Default,
            (SET, 0) => MceKill::Late,
            (SET, 1) => MceKill::Early,
            _ => return Err(Errno::EINVAL),
        };
        Ok(0)
    }

    /// What was once set cannot be taken back (`prctl_set_mdwe`).
    fn set_mdwe(&mut self, bits: u64) -> SysResult {
        let wanted = Mdwe::from_bits(bits).ok_or(Errno::EINVAL)?;
        if wanted == Mdwe::NO_INHERIT {
            return Err(Errno::EINVAL);
        }
        let now = &mut self.mm_mut().prctl.mdwe;
        if !now.is_empty() && *now != wanted {
            return Err(Errno::EPERM);
        }
        *now = wanted;
        Ok(0)
    }

    /// The vector as the program was started with it, zeros up to its room, as much of it as is asked for.
    fn get_auxv(&mut self, hw: &mut Hw<'_>, at: u64, len: u64) -> SysResult {
        let mut auxv = self.mm().prctl.auxv.to_vec();
        auxv.resize(SAVED_AUXV_BYTES, 0);
        let len = len.min(SAVED_AUXV_BYTES as u64) as usize;
        self.copy_to_user(hw, LinearAddr(at), &auxv[..len])?;
        Ok(SAVED_AUXV_BYTES as u64)
    }

    /// A process that has changed who it is cannot be looked into by others of its user until it says so, and has forgotten
    /// what its parent's end would bring (`commit_creds`).
    pub(super) fn hide_if_changed(&mut self, who: Credentials, caps: Capabilities) {
        let now = &self.current;
        let ids = |who: Credentials| [who.user.effective, who.group.effective, who.user.fs, who.group.fs];
        if ids(who) != ids(now.credentials) || now.capabilities.exceeds(&caps) {
            self.mm_mut().prctl.dumpable = false;
            self.current.parent_death_signal = None;
        }
    }
}
