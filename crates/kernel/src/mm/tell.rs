//! What is told of mappings, entries and the swap device to who listens.

use super::flags::Prot;
use super::frames::FrameTable;
use super::swap::SwapEntry;
use super::vma::Vma;
use super::{Mm, MmCx, STACK_TOP, VmaName};
use crate::fs::InodeId;
use arch::{LinearAddr, SpaceId};
use event::{EntryChanges, Event, Kinds, Mapping, MappingKind, Path, Rights, SwapSlot};

impl Mm {
    /// A mapping, as events describe it.
    pub(super) fn told_mapping(&self, vma: &Vma) -> Mapping {
        let kind = match self.vma_name(vma) {
            VmaName::Heap => MappingKind::Heap(self.start_brk),
            VmaName::Stack => MappingKind::Stack(STACK_TOP),
            VmaName::File(inode) => MappingKind::File(inode.file_id(), vma.file().map_or(0, |(_, offset)| offset)),
            VmaName::Anonymous => MappingKind::Anonymous,
        };
        Mapping { start: vma.start, end: vma.end, rights: rights(vma), kind }
    }

    /// A range was mapped: `vma`, before it was joined with its neighbours.
    pub(super) fn tell_mapped(&self, cx: &mut MmCx<'_, '_>, vma: &Vma) {
        if cx.frames.events.wants(Kinds::MAPPINGS) {
            self.tell_mapping(cx, self.told_mapping(vma));
        }
    }

    /// The same of a program's bss.
    pub(super) fn tell_bss(&self, cx: &mut MmCx<'_, '_>, vma: &Vma, program: InodeId) {
        if cx.frames.events.wants(Kinds::MAPPINGS) {
            let kind = MappingKind::Bss(program.file_id());
            self.tell_mapping(cx, Mapping { kind, ..self.told_mapping(vma) });
        }
    }

    fn tell_mapping(&self, cx: &mut MmCx<'_, '_>, mapping: Mapping) {
        if let MappingKind::File(file, _) | MappingKind::Bss(file) = mapping.kind {
            cx.frames.events.name(file, cx.vfs.inode_name(InodeId(file.0)));
        }
        cx.frames.events.push(Event::Map { space: self.space(), mapping });
    }

    /// Something happened to a mapping, which only who wants to know of mappings is told.
    pub(super) fn tell_of_mapping(&self, frames: &mut FrameTable, event: impl FnOnce(SpaceId) -> Event) {
        if frames.events.wants(Kinds::MAPPINGS) {
            frames.events.push(event(self.space()));
        }
    }

    /// The entries on the way to a page, if somebody wants to know.
    pub(super) fn told_path(&self, cx: &MmCx<'_, '_>, la: LinearAddr) -> Option<Path> {
        cx.frames.events.wants(Kinds::ENTRIES).then(|| self.table.path(cx.hw.mem, la))
    }

    /// What became of them since.
    pub(super) fn told_changes(&self, cx: &MmCx<'_, '_>, la: LinearAddr, before: Option<Path>) -> Option<EntryChanges> {
        before.map(|before| EntryChanges { before, after: self.table.path(cx.hw.mem, la) })
    }
}

fn rights(vma: &Vma) -> Rights {
    let mut rights = rights_of(vma.prot());
    rights.set(Rights::SHARED, vma.is_shared());
    rights
}

/// What a protection allows.
pub(super) fn rights_of(prot: Prot) -> Rights {
    let mut rights = Rights::empty();
    rights.set(Rights::READ, prot.contains(Prot::READ));
    rights.set(Rights::WRITE, prot.contains(Prot::WRITE));
    rights.set(Rights::EXEC, prot.contains(Prot::EXEC));
    rights
}

impl SwapEntry {
    /// The slot, as events name it.
    pub(crate) const fn told(self) -> SwapSlot {
        SwapSlot(self.slot().0)
    }
}

impl FrameTable {
    /// A page went to the swap device, or came from it.
    pub(crate) fn tell_of_swap(&mut self, event: impl FnOnce(SwapSlot) -> Event, entry: SwapEntry) {
        if self.events.wants(Kinds::SWAP) {
            self.events.push(event(entry.told()));
        }
    }
}
