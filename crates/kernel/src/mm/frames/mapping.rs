//! Which entries of page tables map a frame, whose they are, and by which names its page is known.
//!
//! Invariant: each entry of a user page table that maps a frame holds one reference, one map count and one link of the reverse
//! map, and is counted once in its address space. A large page of a pool has them at its first frame and is counted in its pool.

use super::{FrameTable, FrameUse, OnLru, Owner};
use crate::mm::buddy::Order;
use crate::mm::reclaim::references::PageKey;
use crate::mm::rss::{Rss, RssId};
use arch::{FRAME_SIZE, Level, LinearAddr, Pfn, PhysAddr};
use std::rc::Rc;

impl FrameTable {
    /// Takes the reference of the entry at `slot` of a user page table. The first entry of an anonymous frame has it for
    /// itself; a second one ends that for both, until a write finds the frame alone again ([`Self::set_anon_exclusive`]).
    pub fn map(&mut self, pfn: Pfn, slot: PhysAddr) {
        let frame = self.at(pfn);
        debug_assert!(frame.refs > 0, "{pfn} is free");
        frame.refs += 1;
        frame.maps += 1;
        frame.anon_exclusive = frame.maps == 1 && frame.usage == FrameUse::Anon;
        let kind = frame.rss_kind();
        self.rmap.add(pfn, slot);
        self.rss_of(slot).inc(kind);
    }

    /// Gives back the reference of the entry at `slot`.
    pub fn unmap(&mut self, pfn: Pfn, slot: PhysAddr) {
        self.unmap_and_keep(pfn, slot);
        self.put(pfn);
    }

    /// The same, but the reference becomes the caller's.
    pub(in crate::mm) fn unmap_and_keep(&mut self, pfn: Pfn, slot: PhysAddr) {
        let frame = self.at(pfn);
        debug_assert!(frame.maps > 0, "{pfn} is not mapped");
        frame.maps -= 1;
        let kind = frame.rss_kind();
        let was_unevictable = frame.lru == OnLru::Unevictable;
        self.rmap.remove(pfn, slot);
        self.rss_of(slot).dec(kind);
        if was_unevictable {
            self.recheck_evictable(pfn);
        }
    }

    /// The entry at `slot` maps a large page of the pool, whose first frame counts for all.
    pub(in crate::mm) fn map_hugetlb(&mut self, head: Pfn, slot: PhysAddr) {
        let frame = self.at(head);
        debug_assert!(frame.usage == FrameUse::Hugetlb && frame.refs > 0, "{head} is no page of the pool: {frame:?}");
        frame.refs += 1;
        frame.maps += 1;
        self.rmap.add(head, slot);
    }

    /// It does not any more.
    pub(in crate::mm) fn unmap_hugetlb(&mut self, head: Pfn, slot: PhysAddr) {
        let frame = self.at(head);
        debug_assert!(frame.maps > 0, "{head} is not mapped");
        frame.refs -= 1;
        frame.maps -= 1;
        self.rmap.remove(head, slot);
    }

    /// The entry at `old` has moved to `new`, in the same address space.
    pub(in crate::mm) fn move_mapping(&mut self, pfn: Pfn, old: PhysAddr, new: PhysAddr) {
        self.rmap.replace(pfn, old, new);
    }

    /// Counters for a new address space.
    pub(in crate::mm) fn add_rss(&mut self) -> (RssId, Rc<Rss>) {
        self.rss.add()
    }

    /// The address space is gone.
    pub(in crate::mm) fn remove_rss(&mut self, id: RssId) {
        self.rss.remove(id);
    }

    /// The counters of the address space whose entry is at `slot`.
    pub(in crate::mm) fn rss_of(&self, slot: PhysAddr) -> &Rss {
        self.rss.get(self.entry_place(slot).0)
    }

    /// Whose entry is at `slot`, and the page that it serves.
    pub(in crate::mm) fn entry_place(&self, slot: PhysAddr) -> (RssId, LinearAddr) {
        match self.get(slot.pfn()).owner {
            Owner::Table { mm, level, base } => (mm, base.wrapping_add((slot.frame_offset() / 8) << level.shift())),
            owner => unreachable!("entries of user pages lie in their tables, not in {owner:?}"),
        }
    }

    /// True if the entry at `slot` is a PDE, and so maps 2 MiB.
    pub(in crate::mm) fn is_pmd(&self, slot: PhysAddr) -> bool {
        matches!(self.get(slot.pfn()).owner, Owner::Table { level: Level::Pd, .. })
    }

    /// The names by which a page is used: its places in address spaces, and in its file.
    pub(in crate::mm) fn page_keys(&self, pfn: Pfn) -> impl Iterator<Item = PageKey> {
        let linear = self.rmap.slots(pfn).map(move |slot| {
            let (mm, la) = self.entry_place(slot);
            let within = if self.is_pmd(slot) { pfn.0 % Order::PMD.frames() * FRAME_SIZE } else { 0 };
            PageKey::linear(mm.space(), la.wrapping_add(within))
        });
        let file = match self.get(pfn).owner {
            Owner::File { inode, index } => Some(PageKey::File { inode: inode.ino(), index }),
            _ => None,
        };
        linear.chain(file)
    }

    /// read() or write() used a page of a file (`mark_page_accessed`).
    pub(crate) fn touch_file_page(&mut self, pfn: Pfn) {
        self.mark_page_accessed(pfn);
        if let (Some(references), Owner::File { inode, index }) = (&self.references, self.get(pfn).owner) {
            references.touch(PageKey::File { inode: inode.ino(), index }, pfn);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mm::frames::{Contents, Frame};
    use crate::mm::rss::RssKind;

    #[test]
    fn a_frame_lives_as_long_as_its_last_reference() {
        let mut t = FrameTable::new(16 * FRAME_SIZE);
        let (mm, rss) = t.add_rss();
        let (table, _) = t.alloc(FrameUse::PageTable).unwrap();
        t.set_owner(table, Owner::Table { mm, level: Level::Pt, base: LinearAddr(0x20_0000) });
        let slots = [3, 4].map(|index| table.base().wrapping_add(8 * index));
        assert_eq!(t.entry_place(slots[1]), (mm, LinearAddr(0x20_4000)));
        let (a, contents) = t.alloc(FrameUse::Anon).unwrap();
        assert_eq!(contents, Contents::Zero);
        t.map(a, slots[0]);
        t.put(a);
        assert_eq!(
            t.get(a),
            Frame { usage: FrameUse::Anon, refs: 1, maps: 1, anon_exclusive: true, ..Frame::default() }
        );
        t.map(a, slots[1]);
        assert_eq!(rss.get(RssKind::Anon), 2);
        t.unmap(a, slots[0]);
        assert!(!t.get(a).anon_exclusive, "shared once, until a write says otherwise");
        t.unmap(a, slots[1]);
        assert_eq!((rss.resident(), rss.peak()), (0, 2));
        assert_eq!(t.get(a).usage, FrameUse::Free);
        assert_eq!(t.alloc(FrameUse::File), Some((a, Contents::Stale)));
    }
}
