//! Binding of control transfer and string instructions.

use super::operands::{by_width, finish, immediate};
use super::{gpr, to};
use crate::exec::branch;
use crate::exec::operand::{M, R};
use crate::exec::string::{self, ADDRESS_32, Cmps, Lods, Movs, REPE, REPNE, Scas, Stos};
use crate::op::{Handler, Op};
use crate::state::{FS, GS, ZERO};
use crate::width::{W8, W16, W32, W64};
use decode::{Insn, Mnemonic, Operand, Rep, Segment};
use paging::HardwareModel;

/// Jcc by its condition.
pub(super) fn jcc<H: HardwareModel>(condition: u8) -> Handler<H> {
    macro_rules! table {
        ($($c:literal)*) => { [$(branch::jcc::<H, $c>),*] };
    }
    let table: [Handler<H>; 16] = table!(0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15);
    table[usize::from(condition & 15)]
}

pub(super) fn control<H: HardwareModel>(insn: &Insn, op: &mut Op<H>) -> bool {
    use Mnemonic as N;
    let wide = |target: &Operand| matches!(target, Operand::Reg64(_)) || target.mem().is_some_and(|m| m.size == 8);
    if let Operand::Target(target) = insn.ops[0] {
        op.imm = target as u64;
    } else if insn.mnemonic != N::Ret && !wide(&insn.ops[0]) {
        return false;
    }
    op.src = gpr(&insn.ops[0]).unwrap_or(ZERO);
    let memory = insn.ops[0].mem().is_some();
    let direct = matches!(insn.ops[0], Operand::Target(_));
    let short_counter = if insn.address_bits == 32 { 4 } else { 0 };
    let run: Handler<H> = match (insn.mnemonic, direct, memory) {
        (N::Jmp, true, _) => branch::jmp,
        (N::Jmp, _, false) => branch::jmp_indirect::<H, R>,
        (N::Jmp, _, true) => branch::jmp_indirect::<H, M>,
        (N::Call, true, _) => branch::call,
        (N::Call, _, false) => branch::call_indirect::<H, R>,
        (N::Call, _, true) => branch::call_indirect::<H, M>,
        (N::Ret, ..) => {
            op.imm = immediate(&insn.ops[0]);
            branch::ret
        }
        (N::Jrcxz | N::Jecxz, ..) => {
            op.aux = short_counter;
            branch::jrcxz
        }
        _ => {
            let kind = u8::from(insn.mnemonic == N::Loope) | u8::from(insn.mnemonic == N::Loopne) << 1;
            op.aux = kind | short_counter;
            branch::loop_rcx
        }
    };
    op.stack |= matches!(insn.mnemonic, N::Ret | N::Call) && !memory;
    to(op, run)
}

pub(super) enum StringKind {
    Movs,
    Stos,
    Lods,
    Scas,
    Cmps,
}

pub(super) fn strings<H: HardwareModel>(insn: &Insn, op: &mut Op<H>, kind: StringKind) -> bool {
    // MOVSD and CMPSD are also SSE2 instructions, which have a vector operand.
    if insn.ops.iter().any(|o| matches!(o, Operand::Xmm(_))) {
        return false;
    }
    let Some(size) = insn.ops.iter().find_map(Operand::mem).map(|m| m.size) else { return false };
    op.segment = insn.ops.iter().filter_map(Operand::mem).fold(ZERO, |found, m| match m.segment {
        Segment::Flat => found,
        Segment::Fs => FS,
        Segment::Gs => GS,
    });
    let rep = match insn.rep {
        Rep::No => 0,
        Rep::Repe => REPE,
        Rep::Repne => REPNE,
    };
    op.aux = rep | if insn.address_bits == 32 { ADDRESS_32 } else { 0 };
    let bits = u32::from(size) * 8;
    let run = match kind {
        StringKind::Movs => by_width!(bits, W => string::string::<H, Movs, W>),
        StringKind::Stos => by_width!(bits, W => string::string::<H, Stos, W>),
        StringKind::Lods => by_width!(bits, W => string::string::<H, Lods, W>),
        StringKind::Scas => by_width!(bits, W => string::string::<H, Scas, W>),
        StringKind::Cmps => by_width!(bits, W => string::string::<H, Cmps, W>),
    };
    finish(op, run)
}
