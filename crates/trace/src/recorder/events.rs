//! Records of what happened.

use super::{Notes, RecordSink, Recorder};
use crate::kinds::EventKind;
use crate::places::{Precision, RawPlace};
use crate::record::{Fact, NameNo, Record, Spot, What};
use arch::{AccessKind, FRAME_SHIFT, LinearAddr, PageFault, Pte};
use event::{Departed, EntryChanges, FaultEvent, Moment, PageClass, PageOut, Path, Pid, Reclaimer, Resolution};

/// As many facts a page fault may have.
const MOST_FACTS: usize = 9;

impl<S: RecordSink> Recorder<S> {
    pub(super) fn blank(&mut self, at: Moment, what: What) -> Record {
        let process = self.current().number;
        let (outcome, place) = (self.name(""), self.places.number(RawPlace::Nowhere));
        let Moment { instructions, ns } = at;
        Record { instructions, ns, process, what, spot: None, pages: 1, outcome, leaf: None, place, facts: Vec::new() }
    }

    pub(super) fn fault(&mut self, at: Moment, event: &FaultEvent) {
        let cr2 = event.fault.cr2;
        let what = what(event.fault.code.access_kind());
        let process = self.process(event.pid);
        process.space = event.space;
        let process = process.number;
        if self.wants(EventKind::PageOut) {
            self.faulted.insert((event.space, cr2.page_number()), at.instructions);
        }
        if !self.wants(EventKind::Fault) {
            return;
        }
        let spot = self.spot(event.space, cr2, event.mapping.as_ref());
        let precision = if what == What::Fetch { Precision::Function } else { Precision::Byte };
        let place = self.code(event.pid, event.rip, precision);
        let outcome = self.outcome(event.resolution, event.stack_grew);
        let number = self.tables.regions[spot.region.0 as usize].number;
        let facts = match self.notes {
            Notes::Kept => facts(event, number),
            Notes::Left => slot(event).into_iter().collect(),
        };
        let leaf = event.entries.map(|entries| (leaf(&entries.before), leaf(&entries.after)));
        let leaf = leaf.map(|((from, before), (to, after))| (from, before.0, to, after.0));
        let Moment { instructions, ns } = at;
        let spot = Some(spot);
        let record = Record { instructions, ns, process, what, spot, pages: 1, outcome, leaf, place, facts };
        self.sink.push(record);
    }

    fn outcome(&mut self, resolution: Resolution, grew: bool) -> NameNo {
        if let Some(number) = self.outcomes.get(&(resolution, grew)) {
            return *number;
        }
        let number = self.name(&format!("{}{}", resolution.name(), if grew { "+grew" } else { "" }));
        self.outcomes.insert((resolution, grew), number);
        number
    }

    /// A range of the mappings has changed.
    pub(super) fn range(&mut self, at: Moment, what: What, (spot, bytes): (Option<Spot>, u64), outcome: &str) {
        if self.wants(EventKind::Map) {
            let (outcome, place) = (self.name(outcome), self.call());
            let record = Record { spot, pages: bytes >> FRAME_SHIFT, outcome, place, ..self.blank(at, what) };
            self.sink.push(record);
        }
    }

    pub(super) fn of_process(&mut self, at: Moment, what: What, outcome: &str, pid: Pid) {
        if self.wants(EventKind::Process) {
            let outcome = self.name(outcome);
            let process = self.process(pid).number;
            let facts = vec![(Fact::Pid, pid.0.into())];
            let record = Record { process, outcome, facts, ..self.blank(at, what) };
            self.sink.push(record);
        }
    }

    pub(super) fn page_out(&mut self, at: Moment, event: &PageOut) {
        let spot = match (event.place, event.file) {
            (Some((space, la)), _) => Some(self.regions.spot(space, la).unwrap_or_else(|| self.nowhere(la))),
            (None, Some((file, page))) => {
                let region = self.unmapped_file(file);
                Some(Spot { region, offset: (page << FRAME_SHIFT) as i64 })
            }
            (None, None) => None,
        };
        let class = match event.class {
            PageClass::Anon => "anon",
            PageClass::File => "file",
        };
        let departed = match event.departed {
            Departed::Written => "written",
            Departed::Dropped => "dropped",
        };
        let by = match event.by {
            Reclaimer::Kswapd => "kswapd",
            Reclaimer::Direct => "direct",
            Reclaimer::Limit => "limit",
            Reclaimer::Advice => "advice",
        };
        let outcome = self.name(&format!("{}-{class}/{departed}", self.vocabulary.victims));
        let place = self.places.number(RawPlace::Call(by.to_owned()));
        let mut facts = vec![(Fact::Frame, event.frame.0)];
        if let Some((space, la)) = event.place {
            let last = self.faulted.get(&(space, la.page_number()));
            facts.push((Fact::Address, la.0));
            facts.extend(last.map(|last| (Fact::Age, at.instructions - last)));
        }
        let record = Record { spot, outcome, place, facts, ..self.blank(at, What::PageOut) };
        self.sink.push(record);
    }

    pub(super) fn with_fact(&mut self, at: Moment, what: What, fact: (Fact, u64)) {
        let record = Record { facts: vec![fact], ..self.blank(at, what) };
        self.sink.push(record);
    }

    pub(super) fn flush(&mut self, at: Moment, page: Option<LinearAddr>) {
        let now = self.current();
        let space = self.regions.loaded().unwrap_or(now.space);
        // What an ended process, or what it was before it executed another program, has left is dropped when the next is about to run.
        let process = if space == now.space { now.number } else { self.process(self.loader).number };
        let spot = page.map(|page| self.regions.flushed(space, page).unwrap_or_else(|| self.nowhere(page)));
        let outcome = self.name(if page.is_some() { "page" } else { "all" });
        let record = Record { process, spot, outcome, ..self.blank(at, What::Flush) };
        self.sink.push(record);
    }
}

/// By which a line tells what was on the swap device.
fn slot(event: &FaultEvent) -> Option<(Fact, u64)> {
    event.slot.map(|slot| (Fact::Slot, slot.0.into()))
}

/// What a line does not say of a fault.
fn facts(event: &FaultEvent, mapping: u32) -> Vec<(Fact, u64)> {
    let PageFault { cr2, code } = event.fault;
    let mut facts = Vec::with_capacity(MOST_FACTS); // to grow would take longer than all else that is done here
    facts.extend([(Fact::Address, cr2.0), (Fact::ErrorCode, code.bits().into())]);
    facts.extend((event.rip.0 != 0).then_some((Fact::Rip, event.rip.0)));
    if let Some(EntryChanges { before, after }) = &event.entries {
        let made = (0..3).filter(|&level| !before[level].present() && after[level].present()).count();
        facts.extend((made > 0).then_some((Fact::Tables, made as u64)));
        let (_, before) = leaf(before);
        facts.extend(before.present().then_some((Fact::FrameBefore, before.frame())));
    }
    facts.extend(event.frame.map(|frame| (Fact::Frame, frame.0)));
    facts.extend(slot(event));
    facts.extend((mapping > 0).then_some((Fact::Mapping, mapping.into())));
    facts.push((Fact::Pid, event.pid.0.into()));
    facts
}

const fn what(access: AccessKind) -> What {
    match access {
        AccessKind::Read => What::Read,
        AccessKind::Write => What::Write,
        AccessKind::Fetch => What::Fetch,
    }
}

/// The entry that maps the page at the end of a path, or would, and its level.
fn leaf(path: &Path) -> (u8, Pte) {
    const PS: u64 = 1 << 7;
    let large = (1..=2).find(|&level: &usize| path[level].present() && path[level].0 & PS != 0);
    let level = large.unwrap_or(3);
    (level as u8, path[level])
}
