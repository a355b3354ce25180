//! What the kernel layer does that takes time.

macro_rules! services {
    ($($name:ident = $key:literal, $doc:literal;)*) => {
        /// Something that the kernel layer does and that takes time.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Service {
            $(#[doc = $doc] $name,)*
        }

        impl Service {
            /// All of them, in their order.
            pub const ALL: [Self; [$($key),*].len()] = [$(Self::$name),*];

            /// Its key in the table of costs.
            #[must_use]
            pub const fn key(self) -> &'static str {
                match self {
                    $(Self::$name => $key,)*
                }
            }
        }
    };
}

services! {
    SystemCall = "system-call", "A system call, whatever it does besides.";
    Exception = "exception", "An exception that is no page fault.";
    ContextSwitch = "context-switch", "Another process comes to run.";
    FaultZeroPage = "fault-zero-page", "A fault that maps the shared zero page.";
    FaultDemandZero = "fault-demand-zero", "A fault that maps a fresh page.";
    FaultDemandZeroHuge = "fault-demand-zero-huge", "A fault that maps a fresh page of 2 MiB.";
    FaultFileCached = "fault-file-cached", "A fault that maps a page of the page cache.";
    FaultFileRead = "fault-file-read", "A fault that waits for a page of a file.";
    FaultCopiedOnWrite = "fault-copied-on-write", "A fault that copies a page.";
    FaultReusedOnWrite = "fault-reused-on-write", "A fault that makes a page writable again.";
    FaultSpurious = "fault-spurious", "A fault after which nothing had to be done.";
    FaultSwapCached = "fault-swap-cached", "A fault that maps a page of the swap cache.";
    FaultSwapRead = "fault-swap-read", "A fault that waits for a page on the swap device.";
    FaultSignal = "fault-signal", "A fault that ends in a signal.";
    ZeroPage = "zero-page", "4 KiB are cleared.";
    CopyPage = "copy-page", "4 KiB are copied.";
    PageTable = "page-table", "A paging structure is allocated and cleared.";
    ForkEntry = "fork-entry", "Fork copies an entry of a page table.";
    ScanEntry = "scan-entry", "Reclaim looks at an entry of a page table.";
    TlbFlushPage = "tlb-flush-page", "The translations of a page go.";
    TlbFlush = "tlb-flush", "The translations of an address space go.";
    SlabPage = "slab-page", "A slab cache takes or gives back a page.";
    DiskReadRequest = "disk-read-request", "The disk is asked to read.";
    DiskReadPage = "disk-read-page", "The disk reads a page.";
    DiskWriteRequest = "disk-write-request", "The disk is asked to write.";
    DiskWritePage = "disk-write-page", "The disk writes a page.";
    SwapReadRequest = "swap-read-request", "The swap device is asked to read.";
    SwapReadPage = "swap-read-page", "The swap device reads a page.";
    SwapWriteRequest = "swap-write-request", "The swap device is asked to write.";
    SwapWritePage = "swap-write-page", "The swap device writes a page.";
}

impl Service {
    /// True if a device does it while the processor waits.
    #[must_use]
    pub const fn is_device(self) -> bool {
        self as usize >= Self::DiskReadRequest as usize
    }

    /// True if the swap device does it.
    #[must_use]
    pub const fn is_swap(self) -> bool {
        self as usize >= Self::SwapReadRequest as usize
    }
}
