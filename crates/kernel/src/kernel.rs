//! The kernel layer as the machine sees it: boot, exec, and an entry point for each way in which a program stops.
//!
//! Protocol. The machine runs the guest until it traps, calls the entry point that fits, and does what the [`Disposition`]
//! says. On [`Disposition::Resume`] the registers in the context are those to go on with: a result, a retry of the
//! faulting instruction, or a signal handler.

use crate::costs::{Costs, Meter};
use crate::death::{Cause, ExitStatus};
use crate::events::Events;
use crate::exit::Ended;
use crate::fs::{self, FsCx, ProcLinks, Vfs};
use crate::inject::{Failing, Injection, Injector, swap_slowness};
use crate::job::Terminal;
use crate::khugepaged::Khugepaged;
use crate::mm::frames::FrameTable;
use crate::mm::reclaim::ReclaimConfig;
use crate::mm::reclaim::references::SharedReferences;
use crate::mm::swap::Swap;
use crate::mm::{History, HistoryMode, HugePages, KernelHalf, Mm, MmCx, MmView, ThpMode};
use crate::oom::{OomKill, Thrashing};
use crate::proc::CallRegisters;
use crate::process::{
    Capabilities, CpuTimes, Credentials, FIRST_PID, FsStruct, Limits, MceKill, MmTable, PARENT_PID, Process,
    Scheduling, State, Table, TimerSlack, Usage,
};
use crate::random::Random;
use crate::sched::{DEFAULT_QUANTUM, Scheduler};
use crate::shm::ShmTable;
use crate::signal::Signal;
use crate::signal::Signals;
use crate::slabs::TaskSlabs;
use crate::standstill::Blocked;
use crate::syscall::{Timers, UnsupportedSyscall};
use crate::time::{Clock, DEFAULT_EPOCH_SECONDS};
use crate::wait::Wait;
use crate::{Errno, Hw};
use arch::{Cr3, Features, LinearAddr, PageSize, SpaceId, UserContext};
use event::Kinds;
use event::Pid;
use paging::SwapDevice;
use std::os::unix::ffi::OsStrExt;
use std::rc::Rc;
use thiserror::Error;

/// What the kernel layer is told once, at the start.
pub struct KernelConfig {
    /// RAM, in bytes.
    pub ram_bytes: u64,
    /// The seed of all randomness that the guest sees.
    pub seed: u64,
    /// CLOCK_REALTIME at the start, in seconds since 1970.
    pub epoch_seconds: u64,
    /// What the processor has: programs are told of it, and signal frames hold its state.
    pub features: Features,
    /// Which files the guest sees.
    pub view: fs::ViewConfig,
    /// Who the guest is.
    pub credentials: Credentials,
    /// Resource limits of the first program.
    pub limits: Limits,
    /// Instructions in a process's turn.
    pub quantum: u64,
    /// As many processes may be at once.
    pub max_processes: usize,
    /// Where pages go that memory has no room for.
    pub swap: Option<Box<dyn SwapDevice>>,
    /// What each service costs.
    pub costs: Costs,
    /// What fails on purpose.
    pub injections: Vec<Injection>,
    /// How pages are chosen that leave memory.
    pub reclaim: ReclaimConfig,
    /// Where large pages are used.
    pub thp: ThpMode,
    /// Pages of a file that are read together.
    pub readahead: u32,
    /// Large pages that are set aside for programs that ask for them.
    pub hugepages: HugePages,
    /// The clock that knows of every use of a page, if a model of the hardware tells it.
    pub references: Option<SharedReferences>,
    /// Whether what address spaces were is kept for reports.
    pub history: HistoryMode,
    /// What the sink is told of beside the least.
    pub events: Kinds,
}

impl KernelConfig {
    /// Defaults for everything but the files: 256 MiB of RAM, no swap, seed 0, the host's user, the default processor.
    #[must_use]
    pub fn new(view: fs::ViewConfig) -> Self {
        Self {
            ram_bytes: 256 << 20,
            seed: 0,
            epoch_seconds: DEFAULT_EPOCH_SECONDS,
            features: Features::default(),
            view,
            credentials: Credentials::host(),
            limits: Limits::default(),
            quantum: DEFAULT_QUANTUM,
            max_processes: DEFAULT_MAX_PROCESSES,
            swap: None,
            costs: Costs::default(),
            injections: Vec::new(),
            reclaim: ReclaimConfig::default(),
            thp: ThpMode::default(),
            readahead: 0,
            hugepages: HugePages::default(),
            references: None,
            history: HistoryMode::Forget,
            events: Kinds::empty(),
        }
    }
}

/// As many processes may be at once, if the user does not say.
pub const DEFAULT_MAX_PROCESSES: usize = 1024;

/// Why the kernel layer could not start.
#[derive(Debug, Error)]
pub enum BootError {
    /// The files could not be made ready.
    #[error("the guest's files cannot be set up")]
    Files(#[from] fs::FsError),
    /// The paging structures of the kernel half did not fit.
    #[error("{ram_bytes} bytes of RAM are too few for the kernel half of the page tables")]
    Memory {
        /// RAM, in bytes.
        ram_bytes: u64,
    },
    /// The large pages that are set aside did not fit.
    #[error("{ram_bytes} bytes of RAM have no room for {pages} large pages of {size}")]
    HugePages {
        /// RAM, in bytes.
        ram_bytes: u64,
        /// As many were to be set aside.
        pages: u64,
        /// Of this size.
        size: PageSize,
    },
}

/// What the machine does after an entry into the kernel layer.
#[derive(Clone, Debug, PartialEq)]
pub enum Disposition {
    /// Go on with the registers in the context.
    Resume,
    /// The program has ended.
    Exit(ExitStatus),
    /// The program asked for something that Linux has and this kernel layer lacks.
    Unsupported(UnsupportedSyscall),
    /// All processes wait for the host, and the interrupt flag was raised: once that is served, [`Kernel::tick`].
    Waiting,
    /// Every process waits for something that no other can bring about.
    Deadlock(Vec<Blocked>),
    /// Processes are stopped, and nothing that runs could continue them.
    Stopped(Vec<Blocked>),
}

/// The kernel layer and the processes that it serves.
pub struct Kernel {
    pub(crate) frames: FrameTable,
    pub(crate) vfs: Vfs,
    pub(crate) kernel_half: KernelHalf,
    pub(crate) mms: MmTable,
    /// The process that runs.
    pub(crate) current: Box<Process>,
    /// The others.
    pub(crate) processes: Table,
    pub(crate) sched: Scheduler,
    pub(crate) terminal: Terminal,
    /// How the first process ended, once it has.
    pub(crate) ended: Option<Ended>,
    /// As many processes may be at once.
    pub(crate) max_processes: usize,
    /// Forks that were one too many.
    pub(crate) refused_forks: u64,
    /// The most pages that any address space had at once, of those that are gone.
    pub(crate) peak_resident_pages: u64,
    /// Segments of SysV shared memory.
    pub(crate) shm: ShmTable,
    pub(crate) clock: Clock,
    pub(crate) random: Random,
    pub(crate) features: Features,
    /// Runs of kswapd in a row that freed nothing.
    pub(crate) kswapd_failures: u32,
    /// Instructions when it ran last.
    pub(crate) kswapd_ran_at: u64,
    /// Whether pages go as fast as they come.
    pub(crate) thrashing: Thrashing,
    /// The daemon that makes large pages.
    pub(crate) khugepaged: Khugepaged,
    /// Processes that were killed for their memory.
    pub(crate) oom_kills: Vec<OomKill>,
    /// What the program did in this entry to get a signal, for the report.
    pub(crate) cause: Option<Cause>,
    /// What the call that is being made wants to wait for.
    pub(crate) wanted_wait: Option<Wait>,
    /// The call that is being made.
    pub(crate) call: CallRegisters,
    /// What processes take of RAM beside their pages.
    pub(crate) tasks: TaskSlabs,
}

impl Kernel {
    /// Sets up frames, files and the kernel half of the page tables. The process has an empty address space until
    /// [`Self::exec`].
    ///
    /// # Errors
    /// Files that cannot be had, or RAM too small for the paging structures.
    pub fn boot(config: KernelConfig, console: Box<dyn fs::Console>, hw: &mut Hw<'_>) -> Result<Self, BootError> {
        let no_memory = BootError::Memory { ram_bytes: config.ram_bytes };
        let mut frames = FrameTable::new(config.ram_bytes);
        frames.boot_hugetlb(config.hugepages).map_err(|size| BootError::HugePages {
            ram_bytes: config.ram_bytes,
            pages: config.hugepages.of(size),
            size,
        })?;
        let cwd = config.view.cwd.clone();
        let mut vfs = Vfs::new(config.view, console)?;
        let root = vfs.root();
        let errno = |errno| fs::FsError::WorkingDirectory { path: cwd.clone(), errno };
        let cwd = vfs.directory(root, cwd.as_os_str().as_bytes()).map_err(errno)?;
        vfs.inode_get(cwd);
        let Ok(kernel_half) = KernelHalf::build(hw, &mut frames) else { return Err(no_memory) };
        let mut cx = MmCx { hw, frames: &mut frames, vfs: &mut vfs, pid: FIRST_PID };
        let Ok(mm) = Mm::new(&mut cx, &kernel_half, config.limits.of_mm()) else { return Err(no_memory) };
        let mut mms = MmTable::default();
        let files = vfs.new_fd_table();
        vfs.proc_add(FIRST_PID.0, ProcLinks { files, exe: Vec::new(), cwd });
        vfs.proc_set_current(FIRST_PID.0);
        let mut times = CpuTimes::default();
        times.start(0);
        let clock = Clock::new(config.epoch_seconds);
        // Setting up costs nothing and does not fail.
        frames.meter = Meter::new(config.costs.with_slow_swap(swap_slowness(&config.injections)));
        frames.set_reclaim(config.reclaim, config.seed);
        frames.thp.mode = config.thp;
        frames.readahead = config.readahead.into();
        frames.references = config.references;
        frames.events = Events::new(config.events);
        frames.history = (config.history == HistoryMode::Keep).then(History::default);
        frames.swap = Swap::new(config.swap, &config.injections, config.seed);
        frames.commit.swap_pages = frames.swap.table.total().into();
        if let Some(cluster) = config.reclaim.page_cluster {
            frames.swap.page_cluster = cluster;
        }
        frames.alloc_failures = Injector::new(Failing::Alloc, &config.injections, config.seed);
        let groups = vfs.credentials().groups.clone();
        let process = Process {
            pid: FIRST_PID,
            parent: PARENT_PID,
            pgrp: FIRST_PID,
            session: PARENT_PID,
            state: State::Runnable,
            ctx: UserContext::at_entry(LinearAddr(0), LinearAddr(0)),
            in_call: None,
            wait: None,
            retry: None,
            cut_short: None,
            mm: mms.insert(mm),
            files,
            fs: Rc::new(FsStruct::new(cwd, 0o022)),
            signals: Signals::new(),
            exit_signal: Some(Signal::CHLD),
            parent_death_signal: None,
            job_event: None,
            has_executed: false,
            borrows_mm: false,
            is_subreaper: false,
            credentials: config.credentials,
            capabilities: Capabilities::of_user(config.credentials.user.effective),
            groups,
            limits: config.limits,
            timers: Timers::default(),
            times,
            usage: Usage::default(),
            children_usage: Usage::default(),
            comm: [0; 16],
            nice: 0,
            scheduling: Scheduling::default(),
            personality: 0,
            timer_slack: TimerSlack::default(),
            mce_kill: MceKill::default(),
            no_new_privs: 0,
            oom_score_adj: 0,
            oom_score_adj_min: 0,
            start_ns: clock.monotonic_ns(0),
            is_oom_victim: false,
            clear_child_tid: LinearAddr(0),
            robust_list: LinearAddr(0),
        };
        Ok(Self {
            frames,
            vfs,
            kernel_half,
            mms,
            current: Box::new(process),
            processes: Table::default(),
            sched: Scheduler::new(config.quantum.max(1)),
            terminal: Terminal { session: Some(PARENT_PID), foreground: FIRST_PID },
            ended: None,
            max_processes: config.max_processes,
            refused_forks: 0,
            peak_resident_pages: 0,
            shm: ShmTable::default(),
            clock,
            random: Random::new(config.seed),
            features: config.features,
            kswapd_failures: 0,
            kswapd_ran_at: 0,
            thrashing: Thrashing::default(),
            khugepaged: Khugepaged::default(),
            oom_kills: Vec::new(),
            cause: None,
            wanted_wait: None,
            call: CallRegisters::default(),
            tasks: TaskSlabs::default(),
        })
    }

    /// Nanoseconds of virtual time that passed while no instruction retired: services of the kernel layer, and sleep.
    #[must_use]
    pub const fn time_beside_instructions_ns(&self) -> u64 {
        self.clock.monotonic_ns(0)
    }

    /// Virtual time, when so many instructions have retired.
    #[must_use]
    pub const fn time_ns(&self, instructions: u64) -> u64 {
        self.clock.monotonic_ns(instructions)
    }

    /// The root of the process's paging structures.
    #[must_use]
    pub fn cr3(&self) -> Cr3 {
        self.mm().cr3()
    }

    /// The address space of the process.
    #[must_use]
    pub fn space(&self) -> SpaceId {
        self.mm().space()
    }

    /// The process whose registers the machine holds: the one that runs, or ran last if none can.
    #[must_use]
    pub const fn current_pid(&self) -> Pid {
        self.current.pid
    }

    /// All frames of RAM, for statistics.
    #[must_use]
    pub const fn frames(&self) -> &FrameTable {
        &self.frames
    }

    /// The process's address space, for statistics and reports.
    #[must_use]
    pub fn mm(&self) -> &Mm {
        &self.mms[self.current.mm]
    }

    /// The process's address space, to be changed without a look at its pages.
    pub(crate) fn mm_mut(&mut self) -> &mut Mm {
        &mut self.mms[self.current.mm]
    }

    /// What a look at any address space needs.
    pub(crate) fn mm_view<'a>(&'a self, hw: &'a Hw<'_>) -> MmView<'a> {
        MmView { mem: &*hw.mem, frames: &self.frames, vfs: &self.vfs }
    }

    /// The most user pages that one address space had at once.
    #[must_use]
    pub fn peak_resident_pages(&self) -> u64 {
        let living = self.pids_where(|process| !process.has_ended());
        let pages = living.into_iter().filter_map(|pid| Some(self.mms[self.process(pid)?.mm].peak_resident_pages()));
        pages.max().unwrap_or_default().max(self.peak_resident_pages)
    }

    /// Forks that failed because there were as many processes as there may be.
    #[must_use]
    pub const fn refused_forks(&self) -> u64 {
        self.refused_forks
    }

    /// The process's memory, and what an operation on it works with.
    pub(crate) fn mm_cx<'a, 'b>(&'a mut self, hw: &'a mut Hw<'b>) -> (&'a mut Mm, MmCx<'a, 'b>) {
        let cx = MmCx { hw, frames: &mut self.frames, vfs: &mut self.vfs, pid: self.current.pid };
        (&mut self.mms[self.current.mm], cx)
    }

    /// The files, and what an operation on them works with.
    pub(crate) fn fs_cx<'a>(&'a mut self, hw: &'a mut Hw<'_>) -> (&'a mut Vfs, &'a mut Process, FsCx<'a>) {
        let cx = FsCx { mem: &mut *hw.mem, frames: &mut self.frames };
        (&mut self.vfs, &mut self.current, cx)
    }

    /// Copies to user memory; EFAULT if not all of it could be written.
    pub(crate) fn copy_to_user(&mut self, hw: &mut Hw<'_>, dst: LinearAddr, src: &[u8]) -> Result<(), Errno> {
        let (mm, mut cx) = self.mm_cx(hw);
        mm.copy_to_user(&mut cx, dst, src).map_err(|_| Errno::EFAULT)
    }

    /// Copies from user memory; EFAULT if not all of it could be read.
    pub(crate) fn copy_from_user(&mut self, hw: &mut Hw<'_>, src: LinearAddr, dst: &mut [u8]) -> Result<(), Errno> {
        let (mm, mut cx) = self.mm_cx(hw);
        mm.copy_from_user(&mut cx, src, dst).map_err(|_| Errno::EFAULT)
    }

    /// Reads `N` bytes of user memory.
    pub(crate) fn read_user<const N: usize>(&mut self, hw: &mut Hw<'_>, src: LinearAddr) -> Result<[u8; N], Errno> {
        let mut bytes = [0; N];
        self.copy_from_user(hw, src, &mut bytes)?;
        Ok(bytes)
    }

    /// Reads one 64-bit word of user memory.
    pub(crate) fn read_user_u64(&mut self, hw: &mut Hw<'_>, src: LinearAddr) -> Result<u64, Errno> {
        self.read_user(hw, src).map(u64::from_le_bytes)
    }

    /// A path in user memory: at most PATH_MAX bytes with its NUL, which is not returned; ENAMETOOLONG beyond.
    pub(crate) fn user_cstr(&mut self, hw: &mut Hw<'_>, addr: LinearAddr) -> Result<Vec<u8>, Errno> {
        const PATH_MAX: usize = 4096;
        let (mm, mut cx) = self.mm_cx(hw);
        mm.copy_cstr_from_user(&mut cx, addr, PATH_MAX)
    }
}
