//! What each address space was, for reports that are made after its end: its process, its program and its mappings.
//!
//! A mapping is noted as it is when it goes: at munmap, when another takes its place, at the end of its address space. So one whose
//! rights changed, or that grew, is there once, as it was last. Nothing is noted unless that was asked for.

use super::{Mm, Prot, VmaName};
use crate::fs::Vfs;
use crate::kernel::Kernel;
use crate::mm::vma::Vma;
use arch::{LinearAddr, SpaceId};
use event::Pid;
use std::collections::BTreeMap;

/// Mappings of one address space that may be noted before its end. There are no more in a program that unmaps without end.
const MOST_UNMAPPED: usize = 1 << 16;

/// Whether anything is noted of address spaces.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HistoryMode {
    /// What is gone is forgotten.
    #[default]
    Forget,
    /// It is kept.
    Keep,
}

/// A mapping, as `/proc/<pid>/maps` shows it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct MappingRecord {
    /// The first address.
    pub start: LinearAddr,
    /// The first address beyond.
    pub end: LinearAddr,
    /// A path, `[heap]`, `[stack]`, or nothing for other anonymous memory.
    pub name: Vec<u8>,
    /// Where in the file it starts, in bytes.
    pub offset: u64,
    /// Its rights: read, write, execute.
    pub rights: [bool; 3],
    /// True if it was made with `MAP_SHARED`.
    pub is_shared: bool,
}

/// What an address space was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpaceRecord {
    /// Which.
    pub space: SpaceId,
    /// The process that had it last.
    pub pid: Pid,
    /// The program that it was made for.
    pub program: Vec<u8>,
    /// Its mappings. Of several that hold an address, the last one was there last.
    pub mappings: Vec<MappingRecord>,
}

/// What is noted of address spaces that have ended, and of what is gone of the others.
#[derive(Clone, Debug, Default)]
pub(crate) struct History {
    ended: Vec<SpaceRecord>,
    unmapped: BTreeMap<SpaceId, Unmapped>,
}

/// Mappings that are gone, each once, with its place in the order in which they went.
#[derive(Clone, Debug, Default)]
struct Unmapped {
    order: BTreeMap<MappingRecord, u64>,
    next: u64,
}

impl Unmapped {
    fn note(&mut self, mapping: MappingRecord) {
        if self.order.len() < MOST_UNMAPPED || self.order.contains_key(&mapping) {
            self.next += 1;
            self.order.insert(mapping, self.next);
        }
    }

    fn in_order(&self) -> Vec<MappingRecord> {
        let mut all: Vec<_> = self.order.iter().collect();
        all.sort_by_key(|(_, order)| **order);
        all.into_iter().map(|(mapping, _)| mapping.clone()).collect()
    }
}

impl History {
    /// A mapping goes, and its address space stays.
    pub(super) fn unmapped(&mut self, space: SpaceId, mapping: MappingRecord) {
        self.unmapped.entry(space).or_default().note(mapping);
    }

    /// An address space ends.
    pub(super) fn ended(&mut self, pid: Pid, mm: &Mm, vfs: &Vfs) {
        let record = self.record(pid, mm, vfs);
        self.unmapped.remove(&mm.space());
        self.ended.push(record);
    }

    fn record(&self, pid: Pid, mm: &Mm, vfs: &Vfs) -> SpaceRecord {
        let gone = self.unmapped.get(&mm.space()).map(Unmapped::in_order).unwrap_or_default();
        let there = mm.vmas().map(|vma| mm.mapping_record(vma, vfs));
        let program = mm.exe.map(|exe| vfs.inode_name(exe)).unwrap_or_default();
        SpaceRecord { space: mm.space(), pid, program, mappings: gone.into_iter().chain(there).collect() }
    }
}

impl Mm {
    /// A mapping, as reports name it.
    pub(super) fn mapping_record(&self, vma: &Vma, vfs: &Vfs) -> MappingRecord {
        let name = match self.vma_name(vma) {
            VmaName::Heap => b"[heap]".to_vec(),
            VmaName::Stack => b"[stack]".to_vec(),
            VmaName::File(inode) => vfs.inode_name(inode),
            VmaName::Anonymous => Vec::new(),
        };
        MappingRecord {
            start: vma.start,
            end: vma.end,
            name,
            offset: vma.file().map_or(0, |(_, offset)| offset),
            rights: [Prot::READ, Prot::WRITE, Prot::EXEC].map(|right| vma.prot().contains(right)),
            is_shared: vma.is_shared(),
        }
    }
}

impl Kernel {
    /// What all address spaces were, by number; those that are in use, as they are now. Nothing if none was to be kept.
    #[must_use]
    pub fn address_spaces(&self) -> Vec<SpaceRecord> {
        let Some(history) = &self.frames.history else { return Vec::new() };
        let mut all = history.ended.clone();
        for pid in self.pids_where(|process| !process.has_ended() && !process.borrows_mm) {
            let Some(process) = self.process(pid) else { continue };
            all.push(history.record(pid, &self.mms[process.mm], &self.vfs));
        }
        all.sort_by_key(|record| record.space);
        // What two processes share is the first one's.
        all.dedup_by_key(|record| record.space);
        all
    }
}
