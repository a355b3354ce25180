//! Pages that leave memory.

use crate::FileId;
use arch::{LinearAddr, Pfn, SpaceId};

/// What a page is to reclaim.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PageClass {
    /// It has no file, or one in memory alone: it goes to the swap device.
    Anon,
    /// It has a file to come from.
    File,
}

/// Who took it out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reclaimer {
    /// The kernel layer of itself.
    Kswapd,
    /// Whoever needed a frame.
    Direct,
    /// A bound on the pages of one mapping.
    Limit,
    /// The program, by `madvise`.
    Advice,
}

/// What became of its contents.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Departed {
    /// They were written, to a slot or to the file.
    Written,
    /// The device or the file had them already, or nobody wants them.
    Dropped,
}

/// A page that was taken out of memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageOut {
    /// Where it was mapped, the first place if there were more; none for a page of a file that nobody had mapped.
    pub place: Option<(SpaceId, LinearAddr)>,
    /// The page of a file that it was.
    pub file: Option<(FileId, u64)>,
    /// The frame that it was in.
    pub frame: Pfn,
    /// What it was to reclaim.
    pub class: PageClass,
    /// Who took it out.
    pub by: Reclaimer,
    /// What became of its contents.
    pub departed: Departed,
}
