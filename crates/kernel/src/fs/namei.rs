//! From a path to a file: the walk over the merged tree, name by name (Linux's `fs/namei.c`).
//!
//! Invariant: a walk starts at the guest's root or at a directory that the guest holds, `..` at the root stays there, and
//! links are resolved here, in the guest's names. No path reaches the host as a whole, so none can leave the view.

use super::Vfs;
use super::file::OpenFileId;
use super::inode::{Body, InodeId};
use super::meta::{Kind, May};
use super::proc_tree::Jump;
use crate::Errno;

/// Links that one walk may follow (Linux's MAXSYMLINKS).
const MAX_SYMLINKS: u32 = 40;
/// Bytes in a path, with its NUL (Linux's PATH_MAX).
const PATH_MAX: usize = 4096;
/// Bytes in a name (Linux's NAME_MAX).
const NAME_MAX: usize = 255;

/// What is done with a symbolic link that is the last name of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Follow {
    /// It is followed.
    Always,
    /// It is the file itself, unless a slash follows.
    NotLast,
    /// It is a name in its directory, even if a slash follows: for calls that make, remove or move a name.
    Never,
    /// It is followed, unless a slash follows, which the caller refuses: for an open that may make the file.
    ToMake,
}

impl Follow {
    const fn follows_last(self, slash: bool) -> bool {
        match self {
            Self::Always => true,
            Self::NotLast => slash,
            Self::Never => false,
            Self::ToMake => !slash,
        }
    }

    /// True if a slash after the last name asks for a directory there and then.
    const fn minds_slash(self) -> bool {
        matches!(self, Self::Always | Self::NotLast)
    }
}

/// The last name of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Last {
    Name(Vec<u8>),
    Dot,
    DotDot,
    Root,
}

/// Where a path leads.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    /// The directory that has the last name.
    pub(crate) dir: InodeId,
    pub(crate) last: Last,
    /// True if a slash follows the last name, so that it must be a directory.
    pub(crate) slash: bool,
    /// The file, if there is one.
    pub(crate) inode: Option<InodeId>,
    /// The open file to which a link of /proc leads that has no inode; `inode` is the link then.
    pub(crate) file: Option<OpenFileId>,
}

impl Found {
    /// The file, which must be there.
    pub(crate) fn existing(&self) -> Result<InodeId, Errno> {
        self.inode.ok_or(Errno::ENOENT)
    }
}

/// The part of a path not walked yet.
struct Rest {
    text: Vec<u8>,
    at: usize,
}

impl Rest {
    fn skip_slashes(&mut self) {
        while self.text.get(self.at) == Some(&b'/') {
            self.at += 1;
        }
    }

    /// The next name, and whether a slash follows it.
    fn next(&mut self) -> Option<(Vec<u8>, bool)> {
        self.skip_slashes();
        let left = &self.text[self.at..];
        if left.is_empty() {
            return None;
        }
        let len = left.iter().position(|&b| b == b'/').unwrap_or(left.len());
        let (name, slash) = (left[..len].to_vec(), len < left.len());
        self.at += len;
        self.skip_slashes();
        Some((name, slash))
    }

    fn is_done(&self) -> bool {
        self.at == self.text.len()
    }

    /// Puts a link's target before what is left.
    fn expand(&mut self, mut target: Vec<u8>, slash: bool) {
        if slash {
            target.push(b'/');
        }
        target.extend_from_slice(&self.text[self.at..]);
        *self = Self { text: target, at: 0 };
    }
}

impl Vfs {
    /// The file that a path leads to.
    pub(crate) fn walk(&mut self, start: InodeId, path: &[u8], follow: Follow) -> Result<InodeId, Errno> {
        self.find(start, path, follow)?.existing()
    }

    /// Where a path leads; the last name need not be there.
    pub(crate) fn find(&mut self, start: InodeId, path: &[u8], follow: Follow) -> Result<Found, Errno> {
        if path.is_empty() {
            return Err(Errno::ENOENT);
        }
        if path.len() >= PATH_MAX {
            return Err(Errno::ENAMETOOLONG);
        }
        let mut at = if path[0] == b'/' { self.root } else { start };
        let mut rest = Rest { text: path.to_vec(), at: 0 };
        let mut links = 0;
        while let Some((name, slash)) = rest.next() {
            let is_last = rest.is_done();
            let (last, next) = self.step(at, name)?;
            let Some(mut next) = next else {
                return if is_last {
                    Ok(Found { dir: at, last, slash, inode: None, file: None })
                } else {
                    Err(Errno::ENOENT)
                };
            };
            let mut follows = !is_last || follow.follows_last(slash);
            if follows && let Some(jump) = self.jump(next)? {
                // What it leads to is not followed further, even if it is a link itself.
                follows = false;
                match jump {
                    Jump::Inode(id) => next = id,
                    Jump::File(_) if !is_last || slash => return Err(Errno::ENOTDIR),
                    Jump::File(file) => return Ok(Found { dir: at, last, slash, inode: Some(next), file: Some(file) }),
                }
            }
            let kind = self.inodes.get(next).meta.kind;
            if kind == Kind::Symlink && follows {
                links += 1;
                if links > MAX_SYMLINKS {
                    return Err(Errno::ELOOP);
                }
                let target = self.read_link(next)?;
                match target.first() {
                    None => return Err(Errno::ENOENT),
                    Some(b'/') => at = self.root,
                    Some(_) => {}
                }
                rest.expand(target, slash);
                continue;
            }
            if kind != Kind::Directory && (!is_last || (slash && follow.minds_slash())) {
                return Err(Errno::ENOTDIR);
            }
            if is_last {
                return Ok(Found { dir: at, last, slash, inode: Some(next), file: None });
            }
            at = next;
        }
        Ok(Found { dir: at, last: Last::Root, slash: true, inode: Some(at), file: None })
    }

    /// One name further from a directory.
    fn step(&mut self, at: InodeId, name: Vec<u8>) -> Result<(Last, Option<InodeId>), Errno> {
        if !self.inodes.get(at).is_dir() {
            return Err(Errno::ENOTDIR);
        }
        self.may(at, May::EXEC)?;
        match &name[..] {
            b"." => Ok((Last::Dot, Some(at))),
            b".." => Ok((Last::DotDot, Some(self.parent_of(at)))),
            _ if name.len() > NAME_MAX => Err(Errno::ENAMETOOLONG),
            _ => {
                let found = self.lookup(at, &name)?;
                Ok((Last::Name(name), found))
            }
        }
    }

    /// Where a link of /proc leads that is more than a path.
    fn jump(&mut self, id: InodeId) -> Result<Option<Jump>, Errno> {
        match self.inodes.get(id).body {
            Body::Proc(node) => self.proc_jump(node),
            _ => Ok(None),
        }
    }

    fn parent_of(&self, dir: InodeId) -> InodeId {
        self.inodes.get(dir).parent
    }
}
