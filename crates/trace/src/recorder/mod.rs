//! From what the machine tells to records.
//!
//! Invariant: what is recorded depends on the events alone, so the same run gives the same records. Names of code are looked up at the end
//! ([`crate::places`]), everything else at once.

mod events;
mod mappings;
mod translations;
mod words;

use crate::kinds::EventKind;
use crate::places::{FileNo, Places, Precision, RawPlace, base_name};
use crate::record::{Fact, NameNo, PlaceNo, ProcessEntry, ProcessNo, Record, RegionNo, Spot, Tables, What};
use crate::regions::Regions;
use arch::{LinearAddr, SpaceId};
use event::{Event, EventSink, FileId, Moment, Pid, Resolution};
use foldhash::fast::FixedState;
use std::collections::HashMap;
use words::{advice_name, end_name, rights};

/// A table that is looked up for each event, with a hash that is quick and always the same.
type Table<K, V> = HashMap<K, V, FixedState>;

/// Where records go.
pub trait RecordSink {
    /// Takes one record, in order.
    fn push(&mut self, record: Record);

    /// True if it takes nothing any more, so that all that follows is lost.
    fn has_failed(&self) -> bool {
        false
    }
}

/// What a recorder has to be told beside events.
#[derive(Clone, Copy, Debug)]
pub struct Vocabulary {
    /// The name of a system call.
    pub call: fn(u64) -> Option<&'static str>,
    /// Where the policy in use takes its victims from, such as `inactive`.
    pub victims: &'static str,
}

/// Whether page faults are recorded with what a line does not say of them: addresses, frames, the error code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notes {
    /// They are, for the compact form.
    Kept,
    /// They are not: who wants lines alone does not wait for them.
    Left,
}

/// Makes records of events.
#[derive(Debug)]
pub struct Recorder<S> {
    kinds: Vec<EventKind>,
    vocabulary: Vocabulary,
    notes: Notes,
    regions: Regions,
    tables: Tables,
    names: Table<String, NameNo>,
    places: Places,
    /// The file of each mapping that has one.
    code_files: Vec<Option<FileNo>>,
    /// What stands for no mapping at all, and for files of which no page was mapped.
    nowhere: Option<RegionNo>,
    unmapped_files: Table<FileId, RegionNo>,
    outcomes: Table<(Resolution, bool), NameNo>,
    files: Table<FileId, String>,
    processes: Table<Pid, Process>,
    running: Pid,
    /// The one that ran when CR3 was loaded.
    loader: Pid,
    /// The address space that was copied last, which the next child has.
    copied: Option<SpaceId>,
    /// When a page has faulted last, if its age is asked for.
    faulted: Table<(SpaceId, u64), u64>,
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
    pub fn new(kinds: &[EventKind], notes: Notes, first: Pid, vocabulary: Vocabulary, sink: S) -> Self {
        Self {
            kinds: kinds.to_vec(),
            vocabulary,
            notes,
            regions: Regions::default(),
            tables: Tables::default(),
            names: Table::default(),
            places: Places::default(),
            code_files: Vec::new(),
            nowhere: None,
            unmapped_files: Table::default(),
            outcomes: Table::default(),
            files: Table::default(),
            processes: Table::default(),
            running: first,
            loader: first,
            copied: None,
            faulted: Table::default(),
            sink,
        }
    }

    /// True if no trace can come of this any more: the sink has failed, or there is more to name than a trace may.
    #[must_use]
    pub fn is_lost(&self) -> bool {
        self.sink.has_failed() || !self.tables.are_bounded()
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

    /// Where an instruction is; 0 for the kernel layer, on behalf of a process.
    fn code(&mut self, pid: Pid, rip: LinearAddr, precision: Precision) -> PlaceNo {
        let process = *self.process(pid);
        if rip.0 == 0 {
            let call = process.call.and_then(self.vocabulary.call);
            return self.places.number(RawPlace::Call(call.unwrap_or("execve").to_owned()));
        }
        let Some(Spot { region, offset }) = self.regions.spot(process.space, rip) else {
            return self.places.number(RawPlace::Nowhere);
        };
        let place = match self.code_files[region.0 as usize] {
            Some(file) => RawPlace::File(file, offset as u64, precision),
            None => RawPlace::Mapping(self.tables.regions[region.0 as usize].label.clone(), offset),
        };
        self.places.number(place)
    }

    /// The place of something that the kernel layer does for the process that runs.
    fn call(&mut self) -> PlaceNo {
        self.code(self.running, LinearAddr(0), Precision::Byte)
    }
}

impl<S: RecordSink> EventSink for Recorder<S> {
    fn record(&mut self, at: Moment, event: &Event) {
        if begins_kernel(event) {
            self.regions.forget_gone();
        }
        match *event {
            Event::Fault(ref fault) => self.fault(at, fault),
            Event::Syscall { pid, number } => self.process(pid).call = Some(number),
            Event::Signal { pid, signal, handler } => {
                let place = self.code(pid, handler, Precision::Byte);
                if self.wants(EventKind::Process) {
                    let (process, outcome) = (self.process(pid).number, self.name(&format!("signal-{signal}")));
                    let record = Record { process, outcome, place, ..self.blank(at, What::Signal) };
                    self.sink.push(record);
                }
            }
            Event::Fork { parent, child } => {
                let number = self.add_process(child, Some(parent));
                let space = self.copied.take().unwrap_or(self.process(parent).space);
                let call = self.process(parent).call;
                let process = self.process(child);
                (process.space, process.call) = (space, call);
                let name = self.tables.processes[number.0 as usize].name.clone();
                self.of_process(at, What::Fork, &name, parent);
            }
            Event::Exec { pid, space, file } => {
                let process = self.process(pid);
                (process.space, process.call) = (space, None);
                let name = base_name(self.path(file)).to_owned();
                self.of_process(at, What::Exec, &name, pid);
            }
            Event::Exit { pid, end } => self.of_process(at, What::Exit, &end_name(end), pid),
            Event::Switch { to, .. } => self.running = to,
            Event::LoadCr3(cr3) => {
                self.loader = self.running;
                let space = self.current().space;
                self.regions.load(space);
                self.with_fact(at, What::LoadCr3, (Fact::Cr3, cr3.0));
            }
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
            Event::Walk(ref walk) => self.walk(at, walk),
            Event::Mark(ref mark) => self.mark(at, mark),
            Event::Stale(ref stale) => self.stale(at, stale),
            Event::SwapRead(slot) => self.with_fact(at, What::SwapRead, (Fact::Slot, slot.0.into())),
        }
    }

    fn file(&mut self, file: FileId, name: &[u8]) {
        let name = String::from_utf8_lossy(name);
        let name = name.strip_suffix(" (deleted)").unwrap_or(&name);
        if self.files.insert(file, name.to_owned()).is_some_and(|old| old != name) {
            self.unmapped_files.remove(&file);
        }
    }
}

/// True if a program has run until now, so that all translations are dropped that were to be.
const fn begins_kernel(event: &Event) -> bool {
    match event {
        Event::Syscall { .. } => true,
        Event::Fault(fault) => fault.rip.0 != 0,
        _ => false,
    }
}
