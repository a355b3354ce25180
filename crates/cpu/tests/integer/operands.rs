//! Encodings with random operands, as instructions and as bytes.

use super::common::Rng;
use super::forms::{is_branch, is_system, is_tested};
use super::rig::{DATA_BYTES, Rig};
use iced_x86::{
    Code, ConditionCode, Decoder, DecoderOptions, Encoder, Instruction, Mnemonic, OpCodeOperandKind as Kind,
    OpCodeTableKind, OpKind, Register,
};

/// Bytes that begin with prefixes and an opcode of an integer instruction, and go on at random. `None` if they come to
/// something else.
pub fn random_bytes(rng: &mut Rng, codes: &[Code]) -> Option<Vec<u8>> {
    const PREFIXES: [u8; 11] = [0x66, 0x66, 0x67, 0xf2, 0xf3, 0x2e, 0x36, 0x26, 0x3e, 0x65, 0xf0];
    let mut bytes: Vec<u8> = (0..rng.below(5)).map(|_| rng.pick(&PREFIXES)).collect();
    if rng.one_in(2) {
        bytes.push(0x40 | rng.below(16) as u8);
    }
    let prefixes = if rng.one_in(30) { 12 } else { 0 };
    bytes.splice(0..0, (0..prefixes).map(|_| rng.pick(&PREFIXES)));
    let info = rng.pick(codes).op_code();
    match info.table() {
        OpCodeTableKind::Normal => {}
        OpCodeTableKind::T0F => bytes.push(0x0f),
        _ => return None,
    }
    let opcode = info.op_code() as u8 ^ u8::from(rng.one_in(8));
    if matches!(opcode, 0x62 | 0xc4 | 0xc5) {
        return None; // prefixes of vector instructions
    }
    bytes.push(opcode);
    bytes.extend((0..12).map(|_| if rng.one_in(4) { 0 } else { rng.next() as u8 }));
    let insn = Decoder::with_ip(64, &bytes, 0, DecoderOptions::NONE).decode();
    // What is both invalid and too long may be either.
    let opcode_at = bytes.iter().position(|b| !PREFIXES.contains(b) && b & 0xf0 != 0x40)?;
    let bare = Decoder::with_ip(64, &bytes[opcode_at..], 0, DecoderOptions::NONE).decode();
    if insn.is_invalid() && opcode_at > 3 && !(is_tested(bare.mnemonic()) || is_branch(bare.mnemonic())) {
        return None;
    }
    let m = insn.mnemonic();
    let conditional = insn.code().condition_code() != ConditionCode::None;
    // An instruction that the decoder does not know must be one that there is not.
    let emulated = matches!(m, Mnemonic::Sldt | Mnemonic::Str | Mnemonic::Smsw | Mnemonic::Lfs);
    let known =
        insn.is_invalid() || is_tested(m) || is_system(m) || is_branch(m) || conditional || m == Mnemonic::Pause;
    let odd = |r: Register| r.is_segment_register() || r.is_cr() || r.is_dr() || r.is_vector_register();
    let far = matches!(insn.code(), Code::Jmp_m1616 | Code::Jmp_m1632 | Code::Jmp_m1664)
        || matches!(insn.code(), Code::Call_m1616 | Code::Call_m1632 | Code::Call_m1664);
    let odd = far
        || emulated
        || (0..insn.op_count()).any(|n| odd(insn.op_register(n)))
        || insn.memory_segment() == Register::FS;
    if !insn.is_invalid() {
        bytes.truncate(insn.len());
    }
    // A branch into itself may never end.
    let into_itself = insn.op0_kind() == OpKind::NearBranch64 && insn.near_branch64() < insn.len() as u64;
    (known && !odd && !into_itself).then_some(bytes)
}

pub fn takes_memory(code: Code) -> bool {
    let info = code.op_code();
    // Linux does the accesses of what it emulates, and reports their faults in its own way.
    let emulated = matches!(code.mnemonic(), Mnemonic::Sldt | Mnemonic::Str | Mnemonic::Smsw);
    !emulated
        && (0..info.op_count()).any(|n| {
            let kind = info.op_kind(n);
            matches!(kind, Kind::r8_or_mem | Kind::r16_or_mem | Kind::r32_or_mem | Kind::r64_or_mem | Kind::mem)
                || matches!(kind, Kind::mem_offs)
        })
}

const LOW_BYTES: [Register; 16] = [
    Register::AL,
    Register::CL,
    Register::DL,
    Register::BL,
    Register::SPL,
    Register::BPL,
    Register::SIL,
    Register::DIL,
    Register::R8L,
    Register::R9L,
    Register::R10L,
    Register::R11L,
    Register::R12L,
    Register::R13L,
    Register::R14L,
    Register::R15L,
];
const HIGH_BYTES: [Register; 4] = [Register::AH, Register::CH, Register::DH, Register::BH];

fn register(rng: &mut Rng, bits: u32, same: Option<u32>) -> Register {
    let n = same.unwrap_or_else(|| rng.below(16) as u32);
    match bits {
        8 if rng.one_in(3) => rng.pick(&HIGH_BYTES),
        8 => LOW_BYTES[n as usize],
        16 => Register::AX + n,
        32 => Register::EAX + n,
        _ => Register::RAX + n,
    }
}

/// Interesting immediates.
fn immediate(rng: &mut Rng) -> u64 {
    match rng.below(4) {
        0 => rng.pick(&[0, 1, 2, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0x7fff_ffff, 0x8000_0000, u64::MAX, u64::MAX - 1]),
        1 => rng.below(70),
        _ => rng.next(),
    }
}

/// Where a memory operand is to lie, relative to the data.
pub fn data_offset(rng: &mut Rng) -> u64 {
    match rng.below(12) {
        0 => (rng.below(6) * 0x1000).wrapping_sub(rng.below(16)),
        1 => rng.below(DATA_BYTES as u64 + 0x1000),
        2 => rng.below(5) * 0x1000,
        _ => rng.below(0x3fe0),
    }
}

/// An encoding with random operands. `None` if they do not go together; try again.
pub fn instruction(code: Code, rng: &mut Rng, rig: &Rig, memory: bool) -> Option<Instruction> {
    let info = code.op_code();
    let mut insn = Instruction::default();
    insn.set_code(code);
    let same = rng.one_in(5).then(|| rng.below(16) as u32);
    for n in 0..info.op_count() {
        let kind = info.op_kind(n);
        let bits = match kind {
            Kind::r8_or_mem | Kind::r8_reg | Kind::r8_opcode => 8,
            Kind::r16_or_mem | Kind::r16_reg | Kind::r16_opcode | Kind::r16_rm | Kind::r16_reg_mem => 16,
            Kind::r32_or_mem | Kind::r32_reg | Kind::r32_vvvv | Kind::r32_opcode | Kind::r32_rm | Kind::r32_reg_mem => {
                32
            }
            _ => 64,
        };
        let reg = |insn: &mut Instruction, r| {
            insn.set_op_kind(n, OpKind::Register);
            insn.set_op_register(n, r);
        };
        let imm = immediate(rng);
        match kind {
            Kind::r8_or_mem | Kind::r16_or_mem | Kind::r32_or_mem | Kind::r64_or_mem if !memory => {
                reg(&mut insn, register(rng, bits, same));
            }
            Kind::r8_or_mem | Kind::r16_or_mem | Kind::r32_or_mem | Kind::r64_or_mem | Kind::mem => {
                insn.set_op_kind(n, OpKind::Memory);
                address(&mut insn, rng, rig);
            }
            Kind::mem_offs => {
                insn.set_op_kind(n, OpKind::Memory);
                insn.set_memory_displ_size(8);
                insn.set_memory_displacement64(rig.data_address().wrapping_add(data_offset(rng)));
            }
            Kind::r8_reg | Kind::r8_opcode => reg(&mut insn, register(rng, 8, same)),
            Kind::r16_reg | Kind::r16_opcode | Kind::r16_rm | Kind::r16_reg_mem => {
                reg(&mut insn, register(rng, 16, same))
            }
            Kind::r32_vvvv => reg(&mut insn, register(rng, 32, same)),
            Kind::r64_vvvv => reg(&mut insn, register(rng, 64, same)),
            Kind::fs => reg(&mut insn, Register::FS),
            Kind::gs => reg(&mut insn, Register::GS),
            Kind::dx => reg(&mut insn, Register::DX),
            Kind::seg_reg => {
                reg(&mut insn, rng.pick(&[Register::ES, Register::CS, Register::SS, Register::DS, Register::GS]));
            }
            Kind::cr_reg => reg(&mut insn, Register::CR0 + rng.below(16) as u32),
            Kind::dr_reg => reg(&mut insn, Register::DR0 + rng.below(16) as u32),
            Kind::r32_reg | Kind::r32_opcode | Kind::r32_rm | Kind::r32_reg_mem => {
                reg(&mut insn, register(rng, 32, same))
            }
            Kind::r64_reg | Kind::r64_opcode | Kind::r64_rm | Kind::r64_reg_mem => {
                reg(&mut insn, register(rng, 64, same))
            }
            Kind::al => reg(&mut insn, Register::AL),
            Kind::cl => reg(&mut insn, Register::CL),
            Kind::ax => reg(&mut insn, Register::AX),
            Kind::eax => reg(&mut insn, Register::EAX),
            Kind::rax => reg(&mut insn, Register::RAX),
            // Of ENTER.
            Kind::imm8 if n == 1 && info.op_kind(0) == Kind::imm16 => {
                insn.set_op_kind(n, OpKind::Immediate8_2nd);
                insn.set_immediate8_2nd(if rng.one_in(2) { imm as u8 } else { rng.below(4) as u8 });
            }
            Kind::imm8 => set_immediate(&mut insn, n, OpKind::Immediate8, imm),
            Kind::imm8_const_1 => set_immediate(&mut insn, n, OpKind::Immediate8, 1),
            Kind::imm8sex16 => set_immediate(&mut insn, n, OpKind::Immediate8to16, imm as i8 as u64),
            Kind::imm8sex32 => set_immediate(&mut insn, n, OpKind::Immediate8to32, imm as i8 as u64),
            Kind::imm8sex64 => set_immediate(&mut insn, n, OpKind::Immediate8to64, imm as i8 as u64),
            Kind::imm16 => set_immediate(&mut insn, n, OpKind::Immediate16, imm),
            Kind::imm32 => set_immediate(&mut insn, n, OpKind::Immediate32, imm),
            Kind::imm32sex64 => set_immediate(&mut insn, n, OpKind::Immediate32to64, imm as i32 as u64),
            Kind::imm64 => set_immediate(&mut insn, n, OpKind::Immediate64, imm),
            Kind::seg_rSI | Kind::es_rDI => string_operand(&mut insn, n, kind, same.is_some()),
            Kind::seg_rBX_al => {
                insn.set_op_kind(n, OpKind::Memory);
                insn.set_memory_base(if same.is_some() { Register::EBX } else { Register::RBX });
                insn.set_memory_index(Register::AL);
            }
            Kind::br64_1 | Kind::br64_4 => {
                insn.set_op_kind(n, OpKind::NearBranch64);
                let span = if kind == Kind::br64_1 { 100 } else { 0x2f00 };
                insn.set_near_branch64(rig.code_address() + rng.below(span));
            }
            Kind::br16_1 | Kind::br16_2 => return None, // not in 64-bit mode on Intel processors
            other => panic!("{code:?} has an operand of kind {other:?}"),
        }
    }
    if insn.is_string_instruction() {
        insn.set_has_rep_prefix(rng.one_in(3));
        insn.set_has_repne_prefix(!insn.has_rep_prefix() && rng.one_in(2));
    }
    if info.can_use_lock_prefix() && memory && insn.op0_kind() == OpKind::Memory {
        insn.set_has_lock_prefix(rng.one_in(3));
    }
    if (0..insn.op_count()).any(|n| insn.op_kind(n) == OpKind::Memory) && rng.one_in(10) {
        insn.set_segment_prefix(Register::GS);
    }
    Some(insn)
}

fn set_immediate(insn: &mut Instruction, n: u32, kind: OpKind, value: u64) {
    insn.set_op_kind(n, kind);
    match kind {
        OpKind::Immediate8 => insn.set_immediate8(value as u8),
        OpKind::Immediate16 => insn.set_immediate16(value as u16),
        OpKind::Immediate32 => insn.set_immediate32(value as u32),
        OpKind::Immediate64 => insn.set_immediate64(value),
        OpKind::Immediate8to16 => insn.set_immediate8to16(value as i16),
        OpKind::Immediate8to32 => insn.set_immediate8to32(value as i32),
        OpKind::Immediate8to64 => insn.set_immediate8to64(value as i64),
        _ => insn.set_immediate32to64(value as i64),
    }
}

fn string_operand(insn: &mut Instruction, n: u32, kind: Kind, short: bool) {
    insn.set_op_kind(
        n,
        match (kind, short) {
            (Kind::seg_rSI, false) => OpKind::MemorySegRSI,
            (Kind::seg_rSI, true) => OpKind::MemorySegESI,
            (_, false) => OpKind::MemoryESRDI,
            (_, true) => OpKind::MemoryESEDI,
        },
    );
}

/// A memory operand of any form. Those without registers point to data; registers are aimed later.
fn address(insn: &mut Instruction, rng: &mut Rng, rig: &Rig) {
    let target = rig.data_address().wrapping_add(data_offset(rng));
    let first = if rng.one_in(5) { Register::EAX } else { Register::RAX };
    match rng.below(10) {
        0 => {
            insn.set_memory_base(if first == Register::EAX { Register::EIP } else { Register::RIP });
            insn.set_memory_displ_size(if first == Register::EAX { 4 } else { 8 });
            insn.set_memory_displacement64(target);
            return;
        }
        1 => {
            insn.set_memory_displ_size(if first == Register::EAX { 4 } else { 8 });
            insn.set_memory_displacement64(target);
            return;
        }
        2 => {}
        _ => insn.set_memory_base(first + rng.below(16) as u32),
    }
    if insn.memory_base() == Register::None || rng.one_in(2) {
        let index = rng.below(16) as u32;
        if index != 4 {
            insn.set_memory_index(first + index);
            insn.set_memory_index_scale(1 << rng.below(4));
        }
    }
    if insn.memory_base() == Register::None && insn.memory_index() == Register::None {
        insn.set_memory_base(first);
    }
    match rng.below(3) {
        0 => {}
        1 => {
            insn.set_memory_displ_size(1);
            insn.set_memory_displacement64(rng.next() as i8 as u64);
        }
        _ => {
            insn.set_memory_displ_size(if first == Register::EAX { 4 } else { 8 });
            insn.set_memory_displacement64(rng.next() as i32 as u64);
        }
    }
    if first == Register::EAX {
        insn.set_memory_displacement64(insn.memory_displacement64() & 0xffff_ffff);
    }
}

/// The bytes at `ip`, if the operands go together.
pub fn encode(insn: &Instruction, ip: u64) -> Option<Vec<u8>> {
    let mut encoder = Encoder::new(64);
    encoder.encode(insn, ip).ok()?;
    Some(encoder.take_buffer())
}
