//! The execution units: how many there are of each kind, and when each is busy.
//!
//! A unit takes one operation a cycle, but the divider, which is busy for as long as its operation. Operations come in program order and ask
//! for a cycle at which they are ready, which may be earlier than one that was given already: so a calendar says how many operations each
//! cycle has.

use crate::Cycles;
use crate::config::UnitConfig;
use arch::InstrClass;

/// Cycles that the calendar looks back on.
const SPAN: usize = 1024;

/// A kind of unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    Load,
    Store,
    Alu,
    Branch,
    Mul,
    Div,
    Vector,
    X87,
}

impl Unit {
    const COUNT: usize = 8;

    /// The unit that an instruction computes in.
    pub(super) const fn of(class: InstrClass) -> Self {
        match class {
            InstrClass::Alu | InstrClass::Move | InstrClass::String | InstrClass::Syscall | InstrClass::System => {
                Self::Alu
            }
            InstrClass::Mul => Self::Mul,
            InstrClass::Div => Self::Div,
            InstrClass::Branch => Self::Branch,
            InstrClass::Vector => Self::Vector,
            InstrClass::X87 => Self::X87,
        }
    }
}

/// All units of a core.
#[derive(Clone, Debug)]
pub(super) struct Units {
    kinds: [Calendar; Unit::COUNT],
    dividers: Box<[Cycles]>,
}

impl Units {
    pub(super) fn new(config: &UnitConfig) -> Self {
        let UnitConfig { load, store, alu, branch, mul, div, vector, x87 } = *config;
        Self {
            kinds: [load, store, alu, branch, mul, div, vector, x87].map(Calendar::new),
            dividers: vec![Cycles(0); div.max(1) as usize].into(),
        }
    }

    /// Gives an operation that is ready at `at`, and takes `latency`, its first cycle in a unit.
    #[inline]
    pub(super) fn issue(&mut self, unit: Unit, at: Cycles, latency: Cycles) -> Cycles {
        if unit == Unit::Div {
            return self.divide(at, latency);
        }
        self.kinds[unit as usize].take(at)
    }

    fn divide(&mut self, at: Cycles, latency: Cycles) -> Cycles {
        let first = self.dividers.iter_mut().min_by_key(|free| **free).expect("there is one at least");
        let start = at.max(*first);
        *first = start + latency;
        start
    }
}

/// How many operations each of the latest cycles has.
#[derive(Clone, Debug)]
struct Calendar {
    units: u8,
    cycles: Box<[(u64, u8)]>,
}

impl Calendar {
    fn new(units: u32) -> Self {
        Self { units: units.clamp(1, u8::MAX.into()) as u8, cycles: vec![(0, 0); SPAN].into() }
    }

    #[inline]
    fn take(&mut self, at: Cycles) -> Cycles {
        let mut cycle = at.0;
        loop {
            let (held, used) = &mut self.cycles[cycle as usize % SPAN];
            if *held != cycle {
                (*held, *used) = (cycle, 0);
            }
            if *used < self.units {
                *used += 1;
                return Cycles(cycle);
            }
            cycle += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn units(set: impl Fn(&mut UnitConfig)) -> Units {
        let mut config = UnitConfig { load: 1, store: 1, alu: 2, branch: 1, mul: 1, div: 1, vector: 1, x87: 1 };
        set(&mut config);
        Units::new(&config)
    }

    #[test]
    fn a_cycle_has_as_many_operations_as_there_are_units() {
        let mut units = units(|_| {});
        let mut issue = |at| units.issue(Unit::Alu, Cycles(at), Cycles(1)).0;
        assert_eq!([issue(5), issue(5), issue(5)], [5, 5, 6]);
        assert_eq!(issue(4), 4, "one that is ready earlier takes an earlier cycle");
        assert_eq!([issue(5), issue(5)], [6, 7]);
    }

    #[test]
    fn a_divider_is_busy_until_it_is_done() {
        let mut one = units(|_| {});
        assert_eq!(one.issue(Unit::Div, Cycles(3), Cycles(20)), Cycles(3));
        assert_eq!(one.issue(Unit::Div, Cycles(4), Cycles(20)), Cycles(23));
        let mut two = units(|config| config.div = 2);
        two.issue(Unit::Div, Cycles(3), Cycles(20));
        assert_eq!(two.issue(Unit::Div, Cycles(4), Cycles(20)), Cycles(4));
    }
}
