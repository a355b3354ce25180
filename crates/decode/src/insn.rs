//! One decoded instruction.

use crate::info::info;
use crate::{MAX_INSN_BYTES, Operand, features};
use arch::{Features, InstrInfo};
use iced_x86::{Code, Decoder, DecoderError, DecoderOptions, FlowControl, Instruction, Mnemonic};

/// A repeat prefix that has a meaning for the instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rep {
    /// None.
    No,
    /// F3H: REP, REPE.
    Repe,
    /// F2H: REPNE.
    Repne,
}

/// Why there is no instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DecodeError {
    /// The bytes end before the instruction does: it may go on in the next page.
    MoreBytes,
    /// The bytes are no instruction: #UD.
    Invalid,
    /// More than 15 bytes: #GP(0) (MMU-155).
    TooLong,
}

/// A decoded instruction. Shape: up to 4 explicit operands, destination first.
#[derive(Clone, Copy, Debug)]
pub struct Insn {
    /// What it does.
    pub mnemonic: Mnemonic,
    /// Which encoding of it.
    pub code: Code,
    /// Explicit operands.
    pub ops: [Operand; 4],
    /// How many of them.
    pub op_count: u8,
    /// Repeat prefix, for string instructions.
    pub rep: Rep,
    /// LOCK prefix.
    pub lock: bool,
    /// Bits of the address size: 64, or 32 with a 67H prefix.
    pub address_bits: u8,
    /// It ends a block: a branch, a system call, anything after which the next instruction is not simply next.
    pub ends_block: bool,
    /// The opcode as x87 keeps it: bits 2:0 of the first byte and the whole second byte. It has no meaning for others.
    pub x87_opcode: u16,
    /// What a hardware model sees.
    pub info: InstrInfo,
}

impl Insn {
    /// The condition of a Jcc, SETcc or CMOVcc, in its encoding (0 = O to 15 = G).
    #[must_use]
    pub fn condition(&self) -> Option<u8> {
        (self.code.condition_code() as u8).checked_sub(1)
    }

    /// True for a conditional jump on flags.
    #[must_use]
    pub fn is_jcc(&self) -> bool {
        self.code.is_jcc_short_or_near()
    }
}

/// Decodes the instruction at the start of `bytes`, which lies at `page_offset` within its page, as a processor with these
/// features does.
///
/// # Errors
/// [`DecodeError`].
pub fn decode(bytes: &[u8], page_offset: u16, set: Features) -> Result<Insn, DecodeError> {
    let window = &bytes[..bytes.len().min(MAX_INSN_BYTES)];
    let mut raw = Instruction::default();
    match try_decode(window, page_offset, &mut raw, features::options(set)) {
        Ok(()) if !features::has(set, &raw) => return Err(DecodeError::Invalid),
        Err(DecodeError::Invalid) if window.len() == MAX_INSN_BYTES && is_too_long(bytes, page_offset) => {
            return Err(DecodeError::TooLong);
        }
        Err(DecodeError::MoreBytes) if window.len() == MAX_INSN_BYTES => return Err(DecodeError::TooLong),
        Err(DecodeError::MoreBytes) if is_hopeless(window, page_offset) => return Err(DecodeError::Invalid),
        outcome => outcome?,
    }
    Ok(Insn { x87_opcode: x87_opcode(window), ..describe(&raw, page_offset) })
}

fn try_decode(window: &[u8], page_offset: u16, raw: &mut Instruction, options: u32) -> Result<(), DecodeError> {
    let mut decoder = Decoder::with_ip(64, window, u64::from(page_offset), options);
    decoder.decode_out(raw);
    match decoder.last_error() {
        DecoderError::None => Ok(()),
        DecoderError::NoMoreBytes => Err(DecodeError::MoreBytes),
        _ => Err(DecodeError::Invalid),
    }
}

/// The decoder asks for an operand byte where there is none to any opcode. True if no byte that may follow helps, which
/// makes the opcode invalid as it is. A LOCK prefix out of place is judged only with the whole instruction there.
///
/// Behind many prefixes that cannot be told from an instruction that gets too long, and more bytes are asked for.
fn is_hopeless(window: &[u8], page_offset: u16) -> bool {
    const LONGEST_TAIL: usize = 10;
    const OPTIONS: u32 = features::options(Features::all()) | DecoderOptions::NO_INVALID_CHECK;
    // What follows a VEX or EVEX prefix takes more than one byte to judge.
    let vector = window.iter().find(|&&byte| !is_prefix(byte)).is_some_and(|byte| matches!(byte, 0x62 | 0xc4 | 0xc5));
    if vector || window.len() + LONGEST_TAIL > MAX_INSN_BYTES {
        return false;
    }
    let mut longer = [0; MAX_INSN_BYTES];
    longer[..window.len()].copy_from_slice(window);
    (0..=u8::MAX).all(|next| {
        longer[window.len()] = next;
        let end = try_decode(&longer, page_offset, &mut Instruction::default(), OPTIONS);
        end == Err(DecodeError::Invalid)
    })
}

/// The decoder calls both invalid, what is no instruction and what does not end within 15 bytes. Only prefixes make one
/// too long, so the bytes behind the first tell; a LOCK prefix out of place does not matter for the length.
fn is_too_long(bytes: &[u8], page_offset: u16) -> bool {
    const OPTIONS: u32 = features::options(Features::all()) | DecoderOptions::NO_INVALID_CHECK;
    let mut raw = Instruction::default();
    let rest = &bytes[1..bytes.len().min(MAX_INSN_BYTES + 1)];
    match try_decode(rest, page_offset, &mut raw, OPTIONS) {
        _ if !is_prefix(bytes[0]) => false,
        Ok(()) => raw.len() == MAX_INSN_BYTES,
        Err(DecodeError::MoreBytes) => true,
        Err(_) => rest.len() == MAX_INSN_BYTES && is_too_long(rest, page_offset),
    }
}

const fn is_prefix(byte: u8) -> bool {
    matches!(byte, 0x26 | 0x2e | 0x36 | 0x3e | 0x40..=0x4f | 0x64..=0x67 | 0xf0 | 0xf2 | 0xf3)
}

fn describe(raw: &Instruction, page_offset: u16) -> Insn {
    let mut ops = [Operand::Other; 4];
    let op_count = raw.op_count().min(4);
    for n in 0..op_count {
        ops[n as usize] = Operand::new(raw, n);
    }
    let rep = match (raw.has_repne_prefix(), raw.has_rep_prefix()) {
        _ if !raw.is_string_instruction() => Rep::No,
        (true, _) => Rep::Repne,
        (_, true) => Rep::Repe,
        _ => Rep::No,
    };
    Insn {
        mnemonic: raw.mnemonic(),
        code: raw.code(),
        ops,
        op_count: op_count as u8,
        rep,
        lock: raw.has_lock_prefix(),
        address_bits: address_bits(raw),
        ends_block: raw.flow_control() != FlowControl::Next,
        x87_opcode: 0,
        info: info(raw, page_offset),
    }
}

/// The two bytes behind the prefixes, as [`Insn::x87_opcode`] has them.
fn x87_opcode(bytes: &[u8]) -> u16 {
    let opcode = bytes.iter().position(|&byte| !is_prefix(byte)).map_or(&[][..], |at| &bytes[at..]);
    match opcode {
        [first, second, ..] => u16::from(first & 7) << 8 | u16::from(*second),
        _ => 0,
    }
}

/// The address size of string and loop instructions, whose registers are implied.
fn address_bits(raw: &Instruction) -> u8 {
    use iced_x86::OpKind as K;
    let short = |k: K| matches!(k, K::MemorySegESI | K::MemoryESEDI | K::MemorySegEDI);
    let loop32 = matches!(
        raw.code(),
        Code::Loop_rel8_64_ECX | Code::Loope_rel8_64_ECX | Code::Loopne_rel8_64_ECX | Code::Jecxz_rel8_64
    );
    if loop32 || (0..raw.op_count()).any(|n| short(raw.op_kind(n))) { 32 } else { 64 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MemOperand;

    fn one(bytes: &[u8], offset: u16) -> Insn {
        decode(bytes, offset, Features::V3).unwrap()
    }

    #[test]
    fn targets_and_rip_relative_addresses_are_relative_to_the_page() {
        // jmp $-2 at offset 0x10
        assert_eq!(one(&[0xeb, 0xfc], 0x10).ops[0], Operand::Target(0x0e));
        // mov eax, [rip - 0x20] at offset 8 ends at 14
        let insn = one(&[0x8b, 0x05, 0xe0, 0xff, 0xff, 0xff], 8);
        let Operand::Mem(MemOperand { disp, rip_relative, base, .. }) = insn.ops[1] else { panic!() };
        assert_eq!((disp, rip_relative, base), (14 - 0x20, true, None));
    }

    #[test]
    fn hints_of_features_that_are_not_there_are_no_operations() {
        for bytes in [
            &[0xf3, 0x48, 0x0f, 0x1e, 0xc8][..], // rdsspq rax
            &[0xf3, 0x0f, 0x1e, 0xfa],           // endbr64
            &[0x66, 0x0f, 0x1a, 0x00],           // bndmov bnd0, [rax]
            &[0x0f, 0x0d, 0x00],                 // prefetch [rax]
        ] {
            assert_eq!(one(bytes, 0).mnemonic, Mnemonic::Reservednop, "{bytes:02x?}");
        }
    }

    #[test]
    fn the_opcode_of_x87_is_behind_the_prefixes() {
        assert_eq!(one(&[0x66, 0x41, 0xd9, 0x70, 0x08], 0).x87_opcode, 0x170); // fnstenv [r8 + 8]
        assert_eq!(one(&[0xde, 0xf9], 0).x87_opcode, 0x6f9); // fdivp
    }

    #[test]
    fn high_bytes_are_told_from_low_ones() {
        assert_eq!(one(&[0x88, 0xe0], 0).ops[..2], [Operand::Reg8(0), Operand::Reg8High(0)]); // mov al, ah
        assert_eq!(one(&[0x40, 0x88, 0xe0], 0).ops[1], Operand::Reg8(4)); // mov al, spl
    }

    #[test]
    fn mmu_155_sixteen_bytes_are_too_long_and_fifteen_prefixes_need_no_more() {
        assert_eq!(decode(&[0x66; 15], 0, Features::V3).unwrap_err(), DecodeError::TooLong);
        assert_eq!(decode(&[0x66; 14], 0, Features::V3).unwrap_err(), DecodeError::MoreBytes);
        assert_eq!(decode(&[0x06], 0, Features::V3).unwrap_err(), DecodeError::Invalid);
    }

    #[test]
    fn what_a_processor_lacks_is_no_instruction_or_another() {
        let by = |bytes: &[u8], set| decode(bytes, 0, set).map(|insn| insn.mnemonic);
        let avx = [0xc5, 0xf4, 0x58, 0xc2]; // vaddps ymm0, ymm1, ymm2
        assert_eq!(by(&avx, Features::V3), Ok(Mnemonic::Vaddps));
        assert_eq!(by(&avx, Features::V2), Err(DecodeError::Invalid));
        assert_eq!(by(&[0xf3, 0x0f, 0xb8, 0xc1], Features::V1), Err(DecodeError::Invalid)); // popcnt
        for (byte, with, without) in [(0xbc, Mnemonic::Tzcnt, Mnemonic::Bsf), (0xbd, Mnemonic::Lzcnt, Mnemonic::Bsr)] {
            assert_eq!(by(&[0xf3, 0x0f, byte, 0xc1], Features::V3), Ok(with));
            assert_eq!(by(&[0xf3, 0x0f, byte, 0xc1], Features::V2), Ok(without));
        }
        assert_eq!(by(&[0x9f], Features::V1), Err(DecodeError::Invalid)); // lahf
        // vpxord zmm0, zmm0, zmm0; femms; vmcall; clac; xbegin
        for absent in [
            &[0x62, 0xf1, 0x7d, 0x48, 0xef, 0xc0][..],
            &[0x0f, 0x0e],
            &[0x0f, 0x01, 0xc1],
            &[0x0f, 0x01, 0xca],
            &[0xc7, 0xf8, 0, 0, 0, 0],
        ] {
            assert_eq!(by(absent, Features::all()), Err(DecodeError::Invalid), "{absent:02x?}");
        }
    }

    #[test]
    fn a_lock_prefix_out_of_place_is_invalid_and_not_too_long() {
        let mut bytes = [0x90; 15];
        bytes[..3].copy_from_slice(&[0xf0, 0x8b, 0x00]); // lock mov eax, [rax]
        assert_eq!(decode(&bytes, 0, Features::V3).unwrap_err(), DecodeError::Invalid);
    }

    #[test]
    fn an_address_of_32_bits_is_cut() {
        let Operand::Mem(m) = one(&[0x67, 0x8b, 0x40, 0xff], 0).ops[1] else { panic!() };
        assert!(m.addr32 && m.base == Some(0) && m.disp as u32 == u32::MAX);
    }
}
