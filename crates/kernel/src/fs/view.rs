//! What of the host a guest is given: the configuration of its view.
//!
//! By default it sees the host's files at their own paths, read-only; a root folder replaces that; mounts add folders.

use std::path::PathBuf;
use std::str::FromStr;

use crate::Errno;

/// What becomes of the guest's changes in a folder.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MountMode {
    /// They go to a layer in memory and are gone afterwards.
    #[default]
    Layered,
    /// They go to the host's files.
    Writable,
}

/// A host folder shown at a guest path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mount {
    /// The folder on the host.
    pub host: PathBuf,
    /// Where the guest finds it: an absolute path.
    pub guest: PathBuf,
    /// What becomes of changes.
    pub mode: MountMode,
}

impl FromStr for Mount {
    type Err = FsError;

    /// Reads `HOST:GUEST`, `HOST:GUEST:ro` or `HOST:GUEST:rw`.
    fn from_str(text: &str) -> Result<Self, FsError> {
        let bad = || FsError::MountSyntax { text: text.to_owned() };
        let (paths, mode) = match text.rsplit_once(':').ok_or_else(bad)? {
            (paths, "rw") => (paths, MountMode::Writable),
            (paths, "ro") => (paths, MountMode::Layered),
            _ => (text, MountMode::Layered),
        };
        match paths.rsplit_once(':') {
            Some((host, guest)) if !host.is_empty() && guest.starts_with('/') => {
                Ok(Self { host: host.into(), guest: guest.into(), mode })
            }
            _ => Err(bad()),
        }
    }
}

/// The view of a guest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ViewConfig {
    /// The folder that is the guest's `/`, read-only with a layer; without it the host's own.
    pub root: Option<PathBuf>,
    /// Further folders, mounted in this order.
    pub mounts: Vec<Mount>,
    /// The guest path of the first working directory.
    pub cwd: PathBuf,
    /// What it is called in the root directory, and is told of by. Without a name, it is told of by its path, which may have any
    /// length, and then so may what a program keeps in memory.
    pub cwd_name: Option<String>,
    /// Seeds `/dev/random` and `/dev/urandom`.
    pub seed: u64,
}

impl Default for ViewConfig {
    fn default() -> Self {
        Self { root: None, mounts: Vec::new(), cwd: "/".into(), cwd_name: None, seed: 0 }
    }
}

/// Why a view cannot be built.
#[derive(Debug, thiserror::Error)]
pub enum FsError {
    /// The text of a mount is not `HOST:GUEST[:ro|:rw]`.
    #[error("`{text}` is not a mount: expected HOST:GUEST or HOST:GUEST:rw with an absolute GUEST path")]
    MountSyntax {
        /// What was given.
        text: String,
    },
    /// A folder cannot be opened.
    #[error("cannot open the host folder `{}`: {}", path.display(), errno.text())]
    HostFolder {
        /// The folder.
        path: PathBuf,
        /// Why.
        errno: Errno,
    },
    /// Nothing can be mounted at a guest path.
    #[error("cannot mount at the guest path `{}`: {}", path.display(), errno.text())]
    MountPoint {
        /// The guest path.
        path: PathBuf,
        /// Why.
        errno: Errno,
    },
    /// The working directory cannot have its name.
    #[error("the working directory cannot be called `/{name}`: {}", errno.text())]
    WorkingName {
        /// The name.
        name: String,
        /// Why.
        errno: Errno,
    },
    /// The working directory is not in the view.
    #[error("the guest cannot start in `{}`: {}", path.display(), errno.text())]
    WorkingDirectory {
        /// The guest path.
        path: PathBuf,
        /// Why.
        errno: Errno,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mount_is_read_from_text() {
        let mount = |host: &str, guest: &str, mode| Mount { host: host.into(), guest: guest.into(), mode };
        assert_eq!("/a:/b".parse::<Mount>().unwrap(), mount("/a", "/b", MountMode::Layered));
        assert_eq!("/a:/b:ro".parse::<Mount>().unwrap(), mount("/a", "/b", MountMode::Layered));
        assert_eq!("a:x:/b:rw".parse::<Mount>().unwrap(), mount("a:x", "/b", MountMode::Writable));
        for bad in ["", "/a", "/a:b", ":/b", "/a:rw", "rw"] {
            assert!(bad.parse::<Mount>().is_err(), "{bad}");
        }
    }
}
