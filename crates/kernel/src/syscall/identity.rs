//! Who the process is: user and group ids, capabilities; and which system it runs on.

use super::{Call, Outcome, SysResult};
use crate::kernel::Kernel;
use crate::process::Ids;
use crate::{Errno, Hw};
use arch::LinearAddr;

/// What uname reports: a fixed system, whose calls are those of [`super::table`].
pub(crate) const UTSNAME: [&str; 6] = ["Linux", "pagewalk", "6.6.0", "#1 SMP PREEMPT_DYNAMIC", "x86_64", "(none)"];
/// Bytes of each field of `struct new_utsname`.
const UTS_FIELD: usize = 65;

/// The argument that means "leave it".
const UNCHANGED: u32 = u32::MAX;

/// User ids or group ids.
#[derive(Clone, Copy)]
enum Kind {
    User,
    Group,
}

impl Kernel {
    pub(super) fn identity_call(&mut self, hw: &mut Hw<'_>, call: &mut Call<'_>) -> Option<Outcome> {
        let args = call.args;
        let [a, b, c, ..] = args.map(|arg| arg as u32);
        let who = self.current.credentials;
        Some(Outcome::Return(match call.number {
            63 => self.sys_uname(hw, args[0]),
            102 => Ok(u64::from(who.user.real)),
            104 => Ok(u64::from(who.group.real)),
            105 => self.set_one(Kind::User, a),
            106 => self.set_one(Kind::Group, a),
            107 => Ok(u64::from(who.user.effective)),
            108 => Ok(u64::from(who.group.effective)),
            113 => self.set_real_effective(Kind::User, a, b),
            114 => self.set_real_effective(Kind::Group, a, b),
            115 => self.sys_getgroups(hw, args),
            117 => self.set_three(Kind::User, [a, b, c]),
            118 => self.get_three(hw, who.user, args),
            119 => self.set_three(Kind::Group, [a, b, c]),
            120 => self.get_three(hw, who.group, args),
            116 => self.sys_setgroups(hw, args),
            122 => Ok(self.set_fs(Kind::User, a)),
            123 => Ok(self.set_fs(Kind::Group, a)),
            125 => self.sys_capget(hw, args),
            _ => return None,
        }))
    }

    fn ids(&mut self, kind: Kind) -> &mut Ids {
        match kind {
            Kind::User => &mut self.current.credentials.user,
            Kind::Group => &mut self.current.credentials.group,
        }
    }

    /// setuid, setgid: all three with the privilege, else the effective one.
    fn set_one(&mut self, kind: Kind, id: u32) -> SysResult {
        if id == UNCHANGED {
            return Err(Errno::EINVAL);
        }
        let privileged = self.current.is_root();
        let ids = self.ids(kind);
        if privileged {
            *ids = Ids::all(id);
        } else if id == ids.real || id == ids.saved {
            (ids.effective, ids.fs) = (id, id);
        } else {
            return Err(Errno::EPERM);
        }
        Ok(0)
    }

    /// setreuid, setregid.
    fn set_real_effective(&mut self, kind: Kind, real: u32, effective: u32) -> SysResult {
        let privileged = self.current.is_root();
        let ids = self.ids(kind);
        let old = *ids;
        let may_be_real = privileged || [UNCHANGED, old.real, old.effective].contains(&real);
        let may_be_effective = privileged || [UNCHANGED, old.real, old.effective, old.saved].contains(&effective);
        if !may_be_real || !may_be_effective {
            return Err(Errno::EPERM);
        }
        ids.real = or(real, old.real);
        ids.effective = or(effective, old.effective);
        ids.fs = ids.effective;
        if real != UNCHANGED || effective != UNCHANGED && effective != old.real {
            ids.saved = ids.effective;
        }
        Ok(0)
    }

    /// setresuid, setresgid.
    fn set_three(&mut self, kind: Kind, wanted: [u32; 3]) -> SysResult {
        let privileged = self.current.is_root();
        let ids = self.ids(kind);
        let old = *ids;
        let allowed = |id: &u32| [UNCHANGED, old.real, old.effective, old.saved].contains(id);
        if !privileged && !wanted.iter().all(allowed) {
            return Err(Errno::EPERM);
        }
        let [real, effective, saved] = wanted;
        let effective = or(effective, old.effective);
        *ids = Ids { real: or(real, old.real), effective, saved: or(saved, old.saved), fs: effective };
        Ok(0)
    }

    fn get_three(&mut self, hw: &mut Hw<'_>, ids: Ids, [real, effective, saved, ..]: [u64; 6]) -> SysResult {
        for (at, id) in [(real, ids.real), (effective, ids.effective), (saved, ids.saved)] {
            self.copy_to_user(hw, LinearAddr(at), &id.to_le_bytes())?;
        }
        Ok(0)
    }

    fn sys_getgroups(&mut self, hw: &mut Hw<'_>, [size, list, ..]: [u64; 6]) -> SysResult {
        let groups = self.current.groups.clone();
        let (size, count) = (size as i32, groups.len());
        if size < 0 || size != 0 && (size as usize) < count {
            return Err(Errno::EINVAL);
        }
        if size != 0 {
            let bytes: Vec<u8> = groups.iter().flat_map(|group| group.to_le_bytes()).collect();
            self.copy_to_user(hw, LinearAddr(list), &bytes)?;
        }
        Ok(count as u64)
    }

    /// A process without the privilege learns that before its list is looked at.
    fn sys_setgroups(&mut self, hw: &mut Hw<'_>, [size, list, ..]: [u64; 6]) -> SysResult {
        const NGROUPS_MAX: u32 = 65_536;
        if !self.current.is_root() {
            return Err(Errno::EPERM);
        }
        if size as u32 > NGROUPS_MAX {
            return Err(Errno::EINVAL);
        }
        let mut bytes = vec![0; size as u32 as usize * 4];
        self.copy_from_user(hw, LinearAddr(list), &mut bytes)?;
        let groups = bytes.chunks_exact(4).map(|group| u32::from_le_bytes(group.try_into().expect("four bytes")));
        let mut groups: Vec<u32> = groups.collect();
        if groups.contains(&UNCHANGED) {
            return Err(Errno::EINVAL);
        }
        groups.sort_unstable();
        self.current.groups = groups.into();
        Ok(0)
    }

    /// setfsuid, setfsgid: they tell the old id, whether they succeed or not.
    fn set_fs(&mut self, kind: Kind, id: u32) -> u64 {
        let privileged = self.current.is_root();
        let ids = self.ids(kind);
        let old = ids.fs;
        if id != UNCHANGED && (privileged || [ids.real, ids.effective, ids.saved, old].contains(&id)) {
            ids.fs = id;
        }
        old.into()
    }

    fn sys_uname(&mut self, hw: &mut Hw<'_>, at: u64) -> SysResult {
        let mut bytes = [0; UTS_FIELD * UTSNAME.len()];
        for (slot, text) in bytes.chunks_exact_mut(UTS_FIELD).zip(UTSNAME) {
            slot[..text.len()].copy_from_slice(text.as_bytes());
        }
        self.copy_to_user(hw, LinearAddr(at), &bytes).map(|()| 0)
    }

    /// Root has every capability, others none. An unknown version is answered with the one that is known.
    fn sys_capget(&mut self, hw: &mut Hw<'_>, [header, data, ..]: [u64; 6]) -> SysResult {
        const VERSION_3: u32 = 0x2008_0522;
        /// Capabilities of Linux 6.6: CAP_CHECKPOINT_RESTORE, number 40, is the last.
        const ALL: u64 = (1 << 41) - 1;
        let bytes: [u8; 8] = self.read_user(hw, LinearAddr(header))?;
        let [version, pid] = [0, 4].map(|at| u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes")));
        if version != VERSION_3 {
            self.copy_to_user(hw, LinearAddr(header), &VERSION_3.to_le_bytes())?;
            return if data == 0 { Ok(0) } else { Err(Errno::EINVAL) };
        }
        if pid != 0 && pid != self.current.pid.0 {
            return Err(if pid as i32 <= 0 { Errno::EINVAL } else { Errno::ESRCH });
        }
        if data == 0 {
            return Ok(0);
        }
        let caps = if self.current.is_root() { ALL } else { 0 };
        let mut sets = [0; 24];
        for (slot, half) in sets.chunks_exact_mut(12).zip([caps as u32, (caps >> 32) as u32]) {
            slot[..4].copy_from_slice(&half.to_le_bytes()); // effective
            slot[4..8].copy_from_slice(&half.to_le_bytes()); // permitted; nothing is inheritable
        }
        self.copy_to_user(hw, LinearAddr(data), &sets).map(|()| 0)
    }
}

const fn or(wanted: u32, old: u32) -> u32 {
    if wanted == UNCHANGED { old } else { wanted }
}
