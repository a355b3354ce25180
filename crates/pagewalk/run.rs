//! `pagewalk run`.

use crate::cli::{GuestArgs, RunArgs, Stat, StatFormat};
use crate::error::Error;
use crate::stat::Outcome;
use crate::{output, report, sanitize};
use pagewalk::trace::golden::ENVIRONMENT;
use pagewalk::{
    ClearTerminal, Console, CpuModel, Ending, ExecError, HostConsole, HugePages, Interrupt, Machine, MachineConfig,
    Mount, ReclaimConfig, SharedReferences, ViewConfig,
};
use paging::HardwareModel;
use signal_hook::{consts, low_level};
use std::ffi::OsString;
use std::io::IsTerminal;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};
use timing::{Counting, HardwareConfig};

/// Runs a program to its end and gives the exit status that stands for it.
pub(crate) fn run(args: &RunArgs) -> Result<ExitCode, Error> {
    output::spare_program(&args.guest, &args.program, args.record_references.as_deref())?;
    let (console, interrupt) = console(None)?;
    if let Some(timeout) = args.timeout.timeout {
        stop_after(timeout, interrupt.clone());
    }
    let config = MachineConfig {
        max_instructions: args.max_instructions,
        check_invariants: args.check_invariants,
        ..config(&args.guest)
    };
    if let Some(hardware) = args.hardware()? {
        return translated(args, &hardware, Machine::counting(config, console, interrupt, &hardware)?);
    }
    if args.sanitize.sanitize.is_some() && args.guest.reclaim.wants_clock() {
        return Err(Error::SanitizerAlone);
    }
    let Some(references) = references(args)? else {
        if sanitize::is_on(&args.sanitize) {
            return execute(args, &mut Machine::sanitizing(config, console, interrupt)?);
        }
        return execute(args, &mut Machine::new(config, console, interrupt)?);
    };
    let mut machine = Machine::with_references(config, console, interrupt, references.clone())?;
    let status = execute(args, &mut machine)?;
    if let Some(divergence) = references.finish()? {
        report::divergence(divergence);
    }
    Ok(status)
}

/// The host's terminal and files as the guest's, and what Ctrl-C stops. What is on the terminal goes before the guest uses it.
pub(crate) fn console(clear: Option<ClearTerminal>) -> Result<(Box<dyn Console>, Interrupt), Error> {
    let interrupt = interrupt()?;
    let console = HostConsole::new(interrupt.flag(), clear);
    Ok((Box::new(console), interrupt))
}

/// What Ctrl-C stops.
pub(crate) fn interrupt() -> Result<Interrupt, Error> {
    let interrupt = Interrupt::new();
    forward_signals(&interrupt)?;
    Ok(interrupt)
}

/// Runs a program through the TLBs of a processor.
fn translated(args: &RunArgs, hardware: &HardwareConfig, mut machine: Machine<Counting>) -> Result<ExitCode, Error> {
    let status = execute(args, &mut machine)?;
    if args.stat.is_some() {
        let outcome = Outcome { counters: *machine.cpu().mmu().model.counters(), cycles: None };
        report::say(&StatFormat::Text.render(&args.program[0].to_string_lossy(), hardware, &outcome));
    }
    Ok(status)
}

/// The reference clock, if the policy or a recording needs one.
fn references(args: &RunArgs) -> Result<Option<SharedReferences>, Error> {
    match (args.guest.reclaim.wants_future(), &args.references) {
        (true, None) => return Err(Error::NoReferences),
        (false, Some(_)) => return Err(Error::UselessReferences { policy: args.guest.reclaim }),
        _ => {}
    }
    if !args.guest.reclaim.wants_clock() && args.record_references.is_none() {
        return Ok(None);
    }
    let references = SharedReferences::new();
    if let Some(path) = &args.references {
        references.follow(path)?;
    }
    if let Some(path) = &args.record_references {
        references.record(path)?;
    }
    Ok(Some(references))
}

/// Loads the program into the machine, runs it to its end and reports.
fn execute<H: HardwareModel>(args: &RunArgs, machine: &mut Machine<H>) -> Result<ExitCode, Error> {
    exec(machine, &args.guest, &args.program)?;
    let started = Instant::now();
    let ending = run_to_the_end(machine);
    let elapsed = started.elapsed();
    report::ending(machine, &ending);
    report::limits(machine);
    if let Some(what) = args.stat {
        report::stats(&machine.stats(), (what == Stat::Host).then_some(elapsed));
    }
    Ok(sanitize::report(machine, report::status(&ending)))
}

/// What the terminal sends is the guest's.
fn forward_signals(interrupt: &Interrupt) -> Result<(), Error> {
    for (signal, flags) in interrupt.flags() {
        for flag in flags {
            signal_hook::flag::register(signal.number().into(), flag).map_err(Error::Signal)?;
        }
    }
    Ok(())
}

/// Runs the machine. If Ctrl-Z has stopped all that runs in it, pagewalk stops too, until a shell lets it go on.
pub(crate) fn run_to_the_end<H: HardwareModel>(machine: &mut Machine<H>) -> Ending {
    let mut ending = machine.run();
    while matches!(ending, Ending::Stopped(_)) && std::io::stdin().is_terminal() {
        if low_level::raise(consts::SIGSTOP).is_err() {
            break;
        }
        ending = machine.continue_stopped();
    }
    ending
}

/// Ends the run when the time is up. The thread ends with the process.
pub(crate) fn stop_after(timeout: Duration, interrupt: Interrupt) {
    std::thread::spawn(move || {
        std::thread::sleep(timeout);
        interrupt.stop();
    });
}

/// The machine that the options describe.
pub(crate) fn config(args: &GuestArgs) -> MachineConfig {
    let host_cwd = || std::env::current_dir().unwrap_or_else(|_| "/".into());
    let start = if args.root.is_some() { "/".into() } else { host_cwd() };
    let view = ViewConfig {
        root: args.root.clone(),
        mounts: args.mount.clone(),
        cwd: args.cwd.clone().unwrap_or(start),
        cwd_name: None,
        seed: args.seed,
    };
    MachineConfig {
        ram_bytes: args.ram.0,
        cpu: CpuModel { features: args.cpu, ..CpuModel::default() },
        seed: args.seed,
        quantum: args.quantum,
        max_processes: args.max_processes,
        swap: args.swap.clone(),
        costs: args.costs.clone().unwrap_or_default(),
        injections: args.inject.clone(),
        reclaim: ReclaimConfig {
            policy: args.reclaim,
            resident_limit: args.resident_limit,
            aging: args.aging_flush,
            page_cluster: Some(args.page_cluster),
        },
        thp: args.thp,
        readahead: args.readahead,
        hugepages: HugePages { of_2m: args.hugepages, of_1g: args.hugepages_1g },
        soft_tlb: args.soft_tlb.unwrap_or_default(),
        ..MachineConfig::new(view)
    }
}

/// The environment: the host's or the fixed list, then what `--env` sets, later over earlier, in the order of first mention.
fn environment(args: &GuestArgs) -> Vec<Vec<u8>> {
    let mut list: Vec<Vec<u8>> = if args.env_host {
        std::env::vars_os().map(|(name, value)| [name.into_vec(), value.into_vec()].join(&b'=')).collect()
    } else {
        ENVIRONMENT.iter().map(|v| v.as_bytes().to_vec()).collect()
    };
    let name = |variable: &[u8]| variable.split(|&b| b == b'=').next().unwrap_or_default().to_vec();
    for variable in args.env.iter().cloned().map(OsString::into_vec) {
        match list.iter_mut().find(|v| name(v) == name(&variable)) {
            Some(old) => *old = variable,
            None => list.push(variable),
        }
    }
    list
}

/// Loads the program. A name without a slash is looked up in the PATH of the program's environment, as a shell would.
pub(crate) fn exec<H: HardwareModel>(
    machine: &mut Machine<H>,
    args: &GuestArgs,
    program: &[OsString],
) -> Result<(), Error> {
    let argv: Vec<Vec<u8>> = program.iter().cloned().map(OsString::into_vec).collect();
    let envp = environment(args);
    let mut outcome = Ok(());
    for path in candidates(&argv[0], &envp) {
        outcome = machine.exec(&path, &argv, &envp);
        if !outcome.as_ref().is_err_and(is_not_found) {
            break;
        }
    }
    outcome.map_err(|cause| {
        let program = String::from_utf8_lossy(&argv[0]).into_owned();
        let help = help(&program, &cause);
        Error::Exec { program, cause, help }
    })
}

/// The files on the host that the program may be: those of its candidates. Links within --root lead where the host sees them lead.
pub(crate) fn host_files(args: &GuestArgs, program: &[OsString]) -> Vec<PathBuf> {
    let view = config(args).view;
    let host_file = |path: Vec<u8>| {
        let path = view.cwd.join(OsString::from_vec(path));
        let mounted = |mount: &Mount| path.strip_prefix(&mount.guest).ok().map(|rest| mount.host.join(rest));
        let root = view.root.as_deref().unwrap_or(Path::new("/"));
        let in_root = || root.join(path.strip_prefix("/").unwrap_or(&path));
        view.mounts.iter().rev().find_map(mounted).unwrap_or_else(in_root)
    };
    let name = program[0].clone().into_vec();
    candidates(&name, &environment(args)).into_iter().map(host_file).collect()
}

const fn is_not_found(e: &ExecError) -> bool {
    e.exit_code() == 127
}

/// What a person can do about a program that does not start.
fn help(program: &str, cause: &ExecError) -> String {
    match cause {
        ExecError::Load { source, .. } => source.help().to_string(),
        ExecError::Interpreter { interpreter, .. } => {
            format!("the program needs {interpreter} and its libraries in what it sees; or link it with -static")
        }
        ExecError::TooBig { .. } => "give fewer or shorter arguments, or fewer --env".into(),
        ExecError::Memory { .. } => "give the machine more memory with --ram".into(),
        e if is_not_found(e) && !program.contains('/') => {
            format!("there is no `{program}` in the PATH; for a file in the working directory write ./{program}")
        }
        e if is_not_found(e) => {
            "the program sees the host's files, without /proc, /sys, /dev and /run; --root and --mount change that"
                .into()
        }
        ExecError::File { .. } => "check that it is a regular file with execute permission".into(),
    }
}

fn candidates(program: &[u8], envp: &[Vec<u8>]) -> Vec<Vec<u8>> {
    if program.is_empty() || program.contains(&b'/') {
        return vec![program.to_vec()];
    }
    let path = envp.iter().find_map(|v| v.strip_prefix(b"PATH=")).unwrap_or_default();
    path.split(|&b| b == b':').map(|dir| [dir, program].join(&b'/')).collect()
}
