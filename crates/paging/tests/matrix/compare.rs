//! Runs a matrix: each combination is answered by the walker and by the naive statement.

use crate::naive::cpu::{Cpu, What, Who};
use crate::naive::rules::{Answer, judge};
use crate::naive::wrong::Wrong;
use crate::shape::Shape;
use crate::walker::Walker;
use rayon::prelude::*;

/// How many disagreements are kept to be shown.
const SHOWN: usize = 5;

/// Which combinations of a matrix are compared.
#[derive(Clone, Copy)]
pub(crate) enum Part {
    Whole,
    /// On each processor one access of every so many, beginning with another for each.
    OneIn(u64),
}

/// What a comparison found.
#[derive(Default)]
pub(crate) struct Tally {
    pub(crate) allowed: u64,
    pub(crate) not_present: u64,
    pub(crate) reserved: u64,
    pub(crate) denied: u64,
    pub(crate) denied_by_key: u64,
    pub(crate) disagreements: u64,
    pub(crate) shown: Vec<String>,
}

impl Tally {
    pub(crate) fn compared(&self) -> u64 {
        self.allowed + self.not_present + self.reserved + self.denied + self.denied_by_key
    }

    fn count(&mut self, answer: &Answer) {
        let class = match answer.result.map_err(|fault| fault.err) {
            Ok(_) => &mut self.allowed,
            Err(err) if err & 8 != 0 => &mut self.reserved,
            Err(err) if err & 32 != 0 => &mut self.denied_by_key,
            Err(err) if err & 1 != 0 => &mut self.denied,
            Err(_) => &mut self.not_present,
        };
        *class += 1;
    }

    fn disagree(&mut self, show: impl FnOnce() -> String) {
        self.disagreements += 1;
        if self.shown.len() < SHOWN {
            self.shown.push(show());
        }
    }

    fn add(mut self, other: Self) -> Self {
        self.allowed += other.allowed;
        self.not_present += other.not_present;
        self.reserved += other.reserved;
        self.denied += other.denied;
        self.denied_by_key += other.denied_by_key;
        self.disagreements += other.disagreements;
        self.shown.extend(other.shown);
        self.shown.truncate(SHOWN);
        self
    }
}

/// Compares a part of a matrix. The statement may have a rule wrong, the walker never has.
pub(crate) fn compare(shape: &Shape, part: Part, wrong: Option<Wrong>) -> Tally {
    let one = |number| on_one_processor(shape, number, part, wrong);
    (0..shape.processors()).into_par_iter().map(one).reduce(Tally::default, Tally::add)
}

fn on_one_processor(shape: &Shape, number: u64, part: Part, wrong: Option<Wrong>) -> Tally {
    let cpu = Cpu { wrong, ..shape.processor(number) };
    let walker = Walker::new(&cpu);
    let (first, step) = match part {
        Part::Whole => (0, 1),
        Part::OneIn(step) => (number * 89 % step, step),
    };
    let mut tally = Tally::default();
    for access in (first..shape.accesses()).step_by(step as usize) {
        let (path, who, what) = shape.access(access);
        let path = &path[..shape.path.len()];
        let stated = judge(&cpu, path, shape.la, who, what);
        let walked = walker.judge(path, shape.la, who, what);
        tally.count(&stated);
        if stated != walked {
            tally.disagree(|| show(&cpu, path, who, what, &stated, &walked));
        }
    }
    tally
}

fn show(cpu: &Cpu, path: &[u64], who: Who, what: What, stated: &Answer, walked: &Answer) -> String {
    format!("{cpu:x?}\n  {who:?} {what:?} through {path:#x?}\n  statement {stated:x?}\n  walker    {walked:x?}")
}
