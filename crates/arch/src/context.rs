//! The user-visible register state that moves between the core and the kernel layer.

use bitflags::bitflags;

/// A general-purpose register, numbered as in instruction encodings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
#[allow(missing_docs, reason = "the names are the processor's")]
pub enum Gpr {
    Rax,
    Rcx,
    Rdx,
    Rbx,
    Rsp,
    Rbp,
    Rsi,
    Rdi,
    R8,
    R9,
    R10,
    R11,
    R12,
    R13,
    R14,
    R15,
}

bitflags! {
    /// RFLAGS (SDM "EFLAGS Register").
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    pub struct Rflags: u64 {
        /// Carry.
        const CF = 1 << 0;
        /// Always 1.
        const FIXED = 1 << 1;
        /// Parity of the low byte.
        const PF = 1 << 2;
        /// Carry out of bit 3.
        const AF = 1 << 4;
        /// Zero.
        const ZF = 1 << 6;
        /// Sign.
        const SF = 1 << 7;
        /// Trap: single step.
        const TF = 1 << 8;
        /// Interrupts enabled.
        const IF = 1 << 9;
        /// String instructions go down.
        const DF = 1 << 10;
        /// Overflow.
        const OF = 1 << 11;
        /// Nested task.
        const NT = 1 << 14;
        /// Resume.
        const RF = 1 << 16;
        /// Alignment check.
        const AC = 1 << 18;
        /// CPUID is there if this can be toggled.
        const ID = 1 << 21;
        /// The six flags that arithmetic sets.
        const STATUS = 1 << 0 | 1 << 2 | 1 << 4 | 1 << 6 | 1 << 7 | 1 << 11;
    }
}

/// The x87 and SSE state in the layout of FXSAVE64 (SDM "FXSAVE"): 512 bytes.
#[derive(Clone, PartialEq, Eq)]
pub struct XsaveImage(pub [u8; 512]);

impl XsaveImage {
    /// Byte offset of MXCSR.
    pub const MXCSR: usize = 24;
    /// Byte offset of ST0; each x87 register takes 16 bytes.
    pub const ST0: usize = 32;
    /// Byte offset of XMM0; each register takes 16 bytes.
    pub const XMM0: usize = 160;
}

impl Default for XsaveImage {
    /// The state at the start of a program: x87 as after FNINIT, MXCSR = 1F80H, registers zero.
    fn default() -> Self {
        let mut image = [0; 512];
        image[0..2].copy_from_slice(&0x037f_u16.to_le_bytes());
        image[Self::MXCSR..Self::MXCSR + 4].copy_from_slice(&0x1f80_u32.to_le_bytes());
        image[Self::MXCSR + 4..Self::MXCSR + 8].copy_from_slice(&0xffff_u32.to_le_bytes());
        Self(image)
    }
}

impl std::fmt::Debug for XsaveImage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("XsaveImage(..)")
    }
}

/// The registers of a thread in user mode. Shape: 16 general registers in encoding order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserContext {
    /// General-purpose registers, indexed by [`Gpr`].
    pub gpr: [u64; 16],
    /// Linear address of the next instruction.
    pub rip: u64,
    /// RFLAGS, complete (no lazy part).
    pub rflags: Rflags,
    /// Base of the FS segment.
    pub fs_base: u64,
    /// Base of the GS segment.
    pub gs_base: u64,
    /// x87 and SSE state.
    pub xsave: XsaveImage,
    /// Bits 255:128 of YMM0 to YMM15; the low halves are the XMM registers.
    pub ymm_high: [u128; 16],
    /// PKRU: rights of the protection keys.
    pub pkru: u32,
    /// The selectors in the segment registers, indexed by [`Segment`].
    pub selectors: [u16; 6],
}

/// A segment register, numbered as in instruction encodings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
#[allow(missing_docs, reason = "the names are the processor's")]
pub enum Segment {
    Es,
    Cs,
    Ss,
    Ds,
    Fs,
    Gs,
}

impl Segment {
    /// The selectors that Linux starts a 64-bit program with: `__USER_CS` and `__USER_DS` in CS and SS, the others null.
    pub const AT_ENTRY: [u16; 6] = [0, 0x33, 0x2b, 0, 0, 0];
}

impl UserContext {
    /// Registers as Linux leaves them after execve: all zero but `rip` and `rsp`.
    #[must_use]
    pub fn at_entry(rip: crate::LinearAddr, rsp: crate::LinearAddr) -> Self {
        let mut gpr = [0; 16];
        gpr[Gpr::Rsp as usize] = rsp.0;
        Self {
            gpr,
            rip: rip.0,
            rflags: Rflags::FIXED | Rflags::IF,
            fs_base: 0,
            gs_base: 0,
            xsave: XsaveImage::default(),
            ymm_high: [0; 16],
            pkru: 0,
            selectors: Segment::AT_ENTRY,
        }
    }

    /// The value of one general register.
    #[must_use]
    pub const fn reg(&self, r: Gpr) -> u64 {
        self.gpr[r as usize]
    }

    /// Sets one general register.
    pub const fn set_reg(&mut self, r: Gpr, value: u64) {
        self.gpr[r as usize] = value;
    }
}
