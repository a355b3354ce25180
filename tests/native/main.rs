//! Real programs end as they do on the host: the same output, the same complaints, the same exit status.
//!
//! Each trial runs one command twice, natively and under `pagewalk run`, in the same folder with the same environment and
//! standard input. What the host lacks (busybox, gcc, musl-gcc, rustc, Lua, or Linux on x86-64 itself) shows as *ignored*.

mod busybox;
mod compare;
mod compiled;
mod inputs;

use libtest_mimic::{Arguments, Trial};

fn main() {
    let args = Arguments::from_args();
    let inputs = inputs::create();
    let mut trials: Vec<Trial> = busybox::trials(inputs.path());
    trials.extend(compiled::trials(inputs.path()));
    let conclusion = libtest_mimic::run(&args, trials);
    // `exit` would run no destructor.
    drop(inputs);
    conclusion.exit();
}
