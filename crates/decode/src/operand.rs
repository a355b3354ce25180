//! Operands in the terms of the core.

use iced_x86::{Instruction, MemorySize, OpKind, Register};

/// A segment whose base is not zero in 64-bit mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Segment {
    /// Base 0: CS, DS, ES, SS.
    Flat,
    /// FS.
    Fs,
    /// GS.
    Gs,
}

/// A memory operand: segment + base + index * 2^scale + displacement, modulo 2^64 (or 2^32 with a 67H prefix).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemOperand {
    /// Which segment base is added.
    pub segment: Segment,
    /// Base register, 0 to 15.
    pub base: Option<u8>,
    /// Index register, 0 to 15: a general register, for a gather a vector register.
    pub index: Option<u8>,
    /// log2 of the factor of the index: 0 to 3.
    pub scale: u8,
    /// Displacement; with `rip_relative` the target, relative to the instruction's page.
    pub disp: i64,
    /// The base is the linear address of the page that holds the instruction's first byte.
    pub rip_relative: bool,
    /// The sum is cut to 32 bits before the segment base is added (67H prefix).
    pub addr32: bool,
    /// Bytes of the access, 0 where the instruction itself decides (FXSAVE, ...).
    pub size: u16,
    /// A stack address by the architecture's rule: #SS instead of #GP if it is not canonical (MMU-150).
    pub stack: bool,
}

/// An explicit operand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operand {
    /// Low byte of a general register, 0 to 15.
    Reg8(u8),
    /// AH, CH, DH, BH: bits 15:8 of register 0 to 3.
    Reg8High(u8),
    /// Low word of a general register.
    Reg16(u8),
    /// Low doubleword.
    Reg32(u8),
    /// Quadword.
    Reg64(u8),
    /// XMM register, 0 to 15.
    Xmm(u8),
    /// YMM register, 0 to 15.
    Ymm(u8),
    /// MMX register, 0 to 7.
    Mm(u8),
    /// x87 stack register, 0 to 7 from the top.
    St(u8),
    /// A segment register, numbered as in encodings (ES 0 to GS 5).
    SegReg(u8),
    /// Memory.
    Mem(MemOperand),
    /// An immediate, sign- or zero-extended to 64 bits as the operation takes it.
    Imm(u64),
    /// A branch target, relative to the page that holds the instruction's first byte.
    Target(i64),
    /// Something the core does not execute (control and debug registers, registers of AVX-512, far pointers).
    Other,
}

impl Operand {
    pub(crate) fn new(insn: &Instruction, n: u32) -> Self {
        match insn.op_kind(n) {
            OpKind::Register => register(insn.op_register(n)),
            OpKind::NearBranch16 | OpKind::NearBranch32 | OpKind::NearBranch64 => {
                Self::Target(insn.near_branch_target() as i64)
            }
            OpKind::Immediate8
            | OpKind::Immediate8_2nd
            | OpKind::Immediate16
            | OpKind::Immediate32
            | OpKind::Immediate64
            | OpKind::Immediate8to16
            | OpKind::Immediate8to32
            | OpKind::Immediate8to64
            | OpKind::Immediate32to64 => Self::Imm(insn.immediate(n)),
            OpKind::Memory
            | OpKind::MemorySegSI
            | OpKind::MemorySegESI
            | OpKind::MemorySegRSI
            | OpKind::MemoryESDI
            | OpKind::MemoryESEDI
            | OpKind::MemoryESRDI
            | OpKind::MemorySegDI
            | OpKind::MemorySegEDI
            | OpKind::MemorySegRDI => Self::Mem(memory(insn, insn.op_kind(n))),
            OpKind::FarBranch16 | OpKind::FarBranch32 => Self::Other,
        }
    }

    /// The memory operand, if it is one.
    #[must_use]
    pub const fn mem(&self) -> Option<&MemOperand> {
        match self {
            Self::Mem(m) => Some(m),
            _ => None,
        }
    }

    /// Bits of a general-register operand.
    #[must_use]
    pub const fn gpr_bits(&self) -> Option<u32> {
        match self {
            Self::Reg8(_) | Self::Reg8High(_) => Some(8),
            Self::Reg16(_) => Some(16),
            Self::Reg32(_) => Some(32),
            Self::Reg64(_) => Some(64),
            _ => None,
        }
    }
}

fn register(r: Register) -> Operand {
    let n = r.number() as u8;
    match r {
        Register::AH | Register::CH | Register::DH | Register::BH => Operand::Reg8High(n & 3),
        _ if r.is_gpr8() => Operand::Reg8(low_byte_number(r)),
        _ if r.is_gpr16() => Operand::Reg16(n),
        _ if r.is_gpr32() => Operand::Reg32(n),
        _ if r.is_gpr64() => Operand::Reg64(n),
        _ if r.is_xmm() => match n {
            0..16 => Operand::Xmm(n),
            _ => Operand::Other,
        },
        _ if r.is_ymm() && n < 16 => Operand::Ymm(n),
        _ if r.is_mm() => Operand::Mm(n),
        _ if r.is_st() => Operand::St(n),
        _ if r.is_segment_register() => Operand::SegReg(n),
        _ => Operand::Other,
    }
}

/// The general register whose low byte `r` is.
fn low_byte_number(r: Register) -> u8 {
    r.full_register().number() as u8
}

fn memory(insn: &Instruction, kind: OpKind) -> MemOperand {
    let string_base = match kind {
        OpKind::MemorySegSI | OpKind::MemorySegESI | OpKind::MemorySegRSI => Some(6),
        OpKind::Memory => None,
        _ => Some(7),
    };
    let addr32 = match kind {
        OpKind::MemorySegESI | OpKind::MemoryESEDI | OpKind::MemorySegEDI => true,
        OpKind::Memory => {
            insn.memory_base().is_gpr32()
                || insn.memory_index().is_gpr32()
                || insn.memory_base() == Register::EIP
                || (insn.memory_base() == Register::None
                    && insn.memory_displ_size() == 4
                    && !insn.memory_index().is_gpr64())
        }
        _ => false,
    };
    let always_flat = matches!(kind, OpKind::MemoryESDI | OpKind::MemoryESEDI | OpKind::MemoryESRDI);
    let segment = match insn.memory_segment() {
        _ if always_flat => Segment::Flat,
        Register::FS => Segment::Fs,
        Register::GS => Segment::Gs,
        _ => Segment::Flat,
    };
    let gpr = |r: Register| (r.is_gpr() && r != Register::None).then(|| r.number() as u8);
    MemOperand {
        segment,
        base: string_base.or_else(|| gpr(insn.memory_base())),
        // XLATB's index is AL, which the instruction itself adds.
        index: if string_base.is_some() || insn.memory_index() == Register::AL {
            None
        } else if insn.memory_index().is_vector_register() {
            Some(insn.memory_index().number() as u8)
        } else {
            gpr(insn.memory_index())
        },
        scale: insn.memory_index_scale().trailing_zeros() as u8,
        disp: if string_base.is_some() { 0 } else { insn.memory_displacement64() as i64 },
        rip_relative: insn.is_ip_rel_memory_operand(),
        addr32,
        size: memory_bytes(insn.memory_size()),
        stack: segment == Segment::Flat && is_stack_pointer(insn.memory_base()),
    }
}

/// Addresses by these registers are stack addresses, whatever prefix of a flat segment there is (SDM "Segmentation in IA-32e
/// Mode": the prefixes CS, DS, ES and SS are ignored).
fn is_stack_pointer(base: Register) -> bool {
    matches!(base, Register::RSP | Register::ESP | Register::RBP | Register::EBP)
}

fn memory_bytes(size: MemorySize) -> u16 {
    size.size() as u16
}
