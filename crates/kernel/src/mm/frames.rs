//! Page frames: a descriptor for each (Linux's `struct page`), and who hands them out.
//!
//! Invariant: a frame is free exactly when its reference count is 0. Whoever holds a frame holds a reference: a page-table
//! entry that maps it, the page cache, the kernel layer while it copies. The map count says how many of the references
//! are entries of user page tables, so that `do_wp_page` can tell a page that is alone from one that is shared.
//!
//! Frames are handed out lowest first and reused last freed first, so a run is the same each time and the host's
//! memory grows only with what the guest touches.

use arch::{FRAME_SIZE, Pfn};

/// What a frame is used for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum FrameUse {
    /// Nothing: it is free.
    #[default]
    Free,
    /// Set aside at boot: the shared zero page, frame 0.
    Reserved,
    /// A paging structure.
    PageTable,
    /// Anonymous memory of a process.
    Anon,
    /// A page of a file in the page cache.
    File,
}

/// The descriptor of one frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Frame {
    /// What it is used for.
    pub usage: FrameUse,
    /// References from anywhere; 0 when free.
    pub refs: u32,
    /// References from entries of user page tables.
    pub maps: u32,
    /// Anonymous, and no fork has shared it since it was last known to have one owner (`PageAnonExclusive`).
    pub anon_exclusive: bool,
}

/// All frames of RAM.
#[derive(Debug)]
pub struct FrameTable {
    /// A descriptor for each frame that was ever handed out: all below its length.
    frames: Vec<Frame>,
    /// Frames of RAM.
    total: u64,
    /// Frames given back; the last is handed out next.
    free: Vec<Pfn>,
    in_use: u64,
    peak: u64,
}

/// A frame just handed out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Contents {
    /// It was never used: all its bytes are 0.
    Zero,
    /// It holds what its last user left.
    Stale,
}

impl FrameTable {
    /// Descriptors for `ram_bytes` of RAM; frame 0 is reserved, as nothing should map it by mistake.
    #[must_use]
    pub fn new(ram_bytes: u64) -> Self {
        let total = ram_bytes / FRAME_SIZE;
        let mut table = Self { frames: Vec::new(), total, free: Vec::new(), in_use: 0, peak: 0 };
        let _ = table.alloc(FrameUse::Reserved);
        table
    }

    /// Hands out a frame with one reference; `None` when none is left.
    pub fn alloc(&mut self, usage: FrameUse) -> Option<(Pfn, Contents)> {
        let (pfn, contents) = match self.free.pop() {
            Some(pfn) => (pfn, Contents::Stale),
            None if (self.frames.len() as u64) < self.total => {
                self.frames.push(Frame::default());
                (Pfn(self.frames.len() as u64 - 1), Contents::Zero)
            }
            None => return None,
        };
        *self.at(pfn) = Frame { usage, refs: 1, maps: 0, anon_exclusive: false };
        self.in_use += 1;
        self.peak = self.peak.max(self.in_use);
        Some((pfn, contents))
    }

    /// The descriptor of a frame; a frame that was never handed out is free.
    #[must_use]
    pub fn get(&self, pfn: Pfn) -> Frame {
        self.frames.get(pfn.0 as usize).copied().unwrap_or_default()
    }

    /// Takes another reference to a frame in use.
    pub fn get_ref(&mut self, pfn: Pfn) {
        let frame = self.at(pfn);
        debug_assert!(frame.refs > 0, "{pfn} is free");
        frame.refs += 1;
    }

    /// Gives a reference back; the last one frees the frame.
    pub fn put(&mut self, pfn: Pfn) {
        let frame = self.at(pfn);
        debug_assert!(frame.refs > frame.maps, "{pfn} still has its mappings");
        frame.refs -= 1;
        if frame.refs == 0 {
            *frame = Frame::default();
            self.free.push(pfn);
            self.in_use -= 1;
        }
    }

    /// Takes the reference of one entry of a user page table. The first entry of an anonymous frame has it for itself; a
    /// second one ends that for both, until a write finds the frame alone again ([`Self::set_anon_exclusive`]).
    pub fn map(&mut self, pfn: Pfn) {
        let frame = self.at(pfn);
        debug_assert!(frame.refs > 0, "{pfn} is free");
        frame.refs += 1;
        frame.maps += 1;
        frame.anon_exclusive = frame.maps == 1 && frame.usage == FrameUse::Anon;
    }

    /// Marks an anonymous frame as the only owner's again (`SetPageAnonExclusive`).
    pub fn set_anon_exclusive(&mut self, pfn: Pfn) {
        let frame = self.at(pfn);
        debug_assert!(frame.usage == FrameUse::Anon && frame.maps == 1, "{pfn} has no single owner: {frame:?}");
        frame.anon_exclusive = true;
    }

    /// Gives back the reference of one entry of a user page table.
    pub fn unmap(&mut self, pfn: Pfn) {
        let frame = self.at(pfn);
        debug_assert!(frame.maps > 0, "{pfn} is not mapped");
        frame.maps -= 1;
        self.put(pfn);
    }

    /// Frames in use now.
    #[must_use]
    pub const fn in_use(&self) -> u64 {
        self.in_use
    }

    /// The most frames that were in use at once.
    #[must_use]
    pub const fn peak(&self) -> u64 {
        self.peak
    }

    /// Frames of RAM.
    #[must_use]
    pub const fn total(&self) -> u64 {
        self.total
    }

    fn at(&mut self, pfn: Pfn) -> &mut Frame {
        &mut self.frames[pfn.0 as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_lives_as_long_as_its_last_reference() {
        let mut t = FrameTable::new(16 * FRAME_SIZE);
        let (a, contents) = t.alloc(FrameUse::Anon).unwrap();
        assert_eq!(contents, Contents::Zero);
        t.map(a);
        t.put(a);
        assert_eq!(t.get(a), Frame { usage: FrameUse::Anon, refs: 1, maps: 1, anon_exclusive: true });
        t.map(a);
        t.unmap(a);
        assert!(!t.get(a).anon_exclusive, "shared once, until a write says otherwise");
        t.unmap(a);
        assert_eq!(t.get(a).usage, FrameUse::Free);
        assert_eq!(t.alloc(FrameUse::File), Some((a, Contents::Stale)));
    }

    #[test]
    fn ram_has_an_end() {
        let mut t = FrameTable::new(3 * FRAME_SIZE);
        assert!(t.alloc(FrameUse::Anon).is_some());
        assert!(t.alloc(FrameUse::Anon).is_some());
        assert_eq!(t.alloc(FrameUse::Anon), None);
        assert_eq!((t.in_use(), t.peak(), t.total()), (3, 3, 3));
    }
}
