//! Control registers, as far as paging reads them (SDM "Paging Modes and Control Bits").

use crate::{FRAME_SHIFT, KeyRights, PagingMode, Pat, Pcid, PhysAddr};
use bitflags::bitflags;

bitflags! {
    /// CR0.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    pub struct Cr0: u64 {
        /// Protection enable.
        const PE = 1 << 0;
        /// Monitor coprocessor.
        const MP = 1 << 1;
        /// Emulation: no x87.
        const EM = 1 << 2;
        /// Task switched.
        const TS = 1 << 3;
        /// Extension type.
        const ET = 1 << 4;
        /// Numeric error.
        const NE = 1 << 5;
        /// Write protect: supervisor writes obey R/W (MMU-086).
        const WP = 1 << 16;
        /// Alignment mask.
        const AM = 1 << 18;
        /// Not write-through.
        const NW = 1 << 29;
        /// Cache disable.
        const CD = 1 << 30;
        /// Paging.
        const PG = 1 << 31;
    }

    /// CR4.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    pub struct Cr4: u64 {
        /// Virtual-8086 mode extensions.
        const VME = 1 << 0;
        /// Protected-mode virtual interrupts.
        const PVI = 1 << 1;
        /// RDTSC is for CPL 0.
        const TSD = 1 << 2;
        /// Debugging extensions.
        const DE = 1 << 3;
        /// 4 MiB pages in 32-bit paging.
        const PSE = 1 << 4;
        /// 8-byte entries.
        const PAE = 1 << 5;
        /// Machine check.
        const MCE = 1 << 6;
        /// Global pages (MMU-009).
        const PGE = 1 << 7;
        /// RDPMC at any CPL.
        const PCE = 1 << 8;
        /// The operating system saves SSE state.
        const OSFXSR = 1 << 9;
        /// Unmasked SIMD exceptions raise #XM.
        const OSXMMEXCPT = 1 << 10;
        /// SGDT and its like are for CPL 0.
        const UMIP = 1 << 11;
        /// 57-bit linear addresses.
        const LA57 = 1 << 12;
        /// RDFSBASE and its like.
        const FSGSBASE = 1 << 16;
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
        /// Protection keys for supervisor-mode pages.
        const PKS = 1 << 24;
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

    /// Physical address of the page directory of 32-bit paging, bits 31:12 (MMU-010).
    #[must_use]
    pub const fn root32(self) -> PhysAddr {
        PhysAddr(self.0 & 0xffff_f000)
    }

    /// Physical address of the four PDPTEs of PAE paging, bits 31:5 (MMU-011).
    #[must_use]
    pub const fn pdpt(self) -> PhysAddr {
        PhysAddr(self.0 & 0xffff_ffe0)
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

/// The control registers of one logical processor, and the other registers that paging reads.
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
    /// PKRU: rights of the keys of user-mode pages.
    pub pkru: KeyRights,
    /// IA32_PKRS: rights of the keys of supervisor-mode pages.
    pub pkrs: KeyRights,
    /// IA32_PAT.
    pub pat: Pat,
    /// The PDPTE registers, which PAE paging starts from (MMU-015).
    pub pdptes: PdpteRegs,
}

/// The four PDPTE registers of PAE paging. Writes to CR3, CR0 and CR4 load them; a loaded register has no reserved bit
/// set (MMU-014).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct PdpteRegs(pub [u64; 4]);

impl ControlRegs {
    /// Protected mode with paging off, no feature enabled.
    #[must_use]
    pub const fn protected_mode() -> Self {
        Self { cr0: Cr0::PE.union(Cr0::ET), cr4: Cr4::empty(), efer: Efer::empty(), ..Self::long_mode(Cr3(0)) }
    }

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
            pkru: KeyRights(0),
            pkrs: KeyRights(0),
            pat: Pat::RESET,
            pdptes: PdpteRegs([0; 4]),
        }
    }

    /// How linear addresses are translated (MMU-002).
    #[inline]
    #[must_use]
    pub const fn mode(&self) -> PagingMode {
        if !self.cr0.contains(Cr0::PG) {
            PagingMode::Off
        } else if !self.cr4.contains(Cr4::PAE) {
            PagingMode::Bits32
        } else if !self.efer.contains(Efer::LMA) {
            PagingMode::Pae
        } else if self.cr4.contains(Cr4::LA57) {
            PagingMode::Level5
        } else {
            PagingMode::Level4
        }
    }

    /// The current PCID (MMU-191).
    #[must_use]
    pub const fn pcid(&self) -> Pcid {
        Pcid::of_word(if self.cr4.contains(Cr4::PCIDE) { self.cr3.0 } else { 0 })
    }
}
