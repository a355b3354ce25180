//! Capabilities: root's privilege in parts (capabilities(7); Linux's `security/commoncap.c`).
//!
//! Invariants. What is effective is permitted. What is ambient is permitted and inheritable, so that it goes on through an exec
//! of a program without privileges of its own. Nothing enters the bounding set.

use super::Ids;
use crate::Errno;

/// One capability, by Linux's number; those that something here asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Cap {
    Chown = 0,
    DacOverride = 1,
    DacReadSearch = 2,
    Fowner = 3,
    Fsetid = 4,
    Kill = 5,
    Setgid = 6,
    Setuid = 7,
    Setpcap = 8,
    IpcLock = 14,
    IpcOwner = 15,
    SysRawio = 17,
    SysPtrace = 19,
    SysAdmin = 21,
    SysNice = 23,
    SysResource = 24,
    CheckpointRestore = 40,
}

/// A set of capabilities, a bit for each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CapSet(u64);

impl CapSet {
    /// None.
    pub const EMPTY: Self = Self(0);
    /// All that there are, up to CAP_CHECKPOINT_RESTORE (`CAP_VALID_MASK`).
    pub const ALL: Self = Self((1 << 41) - 1);
    /// What goes with the user whose files one may use (`CAP_FS_SET`): CHOWN, DAC_OVERRIDE, DAC_READ_SEARCH, FOWNER, FSETID,
    /// LINUX_IMMUTABLE, MKNOD, MAC_OVERRIDE.
    const FS: Self = Self(0x1_0800_021f);

    /// Those of a user who has just logged in: root has all.
    #[must_use]
    pub const fn of_user(uid: u32) -> Self {
        if uid == 0 { Self::ALL } else { Self::EMPTY }
    }

    /// Of bits, as capset brings them; those that mean nothing are left out.
    pub(crate) const fn from_bits(bits: u64) -> Self {
        Self(bits & Self::ALL.0)
    }

    pub(crate) const fn bits(self) -> u64 {
        self.0
    }

    pub(crate) const fn has(self, cap: Cap) -> bool {
        self.0 & 1 << cap as u8 != 0
    }

    /// Whether the capability with this number is in it; `None` if there is none (`cap_valid`).
    pub(crate) fn has_number(self, number: u64) -> Option<bool> {
        (number < 41).then(|| self.0 & 1 << number != 0)
    }

    const fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    const fn is_subset(self, other: Self) -> bool {
        self.0 & !other.0 == 0
    }
}

bitflags::bitflags! {
    /// How far root is special (`include/uapi/linux/securebits.h`). Each bit's neighbour locks it.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub(crate) struct SecureBits: u64 {
        const NOROOT = 1;
        const NO_SETUID_FIXUP = 1 << 2;
        const KEEP_CAPS = 1 << 4;
        const KEEP_CAPS_LOCKED = 1 << 5;
        const NO_CAP_AMBIENT_RAISE = 1 << 6;
        /// EXEC_RESTRICT_FILE and EXEC_DENY_INTERACTIVE, with their locks: for interpreters to see; anybody may set them.
        const UNPRIVILEGED = 0xf00;
        const LOCKS = 0xaaa;
        const ALL = 0xfff;
    }
}

/// The sets of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Capabilities {
    pub(crate) effective: CapSet,
    pub(crate) permitted: CapSet,
    pub(crate) inheritable: CapSet,
    pub(crate) bounding: CapSet,
    pub(crate) ambient: CapSet,
    pub(crate) secure: SecureBits,
}

impl Capabilities {
    /// Those of a user who has just logged in.
    pub(crate) fn of_user(uid: u32) -> Self {
        let all = CapSet::of_user(uid);
        Self {
            effective: all,
            permitted: all,
            inheritable: CapSet::EMPTY,
            bounding: CapSet::ALL,
            ambient: CapSet::EMPTY,
            secure: SecureBits::empty(),
        }
    }

    /// capset (`cap_capset`).
    ///
    /// # Errors
    /// `EPERM` for what would be more than one has.
    pub(crate) fn set(&mut self, effective: CapSet, permitted: CapSet, inheritable: CapSet) -> Result<(), Errno> {
        let is_capped = !self.effective.has(Cap::Setpcap);
        let within = |limit: CapSet| inheritable.is_subset(self.inheritable.or(limit));
        let is_allowed = (!is_capped || within(self.permitted))
            && within(self.bounding)
            && permitted.is_subset(self.permitted)
            && effective.is_subset(permitted);
        if !is_allowed {
            return Err(Errno::EPERM);
        }
        let ambient = self.ambient.and(permitted).and(inheritable);
        *self = Self { effective, permitted, inheritable, ambient, ..*self };
        Ok(())
    }

    /// The user ids change (`cap_emulate_setxuid`): who leaves root behind leaves the privilege too.
    pub(crate) fn fix_setuid(&mut self, old: Ids, new: Ids) {
        if self.secure.contains(SecureBits::NO_SETUID_FIXUP) {
            return;
        }
        let has_root = |ids: Ids| [ids.real, ids.effective, ids.saved].contains(&0);
        if has_root(old) && !has_root(new) {
            if !self.secure.contains(SecureBits::KEEP_CAPS) {
                (self.permitted, self.effective) = (CapSet::EMPTY, CapSet::EMPTY);
            }
            self.ambient = CapSet::EMPTY;
        }
        match (old.effective, new.effective) {
            (0, 0) => {}
            (0, _) => self.effective = CapSet::EMPTY,
            (_, 0) => self.effective = self.permitted,
            _ => {}
        }
    }

    /// setfsuid changes the user whose files one may use.
    pub(crate) fn fix_setfsuid(&mut self, old: u32, new: u32) {
        if self.secure.contains(SecureBits::NO_SETUID_FIXUP) {
            return;
        }
        match (old, new) {
            (0, 0) => {}
            (0, _) => self.effective = self.effective.without(CapSet::FS),
            (_, 0) => self.effective = self.effective.or(self.permitted.and(CapSet::FS)),
            _ => {}
        }
    }

    /// execve of a program without capabilities of its own (`cap_bprm_creds_from_file`).
    pub(crate) fn exec(&mut self, user: Ids) {
        let is_special = !self.secure.contains(SecureBits::NOROOT);
        let all = if is_special && (user.effective == 0 || user.real == 0) {
            self.bounding.or(self.inheritable)
        } else {
            CapSet::EMPTY
        };
        self.permitted = all.or(self.ambient);
        self.effective = if is_special && user.effective == 0 { self.permitted } else { self.ambient };
        self.secure.remove(SecureBits::KEEP_CAPS);
    }

    /// Whether capabilities stay when the user ids leave root (PR_GET_KEEPCAPS).
    pub(crate) const fn keeps(&self) -> bool {
        self.secure.contains(SecureBits::KEEP_CAPS)
    }

    /// Whether something is permitted that is not in another's.
    pub(crate) const fn exceeds(&self, other: &Self) -> bool {
        !self.permitted.is_subset(other.permitted)
    }

    /// What counts where the real user is asked for.
    pub(crate) const fn as_real_user(&self, user: Ids) -> CapSet {
        match user.real {
            _ if self.secure.contains(SecureBits::NO_SETUID_FIXUP) => self.effective,
            0 => self.permitted,
            _ => CapSet::EMPTY,
        }
    }

    /// PR_CAPBSET_DROP (`cap_prctl_drop`).
    ///
    /// # Errors
    /// `EPERM` without CAP_SETPCAP, `EINVAL` for a number that is none.
    pub(crate) fn drop_from_bounding(&mut self, number: u64) -> Result<(), Errno> {
        if !self.effective.has(Cap::Setpcap) {
            return Err(Errno::EPERM);
        }
        self.bounding.has_number(number).ok_or(Errno::EINVAL)?;
        self.bounding = self.bounding.without(CapSet(1 << number));
        Ok(())
    }

    /// PR_SET_SECUREBITS.
    ///
    /// # Errors
    /// `EPERM` for bits that are locked or that there are not, or without CAP_SETPCAP.
    pub(crate) fn set_secure(&mut self, bits: u64) -> Result<(), Errno> {
        let old = self.secure;
        let new = SecureBits::from_bits(bits).ok_or(Errno::EPERM)?;
        let locks = old & SecureBits::LOCKS;
        let changes = old ^ new;
        let is_locked = locks.bits() >> 1 & changes.bits() != 0 || !new.contains(locks);
        let is_privileged = !SecureBits::UNPRIVILEGED.contains(changes);
        if is_locked || is_privileged && !self.effective.has(Cap::Setpcap) {
            return Err(Errno::EPERM);
        }
        self.secure = new;
        Ok(())
    }

    /// PR_SET_KEEPCAPS.
    ///
    /// # Errors
    /// `EINVAL` for what is neither 0 nor 1, `EPERM` if the bit is locked.
    pub(crate) fn set_keep(&mut self, keep: u64) -> Result<(), Errno> {
        if keep > 1 {
            return Err(Errno::EINVAL);
        }
        if self.secure.contains(SecureBits::KEEP_CAPS_LOCKED) {
            return Err(Errno::EPERM);
        }
        self.secure.set(SecureBits::KEEP_CAPS, keep == 1);
        Ok(())
    }

    /// PR_CAP_AMBIENT, with its three arguments; gives the result of the call.
    ///
    /// # Errors
    /// `EINVAL`, and `EPERM` to raise what is not both permitted and inheritable.
    pub(crate) fn prctl_ambient(&mut self, what: u64, number: u64, unused: [u64; 2]) -> Result<u64, Errno> {
        const IS_SET: u64 = 1;
        const RAISE: u64 = 2;
        const LOWER: u64 = 3;
        const CLEAR_ALL: u64 = 4;
        if unused != [0; 2] {
            return Err(Errno::EINVAL);
        }
        if what == CLEAR_ALL {
            self.ambient = if number == 0 { CapSet::EMPTY } else { return Err(Errno::EINVAL) };
            return Ok(0);
        }
        let is_set = self.ambient.has_number(number).ok_or(Errno::EINVAL)?;
        let one = CapSet(1 << number);
        match what {
            IS_SET => return Ok(is_set.into()),
            RAISE if !one.is_subset(self.permitted.and(self.inheritable)) => return Err(Errno::EPERM),
            RAISE if self.secure.contains(SecureBits::NO_CAP_AMBIENT_RAISE) => return Err(Errno::EPERM),
            RAISE => self.ambient = self.ambient.or(one),
            LOWER => self.ambient = self.ambient.without(one),
            _ => return Err(Errno::EINVAL),
        }
        Ok(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const USER: Ids = Ids::all(1000);
    const ROOT: Ids = Ids::all(0);

    #[test]
    fn who_leaves_root_behind_keeps_nothing_unless_told_so() {
        let mut caps = Capabilities::of_user(0);
        caps.fix_setuid(ROOT, USER);
        assert_eq!((caps.effective, caps.permitted), (CapSet::EMPTY, CapSet::EMPTY));
        let mut caps = Capabilities::of_user(0);
        assert_eq!((caps.set_keep(2), caps.set_keep(1)), (Err(Errno::EINVAL), Ok(())));
        caps.fix_setuid(ROOT, USER);
        assert_eq!((caps.effective, caps.permitted), (CapSet::EMPTY, CapSet::ALL));
        caps.exec(USER);
        assert_eq!((caps.permitted, caps.secure), (CapSet::EMPTY, SecureBits::empty()));
    }

    #[test]
    fn an_effective_user_that_comes_back_brings_what_is_permitted() {
        let mut caps = Capabilities::of_user(0);
        let away = Ids { effective: 1000, fs: 1000, ..ROOT };
        caps.fix_setuid(ROOT, away);
        assert_eq!((caps.effective, caps.permitted), (CapSet::EMPTY, CapSet::ALL));
        caps.fix_setuid(away, ROOT);
        assert_eq!(caps.effective, CapSet::ALL);
        caps.fix_setfsuid(0, 1000);
        assert!(!caps.effective.has(Cap::Chown) && caps.effective.has(Cap::Kill));
    }

    #[test]
    fn capset_gives_nothing_that_is_not_permitted() {
        let mut caps = Capabilities::of_user(0);
        let one = CapSet(1 << Cap::IpcLock as u8);
        assert_eq!(caps.set(one, CapSet::EMPTY, CapSet::EMPTY), Err(Errno::EPERM));
        assert_eq!(caps.set(CapSet::EMPTY, one, one), Ok(()));
        assert_eq!(caps.set(CapSet::EMPTY, CapSet::ALL, one), Err(Errno::EPERM));
        assert_eq!(caps.drop_from_bounding(14), Err(Errno::EPERM), "without CAP_SETPCAP");
        assert_eq!(caps.prctl_ambient(2, 14, [0; 2]), Ok(0));
        caps.exec(USER);
        assert_eq!((caps.effective, caps.permitted, caps.ambient), (one, one, one));
        assert_eq!(caps.set(CapSet::EMPTY, CapSet::EMPTY, one), Ok(()));
        assert_eq!(caps.ambient, CapSet::EMPTY, "what is not permitted is not ambient");
    }

    #[test]
    fn locked_bits_stay() {
        let mut caps = Capabilities::of_user(0);
        assert_eq!(caps.set_secure(0x1000), Err(Errno::EPERM));
        assert_eq!(caps.set_secure(0x30), Ok(()), "KEEP_CAPS and its lock");
        assert_eq!((caps.set_secure(0x20), caps.set_keep(0)), (Err(Errno::EPERM), Err(Errno::EPERM)));
        assert_eq!((caps.drop_from_bounding(3), caps.drop_from_bounding(41)), (Ok(()), Err(Errno::EINVAL)));
        caps.exec(ROOT);
        assert!(!caps.permitted.has(Cap::Fowner) && caps.permitted.has(Cap::Kill));
    }
}
