//! `pagewalk trace at`: the machine as it was at a fault of a trace, had by running there again.

use super::args::AtArgs;
use super::console::{Output, Pipes};
use super::{open, options, program, unusable};
use crate::error::Error;
use crate::{report, run, walk};
use kernel::mm::{HistoryMode, MappingRecord};
use pagewalk::trace::{Column, Header, Line, configure};
use pagewalk::{Interrupt, Machine, MachineConfig, Stop, Stopped};
use std::ffi::OsString;
use std::fmt::Write;
use std::path::Path;
use std::process::ExitCode;

/// Registers, in the order in which debuggers show them: their names, and their numbers in instructions.
const REGISTERS: [(&str, usize); 16] = [
    ("rax", 0),
    ("rbx", 3),
    ("rcx", 1),
    ("rdx", 2),
    ("rsi", 6),
    ("rdi", 7),
    ("rbp", 5),
    ("rsp", 4),
    ("r8", 8),
    ("r9", 9),
    ("r10", 10),
    ("r11", 11),
    ("r12", 12),
    ("r13", 13),
    ("r14", 14),
    ("r15", 15),
];

/// A fault of a trace.
struct Found {
    line: Line,
    /// Its number among the faults of programs, which the kernel layer's own are not.
    fault: u64,
}

/// Runs to a fault and shows the machine.
pub(super) fn at(args: &AtArgs) -> Result<ExitCode, Error> {
    let (header, found) = find(&args.trace, args.event)?;
    let guest = options::read(&header.options)?;
    let config = MachineConfig { history: HistoryMode::Keep, ..configure(run::config(&guest), &[]) };
    let console = Box::new(Pipes::of(&header, Output::Dropped, Box::new(|| ()))?);
    if guest.reclaim.wants_clock() {
        return Err(Error::NoClock { policy: guest.reclaim });
    }
    let mut machine = Machine::new(config, console, Interrupt::new())?;
    let program: Vec<OsString> = program(&header, &[])?.into_iter().map(OsString::from).collect();
    run::exec(&mut machine, &guest, &program)?;
    let Stopped::AtFault(fault) = machine.run_until(Stop::Fault(found.fault)) else {
        return Err(Error::EndedBefore { instructions: machine.stats().instructions });
    };
    let mut text = format!("event {}: {}\n\n", args.event, found.line);
    text += &registers(&machine);
    text += "\nmappings\n";
    text += &mappings(&machine);
    text += "\n";
    text += &walk::at_fault(&machine, fault);
    report::print(&text)?;
    Ok(ExitCode::SUCCESS)
}

/// The event with this number, which has to be a fault that a program has made.
fn find(path: &Path, number: u64) -> Result<(Header, Found), Error> {
    let mut trace = open(path)?;
    let (mut n, mut faults, mut found) = (0, 0, None);
    while n < number {
        let Some(line) = trace.next_line().map_err(|cause| unusable(path, cause))? else { break };
        let of_program = is_fault(line) && !line.column(Column::Place).ends_with("()");
        faults += u64::from(of_program);
        n += 1;
        if n == number {
            found = Some((line.clone(), of_program.then_some(faults)));
        }
    }
    match found {
        None => Err(Error::NoEvent { number, why: "the trace has fewer" }),
        Some((line, Some(fault))) => Ok((trace.header().clone(), Found { line, fault })),
        Some((line, None)) if is_fault(&line) => {
            Err(Error::NoEvent { number, why: "the kernel layer made that access, in the middle of a system call" })
        }
        Some(_) => Err(Error::NoEvent { number, why: "it is no page fault" }),
    }
}

fn is_fault(line: &Line) -> bool {
    matches!(line.column(Column::Event), "read" | "write" | "fetch")
}

fn registers(machine: &Machine) -> String {
    let ctx = machine.cpu().context();
    let mut text = format!("rip {:#x}, {} instructions retired\n", ctx.rip, machine.stats().instructions);
    for row in REGISTERS.chunks(4) {
        let row: Vec<String> = row.iter().map(|(name, n)| format!("{name:<3} {:#018x}", ctx.gpr[*n])).collect();
        let _ = writeln!(text, "  {}", row.join("  "));
    }
    let flags: Vec<&str> = ctx.rflags.iter_names().map(|(name, _)| name).filter(|name| *name != "FIXED").collect();
    let _ = writeln!(text, "  rflags {:#x} {}", ctx.rflags.bits(), flags.join(" "));
    let _ = writeln!(text, "  fs base {:#x}, gs base {:#x}, pkru {:#x}", ctx.fs_base, ctx.gs_base, ctx.pkru);
    text
}

fn mappings(machine: &Machine) -> String {
    let kernel = machine.kernel();
    let spaces = kernel.address_spaces();
    let here = spaces.iter().find(|record| record.space == kernel.space());
    let mut all: Vec<&MappingRecord> = here.into_iter().flat_map(|record| &record.mappings).collect();
    all.sort();
    all.into_iter().map(mapping).collect()
}

/// As in `/proc/<pid>/maps`.
fn mapping(record: &MappingRecord) -> String {
    let right = |n: usize, letter| if record.rights[n] { letter } else { '-' };
    let shared = if record.is_shared { 's' } else { 'p' };
    let rights: String = [right(0, 'r'), right(1, 'w'), right(2, 'x'), shared].into_iter().collect();
    let name = String::from_utf8_lossy(&record.name);
    let line = format!("  {:#x}-{:#x} {rights} {:#x} {name}", record.start.0, record.end.0, record.offset);
    format!("{}\n", line.trim_end())
}
