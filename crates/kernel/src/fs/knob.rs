//! Trees of small files that show and set one thing each: /proc/sys and /sys.
//!
//! A tree is a table of files by their paths, in order; its directories are what the paths have before their slashes. Who may
//! open a file is said by its permissions alone, for root too (Linux's `sysctl_perm`, `kernfs_fop_open`).

use super::procfs::{ProcFile, ProcNode, SystemFile};
use super::{sysctl, sysfs};
use crate::mm::hugetlb::PoolSetting;
use crate::mm::sysctl::Setting;
use crate::mm::thp_setting::ThpSetting;
use arch::PageSize;

/// Which tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Tree {
    /// /proc/sys.
    Sysctl,
    /// /sys.
    Sysfs,
}

/// A file of a tree.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Knob {
    /// From the root of the tree, without a slash before it.
    pub(super) path: &'static str,
    pub(super) permissions: u32,
    pub(crate) value: Value,
}

/// What a file shows and sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Value {
    /// What has one value here: no other can be written.
    Fixed(&'static str),
    /// A text about the system, which cannot be written.
    System(SystemFile),
    /// A number of /proc/sys that has an effect.
    Setting(Setting),
    /// Of transparent large pages.
    Thp(ThpSetting),
    /// Of the pool of large pages of a size.
    Pool(PageSize, PoolSetting),
}

impl Tree {
    const fn knobs(self) -> &'static [Knob] {
        match self {
            Self::Sysctl => sysctl::KNOBS,
            Self::Sysfs => sysfs::KNOBS,
        }
    }

    /// The names in a directory, by its path.
    pub(super) fn names(self, dir: &'static str) -> Vec<(&'static str, ProcNode)> {
        let mut names: Vec<(&'static str, ProcNode)> = Vec::new();
        for knob in self.knobs() {
            let Some((name, node)) = self.child(dir, knob) else { continue };
            if names.last().is_none_or(|(last, _)| *last != name) {
                names.push((name, node));
            }
        }
        names
    }

    /// What a directory has for this file: the file itself, or the directory on the way to it.
    fn child(self, dir: &'static str, knob: &'static Knob) -> Option<(&'static str, ProcNode)> {
        let below = if dir.is_empty() { knob.path } else { knob.path.strip_prefix(dir)?.strip_prefix('/')? };
        Some(match below.split_once('/') {
            None => (below, ProcNode::File(ProcFile::Knob(self, knob))),
            Some((name, rest)) => {
                let path = &knob.path[..knob.path.len() - rest.len() - 1];
                (name, ProcNode::Knobs(self, path))
            }
        })
    }

    /// The size that a file shows before it is read.
    pub(super) const fn file_size(self) -> u64 {
        match self {
            Self::Sysctl => 0,
            Self::Sysfs => arch::FRAME_SIZE,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_in_order_and_no_file_is_a_directory() {
        for tree in [Tree::Sysctl, Tree::Sysfs] {
            for pair in tree.knobs().windows(2) {
                let [before, after] = [&pair[0], &pair[1]].map(|knob| knob.path.split('/').collect::<Vec<_>>());
                assert!(before < after, "{before:?} {after:?}");
                assert!(!after.starts_with(&before), "{before:?} {after:?}");
            }
        }
    }

    #[test]
    fn directories_are_what_paths_have_before_their_slashes() {
        let names = |dir| Tree::Sysfs.names(dir).into_iter().map(|(name, _)| name).collect::<Vec<_>>();
        assert_eq!(names(""), ["devices", "kernel"]);
        assert_eq!(names("kernel/mm"), ["hugepages", "transparent_hugepage"]);
        assert_eq!(names("kernel/mm/hugepages"), ["hugepages-1048576kB", "hugepages-2048kB"]);
        assert_eq!(names("kern"), [""; 0]);
        let file = Tree::Sysfs.names("kernel/mm/transparent_hugepage").pop().unwrap().1;
        assert!(
            matches!(file, ProcNode::File(ProcFile::Knob(Tree::Sysfs, knob)) if knob.path.ends_with("/use_zero_page"))
        );
    }
}
