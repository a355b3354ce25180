//! Mappings, and the places of addresses in them.

use super::{RecordSink, Recorder};
use crate::places::base_name;
use crate::record::{RegionEntry, RegionNo, Spot};
use arch::{FRAME_SHIFT, LinearAddr, SpaceId};
use event::{FileId, Mapping, MappingKind};

impl<S: RecordSink> Recorder<S> {
    /// A new entry of the table of mappings.
    pub(super) fn region(&mut self, kind: MappingKind) -> RegionNo {
        let (label, path) = match kind {
            MappingKind::Anonymous => ("[anon]".to_owned(), None),
            MappingKind::Heap(_) => ("[heap]".to_owned(), None),
            MappingKind::Stack(_) => ("[stack]".to_owned(), None),
            MappingKind::Bss(file) => (format!("{}[bss]", base_name(self.path(file))), None),
            MappingKind::File(file, _) => {
                let path = self.path(file).to_owned();
                // What processes share without a file has this one's name, as in Linux.
                let label = if path == "/dev/zero" { "[shared]" } else { base_name(&path) };
                (label.to_owned(), Some(path))
            }
        };
        let number = self.tables.regions.len() as u32 + 1;
        self.add_region(RegionEntry { label, path, number })
    }

    fn add_region(&mut self, entry: RegionEntry) -> RegionNo {
        self.code_files.push(entry.path.as_deref().map(|path| self.places.file(path)));
        self.tables.regions.push(entry);
        RegionNo(self.tables.regions.len() as u32 - 1)
    }

    pub(super) fn path(&self, file: FileId) -> &str {
        self.files.get(&file).map_or("[file]", String::as_str)
    }

    pub(super) fn mapped(&mut self, space: SpaceId, mapping: &Mapping) -> Spot {
        // The heap grows by ranges of their own, and is one mapping all the same.
        let range = (mapping.start, mapping.end);
        if let MappingKind::Heap(base) = mapping.kind
            && let Some(heap) = self.regions.spot(space, LinearAddr(mapping.start.0.wrapping_sub(1)))
            && self.tables.regions[heap.region.0 as usize].label == "[heap]"
        {
            self.regions.map(space, range, heap.region, base);
        } else {
            let region = self.region(mapping.kind);
            self.regions.map(space, range, region, base(mapping));
        }
        self.regions.spot(space, mapping.start).expect("it was mapped")
    }

    /// The place of an address in its mapping, which the kernel layer may have told of.
    pub(super) fn spot(&mut self, space: SpaceId, la: LinearAddr, mapping: Option<&Mapping>) -> Spot {
        let page = la.page_base();
        match (self.regions.spot(space, page), mapping) {
            (Some(spot), Some(_)) => spot,
            (None, Some(mapping)) => {
                // A stack has grown there, or its mapping was made before the recording began.
                self.mapped(
                    space,
                    &Mapping {
                        start: page,
                        end: page.wrapping_add(1 << FRAME_SHIFT),
                        kind: shifted(mapping, page),
                        ..*mapping
                    },
                )
            }
            (_, None) => self.regions.near(space, page).unwrap_or_else(|| self.nowhere(page)),
        }
    }

    pub(super) fn nowhere(&mut self, page: LinearAddr) -> Spot {
        let region = match self.nowhere {
            Some(region) => region,
            None => self.add_region(RegionEntry { label: String::new(), path: None, number: 0 }),
        };
        self.nowhere = Some(region);
        Spot { region, offset: page.0 as i64 }
    }

    /// The entry for a file whose page nobody maps.
    pub(super) fn unmapped_file(&mut self, file: FileId) -> RegionNo {
        if let Some(region) = self.unmapped_files.get(&file) {
            return *region;
        }
        let region = self.region(MappingKind::File(file, 0));
        self.unmapped_files.insert(file, region);
        region
    }
}

/// The address that offsets in a mapping are counted from: of a file its first byte, of a stack its end.
const fn base(mapping: &Mapping) -> LinearAddr {
    match mapping.kind {
        MappingKind::Anonymous | MappingKind::Bss(_) => mapping.start,
        MappingKind::Heap(start) => start,
        MappingKind::Stack(end) => end,
        MappingKind::File(_, offset) => LinearAddr(mapping.start.0.wrapping_sub(offset)),
    }
}

/// What is in the part of a mapping that begins at a page.
const fn shifted(mapping: &Mapping, page: LinearAddr) -> MappingKind {
    match mapping.kind {
        MappingKind::File(file, offset) => {
            MappingKind::File(file, offset.wrapping_add(page.0.wrapping_sub(mapping.start.0)))
        }
        kind => kind,
    }
}
