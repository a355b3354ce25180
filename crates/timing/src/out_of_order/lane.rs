//! One core's timeline: when each instruction is dispatched, when it and its accesses execute, and when it retires.
//!
//! Instructions come in the order of the program, and each is placed in time at once: it is *dispatched*, so many a cycle, when the
//! front end has it and the reorder buffer, the load queue and the store queue have room; it *executes* when its operands are known and a unit
//! is free; it *retires* when it has executed and all before it have retired, so many a cycle. A store goes to the first level behind its
//! retirement, in order. Nothing that comes later changes what was placed before.
//!
//! The real core and its twin are two of these. They differ in one thing: the moment at which an access goes on to the data, once it is
//! translated, is given from outside.

use super::code::Decoded;
use super::fills::{Arrival, Fills};
use super::forward::Forward;
use super::ring::Ring;
use super::units::{Unit, Units};
use crate::Cycles;
use crate::config::{HardwareConfig, WindowConfig};
use crate::ledger::Cause;
use crate::memory::{Supplier, line_of, lines};
use arch::{Ordering, PhysAddr, RegSet};
use paging::tlb::GeometryError;

/// From one stage to the next.
const STAGE: Cycles = Cycles(1);

/// The instruction that is being placed.
#[derive(Clone, Debug, Default)]
struct Work {
    /// From when on its accesses may begin, and what it computes.
    address: Cycles,
    data: Cycles,
    /// When all that it has loaded is there.
    loaded: Cycles,
    /// When what it computes is known.
    computed: Option<Cycles>,
    /// When the last thing is done that it has to wait for before it retires.
    done: Cycles,
    /// Stores whose place is still to be read.
    updates: u8,
    /// The next access is a half of one that crosses a page, and its other half too.
    crossing: Option<Halves>,
    stores: Vec<Store>,
}

/// The halves of an access that crosses a page begin together.
#[derive(Clone, Copy, Debug)]
enum Halves {
    Both,
    /// The other one has begun.
    Second(Cycles),
}

#[derive(Clone, Copy, Debug)]
struct Store {
    pa: PhysAddr,
    size: u32,
    known: Cycles,
}

/// A core.
#[derive(Clone, Debug)]
pub(super) struct Lane {
    config: WindowConfig,
    /// The cycle in which the next instruction is dispatched at the earliest, and how many that cycle has.
    dispatch: (Cycles, u32),
    /// From when on the front end has the next instruction.
    front: Cycles,
    registers: [Cycles; RegSet::COUNT],
    reorder: Ring,
    load_queue: Ring,
    store_queue: Ring,
    units: Units,
    fills: Fills,
    forward: Forward,
    /// When the last instruction has retired, and how many have in that cycle.
    retired: (Cycles, u32),
    /// When the last store has reached the first level.
    drained: Cycles,
    work: Work,
    /// Lines that were written to by the instruction, until they are sent.
    written: Vec<(u64, Supplier, Cycles)>,
    first_latency: Cycles,
}

impl Lane {
    pub(super) fn new(config: &HardwareConfig) -> Result<Self, GeometryError> {
        let window = config.window;
        Ok(Self {
            config: window,
            dispatch: (Cycles(0), 0),
            front: Cycles(0),
            registers: [Cycles(0); RegSet::COUNT],
            reorder: Ring::new(window.reorder_buffer),
            load_queue: Ring::new(window.load_queue),
            store_queue: Ring::new(window.store_queue),
            units: Units::new(&window.units),
            fills: Fills::new(&config.memory)?,
            forward: Forward::new(),
            retired: (Cycles(0), 0),
            drained: Cycles(0),
            work: Work::default(),
            written: Vec::new(),
            first_latency: config.memory.l1d.map_or(Cycles(0), |l1d| l1d.latency),
        })
    }

    /// When the last instruction has retired.
    pub(super) const fn now(&self) -> Cycles {
        self.retired.0
    }

    /// When the front end goes on: once it has what it waits for, but not before the last dispatch.
    pub(super) fn front(&self) -> Cycles {
        self.front.max(self.dispatch.0)
    }

    /// No instruction is dispatched before this moment any more.
    pub(super) const fn dispatched(&self) -> Cycles {
        self.dispatch.0
    }

    /// The front end has nothing until this moment.
    pub(super) fn stall_front(&mut self, until: Cycles) {
        self.front = self.front.max(until);
    }

    /// Asks for a line of code when the front end goes on. Gives who had it, and when the front end goes on then.
    pub(super) fn fetch(&mut self, pa: PhysAddr) -> (Supplier, Cycles) {
        let (supplier, latency) = self.fills.fetch(pa);
        if latency > Cycles(0) {
            self.front = self.front() + latency;
        }
        (supplier, self.front)
    }

    /// A load of an entry by a walker.
    pub(super) fn walk_load(&mut self, entry: PhysAddr, at: Cycles) -> Arrival {
        self.fills.read(entry, at)
    }

    /// A store to an entry by a walker. Nothing waits for the line.
    pub(super) fn walk_store(&mut self, entry: PhysAddr) {
        self.fills.write(entry);
    }

    /// Takes the next instruction: gives when it is dispatched, and for what it has waited.
    #[inline]
    pub(super) fn begin(&mut self, instruction: &Decoded) -> (Cycles, Cause) {
        let info = &instruction.info;
        let mut at = self.dispatch.0.max(self.front).max(self.reorder.available());
        let mut cause = Cause::Execution;
        if info.loads | info.updates > 0 {
            at = at.max(self.load_queue.available());
        }
        if info.stores > 0 && self.store_queue.available() > at {
            (at, cause) = (self.store_queue.available(), Cause::StoreQueue);
        }
        if info.ordering == Ordering::Serializing {
            at = at.max(self.retired.0);
        }
        if at > self.dispatch.0 {
            self.dispatch = (at, 0);
        }
        self.dispatch.1 += 1;
        if self.dispatch.1 == self.config.width {
            self.dispatch = (at + STAGE, 0);
        }
        let mut ready = at + STAGE;
        if info.ordering == Ordering::Locked {
            ready = ready.max(self.retired.0);
        }
        let address = self.known(info.address, ready);
        let data = self.known(info.reads, ready);
        let work = &mut self.work;
        (work.address, work.data) = (address, data);
        work.loaded = Cycles(0);
        work.computed = None;
        work.done = ready;
        work.updates = info.updates;
        work.crossing = None;
        work.stores.clear();
        (at, cause)
    }

    #[inline]
    fn known(&self, of: RegSet, at: Cycles) -> Cycles {
        of.numbers().fold(at, |latest, n| latest.max(self.registers[n]))
    }

    /// The next two accesses are the halves of one.
    pub(super) const fn cross(&mut self) {
        self.work.crossing = Some(Halves::Both);
    }

    /// The unit that makes the address of a store: one that reads the place first goes by that of loads.
    #[inline]
    pub(super) const fn store_unit(&self) -> Unit {
        if self.work.updates > 0 { Unit::Load } else { Unit::Store }
    }

    /// An access begins: when its address goes to the TLB.
    #[inline]
    pub(super) fn issue(&mut self, unit: Unit) -> Cycles {
        match self.work.crossing.take() {
            None => self.units.issue(unit, self.work.address, STAGE),
            Some(Halves::Second(at)) => at,
            Some(Halves::Both) => {
                let at = self.units.issue(unit, self.work.address, STAGE);
                self.work.crossing = Some(Halves::Second(at));
                at
            }
        }
    }

    /// A load whose address was translated at `at`. Gives how its last line arrived.
    #[inline]
    pub(super) fn load(&mut self, at: Cycles, pa: PhysAddr, size: u32) -> Arrival {
        let arrival = self.read(at, pa, size);
        self.work.updates = self.work.updates.saturating_sub(1);
        self.work.loaded = self.work.loaded.max(arrival.ready);
        self.work.done = self.work.done.max(arrival.ready);
        arrival
    }

    #[inline]
    fn read(&mut self, at: Cycles, pa: PhysAddr, size: u32) -> Arrival {
        let mut last = Arrival { supplier: Supplier::L1, asked: at, ready: at };
        for line in lines(pa, size) {
            let arrival = self.fills.read(line, at);
            if arrival.ready >= last.ready {
                last = arrival;
            }
        }
        if let Some(known) = self.forward.load(pa, at) {
            let ready = at.max(known) + self.first_latency;
            last = Arrival { supplier: Supplier::L1, asked: at, ready };
        }
        last
    }

    /// A store whose address was translated at `at`.
    #[inline]
    pub(super) fn store(&mut self, instruction: &Decoded, at: Cycles, pa: PhysAddr, size: u32) {
        let known = self.compute(instruction);
        self.work.done = self.work.done.max(at).max(known);
        for line in lines(pa, size) {
            let (supplier, latency) = self.fills.write(line);
            self.written.push((line_of(line), supplier, latency));
        }
        self.work.stores.push(Store { pa, size, known });
    }

    /// When what the instruction computes is known.
    #[inline]
    pub(super) fn compute(&mut self, instruction: &Decoded) -> Cycles {
        if let Some(computed) = self.work.computed {
            return computed;
        }
        let ready = self.work.data.max(self.work.loaded);
        let computed = match instruction.cost.latency {
            None => ready,
            Some(latency) => self.units.issue(instruction.cost.unit, ready, latency) + latency,
        };
        self.work.computed = Some(computed);
        self.work.done = self.work.done.max(computed);
        computed
    }

    /// The instruction has to wait for this moment before it retires.
    pub(super) fn wait(&mut self, until: Cycles) {
        self.work.done = self.work.done.max(until);
    }

    /// The instruction has made all its accesses: places its retirement. Gives when what it computes is known.
    #[inline]
    pub(super) fn end(&mut self, instruction: &Decoded) -> Cycles {
        let info = &instruction.info;
        let computed = self.compute(instruction);
        for n in info.writes.numbers() {
            self.registers[n] = computed;
        }
        let retired = self.retire(self.work.done);
        self.reorder.take(retired);
        if info.loads | info.updates > 0 {
            self.load_queue.take(retired);
        }
        if info.stores > 0 {
            self.send_stores(retired);
        }
        if info.ordering == Ordering::Serializing {
            self.stall_front(retired);
        }
        computed
    }

    #[inline]
    fn retire(&mut self, done: Cycles) -> Cycles {
        let (last, count) = self.retired;
        self.retired = match done.max(last) {
            at if at > last => (at, 1),
            at if count < self.config.width => (at, count + 1),
            at => (at + STAGE, 1),
        };
        self.retired.0
    }

    fn send_stores(&mut self, retired: Cycles) {
        let mut leaves = self.drained.max(retired);
        for (line, supplier, latency) in self.written.drain(..) {
            leaves = leaves.max(self.fills.send(line, supplier, latency, retired));
        }
        leaves += STAGE;
        self.drained = leaves;
        self.store_queue.take(leaves);
        for store in &self.work.stores {
            self.forward.store(store.pa, store.size, store.known, leaves);
        }
    }

    /// The instruction under way does not retire: all before it have, and it is thrown away at this moment or behind.
    pub(super) fn abandon(&mut self, at: Cycles) {
        let at = self.retired.0.max(at);
        self.written.clear();
        self.wait_for_all(at);
    }

    /// Time passes without instructions.
    pub(super) fn pass(&mut self, cycles: Cycles) {
        self.wait_for_all(self.retired.0 + cycles);
    }

    fn wait_for_all(&mut self, at: Cycles) {
        if at > self.retired.0 {
            self.retired = (at, 0);
        }
        self.stall_front(at);
    }

    /// From when on the accesses of the instruction under way may begin.
    #[inline]
    pub(super) const fn ready(&self) -> Cycles {
        self.work.address
    }

    /// When the instruction under way has done all that is known of so far.
    pub(super) const fn done(&self) -> Cycles {
        self.work.done
    }
}
