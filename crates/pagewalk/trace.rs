//! Fault traces of machines: what became of each page fault, to be compared with what is to come of it.

pub use ::trace::{
    Codec, Column, CompareError, Difference, EventKind, Form, Header, InMemory, KeptHeader, Line, Lines, NOTHING,
    NotCompared, PackedTrace, PackedWriter, ReadError, Recorder, Rule, TextTrace, TraceFile, Vocabulary, compare,
    entry_flags, record, write_header, write_text,
};

pub use crate::assert_golden;
pub use crate::replacement::{folder, replace};

/// Golden traces in the tests of a Rust project.
pub mod golden {
    pub use crate::golden::{BLESS, ENVIRONMENT, GoldenError, SANITIZE, check, is_sanitized};
}

use crate::{Interrupt, Machine, MachineConfig, PolicyName, ViewConfig};
use event::{Event, EventSink, FileId, Moment};
use paging::HardwareModel;
use std::cell::RefCell;
use std::io::{self, Write};
use std::rc::Rc;

/// No larger file is looked at for names.
const MOST_BYTES: u64 = 256 << 20;

/// What a machine's run comes to, written down in the compact form while it runs.
pub struct Recording<W> {
    recorder: Rc<RefCell<Recorder<PackedWriter<W>>>>,
}

impl<W: Write + 'static> Recording<W> {
    /// Records these kinds of events from now on. The machine was made with what [`configure`] has set. If no trace can come of it any more, as the disk
    /// is full, the run is stopped, and [`Self::finish`] says why.
    pub fn start<H: HardwareModel>(
        machine: &mut Machine<H>,
        kinds: &[EventKind],
        form: Form,
        policy: PolicyName,
        to: W,
    ) -> Self {
        let vocabulary = Vocabulary { call: kernel::syscall_name, victims: victims(policy) };
        let recorder =
            Recorder::new(kinds, form.notes(), kernel::FIRST_PID, vocabulary, PackedWriter::new(to, form.codec()));
        let recorder = Rc::new(RefCell::new(recorder));
        machine.listen(Box::new(Listener { recorder: recorder.clone(), machine: machine.interrupt() }));
        Self { recorder }
    }

    /// Ends the recording, at the end of the run: gives what was written to, and how many bytes there are.
    ///
    /// # Errors
    /// The host's, whenever it was that it took no more.
    pub fn finish<H: HardwareModel>(self, machine: &mut Machine<H>, header: &Header) -> io::Result<(W, u64)> {
        machine.stop_listening();
        let recorder = Rc::into_inner(self.recorder).expect("the machine has let it go").into_inner();
        let mut read = |path: &str| machine.file_contents(path.as_bytes(), MOST_BYTES).ok();
        let (writer, tables) = recorder.finish(&mut read);
        writer.finish(header, tables)
    }
}

/// What the working directory is called while a trace is made.
const CWD_NAME: &str = "pagewalk.cwd";

/// Has a machine that is made so tell of all that a recording of these kinds needs, and the program see nothing of where on the host its working
/// directory lies: where the path stands in memory, its length would show in the trace.
#[must_use]
pub fn configure(config: MachineConfig, kinds: &[EventKind]) -> MachineConfig {
    let view = ViewConfig { cwd_name: cwd_name(&config.view), ..config.view };
    MachineConfig { events: EventKind::wanted(kinds), view, ..config }
}

/// A name for a directory of the host; what is mounted has a path that is the same everywhere.
fn cwd_name(view: &ViewConfig) -> Option<String> {
    let is_of_host = view.root.is_none() && !view.mounts.iter().any(|mount| view.cwd.starts_with(&mount.guest));
    is_of_host.then(|| CWD_NAME.into())
}

struct Listener<W> {
    recorder: Rc<RefCell<Recorder<PackedWriter<W>>>>,
    /// What stops it.
    machine: Interrupt,
}

impl<W: Write> EventSink for Listener<W> {
    fn record(&mut self, at: Moment, event: &Event) {
        let mut recorder = self.recorder.borrow_mut();
        recorder.record(at, event);
        if recorder.is_lost() {
            self.machine.stop();
        }
    }

    fn file(&mut self, file: FileId, name: &[u8]) {
        self.recorder.borrow_mut().file(file, name);
    }
}

/// Where a policy takes its victims from.
const fn victims(policy: PolicyName) -> &'static str {
    match policy {
        PolicyName::Lru => "inactive",
        PolicyName::LruExact => "least-recently-used",
        PolicyName::Clock => "hand",
        PolicyName::Fifo => "oldest",
        PolicyName::Random => "random",
        PolicyName::TwoQ => "queue",
        PolicyName::Mglru => "oldest-generation",
        PolicyName::Opt => "farthest",
    }
}
