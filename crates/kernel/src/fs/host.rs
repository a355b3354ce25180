//! The host's side of a mount: a folder that look-ups cannot leave.
//!
//! Invariant: nothing here follows a symbolic link or climbs above the folder. Paths are relative to it, made of plain
//! names that the walk of `namei` has taken apart; directories are opened with `openat2(RESOLVE_IN_ROOT |
//! RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS)`, so that the host's kernel holds to it even if the folder changes
//! meanwhile; the last name is used with the no-follow form of each call. Where there is no `openat2`, the directories
//! are opened one by one without following links, which gives as much.

use std::cell::RefCell;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::rc::Rc;

use rustix::fs::{self as host, AtFlags, FileType, Gid, Mode, OFlags, RenameFlags, Timestamps, Uid};

use super::meta::{Kind, Meta, Timestamp};
use crate::Errno;

/// Directories kept open, so that a walk does not start at the root each time.
const KEPT_DIRS: usize = 16;

/// A host folder and what lies below it.
pub(super) struct HostTree {
    root: Rc<OwnedFd>,
    /// Directories used of late, the latest last.
    kept: RefCell<Vec<(Vec<u8>, Rc<OwnedFd>)>>,
}

/// What the host says of a file.
#[derive(Clone, Copy, Debug)]
pub(super) struct HostStat {
    /// The host's device and inode number: the file's identity.
    pub(super) key: (u64, u64),
    pub(super) meta: Meta,
}

/// A name in a host directory.
pub(super) struct HostEntry {
    pub(super) name: Vec<u8>,
    pub(super) ino: u64,
    /// `None` if the directory does not say.
    pub(super) kind: Option<Kind>,
}

/// How a name is removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Removal {
    File,
    Directory,
}

/// A path split into its directory and its last name.
fn split(path: &[u8]) -> (&[u8], &[u8]) {
    match path.iter().rposition(|&b| b == b'/') {
        Some(i) => (&path[..i], &path[i + 1..]),
        None => (b"", path),
    }
}

#[cfg(target_os = "linux")]
const DIR_FLAGS: OFlags = OFlags::PATH.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);
#[cfg(not(target_os = "linux"))]
const DIR_FLAGS: OFlags = OFlags::DIRECTORY.union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

impl HostTree {
    /// The tree below `folder`, which may be named by way of links.
    pub(super) fn open(folder: &Path) -> Result<Self, Errno> {
        let root = host::open(folder, DIR_FLAGS.difference(OFlags::NOFOLLOW), Mode::empty())?;
        Ok(Self { root: Rc::new(root), kept: RefCell::new(Vec::new()) })
    }

    /// The directory at `path`, open for look-ups.
    fn dir(&self, path: &[u8]) -> Result<Rc<OwnedFd>, Errno> {
        if path.is_empty() {
            return Ok(self.root.clone());
        }
        let mut kept = self.kept.borrow_mut();
        if let Some(i) = kept.iter().rposition(|(p, _)| p == path) {
            return Ok(kept[i].1.clone());
        }
        let fd = Rc::new(self.open_dir(path)?);
        if kept.len() == KEPT_DIRS {
            kept.remove(0);
        }
        kept.push((path.to_vec(), fd.clone()));
        Ok(fd)
    }

    /// Forgets kept directories: their paths may have changed.
    fn forget(&self) {
        self.kept.borrow_mut().clear();
    }

    #[cfg(target_os = "linux")]
    fn open_dir(&self, path: &[u8]) -> Result<OwnedFd, Errno> {
        use rustix::fs::ResolveFlags;
        let beneath = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS | ResolveFlags::NO_SYMLINKS;
        match host::openat2(&*self.root, path, DIR_FLAGS, Mode::empty(), beneath) {
            Err(rustix::io::Errno::NOSYS | rustix::io::Errno::PERM) => self.open_dir_by_steps(path),
            other => Ok(other?),
        }
    }

    #[cfg(not(target_os = "linux"))]
    fn open_dir(&self, path: &[u8]) -> Result<OwnedFd, Errno> {
        self.open_dir_by_steps(path)
    }

    fn open_dir_by_steps(&self, path: &[u8]) -> Result<OwnedFd, Errno> {
        let mut at = host::openat(&*self.root, c".", DIR_FLAGS, Mode::empty())?;
        for name in path.split(|&b| b == b'/') {
            if name == b".." {
                return Err(Errno::EXDEV);
            }
            at = host::openat(&at, name, DIR_FLAGS, Mode::empty())?;
        }
        Ok(at)
    }

    /// What is at `path`; `None` if there is nothing.
    pub(super) fn stat(&self, path: &[u8]) -> Result<Option<HostStat>, Errno> {
        if path.is_empty() {
            return Ok(Some(stat_of(&host::fstat(&*self.root)?)));
        }
        let (dir, name) = split(path);
        let found = self.dir(dir).and_then(|fd| Ok(host::statat(&*fd, name, AtFlags::SYMLINK_NOFOLLOW)?));
        match found {
            Ok(stat) => Ok(Some(stat_of(&stat))),
            Err(Errno::ENOENT | Errno::ENOTDIR) => Ok(None),
            Err(e) => Err(e),
        }
    }

    /// True if the directory at `path` is the root of a file system of the kernel's own state, as /proc and /sys are.
    #[cfg(target_os = "linux")]
    pub(super) fn is_kernel_state(&self, path: &[u8]) -> bool {
        // procfs, sysfs, cgroup, cgroup2, debugfs, tracefs, securityfs, bpf, devpts, binfmt_misc, efivarfs, pstore,
        // configfs, fusectl (linux/magic.h).
        const MAGIC: [u64; 14] = [
            0x9fa0,
            0x6265_6572,
            0x27_e0eb,
            0x6367_7270,
            0x6462_6720,
            0x7472_6163,
            0x7363_6673,
            0xcafe_4a11,
            0x1cd1,
            0x4249_4e4d,
            0xde5e_81e4,
            0x6165_676c,
            0x6265_6570,
            0x6573_5543,
        ];
        let magic = self.dir(path).and_then(|fd| Ok(host::fstatfs(&*fd)?.f_type));
        magic.is_ok_and(|magic| MAGIC.contains(&(magic as u64 & 0xffff_ffff)))
    }

    #[cfg(not(target_os = "linux"))]
    pub(super) fn is_kernel_state(&self, _path: &[u8]) -> bool {
        false
    }

    /// Opens the regular file at `path`; anything else that has taken its place meanwhile is an error.
    pub(super) fn open_file(&self, path: &[u8], access: OFlags) -> Result<OwnedFd, Errno> {
        let (dir, name) = split(path);
        // O_NONBLOCK: should a FIFO have come there, the open must not wait for its other end.
        let flags = access | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
        let fd = host::openat(&*self.dir(dir)?, name, flags, Mode::empty())?;
        let is_file = FileType::from_raw_mode(host::fstat(&fd)?.st_mode) == FileType::RegularFile;
        if is_file { Ok(fd) } else { Err(Errno::EACCES) }
    }

    /// The target of the symbolic link at `path`.
    pub(super) fn read_link(&self, path: &[u8]) -> Result<Vec<u8>, Errno> {
        let (dir, name) = split(path);
        Ok(host::readlinkat(&*self.dir(dir)?, name, Vec::new())?.into_bytes())
    }

    /// The names in the directory at `path`, in the host's order, without `.` and `..`.
    pub(super) fn list(&self, path: &[u8]) -> Result<Vec<HostEntry>, Errno> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        // By its name in its parent: a directory may be readable without being searchable.
        let (parent, name) = if path.is_empty() { (path, &b"."[..]) } else { split(path) };
        let readable = host::openat(&*self.dir(parent)?, name, flags, Mode::empty())?;
        let mut entries = Vec::new();
        for entry in host::Dir::new(readable)? {
            let entry = entry?;
            let name = entry.file_name().to_bytes();
            if name != b"." && name != b".." {
                let kind = match entry.file_type() {
                    FileType::Unknown => None,
                    other => Some(kind_of(other)),
                };
                entries.push(HostEntry { name: name.to_vec(), ino: entry.ino(), kind });
            }
        }
        Ok(entries)
    }
}

/// Changes, for writable mounts only.
impl HostTree {
    /// Makes a regular file, which must not be there yet, with exactly these permission bits. It is open for reading and
    /// writing, whatever the bits say to later opens.
    pub(super) fn create(&self, path: &[u8], permissions: u32) -> Result<OwnedFd, Errno> {
        let (dir, name) = split(path);
        let flags = OFlags::CREATE | OFlags::EXCL | OFlags::RDWR | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let fd = host::openat(&*self.dir(dir)?, name, flags, Mode::from_raw_mode(permissions as _))?;
        // The host's own umask has been applied; the guest's is in the bits already.
        host::fchmod(&fd, Mode::from_raw_mode(permissions as _))?;
        Ok(fd)
    }

    pub(super) fn make_dir(&self, path: &[u8], permissions: u32) -> Result<(), Errno> {
        let (dir, name) = split(path);
        let (fd, mode) = (self.dir(dir)?, Mode::from_raw_mode(permissions as _));
        host::mkdirat(&*fd, name, mode)?;
        let set_group = stat_of(&host::statat(&*fd, name, AtFlags::SYMLINK_NOFOLLOW)?).meta.permissions & 0o2000;
        Ok(host::chmodat(&*fd, name, Mode::from_raw_mode((permissions | set_group) as _), AtFlags::empty())?)
    }

    pub(super) fn make_link(&self, from: &[u8], to: &[u8]) -> Result<(), Errno> {
        let ((from_dir, from), (to_dir, to)) = (split(from), split(to));
        Ok(host::linkat(&*self.dir(from_dir)?, from, &*self.dir(to_dir)?, to, AtFlags::empty())?)
    }

    pub(super) fn make_symlink(&self, target: &[u8], path: &[u8]) -> Result<(), Errno> {
        let (dir, name) = split(path);
        Ok(host::symlinkat(target, &*self.dir(dir)?, name)?)
    }

    pub(super) fn remove(&self, path: &[u8], removal: Removal) -> Result<(), Errno> {
        let (dir, name) = split(path);
        let flags = match removal {
            Removal::File => AtFlags::empty(),
            Removal::Directory => AtFlags::REMOVEDIR,
        };
        host::unlinkat(&*self.dir(dir)?, name, flags)?;
        self.forget();
        Ok(())
    }

    pub(super) fn rename(&self, from: &[u8], to: &[u8], flags: RenameFlags) -> Result<(), Errno> {
        let ((from_dir, from), (to_dir, to)) = (split(from), split(to));
        host::renameat_with(&*self.dir(from_dir)?, from, &*self.dir(to_dir)?, to, flags)?;
        self.forget();
        Ok(())
    }

    /// Sets the permission bits of what is at `path`, which is not a symbolic link.
    pub(super) fn set_permissions(&self, path: &[u8], permissions: u32) -> Result<(), Errno> {
        let mode = Mode::from_raw_mode(permissions as _);
        if path.is_empty() {
            return Ok(host::chmodat(&*self.root, c".", mode, AtFlags::empty())?);
        }
        let (dir, name) = split(path);
        Ok(host::chmodat(&*self.dir(dir)?, name, mode, AtFlags::empty())?)
    }

    pub(super) fn set_owner(&self, path: &[u8], uid: Option<Uid>, gid: Option<Gid>) -> Result<(), Errno> {
        let (dir, name) = if path.is_empty() { (path, &b"."[..]) } else { split(path) };
        Ok(host::chownat(&*self.dir(dir)?, name, uid, gid, AtFlags::SYMLINK_NOFOLLOW)?)
    }

    pub(super) fn set_times(&self, path: &[u8], times: &Timestamps) -> Result<(), Errno> {
        let (dir, name) = if path.is_empty() { (path, &b"."[..]) } else { split(path) };
        Ok(host::utimensat(&*self.dir(dir)?, name, times, AtFlags::SYMLINK_NOFOLLOW)?)
    }
}

/// What an open host file says of itself.
pub(super) fn stat_fd(fd: impl AsFd) -> Result<HostStat, Errno> {
    Ok(stat_of(&host::fstat(fd)?))
}

fn kind_of(file_type: FileType) -> Kind {
    match file_type {
        FileType::RegularFile => Kind::Regular,
        FileType::Directory => Kind::Directory,
        FileType::Symlink => Kind::Symlink,
        FileType::CharacterDevice => Kind::CharDevice,
        FileType::BlockDevice => Kind::BlockDevice,
        FileType::Fifo => Kind::Fifo,
        _ => Kind::Socket,
    }
}

#[allow(clippy::unnecessary_cast, reason = "the widths of the fields differ between hosts")]
pub(super) fn stat_of(stat: &host::Stat) -> HostStat {
    let time = |sec, nsec| Timestamp { sec, nsec };
    let meta = Meta {
        kind: kind_of(FileType::from_raw_mode(stat.st_mode)),
        permissions: stat.st_mode as u32 & 0o7777,
        uid: stat.st_uid,
        gid: stat.st_gid,
        nlink: stat.st_nlink as u32,
        size: stat.st_size as u64,
        blocks: stat.st_blocks as u64,
        atime: time(stat.st_atime as i64, stat.st_atime_nsec as u32),
        mtime: time(stat.st_mtime as i64, stat.st_mtime_nsec as u32),
        ctime: time(stat.st_ctime as i64, stat.st_ctime_nsec as u32),
        rdev: stat.st_rdev as u64,
    };
    HostStat { key: (stat.st_dev as u64, stat.st_ino as u64), meta }
}
