//! A shell at a terminal: job control, Ctrl-C, Ctrl-Z, as natively. `script` gives the terminal.
//!
//! Each step types something and waits until the answer is on the screen, so nothing depends on how fast either is.

use crate::compare::find_program;
use crate::workshop::Workshop;
use libtest_mimic::{Failed, Trial};
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

/// What is typed, and what must then appear on the screen. The arithmetic tells an answer from the echo of the question.
const STEPS: &[(&str, &str)] = &[
    ("echo $((40 + 2)) | tr 2 3\n", "43"),
    ("sleep 1000 &\n", ""),
    ("jobs | sed 's/sleep/SLEEP/'\n", "SLEEP 1000"),
    ("kill %1; wait %1; echo status $((1 + $?))\n", "status 144"),
    ("echo ready $((1 + 1)); cat\n", "ready 2"),
    ("a line\n", "a line\r\na line"),
    ("\x03", "$ "),
    ("echo after $((100 + $?))\n", "after 230"),
    ("echo ready $((1 + 2)); cat\n", "ready 3"),
    ("another\n", "another\r\nanother"),
    ("\x1a", "Stopped"),
    ("", "$ "),
    ("jobs | sed 's/cat/CAT/'\n", "CAT"),
    ("fg\n", "cat"),
    ("again\n", "again\r\nagain"),
    ("\x04", "$ "),
    ("echo end $((5 * 5))\n", "end 25"),
    ("exit 7\n", ""),
];

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) fn trials(workshop: &Arc<Workshop>) -> Vec<Trial> {
    let (script, shell) = (find_program("script"), find_program("bash-static"));
    let missing = script.is_none() || shell.is_none() || workshop.busybox().is_none();
    let workshop = Arc::clone(workshop);
    let run = move || {
        let (Some(script), Some(shell)) = (&script, &shell) else { return Ok(()) };
        let path = workshop.path().to_str().ok_or("a folder's name is not UTF-8")?;
        // Without an editor of its own, the shell takes one line at a time, and what is typed ahead waits for who reads next.
        let shell = format!("{} --norc --noediting -i", shell.display());
        let pagewalk = env!("CARGO_BIN_EXE_pagewalk");
        // Natively first: what is expected is what a terminal does.
        // `exec`, since `script` hands the line to the user's shell: one that waited beside the session would be hit by its
        // Ctrl-C, and end with 130 in its place.
        session(script, &format!("exec env PATH={path} PS1='$ ' {shell}"))?;
        session(script, &format!("exec {pagewalk} run --env PATH={path} --env PS1='$ ' {shell}"))?;
        Ok(())
    };
    vec![Trial::test("terminal: job control", run).with_ignored_flag(missing)]
}

/// One shell from its first prompt to its exit.
fn session(script: &Path, command: &str) -> Result<(), Failed> {
    let mut screen = Screen::open(script, command)?;
    screen.expect("$ ")?;
    for (typed, answer) in STEPS {
        screen.keyboard.write_all(typed.as_bytes())?;
        screen.expect(answer).map_err(|shown| format!("{command}\nno {answer:?} after {typed:?}, but {shown:?}"))?;
    }
    let status = screen.child.wait()?;
    if status.code() == Some(7) {
        Ok(())
    } else {
        Err(format!("{command}\nended with {status}, after {:?}", screen.rest()).into())
    }
}

struct Screen {
    child: Child,
    keyboard: ChildStdin,
    arrivals: Receiver<Vec<u8>>,
    /// What has arrived and was not matched yet.
    shown: String,
}

impl Screen {
    fn open(script: &Path, command: &str) -> Result<Self, Failed> {
        let mut child = Command::new(script)
            .args(["-q", "-e", "-c", command, "/dev/null"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let keyboard = child.stdin.take().ok_or("no keyboard")?;
        let mut output = child.stdout.take().ok_or("no screen")?;
        let (sender, arrivals) = mpsc::channel();
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(length @ 1..) = output.read(&mut buffer) {
                if sender.send(buffer[..length].to_vec()).is_err() {
                    break;
                }
            }
        });
        Ok(Self { child, keyboard, arrivals, shown: String::new() })
    }

    /// Waits until `text` is on the screen, and forgets everything up to its end. An empty text waits for any echo. The error
    /// is what is on the screen instead.
    fn expect(&mut self, text: &str) -> Result<(), String> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(at) = self.shown.find(text).filter(|_| !self.shown.is_empty()) {
                self.shown.drain(..at + text.len());
                return Ok(());
            }
            let left = deadline.saturating_duration_since(Instant::now());
            match self.arrivals.recv_timeout(left) {
                Ok(bytes) => self.shown.push_str(&String::from_utf8_lossy(&bytes)),
                Err(_) if text.is_empty() => return Ok(()),
                Err(_) => return Err(self.shown.clone()),
            }
        }
    }

    /// What else is on the screen after the shell's end.
    fn rest(&mut self) -> &str {
        while let Ok(bytes) = self.arrivals.recv_timeout(PATIENCE) {
            self.shown.push_str(&String::from_utf8_lossy(&bytes));
        }
        &self.shown
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        let _ended_already = self.child.kill();
        let _reaped = self.child.wait();
    }
}
