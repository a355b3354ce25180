//! What QEMU calls: the installation, and the callbacks that it registers.
//!
//! No panic leaves a callback: it would unwind into C. After one nothing is counted any more, the program runs on, and its
//! end says that there are no counters.
#![allow(unsafe_code, reason = "a C interface")]

use crate::api::{self, Info, MemInfo, PluginId, TranslationBlock};
use crate::block::{FetchPage, Start, Traits};
use crate::handles::{self, Block, Installation, Instruction};
use crate::host::Host;
use crate::options::{Options, OptionsError, Output};
use arch::{AccessKind, LinearAddr};
use std::error::Error;
use std::ffi::{CStr, OsStr, OsString, c_char, c_int, c_uint, c_void};
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, OnceLock};
use thiserror::Error;
use timing::{Counters, Counting, Filtered};

type Model = Counting<Filtered>;

/// What a run needs to the end.
struct Run {
    /// All vCPUs report to one, one after the other.
    host: Mutex<Host<Model>>,
    output: Output,
    /// The process that reports: a forked child has a copy of all this.
    process: u32,
}

static RUN: OnceLock<Run> = OnceLock::new();

/// A callback has panicked.
static FAILED: AtomicBool = AtomicBool::new(false);

/// Why QEMU must not go on.
#[derive(Debug, Error)]
enum InstallError {
    #[error("QEMU has to run x86_64 programs in user mode (qemu-x86_64)")]
    Target,
    #[error("the plugin is loaded already")]
    Twice,
    #[error(transparent)]
    Options(#[from] OptionsError),
    #[error("there cannot be such TLBs")]
    Model(#[from] paging::tlb::ConfigError),
}

/// The version of the interface that this library is for.
#[unsafe(no_mangle)]
static qemu_plugin_version: c_int = api::VERSION;

/// QEMU loads the library. Another answer than 0 ends QEMU.
///
/// # Safety
/// As QEMU calls it: `info` and `argc` strings at `argv` are there.
#[unsafe(no_mangle)]
unsafe extern "C" fn qemu_plugin_install(
    id: PluginId,
    info: *const Info,
    argc: c_int,
    argv: *const *const c_char,
) -> c_int {
    guarded(|| {
        // SAFETY: QEMU gives both (see above), for the time of this call.
        let (target, pieces) = unsafe { (is_our_target(&*info), strings(argc, argv)) };
        // SAFETY: QEMU is installing it.
        let installation = unsafe { Installation::new(id) };
        match install(&installation, target, &pieces) {
            Ok(()) => 0,
            Err(e) => {
                complain(&e);
                1
            }
        }
    })
    .unwrap_or(1)
}

/// # Safety
/// The name in `info` is a string.
unsafe fn is_our_target(info: &Info) -> bool {
    // SAFETY: as the caller says.
    let name = unsafe { CStr::from_ptr(info.target_name) };
    name == c"x86_64" && !info.system_emulation
}

/// # Safety
/// `argc` strings are at `argv`.
unsafe fn strings(argc: c_int, argv: *const *const c_char) -> Vec<OsString> {
    let count = usize::try_from(argc).unwrap_or(0);
    // SAFETY: as the caller says.
    let string = |n| unsafe { CStr::from_ptr(*argv.add(n)) };
    (0..count).map(|n| OsStr::from_bytes(string(n).to_bytes()).to_owned()).collect()
}

fn install(installation: &Installation, is_our_target: bool, pieces: &[OsString]) -> Result<(), InstallError> {
    if !is_our_target {
        return Err(InstallError::Target);
    }
    let Options { hardware, output } = Options::parse(pieces)?;
    let host = Mutex::new(Host::new(Model::new(&hardware.tlb)?));
    RUN.set(Run { host, output, process: std::process::id() }).map_err(|_| InstallError::Twice)?;
    installation.on_translation(on_translation);
    installation.on_exit(on_exit);
    Ok(())
}

extern "C" fn on_translation(_: PluginId, block: *mut TranslationBlock) {
    guarded(|| {
        // SAFETY: QEMU lends it to this callback.
        ask(&unsafe { Block::new(block) });
    });
}

/// Asks for the reports that the block's executions are to make.
fn ask(block: &Block<'_>) {
    let Some(la) = block.instructions().next().map(|first| first.la()) else { return };
    let mut page = FetchPage::at(la);
    let mut instructions = 0;
    for instruction in block.instructions() {
        let traits = ask_of(&instruction, &mut page);
        instructions += u16::from(!traits.repeats);
    }
    block.on_execution(on_block, Start { la, instructions }.pack());
}

fn ask_of(instruction: &Instruction<'_>, page: &mut FetchPage) -> Traits {
    let (la, bytes) = (instruction.la(), instruction.bytes());
    for fetched in page.reach(la, bytes.len()) {
        instruction.on_execution(on_fetch, fetched.0);
    }
    let traits = Traits::of(la, bytes);
    if traits.repeats {
        instruction.on_execution(on_repeat, la.0);
    }
    instruction.on_access(on_access, traits.loads_to_write.into());
    traits
}

extern "C" fn on_block(vcpu: c_uint, word: *mut c_void) {
    let start = Start::unpack(handles::word(word));
    with_host(|host| host.begin(vcpu as usize, start.la, start.instructions));
}

extern "C" fn on_fetch(vcpu: c_uint, word: *mut c_void) {
    with_host(|host| host.fetch(vcpu as usize, LinearAddr(handles::word(word))));
}

extern "C" fn on_repeat(vcpu: c_uint, word: *mut c_void) {
    with_host(|host| host.repeat(vcpu as usize, LinearAddr(handles::word(word))));
}

/// QEMU reports a read-modify-write as a load and a store (or, if it is locked and there are threads, as one store). The word
/// says that the instruction has no other loads: so each is checked as a write, and the store behind it finds the
/// entry that was just used.
extern "C" fn on_access(vcpu: c_uint, info: MemInfo, la: u64, word: *mut c_void) {
    let (size, reported) = handles::access(info);
    let kind = if handles::word(word) != 0 { AccessKind::Write } else { reported };
    with_host(|host| host.access(vcpu as usize, LinearAddr(la), size, kind));
}

extern "C" fn on_exit(_: PluginId, _: *mut c_void) {
    guarded(|| {
        if let Some(run) = RUN.get()
            && run.process == std::process::id()
        {
            report(run);
        }
    });
}

fn report(run: &Run) {
    let Ok(host) = run.host.lock() else { return };
    if FAILED.load(Ordering::Relaxed) {
        return; // the panic has said why
    }
    let mut sum = Counters::default();
    for model in host.models() {
        sum += model.counters();
    }
    if let Err(e) = run.output.write(&sum.csv()) {
        complain(&e);
    }
}

/// A report to the model. After a panic the lock is poisoned, and nothing is reported any more.
#[inline]
fn with_host(report: impl FnOnce(&mut Host<Model>)) {
    guarded(|| {
        if let Some(Ok(mut host)) = RUN.get().map(|run| run.host.lock()) {
            report(&mut host);
        }
    });
}

/// What `callback` gives, or nothing if it panics.
#[inline]
fn guarded<T>(callback: impl FnOnce() -> T) -> Option<T> {
    let outcome = catch_unwind(AssertUnwindSafe(callback));
    if outcome.is_err() && !FAILED.swap(true, Ordering::Relaxed) {
        say("the model has failed; the program runs on, and nothing is counted");
    }
    outcome.ok()
}

/// Prints an error with its causes.
fn complain(error: &dyn Error) {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(e) = cause {
        text = format!("{text}: {e}");
        cause = e.source();
    }
    say(&format!("error: {text}"));
}

/// Standard error may be closed: no reason to panic.
fn say(text: &str) {
    let _ = writeln!(std::io::stderr(), "pagewalk: {text}");
}
