//! What a run can record, as plain data, and the sink it goes to.
//!
//! The kernel layer says what happened; who listens (statistics, a trace, nobody) is the machine's business. An event owns
//! nothing and points to nothing, so that recording it never changes the run. What costs something to find out is told only to who
//! wants it ([`Kinds`]).
#![forbid(unsafe_code)]

mod fault;
mod kinds;
mod mapping;
mod reclaim;
mod stale;
mod walk;

pub use fault::{EntryChanges, FaultEvent, Path, Resolution, SwapSlot};
pub use kinds::Kinds;
pub use mapping::{FileId, Mapping, MappingKind, Rights};
pub use reclaim::{Departed, PageClass, PageOut, Reclaimer};
pub use stale::{EntryStore, StaleTranslation, Wrong};
pub use walk::{MarkEvent, WalkEvent};

use arch::{Cr3, LinearAddr, SpaceId};

/// A process id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pid(pub u32);

/// When something happened: the moment at which the kernel layer was entered for it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment {
    /// Instructions retired before, over the whole machine.
    pub instructions: u64,
    /// Virtual time in nanoseconds: instructions, services of the kernel layer, and sleep.
    pub ns: u64,
}

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ProcessEnd {
    /// By exit, with this status.
    Status(u8),
    /// By this signal.
    Signal(u32),
}

/// Something worth recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// A page fault was handled, in user code or in a system call on its behalf.
    Fault(FaultEvent),
    /// A system call was made.
    Syscall {
        /// The caller.
        pid: Pid,
        /// Its number in the x86-64 table.
        number: u64,
    },
    /// A signal was delivered to a handler.
    Signal {
        /// The receiver.
        pid: Pid,
        /// The signal's number.
        signal: u32,
        /// Where its handler starts.
        handler: LinearAddr,
    },
    /// A process was made (fork, vfork, clone).
    Fork {
        /// By this one.
        parent: Pid,
        /// The new one.
        child: Pid,
    },
    /// A process executed a program.
    Exec {
        /// Which process.
        pid: Pid,
        /// The address space that it has from now on.
        space: SpaceId,
        /// The program.
        file: FileId,
    },
    /// A process ended.
    Exit {
        /// Which.
        pid: Pid,
        /// How.
        end: ProcessEnd,
    },
    /// Another process runs from here on.
    Switch {
        /// The one that ran.
        from: Pid,
        /// The one that runs now.
        to: Pid,
    },
    /// CR3 was loaded, for the process that runs now.
    LoadCr3(Cr3),
    /// The translations of a page were dropped, or without one all of them, because the entries have changed.
    Flush(Option<LinearAddr>),
    /// A range was mapped, in place of what was there.
    Map {
        /// Where.
        space: SpaceId,
        /// What.
        mapping: Mapping,
    },
    /// What was mapped from the first address to before the second is not any more.
    Unmap {
        /// Where.
        space: SpaceId,
        /// The first address.
        start: LinearAddr,
        /// The first address beyond.
        end: LinearAddr,
    },
    /// A mapping has grown, or is at another place: `mremap`. Of the old place [`Event::Unmap`] tells.
    Remap {
        /// Where.
        space: SpaceId,
        /// The address that it had.
        from: LinearAddr,
        /// The address that it has.
        to: LinearAddr,
        /// Its length in bytes.
        length: u64,
    },
    /// A range allows other accesses.
    Protect {
        /// Where.
        space: SpaceId,
        /// The first address.
        start: LinearAddr,
        /// The first address beyond.
        end: LinearAddr,
        /// What it allows.
        rights: Rights,
    },
    /// The program has said how it will use a range (`madvise`).
    Advise {
        /// Where.
        space: SpaceId,
        /// The first address.
        start: LinearAddr,
        /// The first address beyond.
        end: LinearAddr,
        /// What it has said, as in Linux's `asm/mman.h`.
        advice: i32,
    },
    /// An address space was copied.
    CopySpace {
        /// From this one.
        from: SpaceId,
        /// The new one.
        to: SpaceId,
    },
    /// An address space ended.
    EndSpace(SpaceId),
    /// A page was taken out of memory.
    PageOut(PageOut),
    /// A page was written to the swap device.
    SwapWrite(SwapSlot),
    /// A page was read from the swap device.
    SwapRead(SwapSlot),
    /// The processor has walked the paging structures.
    Walk(WalkEvent),
    /// A walk has set A or D.
    Mark(MarkEvent),
    /// A translation was used, or may have been, which the tables do not give any more.
    Stale(StaleTranslation),
}

/// Where events go.
pub trait EventSink {
    /// Takes one event, in the order in which they happen.
    fn record(&mut self, at: Moment, event: &Event);

    /// This is what a file is called, before the first event that names it, and whenever the number may stand for another.
    fn file(&mut self, _file: FileId, _name: &[u8]) {}
}

/// Listens to nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoSink;

impl EventSink for NoSink {
    fn record(&mut self, _: Moment, _: &Event) {}
}
