//! What the file system says of a file: kind, permissions, owner, size, times; and who may do what with it.

use crate::Errno;
use crate::process::{Cap, CapSet};

/// Seconds and nanoseconds since 1970, as in `struct timespec`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timestamp {
    /// Seconds; before 1970 below 0.
    pub sec: i64,
    /// Nanoseconds, below 10^9.
    pub nsec: u32,
}

/// The kinds of file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A regular file.
    Regular,
    /// A directory.
    Directory,
    /// A symbolic link.
    Symlink,
    /// A character device.
    CharDevice,
    /// A block device: never in a guest's view.
    BlockDevice,
    /// A pipe; of those of the host only standard input and output.
    Fifo,
    /// A socket; of those of the host only standard input and output.
    Socket,
}

impl Kind {
    /// The kind's bits of `st_mode` (`S_IFMT`).
    #[must_use]
    pub const fn mode_bits(self) -> u32 {
        self.dirent_type() << 12
    }

    /// The kind in `d_type` of a directory entry (`DT_REG` and so on).
    #[must_use]
    pub const fn dirent_type(self) -> u32 {
        match self {
            Self::Fifo => 1,
            Self::CharDevice => 2,
            Self::Directory => 4,
            Self::BlockDevice => 6,
            Self::Regular => 8,
            Self::Symlink => 10,
            Self::Socket => 12,
        }
    }

    /// True for what the host shows to a guest: the rest does not exist for it.
    pub(super) const fn is_shown(self) -> bool {
        matches!(self, Self::Regular | Self::Directory | Self::Symlink)
    }
}

/// A file's attributes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Meta {
    /// What it is.
    pub kind: Kind,
    /// The low 12 bits of `st_mode`.
    pub permissions: u32,
    /// Its owner.
    pub uid: u32,
    /// Its group.
    pub gid: u32,
    /// Names it has.
    pub nlink: u32,
    /// Its length in bytes.
    pub size: u64,
    /// Blocks of 512 bytes that it takes.
    pub blocks: u64,
    /// Last access.
    pub atime: Timestamp,
    /// Last change of the contents.
    pub mtime: Timestamp,
    /// Last change of the attributes.
    pub ctime: Timestamp,
    /// The device that a device node stands for.
    pub rdev: u64,
}

/// The unit in which programs should transfer, where a file has no larger one.
pub(crate) const BLOCK_BYTES: u32 = 4096;

/// A file's attributes with its identity, as `stat` gives them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileStat {
    /// Its file system, numbered by first sight.
    pub dev: u64,
    /// Its inode, numbered by first sight.
    pub ino: u64,
    /// The unit in which programs should transfer (`st_blksize`).
    pub block_bytes: u32,
    /// The rest.
    pub meta: Meta,
}

bitflags::bitflags! {
    /// What is to be done with a file (Linux's `MAY_READ`, `MAY_WRITE`, `MAY_EXEC`).
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct May: u32 {
        /// Run it, or search a directory.
        const EXEC = 1;
        /// Change it.
        const WRITE = 2;
        /// Read it.
        const READ = 4;
    }
}

/// On whose behalf the guest acts: the user who started it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credentials {
    /// The user.
    pub uid: u32,
    /// The group.
    pub gid: u32,
    /// Further groups.
    pub groups: std::rc::Rc<[u32]>,
    /// What else it may do.
    pub capabilities: CapSet,
}

impl Credentials {
    /// Those of the host's process.
    #[must_use]
    pub fn of_host() -> Self {
        let groups = rustix::process::getgroups().unwrap_or_default();
        let uid = rustix::process::geteuid().as_raw();
        Self {
            uid,
            capabilities: CapSet::of_user(uid),
            gid: rustix::process::getegid().as_raw(),
            groups: groups.into_iter().map(rustix::process::Gid::as_raw).collect(),
        }
    }

    /// Judges an access by the permission bits (Linux's `generic_permission`).
    ///
    /// # Errors
    /// `EACCES`.
    pub fn may(&self, meta: &Meta, access: May) -> Result<(), Errno> {
        let shift = match meta {
            m if m.uid == self.uid => 6,
            m if self.in_group(m.gid) => 3,
            _ => 0,
        };
        let granted = May::from_bits_truncate(meta.permissions >> shift);
        if granted.contains(access) || self.overrides(meta, access) { Ok(()) } else { Err(Errno::EACCES) }
    }

    /// Whether a privilege stands for the permission bits (the second half of `generic_permission`).
    const fn overrides(&self, meta: &Meta, access: May) -> bool {
        let is_directory = matches!(meta.kind, Kind::Directory);
        let reads = access.bits() & !(May::READ.bits() | if is_directory { May::EXEC.bits() } else { 0 }) == 0;
        let runs = is_directory || access.bits() & May::EXEC.bits() == 0 || meta.permissions & 0o111 != 0;
        self.has(Cap::DacOverride) && runs || self.has(Cap::DacReadSearch) && reads
    }

    /// Whether it may do this, whoever it is (`capable`).
    pub(crate) const fn has(&self, cap: Cap) -> bool {
        self.capabilities.has(cap)
    }

    /// True if the group is one of the user's.
    #[must_use]
    pub fn in_group(&self, gid: u32) -> bool {
        self.gid == gid || self.groups.contains(&gid)
    }

    /// True if the user may change the attributes of a file of `owner` (Linux's `inode_owner_or_capable`).
    #[must_use]
    pub const fn owns(&self, owner: u32) -> bool {
        self.uid == owner || self.has(Cap::Fowner)
    }
}
