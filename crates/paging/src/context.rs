//! The control state that acts on an access at the time of its use (MMU-007).

use arch::{ControlRegs, Cr0, Cr4, Efer, LinearAddr, MemoryType, PagingMode, Pcid, PhysAddrWidth, Vendor};

/// What A bits a faulting walk leaves behind in the upper entries; silicon is allowed either (MMU-114).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum AccessedOnFault {
    /// A is set in each entry as it is traversed, as the SDM words it and as QEMU does.
    #[default]
    AsTraversed,
    /// A is set only when the whole translation succeeds, as KVM and Bochs do.
    OnSuccessOnly,
}

/// Whether the processor has 1 GiB pages (CPUID 80000001H:EDX\[26\], MMU-043).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum GigabytePages {
    /// A PDPTE may map a page.
    #[default]
    Supported,
    /// PS is reserved in a PDPTE.
    Absent,
}

/// Whether 4 MiB pages of 32-bit paging may lie above 4 GiB (CPUID 1:EDX\[17\], MMU-023).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Pse36 {
    /// Bits 20:13 of such a PDE are address bits 39:32, as far as MAXPHYADDR goes.
    #[default]
    Supported,
    /// Bits 21:13 are reserved.
    Absent,
}

/// All that decides a translation, apart from memory: registers, and what the processor supports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PagingContext {
    /// The control registers.
    pub regs: ControlRegs,
    /// RFLAGS.AC, which opens user pages to explicit supervisor data accesses under SMAP (MMU-084).
    pub alignment_check: bool,
    /// MAXPHYADDR.
    pub width: PhysAddrWidth,
    /// 1 GiB pages.
    pub gigabyte_pages: GigabytePages,
    /// 4 MiB pages above 4 GiB.
    pub pse36: Pse36,
    /// Intel's or AMD's reserved bits.
    pub vendor: Vendor,
    /// The choice among what MMU-114 allows.
    pub accessed_on_fault: AccessedOnFault,
    /// The type that the MTRRs give to all of memory (MMU-222).
    pub mtrr: MemoryType,
}

impl PagingContext {
    /// Paging with these registers, on a processor with the default features.
    #[must_use]
    pub fn new(regs: ControlRegs) -> Self {
        Self {
            regs,
            alignment_check: false,
            width: PhysAddrWidth::default(),
            gigabyte_pages: GigabytePages::default(),
            pse36: Pse36::default(),
            vendor: Vendor::default(),
            accessed_on_fault: AccessedOnFault::default(),
            mtrr: MemoryType::default(),
        }
    }

    /// The paging mode (MMU-002).
    #[inline]
    #[must_use]
    pub const fn mode(&self) -> PagingMode {
        self.regs.mode()
    }

    /// The current PCID (MMU-191).
    #[must_use]
    pub const fn pcid(&self) -> Pcid {
        self.regs.pcid()
    }

    /// True if every byte of an access of `size` bytes (at least 1) at `la` is canonical in this mode (MMU-150, MMU-151).
    #[must_use]
    pub const fn is_canonical(&self, la: LinearAddr, size: u64) -> bool {
        self.mode().linear_width().is_canonical(la, size)
    }

    pub(crate) const fn paging(&self) -> bool {
        self.regs.cr0.contains(Cr0::PG)
    }

    pub(crate) const fn wp(&self) -> bool {
        self.regs.cr0.contains(Cr0::WP)
    }

    pub(crate) const fn nxe(&self) -> bool {
        self.regs.efer.contains(Efer::NXE)
    }

    pub(crate) const fn smep(&self) -> bool {
        self.regs.cr4.contains(Cr4::SMEP)
    }

    pub(crate) const fn smap(&self) -> bool {
        self.regs.cr4.contains(Cr4::SMAP)
    }

    pub(crate) const fn pge(&self) -> bool {
        self.regs.cr4.contains(Cr4::PGE)
    }

    pub(crate) const fn pse(&self) -> bool {
        self.regs.cr4.contains(Cr4::PSE)
    }

    /// Keys of user-mode pages are in force: 4- and 5-level paging only (MMU-091).
    pub(crate) const fn user_keys(&self) -> bool {
        self.regs.cr4.contains(Cr4::PKE) && self.regs.efer.contains(Efer::LMA)
    }

    /// Keys of supervisor-mode pages are in force (MMU-092).
    pub(crate) const fn supervisor_keys(&self) -> bool {
        self.regs.cr4.contains(Cr4::PKS) && self.regs.efer.contains(Efer::LMA)
    }
}
