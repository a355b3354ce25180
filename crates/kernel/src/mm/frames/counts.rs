//! How many frames there are, how many are free, and what the others are used for.

use super::{Frame, FrameTable, FrameUse};
use crate::mm::buddy::NR_ORDERS;
use crate::mm::zone::{Watermarks, ZoneInfo};
use arch::Pfn;

/// Counts of user pages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct PageStates {
    /// Anonymous pages that are mapped.
    pub(crate) mapped_anon: u64,
    /// Pages of files and of shared memory that are mapped.
    pub(crate) mapped_file: u64,
    /// Pages of files that were written since their file was last synchronised.
    pub(crate) dirty: u64,
}

impl FrameTable {
    /// All frames in use with their descriptors, from the lowest on.
    pub(in crate::mm) fn all_in_use(&self) -> impl Iterator<Item = (Pfn, Frame)> {
        let all = self.frames.iter().enumerate().map(|(index, frame)| (Pfn(index as u64), *frame));
        all.filter(|(_, frame)| frame.refs > 0)
    }

    /// How user pages are mapped and written, for reports: a look at every frame.
    pub(crate) fn page_states(&self) -> PageStates {
        let mut states = PageStates::default();
        for (_, frame) in self.all_in_use() {
            match frame.usage {
                FrameUse::Anon => states.mapped_anon += u64::from(frame.maps > 0),
                FrameUse::File | FrameUse::Shmem => {
                    states.mapped_file += u64::from(frame.maps > 0);
                    states.dirty += u64::from(frame.usage == FrameUse::File && frame.unsynced);
                }
                _ => {}
            }
        }
        states
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

    /// Frames that are free.
    #[must_use]
    pub fn free_frames(&self) -> u64 {
        self.buddy.free_frames()
    }

    /// Frames of RAM but for those reserved at boot (`totalram_pages`).
    #[must_use]
    pub fn managed(&self) -> u64 {
        self.buddy.managed()
    }

    /// Frames in use for one thing.
    #[must_use]
    pub const fn used_for(&self, usage: FrameUse) -> u64 {
        self.used[usage as usize]
    }

    /// The watermarks of all zones together.
    #[must_use]
    pub fn watermarks(&self) -> Watermarks {
        self.buddy.watermarks()
    }

    /// Each zone, with its free blocks of each order.
    pub fn zones(&self) -> impl Iterator<Item = (ZoneInfo, [u64; NR_ORDERS])> {
        self.buddy.zones()
    }

    /// What is kept free, in KiB.
    #[must_use]
    pub const fn min_free_kbytes(&self) -> u64 {
        self.buddy.min_free_kbytes()
    }

    /// Sets the watermarks so that so many KiB are kept free.
    pub fn set_min_free_kbytes(&mut self, kbytes: u64) {
        self.buddy.set_min_free_kbytes(kbytes);
    }
}
