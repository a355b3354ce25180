//! A random instruction of a form: operands, address form, prefixes.

use super::address::{self, Pins};
use super::layout::{CODE, CODE_AT, CODE_BYTES};
use super::random::Random;
use super::values;
use arch::FRAME_SIZE;
use iced_x86::{Code, Encoder, Instruction, Mnemonic, OpCodeOperandKind as K, OpKind, Register};

/// An instruction, where it stands, and what registers it needs.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The instruction.
    pub insn: Instruction,
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// Its linear address.
    pub at: u64,
    /// What registers must hold.
    pub pins: Pins,
}

/// Attempts at an encoding, since not all registers go with each other.
const ATTEMPTS: usize = 64;

/// A random instruction of this form. `None` if none was found.
pub fn plan(code: Code, rng: &mut Random) -> Option<Plan> {
    (0..ATTEMPTS).find_map(|_| attempt(code, rng))
}

fn attempt(code: Code, rng: &mut Random) -> Option<Plan> {
    let at = if rng.percent(90) { CODE_AT } else { CODE + FRAME_SIZE - 1 - rng.below(14) };
    let mut insn = Instruction::default();
    insn.set_code(code);
    let mut pins = Pins::default();
    let op = code.op_code();
    insn.set_has_lock_prefix(op.can_use_lock_prefix() && rng.percent(30));
    let same = rng.percent(12).then(|| rng.below(16) as u32);
    for n in 0..op.op_count() {
        operand(&mut insn, n, op.op_kind(n), at, same, rng, &mut pins)?;
    }
    if chooses_components(&insn) && pins.gpr.iter().any(|&(register, _)| matches!(register, 0 | 2)) {
        return None;
    }
    implied(&mut insn, rng, &mut pins);
    prefixes(&mut insn, rng);
    let mut encoder = Encoder::new(64);
    let len = encoder.encode(&insn, at).ok()?;
    insn.set_len(len);
    insn.set_ip(at);
    insn.set_next_ip(at + len as u64);
    let bytes = encoder.take_buffer();
    let into_itself =
        matches!(insn.op0_kind(), OpKind::NearBranch64) && insn.near_branch_target().wrapping_sub(at) < len as u64;
    (bytes.len() <= 15 && !into_itself && at + 16 <= CODE + CODE_BYTES as u64).then_some(Plan { insn, bytes, at, pins })
}

fn operand(
    insn: &mut Instruction,
    n: u32,
    kind: K,
    at: u64,
    same: Option<u32>,
    rng: &mut Random,
    pins: &mut Pins,
) -> Option<()> {
    let any = same.unwrap_or_else(|| rng.below(16) as u32);
    let from_memory = rng.percent(50);
    let size = access_bytes(insn.code());
    match kind {
        K::r8_or_mem | K::r16_or_mem | K::r32_or_mem | K::r64_or_mem | K::mm_or_mem | K::xmm_or_mem | K::ymm_or_mem
            if from_memory =>
        {
            memory(insn, n, size, rng, pins);
        }
        K::mem => memory(insn, n, size, rng, pins),
        K::mem_offs => {
            let target = address::aim(rng, size);
            pins.windows.push((target, size));
            address::place_absolute(insn, n, target, rng, pins);
        }
        K::mem_vsib32x | K::mem_vsib64x => {
            address::place_vector(insn, n, Register::XMM0 + any, kind == K::mem_vsib64x, rng, pins);
        }
        K::mem_vsib32y | K::mem_vsib64y => {
            address::place_vector(insn, n, Register::YMM0 + any, kind == K::mem_vsib64y, rng, pins);
        }
        K::seg_rSI | K::es_rDI | K::seg_rDI | K::seg_rBX_al => string(insn, n, kind, size, rng, pins),
        K::br64_1 => branch(insn, n, at.wrapping_add(2 + rng.below(250)).wrapping_sub(120)),
        K::br64_4 => {
            let far = (at + 5).wrapping_add(rng.bits() as i32 as u64);
            let target = if rng.percent(70) { CODE + rng.below(CODE_BYTES as u64 - 1) } else { far };
            branch(insn, n, target);
        }
        _ => {
            if let Some(register) = register(kind, any, rng) {
                insn.set_op_kind(n, OpKind::Register);
                insn.set_op_register(n, register);
            } else {
                immediate(insn, n, kind, rng)?;
            }
        }
    }
    Some(())
}

/// Bytes that the memory operand of a form has; where the form does not say, as many as XSAVE writes.
fn access_bytes(code: Code) -> u64 {
    match code.op_code().memory_size().size() {
        0 if code.op_code().is_save_restore() => 832,
        0 => 8,
        n => n as u64,
    }
}

fn memory(insn: &mut Instruction, n: u32, size: u64, rng: &mut Random, pins: &mut Pins) {
    let target = address::aim(rng, size);
    let target = if is_locked(insn) { target & !(size - 1) } else { target };
    pins.windows.push((target, size));
    address::place(insn, n, target, rng, pins);
}

/// XSAVE and its like, which take their components from EDX:EAX: those that the core lacks must not be asked for.
fn chooses_components(insn: &Instruction) -> bool {
    use Mnemonic as M;
    matches!(
        insn.mnemonic(),
        M::Xsave | M::Xsave64 | M::Xsaveopt | M::Xsaveopt64 | M::Xsavec | M::Xsavec64 | M::Xrstor | M::Xrstor64
    )
}

/// Locked accesses never cross a cache line: Linux slows programs down that do that.
fn is_locked(insn: &Instruction) -> bool {
    insn.has_lock_prefix() || insn.mnemonic() == Mnemonic::Xchg
}

/// The operands that string instructions, MASKMOVQ and XLAT imply.
fn string(insn: &mut Instruction, n: u32, kind: K, size: u64, rng: &mut Random, pins: &mut Pins) {
    let narrow =
        n > 0 && matches!(insn.op0_kind(), OpKind::MemoryESEDI | OpKind::MemorySegESI) || n == 0 && rng.percent(15);
    let target = address::aim(rng, size);
    let narrow = narrow && (target >> 32 == 0 || n > 0);
    pins.windows.push((target, size.max(8)));
    let high = if narrow { rng.bits() << 32 } else { 0 };
    let (op_kind, register) = match (kind, narrow) {
        (K::seg_rSI, false) => (OpKind::MemorySegRSI, 6),
        (K::seg_rSI, true) => (OpKind::MemorySegESI, 6),
        (K::es_rDI, false) => (OpKind::MemoryESRDI, 7),
        (K::es_rDI, true) => (OpKind::MemoryESEDI, 7),
        (K::seg_rDI, false) => (OpKind::MemorySegRDI, 7),
        (K::seg_rDI, true) => (OpKind::MemorySegEDI, 7),
        _ => (OpKind::Memory, 3),
    };
    insn.set_op_kind(n, op_kind);
    if op_kind == OpKind::Memory {
        insn.set_memory_base(if narrow { Register::EBX } else { Register::RBX });
        insn.set_memory_index(Register::AL);
    }
    pins.gpr.push((register, target & if narrow { 0xffff_ffff } else { u64::MAX } | high));
}

fn branch(insn: &mut Instruction, n: u32, target: u64) {
    insn.set_op_kind(n, OpKind::NearBranch64);
    insn.set_near_branch64(target);
}

fn register(kind: K, any: u32, rng: &mut Random) -> Option<Register> {
    Some(match kind {
        // AL to R15L, and AH to BH between them.
        K::r8_or_mem | K::r8_reg | K::r8_opcode => {
            Register::AL + if rng.percent(20) { 4 + rng.below(4) as u32 } else { any + u32::from(any >= 4) * 4 }
        }
        K::r16_or_mem | K::r16_reg | K::r16_reg_mem | K::r16_rm | K::r16_opcode => Register::AX + any,
        K::r32_or_mem | K::r32_reg | K::r32_reg_mem | K::r32_rm | K::r32_opcode | K::r32_vvvv => Register::EAX + any,
        K::r64_or_mem | K::r64_reg | K::r64_reg_mem | K::r64_rm | K::r64_opcode | K::r64_vvvv => Register::RAX + any,
        K::mm_or_mem | K::mm_reg | K::mm_rm => Register::MM0 + any % 8,
        K::xmm_or_mem | K::xmm_reg | K::xmm_rm | K::xmm_vvvv | K::xmm_is4 | K::xmm_is5 => Register::XMM0 + any,
        K::xmmp3_vvvv => Register::XMM0 + any / 4 * 4,
        K::ymm_or_mem | K::ymm_reg | K::ymm_rm | K::ymm_vvvv | K::ymm_is4 | K::ymm_is5 => Register::YMM0 + any,
        K::seg_reg => rng.pick(&[Register::ES, Register::CS, Register::SS, Register::DS, Register::FS, Register::GS]),
        K::cr_reg => rng.pick(&[Register::CR0, Register::CR2, Register::CR3, Register::CR4, Register::CR8]),
        K::dr_reg => Register::DR0 + any % 8,
        K::es => Register::ES,
        K::cs => Register::CS,
        K::ss => Register::SS,
        K::ds => Register::DS,
        K::fs => Register::FS,
        K::gs => Register::GS,
        K::al => Register::AL,
        K::cl => Register::CL,
        K::ax => Register::AX,
        K::dx => Register::DX,
        K::eax => Register::EAX,
        K::rax => Register::RAX,
        K::st0 => Register::ST0,
        K::sti_opcode => Register::ST0 + any % 8,
        _ => return None,
    })
}

fn immediate(insn: &mut Instruction, n: u32, kind: K, rng: &mut Random) -> Option<()> {
    let value = values::integer(rng);
    let op_kind = match kind {
        K::imm8 | K::imm8_const_1 | K::imm4_m2z => {
            let second = (0..n).any(|before| matches!(insn.op_kind(before), OpKind::Immediate8 | OpKind::Immediate16));
            if second { OpKind::Immediate8_2nd } else { OpKind::Immediate8 }
        }
        K::imm8sex16 => OpKind::Immediate8to16,
        K::imm8sex32 => OpKind::Immediate8to32,
        K::imm8sex64 => OpKind::Immediate8to64,
        K::imm16 => OpKind::Immediate16,
        K::imm32 => OpKind::Immediate32,
        K::imm32sex64 => OpKind::Immediate32to64,
        K::imm64 => OpKind::Immediate64,
        _ => return None,
    };
    insn.set_op_kind(n, op_kind);
    match op_kind {
        OpKind::Immediate8 if kind == K::imm8_const_1 => insn.set_immediate8(1),
        OpKind::Immediate8 => insn.set_immediate8(byte(insn.code(), rng)),
        OpKind::Immediate8_2nd => {
            insn.set_immediate8_2nd(rng.below(if insn.mnemonic() == Mnemonic::Enter { 34 } else { 256 }) as u8)
        }
        OpKind::Immediate8to16 => insn.set_immediate8to16(i16::from(value as i8)),
        OpKind::Immediate8to32 => insn.set_immediate8to32(i32::from(value as i8)),
        OpKind::Immediate8to64 => insn.set_immediate8to64(i64::from(value as i8)),
        OpKind::Immediate16 => insn.set_immediate16(value as u16),
        OpKind::Immediate32 => insn.set_immediate32(value as u32),
        OpKind::Immediate32to64 => insn.set_immediate32to64(i64::from(value as i32)),
        _ => insn.set_immediate64(value),
    }
    Some(())
}

/// An immediate byte. INT n has gates for programs at 3, 4 and 80H: Linux's business.
fn byte(code: Code, rng: &mut Random) -> u8 {
    let value = if rng.percent(30) { rng.below(16) } else { rng.below(256) } as u8;
    if code == Code::Int_imm8 && matches!(value, 3 | 4 | 0x80) { 0x81 } else { value }
}

/// Registers that an instruction uses without naming them.
fn implied(insn: &mut Instruction, rng: &mut Random, pins: &mut Pins) {
    if insn.code().op_code().is_stack_instruction() || matches!(insn.mnemonic(), Mnemonic::Leave | Mnemonic::Enter) {
        let target = address::aim(rng, 16) / 2 * 2;
        let target = if rng.percent(90) { target / 8 * 8 } else { target };
        pins.windows.push((target.wrapping_sub(16), 64));
        pins.gpr.push((4, target));
        if matches!(insn.mnemonic(), Mnemonic::Leave | Mnemonic::Enter) {
            let frame = address::aim(rng, 8);
            pins.windows.push((frame, 16));
            pins.gpr.push((5, frame));
        }
    }
    if insn.is_string_instruction() {
        let count = if rng.percent(94) { rng.below(40) } else { rng.bits() >> 1 >> rng.below(60) };
        let narrow =
            [insn.op0_kind(), insn.op1_kind()].iter().any(|k| matches!(k, OpKind::MemoryESEDI | OpKind::MemorySegESI));
        let high = if narrow { rng.bits() << 32 } else { 0 };
        pins.gpr.push((1, if narrow { count & 0xffff_ffff | high } else { count }));
    }
    let is_bit_test = matches!(insn.mnemonic(), Mnemonic::Bt | Mnemonic::Btc | Mnemonic::Btr | Mnemonic::Bts);
    if is_bit_test && insn.op0_kind() == OpKind::Memory && insn.op1_kind() == OpKind::Register {
        // The bit's number moves the address: not far.
        let number = rng.below(8192).wrapping_sub(4096);
        let register = insn.op1_register().full_register().number();
        if pins.gpr.iter().all(|&(pinned, _)| pinned != register) {
            pins.gpr.push((register, number));
        }
    }
}

fn prefixes(insn: &mut Instruction, rng: &mut Random) {
    let code = insn.code();
    let op = code.op_code();
    // #UD for a register is left to other tests.
    insn.set_has_lock_prefix(insn.has_lock_prefix() && insn.op0_kind() == OpKind::Memory);
    if insn.is_string_instruction() {
        match rng.below(4) {
            0 | 1 if op.can_use_rep_prefix() => insn.set_has_rep_prefix(true),
            2 if op.can_use_repne_prefix() => insn.set_has_repne_prefix(true),
            _ => {}
        }
    }
}
