//! Placing: each instruction in both lanes, in the order of the program, and what it is charged with.
//!
//! An instruction that accesses memory stays open until its last access has come in; the next one that is asked for, or the end of the
//! block, ends it. The time from the retirement of the one before is then divided by its [`Path`], and so every cycle is charged once.

use super::OutOfOrder;
use super::code::Decoded;
use super::path::Path;
use crate::ledger::{Cause, Charge, Ledger, Row};
use crate::{Cycles, Telling};
use arch::{LinearAddr, SpaceId};
use paging::BlockId;

/// An instruction that accesses memory, while its accesses come in.
#[derive(Clone, Copy, Debug)]
pub(super) struct Open {
    pub(super) n: usize,
    pub(super) decoded: Decoded,
    pub(super) row: Row,
}

impl<T: Telling> OutOfOrder<T> {
    /// Places all instructions of the block under way that were not, up to `end`.
    pub(super) fn place_until(&mut self, block: BlockId, end: usize) {
        if let Some(open) = self.open.take() {
            self.end(block, &open);
        }
        while self.next < end {
            let (decoded, row) = self.code.instruction_at(block, self.next);
            self.begin(&decoded, row);
            self.end(block, &Open { n: self.next, decoded, row });
        }
    }

    /// Ends the block under way, all of whose instructions have retired.
    pub(super) fn close(&mut self) {
        if let Some(block) = self.block.take() {
            let end = self.code.length(block);
            self.place_until(block, end);
        }
    }

    #[inline]
    fn begin(&mut self, decoded: &Decoded, row: Row) {
        let (dispatched, cause) = self.core.begin(decoded);
        self.twin.begin(decoded);
        // What is over before the last instruction has retired kept nobody waiting.
        if dispatched > self.core.now() {
            self.front.until(dispatched, cause);
        } else if cause != Cause::Execution {
            self.ledger.charge_times(row, cause, Charge::once(Cycles(0)), Cycles(0));
        }
    }

    fn end(&mut self, block: BlockId, open: &Open) {
        for pending in self.pending.drain(..) {
            self.core.wait(pending.at); // it was translated for an access that was not made
            note(&mut self.ledger, open.row, self.space, &pending.path);
            self.spare.push(pending.path);
        }
        let (before, perfect) = (self.core.now(), self.twin.now());
        let decided = (self.core.end(&open.decoded), self.twin.end(&open.decoded));
        self.ledger.retire(open.row, 1, Cycles(0));
        self.charge(open.row, before, perfect);
        self.branch = self.code.branch_at(block, open.n).map(|branch| (branch, decided.0, decided.1));
        self.next = open.n + 1;
    }

    /// Charges the time since two moments of the real core and of its twin: to what the path of the instruction says.
    fn charge(&mut self, row: Row, before: Cycles, perfect: Cycles) {
        let (now, perfect) = (self.core.now(), self.twin.now() - perfect);
        let waited = now - before;
        if self.front.is_empty() && self.longest.is_empty() {
            self.ledger.charge_times(row, Cause::Execution, Charge { times: 0, cycles: waited }, perfect);
            return;
        }
        note(&mut self.ledger, row, self.space, &self.front);
        if waited > Cycles(0) {
            self.front.append(&self.longest);
            let (ledger, space) = (&mut self.ledger, self.space);
            self.front.between(before, now, |cause, cycles, la| {
                add(ledger, row, (space, la), cause, Charge { times: 0, cycles });
            });
        }
        self.ledger.charge_times(row, Cause::Execution, Charge::default(), perfect);
        self.front.clear();
        self.longest.clear();
    }

    /// The instruction that the next access is of.
    #[inline]
    pub(super) fn open(&mut self) -> Option<Open> {
        if self.open.is_none() {
            let block = self.block?;
            let n = self.code.accessing(block, self.next).unwrap_or(self.next);
            self.place_until(block, n);
            let (decoded, row) = (n < self.code.length(block)).then(|| self.code.instruction_at(block, n))?;
            self.begin(&decoded, row);
            self.row = row;
            self.open = Some(Open { n, decoded, row });
        }
        self.open
    }

    /// The instruction under way is thrown away at this moment, and at that one in the twin, with all that it has begun.
    pub(super) fn abandon(&mut self, at: Cycles, in_twin: Cycles) {
        let (before, perfect) = (self.core.now(), self.twin.now());
        self.core.abandon(at);
        self.twin.abandon(in_twin);
        self.charge(self.row, before, perfect);
        self.spare.extend(self.pending.drain(..).map(|pending| pending.path));
        self.open = None;
        self.crossing = None;
        self.branch = None;
    }

    /// Time that both cores spend without instructions.
    pub(super) fn spend(&mut self, cause: Cause, cycles: Cycles) {
        self.core.pass(cycles);
        self.twin.pass(cycles);
        self.ledger.charge(self.row, cause, cycles, cycles);
    }
}

/// Notes that what an instruction has waited for has happened, whether it will have cost anything or not.
pub(super) fn note(ledger: &mut Ledger, row: Row, space: SpaceId, path: &Path) {
    for (cause, la) in path.causes() {
        add(ledger, row, (space, la), cause, Charge::once(Cycles(0)));
    }
}

fn add(ledger: &mut Ledger, row: Row, (space, la): (SpaceId, LinearAddr), cause: Cause, charge: Charge) {
    ledger.charge_times(row, cause, charge, Cycles(0));
    if cause.is_translation() {
        ledger.charge_page(space, la, cause, charge);
    }
}
