//! The control state that acts on an access at the time of its use (MMU-007).

use arch::{ControlRegs, Cr0, Cr4, Efer, PhysAddr, PhysAddrWidth, Vendor};

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
    /// Intel's or AMD's reserved bits.
    pub vendor: Vendor,
    /// The choice among what MMU-114 allows.
    pub accessed_on_fault: AccessedOnFault,
}

impl PagingContext {
    /// 4-level paging with these registers, on a processor with the default features.
    #[must_use]
    pub fn new(regs: ControlRegs) -> Self {
        Self {
            regs,
            alignment_check: false,
            width: PhysAddrWidth::default(),
            gigabyte_pages: GigabytePages::default(),
            vendor: Vendor::default(),
            accessed_on_fault: AccessedOnFault::default(),
        }
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

    /// The root table's physical address (MMU-012).
    #[must_use]
    pub const fn root(&self) -> PhysAddr {
        self.regs.cr3.root()
    }
}
