//! What a run can record, as plain data, and the sink it goes to.
//!
//! The kernel layer says what happened; who listens (statistics, a trace, nobody) is the machine's business. An event owns
//! nothing and points to nothing, so that recording it never changes the run.
#![forbid(unsafe_code)]

use arch::{LinearAddr, PageFault, Pfn};

/// A process id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pid(pub u32);

/// What came of a page fault (Linux's `handle_mm_fault` and below).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Resolution {
    /// `do_anonymous_page` on a read: the shared zero page was mapped.
    ZeroPage,
    /// `do_anonymous_page` on a write: a zeroed frame was mapped.
    DemandZero,
    /// `do_huge_pmd_anonymous_page` on a write: a zeroed page of 2 MiB was mapped; or one of a pool (`hugetlb_no_page`).
    DemandZeroHuge,
    /// `filemap_fault`: the page was in the page cache.
    FileCached,
    /// `filemap_fault`: the page had to be read from the file (a major fault).
    FileRead,
    /// `do_swap_page`: the page was read from the swap device (a major fault).
    SwappedIn,
    /// `do_swap_page`: the page was on the swap device, and in memory for another process or by readahead.
    SwapCached,
    /// `do_wp_page`, or a write to a private file page: the frame was copied.
    CopiedOnWrite,
    /// `do_wp_page`: the frame had no other user and was made writable.
    ReusedOnWrite,
    /// The entry already allowed the access: the fault came from a stale translation or was resolved meanwhile.
    Spurious,
    /// SIGSEGV with SEGV_MAPERR: no mapping there.
    SegvMapErr,
    /// SIGSEGV with SEGV_ACCERR: the mapping forbids the access.
    SegvAccErr,
    /// SIGBUS with BUS_ADRERR: beyond the end of the mapped file.
    Bus,
    /// No frame was left.
    OutOfMemory,
}

impl Resolution {
    /// Every kind, in the order in which they are reported.
    pub const ALL: [Self; 14] = [
        Self::ZeroPage,
        Self::DemandZero,
        Self::DemandZeroHuge,
        Self::FileCached,
        Self::FileRead,
        Self::SwappedIn,
        Self::SwapCached,
        Self::CopiedOnWrite,
        Self::ReusedOnWrite,
        Self::Spurious,
        Self::SegvMapErr,
        Self::SegvAccErr,
        Self::Bus,
        Self::OutOfMemory,
    ];

    /// The name in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ZeroPage => "zero-page",
            Self::DemandZero => "demand-zero",
            Self::DemandZeroHuge => "demand-zero-huge",
            Self::FileCached => "file-cached",
            Self::FileRead => "file-read",
            Self::SwappedIn => "swapped-in",
            Self::SwapCached => "swap-cached",
            Self::CopiedOnWrite => "copied-on-write",
            Self::ReusedOnWrite => "reused-on-write",
            Self::Spurious => "spurious",
            Self::SegvMapErr => "sigsegv-maperr",
            Self::SegvAccErr => "sigsegv-accerr",
            Self::Bus => "sigbus",
            Self::OutOfMemory => "out-of-memory",
        }
    }
}

/// A page fault and its outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FaultEvent {
    /// Instructions retired before the fault, over the whole machine.
    pub instructions: u64,
    /// The process that faulted.
    pub pid: Pid,
    /// The faulting instruction.
    pub rip: LinearAddr,
    /// CR2 and the error code.
    pub fault: PageFault,
    /// What came of it.
    pub resolution: Resolution,
    /// True if the fault made the stack's mapping grow.
    pub stack_grew: bool,
    /// The frame that the entry maps afterwards.
    pub frame: Option<Pfn>,
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
    },
    /// A process ended.
    Exit {
        /// Which.
        pid: Pid,
    },
    /// Another process runs from here on.
    Switch {
        /// The one that ran.
        from: Pid,
        /// The one that runs now.
        to: Pid,
    },
}

/// Where events go.
pub trait EventSink {
    /// Takes one event, in the order in which they happen.
    fn record(&mut self, event: &Event);
}

/// Listens to nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoSink;

impl EventSink for NoSink {
    fn record(&mut self, _: &Event) {}
}
