//! Control registers, as far as paging reads them (SDM "Paging Modes and Control Bits").

use crate::{FRAME_SHIFT, PhysAddr};
use bitflags::bitflags;

bitflags! {
    /// CR0.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    pub struct Cr0: u64 {
        /// Protection enable.
        const PE = 1 << 0;
        /// Monitor coprocessor.
        const MP = 1 << 1;
        /// Extension type.
        const ET = 1 << 4;
        /// Numeric error.
        const NE = 1 << 5;
        /// Write protect: supervisor writes obey R/W (MMU-086).
        const WP = 1 << 16;
        /// Alignment mask.
        const AM = 1 << 18;
        /// Paging.
        const PG = 1 << 31;
    }

    /// CR4.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    pub struct Cr4: u64 {
        /// 4 MiB pages in 32-bit paging.
        const PSE = 1 << 4;
        /// 8-byte entries.
        const PAE = 1 << 5;
        /// Global pages (MMU-009).
        const PGE = 1 << 7;
        /// The operating system saves SSE state.
        const OSFXSR = 1 << 9;
        /// Unmasked SIMD exceptions raise #XM.
        const OSXMMEXCPT = 1 << 10;
        /// 57-bit linear addresses.
        const LA57 = 1 << 12;
        /// Process-context identifiers.
        const PCIDE = 1 << 17;
        /// XSAVE and XCR0.
        const OSXSAVE = 1 << 18;
        /// Supervisor-mode execution prevention (MMU-087).
        const SMEP = 1 << 20;
        /// Supervisor-mode access prevention (MMU-084).
        const SMAP = 1 << 21;
        /// Protection keys for user-mode pages.
        const PKE = 1 << 22;
    }

    /// IA32_EFER.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    pub struct Efer: u64 {
        /// SYSCALL enable.
        const SCE = 1 << 0;
        /// IA-32e mode enable.
        const LME = 1 << 8;
        /// IA-32e mode active.
        const LMA = 1 << 10;
        /// Execute-disable enable (MMU-006).
        const NXE = 1 << 11;
    }
}

/// CR3: the root of the paging structures.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Cr3(pub u64);

impl Cr3 {
    /// Physical address of the root table, bits 51:12 (MMU-012; bits from M up cannot be loaded, MMU-013).
    #[must_use]
    pub const fn root(self) -> PhysAddr {
        PhysAddr(self.0 & 0x000f_ffff_ffff_f000)
    }
}

/// MAXPHYADDR: how many bits a physical address has (CPUID 80000008H:EAX\[7:0\]); 36 to 52.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PhysAddrWidth(u8);

impl PhysAddrWidth {
    /// A width of `bits`, or `None` outside 36..=52.
    #[must_use]
    pub const fn new(bits: u8) -> Option<Self> {
        if bits >= 36 && bits <= 52 { Some(Self(bits)) } else { None }
    }

    /// The number of bits.
    #[must_use]
    pub const fn bits(self) -> u8 {
        self.0
    }

    /// Mask of the entry bits 51:M, which are reserved (MMU-063).
    #[must_use]
    pub const fn reserved_mask(self) -> u64 {
        ((1 << 52) - 1) & !((1 << self.0) - 1)
    }

    /// Mask of the entry bits M-1:12, which hold a frame address.
    #[must_use]
    pub const fn frame_mask(self) -> u64 {
        ((1 << self.0) - 1) & !((1 << FRAME_SHIFT) - 1)
    }
}

impl Default for PhysAddrWidth {
    /// 46 bits, as on most servers.
    fn default() -> Self {
        Self(46)
    }
}

/// Whose rules hold where Intel's and AMD's differ (MMU-048).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Vendor {
    /// Bit 8 of a PML4E is ignored.
    #[default]
    Intel,
    /// Bit 8 of a PML4E is reserved.
    Amd,
}

/// The control registers of one logical processor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ControlRegs {
    /// CR0.
    pub cr0: Cr0,
    /// CR3.
    pub cr3: Cr3,
    /// CR4.
    pub cr4: Cr4,
    /// IA32_EFER.
    pub efer: Efer,
}

impl ControlRegs {
    /// 64-bit mode with 4-level paging as Linux sets it up, on the paging structures under `cr3`.
    #[must_use]
    pub const fn long_mode(cr3: Cr3) -> Self {
        Self {
            cr0: Cr0::PE.union(Cr0::MP).union(Cr0::ET).union(Cr0::NE).union(Cr0::WP).union(Cr0::AM).union(Cr0::PG),
            cr3,
            cr4: Cr4::PSE
                .union(Cr4::PAE)
                .union(Cr4::PGE)
                .union(Cr4::OSFXSR)
                .union(Cr4::OSXMMEXCPT)
                .union(Cr4::SMEP)
                .union(Cr4::SMAP),
            efer: Efer::SCE.union(Efer::LME).union(Efer::LMA).union(Efer::NXE),
        }
    }
}
