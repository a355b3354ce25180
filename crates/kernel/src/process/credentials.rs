//! Whose process it is: user and group ids.

/// The ids of a kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ids {
    /// Whose process it is.
    pub real: u32,
    /// Whose rights it has.
    pub effective: u32,
    /// Whose rights it can take back.
    pub saved: u32,
    /// Whose files it may use; follows the effective one (setfsuid).
    pub fs: u32,
}

impl Ids {
    /// The same id for all.
    #[must_use]
    pub const fn all(id: u32) -> Self {
        Self { real: id, effective: id, saved: id, fs: id }
    }
}

/// User and group ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Credentials {
    /// User ids.
    pub user: Ids,
    /// Group ids.
    pub group: Ids,
}

impl Credentials {
    /// Whether it is what its ids say: no more than its user started it with.
    pub(crate) const fn is_plain(&self) -> bool {
        self.user.real == self.user.effective && self.group.real == self.group.effective
    }

    /// Those of whoever runs the simulator, so that `id` and access checks agree with a native run.
    #[must_use]
    pub fn host() -> Self {
        let (user, group) = (rustix::process::getuid().as_raw(), rustix::process::getgid().as_raw());
        Self { user: Ids::all(user), group: Ids::all(group) }
    }
}
