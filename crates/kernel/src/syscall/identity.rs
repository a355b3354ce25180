//! Who the process is: user and group ids, capabilities; and which system it runs on.

use super::{Call, Outcome, SysResult};
use crate::kernel::Kernel;
use crate::process::{Cap, CapSet, Ids};
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
            126 => self.sys_capset(hw, args),
            _ => return None,
        }))
    }

    const fn ids(&self, kind: Kind) -> Ids {
        match kind {
            Kind::User => self.current.credentials.user,
            Kind::Group => self.current.credentials.group,
        }
    }

    /// Whether it may take any id.
    const fn may_set(&self, kind: Kind) -> bool {
        self.current.may(match kind {
            Kind::User => Cap::Setuid,
            Kind::Group => Cap::Setgid,
        })
    }

    /// Changes ids, and what goes with them: another user has other privileges, and must say anew that it may be looked into
    /// (`commit_creds`).
    fn set_ids(&mut self, kind: Kind, new: Ids) {
        let before = (self.current.credentials, self.current.capabilities);
        match kind {
            Kind::Group => self.current.credentials.group = new,
            Kind::User => {
                self.current.capabilities.fix_setuid(before.0.user, new);
                self.current.credentials.user = new;
            }
        }
        self.hide_if_changed(before.0, before.1);
    }

    /// setuid, setgid: all three with the privilege, else the effective one.
    fn set_one(&mut self, kind: Kind, id: u32) -> SysResult {
        if id == UNCHANGED {
            return Err(Errno::EINVAL);
        }
        let ids = self.ids(kind);
        if self.may_set(kind) {
            self.set_ids(kind, Ids::all(id));
        } else if id == ids.real || id == ids.saved {
            self.set_ids(kind, Ids { effective: id, fs: id, ..ids });
        } else {
            return Err(Errno::EPERM);
        }
        Ok(0)
    }

    /// setreuid, setregid.
    fn set_real_effective(&mut self, kind: Kind, real: u32, effective: u32) -> SysResult {
        let (privileged, old) = (self.may_set(kind), self.ids(kind));
        let may_be_real = privileged || [UNCHANGED, old.real, old.effective].contains(&real);
        let may_be_effective = privileged || [UNCHANGED, old.real, old.effective, old.saved].contains(&effective);
        if !may_be_real || !may_be_effective {
            return Err(Errno::EPERM);
        }
        let becomes = or(effective, old.effective);
        let mut ids = Ids { real: or(real, old.real), effective: becomes, fs: becomes, ..old };
        if real != UNCHANGED || effective != UNCHANGED && effective != old.real {
            ids.saved = becomes;
        }
        self.set_ids(kind, ids);
        Ok(0)
    }

    /// setresuid, setresgid.
    fn set_three(&mut self, kind: Kind, wanted: [u32; 3]) -> SysResult {
        let old = self.ids(kind);
        let allowed = |id: &u32| [UNCHANGED, old.real, old.effective, old.saved].contains(id);
        if !self.may_set(kind) && !wanted.iter().all(allowed) {
            return Err(Errno::EPERM);
        }
        let [real, effective, saved] = wanted;
        let effective = or(effective, old.effective);
        self.set_ids(kind, Ids { real: or(real, old.real), effective, saved: or(saved, old.saved), fs: effective });
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
        if !self.current.may(Cap::Setgid) {
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
        let ids = self.ids(kind);
        let allowed = self.may_set(kind) || [ids.real, ids.effective, ids.saved, ids.fs].contains(&id);
        if id != UNCHANGED && allowed {
            let before = (self.current.credentials, self.current.capabilities);
            match kind {
                Kind::Group => self.current.credentials.group.fs = id,
                Kind::User => {
                    self.current.capabilities.fix_setfsuid(ids.fs, id);
                    self.current.credentials.user.fs = id;
                }
            }
            self.hide_if_changed(before.0, before.1);
        }
        ids.fs.into()
    }

    fn sys_uname(&mut self, hw: &mut Hw<'_>, at: u64) -> SysResult {
        let mut bytes = [0; UTS_FIELD * UTSNAME.len()];
        for (slot, text) in bytes.chunks_exact_mut(UTS_FIELD).zip(UTSNAME) {
            slot[..text.len()].copy_from_slice(text.as_bytes());
        }
        self.copy_to_user(hw, LinearAddr(at), &bytes).map(|()| 0)
    }

    /// The version of a capability header and the words of each set that come with it; an unknown one is answered with the one
    /// to use (`cap_validate_magic`).
    fn capability_header(&mut self, hw: &mut Hw<'_>, header: u64) -> Result<usize, Errno> {
        const VERSION_1: u32 = 0x1998_0330;
        const VERSION_2: u32 = 0x2007_1026;
        const VERSION_3: u32 = 0x2008_0522;
        match u32::from_le_bytes(self.read_user(hw, LinearAddr(header))?) {
            VERSION_1 => Ok(1),
            VERSION_2 | VERSION_3 => Ok(2),
            _ => {
                self.copy_to_user(hw, LinearAddr(header), &VERSION_3.to_le_bytes())?;
                Err(Errno::EINVAL)
            }
        }
    }

    fn sys_capget(&mut self, hw: &mut Hw<'_>, [header, data, ..]: [u64; 6]) -> SysResult {
        let words = match self.capability_header(hw, header) {
            Err(Errno::EINVAL) if data == 0 => return Ok(0), // it only asked for the version
            words => words?,
        };
        if data == 0 {
            return Ok(0);
        }
        let pid = u32::from_le_bytes(self.read_user(hw, LinearAddr(header.wrapping_add(4)))?);
        if (pid as i32) < 0 {
            return Err(Errno::EINVAL);
        }
        let caps = self.by_id(pid.into())?.capabilities;
        let mut sets = [0; 24];
        for (slot, shift) in sets.chunks_exact_mut(12).zip([0, 32]) {
            for (place, set) in slot.chunks_exact_mut(4).zip([caps.effective, caps.permitted, caps.inheritable]) {
                place.copy_from_slice(&((set.bits() >> shift) as u32).to_le_bytes());
            }
        }
        self.copy_to_user(hw, LinearAddr(data), &sets[..12 * words]).map(|()| 0)
    }

    /// Only one's own sets can be set.
    fn sys_capset(&mut self, hw: &mut Hw<'_>, [header, data, ..]: [u64; 6]) -> SysResult {
        let words = self.capability_header(hw, header)?;
        let pid = u32::from_le_bytes(self.read_user(hw, LinearAddr(header.wrapping_add(4)))?);
        if pid != 0 && pid != self.current.pid.0 {
            return Err(Errno::EPERM);
        }
        let mut raw = [0; 24];
        self.copy_from_user(hw, LinearAddr(data), &mut raw[..12 * words])?;
        let word = |at: usize| u64::from(u32::from_le_bytes(raw[at..at + 4].try_into().expect("four bytes")));
        let set = |at: usize| CapSet::from_bits(word(at) | word(at + 12) << 32);
        let before = (self.current.credentials, self.current.capabilities);
        self.current.capabilities.set(set(0), set(4), set(8))?;
        self.hide_if_changed(before.0, before.1);
        Ok(0)
    }
}

const fn or(wanted: u32, old: u32) -> u32 {
    if wanted == UNCHANGED { old } else { wanted }
}
