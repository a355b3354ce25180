//! A core with a window: it executes what is ready, and hides a part of each translation.
//!
//! Two [`Lane`]s place the same instructions in time: the real core, whose accesses wait for their translations, and its twin, which
//! translates for nothing and has caches of its own. The reports of the host come in the order of the program, so each instruction is placed
//! in both as soon as its accesses are known.
//!
//! A cycle is charged to what kept the oldest instruction from retiring: an instruction is charged with the time from the
//! retirement of the one before to its own, divided by what it did in that time ([`path`]). So the charges sum to the cycles of
//! the run. What was hidden behind older instructions is charged to nobody. What the twin spends on an instruction is the time between the same two
//! retirements there.
//!
//! What a report comes to is in [`plug`] and [`translation`]; [`front`], [`access`] and [`place`] follow an instruction from its fetch to its
//! retirement.

mod access;
mod busy;
mod clocked;
mod code;
mod fills;
mod forward;
mod front;
mod lane;
mod path;
mod place;
mod plug;
mod predictor;
mod ring;
mod translation;
mod units;
mod walkers;

use crate::code::Fetching;
use crate::config::HardwareConfig;
use crate::in_order::EveryAccess;
use crate::ledger::{Ledger, Row};
use crate::{Counting, Cycles, EveryLookup, Telling, Timeline};
use access::Pending;
use arch::{LinearAddr, SpaceId};
use code::{Branch, Code};
use lane::Lane;
use paging::BlockId;
use paging::tlb::{ConfigError, TableCacheConfig};
use path::Path;
use place::Open;
use predictor::Predictor;
use std::marker::PhantomData;
use translation::Target;
use walkers::Walkers;

/// The model. With [`EveryLookup`] it is told of translations too that change nothing, and comes to the same.
#[derive(Clone, Debug)]
pub struct OutOfOrder<T = EveryAccess> {
    config: HardwareConfig,
    translations: Counting<EveryLookup>,
    ledger: Ledger,
    code: Code,
    core: Lane,
    twin: Lane,
    walkers: Walkers,
    predictor: Predictor,
    space: SpaceId,
    /// What is charged that no instruction retires for.
    row: Row,
    /// The block that is being executed, and its first instruction that was not placed yet.
    block: Option<BlockId>,
    next: usize,
    open: Option<Open>,
    pending: Vec<Pending>,
    /// When the first half of an access that crosses a page went to the TLB; the second is next.
    crossing: Option<Cycles>,
    /// Paths to be used again.
    spare: Vec<Path>,
    target: Target,
    is_walking: bool,
    /// What the instruction has waited for before it was dispatched, and in its access that took longest.
    front: Path,
    longest: Path,
    /// The branch that was placed last, and when it was decided in the real core and in its twin.
    branch: Option<(Branch, Cycles, Cycles)>,
    /// Where the fetch began that no block was entered behind yet.
    fetching: Option<LinearAddr>,
    instructions: Fetching,
    has_table_caches: bool,
    timeline: Option<Timeline>,
    telling: PhantomData<T>,
}

impl<T: Telling> OutOfOrder<T> {
    /// A core at rest, its caches empty.
    ///
    /// # Errors
    /// What makes the configuration impossible.
    pub fn new(config: &HardwareConfig) -> Result<Self, ConfigError> {
        let mut ledger = Ledger::new(config.memory.l1d.map_or(Cycles(0), |l1d| l1d.latency));
        let row = ledger.row(SpaceId::default(), LinearAddr(0));
        Ok(Self {
            config: config.clone(),
            translations: Counting::new(&config.tlb)?,
            ledger,
            code: Code::new(config.core.latency),
            core: Lane::new(config)?,
            twin: Lane::new(config)?,
            walkers: Walkers::new(config.walk.walkers, config.walk.queue),
            predictor: Predictor::new(config.predictor),
            space: SpaceId::default(),
            row,
            block: None,
            next: 0,
            open: None,
            pending: Vec::new(),
            crossing: None,
            spare: Vec::new(),
            target: Target::Front,
            is_walking: false,
            front: Path::default(),
            longest: Path::default(),
            branch: None,
            fetching: None,
            instructions: Fetching::new(),
            has_table_caches: config.tlb.tables != TableCacheConfig::default(),
            timeline: None,
            telling: PhantomData,
        })
    }
}
