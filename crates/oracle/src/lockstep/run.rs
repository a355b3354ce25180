//! The loop: so many instructions natively, as many on the machine, and a look at all registers.

use super::calls::{Call, carry_over};
use super::guest::Guest;
use super::insn::{Known, Known64, Treatment, decode};
use super::tracee::{Stop, Tracee, to_user};
use crate::isa::compare::register_differences;
use crate::isa::registers::Registers;
use arch::{Gpr, Rflags};
use machine::Ending;
use std::collections::VecDeque;
use std::path::Path;

/// Addresses that are kept for the report.
const TRAIL: usize = 12;
/// The end of the stack.
const STACK_END: u64 = 0x7fff_ffff_f000;

/// How far to go.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Instructions at most.
    pub instructions: u64,
    /// Instructions between two looks. With 1 each is compared; with more, the machine runs whole blocks.
    pub stride: u64,
}

/// How a comparison went.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// Equal up to the limit.
    Limit,
    /// Equal up to the program's end.
    Ended(Ending),
    /// Equal up to something that cannot be compared.
    Beyond(String),
    /// Not equal.
    Diverged(String),
}

/// What came out.
#[derive(Clone, Debug)]
pub struct Report {
    /// Instructions that were equal.
    pub instructions: u64,
    /// How it ended.
    pub verdict: Verdict,
}

/// Runs a program on both sides.
///
/// # Errors
/// In words, if it cannot be started.
pub fn run(program: &Path, args: &[String], limits: Limits) -> Result<Report, String> {
    let guest = Guest::start(program, args)?;
    let mut tracee = Tracee::start(program).map_err(|error| error.to_string())?;
    let entry = guest.regs();
    let native = tracee.regs();
    if native.rip != entry.rip {
        return Err(format!(
            "the entry is at {:#x} natively and at {:#x} here: is the program position-independent?",
            native.rip, entry.rip
        ));
    }
    let rsp = entry.gpr[Gpr::Rsp as usize];
    let stack = guest.read(rsp, (STACK_END - rsp) as usize);
    tracee.write(rsp, &stack).map_err(|error| error.to_string())?;
    let mut user = native;
    to_user(&entry, &mut user);
    tracee.set_regs(&user);
    let trail = VecDeque::with_capacity(TRAIL);
    let both = Both { guest, tracee, known: Known64::default(), behind: 0, undefined: 0, brk: 0, done: 0, trail };
    Ok(both.run(limits))
}

struct Both {
    guest: Guest,
    tracee: Tracee,
    known: Known64,
    /// Instructions that the native side is ahead.
    behind: u64,
    /// Flags that are undefined since the instruction that wrote them.
    undefined: u64,
    /// The end of the heap.
    brk: u64,
    /// Instructions that were compared.
    done: u64,
    /// The last addresses.
    trail: VecDeque<u64>,
}

impl Both {
    fn run(mut self, limits: Limits) -> Report {
        let verdict = loop {
            if self.done + self.behind >= limits.instructions {
                break self.catch_up().unwrap_or(Verdict::Limit);
            }
            let rip = self.tracee.regs().rip;
            let known = self.known.at(&self.tracee, rip);
            if self.trail.len() == TRAIL {
                self.trail.pop_front();
            }
            self.trail.push_back(rip);
            if let Some(verdict) = self.instruction(rip, known, limits.stride) {
                break verdict;
            }
        };
        Report { instructions: self.done, verdict }
    }

    fn instruction(&mut self, rip: u64, known: Known, stride: u64) -> Option<Verdict> {
        let verdict = match known.treatment {
            Treatment::Syscall => self.catch_up().or_else(|| self.syscall()),
            Treatment::ByMachine => self.catch_up().or_else(|| self.by_machine()),
            Treatment::Plain | Treatment::Repeated | Treatment::PushesFlags => self.natively(rip, known.treatment),
        };
        self.undefined = self.undefined & !known.modified | known.undefined;
        verdict.or_else(|| if self.behind >= stride { self.catch_up() } else { None })
    }

    fn natively(&mut self, rip: u64, treatment: Treatment) -> Option<Verdict> {
        loop {
            let stop = self.tracee.step();
            if stop != Stop::Step {
                return Some(self.catch_up().unwrap_or_else(|| self.native_signal(rip, stop)));
            }
            if treatment != Treatment::Repeated || self.tracee.regs().rip != rip {
                break;
            }
        }
        if treatment == Treatment::PushesFlags {
            self.clear_pushed_trap_flag();
        }
        self.behind += 1;
        None
    }

    /// The program faults natively: equal if the machine does not get past the instruction either.
    fn native_signal(&mut self, rip: u64, stop: Stop) -> Verdict {
        let what = format!("{rip:#x} {}: natively {stop:?}", decode(&self.tracee, rip));
        let ending = self.guest.advance(1);
        if ending.is_none() && self.guest.regs().rip == decode(&self.tracee, rip).next_ip() {
            return Verdict::Diverged(self.describe(&[what, "the machine goes on".to_string()]));
        }
        Verdict::Beyond(what)
    }

    /// PUSHF under single-stepping pushes TF.
    fn clear_pushed_trap_flag(&mut self) {
        let rsp = self.tracee.regs().rsp;
        let mut high = [0];
        if self.tracee.read(rsp + 1, &mut high).is_ok() {
            let trap = (Rflags::TF.bits() >> 8) as u8;
            let _ = self.tracee.write(rsp + 1, &[high[0] & !trap]);
        }
    }

    fn by_machine(&mut self) -> Option<Verdict> {
        if let Some(ending) = self.guest.advance(1) {
            return Some(Verdict::Ended(ending));
        }
        let mut user = self.tracee.regs();
        to_user(&self.guest.regs(), &mut user);
        self.tracee.set_regs(&user);
        self.done += 1;
        None
    }

    fn syscall(&mut self) -> Option<Verdict> {
        let before = self.guest.regs();
        let call = Call::from_regs(&before);
        if call.ends_comparison() {
            return Some(Verdict::Beyond(format!("system call {}", call.number)));
        }
        if let Some(ending) = self.guest.advance(1) {
            return Some(Verdict::Ended(ending));
        }
        if self.guest.regs().rip != before.rip + 2 {
            return Some(Verdict::Beyond(format!("a signal in system call {}", call.number)));
        }
        if let Err(what) = carry_over(call, &self.guest, &mut self.tracee, &mut self.brk) {
            return Some(Verdict::Beyond(what));
        }
        self.done += 1;
        None
    }

    /// Lets the machine catch up, and compares.
    fn catch_up(&mut self) -> Option<Verdict> {
        let steps = std::mem::take(&mut self.behind);
        if steps == 0 {
            return None;
        }
        if let Some(ending) = self.guest.advance(steps) {
            return Some(Verdict::Diverged(self.describe(&[format!("the machine: {ending:?}")])));
        }
        let (want, got) = (self.tracee.all(), self.guest.regs());
        let differ = register_differences(&want, &got, self.undefined);
        if !differ.is_empty() {
            let mut lines = differ;
            lines.extend(states(&want, &got));
            return Some(Verdict::Diverged(self.describe(&lines)));
        }
        self.done += steps;
        None
    }

    fn describe(&self, lines: &[String]) -> String {
        let mut out = format!("after {} equal instructions\n", self.done);
        for &rip in &self.trail {
            out.push_str(&format!("  {rip:#x}  {}\n", decode(&self.tracee, rip)));
        }
        for line in lines {
            out.push_str(&format!("{line}\n"));
        }
        out
    }
}

/// Both states in full.
fn states(want: &Registers, got: &Registers) -> Vec<String> {
    let side = |name: &str, regs: &Registers| {
        let words: Vec<String> = regs.gpr.iter().map(|value| format!("{value:x}")).collect();
        format!("{name}: rip {:x}, flags {:x}, gpr {}", regs.rip, regs.rflags, words.join(" "))
    };
    vec![side("native", want), side("core  ", got)]
}
