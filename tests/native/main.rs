//! Real programs end as they do on the host: the same output, the same complaints, the same exit status.
//!
//! Each trial runs one command twice, natively and under `pagewalk run`, in the same folder with the same environment and
//! standard input. What the host lacks (busybox, static bash and zsh, gcc, g++, musl-gcc, rustc, Lua, or Linux
//! on x86-64 itself) shows as *ignored*. With PAGEWALK_NATIVE_RUNS=20 each runs 20 times natively instead, which must
//! give the same each time.

mod busybox;
mod compare;
mod compiled;
mod inputs;
mod memory;
mod pipelines;
mod pressure;
mod processes;
mod repeat;
mod scripts;
mod terminal;
mod workshop;

use libtest_mimic::{Arguments, Trial};
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT};
use signal_hook::flag::register_conditional_shutdown;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use workshop::Workshop;

fn main() {
    let args = Arguments::from_args();
    start_children_with_default_signals();
    let inputs = inputs::create();
    let mut trials: Vec<Trial> = busybox::trials(inputs.path());
    trials.extend(compiled::trials(inputs.path()));
    let workshop = Arc::new(Workshop::open());
    trials.extend(pipelines::trials(&workshop));
    trials.extend(scripts::trials(&workshop));
    trials.extend(processes::trials(&workshop));
    trials.extend(repeat::trials(&workshop));
    trials.extend(terminal::trials(&workshop));
    trials.extend(memory::trials());
    trials.extend(pressure::trials());
    let conclusion = libtest_mimic::run(&args, trials);
    // `exit` would run no destructor.
    drop((inputs, workshop));
    conclusion.exit();
}

/// A signal that is ignored here stays ignored in every program started from here, natively, and a shell cannot even
/// trap it. One that has a handler is reset to its default instead. So these get a handler, which ends the tests.
fn start_children_with_default_signals() {
    for signal in [SIGINT, SIGQUIT, SIGHUP] {
        let always = Arc::new(AtomicBool::new(true));
        register_conditional_shutdown(signal, 128 + signal, always).expect("these signals may be caught");
    }
}
