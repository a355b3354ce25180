//! From what the machine tells to records.
//!
//! Invariant: what is recorded depends on the events alone, so the same run gives the same records. Names of code are looked up at the end
//! ([`crate::places`]), everything else at once.

use crate::kinds::EventKind;
use crate::places::{Places, Precision, RawPlace, base_name};
use crate::record::{
    Fact, NameNo, PlaceNo, ProcessEntry, ProcessNo, Record, RegionEntry, RegionNo, Spot, Tables, What,
};
use crate::regions::Regions;
use arch::{FRAME_SHIFT, LinearAddr, PageFault, PageFaultCode, SpaceId};
use event::{Departed, Reclaimer, Rights};
use event::{Event, EventSink, FaultEvent, FileId, Mapping, MappingKind, Moment, PageClass, PageOut, Path, Pid};
use std::collections::HashMap;

/// Where records go.
pub trait RecordSink {
    /// Takes one record, in order.
    fn push(&mut self, record: &Record);
}

/// What a recorder has to be told beside events.
#[derive(Clone, Copy, Debug)]
pub struct Vocabulary {
    /// The name of a system call.
    pub call: fn(u64) -> Option<&'static str>,
    /// Where the policy in use takes its victims from, such as `inactive`.
    pub victims: &'static str,
}

/// Makes records of events.
#[derive(Debug)]
pub struct Recorder<S> {
    kinds: Vec<EventKind>,
    vocabulary: Vocabulary,
    regions: Regions,
    tables: Tables,
    names: HashMap<String, NameNo>,
    places: Places,
    files: HashMap<FileId, String>,
    processes: HashMap<Pid, Process>,
    running: Pid,
    /// The address space that was copied last, which the next child has.
    copied: Option<SpaceId>,
    /// When a page has faulted last, if its age is asked for.
    faulted: HashMap<(SpaceId, u64), u64>,
    sink: S,
}

/// What is known of a process.
#[derive(Clone, Copy, Debug, Default)]
struct Process {
    number: ProcessNo,
    children: u32,
    space: SpaceId,
    call: Option<u64>,
}

impl<S: RecordSink> Recorder<S> {
    /// A recorder of these kinds, from the first process on.
    pub fn new(kinds: &[EventKind], first: Pid, vocabulary: Vocabulary, sink: S) -> Self {
        Self {
            kinds: kinds.to_vec(),
            vocabulary,
            regions: Regions::default(),
            tables: Tables::default(),
            names: HashMap::new(),
            places: Places::default(),
            files: HashMap::new(),
            processes: HashMap::new(),
            running: first,
            copied: None,
            faulted: HashMap::new(),
            sink,
        }
    }

    /// Ends the recording: gives the sink, and what the numbers of its records stand for. `read` gives the bytes of a file that the guest
    /// sees, if they can be had.
    pub fn finish(mut self, read: &mut dyn FnMut(&str) -> Option<Vec<u8>>) -> (S, Tables) {
        self.tables.places = self.places.name(read);
        (self.sink, self.tables)
    }

    fn wants(&self, kind: EventKind) -> bool {
        self.kinds.contains(&kind)
    }

    fn name(&mut self, text: &str) -> NameNo {
        if let Some(number) = self.names.get(text) {
            return *number;
        }
        let number = NameNo(self.tables.names.len() as u32);
        self.tables.names.push(text.to_owned());
        self.names.insert(text.to_owned(), number);
        number
    }

    /// A process, which may be new.
    fn process(&mut self, pid: Pid) -> &mut Process {
        if !self.processes.contains_key(&pid) {
            self.add_process(pid, None);
        }
        self.processes.get_mut(&pid).expect("it was added")
    }

    fn add_process(&mut self, pid: Pid, parent: Option<Pid>) -> ProcessNo {
        let name = match parent {
            None => "1".to_owned(),
            Some(parent) => {
                let parent = self.process(parent);
                parent.children += 1;
                let (number, child) = (parent.number, parent.children);
                format!("{}.{child}", self.tables.processes[number.0 as usize].name)
            }
        };
        let number = ProcessNo(self.tables.processes.len() as u32);
        self.tables.processes.push(ProcessEntry { name, pid: pid.0 });
        self.processes.insert(pid, Process { number, ..Process::default() });
        number
    }

    /// The process that runs.
    fn current(&mut self) -> Process {
        *self.process(self.running)
    }

    /// A new entry of the table of mappings.
    fn region(&mut self, kind: MappingKind) -> RegionNo {
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
        let number = RegionNo(self.tables.regions.len() as u32);
        self.tables.regions.push(RegionEntry { label, path, number: number.0 + 1 });
        number
    }

    fn path(&self, file: FileId) -> &str {
        self.files.get(&file).map_or("[file]", String::as_str)
    }

    fn mapped(&mut self, space: SpaceId, mapping: &Mapping) -> Spot {
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
    fn spot(&mut self, space: SpaceId, la: LinearAddr, mapping: Option<&Mapping>) -> Spot {
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

    fn nowhere(&mut self, page: LinearAddr) -> Spot {
        let known = self.tables.regions.iter().position(|region| region.label.is_empty());
        let region = known.unwrap_or_else(|| {
            self.tables.regions.push(RegionEntry { label: String::new(), path: None, number: 0 });
            self.tables.regions.len() - 1
        });
        Spot { region: RegionNo(region as u32), offset: page.0 as i64 }
    }

    /// Where an instruction is; 0 for the kernel layer, on behalf of a process.
    fn code(&mut self, pid: Pid, rip: LinearAddr, precision: Precision) -> PlaceNo {
        let process = *self.process(pid);
        let place = match self.regions.spot(process.space, rip) {
            _ if rip.0 == 0 => {
                let call = process.call.and_then(self.vocabulary.call);
                RawPlace::Call(call.unwrap_or("execve").to_owned())
            }
            None => RawPlace::Nowhere,
            Some(spot) => {
                let region = &self.tables.regions[spot.region.0 as usize];
                match &region.path {
                    Some(path) => RawPlace::File(path.clone(), spot.offset as u64, precision),
                    None => RawPlace::Mapping(region.label.clone(), spot.offset),
                }
            }
        };
        self.places.number(place)
    }

    /// The place of something that the kernel layer does for the process that runs.
    fn call(&mut self) -> PlaceNo {
        self.code(self.running, LinearAddr(0), Precision::Byte)
    }

    fn blank(&mut self, at: Moment, what: What) -> Record {
        let process = self.current().number;
        let (outcome, place) = (self.name(""), self.places.number(RawPlace::Nowhere));
        let Moment { instructions, ns } = at;
        Record { instructions, ns, process, what, spot: None, pages: 1, outcome, leaf: None, place, facts: Vec::new() }
    }

    fn fault(&mut self, at: Moment, event: &FaultEvent) {
        let PageFault { cr2, code } = event.fault;
        let what = what(code);
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
        let grew = if event.stack_grew { "+grew" } else { "" };
        let outcome = self.name(&format!("{}{grew}", event.resolution.name()));
        let number = self.tables.regions[spot.region.0 as usize].number;
        let mut facts = vec![(Fact::Address, cr2.0), (Fact::ErrorCode, code.bits().into())];
        facts.extend((event.rip.0 != 0).then_some((Fact::Rip, event.rip.0)));
        let leaf = event.entries.map(|entries| (leaf(&entries.before), leaf(&entries.after)));
        if let Some(entries) = &event.entries {
            let made = (0..3).filter(|&n| !entries.before[n].present() && entries.after[n].present()).count();
            facts.extend((made > 0).then_some((Fact::Tables, made as u64)));
            let (_, before) = leaf.expect("they are there").0;
            facts.extend(before.present().then_some((Fact::FrameBefore, before.frame())));
        }
        facts.extend(event.frame.map(|frame| (Fact::Frame, frame.0)));
        facts.extend(event.slot.map(|slot| (Fact::Slot, slot.0.into())));
        facts.extend((number > 0).then_some((Fact::Mapping, number.into())));
        facts.push((Fact::Pid, event.pid.0.into()));
        let leaf = leaf.map(|((from, before), (to, after))| (from, before.0, to, after.0));
        let Moment { instructions, ns } = at;
        let spot = Some(spot);
        let record = Record { instructions, ns, process, what, spot, pages: 1, outcome, leaf, place, facts };
        self.sink.push(&record);
    }

    /// A range of the mappings has changed.
    fn range(&mut self, at: Moment, what: What, (spot, bytes): (Option<Spot>, u64), outcome: &str) {
        if self.wants(EventKind::Map) {
            let (outcome, place) = (self.name(outcome), self.call());
            let record = Record { spot, pages: bytes >> FRAME_SHIFT, outcome, place, ..self.blank(at, what) };
            self.sink.push(&record);
        }
    }

    fn of_process(&mut self, at: Moment, what: What, outcome: &str, pid: Pid) {
        if self.wants(EventKind::Process) {
            let outcome = self.name(outcome);
            let process = self.process(pid).number;
            let facts = vec![(Fact::Pid, pid.0.into())];
            let record = Record { process, outcome, facts, ..self.blank(at, what) };
            self.sink.push(&record);
        }
    }

    fn page_out(&mut self, at: Moment, event: &PageOut) {
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
        self.sink.push(&record);
    }

    /// The entry for a file whose page nobody maps.
    fn unmapped_file(&mut self, file: FileId) -> RegionNo {
        let path = self.path(file).to_owned();
        let known = self.tables.regions.iter().position(|region| region.path.as_deref() == Some(&path));
        known.map_or_else(|| self.region(MappingKind::File(file, 0)), |known| RegionNo(known as u32))
    }

    fn with_fact(&mut self, at: Moment, what: What, fact: (Fact, u64)) {
        let record = Record { facts: vec![fact], ..self.blank(at, what) };
        self.sink.push(&record);
    }

    fn flush(&mut self, at: Moment, page: Option<LinearAddr>) {
        let space = self.current().space;
        let spot = page.map(|page| self.regions.near(space, page).unwrap_or_else(|| self.nowhere(page)));
        let outcome = self.name(if page.is_some() { "page" } else { "all" });
        let record = Record { spot, outcome, ..self.blank(at, What::Flush) };
        self.sink.push(&record);
    }
}

impl<S: RecordSink> EventSink for Recorder<S> {
    fn record(&mut self, at: Moment, event: &Event) {
        match *event {
            Event::Fault(ref fault) => self.fault(at, fault),
            Event::Syscall { pid, number } => self.process(pid).call = Some(number),
            Event::Signal { pid, signal, handler } => {
                let place = self.code(pid, handler, Precision::Byte);
                if self.wants(EventKind::Process) {
                    let (process, outcome) = (self.process(pid).number, self.name(&format!("signal-{signal}")));
                    let record = Record { process, outcome, place, ..self.blank(at, What::Signal) };
                    self.sink.push(&record);
                }
            }
            Event::Fork { parent, child } => {
                let number = self.add_process(child, Some(parent));
                let space = self.copied.take().unwrap_or(self.process(parent).space);
                self.process(child).space = space;
                let name = self.tables.processes[number.0 as usize].name.clone();
                self.of_process(at, What::Fork, &name, parent);
            }
            Event::Exec { pid, space, file } => {
                let process = self.process(pid);
                (process.space, process.call) = (space, None);
                let name = base_name(self.path(file)).to_owned();
                self.of_process(at, What::Exec, &name, pid);
            }
            Event::Exit { pid } => self.of_process(at, What::Exit, "", pid),
            Event::Switch { to, .. } => self.running = to,
            Event::LoadCr3(cr3) => self.with_fact(at, What::LoadCr3, (Fact::Cr3, cr3.0)),
            Event::Flush(page) => self.flush(at, page),
            Event::Map { space, ref mapping } => {
                let spot = self.mapped(space, mapping);
                self.range(at, What::Map, (Some(spot), mapping.end.0 - mapping.start.0), &rights(mapping.rights));
            }
            Event::Unmap { space, start, end } => {
                if self.regions.know(space) {
                    let spot = self.regions.spot(space, start);
                    self.regions.unmap(space, (start, end));
                    self.range(at, What::Unmap, (spot, end.0 - start.0), "");
                }
            }
            Event::Remap { space, from, to, length } => {
                let spot = self.regions.spot(space, from);
                self.regions.remap(space, from, to, length);
                self.range(at, What::Remap, (spot, length), if from == to { "grown" } else { "moved" });
            }
            Event::Protect { space, start, end, rights: new } => {
                let spot = self.regions.spot(space, start);
                self.range(at, What::Protect, (spot, end.0 - start.0), &rights(new));
            }
            Event::Advise { space, start, end, advice } => {
                let spot = self.regions.spot(space, start);
                self.range(at, What::Advise, (spot, end.0.wrapping_sub(start.0)), &advice_name(advice));
            }
            Event::CopySpace { from, to } => {
                self.regions.copy(from, to);
                self.copied = Some(to);
            }
            Event::EndSpace(space) => self.regions.end(space),
            Event::PageOut(ref out) => self.page_out(at, out),
            Event::SwapWrite(slot) => self.with_fact(at, What::SwapWrite, (Fact::Slot, slot.0.into())),
            Event::SwapRead(slot) => self.with_fact(at, What::SwapRead, (Fact::Slot, slot.0.into())),
        }
    }

    fn file(&mut self, file: FileId, name: &[u8]) {
        let name = String::from_utf8_lossy(name);
        let name = name.strip_suffix(" (deleted)").unwrap_or(&name);
        self.files.insert(file, name.to_owned());
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

const fn what(code: PageFaultCode) -> What {
    if code.contains(PageFaultCode::WR) {
        What::Write
    } else if code.contains(PageFaultCode::ID) {
        What::Fetch
    } else {
        What::Read
    }
}

/// The entry that maps the page at the end of a path, or would, and its level.
fn leaf(path: &Path) -> (u8, arch::Pte) {
    const PS: u64 = 1 << 7;
    let large = (1..=2).find(|&level: &usize| path[level].present() && path[level].0 & PS != 0);
    let level = large.unwrap_or(3);
    (level as u8, path[level])
}

/// As in `/proc/<pid>/maps`.
fn rights(rights: Rights) -> String {
    let of = |right, letter| if rights.contains(right) { letter } else { '-' };
    let shared = if rights.contains(Rights::SHARED) { 's' } else { 'p' };
    [of(Rights::READ, 'r'), of(Rights::WRITE, 'w'), of(Rights::EXEC, 'x'), shared].into_iter().collect()
}

/// Linux's names, from `asm-generic/mman-common.h`.
fn advice_name(advice: i32) -> String {
    let name = match advice {
        0 => "normal",
        1 => "random",
        2 => "sequential",
        3 => "willneed",
        4 => "dontneed",
        8 => "free",
        9 => "remove",
        10 => "dontfork",
        11 => "dofork",
        12 => "mergeable",
        13 => "unmergeable",
        14 => "hugepage",
        15 => "nohugepage",
        16 => "dontdump",
        17 => "dodump",
        18 => "wipeonfork",
        19 => "keeponfork",
        20 => "cold",
        21 => "pageout",
        22 => "populate-read",
        23 => "populate-write",
        24 => "dontneed-locked",
        25 => "collapse",
        _ => return advice.to_string(),
    };
    name.to_owned()
}
