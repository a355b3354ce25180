//! What a process has used: time on the processor, page faults, memory.

/// Time on the processor, in virtual nanoseconds: an instruction is one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct CpuTimes {
    /// Instructions of the program, up to when it last began to run.
    user_ns: u64,
    /// Services of the kernel layer.
    system_ns: u64,
    /// The count of all instructions when it last began to run; `None` while another process runs.
    running_since: Option<u64>,
}

impl CpuTimes {
    /// It begins to run.
    pub(crate) const fn start(&mut self, instructions: u64) {
        self.running_since = Some(instructions);
    }

    /// Another process begins to run.
    pub(crate) const fn stop(&mut self, instructions: u64) {
        self.user_ns = self.user_ns(instructions);
        self.running_since = None;
    }

    /// Charges a service of the kernel layer.
    pub(crate) const fn charge(&mut self, ns: u64) {
        self.system_ns = self.system_ns.saturating_add(ns);
    }

    /// Time in the program.
    pub(crate) const fn user_ns(&self, instructions: u64) -> u64 {
        match self.running_since {
            Some(since) => self.user_ns + (instructions - since),
            None => self.user_ns,
        }
    }

    /// Time in services for it.
    pub(crate) const fn system_ns(&self) -> u64 {
        self.system_ns
    }

    /// Both.
    pub(crate) const fn cpu_ns(&self, instructions: u64) -> u64 {
        self.user_ns(instructions).saturating_add(self.system_ns)
    }
}

/// What `getrusage` counts, besides the time of a process that still runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Usage {
    pub(crate) user_ns: u64,
    pub(crate) system_ns: u64,
    /// The most pages that were resident at once.
    pub(crate) max_resident_pages: u64,
    /// Page faults served without reading a file.
    pub(crate) minor_faults: u64,
    /// Page faults for which a file was read.
    pub(crate) major_faults: u64,
    /// Times that it waited.
    pub(crate) voluntary_switches: u64,
    /// Times that its turn was over.
    pub(crate) involuntary_switches: u64,
}

impl Usage {
    /// Adds what another process has used; of the resident pages the larger number counts.
    pub(crate) fn add(&mut self, other: &Self) {
        self.user_ns += other.user_ns;
        self.system_ns += other.system_ns;
        self.max_resident_pages = self.max_resident_pages.max(other.max_resident_pages);
        self.minor_faults += other.minor_faults;
        self.major_faults += other.major_faults;
        self.voluntary_switches += other.voluntary_switches;
        self.involuntary_switches += other.involuntary_switches;
    }

    /// `struct rusage` as user memory holds it.
    pub(crate) fn to_bytes(self) -> [u8; 144] {
        const NSEC_PER_SEC: u64 = crate::time::NSEC_PER_SEC;
        let mut bytes = [0; 144];
        let mut put = |at: usize, value: u64| bytes[at..at + 8].copy_from_slice(&value.to_le_bytes());
        for (at, ns) in [(0, self.user_ns), (16, self.system_ns)] {
            put(at, ns / NSEC_PER_SEC);
            put(at + 8, ns % NSEC_PER_SEC / 1000);
        }
        put(32, self.max_resident_pages * (arch::FRAME_SIZE / 1024)); // ru_maxrss, in KiB
        put(64, self.minor_faults);
        put(72, self.major_faults);
        put(128, self.voluntary_switches);
        put(136, self.involuntary_switches);
        bytes
    }
}
