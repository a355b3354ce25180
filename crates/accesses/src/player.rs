//! Drives a model with what a trace says.

use crate::entries::Entries;
use crate::event::{Event, Invalidate, Kind, Steps};
use crate::extent;
use crate::file::{ReadError, Reader, damaged};
use crate::sound::{self, Sound, check};
use arch::{Access, InstrInfo, LinearAddr, Pcid, PhysAddr, Privilege, Service, SpaceId};
use paging::{BlockId, HardwareModel, Invalidation, PagingContext, Translation};
use std::io::BufRead;

/// An instruction's accesses are all translated before the first is made. No instruction has more.
const RECENT: usize = 8;

/// What a replay came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Played {
    /// Translations that were asked for.
    pub translations: u64,
    /// Those that ended otherwise than in the run, by a fault or without one: then this model would have had another run.
    pub differing: u64,
}

/// Tells a model all that was told in the run.
///
/// # Errors
/// [`ReadError`]: the model has heard of what came before.
pub fn replay<H: HardwareModel>(mut trace: Reader<impl BufRead>, model: &mut H) -> Result<Played, ReadError> {
    let mut player = Player::default();
    loop {
        match trace.next()? {
            Event::End => return Ok(player.played),
            event => player.play(model, event)?,
        }
    }
}

/// The state of a run that the trace tells of.
#[derive(Debug, Default)]
struct Player {
    steps: Steps,
    entries: Entries,
    registers: Option<(PagingContext, Privilege)>,
    sound: Sound,
    /// The pages that were translated last, and where the next one goes.
    recent: [Option<(u64, Translation)>; RECENT],
    next: usize,
    played: Played,
}

impl Player {
    fn play<H: HardwareModel>(&mut self, model: &mut H, event: Event) -> Result<(), ReadError> {
        self.sound.event()?;
        match event {
            Event::Access { kind, step, size } => {
                let la = self.steps.follow(kind, step);
                self.translate(model, kind, la, Expected::Translation)?;
                self.make(model, kind, la, size)
            }
            Event::Translated { kind, step } => {
                let la = self.steps.follow(kind, step);
                self.translate(model, kind, la, Expected::Translation)
            }
            Event::Faulted { kind, step } => {
                let la = self.steps.follow(kind, step);
                self.translate(model, kind, la, Expected::Fault)
            }
            Event::Made { kind, step, size } => {
                let la = self.steps.follow(kind, step);
                self.make(model, kind, la, size)
            }
            Event::Crossing { la } => {
                let la = self.canonical(LinearAddr(la))?;
                self.sound.crossing(la)?;
                model.page_crossing(la);
                Ok(())
            }
            Event::Entry { pa, value } => self.entry(pa, value),
            Event::Registers(registers) => {
                self.registers = Some(registers.context().ok_or(damaged("the registers are none of long mode"))?);
                Ok(())
            }
            event => self.pass_on(model, event),
        }
    }

    /// What has nothing to do with a translation.
    fn pass_on<H: HardwareModel>(&mut self, model: &mut H, event: Event) -> Result<(), ReadError> {
        match event {
            Event::Instruction(n) => {
                self.sound.instruction(n)?;
                model.instruction(n);
            }
            Event::Enter { block, step } => {
                let la = self.steps.follow_block(step);
                self.sound.enter(block, la)?;
                model.enter(BlockId(block), la);
            }
            Event::Left(completed) => {
                self.sound.left(completed)?;
                model.left(completed);
            }
            Event::Retired(instructions) => {
                self.sound.retired(instructions)?;
                model.retired(instructions);
            }
            Event::Invalidate(what) => model.invalidate(invalidation(what)),
            Event::Root(root) => model.context_switch(sound::physical(root)?),
            Event::Space(space) => {
                self.sound.space(space);
                model.space(SpaceId(space));
            }
            Event::Service { service, ns } => {
                self.sound.service(ns)?;
                let service = Service::ALL.get(usize::from(service)).ok_or(damaged("there is no such service"))?;
                model.service(*service, ns);
            }
            Event::Resumed => model.resumed(),
            Event::Block { block, frame, instructions } => {
                let infos: Option<Vec<InstrInfo>> = instructions.iter().map(|instruction| instruction.info()).collect();
                let infos = infos.ok_or(damaged("an instruction cannot be so"))?;
                self.sound.block(block, frame, &infos)?;
                model.block(BlockId(block), PhysAddr(frame), &infos);
            }
            _ => unreachable!("translations and the end are handled before"),
        }
        Ok(())
    }

    fn entry(&mut self, pa: u64, value: u64) -> Result<(), ReadError> {
        let pa = sound::physical(pa)?;
        check(pa.0.is_multiple_of(8), "a paging entry is not aligned")?;
        self.entries.set(pa, value);
        Ok(extent::entries(self.entries.count())?)
    }

    fn canonical(&self, la: LinearAddr) -> Result<LinearAddr, ReadError> {
        let (ctx, _) = self.registers()?;
        check(ctx.is_canonical(la, 1), "an address is not canonical")?;
        Ok(la)
    }

    fn registers(&self) -> Result<&(PagingContext, Privilege), ReadError> {
        self.registers.as_ref().ok_or(damaged("there are no registers"))
    }

    fn translate<H: HardwareModel>(
        &mut self,
        model: &mut H,
        kind: Kind,
        la: LinearAddr,
        expected: Expected,
    ) -> Result<(), ReadError> {
        self.canonical(la)?;
        self.sound.translated(kind, la)?;
        let (ctx, privilege) = *self.registers()?;
        let access = Access::new(kind.into(), privilege);
        let outcome = paging::translate(model, &mut self.entries, &ctx, la, access);
        while model.displaced().is_some() {} // there is no faster table in front
        self.played.translations += 1;
        self.played.differing += u64::from(outcome.is_ok() != (expected == Expected::Translation));
        if let Ok(translation) = outcome {
            self.recent[self.next] = Some((la.page_number(), translation));
            self.next = (self.next + 1) % RECENT;
        }
        Ok(())
    }

    /// An access is made, where its page was translated to. One that this model has no translation for is not.
    fn make<H: HardwareModel>(
        &mut self,
        model: &mut H,
        kind: Kind,
        la: LinearAddr,
        size: u32,
    ) -> Result<(), ReadError> {
        sound::within_page(la, size)?;
        self.sound.made();
        let newest_first = (1..=RECENT).map(|back| &self.recent[(self.next + RECENT - back) % RECENT]);
        let mut of_page = newest_first.flatten().filter(|(page, _)| *page == la.page_number());
        let Some((_, translation)) = of_page.next() else {
            return check(self.played.differing > 0, "an access was made that was not translated");
        };
        let pa = translation.apply(la);
        match kind {
            Kind::Read => model.load(la, pa, size),
            Kind::Write => model.store(la, pa, size),
            Kind::Fetch => model.fetch(la, pa),
        }
        Ok(())
    }
}

/// How a translation has ended in the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expected {
    Translation,
    Fault,
}

fn invalidation(what: Invalidate) -> Invalidation {
    let pcid = |number: u16| Pcid::of_word(number.into());
    match what {
        Invalidate::Page { la, pcid: number } => Invalidation::Page { la: LinearAddr(la), pcid: pcid(number) },
        Invalidate::Address { la, pcid: number } => Invalidation::Address { la: LinearAddr(la), pcid: pcid(number) },
        Invalidate::Context { pcid: number } => Invalidation::Context(pcid(number)),
        Invalidate::NonGlobal => Invalidation::NonGlobal,
        Invalidate::All => Invalidation::All,
    }
}
