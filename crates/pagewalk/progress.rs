//! A line on the terminal that says how far a long run has come. It comes after some seconds, and goes for good when the program itself uses the terminal.

use crate::error::Error;
use crate::run;
use indicatif::{HumanCount, ProgressBar, ProgressDrawTarget, ProgressStyle};
use pagewalk::{ClearTerminal, Console, Ending, Interrupt, Machine, Progress};
use paging::HardwareModel;
use std::io::IsTerminal;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

/// Shorter runs show nothing.
const AFTER: Duration = Duration::from_secs(3);
/// How often the line is drawn.
const EVERY: Duration = Duration::from_millis(250);

/// The host's terminal and files as the guest's, what Ctrl-C stops, and the line.
pub(crate) fn console() -> Result<(Box<dyn Console>, Interrupt, ProgressBar), Error> {
    let line = line();
    let (console, interrupt) = run::console(Some(clear(&line)))?;
    Ok((console, interrupt, line))
}

/// The line, which is not there yet.
pub(crate) fn line() -> ProgressBar {
    ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden())
        .with_style(ProgressStyle::with_template("{spinner} {msg}").expect("the template is sound"))
}

/// What takes the line away for good.
pub(crate) fn clear(line: &ProgressBar) -> ClearTerminal {
    let gone = line.clone();
    Box::new(move || gone.finish_and_clear())
}

/// Runs the machine to its end, under the line.
pub(crate) fn run_to_the_end<H: HardwareModel>(machine: &mut Machine<H>, line: &ProgressBar) -> Ending {
    if !std::io::stderr().is_terminal() {
        return run::run_to_the_end(machine);
    }
    let (done, is_done) = channel();
    let drawing = {
        let (line, progress) = (line.clone(), machine.progress());
        std::thread::spawn(move || draw(&line, &progress, &is_done))
    };
    let ending = run::run_to_the_end(machine);
    drop(done);
    let _ = drawing.join(); // a line that failed says nothing of the run
    line.finish_and_clear();
    ending
}

/// Draws the line until the run is done or the line is gone.
fn draw(line: &ProgressBar, progress: &Progress, is_done: &Receiver<()>) {
    let started = Instant::now();
    let mut wait = AFTER;
    while is_done.recv_timeout(wait) == Err(RecvTimeoutError::Timeout) && !line.is_finished() {
        if wait == AFTER {
            line.set_draw_target(ProgressDrawTarget::stderr());
            wait = EVERY;
        }
        let instructions = progress.instructions();
        let per_second = instructions as f64 / started.elapsed().as_secs_f64() / 1e6;
        line.set_message(format!("{} instructions, {per_second:.1} million a second", HumanCount(instructions)));
        line.tick();
    }
}
