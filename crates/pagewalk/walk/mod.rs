//! `pagewalk walk`: what a translation gives, entry by entry; and the check of recorded cases.
//!
//! A walk is taken from a run that is stopped midway, or from a case file. It has no side effects: no A or D is set.

mod args;
mod cases;
mod json;
mod picture;
mod rules;

pub(crate) use args::WalkArgs;

use crate::error::Error;
use crate::{report, run};
use arch::{Access, AccessKind, Level, LinearAddr, PageFault, Privilege};
use pagewalk::{BufferConsole, Interrupt, Machine, Stop, Stopped};
use paging::{PagingContext, PhysMem, Reason, Step, Translation, WalkEnd};
use std::process::ExitCode;

/// A walk that is to be shown.
struct Shown {
    ctx: PagingContext,
    la: LinearAddr,
    access: Access,
    /// The entries that it used, each with what the access is to set in it.
    end: WalkEnd,
    outcome: Outcome,
}

/// What came of it.
enum Outcome {
    /// There is no walk (MMU-150).
    NotCanonical,
    /// The access is allowed.
    Allowed(Translation),
    /// It faults.
    Fault(PageFault, Reason),
}

impl Shown {
    fn new(mem: &dyn PhysMem, ctx: &PagingContext, la: LinearAddr, access: Access) -> Self {
        let la = ctx.mode().linear_width().wrap(la);
        let (end, outcome) = if ctx.is_canonical(la, 1) {
            let (end, step) = paging::inspect(mem, ctx, la, access);
            let outcome = match step {
                Step::Done(translation) => Outcome::Allowed(translation),
                Step::Fault(fault, reason) => Outcome::Fault(fault, reason),
                Step::Load(_) => unreachable!("an inspected walk has ended"),
            };
            (end, outcome)
        } else {
            (WalkEnd::default(), Outcome::NotCanonical)
        };
        Self { ctx: *ctx, la, access, end, outcome }
    }

    /// True if the walk's entry `n` maps a page, or would but for what is wrong with it.
    fn maps_page(&self, n: usize) -> bool {
        const PS: u64 = 1 << 7;
        let entry = &self.end.entries()[n];
        let larger = matches!(entry.level, Level::Pd | Level::Pdpt) && entry.seen & PS != 0;
        n + 1 == self.end.entries().len() && (entry.level == Level::Pt || larger)
    }
}

/// Serves the command.
pub(crate) fn walk(args: &WalkArgs) -> Result<ExitCode, Error> {
    if let Some(file) = &args.cases {
        return cases::run(args, file);
    }
    print(args, &[from_run(args)?])
}

/// The walk of the fault that a run has stopped at, drawn.
pub(crate) fn at_fault(machine: &Machine, fault: PageFault) -> String {
    let mmu = machine.cpu().mmu();
    let access = Access::new(fault.code.access_kind(), Privilege::User);
    picture::of(&Shown::new(&mmu.bus, mmu.context(), fault.cr2, access))
}

/// Prints walks, each after an empty line but the first.
fn print(args: &WalkArgs, walks: &[Shown]) -> Result<ExitCode, Error> {
    let texts: Vec<String> = walks
        .iter()
        .map(|shown| if args.json { format!("{}\n", json::of(shown)) } else { picture::of(shown) })
        .collect();
    report::print(&texts.join(if args.json { "" } else { "\n" }))?;
    Ok(ExitCode::SUCCESS)
}

/// Runs the program to where it is to stop, and walks its page tables there. What it prints is dropped.
fn from_run(args: &WalkArgs) -> Result<Shown, Error> {
    let console = BufferConsole::new("");
    if args.guest.reclaim.wants_clock() {
        return Err(Error::NoClock { policy: args.guest.reclaim });
    }
    let mut machine = Machine::new(run::config(&args.guest), Box::new(console), Interrupt::new())?;
    run::exec(&mut machine, &args.guest, &args.program)?;
    let fault = match machine.run_until(stop(args)) {
        Stopped::There => None,
        Stopped::AtFault(fault) => Some(fault),
        Stopped::Ended(_) => return Err(Error::EndedBefore { instructions: machine.stats().instructions }),
    };
    let (la, access) = target(args, &machine, fault);
    let mmu = machine.cpu().mmu();
    let ctx = PagingContext { accessed_on_fault: args.accessed_on_fault.into(), ..*mmu.context() };
    Ok(Shown::new(&mmu.bus, &ctx, la, access))
}

fn stop(args: &WalkArgs) -> Stop {
    match (args.after, args.at, args.fault) {
        (Some(count), ..) => Stop::After(count),
        (_, Some(la), _) => Stop::At(la.0),
        (_, _, Some(number)) => Stop::Fault(number),
        _ => Stop::After(0),
    }
}

/// The address and the access: those asked for, or the fault's, or the fetch of the next instruction.
fn target(args: &WalkArgs, machine: &Machine, fault: Option<PageFault>) -> (LinearAddr, Access) {
    let next = LinearAddr(machine.context().rip);
    let la = args.la.map(|la| la.0).or(fault.map(|fault| fault.cr2)).unwrap_or(next);
    let of_fault = fault.map(|fault| fault.code.access_kind());
    let usual = if args.la.is_some() { AccessKind::Read } else { AccessKind::Fetch };
    let kind = args.access.map(Into::into).or(of_fault).unwrap_or(usual);
    (la, Access::new(kind, args.privilege.map_or(Privilege::User, Into::into)))
}

/// Who makes an access, in words.
const fn privilege_name(privilege: Privilege) -> &'static str {
    match privilege {
        Privilege::User => "user",
        Privilege::Supervisor => "supervisor",
        Privilege::SupervisorImplicit => "implicit supervisor",
    }
}
