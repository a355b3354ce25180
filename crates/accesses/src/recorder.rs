//! The model that writes down what it is told.
//!
//! It holds no translation and takes each page that was translated for displaced, so that the host asks it for every access. An access
//! that is made right behind its translation is one event. Instructions are written down where something happens in them.

use crate::entries::Entries;
use crate::event::{Event, Header, Invalidate, Kind, Steps};
use crate::extent::{self, Extent, TooLarge};
use crate::file::{GiveUp, Writer};
use crate::instr::Instr;
use crate::registers::Registers;
use arch::{Access, AccessKind, InstrInfo, Level, LinearAddr, PageFault, PhysAddr, Privilege, Pte, Service, SpaceId};
use paging::tlb::Prefetch;
use paging::{BlockId, Detail, HardwareModel, Invalidation, PagingContext, Translation, TranslationCache};
use std::fmt;
use std::io::{self, Write};

/// The model. What fails in writing is told at the end.
pub struct Recorder {
    to: Writer<Box<dyn Write>>,
    steps: Steps,
    /// What the trace says of the registers and paging entries.
    registers: Option<(PagingContext, Privilege)>,
    entries: Entries,
    /// A run that becomes too large for a trace is not written on.
    extent: Extent,
    /// The access whose translation is under way.
    asked: Option<(Kind, LinearAddr)>,
    /// One that was translated and is not written yet.
    translated: Option<(Kind, LinearAddr)>,
    /// The instruction under way, if it is not written yet.
    instruction: Option<u16>,
    displaced: Option<LinearAddr>,
}

impl Recorder {
    /// A recorder of a run. It keeps what it is told until it knows where to write.
    #[must_use]
    pub fn new(header: &Header) -> Self {
        Self {
            to: Writer::new(header),
            steps: Steps::default(),
            registers: None,
            entries: Entries::default(),
            extent: Extent::default(),
            asked: None,
            translated: None,
            instruction: None,
            displaced: None,
        }
    }

    /// Writes there from now on, what it was told before too. When that fails, `give_up` is called once.
    pub fn write_to(&mut self, to: Box<dyn Write>, give_up: GiveUp) {
        self.to.start(to, give_up);
    }

    /// Ends the trace. Gives how many bytes it has.
    ///
    /// # Errors
    /// The first error in writing; what came later is not in the trace.
    pub fn finish(&mut self) -> io::Result<u64> {
        self.tell(&Event::End);
        self.to.finish()
    }

    /// Writes what came before, then an event.
    fn tell(&mut self, event: &Event) {
        self.catch_up();
        self.to.push(event);
    }

    /// Writes the instruction under way, and the access that was translated.
    fn catch_up(&mut self) {
        if let Some(n) = self.instruction.take() {
            self.to.push(&Event::Instruction(n));
        }
        if let Some((kind, la)) = self.translated.take() {
            let step = self.steps.toward(kind, la);
            self.to.push(&Event::Translated { kind, step });
        }
    }

    fn made(&mut self, kind: Kind, la: LinearAddr, size: u32) {
        if self.translated == Some((kind, la)) {
            self.translated = None;
            self.catch_up();
            let step = self.steps.toward(kind, la);
            self.to.push(&Event::Access { kind, step, size });
        } else {
            self.catch_up();
            let step = self.steps.toward(kind, la);
            self.to.push(&Event::Made { kind, step, size });
        }
    }

    /// Writes what a walk has found, ahead of the access that it was for.
    fn found(&mut self, entry: PhysAddr, value: Pte) {
        if self.entries.set(entry, value.0) {
            self.to.push(&Event::Entry { pa: entry.0, value: value.0 });
            self.hold(extent::entries(self.entries.count()));
        }
    }

    #[inline]
    fn hold(&mut self, bounds: Result<(), TooLarge>) {
        if let Err(reason) = bounds {
            self.to.fail(reason);
        }
    }
}

impl fmt::Debug for Recorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recorder").field("steps", &self.steps).finish_non_exhaustive()
    }
}

impl TranslationCache for Recorder {
    fn lookup(&mut self, ctx: &PagingContext, la: LinearAddr, access: Access) -> Option<Translation> {
        self.catch_up();
        if self.registers.is_none_or(|known| known != (*ctx, access.privilege)) {
            self.registers = Some((*ctx, access.privilege));
            self.to.push(&Event::Registers(Registers::new(ctx, access.privilege)));
        }
        self.asked = Some((access.kind.into(), la));
        let bounds = self.extent.access(la).and_then(|()| match access.kind {
            AccessKind::Fetch => self.extent.fetch(la),
            AccessKind::Read | AccessKind::Write => Ok(()),
        });
        self.hold(bounds);
        None
    }

    fn fill(&mut self, _: &PagingContext, la: LinearAddr, _: AccessKind, _: &Translation) {
        self.translated = self.asked.take();
        self.displaced = Some(la);
    }

    /// What a model may look at is written down too.
    fn prefetch(&self) -> Prefetch {
        Prefetch::NextPage
    }

    fn displaced(&mut self) -> Option<LinearAddr> {
        self.displaced.take()
    }

    fn invalidate(&mut self, what: Invalidation) {
        self.tell(&Event::Invalidate(match what {
            Invalidation::Page { la, pcid } => Invalidate::Page { la: la.0, pcid: pcid.number() },
            Invalidation::Address { la, pcid } => Invalidate::Address { la: la.0, pcid: pcid.number() },
            Invalidation::Context(pcid) => Invalidate::Context { pcid: pcid.number() },
            Invalidation::NonGlobal => Invalidate::NonGlobal,
            Invalidation::All => Invalidate::All,
        }));
    }
}

impl HardwareModel for Recorder {
    const DETAIL: Detail = Detail::EveryAccess;

    fn fetch(&mut self, la: LinearAddr, _: PhysAddr) {
        self.made(Kind::Fetch, la, 0);
    }

    fn load(&mut self, la: LinearAddr, _: PhysAddr, size: u32) {
        self.made(Kind::Read, la, size);
    }

    fn store(&mut self, la: LinearAddr, _: PhysAddr, size: u32) {
        self.made(Kind::Write, la, size);
    }

    fn page_crossing(&mut self, la: LinearAddr) {
        self.tell(&Event::Crossing { la: la.0 });
        let bounds = self.extent.access(la);
        self.hold(bounds);
    }

    fn walk_load(&mut self, _: LinearAddr, _: Level, entry: PhysAddr, value: Pte) {
        self.found(entry, value);
    }

    /// A replay sets the same bits where the model that it drives walks.
    fn walk_update(&mut self, _: LinearAddr, entry: PhysAddr, value: Pte) {
        self.entries.set(entry, value.0);
    }

    fn looked_ahead(&mut self, entry: PhysAddr, value: Pte) {
        self.found(entry, value);
    }

    fn fault(&mut self, _: PageFault) {
        if let Some((kind, la)) = self.asked.take() {
            let step = self.steps.toward(kind, la);
            self.tell(&Event::Faulted { kind, step });
        }
    }

    fn space(&mut self, space: SpaceId) {
        self.tell(&Event::Space(space.0));
        self.extent.go_to(space.0);
    }

    fn context_switch(&mut self, root: PhysAddr) {
        self.tell(&Event::Root(root.0));
    }

    fn block(&mut self, block: BlockId, frame: PhysAddr, instructions: &[InstrInfo]) {
        let bounds = self.extent.block(block.0, instructions);
        self.hold(bounds);
        let instructions = instructions.iter().map(Instr::from).collect();
        self.tell(&Event::Block { block: block.0, frame: frame.0, instructions });
    }

    fn enter(&mut self, block: BlockId, la: LinearAddr) {
        self.instruction = None;
        let bounds = self.extent.enter(block.0, la);
        self.hold(bounds);
        let step = self.steps.toward_block(la);
        self.tell(&Event::Enter { block: block.0, step });
    }

    fn instruction(&mut self, n: u16) {
        if self.translated.is_some() {
            self.catch_up();
        }
        self.instruction = Some(n);
    }

    fn left(&mut self, completed: u16) {
        self.tell(&Event::Left(completed));
    }

    fn service(&mut self, service: Service, ns: u64) {
        self.tell(&Event::Service { service: service as u8, ns });
    }

    fn resumed(&mut self) {
        self.tell(&Event::Resumed);
    }

    fn retired(&mut self, instructions: u64) {
        self.tell(&Event::Retired(instructions));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;
    use std::rc::Rc;

    #[test]
    fn a_run_that_is_too_large_is_given_up() {
        let mut recorder = Recorder::new(&Header { program: Vec::new() });
        let stopped = Rc::new(Cell::new(0));
        let count = Rc::clone(&stopped);
        recorder.write_to(Box::new(io::sink()), Box::new(move || count.set(count.get() + 1)));
        recorder.block(BlockId(3_000_000), PhysAddr(0), &[InstrInfo::default()]);
        recorder.enter(BlockId(3_000_000), LinearAddr(0));
        recorder.block(BlockId(0), PhysAddr(0), &[InstrInfo::default(); 65]);
        assert_eq!(stopped.get(), 1);
        let said = recorder.finish().expect_err("there is no such trace").to_string();
        assert!(said.contains("more than 2000000 blocks of code"), "{said}");
    }
}
